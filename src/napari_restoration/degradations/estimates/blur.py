"""How blurred an image is, as the standard deviation of a Gaussian in pixels, without a sharp reference.

What is estimated from one plane is its *whole* softness: of optics, pixels and defocus, and of the sample itself
where its objects have no sharp edges. Two images together tell the blur that one has beyond the other.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.core.registration import estimate_shift
from napari_restoration.core.spectrum import frequencies
from napari_restoration.degradations.estimates.falloff import Falloff, fit_falloff, frequency_bins

SMALLEST_SIDE = 32
# Standard errors on each side of an interval, from one spectrum and from a comparison of two, and the margin added:
# real structure strays from the model. How often the truth lies within is measured in benchmarks/estimates/blur.md.
_STANDARD_ERRORS, _STANDARD_ERRORS_OF_TWO = 2.5, 1.64
_MARGIN_PX, _MARGIN_SHARE = 0.15, 0.05
# Half an interval, without margin, against the blur itself (or 1 px, if it is less) up to which a number is worth
# acting on; and up to which the power strays from the fitted curve, against its expected straying.
_RELIABLE_SPREAD, _RELIABLE_MISFIT = 0.3, 2.0
# Bins of frequency, six an octave, in which the signal must exceed the noise, of one spectrum and of two.
_SIGNAL_BINS, _SIGNAL_BINS_OF_TWO = 8, 5
_MOST_MISSING = 0.2
# Excess kurtosis of the finest detail, of images whose detail is finer than 2 px: structure is sparse and has 1.4 and
# more, grain is Gaussian and has 0. Coarser detail can be Gaussian just because much of it overlaps.
_GRAIN, _GRAIN_PX = 1.0, 2.0
_UNKNOWN_PX = 100.0
# Expected exponent of the power law and its standard deviation; for two images, of the difference of the two.
_EXPONENT, _EXPONENT_LIMITS = (3.0, 0.4), (0.0, 4.0)
_TILT, _TILT_LIMITS = (0.0, 0.2), (-1.0, 1.0)
# Detail (structure of about 2 to 8 px) of the same field correlates well above this, of another field below.
_SAME_FIELD = 0.35
_DETAIL_PX = (2.0, 8.0)

Plane = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class BlurEstimate:
    """A blur width with its interval.

    Attributes
    ----------
    sigma_px
        Standard deviation of the Gaussian that takes as much from the fine frequencies, in pixels; 0 if none is seen.
    low_px, high_px
        Between these the true width is expected.
    is_reliable
        Whether the number is worth acting on.
    words
        One sentence on what was found, or what limits it.
    """

    sigma_px: float
    low_px: float
    high_px: float
    is_reliable: bool
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return asdict(self)


def estimate_blur(plane: npt.NDArray[Any], *, noise_variance: float | None = None) -> BlurEstimate:
    """Estimate the width of the blur in one plane from the fall-off of its power spectrum.

    The finest detail decides: a thick sample of which some part is in focus counts as sharp.

    Parameters
    ----------
    plane : ndarray
        ``(Y, X)`` of any real type; missing pixels are filled.
    noise_variance : float, optional
        Mean variance of the pixel noise, if it is known and the noise is white; else it is read from the finest
        frequencies, which a sharp image fills itself.

    Returns
    -------
    BlurEstimate
        A plane without enough structure gives an unreliable estimate, not an error.

    Raises
    ------
    InputError
        If the plane does not have two axes, or the noise variance is negative.
    """
    if noise_variance is not None and not noise_variance >= 0:
        raise InputError(f"The noise variance is {noise_variance:g}: give 0 or more, or leave it out.")
    found = standardised(plane)
    if isinstance(found, str):
        return _unknown(found)
    ready, scale = found
    bins = frequency_bins(ready)
    # A known variance of zero leaves rounding alone.
    noise = None if noise_variance is None else (max(noise_variance / scale**2, 1e-12), 0.1)
    fit = fit_falloff(bins, exponent=_EXPONENT, limits=_EXPONENT_LIMITS, noise=noise)
    estimate = _judged(fit)
    seen = bins.frequency[fit.signal_share > 0.5]
    fine = len(seen) >= _SIGNAL_BINS and estimate.sigma_px < _GRAIN_PX
    if fine and _sparseness(ready, float(seen[-1])) < _GRAIN:
        words = (
            "The finest detail looks like grain: noise of a processed image (colour camera, JPEG, smoothed) or an "
            "even texture, whose sharpness says nothing about the blur."
        )
        return replace(estimate, low_px=0.0, high_px=_UNKNOWN_PX, is_reliable=False, words=words)
    return estimate


def estimate_blur_between(bad: npt.NDArray[Any], good: npt.NDArray[Any]) -> BlurEstimate:
    """Estimate the blur that a bad image has beyond a good one of a similar sample, at the same pixel size.

    Of different fields the two spectra are compared, which takes their contents to be alike. Where the two show
    the same field, which is found by correlation, the ratio of their cross-spectrum to the power of the good one
    is the transfer function of the blur, without any assumption on the content.

    Parameters
    ----------
    bad, good : ndarray
        ``(Y, X)``, of any intensity scale and not necessarily of one size.

    Returns
    -------
    BlurEstimate
        ``sigma_px`` is that of the extra blur: ``sqrt(bad^2 - good^2)``; 0 where the bad one is not more blurred.

    Raises
    ------
    InputError
        If a plane does not have two axes.
    """
    ready = [standardised(bad), standardised(good)]
    for name, found in zip(("bad", "good"), ready, strict=True):
        if isinstance(found, str):
            return _unknown(f"The {name} image: {found[0].lower()}{found[1:]}")
    planes = [found[0] for found in ready if not isinstance(found, str)]
    side = tuple(min(lengths) for lengths in zip(*(plane.shape for plane in planes), strict=True))
    first, second = (_middle(plane, side) for plane in planes)
    if planes[0].shape == planes[1].shape and _correlation(first, second) > _SAME_FIELD:
        return _between_registered(first, second)
    return _between_spectra(first, second)


def _between_spectra(bad: Plane, good: Plane) -> BlurEstimate:
    bad_bins, good_bins = frequency_bins(bad), frequency_bins(good)
    # Both from the frequency on at which the later one starts.
    common = min(len(bad_bins.power), len(good_bins.power))
    bad_bins, good_bins = (bins.after(len(bins.power) - common) for bins in (bad_bins, good_bins))
    alone = fit_falloff(good_bins, exponent=_EXPONENT, limits=_EXPONENT_LIMITS)
    # Where the good image is noise itself, its fitted signal stands in.
    measured = np.maximum(good_bins.power - alone.noise, 0.0)
    fitted = good_bins.power * alone.signal_share
    template = np.where(alone.signal_share > 0.5, measured, fitted)
    compared = fit_falloff(
        bad_bins, exponent=_TILT, limits=_TILT_LIMITS, template=np.maximum(template, 1e-30)
    )
    words = "From the spectra of two different fields, whose contents are taken to be alike."
    return _judged(compared, words, _STANDARD_ERRORS_OF_TWO, _SIGNAL_BINS_OF_TWO)


def _between_registered(bad: Plane, good: Plane) -> BlurEstimate:
    shift = estimate_shift(good, bad)
    window = np.outer(np.hanning(good.shape[0]), np.hanning(good.shape[1]))
    moved, fixed = (fft.fft2((plane - plane.mean()) * window) for plane in (bad, good))
    along_y, along_x = frequencies((good.shape[0], good.shape[1]))
    turn = np.exp(-2j * np.pi * (along_y * shift[0] + along_x * shift[1]))
    distance = np.hypot(along_y, along_x)
    scale = float(np.sum(window**2))
    noise = [
        fit_falloff(frequency_bins(plane), exponent=_EXPONENT, limits=_EXPONENT_LIMITS).noise * scale
        for plane in (bad, good)
    ]
    ring = np.minimum((distance * 128).astype(int), 64).ravel()
    cells = np.bincount(ring, minlength=65)[1:64]

    def mean(values: Plane) -> Plane:
        return np.bincount(ring, weights=values.ravel(), minlength=65)[1:64] / np.maximum(cells, 1)

    cross = mean((moved * turn * np.conj(fixed)).real)
    bad_power, good_power = mean(np.abs(moved) ** 2), mean(np.abs(fixed) ** 2)
    clean = good_power - noise[1]
    used = (cells > 0) & (clean > 0.3 * good_power) & (np.arange(1, 64) * good.shape[0] > 128 * 2)
    if used.sum() < 4:
        return _unknown("The good image of the same field holds too little structure above its noise.")
    transfer = cross[used] / clean[used]
    # Variance of a mean of cross-products of which one factor is noise in part.
    chance = np.maximum(bad_power[used] * good_power[used] - cross[used] ** 2, 0.0) / clean[used] ** 2
    spread = np.sqrt(chance / (cells[used] / 4) + (0.05 * np.abs(transfer)) ** 2) + 1e-6
    return _gaussian_transfer(mean(distance)[used], transfer, spread)


def _gaussian_transfer(frequency: Plane, transfer: Plane, spread: Plane) -> BlurEstimate:
    """Fit ``c exp(-2 pi^2 s f^2)`` by trying widths; the interval is where chi square, scaled to 1, rises by 4."""
    sigmas = np.linspace(0.0, 16.0, 1601)
    shape = np.exp(-2 * np.pi**2 * np.outer(sigmas**2, frequency**2)) / spread
    data = transfer / spread
    gain = shape @ data / np.sum(shape**2, axis=1)
    chi = np.sum((data - gain[:, None] * shape) ** 2, axis=1)
    chi /= max(1.0, float(chi.min()) / max(1, len(data) - 2))
    inside = sigmas[chi <= chi.min() + 4.0]
    if not gain[chi.argmin()] > 0:
        return _unknown("The two images show the same field with opposite contrast.")
    words = "From the transfer function between two images of the same field."
    return _with_interval(float(sigmas[chi.argmin()]), float(inside[0]), float(inside[-1]), words)


def _judged(
    fit: Falloff, words: str = "", standard_errors: float = _STANDARD_ERRORS, least_bins: int = _SIGNAL_BINS
) -> BlurEstimate:
    if np.sum(fit.signal_share > 0.5) < least_bins:
        return _unknown("Too little structure rises above the noise to tell its blur.")
    half = standard_errors * fit.variance_sd
    low, high = math.sqrt(max(fit.variance - half, 0.0)), math.sqrt(fit.variance + half)
    return _with_interval(math.sqrt(fit.variance), low, high, words, fit.misfit)


def _with_interval(sigma: float, low: float, high: float, words: str, misfit: float = 1.0) -> BlurEstimate:
    narrow = (high - low) / 2 <= _RELIABLE_SPREAD * max(sigma, 1.0)
    margin = _MARGIN_PX + _MARGIN_SHARE * sigma
    low, high = max(0.0, min(low, sigma) - margin), max(high, sigma) + margin
    between = f"between {low:.1f} and {high:.1f} px"
    if not narrow:
        words = f"The blur is only known to lie {between}: too little fine structure rises above the noise. {words}"
    elif misfit > _RELIABLE_MISFIT:
        words = f"The blur may be {sigma:.1f} px, but a texture or a period of the sample itself hides it. {words}"
        low, high = 0.0, _UNKNOWN_PX
    else:
        words = f"The blur is {sigma:.1f} px ({between}). {words}"
    reliable = narrow and misfit <= _RELIABLE_MISFIT
    return BlurEstimate(sigma_px=sigma, low_px=low, high_px=high, is_reliable=reliable, words=words.strip())


def _sparseness(plane: Plane, finest: float) -> float:
    """Excess kurtosis of the detail in the octave below the finest frequency at which there is signal."""
    rows, columns = fft.fftfreq(plane.shape[0])[:, None], fft.rfftfreq(plane.shape[1])[None, :]
    octaves = np.log(np.maximum(np.hypot(rows, columns), 1e-9) / (0.6 * finest))
    band = np.exp(-0.5 * (octaves / 0.35) ** 2)
    detail = fft.irfft2(fft.rfft2(plane) * band, s=plane.shape)
    # The transform takes the border for an edge.
    margin = min(int(1 / finest) + 2, min(plane.shape) // 4)
    inner = detail[margin:-margin, margin:-margin]
    return float(np.mean(inner**4) / max(float(np.mean(inner**2)) ** 2, 1e-300) - 3)


def _unknown(words: str) -> BlurEstimate:
    return BlurEstimate(sigma_px=0.0, low_px=0.0, high_px=_UNKNOWN_PX, is_reliable=False, words=words)


def standardised(plane: npt.NDArray[Any]) -> tuple[Plane, float] | str:
    """The plane without gaps, of variance 1 about 0, with its standard deviation; or why there is none."""
    if plane.ndim != 2:
        raise InputError(
            f"A blur is estimated from a plane (Y, X), but the shape is {plane.shape}: give one plane."
        )
    if min(plane.shape) < SMALLEST_SIDE:
        return f"A plane of {plane.shape[0]} x {plane.shape[1]} px is too small; at least 32 x 32 are needed."
    filled, missing = fill_missing(plane, 0.0)
    if missing is not None and missing.mean() > _MOST_MISSING:
        return f"{100 * missing.mean():.0f} % of the pixels are missing (NaN or infinite)."
    values = filled.astype(np.float64)
    largest = float(np.abs(values).max())
    values = values / (largest or 1.0)
    if np.ptp(values) <= 1e-12:
        return "All pixels have the same value."
    values -= values.mean()
    spread = float(values.std())
    return values / spread, spread * largest


def _middle(plane: Plane, shape: tuple[int, ...]) -> Plane:
    start = [(have - want) // 2 for have, want in zip(plane.shape, shape, strict=True)]
    return plane[start[0] : start[0] + shape[0], start[1] : start[1] + shape[1]]


def _correlation(first: Plane, second: Plane) -> float:
    """Largest correlation of the detail of two planes over all shifts."""
    fine, coarse = _DETAIL_PX
    window = np.outer(np.hanning(first.shape[0]), np.hanning(first.shape[1]))
    parts = []
    for plane in (first, second):
        detail = ndimage.gaussian_filter(plane, fine) - ndimage.gaussian_filter(plane, coarse)
        parts.append(detail * window)
    product = fft.irfft2(fft.rfft2(parts[0]) * np.conj(fft.rfft2(parts[1])), s=first.shape)
    return float(product.max() / (np.linalg.norm(parts[0]) * np.linalg.norm(parts[1]) + 1e-30))
