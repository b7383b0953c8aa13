"""Scores of a restored image against its target: of the whole, of blocks, and of crops to look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.metrics import SSIM_WINDOW, fit_affine, ssim

Float = NDArray[np.float32]
Float64 = NDArray[np.float64]

MOST_PSNR = 100.0
"""What equal images count as, in dB: an infinite value has no mean."""

_STRUCTURE = 0.05
_SMOOTHING_PX = 1.5


@dataclass(frozen=True, eq=False, kw_only=True)
class Judged:
    """A picture beside its target.

    Attributes
    ----------
    psnr : float
        In dB, at most 100.
    ssim : float or None
        None for images below 11 pixels.
    error : ndarray
        ``(Y, X)`` squared error of each pixel, in units of the target's range.
    """

    psnr: float
    ssim: float | None
    error: Float64


def judge(picture: Float, target: Float, *, affine: bool) -> Judged:
    """Score a picture ``(Y, X)``; the data range is maximum minus minimum of the target.

    Parameters
    ----------
    picture, target : ndarray
        ``(Y, X)`` of equal shape; the target is not constant.
    affine : bool
        After the gain and offset that fit the picture best.
    """
    wanted, got = target.astype(np.float64), picture.astype(np.float64)
    limit = float(np.ptp(wanted))
    if affine:
        gain, offset = fit_affine(got, wanted)
        got = gain * got + offset
    error = ((got - wanted) / limit) ** 2
    similar = ssim(got, wanted, data_range=limit) if min(wanted.shape) >= SSIM_WINDOW else None
    return Judged(psnr=psnr_of(float(error.mean())), ssim=similar, error=error)


def psnr_of(error: float) -> float:
    """PSNR in dB of a mean squared error in units of the data range, at most 100."""
    return -10 * math.log10(max(error, 10 ** (-MOST_PSNR / 10)))


def as_picture(given: Float, shape: tuple[int, int]) -> Float:
    """The input as a picture on the target's grid: the mean of a burst, enlarged bicubically where it is coarser."""
    plane = given.mean(axis=0) if given.ndim == 3 else given
    if plane.shape == shape:
        return np.asarray(plane, dtype=np.float32)
    from skimage import transform

    resize: Any = transform.resize  # scikit-image has no types here
    enlarged = resize(
        plane, shape, order=3, mode="symmetric", clip=False, anti_aliasing=False, preserve_range=True
    )
    return np.asarray(enlarged, dtype=np.float32)


def structured(target: Float, side: int, step: int) -> list[tuple[int, int]]:
    """Corners ``(y, x)`` of the squares on a grid that show structure.

    Parameters
    ----------
    target : ndarray
        ``(Y, X)``.
    side, step : int
        Of the squares, and of the grid; equal ones do not overlap.

    Returns
    -------
    list of tuple
        Where the smoothed target varies by 5 % of its own range (2nd to 99.8th percentile) at least.
    """
    from scipy import ndimage

    smooth = ndimage.gaussian_filter(target.astype(np.float64), _SMOOTHING_PX, mode="reflect")
    low, high = np.percentile(smooth, [2.0, 99.8])
    return [
        (y, x)
        for y in range(0, target.shape[0] - side + 1, step)
        for x in range(0, target.shape[1] - side + 1, step)
        if high > low and smooth[y : y + side, x : x + side].std() >= _STRUCTURE * (high - low)
    ]


def gains(before: Float64, after: Float64, corners: Sequence[tuple[int, int]], side: int) -> list[float]:
    """Difference in PSNR in dB, after minus before, within each square.

    Parameters
    ----------
    before, after : ndarray
        ``(Y, X)``, see `Judged.error`.
    corners, side
        See `structured`.
    """
    return [
        psnr_of(float(after[y : y + side, x : x + side].mean()))
        - psnr_of(float(before[y : y + side, x : x + side].mean()))
        for y, x in corners
    ]
