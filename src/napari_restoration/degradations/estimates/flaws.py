"""What is wrong with a plane before any model sees it: saturation, cut darkness, emptiness, coarse pixels."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, special

from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.core.spectrum import frequencies, power_spectrum
from napari_restoration.degradations.estimates.clipping import find_clipping
from napari_restoration.degradations.estimates.line import measure_points
from napari_restoration.degradations.estimates.residuals import PIXELS_A_FREEDOM, as_planes, collect
from napari_restoration.degradations.estimates.whiteness import (
    correlation_error,
    jpeg_grid,
    mean_square,
    noise_correlation,
    quiet_variance,
)

FALSE_ALARM = 0.01
"""Share of empty planes with white noise that are taken for planes with something in them, as designed."""
_BLOCK = 8
_MOST_SIDE = 1024
# Signal power beyond 0.4 cycles per pixel over that at 0.05 to 0.15, and over the noise there.
_UNDERSAMPLED_SHARE = 0.01
_UNDERSAMPLED_NOISE = 0.5


@dataclass(frozen=True, kw_only=True)
class Flaws:
    """What limits a plane; shares are of the pixels that are not missing.

    Attributes
    ----------
    saturated_share, clipped_dark_share
        Pixels at the brightest and the darkest level, if values pile up there; else 0.
    saturation_level, dark_level
        These levels; ``None`` without a pile-up.
    is_constant
        One value only.
    is_empty
        Nothing but white noise, a slow shading allowed; of empty planes 1 % are missed by design.
    signal_to_noise
        99.9th percentile less the 5th, of means of 3 x 3 pixels, over the noise of a pixel; ``None`` without noise.
    noise_sd
        Standard deviation of the noise in grey levels, root mean square over the quiet parts.
    is_undersampled
        The pixels are too coarse for the image: detail finer than they carry may appear as false detail.
    nyquist_share, nyquist_over_noise
        Signal power at 0.4 to 0.5 cycles a pixel over that at 0.05 to 0.15, and over the noise power. Undersampled:
        above 0.01 and above 0.5.
    jpeg_grid
        How much blocks of 8 x 8 pixels stand out, in standard errors: above 6, the plane was stored as JPEG.
    noise_correlation, noise_correlation_error
        Correlation of the noise of neighbouring pixels, 0 for a raw camera image; ``None`` without noise. Positive
        after smoothing, resampling, demosaicking or JPEG, negative after sharpening; positive, too, where the whole
        plane is full of detail as fine as its pixels. The error is the standard error on a white camera image.
    """

    saturated_share: float
    clipped_dark_share: float
    saturation_level: float | None
    dark_level: float | None
    is_constant: bool
    is_empty: bool
    signal_to_noise: float | None
    noise_sd: float
    is_undersampled: bool
    nyquist_share: float
    nyquist_over_noise: float
    jpeg_grid: float
    noise_correlation: float | None
    noise_correlation_error: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as JSON-ready values."""
        return dataclasses.asdict(self)


def find_flaws(plane: npt.ArrayLike) -> Flaws:
    """Look for what spoils a plane.

    Parameters
    ----------
    plane : ndarray
        ``(Y, X)`` of at least 24 x 24 pixels, any real type, raw grey levels; missing pixels (NaN) are left out. Of
        sides above 1024 pixels the middle is looked at for all but the shares.

    Raises
    ------
    InputError
        If the plane is smaller, not of real numbers, or without any value.
    """
    (image,) = as_planes([np.asarray(plane)])
    clipping = find_clipping([image])
    finite = image[np.isfinite(image)]
    if finite.min() == finite.max():
        return Flaws(
            saturated_share=0.0, clipped_dark_share=0.0, saturation_level=None, dark_level=None, is_constant=True,
            is_empty=True, signal_to_noise=None, noise_sd=0.0, is_undersampled=False, nyquist_share=0.0,
            nyquist_over_noise=0.0, jpeg_grid=0.0, noise_correlation=None,
            noise_correlation_error=None,
        )  # fmt: skip
    part = fill_missing(_middle(image), float(np.median(finite)))[0].astype(np.float64)
    samples = collect([_middle(image)])
    variance = quiet_variance(samples)
    points = measure_points(samples)
    share, over_noise = _near_nyquist(part, float(np.average(points.variance, weights=points.pixels)))
    box = ndimage.uniform_filter(part, 3)
    signal = float(np.percentile(box, 99.9) - np.percentile(box, 5))
    # Less than this is rounding of float32 in the filters.
    has_noise = variance > (1e-5 * float(np.ptp(part))) ** 2
    return Flaws(
        saturated_share=_share(finite >= clipping.high) if clipping.high is not None else 0.0,
        clipped_dark_share=_share(finite <= clipping.low) if clipping.low is not None else 0.0,
        saturation_level=clipping.high,
        dark_level=clipping.low,
        is_constant=False,
        is_empty=has_noise and is_empty(part, mean_square(samples.residual)),
        signal_to_noise=signal / float(np.sqrt(variance)) if has_noise else None,
        noise_sd=float(np.sqrt(variance)),
        is_undersampled=share > _UNDERSAMPLED_SHARE and over_noise > _UNDERSAMPLED_NOISE,
        nyquist_share=share,
        nyquist_over_noise=over_noise,
        jpeg_grid=jpeg_grid(part) if has_noise else 0.0,
        noise_correlation=noise_correlation(samples) if has_noise else None,
        noise_correlation_error=correlation_error(samples) if has_noise else None,
    )


def is_empty(plane: npt.NDArray[np.float64], variance: float) -> bool:
    """Test whether a plane holds more than white noise and a slow shading.

    Two tests share the false-alarm rate of 1 %: whether means over 8 x 8 pixels, less a quadratic shading, vary more
    than noise of the given variance lets them (F test), and whether the largest of Gaussian-weighted means
    (standard deviation 1.5 pixels) lies above what the largest of so many independent ones reaches (Bonferroni;
    the tail is that of a gamma variate of the same skewness).
    """
    height, width = (side - side % _BLOCK for side in plane.shape)
    blocks = (
        plane[:height, :width].reshape(height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).mean(axis=(1, 3))
    )
    shading = _shading(blocks)
    freedoms = blocks.size - 6
    ratio = float(np.sum((blocks - shading) ** 2)) / freedoms / (variance / _BLOCK**2)
    if ratio > special.fdtri(freedoms, plane.size / PIXELS_A_FREEDOM, 1 - FALSE_ALARM / 2):
        return False
    return _brightest_spot(plane, shading, variance) <= float(
        special.ndtri(1 - FALSE_ALARM / 2 / (plane.size / 4))
    )


def _brightest_spot(
    plane: npt.NDArray[np.float64], shading: npt.NDArray[np.float64], variance: float
) -> float:
    """Largest Gaussian-weighted mean, in standard deviations of a normal variate that is as rare."""
    flat = plane - ndimage.zoom(
        shading, (plane.shape[0] / shading.shape[0], plane.shape[1] / shading.shape[1]), order=1
    )
    # A hot pixel is no spot: single pixels are limited to five deviations.
    middle = float(np.median(flat))
    limit = 5 * np.sqrt(variance)
    smooth = ndimage.gaussian_filter(np.clip(flat - middle, -limit, limit), 1.5)
    inner = smooth[6:-6, 6:-6]
    scores = (inner - inner.mean()) * np.sqrt(4 * np.pi * 1.5**2 / variance)
    top = float(scores.max())
    # Sums of few counts are skewed, much like a gamma variate; a bright spot is as well, hence the limit.
    skewness = float(np.clip(np.mean(scores**3) / max(float(np.mean(scores**2)), 1e-30) ** 1.5, 0.02, 0.6))
    shape = 4 / skewness**2
    rare = special.gammaincc(shape, max(shape + top * np.sqrt(shape), 0.0))
    return float(-special.ndtri(max(rare, 1e-300)))


def _shading(blocks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Best quadratic surface through the block means."""
    y, x = (np.linspace(-1, 1, side) for side in blocks.shape)
    down, across = (grid.ravel() for grid in np.meshgrid(y, x, indexing="ij"))
    terms = np.stack([np.ones_like(down), down, across, down**2, across**2, down * across], axis=1)
    return np.asarray((terms @ np.linalg.lstsq(terms, blocks.ravel(), rcond=None)[0]).reshape(blocks.shape))


def _near_nyquist(plane: npt.NDArray[np.float64], variance: float) -> tuple[float, float]:
    """Signal power near 0.45 cycles a pixel over that near 0.1, and over the noise power.

    The noise power is that in the corners of the spectrum, or the mean variance of the noise where points as fine as
    pixels reach into the corners.
    """
    power = power_spectrum(plane, segment=min(64, *plane.shape))
    distance = np.hypot(*frequencies((power.shape[0], power.shape[1])))
    fine, coarse, corner = (
        float(np.mean(power[(distance >= low) & (distance < high)]))
        for low, high in ((0.4, 0.5), (0.05, 0.15), (0.62, 0.71))
    )
    floor = min(corner, variance)
    # Neither is known better than to a few percent.
    signal = max(0.0, fine - 1.1 * floor)
    share = signal / (coarse - floor) if coarse > 1.2 * floor else 0.0
    return min(1.0, share), signal / floor if floor > 0 else float(np.finfo(np.float32).max)


def _middle(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
    starts = [max(0, side - _MOST_SIDE) // 2 for side in image.shape]
    part = image[starts[0] : starts[0] + _MOST_SIDE, starts[1] : starts[1] + _MOST_SIDE]
    return part if part.dtype.kind != "f" or np.isfinite(part).any() else image


def _share(chosen: npt.NDArray[np.bool_]) -> float:
    return float(np.mean(chosen))
