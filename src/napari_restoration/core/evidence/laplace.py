"""What a network says about its own error: intervals from a Laplace scale, calibration, coverage, and a quality.

A probabilistic network gives each pixel a Laplace distribution, ``p(t) = exp(-|t - mu| / b) / (2 b)``. The scale b was
learnt on training images: it means what it says only for images like those, which calibration and coverage on held-out
pairs measure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence.planes import Plane, as_plane, display_range, same_shape

LEVELS = (*(round(0.05 * step, 2) for step in range(1, 20)), 0.99)
"""Nominal probabilities of `coverage_curve`."""

_PROBABILITY_OF_WIDTH = 0.95

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Coverage:
    """How often the truth lies in intervals that promise to hold it.

    Attributes
    ----------
    nominal : ndarray
        ``(K,)``: promised probabilities.
    covered : ndarray
        ``(K,)``: share of the pixels whose truth lies within. Above nominal the network is too careful, below too sure.
    count : int
        Pixels that were looked at. They are not independent: neighbours err together.
    """

    nominal: Float64
    covered: Float64
    count: int

    @property
    def largest_gap(self) -> float:
        """Largest distance between promise and truth."""
        return float(np.max(np.abs(self.covered - self.nominal)))


def standard_deviation(scale: npt.ArrayLike) -> npt.NDArray[np.floating]:
    """Standard deviation of a Laplace distribution, ``sqrt(2) b``; any shape."""
    values = np.asarray(scale)
    return np.asarray(np.sqrt(values.dtype.type(2) if values.dtype.kind == "f" else 2.0) * values)


def half_width(scale: npt.ArrayLike, probability: float) -> npt.NDArray[np.floating]:
    """Half the width of the central interval that holds a probability, ``b ln(1 / (1 - p))``.

    Parameters
    ----------
    scale : array-like
        b, any shape.
    probability : float
        In [0, 1). 0.5 gives 0.693 b, 0.95 gives 2.996 b.

    Raises
    ------
    InputError
        If the probability is out of range.
    """
    if not 0 <= probability < 1:
        raise InputError(f"The interval's probability is {probability}: give 0 or more and less than 1.")
    values = np.asarray(scale)
    factor = -np.log1p(-probability)
    return np.asarray(values * (values.dtype.type(factor) if values.dtype.kind == "f" else factor))


def interval(
    mean: npt.ArrayLike, scale: npt.ArrayLike, probability: float
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]:
    """Lower and upper end of the central interval, ``mu -/+ b ln(1 / (1 - p))``; see `half_width`."""
    half = half_width(scale, probability)
    return np.asarray(mean) - half, np.asarray(mean) + half


def calibration_factor(error: npt.ArrayLike, scale: npt.ArrayLike) -> float:
    """Return the factor that makes scales fit errors on held-out images, ``s = mean(|e| / b)``.

    It is the best factor by likelihood: with ``s b`` in place of b the mean of ``|e| / (s b)`` is 1.

    Parameters
    ----------
    error, scale : array-like
        Restoration minus truth, and b > 0; any shape but the same. Pixels where one is not finite are left out.

    Returns
    -------
    float
        Above 1 if the network is too sure of itself.

    Raises
    ------
    InputError
        If shapes differ, a scale is not positive, or no pixel is finite.
    """
    e, b = _pairs(error, scale)
    return float(np.mean(np.abs(e) / b))


def coverage_curve(
    error: npt.ArrayLike, scale: npt.ArrayLike, levels: tuple[float, ...] = LEVELS
) -> Coverage:
    """Count how often the truth lies in the central intervals.

    Parameters
    ----------
    error, scale : array-like
        Restoration minus truth, and b > 0, calibrated or not; any shape but the same.
    levels : tuple of float
        Nominal probabilities in [0, 1).

    Raises
    ------
    InputError
        As `calibration_factor`; or if a level is out of range.
    """
    e, b = _pairs(error, scale)
    # |e| / b is exponential, so that each pixel's probability level follows without a search.
    reached = np.sort(-np.expm1(-np.abs(e) / b))
    limits = [float(1 - np.exp(-half_width(1.0, level))) for level in levels]
    covered = np.searchsorted(reached, limits, side="right") / reached.size
    return Coverage(np.asarray(levels, dtype=np.float64), np.asarray(covered), int(reached.size))


def certainty(mean: npt.ArrayLike, scale: npt.ArrayLike) -> Plane:
    """Return q_unc: 1 less the width of the 95 % interval as a share of the contrast the image is shown with.

    ``q = 1 - min(1, width95 / (P99.8 - P2 of mu))``, ``width95 = 2 * 2.996 b``.

    Parameters
    ----------
    mean, scale : array-like
        mu and b >= 0 of one plane, ``(Y, X)``; b calibrated.

    Returns
    -------
    ndarray
        ``(Y, X)``, float32 in [0, 1]; NaN where mu or b is not finite. Without contrast it is 0, or 1 where b is 0.

    Raises
    ------
    InputError
        If shapes differ or a scale is negative.
    """
    mu, b = as_plane("restored image", mean), as_plane("Laplace scale", scale)
    same_shape(("restored image", "Laplace scale"), mu, b)
    if (b < 0).any():
        raise InputError(f"The Laplace scale goes down to {float(np.nanmin(b)):g}: it cannot be negative.")
    width = 2 * half_width(b, _PROBABILITY_OF_WIDTH)
    contrast = display_range(mu)
    if contrast > 0:
        share = np.minimum(1, width / np.float32(contrast))
    else:
        share = np.where(width > 0, 1, width)
    quality = np.asarray(1 - share, dtype=np.float32)
    quality[~(np.isfinite(mu) & np.isfinite(b))] = np.nan
    return quality


def _pairs(error: npt.ArrayLike, scale: npt.ArrayLike) -> tuple[Float64, Float64]:
    e, b = np.asarray(error, dtype=np.float64), np.asarray(scale, dtype=np.float64)
    same_shape(("error", "Laplace scale"), e, b)
    known = np.isfinite(e) & np.isfinite(b)
    if not known.any():
        raise InputError("No pixel has both an error and a Laplace scale: there is nothing to calibrate.")
    if (b[known] <= 0).any():
        raise InputError(f"The Laplace scale goes down to {float(b[known].min()):g}: it must be above 0.")
    return e[known], b[known]
