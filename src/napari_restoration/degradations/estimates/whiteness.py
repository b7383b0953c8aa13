"""Variance and correlation of the noise in the quiet parts of planes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.degradations.estimates.residuals import Samples

# Standard error of the correlation times the root of the number of pixels, measured on white noise.
_CORRELATION_ERROR = 1.4
_QUIET = 0.25
JPEG_GRID = 6.0
"""Above this, `jpeg_grid` has found the blocks of JPEG."""


def quiet_variance(samples: Samples) -> float:
    """Variance of the residual in the quieter half of the pixels, without outliers beyond five deviations."""
    quiet = samples.activity <= np.median(samples.activity)
    return mean_square(samples.residual[quiet])


def mean_square(residual: npt.NDArray[np.float32]) -> float:
    """Mean square without outliers beyond five deviations, such as hot pixels."""
    squares = np.square(residual, dtype=np.float64)
    for _ in range(3):
        squares = squares[squares <= 25 * squares.mean()]
    return float(squares.mean())


def noise_correlation(samples: Samples) -> float:
    """Correlation of the noise between neighbours, from the quietest quarter of the pixels.

    With a correlation of r to the four neighbours (and r^2 diagonally, a separable filter of two or three pixels),
    first differences along both axes have the variance ``(1 - r)^2`` and fourth ones ``(1 - 1.6 r)^2``. Their
    ratio gives r, which is limited to -1 ... 0.6.
    """
    quiet = samples.activity <= np.quantile(samples.activity, _QUIET)
    first, fourth = (
        float(np.mean(np.square(image[quiet], dtype=np.float64)))
        for image in (samples.coarsest, samples.residual)
    )
    ratio = np.sqrt(first / fourth) if fourth > 0 else np.inf
    # ratio = (1 - r) / (1 - 1.6 r), solved for r.
    return float(np.clip((ratio - 1) / (1.6 * ratio - 1), -1.0, 0.6)) if 1.6 * ratio > 1 else -1.0


def correlation_error(samples: Samples) -> float:
    """Standard error of `noise_correlation` on white noise."""
    return _CORRELATION_ERROR / float(np.sqrt(_QUIET * samples.residual.size))


def jpeg_grid(plane: npt.NDArray[Any]) -> float:
    """How much the 8 x 8 blocks of JPEG stand out, in standard errors; hardly above 4 for images that never were JPEG.

    Along each axis, the mean size of third differences is taken for each position modulo 8. At a block's edge it is
    larger than the median of the eight, by more than chance allows and by more than at the five positions that are not
    next to it, which structure lets vary.
    """
    return max(_edges_every_eight(plane), _edges_every_eight(plane.T))


def _edges_every_eight(plane: npt.NDArray[Any]) -> float:
    values = plane.astype(np.float32, copy=False)
    sizes = np.abs(values[:, :-3] - 3 * values[:, 1:-2] + 3 * values[:, 2:-1] - values[:, 3:])
    sizes = np.minimum(sizes, 4 * sizes.mean())
    means = np.array([float(sizes[:, place::8].mean()) for place in range(8)])
    edge = int(np.argmax(means))
    excess = float(means[edge] - np.median(means))
    others = np.abs(means[[(edge + step) % 8 for step in range(2, 7)]] - np.median(means))
    by_chance = float(sizes.std()) / np.sqrt(sizes.size / 8)
    spread = max(by_chance, 2.5 / JPEG_GRID * float(others.max()))
    return float(excess / spread) if spread > 0 else 0.0
