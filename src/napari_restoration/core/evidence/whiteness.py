"""Correlation of a residual between neighbouring pixels: noise that is left has none, structure that was lost has."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import fft

from napari_restoration.core.evidence.planes import Mask, Plane

REACH = 5
"""Largest lag in pixels that is looked at."""

_BLOCK = 64
_MOST_BLOCKS = 256

Lags = npt.NDArray[np.float64]


def autocorrelation(residual: Plane, valid: Mask) -> tuple[Lags, float]:
    """Correlation of a residual with itself, shifted by up to `REACH` pixels along both axes.

    It is taken in up to 256 blocks of 64 x 64 pixels, spread evenly, and the median of the blocks is returned: a few
    places where a structure was lost do not hide that the rest is noise. The residual's mean is not taken off, since
    it should be 0.

    Parameters
    ----------
    residual : ndarray
        ``(Y, X)``; invalid pixels may hold anything.
    valid : ndarray of bool
        ``(Y, X)``, which pixels count.

    Returns
    -------
    lags : ndarray
        float64, ``(2 REACH + 1, 2 REACH + 1)`` with no shift in the middle, where it is 1. NaN if the residual is
        zero everywhere or no pixel is valid; also at lags beyond the plane's size.
    error : float
        What chance alone gives, as a standard deviation, in a residual that is white.
    """
    side = min(_BLOCK, max(residual.shape))
    values, mask = _blocks(np.where(valid, residual, 0), side), _blocks(valid, side).astype(np.float32)
    products, pairs = _lagged(values), np.rint(_lagged(mask))
    middle = (slice(None), slice(REACH, REACH + 1), slice(REACH, REACH + 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(pairs > 0, products / pairs, np.nan)
        ratios = np.where(means[middle] > 0, means / means[middle], np.nan)
    known = np.isfinite(ratios[middle].ravel())
    if not known.any():
        return np.full((2 * REACH + 1,) * 2, np.nan), float("nan")
    # The median of many blocks strays by a quarter more than their mean does.
    stray = 1.25 if known.sum() > 1 else 1.0
    error = stray / np.sqrt(float(pairs[middle].ravel()[known].sum()))
    reached = np.isfinite(ratios[known]).any(axis=0)
    lags = np.full(reached.shape, np.nan)
    lags[reached] = np.nanmedian(ratios[known][:, reached], axis=0)
    return lags, float(error)


def independent_share(lags: Lags, error: float, window: int) -> float:
    """How many of the squares in a window count as independent: ``1 / sum of rho^2`` over the lags in it.

    The correlation of the squares of two normal numbers is the square of their own, and the variance of a mean over
    n of them is ``2 / n`` times the sum of these over all lags, weighted by how many pairs the window holds.

    Parameters
    ----------
    lags, error
        See `autocorrelation`; correlations that chance explains are taken off.
    window : int
        Side in pixels.

    Returns
    -------
    float
        In (0, 1]; 1 for white noise.
    """
    if np.isnan(lags).all():
        return 1.0
    weight = np.maximum(1 - np.abs(np.arange(-REACH, REACH + 1)) / window, 0)
    squares = np.maximum(np.nan_to_num(lags) ** 2 - error**2, 0) * np.outer(weight, weight)
    squares[REACH, REACH] = 1.0
    return float(1 / squares.sum())


def _blocks(plane: npt.NDArray[np.generic], side: int) -> npt.NDArray[np.generic]:
    """Cut up to 256 blocks ``(N, y, x)`` out of a plane, evenly spread."""
    rows, columns = (np.arange(max(1, length // side)) * side for length in plane.shape)
    corners = [(top, left) for top in rows for left in columns]
    step = -(-len(corners) // _MOST_BLOCKS)
    height, width = (min(side, length) for length in plane.shape)
    return np.stack([plane[top : top + height, left : left + width] for top, left in corners[::step]])


def _lagged(blocks: npt.NDArray[np.generic]) -> Lags:
    """Sum over pixels of each block times its shifted self, ``(N, 2 REACH + 1, 2 REACH + 1)``."""
    lengths = [fft.next_fast_len(length + REACH, real=True) for length in blocks.shape[1:]]
    lengths = [max(length, 2 * REACH + 1) for length in lengths]
    spectrum = fft.rfft2(blocks.astype(np.float64), s=lengths)
    whole = fft.irfft2(np.abs(spectrum) ** 2, s=lengths)
    return np.asarray(np.roll(whole, (REACH, REACH), axis=(1, 2))[:, : 2 * REACH + 1, : 2 * REACH + 1])
