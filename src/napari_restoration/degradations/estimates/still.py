"""Whether planes are frames of a still scene, so that their differences hold noise alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

# Slow differences may have so much more variance than the fast ones of the same noise.
_MOST = 1.15
_FRAMES = 6
# Share of the differences at the steepest pixels that a common shift and fading may explain.
_MOST_EXPLAINED = 0.03


def is_still(planes: Sequence[npt.NDArray[Any]]) -> bool:
    """Compare neighbouring frames: without motion or fading, means over 5 x 5 pixels differ by noise alone.

    The variance of these means, times 25, is that of the noise, which the fast part of the differences gives. Both
    are compared over all pixels and over the brightest 2 %, where motion shows first. A common shift of unblurred
    detail averages out in such means and is looked for by itself. Correlated noise counts as motion, and so do frames
    without any difference.
    """
    if len(planes) < 2 or any(plane.shape != planes[0].shape for plane in planes):
        return False
    pairs = list(pairwise(planes))
    step = max(1, len(pairs) // _FRAMES)
    return all(_pair_is_still(before, after) for before, after in pairs[::step])


def _pair_is_still(before: npt.NDArray[Any], after: npt.NDArray[Any]) -> bool:
    first, second = before.astype(np.float64), after.astype(np.float64)
    difference = second - first
    if not np.isfinite(difference).all():
        return False
    if _explained(first, second) > _MOST_EXPLAINED:
        return False
    fast = ndimage.correlate1d(ndimage.correlate1d(difference, [1, -2, 1], axis=0), [1, -2, 1], axis=1) / 6
    slow = ndimage.uniform_filter(difference, 5)
    level = ndimage.uniform_filter(first + second, 9)
    inside = (slice(4, -4), slice(4, -4))
    fast, slow, level = fast[inside], slow[inside], level[inside]
    for chosen in (np.ones(level.shape, bool), level >= np.percentile(level, 98)):
        noise = float(np.mean(fast[chosen] ** 2))
        # With few pixels the ratio scatters by itself.
        freedoms = max(1.0, float(np.count_nonzero(chosen)) / 25)
        if noise <= 0 or 25 * float(np.mean(slow[chosen] ** 2)) > noise * (_MOST + 3 * np.sqrt(2 / freedoms)):
            return False
    return True


def _explained(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    """Share of the squared differences, at the 2 % steepest pixels, that a shift and fading explain."""
    mean = (first + second) / 2
    along_y, along_x = (
        0.5 * ndimage.correlate1d(mean, [-1, 0, 1], axis=axis)[1:-1, 1:-1].ravel() for axis in (0, 1)
    )
    causes = np.stack([along_y, along_x, (mean - np.median(mean))[1:-1, 1:-1].ravel()])
    difference = (second - first)[1:-1, 1:-1].ravel()
    steep = np.hypot(along_y, along_x)
    chosen = steep >= np.percentile(steep, 98)
    # Shot noise: bright pixels are less sure.
    sure = 1 / np.sqrt(1e-3 * np.ptp(mean) + (mean - mean.min())[1:-1, 1:-1].ravel()[chosen])
    causes, difference = causes[:, chosen] * sure, difference[chosen] * sure
    weights = np.linalg.lstsq(causes @ causes.T, causes @ difference, rcond=None)[0]
    total = float(np.sum(difference**2))
    explained = float(np.sum((weights @ causes) ** 2))
    # Three fitted numbers explain as many parts of pure noise, and up to three times as many by chance.
    return explained / total - 9 / difference.size if total > 0 else 0.0
