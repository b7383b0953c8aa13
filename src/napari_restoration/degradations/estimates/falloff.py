"""How fast the power of an image falls off with frequency: a power law, times a Gaussian blur, plus white noise.

``P(f) = A T(f) f^-b exp(-4 pi^2 s f^2) + N``, where s is the variance of the blur in px^2, T a template (1, or the
spectrum of a similar sharp image) and N the noise floor. Objects with sharp edges have b near 3, filaments near 1
and points near 0 (D. J. Field, JOSA A 4 (1987) 2379, for images of any content: b about 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_restoration.core.spectrum import Power, power_spectrum, radial_mean

# Six bins an octave: deviations from a power law extend over about so much, so each bin is one finding.
_BINS_AN_OCTAVE = 6
# Under a Hann window neighbouring cells are not independent: about half as many are.
_INDEPENDENT = 0.5
# How far the logarithm of a real structure's power strays from a power law, as standard deviation in a bin.
_STRAYING = 0.25
# The coarsest frequencies with a power law are below this, in cycles per pixel.
_COARSE = 0.1
_STARTS = (0.5, 8.0)
_MOST_VARIANCE = 400.0


@dataclass(frozen=True, eq=False)
class Bins:
    """Mean power in bins of frequency that widen with frequency; ``frequency`` in cycles/px, ``free`` findings each."""

    frequency: Power
    power: Power
    free: Power

    def after(self, first: int) -> Bins:
        """Return the bins from a place on."""
        return Bins(self.frequency[first:], self.power[first:], self.free[first:])


@dataclass(frozen=True, eq=False)
class Falloff:
    """A fitted fall-off.

    Attributes
    ----------
    variance, variance_sd
        Variance s of the blur in px^2 and its standard error.
    exponent, noise
        b and N.
    signal_share
        ``(K,)``, which part of the power in each bin is signal.
    misfit
        Root mean square of the residuals, in their expected size.
    """

    variance: float
    variance_sd: float
    exponent: float
    noise: float
    signal_share: Power
    misfit: float


def frequency_bins(plane: npt.NDArray[np.floating]) -> Bins:
    """Average the spectrum of a plane in rings, six an octave.

    The bins start where ``P f^0.5`` is largest: further down the power law ends, as no object is larger.
    """
    side = min(plane.shape)
    spectrum = radial_mean(power_spectrum(plane), side // 2)
    edges = bin_edges(side)
    place = np.digitize(spectrum.frequency, edges) - 1
    inside = (place >= 0) & (place < len(edges) - 1)
    place, cells = place[inside], spectrum.cells[inside]
    count = np.bincount(place, weights=cells)
    power = np.bincount(place, weights=cells * spectrum.power[inside])
    frequency = np.bincount(place, weights=cells * spectrum.frequency[inside])
    kept = count > 0
    count = count[kept]
    mean = power[kept] / count
    # Drawn images can have frequencies without any power, whose logarithm there is none of.
    mean = np.maximum(mean, max(1e-20 * float(mean.max()), 1e-30))
    bins = Bins(frequency[kept] / count, mean, count / 2 * _INDEPENDENT)
    largest = np.where(bins.frequency < _COARSE, bins.power * np.sqrt(bins.frequency), 0.0)
    return bins.after(int(np.argmax(largest)))


def bin_edges(side: int) -> list[float]:
    """Limits of the bins for a plane whose shorter side has so many pixels, in cycles per pixel."""
    edges = [max(3.0 / side, min(6.0 / side, 0.02))]
    while edges[-1] < 0.72:
        edges.append(max(edges[-1] * 2 ** (1 / _BINS_AN_OCTAVE), edges[-1] + 1.01 / side))
    return edges


def fit_falloff(
    bins: Bins,
    *,
    exponent: tuple[float, float],
    limits: tuple[float, float],
    template: Power | None = None,
    noise: tuple[float, float] | None = None,
) -> Falloff:
    """Fit the fall-off by least squares of the logarithm, reweighted by how much of each bin is signal.

    Parameters
    ----------
    bins
        Mean powers, all above zero.
    exponent
        Expected b and its standard deviation.
    limits
        Smallest and largest b.
    template
        ``(K,)``, T at the bins' frequencies.
    noise
        Expected N and its relative standard deviation; ``None`` finds it from the finest frequencies alone.
    """
    base = np.zeros_like(bins.power) if template is None else np.log(template)
    expected = noise if noise is not None else (_floor(bins), np.inf)
    fits = [_fit(bins, base, exponent, limits, expected, start) for start in _STARTS]
    return min(fits, key=lambda fit: fit[0])[1]


def _floor(bins: Bins) -> float:
    fine = bins.frequency > 0.5
    return float(np.median(bins.power[fine])) if fine.any() else float(bins.power.min())


def _fit(
    bins: Bins,
    base: Power,
    exponent: tuple[float, float],
    limits: tuple[float, float],
    noise: tuple[float, float],
    start: float,
) -> tuple[float, Falloff]:
    from scipy.optimize import least_squares

    data, steep = np.log(bins.power), np.log(bins.frequency)
    bend = 4 * np.pi**2 * bins.frequency**2
    level = np.log(max(bins.power[0] - noise[0], 0.1 * bins.power[0])) - base[0]
    at = np.array([level + exponent[0] * steep[0] + start * bend[0], exponent[0], start, np.log(noise[0])])
    lowest = np.array([-200.0, limits[0], 0.0, -200.0])
    highest = np.array([200.0, limits[1], _MOST_VARIANCE, 200.0])
    spread = np.sqrt(1 / bins.free + _STRAYING**2)
    rows = np.array([[0, 1 / exponent[1], 0, 0], [0, 0, 0, 1 / noise[1]]])
    prior = np.array([0.0, exponent[0], 0.0, np.log(noise[0])])

    def parts(x: Power) -> tuple[Power, Power]:
        signal = base + x[0] - x[1] * steep - x[2] * bend
        total = np.logaddexp(signal, x[3])
        return total, np.exp(signal - total)

    def residuals(x: Power) -> Power:
        return np.concatenate([(data - parts(x)[0]) / spread, rows @ (x - prior)])

    def slopes(x: Power) -> Power:
        share = parts(x)[1]
        columns = np.stack([share, -share * steep, -share * bend, 1 - share], axis=1)
        return np.concatenate([-columns / spread[:, None], rows])

    share = np.ones_like(data)
    for _ in range(4):
        inside = np.clip(at, lowest + 1e-6, highest - 1e-6)
        found = least_squares(residuals, inside, slopes, bounds=(lowest, highest), max_nfev=60)
        at = found.x
        share = parts(at)[1]
        spread = np.sqrt(1 / bins.free + (_STRAYING * share) ** 2)
    left = residuals(at)
    misfit = float(np.sqrt(np.mean(left[:-2] ** 2)))
    normal = slopes(at).T @ slopes(at) + 1e-12 * np.eye(4)
    sd = float(np.sqrt(np.linalg.inv(normal)[2, 2])) * max(1.0, misfit)
    cost = float(np.sum(left**2) + 2 * np.sum(np.log(spread)))
    return cost, Falloff(float(at[2]), sd, float(at[1]), float(np.exp(at[3])), share, misfit)
