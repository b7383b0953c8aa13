"""Error map after SQUIRREL: the restoration, blurred and scaled to fit the raw image best, against that image.

The idea is that of S. Culley et al., "Quantitative mapping and minimization of super-resolution optical imaging
artifacts", Nature Methods 15 (2018) 263. It needs neither PSF nor noise model; the price is that the raw image's own
noise is part of the error, and that whatever is finer than the raw image's resolution is blurred away before it counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import fft

from napari_restoration.core import metrics
from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence.planes import Mask, Plane, as_plane, coarse_mask, same_shape
from napari_restoration.core.nonfinite import fill_missing

_BINS = 1 << 16
_TRIES = 60


@dataclass(frozen=True, eq=False)
class ErrorMap:
    """Raw image against the fitted restoration. Missing pixels are NaN in the maps.

    Attributes
    ----------
    error : ndarray
        ``(y, x)``, float32: ``|y - x_RS|`` in the raw image's unit.
    fitted : ndarray
        ``(y, x)``, float32: ``x_RS = (gain x + offset) * G_sigma``.
    gain, offset : float
        In raw units for one of the restoration's. A gain below 0 says that the restoration is inverted.
    sigma_px : float
        Standard deviation of the Gaussian G in raw pixels.
    rse : float
        Root mean square of the error, in the raw image's unit.
    rsp : float
        Pearson correlation of raw image and `fitted`; NaN if one of them is constant.
    """

    error: Plane
    fitted: Plane
    gain: float
    offset: float
    sigma_px: float
    rse: float
    rsp: float


def error_map(
    raw: npt.ArrayLike, restored: npt.ArrayLike, *, scale: int = 1, most_sigma_px: float = 20.0
) -> ErrorMap:
    """Fit gain, offset and blur of a restoration to its raw image, and map what is left.

    Minimises ``sum (y - (a x + b) * G_sigma)^2``: a and b in closed form for each sigma, sigma by a search in one
    dimension, in which all sums are taken over frequencies (cosine transforms, so that borders are mirrored).

    Parameters
    ----------
    raw : array-like
        ``(y, x)``, any unit.
    restored : array-like
        ``(y scale, x scale)``, any unit.
    scale : int
        Pixels of the restoration for one of the raw image along each axis; blocks are averaged first.
    most_sigma_px : float
        Largest sigma in raw pixels.

    Returns
    -------
    ErrorMap
        On the raw image's grid.

    Raises
    ------
    InputError
        If the grids do not fit, or no pixel is finite in both images.
    """
    measured, fine = as_plane("raw image", raw), as_plane("restored image", restored)
    if scale < 1 or not most_sigma_px > 0:
        raise InputError(
            f"The scale is {scale} and the largest sigma {most_sigma_px}: give 1 or more, above 0."
        )
    filled, missing = fill_missing(fine, 0.0)
    coarse = _averaged(filled, scale)
    same_shape(("raw image", "restored image on its grid"), measured, coarse)
    valid = np.isfinite(measured)
    if missing is not None:
        valid &= coarse_mask(~missing, scale)
    if not valid.any():
        raise InputError(
            "Raw and restored image have no finite pixel in common: there is nothing to compare."
        )
    sigma, blurred = _best_blur(fill_missing(measured, 0.0)[0], coarse, most_sigma_px)
    return _mapped(measured, blurred, valid, sigma)


def _mapped(measured: Plane, blurred: Plane, valid: Mask, sigma: float) -> ErrorMap:
    y, x = measured[valid], blurred[valid]
    gain, offset = metrics.fit_affine(x, y)
    # float32 would leave a rounding error of its own where the fit is perfect.
    fitted = np.full(measured.shape, np.nan)
    fitted[valid] = gain * x.astype(np.float64) + offset
    error = np.abs(measured - fitted)
    rse = float(np.sqrt(np.mean(error[valid] ** 2)))
    rsp = metrics.pcc(x, y) * float(np.sign(gain)) if gain else float("nan")
    return ErrorMap(error.astype(np.float32), fitted.astype(np.float32), gain, offset, sigma, rse, rsp)


def _best_blur(measured: Plane, restored: Plane, most: float) -> tuple[float, Plane]:
    """Sigma and the restoration blurred by it."""
    from scipy.optimize import minimize_scalar

    squared = _squared_frequency(restored.shape)
    x, y = (_cosines(plane) for plane in (restored, measured))
    place = (squared.ravel() * (2 * (_BINS - 1))).astype(np.int32)
    count = np.maximum(np.bincount(place, minlength=_BINS), 1)
    where = np.bincount(place, weights=squared.ravel(), minlength=_BINS) / count
    crossed = np.bincount(place, weights=(x * y).ravel(), minlength=_BINS)
    power = np.bincount(place, weights=(x * x).ravel(), minlength=_BINS)

    def explained(sigma: float) -> float:
        """How much of y's variance is left unexplained, up to a constant: -cov(y, g)^2 / var(g)."""
        transfer = np.exp(-2 * np.pi**2 * sigma**2 * where)
        variance = float(np.sum(power * transfer**2))
        return -(float(np.sum(crossed * transfer)) ** 2) / variance if variance > 0 else 0.0

    # A search in the logarithm from fine to coarse; the best of a row of tries starts it.
    tries = np.concatenate([[0.0], np.geomspace(0.05, most, _TRIES)])
    values = [explained(sigma) for sigma in tries]
    best = int(np.argmin(values))
    sigma = float(tries[best])
    if best > 0:
        bounds = (float(tries[best - 1]), float(tries[min(best + 1, len(tries) - 1)]))
        found = minimize_scalar(explained, bounds=bounds, method="bounded", options={"xatol": 1e-5})
        sigma = float(found.x) if found.fun < values[best] else sigma
    if sigma == 0 or not x.any():
        return 0.0, restored
    level = np.float32(restored.mean(dtype=np.float64))
    blurred = (
        fft.idctn(x * np.exp(-2 * np.pi**2 * sigma**2 * squared).astype(np.float32), norm="ortho") + level
    )
    return sigma, np.asarray(blurred, dtype=np.float32)


def _cosines(plane: Plane) -> Plane:
    """Cosine transform of a plane less its mean."""
    level = plane.mean(dtype=np.float64)
    found = fft.dctn((plane - level).astype(np.float32), norm="ortho")
    found[0, 0] = 0
    return np.asarray(found if np.ptp(plane) > 0 else np.zeros_like(found))


def _squared_frequency(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Squared frequency of each cell of a cosine transform, in (cycles per pixel)^2."""
    along_y, along_x = (np.arange(side) / (2 * side) for side in shape)
    return np.asarray(along_y[:, None] ** 2 + along_x[None, :] ** 2)


def _averaged(plane: Plane, scale: int) -> Plane:
    height, width = plane.shape
    if height % scale or width % scale:
        raise InputError(
            f"The restored image has shape {plane.shape}, which is no multiple of {scale}: crop it to whole raw pixels."
        )
    blocks = plane.reshape(height // scale, scale, width // scale, scale)
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32))
