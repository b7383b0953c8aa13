"""Power spectra by direction, and patterns fitted to how uneven they are.

Everything is on rings of frequency and directions around half a turn, where turning a pattern is a shift along the
rings: all directions of a pattern are tried at once by correlation with the fast Fourier transform.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from napari_restoration.core.spectrum import power_spectrum

# Directions in half a turn: a pattern and its opposite are the same.
DIRECTIONS = 180
# The strength of the signal perpendicular to the motion, where nothing is lost, is only roughly known beforehand.
_SIGNAL_FACTORS = (0.5, 1.0, 2.0, 4.0)
# A ring is used while its signal exceeds this share of the noise.
_LEAST_SIGNAL = 0.5

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PolarSpectrum:
    """A power spectrum by frequency and direction.

    Attributes
    ----------
    frequency
        ``(K,)`` in cycles per pixel.
    uneven
        ``(K, DIRECTIONS)``, logarithm of the power.
    signal
        ``(K,)``, signal over noise where the ring is strongest.
    segment
        Side in pixels of the squares whose spectra were averaged.
    """

    frequency: Array
    uneven: Array
    signal: Array
    segment: int


@dataclass(frozen=True, eq=False)
class Match:
    """The best of several patterns.

    Attributes
    ----------
    number, direction
        Which pattern, turned by how many steps of direction.
    misfits
        ``(M,)`` of all patterns in this direction.
    misfit
        Share of the unevenness that the best one leaves.
    """

    number: int
    direction: int
    misfits: Array
    misfit: float


def polar_spectrum(plane: Array) -> PolarSpectrum | None:
    """Return rings of the logarithm of the power, from the coarsest up to where noise takes over.

    Parameters
    ----------
    plane
        ``(Y, X)`` without gaps, at least 32 x 32, of mean 0 and variance 1.

    Returns
    -------
    PolarSpectrum or None
        None where fewer than four rings rise above the noise.
    """
    side = min(plane.shape)
    segment = 128 if side >= 160 else 64 if side >= 80 else 32
    power = _whitened_power(plane, segment)
    along = fft.fftfreq(segment)
    noise = float(np.median(power[np.hypot(along[:, None], along) > 0.52]))
    steps = np.arange(3, int(0.47 * segment) + 1)
    turn = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    at = steps[:, None] * np.stack([np.sin(turn), np.cos(turn)])[:, None, :]
    logarithm = np.log(fft.fftshift(power) + 1e-30)
    uneven = ndimage.map_coordinates(logarithm, at + segment // 2, order=1, mode="grid-wrap")
    signal = np.quantile(np.exp(uneven), 0.8, axis=1) / max(noise, 1e-30) - 1.0
    drowned = signal < _LEAST_SIGNAL
    used = int(np.argmax(drowned)) if drowned.any() else len(steps)
    if used < 4:
        return None
    return PolarSpectrum(steps[:used] / segment, uneven[:used], signal[:used], segment)


def _whitened_power(plane: Array, segment: int) -> Array:
    """Average spectrum, taken where all frequencies are about as strong: else the coarse leak into the zeros."""

    def gain(frequency: Array) -> Array:
        return frequency + 0.5 / segment

    rows, columns = fft.fftfreq(plane.shape[0])[:, None], fft.rfftfreq(plane.shape[1])[None, :]
    flat = fft.irfft2(fft.rfft2(plane) * gain(np.hypot(rows, columns)), s=plane.shape)
    along = fft.fftfreq(segment)
    return power_spectrum(flat, segment) / gain(np.hypot(along[:, None], along)) ** 2


def without_smooth(rings: Array, weight: Array) -> Array:
    """Take each ring's mean, and the two lowest harmonics that all rings share, from ``(..., K, DIRECTIONS)``.

    The harmonics are what a sample with a preferred direction has at every frequency alike.
    """
    waves = fft.rfft(rings, axis=-1)
    waves[..., 0] = 0.0
    for harmonic in (1, 2):
        waves[..., harmonic] -= (waves[..., harmonic] @ weight)[..., None]
    return np.asarray(fft.irfft(waves, n=DIRECTIONS, axis=-1))


def motion_patterns(polar: PolarSpectrum, lengths: Array) -> Array:
    """Logarithm of the spectra that a motion along x leaves: ``(F * M, K, DIRECTIONS)``.

    Parameters
    ----------
    lengths
        ``(M,)`` in pixels. All come once for each of F factors of the signal, one factor after the other.
    """
    turn = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    waves = np.abs(lengths[:, None, None] * (polar.frequency[:, None] * np.cos(turn)))
    # Zeros of a spectrum under a Hann window are not quite empty: it mixes frequencies 0.6 cells (rms) apart.
    mixed = (lengths**2 / (3 * polar.segment**2) + 0.01)[:, None, None]
    leak = np.minimum(mixed / np.maximum(waves, 1.0) ** 2, 0.5) * (waves > 0.3)
    return _in_noise(np.sinc(waves) ** 2 + leak, polar.signal)


def smooth_patterns(polar: PolarSpectrum) -> Array:
    """Spectra of samples that prefer a direction: Gaussian and Lorentzian ridges, and wedges."""
    turn = np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    along = polar.frequency[:, None] * np.cos(turn)
    wedge = np.broadcast_to(np.cos(turn), along.shape)
    patterns = [np.exp(-4 * np.pi**2 * variance * along**2) for variance in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)]
    patterns += [1 / (1 + (along / width) ** 2) for width in (0.02, 0.04, 0.08, 0.16)]
    patterns += [1 / (1 + (along / width) ** 2) ** 2 for width in (0.02, 0.04, 0.08)]
    patterns += [1 / (1 + (wedge / width) ** 2) for width in (0.05, 0.1, 0.2, 0.4, 0.8)]
    return _in_noise(np.stack(patterns), polar.signal)


def _in_noise(patterns: Array, signal: Array) -> Array:
    """Logarithm of the patterns above noise, for each of the factors of the signal: ``(F * M, K, directions)``."""
    levels = [signal[:, None] * factor for factor in _SIGNAL_FACTORS]
    return np.concatenate([np.log((patterns * level + 1) / (level + 1)) for level in levels])


def best_match(uneven: Array, patterns: Array, weight: Array, depths: tuple[float, float]) -> Match:
    """Turn each pattern into every direction, by correlation along the rings, and find the best of all."""
    shapes = without_smooth(patterns, weight)
    data = fft.rfft(uneven, axis=-1) * weight[:, None]
    common = fft.irfft(
        np.einsum("ka,mka->ma", data, np.conj(fft.rfft(shapes, axis=-1))), n=DIRECTIONS, axis=-1
    )
    own = np.einsum("mka,mka,k->m", shapes, shapes, weight)[:, None]
    total = float(np.einsum("ka,ka,k->", uneven, uneven, weight))
    depth = np.clip(common / np.maximum(own, 1e-12), *depths)
    misfit = (total - 2 * depth * common + depth**2 * own) / total
    number, direction = (int(n) for n in np.unravel_index(misfit.argmin(), misfit.shape))
    return Match(number, direction, misfit[:, direction], float(misfit[number, direction]))


def between_steps(misfits: Array, place: int, count: int) -> float:
    """Vertex of the parabola through the best length and its neighbours, for the best factor of the signal."""
    block = misfits.reshape(-1, count)
    row = block[block.min(axis=1).argmin()]
    if not 0 < place < count - 1:
        return float(place)
    left, middle, right = row[place - 1 : place + 2]
    bend = left - 2 * middle + right
    return place + float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend > 0 else float(place)
