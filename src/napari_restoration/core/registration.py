"""Sub-pixel registration of the frames of a burst by phase correlation."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

# Shifts are found to 1/20 px, finer than what frames at usual noise allow.
_UPSAMPLING = 20
# White noise correlates at zero shift only by chance, but drowns weak structure; a light blur lifts the latter.
_SMOOTHING_PX = 1.0
# Some shift always fits noise best. Between two planes of mere noise, blurred and windowed as here, correlations
# scatter by 4.9 / sqrt(pixels); a shift counts if its correlation exceeds five times that, which noise never does.
_CHANCE = 5 * 4.9


def estimate_shift(reference: npt.NDArray[Any], moving: npt.NDArray[Any]) -> tuple[float, float]:
    """Find the shift that brings one frame onto another.

    Parameters
    ----------
    reference, moving : ndarray
        Planes ``(Y, X)`` of equal shape, all values finite.

    Returns
    -------
    tuple of float
        Shift along Y and X in pixels, to be given to `shift_plane`. Zero where the two frames have nothing in
        common beyond chance, such as noise without structure, or where their correlation would not improve.
    """
    # scikit-image takes a noticeable part of a second to import; most runs have a single frame.
    from skimage.registration import phase_cross_correlation

    if min(reference.shape) < 8:
        return 0.0, 0.0
    fixed, floating = _prepared(reference), _prepared(moving)
    if not (fixed.any() and floating.any()):
        return 0.0, 0.0
    shift, _, _ = phase_cross_correlation(fixed, floating, upsample_factor=_UPSAMPLING, normalization=None)
    if max(abs(float(step)) for step in shift) > min(reference.shape) / 4:
        return 0.0, 0.0
    moved = ndimage.shift(floating, shift, order=1, mode="nearest")
    agreement = _agreement(fixed, moved)
    if agreement <= _agreement(fixed, floating) or agreement < _CHANCE / np.sqrt(fixed.size):
        return 0.0, 0.0
    return float(shift[0]), float(shift[1])


def shift_plane(plane: npt.NDArray[np.float32], shift: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Move a plane by a sub-pixel shift with cubic splines, mirrored at its border."""
    if shift == (0.0, 0.0):
        return plane
    moved: npt.NDArray[np.float32] = ndimage.shift(plane, shift, order=3, mode="mirror")
    return moved


def _prepared(plane: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    smooth = ndimage.gaussian_filter(np.asarray(plane, dtype=np.float32), _SMOOTHING_PX)
    # Without a window the frame's own edges, which do not move, would pull the peak to zero.
    window = np.outer(np.hanning(plane.shape[0] + 2)[1:-1], np.hanning(plane.shape[1] + 2)[1:-1])
    prepared: npt.NDArray[np.float32] = ((smooth - smooth.mean()) * window).astype(np.float32)
    return prepared


def _agreement(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float:
    return float(np.sum(a * b) / (np.linalg.norm(a) * np.linalg.norm(b) + 1e-20))
