"""What the engine needs of a model, and one way to load any: a network, or a classical method without torch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_restoration.models.card import ModelCard
from napari_restoration.models.classical.catalogue import is_classical
from napari_restoration.models.registry import find_card

if TYPE_CHECKING:
    from napari_restoration.models.loader import Precision


class AnyModel(Protocol):
    """A loaded model: `loader.RestorationModel` or `classical.model.ClassicalModel`."""

    notices: list[str]

    @property
    def card(self) -> ModelCard:
        """What is known about it."""

    @property
    def device(self) -> str:
        """Where it runs."""

    @property
    def precision(self) -> str:
        """Its arithmetic."""

    def predict(self, batch: NDArray[np.float32], /) -> NDArray[np.float32]:
        """Restore windows: (N, [T,] C, [Z,] Y, X) -> (N, C', [Z,] Y * scale, X * scale)."""

    def fall_back_to_cpu(self) -> bool:
        """Go on without the accelerator; False if it uses none."""

    def estimate_bytes(self, tile_shape: tuple[int, ...], /) -> int:
        """Memory that one window takes."""


def load_model(model: str | Path, device: str = "auto", precision: Precision = "fp32") -> Any:
    """Load a model by its id or folder.

    Parameters
    ----------
    model
        Id or model folder, see `registry.find_card`.
    device
        "auto" (CUDA, else MPS, else CPU), "cpu", "cuda", "cuda:N" or "mps"; a classical method always runs on the CPU.
    precision
        "fp32"; "bf16" on CPU and CUDA; "fp16" on CUDA. A classical method always uses "fp32".

    Returns
    -------
    RestorationModel or ClassicalModel
        The latter with its default parameters; torch is not imported for it.

    Raises
    ------
    InputError
        A device that is not there, or a precision that it does not have.
    ModelError
        Unknown or damaged model.
    """
    return load_known(find_card(model)[0], model, device, precision)


def load_known(
    card: ModelCard, model: str | Path, device: str = "auto", precision: Precision = "fp32"
) -> Any:
    """Load a model whose card is known already; see `load_model`."""
    if is_classical(card):
        from napari_restoration.models.classical.model import ClassicalModel

        return ClassicalModel(card.id)
    from napari_restoration.models import loader

    return loader.load_model(model, device, precision)
