"""Pairs that teach nothing: constant images, equal images."""

from __future__ import annotations

import numpy as np

from napari_restoration.training.pairs.glance import bands
from napari_restoration.training.pairs.lazy import LazyPlane
from napari_restoration.training.pairs.stored import Float

_EQUAL = 1e-5  # of the range
# Some rows that differ by so much less than that say that the whole planes do.
_SURELY_DIFFERENT = 1e-3


def find_useless(name: str, given: LazyPlane, target: LazyPlane) -> str:
    """Why nothing is learnt from a plane of a pair, one sentence; empty if something is.

    All of a plane is read only if some of its rows do not tell.

    Parameters
    ----------
    name : str
        Of the pair.
    given, target : LazyPlane
        Its planes.
    """
    constant = [word for word, plane in (("input", given), ("target", target)) if _is_constant(plane)]
    if constant:
        return f"{name!r}: its {' and '.join(constant)} is constant or has no finite pixel."
    return f"{name!r}: input and target are equal." if _are_equal(given, target) else ""


def _some(plane: LazyPlane) -> list[Float]:
    return [plane[..., band, :] for band in bands(plane.shape[-2])]


def _is_constant(plane: LazyPlane) -> bool:
    # Missing pixels are filled from their band, so that each is looked at by itself.
    return not (any(np.ptp(band) > 0 for band in _some(plane)) or np.ptp(np.asarray(plane)) > 0)


def _are_equal(given: LazyPlane, target: LazyPlane) -> bool:
    if given.shape != target.shape:
        return False
    one, other = (np.concatenate(_some(plane)) for plane in (given, target))
    if not np.allclose(one, other, rtol=0, atol=_SURELY_DIFFERENT * np.ptp(one)):
        return False
    one, other = np.asarray(given), np.asarray(target)
    return bool(np.allclose(one, other, rtol=0, atol=_EQUAL * np.ptp(one)))
