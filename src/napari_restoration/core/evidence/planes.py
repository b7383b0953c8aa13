"""What the maps of evidence share: planes that were checked, and means over windows that leave out missing pixels."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_restoration.core.errors import InputError

Plane: TypeAlias = npt.NDArray[np.float32]
Mask: TypeAlias = npt.NDArray[np.bool_]

WINDOW = 15
"""Side in pixels of the squares that the maps average over."""


def as_plane(name: str, values: npt.ArrayLike) -> Plane:
    """Return a plane as float32.

    Parameters
    ----------
    name : str
        What the plane is, for the error: "restored image".
    values : array-like
        ``(Y, X)``, real numbers.

    Raises
    ------
    InputError
        If there are not two axes, no pixels, or no real numbers.
    """
    plane = np.asarray(values)
    if plane.ndim != 2 or plane.size == 0:
        raise InputError(
            f"The {name} has shape {plane.shape}, but evidence is gathered plane by plane: give one (Y, X) plane."
        )
    if plane.dtype.kind not in "biuf":
        raise InputError(f"The {name} is of type {plane.dtype}: give real numbers.")
    return plane.astype(np.float32, copy=False)


def same_shape(names: tuple[str, str], first: npt.NDArray[Any], second: npt.NDArray[Any]) -> None:
    """Raise `InputError` unless two planes have one shape."""
    if first.shape != second.shape:
        raise InputError(
            f"The {names[0]} has shape {first.shape}, the {names[1]} {second.shape}: "
            "both must be on the same grid; crop or resample one."
        )


def check_window(window: int) -> None:
    """Raise `InputError` unless a window has an odd side of at least 3 pixels."""
    if window < 3 or window % 2 == 0:
        raise InputError(f"The window is {window} pixels wide: give an odd number of at least 3.")


def local_mean(values: npt.NDArray[Any], valid: Mask, window: int = WINDOW) -> tuple[Plane, Plane]:
    """Mean over the valid pixels of a square around each pixel; squares end at the plane's border.

    Parameters
    ----------
    values : ndarray
        ``(Y, X)``; invalid pixels may hold anything.
    valid : ndarray of bool
        ``(Y, X)``.
    window : int
        Odd side of the square in pixels.

    Returns
    -------
    mean, count : ndarray
        ``(Y, X)``, float32: the mean, and how many pixels it is of. Invalid pixels are NaN in the mean.
    """
    # The filter sums in float64 inside, so that one huge value does not leave rounding errors behind.
    kept = np.where(valid, values, 0).astype(np.float64)
    total = ndimage.uniform_filter(kept, window, mode="constant") * window**2
    count = np.rint(ndimage.uniform_filter(valid.astype(np.float64), window, mode="constant") * window**2)
    mean = np.where(valid, total / np.maximum(count, 1), np.nan)
    return mean.astype(np.float32), count.astype(np.float32)


def coarse_mask(valid: Mask, scale: int) -> Mask:
    """True where all pixels of a block of ``scale x scale`` are."""
    if scale == 1:
        return valid
    height, width = (side // scale for side in valid.shape)
    blocks = valid[: height * scale, : width * scale].reshape(height, scale, width, scale)
    return np.asarray(blocks.all(axis=(1, 3)))


def display_range(plane: Plane) -> float:
    """P99.8 minus P2 of the finite pixels, the contrast that an image is shown with; NaN without any."""
    finite = plane[np.isfinite(plane)]
    if not finite.size:
        return float("nan")
    low, high = np.percentile(finite, (2, 99.8))
    return float(high - low)
