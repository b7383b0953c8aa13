"""What a camera did, from its own noisy images: offset, gain, read noise and the number of electrons.

Shot noise makes the variance of a pixel grow with its mean:
``variance = (mean - offset) / K + (read_noise / K)^2`` in grey levels, K in electrons a grey level
(J. R. Janesick, Photon Transfer, SPIE Press 2007). A line has two numbers and the camera three: K is one over the
slope, but offset and read noise only follow together, as ``read_noise^2 = K * (offset - zero)`` with the grey level
`zero` at which the line crosses zero. Every choice along it gives the same noise at every grey level.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.estimates.levels import brightest, darkest
from napari_restoration.degradations.estimates.line import (
    Line,
    Points,
    fit_line,
    measure_points,
    unclipped,
    unrounded,
)
from napari_restoration.degradations.estimates.residuals import Samples, as_planes, collect
from napari_restoration.degradations.estimates.still import is_still
from napari_restoration.degradations.estimates.verdict import judge, relative_error
from napari_restoration.degradations.estimates.whiteness import jpeg_grid, noise_correlation

Interval = tuple[float, float]

# With a larger relative standard error not even the order of magnitude of the gain is known.
_LARGEST_ERROR = 1.0


@dataclass(frozen=True, kw_only=True)
class CameraEstimate:
    """A camera as its images tell; intervals hold about 95 %.

    Attributes
    ----------
    offset_adu, offset_interval_adu
        Grey level of darkness. If neither it nor the read noise was given: the darkest level of the images, at most;
        the interval then reaches down to where the line crosses zero (no read noise at all).
    gain_electrons_per_adu, gain_interval
        K; ``None`` where the variance does not grow with the mean. An average of N exposures has N times the K.
    read_noise_electrons, read_noise_interval
        Belongs to the offset: with the darkest level as offset it holds the shot noise of that level, too.
    peak_electrons, peak_interval
        Electrons above the offset at the 99.9th percentile of the image without noise.
    background_electrons
        Electrons above the offset at the darkest level; 0 if that is the offset.
    slope, slope_error, intercept, intercept_error
        The line and its standard errors, grey levels and their squares; rounding (1/12) is taken off.
    noise_sd
        Standard deviation of the noise at the median, in grey levels.
    means, variances
        The points of the line, in grey levels and their squares.
    noise_correlation
        Of neighbouring pixels, 0 for a raw image (see `flaws`); ``None`` if differences in time were used.
    is_temporal
        Whether differences in time were used, which no structure disturbs.
    is_reliable
        Whether nothing was found that spoils the estimate.
    words
        One sentence or more on what limits it and on what was assumed.
    """

    offset_adu: float
    offset_interval_adu: Interval
    gain_electrons_per_adu: float | None
    gain_interval: Interval | None
    read_noise_electrons: float | None
    read_noise_interval: Interval | None
    peak_electrons: float | None
    peak_interval: Interval | None
    background_electrons: float | None
    slope: float
    slope_error: float
    intercept: float
    intercept_error: float
    noise_sd: float
    means: tuple[float, ...]
    variances: tuple[float, ...]
    noise_correlation: float | None
    is_temporal: bool
    is_reliable: bool
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as JSON-ready values."""
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dataclasses.asdict(self).items()
        }


def estimate_camera(
    planes: npt.ArrayLike | Sequence[npt.ArrayLike],
    *,
    offset_adu: float | None = None,
    read_noise_electrons: float | None = None,
) -> CameraEstimate:
    """Estimate offset, gain and read noise from one plane or several of the same camera and settings.

    Parameters
    ----------
    planes : ndarray or sequence of ndarray
        ``(Y, X)``, ``(..., Y, X)`` or a list of planes, raw grey levels of any real type; missing pixels (NaN) are
        left out. Frames of a still scene are recognised and compared in time, which is exact even for an
        undersampled image; other planes are each taken for itself.
    offset_adu : float, optional
        Known grey level of darkness. The read noise then follows from the line.
    read_noise_electrons : float, optional
        Known read noise. The offset then follows; with both, the line has one free number and is surer.

    Raises
    ------
    InputError
        If a plane is smaller than 24 x 24 pixels or without any value, or a known number is impossible.
    """
    _check_known(offset_adu, read_noise_electrons)
    listed = as_planes(planes)
    samples = collect(listed, temporal=is_still(listed))
    every = measure_points(samples)
    points = unclipped(unrounded(every) if samples.is_integer else every)
    dark, bright, middle = darkest(samples), brightest(listed, samples.clipping), _median(samples)
    line, free = _lines(points, offset_adu, read_noise_electrons, dark)
    correlation = None if samples.is_temporal else noise_correlation(samples)
    error = relative_error(line, points, correlation)
    reliable, words = judge(samples, every, points, line, error, correlation, _grid(listed))
    common: dict[str, Any] = {
        "slope": line.slope,
        "slope_error": line.slope_error,
        "intercept": line.intercept,
        "intercept_error": line.intercept_error,
        "noise_sd": math.sqrt(_variance_near(middle, points, line)),
        "means": tuple(float(v) for v in points.mean),
        "variances": tuple(float(v) for v in points.variance),
        "noise_correlation": correlation,
        "is_temporal": samples.is_temporal,
    }
    if line.slope <= 2 * line.slope_error or points.mean.size < 2 or error > _LARGEST_ERROR:
        offset = dark if offset_adu is None else offset_adu
        return CameraEstimate(
            offset_adu=offset, offset_interval_adu=(offset, offset), gain_electrons_per_adu=None,
            gain_interval=None, read_noise_electrons=None, read_noise_interval=None, peak_electrons=None,
            peak_interval=None, background_electrons=None, is_reliable=False, words=words, **common,
        )  # fmt: skip
    levels = _Levels(dark, *bright, rounding=1 / 12 if samples.is_integer else 0.0)
    known = (offset_adu, read_noise_electrons)
    return _with_gain((line, free), error, levels, known, (reliable, words), common)


def noise_sd(plane: npt.ArrayLike) -> float:
    """Standard deviation of the noise, root mean square over all brightnesses.

    Structure is left out as far as it can be, see `residuals`; noise that is correlated between neighbours, after
    smoothing or JPEG, is underestimated.

    Parameters
    ----------
    plane : ndarray
        ``(Y, X)`` of at least 24 x 24 pixels, any real type, NaN left out.

    Returns
    -------
    float
            In the plane's units, with the noise of rounding.
    """
    samples = collect(as_planes([np.asarray(plane)]))
    points = measure_points(samples)
    return math.sqrt(float(np.average(points.variance, weights=points.freedoms)))


def _check_known(offset: float | None, read_noise: float | None) -> None:
    if offset is not None and not math.isfinite(offset):
        raise InputError(f"The known offset is {offset}, but must be a finite grey level.")
    if read_noise is not None and not (math.isfinite(read_noise) and read_noise >= 0):
        raise InputError(f"The known read noise is {read_noise} e-, but must be at least 0 e-.")


@dataclass(frozen=True)
class _Levels:
    dark: float
    bright: float
    bright_error: float
    rounding: float


def _lines(points: Points, offset: float | None, read_noise: float | None, dark: float) -> tuple[Line, Line]:
    """Fit with all that is known - the variance at the offset is that of the read noise, never negative - and freely.

    Without a known offset the darkest level takes its place, as no level lies below the offset.
    """
    free = fit_line(points)
    if offset is not None and read_noise is not None:
        return fit_line(points, (offset, read_noise)), free
    if read_noise is None and free.slope > 0:
        darkest_possible = dark if offset is None else offset
        if free.slope * darkest_possible + free.intercept < 0:
            return fit_line(points, (darkest_possible, 0.0)), free
    return free, free


def _with_gain(
    lines: tuple[Line, Line],
    error: float,
    levels: _Levels,
    known: tuple[float | None, float | None],
    verdict: tuple[bool, str],
    common: dict[str, Any],
) -> CameraEstimate:
    line, free = lines
    offset_adu, read_noise = known
    gain, words = 1 / line.slope, verdict[1]
    zero = -line.intercept / line.slope
    of_zero = 2 * free.error_at(zero) / line.slope
    if offset_adu is not None:
        offset, span = offset_adu, (offset_adu, offset_adu)
    elif read_noise is not None:
        offset = zero + read_noise**2 * line.slope
        span = (offset - of_zero, offset + of_zero)
    else:
        offset, span = levels.dark, (min(levels.dark, zero - of_zero), levels.dark)
        words += (
            f" Offset and read noise follow only together: the darkest level, {offset:.4g}, is taken as offset, which "
            f"can be as low as {span[0]:.4g} with less read noise and the same noise everywhere; give a known offset."
        )
    gains = (gain * math.exp(-2 * error), gain * math.exp(2 * error))
    if read_noise is None:
        read = math.sqrt(max(0.0, gain * (offset - zero)))
        low, high = _read_noise_interval(free, offset, gains, levels.rounding)
        reads = (0.0 if offset_adu is None else min(low, read), max(high, read))
    else:
        read, reads = read_noise, (read_noise, read_noise)
    low, high = levels.bright - 2 * levels.bright_error, levels.bright + 2 * levels.bright_error
    return CameraEstimate(
        offset_adu=offset,
        offset_interval_adu=span,
        gain_electrons_per_adu=gain,
        gain_interval=gains,
        read_noise_electrons=read,
        read_noise_interval=reads,
        peak_electrons=max(0.0, (levels.bright - offset) * gain),
        peak_interval=(max(0.0, (low - span[1]) * gains[0]), max(0.0, (high - span[0]) * gains[1])),
        background_electrons=max(0.0, (levels.dark - offset) * gain),
        is_reliable=verdict[0],
        words=words,
        **common,
    )


def _read_noise_interval(free: Line, offset: float, gains: Interval, rounding: float) -> Interval:
    """Where the read noise lies, from the variance at the offset; below one level squared rounding blurs it as well."""
    variance = free.slope * offset + free.intercept
    spread = 2 * free.error_at(offset) + (rounding if variance < 1 else 0.0)
    low, high = math.sqrt(max(0.0, variance - spread)), math.sqrt(max(0.0, variance + spread))
    return low * gains[0], high * gains[1]


def _grid(planes: Sequence[npt.NDArray[Any]]) -> float:
    """The clearest grid of JPEG blocks in the first, middle and last plane; missing pixels hide it."""
    looked_at = (planes[i] for i in {0, len(planes) // 2, len(planes) - 1})
    return max((jpeg_grid(plane) for plane in looked_at if np.isfinite(plane).all()), default=0.0)


def _median(samples: Samples) -> float:
    return samples.common + float(np.median(samples.level))


def _variance_near(level: float, points: Points, line: Line) -> float:
    return line.variance_at(level) or float(points.variance[np.argmin(np.abs(points.mean - level))])
