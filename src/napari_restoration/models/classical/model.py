"""A classical method with the interface of a loaded network."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError, TileTooLarge
from napari_restoration.models.classical.catalogue import METHODS, card_of, classical_cards
from napari_restoration.models.classical.kernels import Kernel, gaussian, width_px
from napari_restoration.models.classical.method import Method

_MOST_FRAMES = 8


class ClassicalModel:
    """A method with its parameters, ready to run on the CPU.

    Parameters
    ----------
    name : str
        The id under which the method is offered.
    method : Method, optional
        With parameters; the defaults if not given.
    kernel : ndarray, optional
        The blur to undo, odd sides, unit sum; needed where the parameters do not describe it by themselves.

    Attributes
    ----------
    card : ModelCard
        With halo and receptive field of these parameters.
    method : Method
        With its parameters.
    notices : list of str
        Sentences a user must see.
    """

    device = "cpu"
    precision = "fp32"

    def __init__(self, name: str, method: Method | None = None, kernel: Kernel | None = None) -> None:
        entry = METHODS[name]
        self.method = entry.method() if method is None else method
        sigma = self.method.own_sigma_px()
        if kernel is None and sigma is None:
            raise InputError(f"{name} needs the blur of its microscope or motion as a kernel.")
        self._kernel: Kernel = np.asarray(gaussian(sigma or 0.0) if kernel is None else kernel, np.float32)
        known = next(card for card in classical_cards() if card.id == name)
        self.card = card_of(
            entry, self.method, width_px(self._kernel), max(self._kernel.shape) // 2, known.scores
        )
        self.notices: list[str] = []

    @property
    def parameters(self) -> dict[str, Any]:
        """Every parameter by name."""
        return self.method.values()

    def predict(self, batch: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Restore normalised windows.

        Parameters
        ----------
        batch
            float32, (N, 1, Y, X), for methods of bursts (N, T, 1, Y, X) with T from 1 to 8.

        Returns
        -------
        ndarray
            float32, (N, 1, Y * scale, X * scale).

        Raises
        ------
        InputError
            A batch of another shape.
        TileTooLarge
            Not enough memory; smaller windows may do.
        """
        burst = self.card.frames is not None
        if batch.ndim != 4 + burst or batch.shape[-3] != 1 or 0 in batch.shape:
            wanted = f"(N, {'T, ' if burst else ''}1, Y, X)"
            raise InputError(f"{self.card.id} takes arrays of shape {wanted}, got {batch.shape}.")
        if burst and batch.shape[1] > _MOST_FRAMES:
            raise InputError(f"{self.card.id} takes at most {_MOST_FRAMES} frames, got {batch.shape[1]}.")
        try:
            planes = (batch.mean(1) if burst else batch)[:, 0]
            restored = np.stack([self.method(plane, self._kernel) for plane in planes])
        except MemoryError as error:
            window = " x ".join(map(str, batch.shape[-2:]))
            raise TileTooLarge(f"A window of {window} pixels does not fit in memory: {error}") from error
        return np.ascontiguousarray(restored[:, None], dtype=np.float32)

    def fall_back_to_cpu(self) -> bool:
        """It is there already."""
        return False

    def estimate_bytes(self, tile_shape: tuple[int, ...]) -> int:
        """Upper estimate of the memory that one window takes, in bytes; `tile_shape` is ([T,] C, Y, X)."""
        sides = [side + 2 * margin for side, margin in zip(tile_shape[-2:], self._kernel.shape, strict=True)]
        frames = tile_shape[0] if len(tile_shape) == 4 else 1
        return int(prod(sides) * (self.method.bytes_a_pixel + 4 * frames))
