"""The mean-variance line of a camera: bins of equal brightness, their variance, and a robust weighted fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_restoration.degradations.estimates.residuals import Samples
from napari_restoration.degradations.estimates.spread import freedoms_of, robust_scale, within

Float64 = npt.NDArray[np.float64]

_BINS = 48
_QUARTERS = 4
# A bin with a larger share of pixels at the range's ends has lost part of its spread.
MOST_CLIPPED = 0.005
_OUTLIER = 5.0
# Differences in time hold no structure, but bins of an unblurred image mix brightnesses: long tails.
_OUTLIER_IN_TIME = 12.0
# Rounding adds 1/12 from a standard deviation of half a level on.
_WELL_ROUNDED = 0.25
_COUNTED_MISFIT = 1.3
# Counts are stored as they are, or several to a level; a steeper line near zero is read noise that was cut.
_LEVELS_A_COUNT = 1.3


@dataclass(frozen=True, eq=False)
class Points:
    """Bins of equal brightness, ``(B,)`` each.

    Attributes
    ----------
    mean, variance
        Grey levels, grey levels squared.
    freedoms
        Independent pixels behind the variance.
    coarser
        Variance after the second difference over that after the fourth; 1 for white noise.
    all_pixels
        Variance of all pixels of the bin, textured ones included.
    clipped
        Share of pixels at the ends of the range.
    pixels
        All pixels of the bin.
    """

    mean: Float64
    variance: Float64
    freedoms: Float64
    coarser: Float64
    all_pixels: Float64
    clipped: Float64
    pixels: Float64

    def kept(self, which: npt.NDArray[np.bool_]) -> Points:
        """The bins for which `which`, ``(B,)``, is true."""
        return Points(**{name: values[which] for name, values in vars(self).items()})


@dataclass(frozen=True)
class Line:
    """``variance = slope * mean + intercept``, with the covariance of the two and what limits it.

    ``misfit`` is the reduced chi-squared (1: the bins scatter as their numbers of pixels say).
    """

    slope: float
    intercept: float
    slope_error: float
    intercept_error: float
    covariance: float
    misfit: float
    bins: int

    def variance_at(self, mean: float) -> float:
        """Variance on the line, not below zero."""
        return max(0.0, self.slope * mean + self.intercept)

    def error_at(self, mean: float) -> float:
        """Standard error of the variance on the line."""
        squared = self.intercept_error**2 + 2 * mean * self.covariance + (mean * self.slope_error) ** 2
        return float(np.sqrt(max(0.0, squared)))


def measure_points(samples: Samples) -> Points:
    """Sort the pixels into bins by their level and measure the variance of each.

    Structure adds to the variance where neighbouring levels differ. In every bin the pixels are therefore taken in
    quarters of rising activity for as long as the variance does not rise with it.
    """
    bins = _bin_numbers(samples)
    order = np.argsort(bins, kind="stable")
    ends = np.cumsum(np.bincount(bins))
    rows = []
    for first, last in zip(np.concatenate([[0], ends[:-1]]), ends, strict=True):
        if last > first:
            rows.append(_point(samples, order[first:last]))
    columns = np.array(rows, dtype=np.float64).T
    return Points(*columns)


def fit_line(points: Points, known: tuple[float, float] | None = None) -> Line:
    """Fit the line to the bins, those far above it (structure) counting less.

    Weights are ``freedoms / (2 variance^2)`` with the variance of the line itself, so that bins that are low by
    chance do not count more; a bin far off counts in inverse proportion to its distance (Huber), from 2.5 standard
    errors above the line and from 3 below. Errors are scaled by the misfit.

    Parameters
    ----------
    known : (float, float), optional
        Offset in grey levels and read noise in electrons, both known: the slope alone is then fitted.
    """
    slope, intercept = _first_guess(points)
    for _ in range(20):
        model = np.maximum(slope * points.mean + intercept, 0.05 * np.median(points.variance) + 1e-30)
        spread = model * np.sqrt(2 / points.freedoms)
        away = (points.variance - slope * points.mean - intercept) / spread
        scale = max(1.0, 1.4826 * float(np.median(np.abs(away))))
        limit = np.where(away > 0, 2.5, 3.0) * scale
        weights = np.minimum(1.0, limit / np.maximum(np.abs(away), 1e-12)) / spread**2
        slope, intercept, covariance = _weighted(points, weights, known, slope)
    robust = np.minimum(np.abs(away), limit) ** 2
    misfit = float(np.sum(robust) / max(1, points.mean.size - 2))
    covariance = covariance * max(1.0, misfit)
    return Line(
        slope=float(slope),
        intercept=float(intercept),
        slope_error=float(np.sqrt(covariance[0, 0])),
        intercept_error=float(np.sqrt(covariance[1, 1])),
        covariance=float(covariance[0, 1]),
        misfit=misfit,
        bins=points.mean.size,
    )


def unrounded(points: Points) -> Points:
    """Take off the variance of 1/12 that rounding adds, and leave out bins with noise below half a grey level.

    Counted photons are whole by themselves: dark bins of less variance are kept as they are if all lie on a line.
    """
    fine = points.variance >= _WELL_ROUNDED
    taken_off = Points(**{**vars(points), "variance": points.variance - 1 / 12}).kept(fine)
    if fine.all() or (np.count_nonzero(fine) >= 3 and fit_line(points).misfit > _COUNTED_MISFIT):
        return taken_off
    return points


def unclipped(points: Points) -> Points:
    """Leave out bins that the range's ends cut, unless they belong to the line of the others.

    Counts without read noise end at zero without having been cut: their dark bins lie on the line. Read noise cut at
    zero loses variance and gains mean, which bends the line. With fewer than three whole bins all are returned.
    """
    whole = points.clipped <= MOST_CLIPPED
    if whole.all() or np.count_nonzero(whole) < 3:
        return points
    line = fit_line(points.kept(whole))
    joined = points.kept(whole | (points.mean < np.median(points.mean[whole])))
    counted = fit_line(joined)
    agree = abs(counted.slope - line.slope) < 1.5 * (line.slope_error + counted.slope_error)
    counts = counted.misfit < _COUNTED_MISFIT and counted.slope < _LEVELS_A_COUNT
    return joined if agree and counts else points.kept(whole)


def _bin_numbers(samples: Samples) -> npt.NDArray[np.int16]:
    level = samples.level
    low, high = (float(v) for v in np.percentile(level, (0.05, 99.995)))
    if high <= low:
        return np.zeros(level.size, np.int16)
    # Finer at the dark end, where most pixels are.
    place = np.sqrt(np.clip((level - low) / (high - low), 0, 1))
    numbers = np.minimum((place * _BINS).astype(np.int16), _BINS - 1)
    fewest = max(12 * samples.pixels_a_freedom * 2, level.size / 4000)
    return np.asarray(_merged(np.bincount(numbers, minlength=_BINS), fewest)[numbers])


def _merged(counts: npt.NDArray[np.int64], fewest: float) -> npt.NDArray[np.int16]:
    """New numbers of the bins after joining thin ones with darker neighbours, from the bright end."""
    numbers = np.zeros(counts.size, np.int16)
    held, number = 0, 0
    for index in range(counts.size - 1, -1, -1):
        numbers[index] = number
        held += int(counts[index])
        if held >= fewest and counts[:index].sum() >= fewest:
            held, number = 0, number + 1
    return numbers


def _point(samples: Samples, chosen: npt.NDArray[np.intp]) -> tuple[float, ...]:
    residual = samples.residual[chosen]
    outlier = _OUTLIER_IN_TIME if samples.is_temporal else _OUTLIER
    scale = robust_scale(residual, outlier)
    good = np.abs(residual) <= outlier * scale
    chosen, squares = chosen[good], np.square(residual[good], dtype=np.float64)
    everything = float(squares.mean()) if squares.size else 0.0
    used = (
        np.arange(chosen.size) if samples.is_temporal else _quiet(squares, samples.activity[chosen], samples)
    )
    kept, variance = chosen[used], float(squares[used].mean()) if used.size else 0.0
    coarser = np.square(within(samples.coarser[kept], outlier * scale), dtype=np.float64).mean()
    divisor = variance if variance > 0 else 1.0
    return (
        samples.common + float(samples.mean[kept].mean(dtype=np.float64)),
        variance,
        freedoms_of(squares[used], samples.pixels_a_freedom),
        float(coarser) / divisor,
        everything,
        float(samples.clipped[chosen].mean(dtype=np.float64)),
        float(residual.size),
    )


def _quiet(squares: Float64, activity: npt.NDArray[np.float32], samples: Samples) -> npt.NDArray[np.intp]:
    """Pixels of the bin from the quietest quarter on, while the variance does not rise by over 2 standard errors."""
    if squares.size < 40 * samples.pixels_a_freedom:
        return (
            np.arange(squares.size) if squares.size < 4 else np.argsort(activity)[: (squares.size + 1) // 2]
        )
    quarters = np.array_split(np.argsort(activity), _QUARTERS)
    taken = quarters[0]
    for quarter in quarters[1:]:
        variance, further = float(squares[taken].mean()), float(squares[quarter].mean())
        freedoms = 1 / (1 / taken.size + 1 / quarter.size) / samples.pixels_a_freedom
        if further > variance * (1 + 2 * np.sqrt(2 / freedoms)):
            break
        taken = np.concatenate([taken, quarter])
    return taken


def _first_guess(points: Points) -> tuple[float, float]:
    if points.mean.size < 2 or np.ptp(points.mean) == 0:
        return 0.0, float(np.median(points.variance))
    weights = np.sqrt(points.freedoms) / np.maximum(
        points.variance, 1e-3 * np.median(points.variance) + 1e-30
    )
    slope, intercept = np.polyfit(points.mean, points.variance, 1, w=weights)
    return float(slope), float(intercept)


def _weighted(
    points: Points, weights: Float64, known: tuple[float, float] | None, slope: float
) -> tuple[float, float, Float64]:
    if known is not None:
        return _slope_alone(points, weights, known, slope)
    centre = float(np.sum(weights * points.mean) / np.sum(weights))
    apart = points.mean - centre
    spread = max(float(np.sum(weights * apart**2)), 1e-300)
    slope = float(np.sum(weights * apart * points.variance)) / spread
    middle = float(np.sum(weights * points.variance) / np.sum(weights))
    of_slope, of_middle = 1 / spread, 1 / float(np.sum(weights))
    covariance = np.array(
        [[of_slope, -centre * of_slope], [-centre * of_slope, of_middle + centre**2 * of_slope]]
    )
    return slope, middle - slope * centre, covariance


def _slope_alone(
    points: Points, weights: Float64, known: tuple[float, float], slope: float
) -> tuple[float, float, Float64]:
    """One Newton step of ``variance = slope * (mean - offset) + (read_noise * slope)^2`` in the slope."""
    offset, read_noise = known
    gradient = points.mean - offset + 2 * read_noise**2 * slope
    value = slope * (points.mean - offset) + (read_noise * slope) ** 2
    strength = max(float(np.sum(weights * gradient**2)), 1e-300)
    slope = max(slope + float(np.sum(weights * gradient * (points.variance - value))) / strength, 1e-12)
    intercept = -slope * offset + (read_noise * slope) ** 2
    turn = np.array([1.0, -offset + 2 * read_noise**2 * slope])
    return slope, intercept, np.outer(turn, turn) / strength
