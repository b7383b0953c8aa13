"""Zernike polynomials: the usual alphabet for the wavefront errors of an objective.

Noll's single index, his signs and his norm: each polynomial has mean 0 (but the first) and root mean square 1
over the unit disc, so that a coefficient is the rms wavefront error. Common ones: 2 and 3 tilt (x, y), 4 defocus,
5 and 6 astigmatism, 7 and 8 coma (y, x), 11 spherical.

Source: R. J. Noll, J. Opt. Soc. Am. 66 (1976) 207, equations 1 to 3 and table 1.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_restoration.core.errors import InputError

Waves = tuple[tuple[int, float], ...]
"""Noll indices with their rms wavefront errors in wavelengths."""


def noll_orders(noll: int) -> tuple[int, int]:
    """Radial and azimuthal order ``(n, m)`` of a Noll index; ``m`` is negative for the sines.

    Raises
    ------
    InputError
        If the index is below 1.
    """
    if noll < 1:
        raise InputError(f"The Noll index is {noll}, but must be at least 1.")
    n = (math.isqrt(8 * noll - 7) - 1) // 2
    place = noll - n * (n + 1) // 2  # from 1 to n + 1 within the radial order
    m = 2 * ((place + 1) // 2) - 1 if n % 2 else 2 * (place // 2)
    return n, m if noll % 2 == 0 else -m


def zernike(noll: int, x: NDArray[np.floating[Any]], y: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """One polynomial at points of the pupil.

    Parameters
    ----------
    noll
        Noll index, from 1.
    x, y
        Positions as shares of the pupil's radius, of one shape. Beyond the rim the polynomial is merely continued.

    Returns
    -------
    ndarray
        Of their shape.
    """
    n, m = noll_orders(noll)
    order = abs(m)
    squared = np.asarray(x * x + y * y, dtype=float)
    # R(rho) / rho^m is a polynomial in rho^2, and rho^m cos(m theta) one in x and y: no angle at the centre needed.
    radial = np.zeros_like(squared)
    for k in range((n - order) // 2 + 1):
        coefficient = (-1) ** k * math.comb(n - k, k) * math.comb(n - 2 * k, (n - order) // 2 - k)
        radial = radial * squared + coefficient
    turned = (x + 1j * y) ** order
    angular = turned.imag if m < 0 else turned.real
    norm = math.sqrt(n + 1.0) if m == 0 else math.sqrt(2.0 * (n + 1.0))
    return np.asarray(norm * radial * angular)


def wavefront_rad(
    waves: Waves, na: float, wavelength_um: float, step_um: float, size: int
) -> NDArray[np.float64]:
    """Phase of a wavefront error over the pupil.

    Parameters
    ----------
    waves
        Noll indices with rms errors in wavelengths. A positive tilt moves the image of a point towards smaller
        coordinates, by ``2 * waves * wavelength / NA``.
    step_um, size
        Grid of the image, see `pupil.pupil_intensity`.

    Returns
    -------
    ndarray
        Radians, shape ``(size, size)`` on the frequencies of ``scipy.fft.fftfreq(size, step_um)`` (y, x).
    """
    across = fft.fftfreq(size, step_um) * wavelength_um / na
    y, x = np.meshgrid(across, across, indexing="ij")
    phase = np.zeros((size, size))
    # A little beyond the rim too, where samples may lie in part inside.
    inside = np.hypot(x, y) <= 1.0 + wavelength_um / (na * size * step_um)
    for noll, rms in waves:
        phase[inside] += 2.0 * np.pi * rms * zernike(noll, x[inside], y[inside])
    return phase


def spread_waves(waves: Waves) -> float:
    """Farthest that a ray lands from the point's image, in units of ``wavelength / NA``.

    A ray lands where the wavefront's slope sends it: the greatest slope over the disc, each polynomial for itself.
    """
    return sum(abs(rms) * _steepest(noll) for noll, rms in waves)


def checked_waves(waves: Iterable[tuple[int, float]]) -> Waves:
    """Drop zeros and order by index, so that equal wavefronts compare equal."""
    return tuple(sorted((int(noll), float(rms)) for noll, rms in waves if rms != 0))


@lru_cache(maxsize=64)
def _steepest(noll: int) -> float:
    at = np.linspace(-1.0, 1.0, 201)
    y, x = np.meshgrid(at, at, indexing="ij")
    down, across = np.gradient(zernike(noll, x, y), at, at)
    slope: float = np.hypot(down, across)[x * x + y * y <= 1.0].max()
    return slope
