"""Batch norms adapted to other intensities: running statistics move to new images, weights stay, and it can be undone.

Source: "TEM image restoration from fast image streams", which adapts a network to another distribution of
intensities by about 20 forward passes.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Progress, Task, run
from napari_restoration.models.loader import RestorationModel

PASSES = 20


class Adaptation:
    """Adapts the batch norms of a loaded model; `undo` gives back exactly what was there before.

    A model that others use as well is left adapted for no longer than one prediction: call `set_aside` after
    `adapt`, and then `predict` of the adaptation instead of the model's.

    Parameters
    ----------
    model : RestorationModel

    Attributes
    ----------
    images : int
        How many it was last adapted to.

    Raises
    ------
    InputError
        If the network has no batch norms with running statistics.
    """

    def __init__(self, model: RestorationModel) -> None:
        self._model = model
        self._norms = [
            module
            for module in model.network.modules()
            if isinstance(module, _BatchNorm) and module.running_mean is not None
        ]
        if not self._norms:
            raise InputError(
                f"The model {model.card.id!r} has no batch norms: there is nothing to adapt to other intensities."
            )
        self._before = [_statistics(norm) for norm in self._norms]
        self._after = self._before
        self.images = 0

    def adapt(
        self, batches: Sequence[NDArray[np.float32]], *, passes: int = PASSES, exact: bool = False
    ) -> None:
        """Adapt at once; see `iter_adapt`."""
        run(self.iter_adapt(batches, passes=passes, exact=exact))

    def iter_adapt(
        self, batches: Sequence[NDArray[np.float32]], *, passes: int = PASSES, exact: bool = False
    ) -> Task[None]:
        """Run the network on new images, with nothing but batch norms in training mode.

        Parameters
        ----------
        batches : sequence of ndarray
            Normalised inputs as of `RestorationModel.predict`; repeated until there were enough passes.
        passes : int
            Forward passes. By the momentum 0.1 of the norms, 20 replace ``1 - 0.9^20 = 88 %`` of the statistics.
        exact : bool
            Forget the old statistics and take the plain mean over all passes instead.

        Yields
        ------
        Progress
            After each pass. Whoever stops here, or meets an error, finds the model as it was.

        Raises
        ------
        InputError
            If there are no images, or a number of passes below 1.
        """
        if not batches:
            raise InputError("Adapting to other intensities needs one image at least.")
        if passes < 1:
            raise InputError(f"The number of passes is {passes} but must be at least 1.")
        self.images = min(len(batches), passes)
        momenta = [norm.momentum for norm in self._norms]
        try:
            for norm in self._norms:
                norm.train()
                if exact:
                    norm.reset_running_stats()
                    norm.momentum = None  # the plain mean
            for number in range(passes):
                self._model.predict(batches[number % len(batches)])
                yield Progress(done=number + 1, total=passes)
            if not all(bool(torch.isfinite(t).all()) for norm in self._norms for t in _statistics(norm)):
                raise InputError(
                    "The images to adapt to hold values that are not finite; replace them first."
                )
        except BaseException:
            self.undo()
            raise
        finally:
            for norm, momentum in zip(self._norms, momenta, strict=True):
                norm.momentum = momentum
                norm.eval()

    def undo(self) -> None:
        """Give the network back the statistics that it had when this adaptation was made."""
        self._put(self._before)

    def set_aside(self) -> None:
        """Undo, but remember the adapted statistics for `predict`."""
        self._after = [_statistics(norm) for norm in self._norms]
        self.undo()

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run the model with the statistics that were set aside; it is as before when this returns or raises."""
        with self._applied():
            return self._model.predict(batch)

    @contextmanager
    def _applied(self) -> Generator[None, None, None]:
        self._put(self._after)
        try:
            yield
        finally:
            self.undo()

    @torch.no_grad()
    def _put(self, statistics: Sequence[Sequence[Tensor]]) -> None:
        for norm, kept in zip(self._norms, statistics, strict=True):
            for buffer, value in zip(_buffers(norm), kept, strict=True):
                buffer.copy_(value)


def _buffers(norm: nn.Module) -> list[Tensor]:
    return [buffer for _, buffer in sorted(norm.named_buffers())]


def _statistics(norm: nn.Module) -> list[Tensor]:
    return [buffer.clone() for buffer in _buffers(norm)]
