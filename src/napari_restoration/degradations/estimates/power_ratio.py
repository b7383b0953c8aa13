"""The blur that takes one image's power to another's, whatever they show."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.spectrum import Power, power_spectrum, radial_mean
from napari_restoration.degradations.estimates.blur import BlurEstimate, standardised
from napari_restoration.degradations.estimates.falloff import fit_falloff, frequency_bins

_RINGS = 64
# Rings in which less of the power than this is signal, and the innermost ones, are left out.
_LEAST_SIGNAL = 0.3
_FIRST_CELLS = 4.0
# By how much the spectra of two images of one specimen stray from each other, as a share of the amplitude.
_STRAYING = 0.05
_MARGIN_PX, _MARGIN_SHARE = 0.15, 0.05
_MOST_PX = 16.0
_RELIABLE_SPREAD = 0.4


def blur_by_power(bad: npt.NDArray[Any], good: npt.NDArray[Any]) -> BlurEstimate:
    """Fit the Gaussian blur by which a good image loses the fine structure that a bad one lacks.

    The square root of the ratio of the two powers, each less its noise, is fitted by
    ``c exp(-2 pi^2 sigma^2 f^2)``. A larger blur would leave less fine structure than the bad image has, so this
    bounds what is read from a cross-spectrum: that one also counts as lost what two planes of a thick specimen do
    not have in common.

    Parameters
    ----------
    bad, good : ndarray
        ``(Y, X)`` of one specimen on equal pixels, of any intensity scale and size.

    Returns
    -------
    BlurEstimate
        In pixels; 0 where the bad image has no less fine structure than the good one.

    Raises
    ------
    InputError
        If a plane does not have two axes.
    """
    ready = [standardised(plane) for plane in (bad, good)]
    for name, found in zip(("bad", "good"), ready, strict=True):
        if isinstance(found, str):
            return _unknown(f"The {name} image: {found[0].lower()}{found[1:]}")
    rings = min(_RINGS, *(min(found[0].shape) // 4 for found in ready if not isinstance(found, str)))
    spectra = [_above_noise(found[0], rings) for found in ready if not isinstance(found, str)]
    (frequency, signal, power, cells), (_, good_signal, good_power, _) = spectra
    side = min(min(plane.shape) for plane in (bad, good))
    used = (
        (signal > _LEAST_SIGNAL * power)
        & (good_signal > _LEAST_SIGNAL * good_power)
        & (frequency * side > _FIRST_CELLS)
    )
    gaps = np.flatnonzero(~used & (frequency * side > _FIRST_CELLS))
    if gaps.size:
        used[gaps[0] :] = False  # beyond the first ring of noise nothing can be trusted
    if used.sum() < 4:
        return _unknown("Too little structure rises above the noise of both images to compare their powers.")
    ratio = np.sqrt(signal[used] / good_signal[used])
    # A quarter of a ring's cells are independent: half are mirrored, and the window ties neighbours.
    chance = (power[used] / signal[used]) ** 2 / (cells[used] / 4)
    return _fitted(frequency[used], ratio, ratio * np.sqrt(chance + _STRAYING**2))


def _above_noise(plane: Power, rings: int) -> tuple[Power, Power, Power, Power]:
    """Frequency, power less noise, power, and cells of each ring up to half a cycle per pixel."""
    spectrum = radial_mean(power_spectrum(plane), rings)
    inside = slice(rings)  # rings in the corners depend on the plane's sides
    noise = fit_falloff(frequency_bins(plane), exponent=(2.6, 0.4), limits=(0.0, 4.0)).noise
    power = spectrum.power[inside]
    return spectrum.frequency[inside], power - noise, power, spectrum.cells[inside].astype(np.float64)


def _fitted(frequency: Power, ratio: Power, spread: Power) -> BlurEstimate:
    """Try all widths; the interval is where chi square, scaled to 1 a ring, rises by 4."""
    sigmas = np.linspace(0.0, _MOST_PX, 1601)
    shape = np.exp(-2 * np.pi**2 * np.outer(sigmas**2, frequency**2)) / spread
    data = ratio / spread
    height = shape @ data / np.sum(shape**2, axis=1)
    chi = np.sum((data - height[:, None] * shape) ** 2, axis=1)
    chi /= max(1.0, float(chi.min()) / max(1, len(data) - 2))
    inside = sigmas[chi <= chi.min() + 4.0]
    sigma = float(sigmas[chi.argmin()])
    margin = _MARGIN_PX + _MARGIN_SHARE * sigma
    low, high = max(0.0, float(inside[0]) - margin), float(inside[-1]) + margin
    return BlurEstimate(
        sigma_px=sigma, low_px=low, high_px=high,
        is_reliable=(high - low) / 2 <= _RELIABLE_SPREAD * max(sigma, 1.0),
        words=f"The blur is {sigma:.1f} px (between {low:.1f} and {high:.1f} px), from the power of both images: they "
        "show different structure, as other planes of a thick specimen do.",
    )  # fmt: skip


def _unknown(words: str) -> BlurEstimate:
    return BlurEstimate(sigma_px=0.0, low_px=0.0, high_px=100.0, is_reliable=False, words=words)
