"""Missing pixels: NaN and infinities are filled for the network and put back afterwards."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

# Up to this many holes are filled one by one; searching the whole plane takes longer than restoring it.
_MOST_HOLES = 2000


def fill_missing(
    block: npt.NDArray[Any], fallback: float
) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_] | None]:
    """Fill NaN and infinite pixels with their nearest finite neighbour.

    Parameters
    ----------
    block : ndarray
        A plane or volume of any type.
    fallback : float
        Value for a block without any finite pixel.

    Returns
    -------
    filled : ndarray
        `block` itself if nothing is missing, else a filled copy.
    missing : ndarray of bool or None
        True at the filled pixels; None if there are none.
    """
    if block.dtype.kind != "f":
        return block, None
    missing = ~np.isfinite(block)
    if not missing.any():
        return block, None
    if missing.all():
        return np.full_like(block, fallback), missing
    holes, count = ndimage.label(missing, structure=np.ones((3,) * block.ndim))
    if count > _MOST_HOLES:
        return block[_nearest_finite(missing)], missing
    filled = block.copy()
    for number, box in enumerate(ndimage.find_objects(holes), 1):
        # A hole's rim is finite and holds the nearest finite pixels of all its pixels.
        around = tuple(slice(max(0, side.start - 1), side.stop + 1) for side in box)
        inside = holes[around] == number
        filled[around][inside] = block[around][_nearest_finite(missing[around])][inside]
    return filled, missing


def _nearest_finite(missing: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.int32], ...]:
    return tuple(ndimage.distance_transform_edt(missing, return_distances=False, return_indices=True))


def enlarge(block: npt.NDArray[Any], scale: int) -> npt.NDArray[Any]:
    """Repeat every pixel `scale` times along each axis."""
    for axis in range(block.ndim):
        block = np.repeat(block, scale, axis=axis) if scale > 1 else block
    return block
