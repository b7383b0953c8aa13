"""The gain and offset between a sharp image and its blurred, noisy counterpart."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import fft

Float64 = npt.NDArray[np.float64]

_SIGMAS_PX = tuple(0.5 * n for n in range(13))
_REACH = 4.0  # standard deviations, where a Gaussian is cut off


def fit_line(target: npt.NDArray[np.float32], given: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Gain and offset that make the best-blurred version of one image equal to another.

    The blur matters: a sharp image fitted directly to its blurred one loses contrast. Gaussians of 0 to 6 px are
    tried; what least squares need of each blurred image is a sum over its cosine transform, which blurring merely
    weights, so that no image is blurred.

    Parameters
    ----------
    target, given : ndarray
        ``(Y, X)``, of one shape and finite.

    Returns
    -------
    tuple of float
        ``given = gain * target + offset``; the gain is 0 if the target is constant.
    """
    sharp, other = (fft.dctn(np.asarray(image, np.float64), norm="ortho") for image in (target, given))
    means = [float(image.mean(dtype=np.float64)) for image in (target, given)]
    sharp[0, 0] = other[0, 0] = 0.0
    power, common = sharp * sharp, sharp * other
    best = 0.0, 0.0
    for sigma in _SIGMAS_PX:
        down, across = (_weights(n, sigma) for n in power.shape)
        variance = float((down * down) @ power @ (across * across))
        covariance = float(down @ common @ across)
        # The residuals' sum of squares is that of the other image less this.
        explained = covariance**2 / variance if variance > 0 else 0.0
        if explained > best[0]:
            best = explained, covariance / variance
    gain = best[1]
    return gain, means[1] - gain * means[0]


@lru_cache(maxsize=64)
def _weights(length: int, sigma: float) -> Float64:
    """What a Gaussian, mirrored at the border, makes of each cosine along an axis."""
    distances = np.arange(1, int(_REACH * sigma + 0.5) + 1)
    kernel = np.exp(-0.5 * (distances / sigma) ** 2) if sigma else np.zeros(0)
    angles = np.pi * np.arange(length)[:, None] * distances / length
    return np.asarray((1 + 2 * np.cos(angles) @ kernel) / (1 + 2 * kernel.sum()), np.float64)
