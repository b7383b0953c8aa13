"""Data consistency: whether the microscope would have recorded this image of a specimen like the restoration.

With the raw image y, the restoration x and the forward model A, all in electrons, ``z = (y - A x) / sqrt(A x + s^2)``
has mean 0 and variance 1 where x is right and the noise is shot noise with read noise s. The mean of z^2 in a window
is then chi-squared. It is looked at from both sides: far above 1 something was removed or added, far below 1 the
restoration has copied the noise.

Below 5 expected electrons both sides are taken through ``t(y) = 2 sqrt(y + 3/8 + s^2)`` (F. J. Anscombe,
Biometrika 35 (1948) 246), compared with the exact mean of t and divided by its exact standard deviation, as the
transform alone is biased by up to 0.2 standard deviations there. A x below 0.01 electrons counts as 0.01.
The number of independent pixels in a window is ``2 n / v / sum(rho^2)`` with the mean v of the variance of z^2
(2 for normal noise, more for few electrons) and the autocorrelation rho of z, see `independent_share`.

What a restoration that follows the noise leaves of z^2 is found by restoring a simulated raw image, ``A x`` with new
noise, and smoothing that residual's z^2; without it good restorations of bright structure are marked as copies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence.planes import (
    WINDOW,
    Mask,
    Plane,
    as_plane,
    check_window,
    coarse_mask,
    local_mean,
    same_shape,
)
from napari_restoration.core.evidence.whiteness import REACH, autocorrelation, independent_share
from napari_restoration.core.nonfinite import fill_missing

Forward: TypeAlias = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]
"""The forward model's expectation: from ``(Y, X)`` of the restoration's grid to ``(y, x)`` of the raw image's."""

_FEW = 5.0
_FEWEST = 0.01
_STEPS = 2048
_MOST_COUNTS = 60


@dataclass(frozen=True, eq=False)
class Consistency:
    """How well a restoration explains its raw image. Missing pixels are NaN in every map.

    Attributes
    ----------
    z : ndarray
        ``(Y, X)``, float32: the residual in standard deviations of the noise; positive where the raw image is brighter.
    mean_square : ndarray
        ``(Y, X)``, float32: local mean of z^2. 1 is right, below it noise was copied, above it structure is wrong.
    quality : ndarray
        ``(Y, X)``, float32 in [0, 1]: two-sided p-value of `mean_square`. Even where all is right it is spread evenly
        over [0, 1]: only values near 0 mean something.
    too_far : ndarray
        ``(Y, X)``, float32 in [0, 1]: p-value of the upper side alone. Low where structure was added or removed; a
        restoration that follows the noise does not lower it.
    overall_mean, overall_mean_square : float
        Of z over the whole plane. A mean square far from 1 everywhere speaks of a wrong gain or read noise.
    autocorrelation : ndarray
        ``(2, 5)``: correlation of z with itself at 1 to 5 pixels along y and along x; 0 for what is left of noise.
    autocorrelation_error : float
        What chance gives, as a standard deviation.
    independent_share : float
        How many of the pixels in a window count as independent, in (0, 1].
    """

    z: Plane
    mean_square: Plane
    quality: Plane
    too_far: Plane
    overall_mean: float
    overall_mean_square: float
    autocorrelation: npt.NDArray[np.float64]
    autocorrelation_error: float
    independent_share: float


def data_consistency(
    raw: npt.ArrayLike,
    restored: npt.ArrayLike,
    forward: Forward | None = None,
    *,
    read_noise_electrons: float = 0.0,
    variance_error: float = 0.0,
    expected_mean_square: float | npt.ArrayLike = 1.0,
    window: int = WINDOW,
) -> Consistency:
    """Compare what the forward model makes of a restoration with the raw image.

    Parameters
    ----------
    raw, restored : array-like
        ``(y, x)`` and ``(Y, X)``, both in electrons a raw pixel above the camera's offset.
    forward : callable, optional
        A without noise: ``(Y, X)`` -> ``(y, x)``. None is the identity (no blur).
    read_noise_electrons : float
        Standard deviation s of the read noise, at least 0.
    variance_error : float
        Relative standard error of the noise's variance, at least 0, where gain and read noise were estimated.
    expected_mean_square : float or array-like
        What z^2 should be on average, a number above 0 or ``(y, x)``. A restoration made from the raw image repeats
        a part of its noise and leaves less than 1.
    window : int
        Odd side in pixels of the squares that z^2 is averaged over.

    Returns
    -------
    Consistency

    Raises
    ------
    InputError
        If an array is no plane, grids do not fit, a number is out of range, or no pixel is finite.
    """
    _check(read_noise_electrons, variance_error, window)
    measured = as_plane("raw image", raw)
    predicted, valid = _predicted(measured, as_plane("restored image", restored), forward)
    z, excess = standardised(measured, predicted, float(read_noise_electrons))
    z[~valid] = np.nan
    mean_square, count = local_mean(z * z, valid, window)
    lags, error = autocorrelation(z, valid)
    share = independent_share(lags, error, window)
    number = _independent(count, excess, valid, share, variance_error, window)
    below = _below(mean_square / _expected(expected_mean_square, measured), number, valid)
    kept = z[valid].astype(np.float64)
    return Consistency(
        z=z,
        mean_square=mean_square,
        quality=np.minimum(1, 2 * np.minimum(below, 1 - below)),
        too_far=1 - below,
        overall_mean=float(kept.mean()),
        overall_mean_square=float(np.mean(kept**2)),
        autocorrelation=np.stack([lags[REACH + 1 :, REACH], lags[REACH, REACH + 1 :]]),
        autocorrelation_error=error,
        independent_share=share,
    )


def _check(read_noise: float, variance_error: float, window: int) -> None:
    if not (read_noise >= 0 and np.isfinite(read_noise)):
        raise InputError(f"The read noise is {read_noise} electrons: give 0 or more.")
    if not (variance_error >= 0 and np.isfinite(variance_error)):
        raise InputError(f"The relative error of the noise's variance is {variance_error}: give 0 or more.")
    check_window(window)


def _expected(mean_square: float | npt.ArrayLike, measured: Plane) -> Plane:
    expected = np.asarray(mean_square, dtype=np.float32)
    if expected.ndim:
        same_shape(("raw image", "expected mean square"), measured, expected)
    if not (expected > 0).all():
        raise InputError(
            f"The expected mean square goes down to {float(expected.min()):g}: it must be above 0."
        )
    return expected


def standardised(measured: Plane, predicted: Plane, read_noise: float) -> tuple[Plane, Plane]:
    """Residual in standard deviations of shot and read noise, and the variance that its square has by chance.

    Parameters
    ----------
    measured, predicted : ndarray
        ``(Y, X)``, float32, in electrons.
    read_noise : float
        In electrons.

    Returns
    -------
    z, excess : ndarray
        ``(Y, X)``, float32. The variance of z^2 is 2 for normal noise; Poisson counts of mean m have ``2 + 1/m``.
    """
    light = np.maximum(predicted, np.float32(_FEWEST))
    variance = light + np.float32(read_noise**2)
    z = (measured - light) / np.sqrt(variance)
    excess = 2 + light / variance**2
    few = light < _FEW
    if few.any():
        mean, spread, fourth = _transformed(read_noise)
        place = (np.sqrt(light[few]) * np.float32(_STEPS / np.sqrt(_FEW))).astype(np.int32)
        raised = np.maximum(measured[few] + np.float32(0.375 + read_noise**2), 0)
        z[few] = (2 * np.sqrt(raised) - mean[place]) / spread[place]
        excess[few] = fourth[place] - 1
    return z.astype(np.float32, copy=False), excess.astype(np.float32, copy=False)


@lru_cache(maxsize=8)
def _transformed(read_noise: float) -> tuple[Plane, Plane, Plane]:
    """Mean, deviation and kurtosis of Anscombe's transform at ``_STEPS`` levels, evenly spaced in the root of light."""
    from scipy.special import gammaln

    root = (np.arange(_STEPS) + 0.5) * np.sqrt(_FEW) / _STEPS
    light = np.maximum(root**2, _FEWEST)[:, None]
    counts = np.arange(_MOST_COUNTS)
    chance = np.exp(counts * np.log(light) - light - gammaln(counts + 1))
    nodes, weights = np.polynomial.hermite_e.hermegauss(33)
    read = counts[:, None] + read_noise * nodes
    transformed = 2 * np.sqrt(np.maximum(read + 0.375 + read_noise**2, 0))
    weights = weights / weights.sum()
    powers = [chance @ (transformed**power @ weights) for power in range(1, 5)]
    mean = powers[0]
    variance = powers[1] - mean**2
    fourth = powers[3] - 4 * mean * powers[2] + 6 * mean**2 * powers[1] - 3 * mean**4
    found = (mean, np.sqrt(variance), fourth / variance**2)
    light_mean, spread, kurtosis = (values.astype(np.float32) for values in found)
    return light_mean, spread, kurtosis


def _predicted(measured: Plane, restored: Plane, forward: Forward | None) -> tuple[Plane, Mask]:
    """A x on the raw image's grid, and which pixels both images have."""
    filled, missing = fill_missing(restored, 0.0)
    made = as_plane("forward model's result", filled if forward is None else forward(filled))
    same_shape(("raw image", "forward model's result"), measured, made)
    valid = np.isfinite(measured) & np.isfinite(made)
    scale = restored.shape[0] // measured.shape[0]
    if missing is not None and restored.shape == (measured.shape[0] * scale, measured.shape[1] * scale):
        valid &= coarse_mask(~missing, scale)
    if not valid.any():
        raise InputError(
            "Raw and restored image have no finite pixel in common: there is nothing to compare."
        )
    return np.where(valid, made, 0), valid


def _independent(
    count: Plane, excess: Plane, valid: Mask, share: float, variance_error: float, window: int
) -> Plane:
    # Everywhere bright the variance of z^2 is that of normal noise, and its mean need not be taken.
    kurtosis = local_mean(excess, valid, window)[0] if float(excess[valid].max()) > 2.02 else np.float32(2)
    number = np.maximum(count, 1) * np.float32(2 * share) / kurtosis
    return np.asarray(1 / (1 / number + np.float32(variance_error**2 / 2)), dtype=np.float32)


def _below(mean_square: Plane, number: Plane, valid: Mask) -> Plane:
    """Chance of a smaller mean square; NaN where pixels are missing."""
    from scipy.special import gammainc

    below = np.full(mean_square.shape, np.nan, dtype=np.float32)
    below[valid] = gammainc(number[valid] / 2, number[valid] * mean_square[valid] / 2)
    return below
