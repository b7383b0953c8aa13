"""The rival that was not chosen: blur from the gradients of edges before and after blurring once more.

At a step edge of blur s the gradients at scales a < b have the ratio ``sqrt((s^2 + b^2) / (s^2 + a^2))``
(S. Zhuo and T. Sim, Pattern Recognition 44 (2011) 1852). The scale a is the smallest at which the strongest tenth
of the edges stands out from the noise.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Plane = npt.NDArray[np.float64]

_SCALES = (1.0, 1.5, 2.0, 3.0, 4.0)
_RATIO = 1.6
_STAND_OUT = 8.0


def edge_blur(plane: Plane) -> float:
    """Median blur in pixels of the strongest edges."""
    even = plane[: plane.shape[0] // 2 * 2, : plane.shape[1] // 2 * 2]
    detail = (even[::2, ::2] - even[1::2, ::2] - even[::2, 1::2] + even[1::2, 1::2]) / 2
    noise = float(np.median(np.abs(detail)) / 0.6745)
    found = np.nan
    for scale in _SCALES:
        fine, ridge = _ridges(plane, scale)
        coarse = ndimage.gaussian_gradient_magnitude(plane, _RATIO * scale)
        if ridge.sum() < 20:
            continue
        ratio = np.maximum((fine[ridge] / coarse[ridge]) ** 2, 1.001)
        variance = ((_RATIO * scale) ** 2 - ratio * scale**2) / (ratio - 1)
        found = float(np.sqrt(max(float(np.median(variance)), 0.0)))
        # Both components of the gradient of white noise have the variance noise^2 / (8 pi a^4).
        if fine[ridge].mean() > _STAND_OUT * noise * np.sqrt(2 / (8 * np.pi)) / scale**2:
            break
    return found


def _ridges(plane: Plane, scale: float) -> tuple[Plane, npt.NDArray[np.bool_]]:
    """Gradient magnitude, and the strongest tenth of the places where it is largest across the edge."""
    along_y = ndimage.gaussian_filter(plane, scale, order=(1, 0))
    along_x = ndimage.gaussian_filter(plane, scale, order=(0, 1))
    size = np.hypot(along_y, along_x)
    y, x = np.indices(plane.shape)
    down, right = (np.rint(part / np.maximum(size, 1e-30)).astype(int) for part in (along_y, along_x))
    ridge = np.ones(plane.shape, dtype=bool)
    for way in (1, -1):
        rows = np.clip(y + way * down, 0, plane.shape[0] - 1)
        columns = np.clip(x + way * right, 0, plane.shape[1] - 1)
        ridge &= size >= size[rows, columns]
    ridge[:8] = ridge[-8:] = ridge[:, :8] = ridge[:, -8:] = False
    if not ridge.any():
        return size, ridge
    return size, ridge & (size > np.quantile(size[ridge], 0.9))
