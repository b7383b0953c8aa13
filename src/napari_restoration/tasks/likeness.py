"""How alike a real and a synthetic bad image are: histograms, radial power spectra, one number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.spectrum import power_spectrum, radial_mean

Float = npt.NDArray[np.float64]

_BINS = 96
_RINGS = 48
_QUANTILES = np.linspace(0.0, 1.0, 401)[1:-1]
_SHOWN_PERCENT = (0.05, 99.95)


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """A real image beside a synthetic one.

    Attributes
    ----------
    real, synthetic
        ``(y, x)`` planes of equal size.
    levels
        ``(n,)`` middles of the histograms' bins, in grey levels.
    real_histogram, synthetic_histogram
        ``(n,)`` shares of the pixels.
    frequencies
        ``(r,)`` in cycles per pixel.
    real_power, synthetic_power
        ``(r,)`` mean power in rings, in grey levels squared.
    histogram_distance
        First Wasserstein distance of the grey levels, as a share of the real image's range (0.05th to 99.95th
        percentile): how far grey levels would have to be moved on average.
    spectrum_distance
        Root mean square difference of the logarithms of the power, in decades.
    distance
        ``hypot(histogram_distance, spectrum_distance)``: 0 for images that cannot be told apart by either.
    yardstick
        The same between two halves of the real image: what one image differs from its like by.
    """

    real: npt.NDArray[Any]
    synthetic: npt.NDArray[Any]
    levels: Float
    real_histogram: Float
    synthetic_histogram: Float
    frequencies: Float
    real_power: Float
    synthetic_power: Float
    histogram_distance: float
    spectrum_distance: float
    distance: float
    yardstick: float

    @property
    def words(self) -> str:
        """The number in a sentence."""
        text = f"Distance {self.distance:.2f}: grey levels {self.histogram_distance:.2f} of the range, "
        text += f"spectrum {self.spectrum_distance:.2f} decades. Two halves of the real image differ by "
        return f"{text}{self.yardstick:.2f}."


def compare_likeness(real: npt.NDArray[Any], synthetic: npt.NDArray[Any]) -> Comparison:
    """Compare two planes that need not show the same field, only the same kind of specimen.

    Parameters
    ----------
    real, synthetic : ndarray
        ``(Y, X)``, at least 32 pixels a side; the larger one is cut to the size of the other around its middle.
    """
    height, width = (min(a, b) for a, b in zip(real.shape, synthetic.shape, strict=True))
    first, second = _middle(real, height, width), _middle(synthetic, height, width)
    edges = _edges(first, second)
    shown = [np.clip(one, edges[0], edges[-1]) for one in (first, second)]
    histograms = [np.histogram(one, edges)[0] / one.size for one in shown]
    frequencies, real_power, synthetic_power = _spectra(first, second)
    histogram_distance, spectrum_distance = _distances(first, second)
    halves = _distances(*_halves(first))
    return Comparison(
        real=first, synthetic=second, levels=(edges[1:] + edges[:-1]) / 2,
        real_histogram=histograms[0], synthetic_histogram=histograms[1],
        frequencies=frequencies, real_power=real_power, synthetic_power=synthetic_power,
        histogram_distance=histogram_distance, spectrum_distance=spectrum_distance,
        distance=float(np.hypot(histogram_distance, spectrum_distance)), yardstick=float(np.hypot(*halves)),
    )  # fmt: skip


def _edges(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> Float:
    """Edges of the histograms' bins; of whole numbers, each bin holds equally many."""
    low, high = (float(level) for level in np.nanpercentile(first, _SHOWN_PERCENT))
    if all(one.dtype.kind in "iu" for one in (first, second)):
        width = max(1, -(-int(high - low) // _BINS))
        return np.arange(np.floor(low), np.floor(high) + width + 1, width) - 0.5
    return np.linspace(low, max(high, low + max(1e-9, 1e-9 * abs(low))), _BINS + 1)


def _distances(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> tuple[float, float]:
    low, high = np.nanpercentile(first, _SHOWN_PERCENT)
    moved = np.abs(np.nanquantile(first, _QUANTILES) - np.nanquantile(second, _QUANTILES)).mean()
    _, one, other = _spectra(first, second)
    decades = np.log10(one) - np.log10(other)
    return float(moved / max(high - low, 1e-12)), float(np.sqrt(np.mean(decades**2)))


def _spectra(first: npt.NDArray[Any], second: npt.NDArray[Any]) -> tuple[Float, Float, Float]:
    rings = min(_RINGS, min(first.shape) // 4)
    spectra = [radial_mean(power_spectrum(one), rings) for one in (first, second)]
    kept = spectra[0].frequency <= 0.5
    floor = 1e-9 * max(float(spectra[0].power.max()), 1e-30)
    powers = [np.maximum(spectrum.power[kept], floor) for spectrum in spectra]
    return spectra[0].frequency[kept], powers[0], powers[1]


def _halves(plane: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The two halves along the longer side."""
    if plane.shape[0] >= plane.shape[1]:
        middle = plane.shape[0] // 2
        return plane[:middle], plane[-middle:]
    middle = plane.shape[1] // 2
    return plane[:, :middle], plane[:, -middle:]


def _middle(plane: npt.NDArray[Any], height: int, width: int) -> npt.NDArray[Any]:
    top, left = (plane.shape[0] - height) // 2, (plane.shape[1] - width) // 2
    return np.asarray(plane[top : top + height, left : left + width])
