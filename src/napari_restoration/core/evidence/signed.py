"""Local mean of the standardised residual with its sign: small errors of one sign over a wide area add up.

The mean of z^2 in a window finds residuals that are large. A smooth structure that was made up shifts z by less than
one standard deviation everywhere and hides in it; the mean of z over an area of matching size does not average it away.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence.planes import Plane, as_plane, same_shape

SIGMAS_PX = (1.0, 2.0, 4.0, 8.0)
"""Widths of the areas that are averaged over, as Gaussians, in raw pixels."""

_AROUND_SIGMAS = 8.0
# What is expected locally never counts as less than this share of what is expected on the whole plane.
_LEAST_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class SignedMeans:
    """Weighted sums of z that have the variance 1 where z is white noise.

    Attributes
    ----------
    strongest : ndarray
        ``(Y, X)``, float32: of all widths the value farthest from 0; positive where the raw image is brighter than
        expected (structure was removed), negative where it is darker (structure was added). NaN where z is.
    """

    strongest: Plane


def signed_means(
    z: npt.ArrayLike, repeat: npt.ArrayLike | None = None, *, sigmas_px: tuple[float, ...] = SIGMAS_PX
) -> SignedMeans:
    """Average a standardised residual over Gaussian areas of several widths.

    Parameters
    ----------
    z : array-like
        ``(Y, X)``, see `data_consistency`; NaN where pixels are missing.
    repeat : array-like, optional
        ``(Y, X)``, z of a simulated raw image that was restored in the same way. Its local spread is what is expected
        by chance and by the restoration's own smoothing; without it white noise is.
    sigmas_px : tuple of float
        Standard deviations above 0.

    Returns
    -------
    SignedMeans

    Raises
    ------
    InputError
        If the arrays do not fit or a width is not above 0.
    """
    plane = as_plane("standardised residual", z)
    simulated = None if repeat is None else as_plane("repeated residual", repeat)
    if simulated is not None:
        same_shape(("standardised residual", "repeated residual"), plane, simulated)
    if not sigmas_px or not all(np.isfinite(sigma) and sigma > 0 for sigma in sigmas_px):
        raise InputError(f"The widths are {sigmas_px}: give one or more above 0 pixels.")
    found = np.zeros(plane.shape, dtype=np.float32)
    for sigma in sigmas_px:
        sums = _standardised(plane, sigma)
        if simulated is not None:
            sums = sums / _expected(_standardised(simulated, sigma), sigma)
        found = np.where(np.abs(sums) > np.abs(found), sums, found)
    found[~np.isfinite(plane)] = np.nan
    return SignedMeans(found.astype(np.float32, copy=False))


def _standardised(plane: Plane, sigma: float) -> Plane:
    """Gaussian mean over the pixels that exist, in units of what white noise of variance 1 gives."""
    known = np.isfinite(plane)
    weight = ndimage.gaussian_filter(known.astype(np.float32), sigma, mode="constant")
    mean = ndimage.gaussian_filter(np.where(known, plane, 0).astype(np.float32), sigma, mode="constant")
    # The squared Gaussian is a Gaussian narrower by sqrt(2), with the sum 1 / (4 pi sigma^2).
    squared = ndimage.gaussian_filter(known.astype(np.float32), sigma / np.sqrt(2), mode="constant")
    spread = np.sqrt(np.maximum(squared, 1e-3) / (4 * np.pi * sigma**2))
    return np.asarray(np.where(weight > 0, mean / spread, 0), dtype=np.float32)


def _expected(repeated: Plane, sigma: float) -> Plane:
    """Local standard deviation of the repeat's sums around 0."""
    squares = repeated.astype(np.float32) ** 2
    overall = float(squares.mean(dtype=np.float64))
    local = ndimage.gaussian_filter(squares, _AROUND_SIGMAS * max(sigma, 2.0), mode="reflect")
    return np.asarray(np.sqrt(np.maximum(local, max(_LEAST_SHARE**2 * overall, 1e-6))), dtype=np.float32)
