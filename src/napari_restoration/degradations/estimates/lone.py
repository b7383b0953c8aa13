"""Single pixels far above everything else, which no optics makes: hot ones, and those that a cosmic ray hit."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

# Above the brightest neighbour, in ranges between nearly the darkest and nearly the brightest pixel.
_FAR = 10.0
_RANGE_PERCENT = (0.5, 99.9)


def without_lone_pixels(plane: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], int]:
    """Give pixels that stand alone far above all others the median of their neighbours.

    Parameters
    ----------
    plane : ndarray
        ``(Y, X)`` in any real type; missing pixels stay missing.

    Returns
    -------
    plane : ndarray
        Of the same type, the same array if there is no such pixel.
    count : int
        How many there were.
    """
    finite = np.isfinite(plane)
    if not finite.any():
        return plane, 0
    low, high = np.percentile(plane[finite], _RANGE_PERCENT)
    values = np.where(finite, plane, low).astype(np.float64)
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    above = values - ndimage.maximum_filter(values, footprint=ring, mode="mirror")
    lone = finite & (above > _FAR * (high - low)) & (high > low)
    count = int(np.count_nonzero(lone))
    if not count:
        return plane, 0
    median = ndimage.median_filter(values, footprint=ring, mode="mirror")
    return np.where(lone, median.astype(plane.dtype), plane), count
