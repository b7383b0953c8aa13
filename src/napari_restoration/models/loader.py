"""Loading a model onto a device and running it on batches of tiles."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from math import prod
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_restoration.core.errors import InputError, ModelError, TileTooLarge
from napari_restoration.core.tiling import round_up
from napari_restoration.models.archs.activations import activation_bytes
from napari_restoration.models.card import ModelCard
from napari_restoration.models.devices import is_out_of_memory, release_memory, resolve_device
from napari_restoration.models.reading import broken_promise, read_network
from napari_restoration.models.registry import find_card

__all__ = ["Precision", "RestorationModel", "load_model", "resolve_device"]

Float = NDArray[np.float32]
Precision = Literal["fp32", "bf16", "fp16"]
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}
_PROBE = (16, 64, 64)  # Z, Y, X
_MOST_FRAMES = 8


class RestorationModel:
    """A card and its network on a device, ready to run.

    Attributes
    ----------
    card
        The model card.
    network
        The network, in evaluation mode.
    device
        Where it runs, as torch names it: "cpu", "cuda:0", "mps".
    precision
        "fp32", "bf16" or "fp16".
    notices
        Sentences a user must see, such as a changed device.
    """

    def __init__(
        self, card: ModelCard, network: nn.Module, *, device: str = "cpu", precision: Precision = "fp32"
    ) -> None:
        self.card = card
        self.device = device
        self.precision: Precision = precision
        self.notices: list[str] = []
        self._memory_format = torch.channels_last if card.ndim == 2 else torch.channels_last_3d
        # Converting a module touches parameters of the format's own number of axes only.
        self.network = network.eval().to(device)
        self.network.to(memory_format=self._memory_format)  # type: ignore[call-overload]
        self._bytes_a_pixel: dict[int, float] = {}

    def predict(self, batch: Float) -> Float:
        """Run the network on normalised windows of any size.

        Parameters
        ----------
        batch
            float32, (N, C, [Z,] Y, X), for burst models (N, T, C, Y, X) with T from 1 to 8. Sizes that are no
            multiples of the card's `size_multiple` are padded at their far ends by reflection and cut again.

        Returns
        -------
        ndarray
            float32, (N, C', [Z,] Y * scale, X * scale) with C' the card's `network_channels`.

        Raises
        ------
        InputError
            A batch of another shape than the model takes.
        TileTooLarge
            Not enough memory on the device; smaller windows may do.
        """
        sides = self._checked_sides(batch)
        problem = ""
        try:
            result = self._forward(_pad_to_multiple(batch, sides, self.card.size_multiple))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            problem = str(error).split("\n")[0] or "out of memory"
        if problem:
            # Outside the handler, so that no traceback keeps the activations alive.
            release_memory(self.device)
            window = " x ".join(map(str, sides))
            raise TileTooLarge(
                f"A window of {window} pixels does not fit in memory of {self.device}: {problem}"
            )
        whole = (slice(None),) * (result.ndim - len(sides))
        kept = tuple(slice(0, side * self.card.scale) for side in sides)
        return np.ascontiguousarray(result[whole + kept])

    def fall_back_to_cpu(self) -> bool:
        """Go on without the accelerator; False if the model is on the CPU already."""
        if self.device == "cpu":
            return False
        notice = f"{self.device} could not be used any more: the CPU does the rest."
        if self.precision == "fp16":
            self.precision = "fp32"
            notice = f"{notice[:-1]}, in fp32."
        lost, self.device = self.device, "cpu"
        self.network.to("cpu")
        release_memory(lost)
        self.notices.append(notice)
        return True

    def estimate_bytes(self, tile_shape: tuple[int, ...]) -> int:
        """Upper estimate of the memory that one window takes beside the weights, in bytes.

        Parameters
        ----------
        tile_shape
            Shape of the window that the network sees, halo included: (T, C, [Z,] Y, X), of which the leading
            axes may be left out (T is then the card's number of frames).
        """
        spatial = tile_shape[-self.card.ndim :]
        given = len(tile_shape) == self.card.ndim + 2
        frames = (tile_shape[0] if given else self.card.frames or 1) if self.card.frames is not None else 0
        multiple = self.card.size_multiple
        if frames not in self._bytes_a_pixel:
            sides = tuple(round_up(side, multiple) for side in _PROBE[-self.card.ndim :])
            shape = (1, *((frames,) if frames else ()), self.card.in_channels, *sides)
            window = torch.zeros(shape, device=self.device)
            self._bytes_a_pixel[frames] = activation_bytes(self.network, window) / prod(sides)
        return int(self._bytes_a_pixel[frames] * prod(round_up(side, multiple) for side in spatial))

    def _checked_sides(self, batch: Float) -> tuple[int, ...]:
        card = self.card
        burst = card.frames is not None
        wanted = f"(N, {'T, ' if burst else ''}{card.in_channels}, {'Z, ' if card.ndim == 3 else ''}Y, X)"
        sides = batch.shape[-card.ndim :]
        good = batch.ndim == card.ndim + 2 + burst and batch.shape[-card.ndim - 1] == card.in_channels
        if not good or 0 in batch.shape:
            raise InputError(f"Model {card.id!r} takes arrays of shape {wanted}, got {batch.shape}.")
        if burst and batch.shape[1] > _MOST_FRAMES:
            raise InputError(f"Model {card.id!r} takes at most {_MOST_FRAMES} frames, got {batch.shape[1]}.")
        return sides

    def _forward(self, batch: Float) -> Float:
        with ExitStack() as stack:
            for context in self._contexts():
                stack.enter_context(context)
            x = torch.from_numpy(batch).to(self.device)
            if x.ndim == self.card.ndim + 2:
                x = x.contiguous(memory_format=self._memory_format)
            out: Tensor = self.network(x)
            result: Float = out.float().contiguous().cpu().numpy()
        return result

    def _contexts(self) -> list[AbstractContextManager[Any]]:
        kind = self.device.split(":")[0]
        contexts: list[AbstractContextManager[Any]] = [torch.inference_mode()]
        if self.precision != "fp32":
            # Sums with the input and the Laplace scale's softplus stay exact where casting the network would not.
            contexts.append(torch.autocast(kind, _AUTOCAST[self.precision]))
        if kind == "cuda":
            # fp32 means fp32: TensorFloat-32 would break the equality of tiles and whole image.
            flags = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
            contexts.append(flags)
        return contexts


def load_model(model: str | Path, device: str = "auto", precision: Precision = "fp32") -> RestorationModel:
    """Load a model, check that it keeps its card's promises, and put it on a device.

    Parameters
    ----------
    model
        Id or model folder, see `registry.find_card`.
    device
        "auto" (CUDA, else MPS, else CPU), "cpu", "cuda", "cuda:N" or "mps".
    precision
        "fp32"; "bf16" on CPU and CUDA; "fp16" on CUDA.

    Raises
    ------
    InputError
        A device that is not there, or a precision that it does not have.
    ModelError
        Unknown model, weights with another hash, that do not fit the architecture or are not finite, or a card
        whose scale or channels are not what the network gives.
    """
    card, path = find_card(model)
    name, notice = resolve_device(device)
    _check_precision(precision, name)
    network = read_network(card, path)
    loaded = RestorationModel(card, network, device=name, precision=precision)
    loaded.notices += [notice] if notice else []
    try:
        _probe(loaded)
    except (RuntimeError, TileTooLarge) as error:
        if device != "auto" or not loaded.fall_back_to_cpu():
            raise ModelError(
                f"Model {card.id!r} does not run on {name}: {error}; choose another device."
            ) from error
        _probe(loaded)
    return loaded


def _check_precision(precision: str, device: str) -> None:
    if precision not in get_args(Precision):
        raise InputError(f"Precision {precision!r} is unknown; known are {', '.join(get_args(Precision))}.")
    kind = device.split(":")[0]
    if (precision == "fp16" and kind != "cuda") or (precision == "bf16" and kind == "mps"):
        raise InputError(
            f"Precision {precision} is not available on {device}; choose fp32 or another device."
        )


def _probe(model: RestorationModel) -> None:
    card = model.card
    frames = () if card.frames is None else (card.frames,)
    shape = (1, *frames, card.in_channels, *_PROBE[-card.ndim :])
    out = model.predict(np.random.default_rng(0).random(shape, dtype=np.float32))
    wanted = (1, card.network_channels, *(side * card.scale for side in _PROBE[-card.ndim :]))
    if out.shape != wanted:
        raise broken_promise(card, "scale and channels", out.shape, wanted)
    if not np.isfinite(out).all():
        raise ModelError(f"Model {card.id!r} gives NaN or infinity for an ordinary image; export it again.")


def _pad_to_multiple(batch: Float, sides: tuple[int, ...], multiple: int) -> Float:
    missing = [-side % multiple for side in sides]
    if any(missing):
        return np.pad(
            batch, [(0, 0)] * (batch.ndim - len(sides)) + [(0, more) for more in missing], mode="reflect"
        )
    # torch takes no read-only memory.
    return np.require(batch, np.float32, ["C", "W"])
