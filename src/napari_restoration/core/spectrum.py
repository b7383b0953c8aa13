"""Power spectra of planes, scaled so that white noise of variance s^2 has a mean power of s^2 at every frequency.

Frequencies are in cycles per pixel: 0.5 is the finest that the pixels carry along an axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft

from napari_restoration.core.errors import InputError
from napari_restoration.core.nonfinite import fill_missing

Power = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RadialSpectrum:
    """Mean power in rings around zero frequency.

    Attributes
    ----------
    frequency : ndarray
        ``(R,)``, mean distance of a ring's cells from zero, in cycles per pixel.
    power : ndarray
        ``(R,)``, mean power of these cells.
    cells : ndarray of int
        ``(R,)``, how many cells; each frequency of a real image counts twice, as +f and -f.
    """

    frequency: Power
    power: Power
    cells: npt.NDArray[np.int64]


def power_spectrum(plane: npt.NDArray[Any], segment: int | None = None) -> Power:
    """Power at every frequency, of the plane less its mean under a Hann window.

    ``P = |DFT(w (x - m))|^2 / sum(w^2)``, where m is the mean weighted by w, so that zero frequency holds nothing.

    Parameters
    ----------
    plane : ndarray
        ``(Y, X)`` of any real type; missing pixels (NaN, infinite) take their nearest neighbour's value.
    segment : int, optional
        Average the spectra of squares of this side that overlap by half: a coarser but steadier spectrum
        (P. D. Welch, IEEE Trans. Audio Electroacoust. 15 (1967) 70). The whole plane by default.

    Returns
    -------
    ndarray
        float64, ``(Y, X)`` or ``(segment, segment)``, in the plane's unit squared, with frequencies in the order of
        `numpy.fft.fftfreq`. White noise of variance s^2 has a mean power of s^2.

    Raises
    ------
    InputError
        If the plane does not have two axes with at least 4 pixels each, or a segment does not fit into it.
    """
    _check(plane, segment)
    filled = fill_missing(plane, 0.0)[0].astype(np.float64)
    if segment is None:
        window = np.outer(_hann(plane.shape[0]), _hann(plane.shape[1]))
        return _power(filled, window)
    window = np.outer(_hann(segment), _hann(segment))
    blocks = _segments(filled, segment)
    total = np.zeros((segment, segment))
    for block in blocks:
        total += _power(block, window)
    return np.asarray(total / len(blocks))


def frequencies(shape: tuple[int, int]) -> tuple[Power, Power]:
    """Frequency along y, ``(Y, 1)``, and along x, ``(1, X)``, of each cell of a spectrum, in cycles per pixel."""
    return fft.fftfreq(shape[0])[:, None], fft.fftfreq(shape[1])[None, :]


def radial_mean(power: Power, rings: int) -> RadialSpectrum:
    """Average a spectrum in rings of equal width from zero frequency to the corners.

    Parameters
    ----------
    power : ndarray
        ``(Y, X)``, see `power_spectrum`.
    rings : int
        Number of rings between 0 and 0.5 cycles per pixel; those beyond, in the corners, have the same width.

    Returns
    -------
    RadialSpectrum
        Zero frequency and rings without any cell are left out.

    Raises
    ------
    InputError
        If there is no ring.
    """
    if rings < 1:
        raise InputError(f"A spectrum was to be averaged in {rings} rings: ask for at least 1.")
    height, width = power.shape
    ring, distance = _rings(height, width, rings)
    cells = np.bincount(ring)
    summed = np.bincount(ring, weights=power.ravel())
    far = np.bincount(ring, weights=distance)
    kept = cells > 0
    kept[0] = False  # zero frequency has a number of its own
    count = cells[kept]
    return RadialSpectrum(far[kept] / count, summed[kept] / count, count)


def _power(block: npt.NDArray[np.float64], window: npt.NDArray[np.float64]) -> Power:
    level = float(np.sum(block * window) / np.sum(window))
    # A constant plane has no power; without this its rounding error would have a little.
    centred = block - level if np.ptp(block) > 0 else np.zeros_like(block)
    half = fft.rfft2(centred * window)
    power = (half.real**2 + half.imag**2) / np.sum(window**2)
    return _whole(np.asarray(power), block.shape[1])


def _whole(half: Power, width: int) -> Power:
    """Fill in the cells that `rfft2` leaves out: a real image has the same power at f and -f."""
    rest = half[:, 1 : (width + 1) // 2]
    mirrored = np.roll(rest[::-1, ::-1], 1, axis=0)
    return np.concatenate([half, mirrored], axis=1)


def _segments(plane: npt.NDArray[np.float64], side: int) -> list[npt.NDArray[np.float64]]:
    starts = []
    for length in plane.shape:
        count = max(1, int(np.ceil((length - side) / (side / 2))) + 1)
        starts.append(np.unique(np.linspace(0, length - side, count).round().astype(int)))
    return [plane[top : top + side, left : left + side] for top in starts[0] for left in starts[1]]


@lru_cache(maxsize=16)
def _rings(height: int, width: int, rings: int) -> tuple[npt.NDArray[np.int64], Power]:
    along_y, along_x = frequencies((height, width))
    distance = np.hypot(along_y, along_x).ravel()
    ring = 1 + np.floor(distance * (2 * rings)).astype(np.int64)
    ring[distance == 0] = 0
    return ring, distance


def _hann(length: int) -> npt.NDArray[np.float64]:
    # The periodic form: its transform has no more than three cells that are not zero.
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length))


def _check(plane: npt.NDArray[Any], segment: int | None) -> None:
    if plane.ndim != 2 or min(plane.shape) < 4:
        raise InputError(
            f"A spectrum needs a plane (Y, X) of at least 4 x 4 pixels, but the shape is {plane.shape}: give one plane."
        )
    if segment is not None and not 4 <= segment <= min(plane.shape):
        raise InputError(
            f"A segment of {segment} pixels does not fit a plane of shape {plane.shape}: "
            f"choose 4 to {min(plane.shape)}."
        )
