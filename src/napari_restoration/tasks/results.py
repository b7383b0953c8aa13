"""What restorations hand out while they run and at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, TileDone
from napari_restoration.core.provenance import Provenance
from napari_restoration.tasks.layout import Block


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A restored part of one plane.

    Parameters
    ----------
    values : ndarray
        ``(Y * scale, X * scale)`` of the region, with colour samples last if there are any; NaN (0 for
        integers) where no tile is finished yet.
    region : tuple of slice
        Y and X in input pixels.
    at : mapping of str to int
        Position of the plane along the input's other axes.
    """

    values: npt.NDArray[Any]
    region: tuple[slice, slice]
    at: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class PreviewTile(TileDone):
    """One more tile of a preview; `preview` is the same, growing object every time."""

    preview: Preview


@dataclass(frozen=True, kw_only=True)
class BlockDone(Progress):
    """One plane (or volume) of the result, ``(C, [Z,] Y, X)`` of the result's type."""

    block: Block
    values: npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class RestorationResult:
    """A finished restoration.

    Parameters
    ----------
    image : CalibratedImage
        The restored image with its provenance in ``metadata["provenance"]``.
    provenance : Provenance
        How it was made.
    notices : tuple of str
        What the user must know.
    report : dict
        Figures of the run, as `restore --json` prints them.
    """

    image: CalibratedImage
    provenance: Provenance
    notices: tuple[str, ...]
    report: dict[str, Any]
