"""How close an image is to a reference: PSNR, SSIM, correlation and errors.

Everything is computed in float64. The data range is always given, never inferred from a data type. The first
argument is the image to judge, the second the reference; only `nrmse` and `fit_affine` tell them apart.
A value that is not a number makes every metric NaN. Shapes that differ are an `InputError` everywhere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError

Float64 = npt.NDArray[np.float64]

SSIM_WINDOW = 11
"""Side in pixels of the Gaussian window; smaller images have no SSIM."""

_UNIFORM_WINDOW = 7

METRICS = ("psnr", "ssim", "pcc", "mae", "nrmse")
"""Names of the plain scores that `score` returns; each has a twin that ends in ``_affine``."""


def psnr(x: npt.ArrayLike, y: npt.ArrayLike, *, data_range: float) -> float:
    """Peak signal-to-noise ratio.

    Parameters
    ----------
    x, y : array-like
        Image and reference, any shape but the same.
    data_range : float
        The intensity range L that the error is compared with.

    Returns
    -------
    float
        ``10 log10(L^2 / mean((x - y)^2))`` in dB; infinite for identical images.

    Raises
    ------
    InputError
        If the data range is not a positive number.
    """
    a, b = _pair(x, y)
    # Dividing first keeps the square of a tiny or huge intensity inside the range of a float.
    error = float(np.mean(((a - b) / _checked_range(data_range)) ** 2))
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(x: npt.ArrayLike, y: npt.ArrayLike, *, data_range: float, channel_axis: int | None = None) -> float:
    """Structural similarity of Wang et al. (2004): Gaussian window of sigma 1.5, population covariance.

    Parameters
    ----------
    x, y : array-like of shape (Y, X)
        Image and reference; with `channel_axis` one more axis.
    data_range : float
        The intensity range L; the constants are ``(0.01 L)^2`` and ``(0.03 L)^2``.
    channel_axis : int, optional
        Axis of the channels, which are scored one by one and averaged.

    Returns
    -------
    float
        Mean over the image without its outermost 5 pixels, at most 1.

    Raises
    ------
    InputError
        If a plane is smaller than 11 x 11 pixels, or the data range is not a positive number.
    """
    return _similarity(
        x,
        y,
        data_range,
        channel_axis,
        SSIM_WINDOW,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )


def ssim_u7(
    x: npt.ArrayLike, y: npt.ArrayLike, *, data_range: float, channel_axis: int | None = None
) -> float:
    """Structural similarity with a uniform 7 x 7 window and sample covariance.

    This is the variant that older restoration papers report; `ssim`, with the same arguments, is the one to
    use. It needs 7 x 7 pixels.
    """
    return _similarity(x, y, data_range, channel_axis, _UNIFORM_WINDOW, win_size=_UNIFORM_WINDOW)


def pcc(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Pearson correlation over all pixels.

    Parameters
    ----------
    x, y : array-like
        Image and reference, any shape but the same.

    Returns
    -------
    float
        Between -1 and 1; NaN if one of them is constant.
    """
    a, b = _pair(x, y)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return math.nan
    a, b = _centred(a), _centred(b)
    return float(np.clip(np.mean(a * b) / math.sqrt(np.mean(a * a) * np.mean(b * b)), -1.0, 1.0))


def mae(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Mean absolute error, in the images' own intensity units.

    Parameters
    ----------
    x, y : array-like
        Image and reference, any shape but the same.

    Returns
    -------
    float
        ``mean(|x - y|)``.
    """
    a, b = _pair(x, y)
    return float(np.mean(np.abs(a - b)))


def nrmse(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Root mean squared error as a share of the reference's range.

    Parameters
    ----------
    x, y : array-like
        Image and reference, any shape but the same.

    Returns
    -------
    float
        ``rmse / (max(y) - min(y))``; NaN if the reference is constant.
    """
    a, b = _pair(x, y)
    spread = float(np.ptp(b))
    return math.nan if spread == 0 else math.sqrt(float(np.mean(((a - b) / spread) ** 2)))


def fit_affine(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[float, float]:
    """Gain and offset that bring an image closest to a reference in the least squares sense.

    Parameters
    ----------
    x, y : array-like
        Image and reference, any shape but the same.

    Returns
    -------
    gain, offset : float
        ``gain = cov(x, y) / var(x)``, ``offset = mean(y) - gain * mean(x)``. A constant image has gain 0.
    """
    a, b = _pair(x, y)
    mean_x, mean_y = float(np.mean(a)), float(np.mean(b))
    if np.ptp(a) == 0:
        return 0.0, mean_y
    scale = float(np.max(np.abs(a - mean_x)))
    dx = (a - mean_x) / scale
    # Both sums run over the same numbers when y is x, so that the gain is then exactly 1.
    gain = float(np.mean(dx * ((b - mean_y) / scale)) / np.mean(dx * dx))
    return gain, mean_y - gain * mean_x


def score(
    x: npt.ArrayLike, reference: npt.ArrayLike, *, data_range: float | None, channel_axis: int | None = None
) -> dict[str, float]:
    """All scores of one plane, and the same after the best gain and offset.

    Parameters
    ----------
    x, reference : array-like of shape (Y, X)
        Image to judge and reference; with `channel_axis` one more axis.
    data_range : float or None
        The intensity range L of the reference. None says that there is none (a constant reference).
    channel_axis : int, optional
        Axis of colour samples or channels that belong to the plane.

    Returns
    -------
    dict of str to float
        ``psnr``, ``ssim``, ``pcc``, ``mae``, ``nrmse`` and each with ``_affine``. What is undefined is NaN:
        SSIM of planes below 11 pixels, correlation with a constant, everything where a pixel is not finite.

    Raises
    ------
    InputError
        If the data range is not a positive number.
    """
    a, b = _pair(x, reference)
    names = [name + suffix for suffix in ("", "_affine") for name in METRICS]
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return dict.fromkeys(names, math.nan)
    gain, offset = fit_affine(a, b)
    values = [*_plain_scores(a, b, data_range, channel_axis)]
    values += _plain_scores(gain * a + offset, b, data_range, channel_axis)
    scores = dict(zip(names, values, strict=True))
    # The fit turns the sign, and for an uncorrelated pair leaves a constant up to rounding.
    scores["pcc_affine"] = abs(scores["pcc"])
    return scores


def _plain_scores(
    a: Float64, b: Float64, data_range: float | None, channel_axis: int | None
) -> tuple[float, ...]:
    sides = [
        side for axis, side in enumerate(a.shape) if channel_axis is None or axis != channel_axis % a.ndim
    ]
    has_ssim = data_range is not None and min(sides) >= SSIM_WINDOW
    return (
        math.nan if data_range is None else psnr(a, b, data_range=data_range),
        ssim(a, b, data_range=data_range, channel_axis=channel_axis)
        if has_ssim and data_range is not None
        else math.nan,
        pcc(a, b),
        mae(a, b),
        nrmse(a, b),
    )


def _pair(x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Float64, Float64]:
    a, b = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if a.shape != b.shape:
        raise InputError(f"The image has shape {a.shape}, the reference {b.shape}: crop or resample one.")
    if a.size == 0:
        raise InputError(f"The images are empty (shape {a.shape}): there is nothing to compare.")
    return a, b


def _checked_range(data_range: float) -> float:
    value = float(data_range)
    if not (math.isfinite(value) and value > 0):
        raise InputError(
            f"The data range is {data_range}: give a positive number, "
            "such as the reference's maximum minus its minimum."
        )
    return value


def _centred(a: Float64) -> Float64:
    centred = a - np.mean(a)
    return np.asarray(centred / np.max(np.abs(centred)), dtype=np.float64)


def _similarity(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    data_range: float,
    channel_axis: int | None,
    window: int,
    **settings: Any,
) -> float:
    from skimage import metrics

    a, b = _pair(x, y)
    limit = _checked_range(data_range)
    planes = 2 if channel_axis is None else 3
    if a.ndim != planes:
        raise InputError(
            f"SSIM is taken plane by plane, but the image has shape {a.shape}: score one (Y, X) plane."
        )
    sides = a.shape if channel_axis is None else np.delete(a.shape, channel_axis)
    if min(sides) < window:
        raise InputError(
            f"SSIM needs planes of at least {window} x {window} pixels, but the image has shape {a.shape}: "
            "compare a larger region, or use PSNR."
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return math.nan
    similarity: Any = metrics.structural_similarity  # scikit-image has no types here
    return float(similarity(a, b, data_range=limit, channel_axis=channel_axis, **settings))
