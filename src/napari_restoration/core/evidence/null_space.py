"""Null-space share: how much of a restoration's detail the measurement says nothing about.

A microscope passes a frequency f of the specimen with the strength ``|H(f)|``. What of the restoration lies where H is
too weak to rise above the noise can be neither confirmed nor refuted by the raw image: it comes from the network's
experience. Such detail may be right, but it is where structure is made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import fft

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence.planes import (
    WINDOW,
    Plane,
    as_plane,
    check_window,
    display_range,
    local_mean,
)
from napari_restoration.core.nonfinite import fill_missing

Boundary = Literal["reflect", "circular"]

# Detail below one per cent of the contrast that an image is shown with is not seen, whatever its share.
_UNSEEN = 0.01
_LEAST_PAD = 32


@dataclass(frozen=True, eq=False)
class NullSpace:
    """Detail beyond the reach of the measurement. Missing pixels are NaN in the maps.

    Attributes
    ----------
    beyond : ndarray
        ``(Y, X)``, float32: ``x - x_range``, the part of the restoration that the measurement does not hold, in the
        restoration's unit.
    share : ndarray
        ``(Y, X)``, float32 in [0, 1]: energy of `beyond` in a window over that of the restoration's variation.
    quality : ndarray
        ``(Y, X)``, float32: ``1 - share``.
    overall_share : float
        Energy of `beyond` over that of ``x - mean(x)``, whole plane; 0 for a constant one.
    """

    beyond: Plane
    share: Plane
    quality: Plane
    overall_share: float


def noise_to_signal(restored: npt.ArrayLike, noise_variance: float) -> float:
    """Return eps, the power of the noise over that of the restoration, both as variances.

    Parameters
    ----------
    restored : array-like
        ``(Y, X)``, any unit.
    noise_variance : float
        Mean variance of the raw image's noise in the squared unit, such as mean light plus squared read noise.

    Returns
    -------
    float
        Above 0. A frequency with ``|H|^2`` = eps is held by half. A constant restoration has no signal: 1.

    Raises
    ------
    InputError
        If the variance is not a positive number or no pixel is finite.
    """
    plane = as_plane("restored image", restored)
    if not (noise_variance > 0 and np.isfinite(noise_variance)):
        raise InputError(f"The variance of the noise is {noise_variance}: give a positive number.")
    finite = plane[np.isfinite(plane)].astype(np.float64)
    if not finite.size:
        raise InputError("The restored image has no finite pixel: there is nothing to judge.")
    variance = float(finite.var())
    return min(1.0, noise_variance / variance) if variance > 0 else 1.0


def null_space_share(
    restored: npt.ArrayLike,
    kernel: npt.ArrayLike,
    eps: float,
    *,
    scale: int = 1,
    window: int = WINDOW,
    boundary: Boundary = "reflect",
) -> NullSpace:
    """Separate a restoration into what the measurement holds and what lies beyond it.

    ``x_range = F^-1{ |H|^2 / (|H|^2 + eps) X }`` with the restoration's transform X.

    Parameters
    ----------
    restored : array-like
        ``(Y, X)``.
    kernel : array-like
        ``(h, w)``, odd sides, sum above 0: the PSF on the restoration's grid, its origin in the middle.
    eps : float
        Noise power over signal power, above 0, see `noise_to_signal`.
    scale : int
        Pixels of the restoration for one of the raw image along each axis. Above 1 the raw pixel's area is part of H,
        and frequencies beyond the raw image's finest are not held.
    window : int
        Odd side in pixels of the squares that energies are averaged over.
    boundary : {"reflect", "circular"}
        What lies beyond the border; "circular" for images that repeat.

    Returns
    -------
    NullSpace

    Raises
    ------
    InputError
        If an array or a number cannot be used.

    Notes
    -----
    Both energies are of what varies within the window, and the square of 1 % of the contrast that the image is shown
    with is added to the restoration's. So a bright body does not hide texture that was made up on it, and an empty
    background has a share of 0, not of 0/0.
    """
    plane, psf = as_plane("restored image", restored), _checked_kernel(kernel)
    _check(eps, scale, window)
    valid = np.isfinite(plane)
    if not valid.any():
        raise InputError("The restored image has no finite pixel: there is nothing to judge.")
    filled = fill_missing(plane, 0.0)[0]
    level = float(filled[valid].mean(dtype=np.float64))
    # Without its level an image keeps more digits of its detail in float32.
    centred = (filled - np.float32(level)).astype(np.float32)
    beyond = centred - _held(centred, psf, float(eps), scale, boundary)
    beyond[~valid] = np.nan
    share, overall = _shares(centred, beyond, valid, window, display_range(plane))
    return NullSpace(beyond, share, (1 - share).astype(np.float32), overall)


def _check(eps: float, scale: int, window: int) -> None:
    check_window(window)
    if not (eps > 0 and np.isfinite(eps)):
        raise InputError(f"The noise has {eps} times the signal's power: give a number above 0.")
    if scale < 1:
        raise InputError(f"The restoration has {scale} pixels for one of the raw image: give 1 or more.")


def _shares(
    centred: Plane, beyond: Plane, valid: npt.NDArray[np.bool_], window: int, contrast: float
) -> tuple[Plane, float]:
    lost, energy = _variation(beyond, valid, window), _variation(centred, valid, window)
    floor = (_UNSEEN * contrast) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = lost / (energy + floor)
    # Rounding leaves a constant plane with next to no detail, over none.
    share = np.where(valid & ~(ratio >= 0), 0.0, np.minimum(ratio, 1.0)).astype(np.float32)
    share[~valid] = np.nan
    total = float(np.sum(centred[valid].astype(np.float64) ** 2))
    overall = float(np.sum(beyond[valid].astype(np.float64) ** 2)) / total if total > 0 else 0.0
    return share, min(overall, 1.0)


def _variation(plane: Plane, valid: npt.NDArray[np.bool_], window: int) -> npt.NDArray[np.float64]:
    """Variance of a plane within the window around each pixel."""
    mean = local_mean(plane, valid, window)[0].astype(np.float64)
    square = local_mean(plane.astype(np.float64) ** 2, valid, window)[0].astype(np.float64)
    return np.asarray(np.maximum(square - mean**2, 0))


def _held(centred: Plane, psf: npt.NDArray[np.float64], eps: float, scale: int, boundary: Boundary) -> Plane:
    """x_range, by transforms of the plane with its surroundings."""
    pads = [(0, 0), (0, 0)]
    if boundary == "reflect":
        pads = []
        for side, width in zip(centred.shape, psf.shape, strict=True):
            before = max(width // 2, _LEAST_PAD)
            length = fft.next_fast_len(side + 2 * before, real=True)
            pads.append((before, length - side - before))
    around = np.pad(centred, pads, mode="symmetric") if boundary == "reflect" else centred
    squared = _transfer(psf, around.shape, scale)
    spectrum = fft.rfft2(around) * (squared / (squared + np.float32(eps)))
    held = fft.irfft2(spectrum, s=around.shape)
    (top, _), (left, _) = pads
    kept = held[top : top + centred.shape[0], left : left + centred.shape[1]]
    return np.ascontiguousarray(kept, dtype=np.float32)


def _transfer(psf: npt.NDArray[np.float64], shape: tuple[int, ...], scale: int) -> Plane:
    """``|H|^2`` at the frequencies of `rfft2`; where the kernel's origin lies does not matter."""
    folded = np.zeros(shape)
    rows, columns = (np.arange(width) % side for width, side in zip(psf.shape, shape, strict=True))
    np.add.at(folded, np.ix_(rows, columns), psf)
    squared = np.abs(fft.rfft2(folded)) ** 2
    if scale > 1:
        along_y, along_x = fft.fftfreq(shape[0])[:, None], fft.rfftfreq(shape[1])[None, :]
        squared *= (_pixel(along_y, scale) * _pixel(along_x, scale)) ** 2
        squared *= (np.abs(along_y) <= 0.5 / scale) & (along_x <= 0.5 / scale)
    return np.asarray(squared, dtype=np.float32)


def _pixel(frequency: npt.NDArray[Any], scale: int) -> npt.NDArray[np.float64]:
    """Transfer of the mean over `scale` pixels (Dirichlet's kernel)."""
    sines = np.sin(np.pi * frequency)
    safe = np.where(sines == 0, 1, sines)
    return np.where(sines == 0, 1, np.sin(np.pi * frequency * scale) / (scale * safe))


def _checked_kernel(kernel: npt.ArrayLike) -> npt.NDArray[np.float64]:
    psf = np.asarray(kernel, dtype=np.float64)
    if psf.ndim != 2 or any(side % 2 == 0 for side in psf.shape):
        raise InputError(
            f"The PSF has shape {psf.shape}: give a plane with odd sides (of a 3D one, the plane in focus)."
        )
    total = float(psf.sum())
    if not (np.isfinite(total) and total > 0):
        raise InputError(f"The PSF sums to {total}: give one with a positive sum.")
    return psf / total
