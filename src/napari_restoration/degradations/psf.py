"""Point spread functions as kernels with odd lengths, no negative value and unit sum.

All lengths are in micrometres, the wavelength is the emission wavelength, ``index`` the refractive
index of the immersion medium. A defocus is the distance of the emitter from the focal plane.

Sources: M. Born and E. Wolf, *Principles of Optics*, chapter 8 (Airy pattern, defocus);
B. Zhang, J. Zerubia and J.-C. Olivo-Marin, Applied Optics 46 (2007) 1819 (Gaussian fits);
S. F. Gibson and F. Lanni, JOSA A 8 (1991) 1601 (scalar pupil).
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special

from napari_restoration.degradations.base import require_range
from napari_restoration.degradations.pupil import check_optics, pupil_intensity

Kernel = NDArray[np.float64]


def gaussian_sigma_um(na: float, wavelength_um: float) -> float:
    """Return the standard deviation of the Gaussian closest to an Airy pattern, in um."""
    return 0.21 * wavelength_um / na


def gaussian_axial_sigma_um(na: float, index: float, wavelength_um: float) -> float:
    """Return the paraxial axial standard deviation of a widefield PSF, in um."""
    return math.sqrt(6.0) / math.pi * index * wavelength_um / na**2


def defocus_radius_um(na: float, index: float, defocus_um: float) -> float:
    """Return the radius of the geometric blur disc of a defocused point, in um."""
    check_optics(na, index)
    return float(abs(defocus_um) * na / np.sqrt(index**2 - na**2))


def gaussian_psf(
    sigma_px: float | tuple[float, ...],
    half_width_px: int | None = None,
    *,
    integrate: bool = True,
    ndim: int = 2,
) -> Kernel:
    """Gaussian kernel.

    Parameters
    ----------
    sigma_px
        Standard deviation in pixels, one for all axes or one an axis; 0 gives a delta.
    half_width_px
        Pixels on each side of the middle; four standard deviations by default.
    integrate
        Integrate over the pixel's area (a camera) instead of sampling at its centre.

    Returns
    -------
    ndarray
        Shape ``(2 * half + 1,) * ndim``.
    """
    sigmas = (float(sigma_px),) * ndim if isinstance(sigma_px, int | float) else tuple(map(float, sigma_px))
    kernel = np.ones(())
    for sigma in sigmas:
        require_range("The standard deviation in pixels", sigma, 0.0, 1e4)
        half = int(np.ceil(4.0 * sigma)) if half_width_px is None else half_width_px
        kernel = np.multiply.outer(kernel, _gaussian_profile(sigma, half, integrate))
    return normalised(kernel)


def airy_psf(
    na: float,
    wavelength_um: float,
    pixel_size_um: float,
    *,
    half_width_px: int | None = None,
    integrate: bool = True,
) -> Kernel:
    """In-focus pattern of an ideal circular pupil, ``(2 J1(v) / v)^2`` with ``v = 2 pi NA r / wavelength``.

    Parameters
    ----------
    half_width_px
        Pixels on each side of the middle; by default four radii of the first dark ring.
    integrate
        Integrate over the pixel's area instead of sampling at its centre.

    Returns
    -------
    ndarray
        Shape ``(2 * half + 1, 2 * half + 1)``.
    """
    check_optics(na, None)
    half = (
        _half_width(na, None, wavelength_um, pixel_size_um, 0.0) if half_width_px is None else half_width_px
    )
    finer = odd_oversampling(na, wavelength_um, pixel_size_um) if integrate else 1
    step = pixel_size_um / finer
    radius = _radii(half * finer + finer // 2) * step
    phase = 2.0 * np.pi * na * radius / wavelength_um
    amplitude = np.ones_like(phase)
    away = phase > 0
    amplitude[away] = 2.0 * special.j1(phase[away]) / phase[away]
    return normalised(bin_sum(amplitude**2, finer))


def sim_psf(
    na: float,
    wavelength_um: float,
    pixel_size_um: float,
    *,
    half_width_px: int | None = None,
    integrate: bool = True,
) -> Kernel:
    """In-focus pattern of structured illumination at its best: the cut-off doubled to ``4 NA / wavelength``.

    Its transfer function is the widefield one at half the frequency, hence the Airy pattern at half the wavelength.

    Parameters
    ----------
    half_width_px, integrate
        See `airy_psf`.

    Returns
    -------
    ndarray
        Shape ``(2 * half + 1, 2 * half + 1)``.
    """
    return airy_psf(na, wavelength_um / 2.0, pixel_size_um, half_width_px=half_width_px, integrate=integrate)


def debye_psf(
    na: float,
    index: float,
    wavelength_um: float,
    pixel_size_um: float,
    defocus_um: float = 0.0,
    *,
    half_width_px: int | None = None,
    integrate: bool = True,
) -> Kernel:
    """Scalar pupil model of a defocused widefield point, drawn on a grid as fine as the kernel needs.

    The recipes of the shipped models rest on it. Its pupil has a hard rim on that grid, which costs 3 to 10 % of the
    peak where the kernel is small; `objective.objective_psf`, which `optics.OpticalBlur` uses, stays within 3 %.

    Parameters
    ----------
    defocus_um
        Distance of the point from the focal plane.
    half_width_px
        Pixels on each side of the middle; by default the geometric blur disc and four radii of
        the first dark ring.
    integrate
        Integrate over the camera pixel's area instead of sampling at its centre.

    Returns
    -------
    ndarray
        Shape ``(2 * half + 1, 2 * half + 1)``, read-only, as results are remembered.

    Raises
    ------
    ValueError
        If the NA is not below the index, or a length is not positive.
    """
    half = (
        _half_width(na, index, wavelength_um, pixel_size_um, defocus_um)
        if half_width_px is None
        else half_width_px
    )
    return _debye_psf(na, index, wavelength_um, pixel_size_um, abs(defocus_um), half, integrate)


def defocus_disc_psf(radius_px: float, *, half_width_px: int | None = None, sigma_px: float = 0.0) -> Kernel:
    """Uniform disc with a smooth rim: geometric defocus.

    Parameters
    ----------
    radius_px
        Radius in pixels, see `defocus_radius_um`; 0 gives a delta.
    sigma_px
        Standard deviation of a Gaussian that softens the disc (diffraction).

    Returns
    -------
    ndarray
        Shape ``(2 * half + 1, 2 * half + 1)``.
    """
    require_range("The disc's radius in pixels", radius_px, 0.0, 1e4)
    finer = 7
    half = int(np.ceil(radius_px + 4.0 * sigma_px)) if half_width_px is None else half_width_px
    distance = _radii(half * finer + finer // 2) / finer
    disc = bin_sum((distance <= max(radius_px, 0.5 / finer)).astype(float), finer)
    if sigma_px > 0:
        soft = _gaussian_profile(sigma_px, 2 * half, True)
        smear = soft[np.abs(np.subtract.outer(np.arange(2 * half + 1), np.arange(2 * half + 1))) + 2 * half]
        disc = smear @ disc @ smear.T
    return normalised(disc)


@lru_cache(maxsize=64)
def _debye_psf(
    na: float,
    index: float,
    wavelength_um: float,
    pixel_size_um: float,
    defocus_um: float,
    half: int,
    integrate: bool,
) -> Kernel:
    check_optics(na, index)
    finer = odd_oversampling(na, wavelength_um, pixel_size_um)
    step = pixel_size_um / finer
    reach = half * finer + finer // 2
    # The periodic grid must hold the whole blur, or its far side folds back into the kernel.
    needed = 2 * max(reach, int(np.ceil(1.2 * defocus_radius_um(na, index, defocus_um) / step))) + 1
    size = fft.next_fast_len(max(needed + needed // 4, 64))
    intensity = pupil_intensity(na, index, wavelength_um, step, size, defocus_um)
    fine = fft.fftshift(intensity)
    middle = size // 2
    if integrate:
        window = slice(middle - reach, middle + reach + 1)
        kernel = bin_sum(fine[window, window], finer)
    else:
        window = slice(middle - half * finer, middle + half * finer + 1, finer)
        kernel = fine[window, window]
    kernel = normalised(kernel)
    kernel.setflags(write=False)
    return kernel


def _half_width(
    na: float, index: float | None, wavelength_um: float, pixel_size_um: float, defocus_um: float
) -> int:
    require_range("The pixel size in um", pixel_size_um, 1e-6, 1e3)
    require_range("The wavelength in um", wavelength_um, 0.1, 2.0)
    disc = 0.0 if index is None else defocus_radius_um(na, index, defocus_um)
    return int(np.ceil((disc + 4.0 * 0.61 * wavelength_um / na) / pixel_size_um))


def odd_oversampling(na: float, wavelength_um: float, pixel_size_um: float) -> int:
    """Fine samples along a pixel's side that sample the intensity: odd, so that a pixel's centre falls on one."""
    finer = int(np.ceil(pixel_size_um / (wavelength_um / (4.0 * na)) - 1e-9))
    return max(3, finer + 1 - finer % 2)


def _gaussian_profile(sigma: float, half: int, integrate: bool) -> Kernel:
    at = np.arange(-half, half + 1, dtype=float)
    if sigma < 1e-3:
        profile = (at == 0).astype(float)
    elif integrate:
        edges = np.append(at - 0.5, half + 0.5)
        profile = np.diff(special.ndtr(edges / sigma))
    else:
        profile = np.exp(-0.5 * (at / sigma) ** 2)
    return np.asarray(profile / profile.sum())


def _radii(half: int) -> Kernel:
    at = np.arange(-half, half + 1, dtype=float)
    return np.asarray(np.hypot(at[:, None], at[None, :]))


def bin_sum(fine: Kernel, factor: int) -> Kernel:
    """Sum squares of ``factor`` by ``factor`` samples; the shape ``(Y, X)`` is a multiple of it."""
    rows, columns = fine.shape[0] // factor, fine.shape[1] // factor
    return np.asarray(fine.reshape(rows, factor, columns, factor).sum(axis=(1, 3)))


def normalised(kernel: Kernel) -> Kernel:
    """Scale to unit sum."""
    return np.asarray(kernel / kernel.sum())
