"""Whether a mean-variance line can be trusted, and the words for what limits it."""

from __future__ import annotations

import math

import numpy as np

from napari_restoration.degradations.estimates.line import (
    MOST_CLIPPED,
    Line,
    Points,
    fit_line,
)
from napari_restoration.degradations.estimates.residuals import Samples
from napari_restoration.degradations.estimates.whiteness import JPEG_GRID, correlation_error

# Variance after the second differences over that after the fourth, beyond which the noise is not white or fine
# structure is in it: a correlation of 0.13 between neighbours, found by the benchmark.
_MOST_COLOURED = 1.10
_LEAST_COLOURED = 0.90
_MOST_CORRELATED = 0.05
_MOST_MISFIT = 4.0
_MOST_ERROR = 0.15
_FEWEST_BINS = 4
# Median variance of the bins, in grey levels squared, below which rounding is no longer noise like any other.
_ROUNDED = 0.6


def relative_error(line: Line, points: Points, correlation: float | None) -> float:
    """Standard error of the slope as a share of it: that of the fit, and what structure may have added.

    The latter is a quarter of the change when textured pixels are fitted as well, and the excess of the coarser
    differences over the finer ones; a correlation of r lowers the variance by about 3.2 r, of which half is counted.

    Parameters
    ----------
    correlation
        Of the noise of neighbouring pixels; ``None`` for differences in time, which neither structure nor it disturbs.
    """
    if line.slope <= 0:
        return math.inf
    error = line.slope_error / line.slope
    if correlation is None:
        return error
    textured = fit_line(
        Points(**{**vars(points), "variance": np.maximum(points.all_pixels, points.variance)})
    )
    change = min(1.0, abs(textured.slope / line.slope - 1)) / 4
    return math.sqrt(
        error**2 + change**2 + (max(0.0, colour(points) - 1) / 2) ** 2 + (1.6 * correlation) ** 2
    )


def colour(points: Points) -> float:
    """Variance after second differences over that after fourth ones, of all bins; 1 for white noise."""
    return float(np.average(points.coarser, weights=points.freedoms * points.variance + 1e-300))


def judge(
    samples: Samples,
    every: Points,
    points: Points,
    line: Line,
    error: float,
    correlation: float | None,
    grid: float,
) -> tuple[bool, str]:
    """Say whether the gain can be trusted, and why not; `grid` as `jpeg_grid` finds it."""
    reasons = []
    if grid > JPEG_GRID:
        reasons.append("the image was stored as JPEG, which changes its noise")
    if float(np.max(points.variance)) <= 0:
        return False, "The image holds no noise to measure."
    if points.mean.size < _FEWEST_BINS:
        reasons.append("too few grey levels or pixels")
    if line.slope <= 2 * line.slope_error:
        return (
            False,
            "The noise does not grow with the brightness, so the gain cannot be told; the image may be "
            + ("too evenly bright, too small, or its grey levels changed since the camera."),
        )
    if correlation is not None and (
        abs(correlation) > max(_MOST_CORRELATED, 4 * correlation_error(samples))
        or not _LEAST_COLOURED < colour(points) < _MOST_COLOURED
    ):
        reasons.append(
            "neighbouring pixels' noise is correlated (resampling, smoothing, denoising) or the image is full "
            "of detail as fine as its pixels"
        )
    if line.misfit > _MOST_MISFIT:
        reasons.append(
            "variance does not follow a line (structure, or grey levels that are not linear in the light)"
        )
    if samples.is_integer and float(np.median(points.variance)) < _ROUNDED:
        reasons.append("the noise is smaller than the steps of the grey levels")
    if error > _MOST_ERROR:
        reasons.append(f"its standard error is {100 * error:.0f} %")
    if np.count_nonzero(points.clipped <= MOST_CLIPPED) < min(3, points.mean.size):
        reasons.append("black or white may cut off the noise at nearly all brightnesses")
    lost = 1 - float(points.freedoms.sum() / every.freedoms.sum())
    cut = (
        f" {100 * lost:.0f} % of the pixels are cut off at black or white and left out."
        if lost > 0.01
        else ""
    )
    if not reasons:
        source = "differences between frames" if samples.is_temporal else "fine differences between pixels"
        return True, f"The gain is known to {100 * error:.1f} % (standard error) from {source}.{cut}"
    return False, "The gain is not to be trusted: " + "; ".join(reasons) + f".{cut}"
