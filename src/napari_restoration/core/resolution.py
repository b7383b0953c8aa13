"""Resolution by Fourier ring correlation: the finest detail that two images of one specimen have in common.

Frequencies are in cycles per pixel; a resolution is one over a frequency. Sources: W. O. Saxton and W. Baumeister,
J. Microsc. 127 (1982) 127; R. P. J. Nieuwenhuizen et al., Nature Methods 10 (2013) 557 (threshold 1/7); S. Koho et al.,
Nature Communications 10 (2019) 3103 (one image, split like a checkerboard).

Of restorations this is no resolution: a network's experience is common to both halves and correlates them. What comes
out is their consistency, and belongs beside the raw images' own curve.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.core.spectrum import frequencies, radial_mean

Curve = npt.NDArray[np.float64]
Threshold = Literal["1/7", "3 sigma"]

SMALLEST = 32
"""Pixels that a plane needs along both axes."""

# Share of each axis over which the window rises and falls: narrow windows smear sharp cut-offs, wide ones tie
# neighbouring frequencies to each other.
_TAPER = 0.5
# Rings are averaged over so many cycles per pixel before the crossing is looked for.
_SMOOTHING = 0.01
_MOST_ERROR = 0.2
_HIGHEST_LIMIT = 0.25
# The window ties neighbouring cells, so that noise strays more than the number of cells says; measured on noise.
_WINDOW_ERROR = 1.1


@dataclass(frozen=True, eq=False)
class RingCorrelation:
    """A Fourier ring correlation and where it falls below its threshold.

    Attributes
    ----------
    frequency : ndarray
        ``(R,)``, in cycles per pixel of the image, up to 0.5 (two images) or 0.25 (one image, split).
    correlation : ndarray
        ``(R,)``, in [-1, 1].
    smoothed : ndarray
        ``(R,)``, the curve that the crossing is looked for in.
    limit : ndarray
        ``(R,)``, the threshold at each frequency.
    error : ndarray
        ``(R,)``, standard deviation of `correlation` where there is only noise.
    threshold : str
        "1/7" or "3 sigma".
    resolution_px : float
        One over the frequency of the first crossing, in pixels. NaN if nothing correlates. If the curve never falls
        below its threshold, one over the highest frequency.
    is_limited_by_pixels : bool
        The curve never falls below its threshold: the resolution is `resolution_px` or better.
    """

    frequency: Curve
    correlation: Curve
    smoothed: Curve
    limit: Curve
    error: Curve
    threshold: Threshold
    resolution_px: float
    is_limited_by_pixels: bool

    def resolution_um(self, pixel_size_um: float) -> float:
        """Resolution in um, for square pixels of this side."""
        return self.resolution_px * pixel_size_um


def ring_correlation(
    first: npt.ArrayLike, second: npt.ArrayLike, *, threshold: Threshold = "1/7"
) -> RingCorrelation:
    """Correlate two images of one specimen with independent noise, ring by ring in frequency.

    ``FRC(q) = Re sum F1 F2* / sqrt(sum |F1|^2 sum |F2|^2)`` over the cells of a ring, of the planes less their mean
    under a Tukey window.

    Parameters
    ----------
    first, second : array-like
        ``(Y, X)``, at least 32 pixels each way, aligned. Missing pixels take their nearest neighbour's value in both.
    threshold : {"1/7", "3 sigma"}
        Fixed, or three standard deviations of pure noise, ``3 / sqrt(n)`` with n cells in the ring,
        but at most 0.25, since coarse rings have few.

    Returns
    -------
    RingCorrelation
        With signal power S and noise power N in each image the correlation is ``S / (S + N)``.

    Raises
    ------
    InputError
        If shapes differ, a plane is too small, or constant.
    """
    a, b = checked_plane("first image", first), checked_plane("second image", second)
    if a.shape != b.shape:
        raise InputError(f"The images have shapes {a.shape} and {b.shape}: crop both to one region.")
    _require(threshold)
    cross, one, two = _spectra(a, b)
    return _found(*_curve(cross, one, two), threshold, 1.0)


def split_ring_correlation(image: npt.ArrayLike, *, threshold: Threshold = "1/7") -> RingCorrelation:
    """Estimate the resolution of one image by splitting it like a checkerboard along the diagonals.

    Of every 2 x 2 pixels, those at (0, 0) and (1, 1) make one pair of images, those at (0, 1) and (1, 0) another. The
    images of a pair lie half of their pixels apart along both axes, which is undone; both pairs are averaged.

    Parameters
    ----------
    image : array-like
        ``(Y, X)``, at least 64 pixels each way.
    threshold : {"1/7", "3 sigma"}
        See `ring_correlation`.

    Returns
    -------
    RingCorrelation
        In pixels of the image.

    Raises
    ------
    InputError
        If the plane is too small or constant.

    Notes
    -----
    What to know before such a number is quoted:

    - Splitting halves the usable band. Nothing finer than 4 pixels can be found: if `is_limited_by_pixels` is set, the
      answer is "4 pixels or better". Detail finer than that folds back and disturbs the curve.
    - Each part has a quarter of the light, so that noisy images come out coarser than by two frames.
    - Noise must be independent between pixels. In images that were compressed, resampled, smoothed or restored it is
      not, and the resolution comes out too fine, often at the 4 pixel limit.
    """
    plane = checked_plane("image", image)
    if min(plane.shape) < 2 * SMALLEST:
        raise InputError(
            f"A single image is split into parts of half its side and needs {2 * SMALLEST} x {2 * SMALLEST} pixels, "
            f"but the shape is {plane.shape}: use a larger region."
        )
    _require(threshold)
    height, width = (side // 2 * 2 for side in plane.shape)
    parts = {(dy, dx): plane[dy:height:2, dx:width:2] for dy in (0, 1) for dx in (0, 1)}
    shape = parts[0, 0].shape
    along_y, along_x = frequencies((shape[0], shape[1]))
    curves = []
    for upper, lower, sign in (((0, 0), (1, 1), 1), ((0, 1), (1, 0), -1)):
        cross, one, two = _spectra(parts[upper], parts[lower])
        # The lower part is half a pixel further along y, and half a pixel further or less far along x.
        aligned = cross * np.exp(1j * np.pi * (along_y + sign * along_x))
        curves.append(_curve(aligned, one, two))
    frequency, _, cells = curves[0]
    correlation = (curves[0][1] + curves[1][1]) / 2
    # Both pairs of parts have noise of their own, so that each ring has twice the cells.
    return _found(frequency, correlation, 2 * cells, threshold, 0.5)


def _spectra(a: Curve, b: Curve) -> tuple[npt.NDArray[np.complex128], Curve, Curve]:
    """Cross spectrum and powers, ``(Y, X)``, in the order of `numpy.fft.fftfreq`."""
    window = np.outer(_tukey(a.shape[0]), _tukey(a.shape[1]))
    one, two = (fft.fft2((plane - np.average(plane, weights=window)) * window) for plane in (a, b))
    return one * np.conj(two), np.abs(one) ** 2, np.abs(two) ** 2


def _curve(cross: npt.NDArray[Any], one: Curve, two: Curve) -> tuple[Curve, Curve, Curve]:
    """Frequency, correlation and number of cells of the rings up to 0.5 cycles per pixel."""
    rings = min(cross.shape) // 2
    common, power_one, power_two = (radial_mean(plane, rings) for plane in (cross.real, one, two))
    inside = common.frequency <= 0.5
    scale = np.sqrt(power_one.power * power_two.power)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Drawn images can have rings without any power, in which nothing correlates.
        correlation = np.where(scale > 0, common.power / scale, 0.0)
    return common.frequency[inside], correlation[inside], common.cells[inside].astype(np.float64)


def _found(
    frequency: Curve, correlation: Curve, cells: Curve, threshold: Threshold, band: float
) -> RingCorrelation:
    error = _WINDOW_ERROR / np.sqrt(cells)
    limit = np.full_like(error, 1 / 7) if threshold == "1/7" else np.minimum(3 * error, _HIGHEST_LIMIT)
    smoothed = _smoothed(correlation, cells)
    # The coarsest rings have so few cells that hardly any correlation would stand out of chance.
    below = (smoothed < limit) & (error < _MOST_ERROR)
    first = int(np.argmax(below)) if below.any() else len(below)
    # A few coarse rings correlate by chance: together they have to stand out of the noise.
    strength = float(np.average(correlation[:first], weights=cells[:first])) if first else 0.0
    if first == 0 or strength < 3 / np.sqrt(float(cells[:first].sum())):
        crossing = float("nan")
    elif first == len(below):
        crossing = 0.5
    else:
        crossing = _crossing(frequency, smoothed - limit, first)
    return RingCorrelation(
        frequency=frequency * band,
        correlation=correlation,
        smoothed=smoothed,
        limit=limit,
        error=error,
        threshold=threshold,
        resolution_px=1 / (crossing * band),
        is_limited_by_pixels=first == len(below) and np.isfinite(crossing),
    )


def _crossing(frequency: Curve, above: Curve, first: int) -> float:
    """Where the straight line between the rings before and after the crossing is zero."""
    before, after = float(above[first - 1]), float(above[first])
    share = before / (before - after)
    return float(frequency[first - 1] + share * (frequency[first] - frequency[first - 1]))


def _smoothed(correlation: Curve, cells: Curve) -> Curve:
    """Mean over neighbouring rings, weighted by how much each says."""
    width = 2 * round(_SMOOTHING * len(correlation)) + 1
    mean = ndimage.uniform_filter1d(correlation * cells, width, mode="constant")
    return np.asarray(mean / ndimage.uniform_filter1d(cells, width, mode="constant"))


def _tukey(length: int) -> Curve:
    """Window that is 1 in the middle and falls to 0 like a cosine over `_TAPER` / 2 of the length at both ends."""
    place = (np.arange(length) + 0.5) / length
    edge = np.minimum(np.minimum(place, 1 - place) / (_TAPER / 2), 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * edge))


def checked_plane(name: str, image: npt.ArrayLike) -> Curve:
    """An image as a plane ``(Y, X)`` of float64 whose resolution can be asked for, missing pixels filled.

    Raises
    ------
    InputError
        Naming the image, if it is no plane of real numbers, too small, or constant.
    """
    plane = np.asarray(image)
    if plane.ndim != 2 or min(plane.shape) < SMALLEST:
        raise InputError(
            f"The {name} has shape {plane.shape}, but resolution needs one plane (Y, X) of at least "
            f"{SMALLEST} x {SMALLEST} pixels: use a larger region."
        )
    if plane.dtype.kind not in "biuf":
        raise InputError(f"The {name} is of type {plane.dtype}: give real numbers.")
    filled = fill_missing(plane, 0.0)[0].astype(np.float64)
    if np.ptp(filled) == 0:
        raise InputError(f"The {name} is constant (or has no finite pixel): it has no resolution.")
    return np.asarray(filled)


def _require(threshold: str) -> None:
    if threshold not in ("1/7", "3 sigma"):
        raise InputError(f"The threshold is {threshold!r}: choose '1/7' or '3 sigma'.")
