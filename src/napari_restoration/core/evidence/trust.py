"""The combined map, ``T = min(q_data, q_null, q_unc, q_ens)``, which part decides, and how much of an image it marks.

T is for finding places to look at. It never takes the place of its parts: each has a scale of its own, and a low T
says nothing about why without `Trust.cause`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence.planes import Mask, Plane, as_plane
from napari_restoration.core.nonfinite import enlarge

PARTS = ("data", "null", "uncertainty", "disagreement")
"""The qualities that can be combined, by name, in the order in which `Trust.cause` numbers them."""

NO_CAUSE = 255
"""`Trust.cause` of missing pixels."""

THRESHOLD = 0.05
"""Trust below which a place is marked; for data consistency alone, one pixel in twenty is by chance."""


@dataclass(frozen=True, eq=False)
class Trust:
    """The combined map.

    Attributes
    ----------
    trust : ndarray
        ``(Y, X)``, float32 in [0, 1]: the least of the qualities. NaN where one of them is.
    cause : ndarray
        ``(Y, X)``, uint8: place in `parts` of the quality that decides; `NO_CAUSE` where trust is NaN.
    parts : tuple of str
        The qualities that went in.
    """

    trust: Plane
    cause: npt.NDArray[np.uint8]
    parts: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """How much of an image is below a threshold; shares are of finite pixels, in [0, 1].

    Attributes
    ----------
    threshold : float
        Pixels with less trust are marked.
    share : float
        Marked pixels of all.
    structure_share : float
        Marked pixels of those with structure; NaN if there is none.
    background_share : float
        Marked pixels of the empty background; NaN if there is none.
    structure : float
        Pixels with structure of all.
    missing : float
        Pixels without a value, of all pixels of the plane.
    by_cause : Mapping of str to float
        Marked pixels of all, by the quality that decides; they add up to `share`.
    """

    threshold: float
    share: float
    structure_share: float
    background_share: float
    structure: float
    missing: float
    by_cause: Mapping[str, float]


def combine(qualities: Mapping[str, npt.ArrayLike]) -> Trust:
    """Take the least of several qualities.

    Parameters
    ----------
    qualities : Mapping of str to array-like
        Some of `PARTS` to planes in [0, 1]. They may lie on grids that differ by a whole factor, such as those of a raw
        image and its restoration with twice the pixels: the coarser one's pixels are repeated.

    Returns
    -------
    Trust
        On the finest grid.

    Raises
    ------
    InputError
        If there is none, a name is unknown, a value is outside [0, 1], or grids do not fit.
    """
    unknown = sorted(set(qualities) - set(PARTS))
    if unknown or not qualities:
        found = f"{unknown[0]!r} is none of them" if unknown else "there is none"
        raise InputError(f"Trust is combined from the qualities {', '.join(PARTS)}, but {found}.")
    names = tuple(name for name in PARTS if name in qualities)
    planes = [as_plane(f"quality {name!r}", qualities[name]) for name in names]
    for name, plane in zip(names, planes, strict=True):
        if (plane < 0).any() or (plane > 1).any():
            limits = f"{float(np.nanmin(plane)):g} to {float(np.nanmax(plane)):g}"
            raise InputError(f"The quality {name!r} goes from {limits}: qualities lie between 0 and 1.")
    shape = max((plane.shape for plane in planes), key=lambda sides: sides[0] * sides[1])
    stack = np.stack([_on_grid(name, plane, shape) for name, plane in zip(names, planes, strict=True)])
    missing = np.isnan(stack).any(axis=0)
    cause = np.argmin(stack, axis=0).astype(np.uint8)
    cause[missing] = NO_CAUSE
    return Trust(stack.min(axis=0), cause, names)


def summarise(trust: Trust, structure: Mask, threshold: float = THRESHOLD) -> Summary:
    """Count marked pixels, structure apart from empty background.

    Parameters
    ----------
    trust : Trust
        See `combine`.
    structure : ndarray of bool
        ``(Y, X)`` as the map, or coarser by a whole factor; see `structure_mask`.
    threshold : float
        In [0, 1].

    Raises
    ------
    InputError
        If the mask does not fit, the threshold is out of range, or no pixel has a value.
    """
    if not 0 <= threshold <= 1:
        raise InputError(f"The threshold is {threshold}: give a number between 0 and 1.")
    mask: Mask = _on_grid("structure", np.asarray(structure, dtype=bool), trust.trust.shape)
    known = np.isfinite(trust.trust)
    if not known.any():
        raise InputError("The trust map has no finite pixel: there is nothing to sum up.")
    marked = known & (trust.trust < threshold)
    total = int(known.sum())

    def share(of: Mask) -> float:
        count = int(np.count_nonzero(known & of))
        return float(np.count_nonzero(marked & of)) / count if count else float("nan")

    return Summary(
        threshold=threshold,
        share=share(known),
        structure_share=share(mask),
        background_share=share(~mask),
        structure=float(np.count_nonzero(known & mask)) / total,
        missing=1 - total / known.size,
        by_cause={
            name: float(np.count_nonzero(marked & (trust.cause == number))) / total
            for number, name in enumerate(trust.parts)
        },
    )


def _on_grid(name: str, plane: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[Any]:
    factor = max(1, round(shape[0] / plane.shape[0])) if plane.ndim == 2 and plane.shape[0] else 1
    if plane.ndim != 2 or tuple(side * factor for side in plane.shape) != tuple(shape):
        raise InputError(
            f"{name!r} has shape {plane.shape}, the finest map {tuple(shape)}: "
            "grids may differ by a whole factor only."
        )
    return enlarge(plane, factor)
