"""Resolution of a single image by decorrelation analysis: no second image, no threshold, no checkerboard.

Source: A. Descloux, K. S. Grußmayer and A. Radenovic, "Parameter-free image resolution estimation based on
decorrelation analysis", Nature Methods 16 (2019) 918. The image's transform I is compared with its phases alone,
``I / |I|``, within a disc of radius r:

``d(r) = sum_(|k| < r) |I| / sqrt(sum |I|^2 * number of cells with |k| < r)``.

Signal has few strong frequencies and raises d; beyond its cut-off all that is added is phases of noise, and d falls.
The place of d's maximum therefore moves to the cut-off as the image is freed of its coarse structure by stronger and
stronger high-pass filters. The largest place over all filters is the resolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from napari_restoration.core.resolution import checked_plane
from napari_restoration.core.spectrum import radial_mean

Curve = npt.NDArray[np.float64]

SMALLEST = 32
"""Pixels that a plane needs along both axes."""

# A maximum counts if the curve falls by so much behind it; less is how the curve of pure noise wavers.
_LEAST_FALL = 1e-3
_EDGE_PX = 20
_FILTERS = 20
_STRONGEST_PX = 0.15
_REFINED = 10


@dataclass(frozen=True, eq=False)
class Decorrelation:
    """Result of a decorrelation analysis.

    Attributes
    ----------
    frequency : ndarray
        ``(R,)``, radius r in cycles per pixel, up to 0.5.
    curves : ndarray
        ``(1 + F, R)``, d(r) of the image and then of its high-passed versions, weakest filter first.
    peak_frequency, peak_height : ndarray
        ``(1 + F,)``, place and height of each curve's maximum; place NaN and height 0 where there is none.
    resolution_px : float
        One over the largest place, in pixels; NaN if no curve has a maximum (no signal, or signal up to 0.5).
    signal : float
        Height of the first curve's maximum, the paper's A0, 0 if it has none: grows with the signal-to-noise ratio.
    """

    frequency: Curve
    curves: Curve
    peak_frequency: Curve
    peak_height: Curve
    resolution_px: float
    signal: float

    def resolution_um(self, pixel_size_um: float) -> float:
        """Resolution in um, for square pixels of this side."""
        return self.resolution_px * pixel_size_um


def decorrelation_analysis(image: npt.ArrayLike) -> Decorrelation:
    """Estimate the resolution of one image.

    Parameters
    ----------
    image : array-like
        ``(Y, X)``, at least 32 pixels each way; missing pixels take their nearest neighbour's value.

    Returns
    -------
    Decorrelation

    Raises
    ------
    InputError
        If the plane is too small or constant.

    Notes
    -----
    The filters are ``1 - exp(-2 pi^2 s^2 f^2)`` with s from one over the first maximum's frequency down to 0.15 pixels;
    ten more lie around the best. They act alike on all cells of a ring, so all curves come from one transform: sums of
    ``|I|`` and ``|I|^2`` over rings.

    It measures the frequency up to which anything but white noise is found. Noise that is not white (compression,
    resampling, smoothing) and sharp edges that a restoration drew count as signal; of a restoration without any noise
    left it says how sharp it looks, not what is resolved.
    """
    plane = checked_plane("image", image)
    amplitude = np.abs(fft.fft2(_tapered(plane)))
    rings = max(plane.shape)
    sums, squares = radial_mean(amplitude, rings), radial_mean(amplitude**2, rings)
    inside = sums.frequency <= 0.5
    frequency, cells = sums.frequency[inside], sums.cells[inside].astype(np.float64)
    totals = (sums.power[inside] * cells, squares.power[inside] * cells)
    spreads: list[float] = [np.inf]
    curves = [_curve(frequency, cells, totals, np.inf)]
    peaks = [_peak(curves[0])]
    start = frequency[peaks[0][0]] if peaks[0] else frequency[0]
    weakest = max(1 / float(start), 4 * _STRONGEST_PX)
    for refined in (False, True):
        if refined:
            best = _best(frequency, peaks)
            if best is None:
                break
            around = [spread for spread in spreads if np.isfinite(spread)]
            centre = spreads[best] if np.isfinite(spreads[best]) else max(around)
            tried = np.geomspace(min(centre * 1.6, 2 * weakest), max(centre / 1.6, _STRONGEST_PX), _REFINED)
        else:
            tried = np.geomspace(weakest, _STRONGEST_PX, _FILTERS)
        for spread in tried:
            spreads.append(float(spread))
            curves.append(_curve(frequency, cells, totals, float(spread)))
            peaks.append(_peak(curves[-1]))
    return _result(frequency, curves, peaks)


def _result(frequency: Curve, curves: list[Curve], peaks: list[tuple[int, float] | None]) -> Decorrelation:
    places = np.array([frequency[peak[0]] if peak else np.nan for peak in peaks])
    heights = np.array([peak[1] if peak else 0.0 for peak in peaks])
    best = _best(frequency, peaks)
    return Decorrelation(
        frequency=frequency,
        curves=np.stack(curves),
        peak_frequency=places,
        peak_height=heights,
        resolution_px=1 / float(places[best]) if best is not None else float("nan"),
        signal=float(heights[0]),
    )


def _curve(frequency: Curve, cells: Curve, totals: tuple[Curve, Curve], spread: float) -> Curve:
    """d(r) of the image after a high-pass filter of this spread in pixels; infinite is none."""
    kept = np.ones_like(frequency) if np.isinf(spread) else -np.expm1(-2 * (np.pi * spread * frequency) ** 2)
    energy = float(np.sum(totals[1] * kept**2))
    if energy == 0:
        return np.zeros_like(frequency)
    return np.asarray(np.cumsum(totals[0] * kept) / np.sqrt(energy * np.cumsum(cells)))


def _peak(curve: Curve) -> tuple[int, float] | None:
    """Place and height of the last maximum that the curve falls behind of, from the highest downwards."""
    end = len(curve)
    while end > 1:
        place = int(np.argmax(curve[:end]))
        if curve[place] - curve[place:].min() >= _LEAST_FALL:
            return (place, float(curve[place])) if place > 0 else None
        end = place
    return None


def _best(frequency: Curve, peaks: list[tuple[int, float] | None]) -> int | None:
    places = [frequency[peak[0]] if peak else -1.0 for peak in peaks]
    return int(np.argmax(places)) if max(places) > 0 else None


def _tapered(plane: Curve) -> Curve:
    """The plane less its mean, falling to 0 like a cosine over the outermost pixels."""
    ramps = []
    for side in plane.shape:
        edge = min(_EDGE_PX, side // 4)
        near = np.minimum(np.arange(side), np.arange(side)[::-1])
        ramps.append(0.5 - 0.5 * np.cos(np.pi * np.minimum((near + 0.5) / edge, 1.0)))
    window = np.outer(*ramps)
    return np.asarray((plane - np.average(plane, weights=window)) * window)
