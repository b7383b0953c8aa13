"""Alignment of two images by their enhanced correlation coefficient, whatever their brightness and contrast.

The measure is the correlation of the two zero-mean images over their overlap, maximised by Gauss-Newton steps
(G. D. Evangelidis and E. Z. Psarakis, IEEE PAMI 30, 1858, 2008). It does not change under ``a * image + b``, a > 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_restoration.core.ecc_steps import SMALLEST_SIDE, Float64, moved_by, standard_error, step
from napari_restoration.core.errors import InputError

Motion = Literal["translation", "rigid"]

# The search begins on strongly smoothed images, where it finds its way from a few pixels off.
_SMOOTHING_PX = (3.0, 1.2)


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """The motion that brings one image onto another.

    Attributes
    ----------
    shift_px
        Along Y and X, to be given to `move`; a positive one moves the content down and to the right.
    angle_rad
        Turn about the image's centre, from the X axis towards the Y axis; 0 for a translation.
    rho
        The correlation reached, -1 to 1; NaN if one image is constant over the overlap.
    error_px
        Standard error of each of the two shifts, from what the motion leaves unexplained.
    steps
        Gauss-Newton steps taken.
    has_converged
        Whether the last step changed `rho` by less than the tolerance.
    """

    shift_px: tuple[float, float]
    angle_rad: float
    rho: float
    error_px: float
    steps: int
    has_converged: bool


def align(
    reference: npt.ArrayLike,
    moving: npt.ArrayLike,
    *,
    start_px: tuple[float, float] = (0.0, 0.0),
    motion: Motion = "translation",
    tolerance: float = 1e-6,
    most_steps: int = 200,
) -> Alignment:
    """Find the sub-pixel motion that brings `moving` onto `reference`.

    Parameters
    ----------
    reference, moving : array-like of shape (Y, X)
        Images of equal shape, all values finite, of any brightness and contrast.
    start_px : tuple of float
        Shift to begin with, right to a few pixels; `core.registration.estimate_shift` finds one.
    motion : {"translation", "rigid"}
        Whether the image may also turn.
    tolerance : float
        The search ends when `rho` changes by less.
    most_steps : int
        It ends after so many steps in any case.

    Returns
    -------
    Alignment
        The best motion found.

    Raises
    ------
    InputError
        If the shapes differ, a side is below 16 pixels, or a value is not finite.
    """
    fixed, floating = _checked(reference, moving)
    parameters = np.array([*start_px, 0.0][: 2 if motion == "translation" else 3], dtype=np.float64)
    steps, converged = 0, False
    rho = error = math.nan
    for sigma in _SMOOTHING_PX:
        smooth = [ndimage.gaussian_filter(image, sigma, mode="nearest") for image in (fixed, floating)]
        coefficients = ndimage.spline_filter(smooth[1], order=3, mode="mirror")
        best, rho, converged = -math.inf, math.nan, False
        while steps < most_steps:
            change, now = step(smooth[0], coefficients, parameters)
            if math.isnan(now):
                break
            steps += 1
            converged = abs(now - rho) < tolerance
            rho = now
            if now > best:
                best, kept = now, parameters.copy()
            if converged:
                break
            parameters = parameters + change
        if math.isinf(best):
            break
        parameters, rho = kept, best
        error = standard_error(smooth[0], coefficients, parameters, sigma)
    angle = float(parameters[2]) if parameters.size > 2 else 0.0
    return Alignment(
        shift_px=(float(parameters[0]), float(parameters[1])), angle_rad=angle, rho=rho, error_px=error, steps=steps,
        has_converged=converged,
    )  # fmt: skip


def move(plane: npt.NDArray[Any], found: Alignment) -> npt.NDArray[np.float32]:
    """Carry a motion out with cubic splines.

    Parameters
    ----------
    plane : ndarray
        ``(Y, X)``, all values finite.
    found : Alignment
        From `align`.

    Returns
    -------
    ndarray
        ``(Y, X)`` float32; mirrored where nothing is known, see `common_region`.
    """
    if found.shift_px == (0.0, 0.0) and found.angle_rad == 0:
        return np.asarray(plane, dtype=np.float32)
    data = np.asarray(plane, dtype=np.float64)
    coefficients = ndimage.spline_filter(data, order=3, mode="mirror")
    return moved_by(coefficients, np.array([*found.shift_px, found.angle_rad]), "mirror").astype(np.float32)


def common_region(
    shape: tuple[int, int], motions: Sequence[Alignment], *, margin_px: int = 1
) -> tuple[slice, slice]:
    """The largest centred rectangle on which every moved image is known.

    Parameters
    ----------
    shape : tuple of int
        Y and X of the images.
    motions : sequence of Alignment
        How each was moved; an image at rest may be left out.
    margin_px : int
        Cut off in addition where an image moved by a fraction, for the reach of the splines.

    Returns
    -------
    tuple of slice
        Rows and columns.

    Raises
    ------
    InputError
        If nothing is common to all.
    """
    before, after = np.zeros(2), np.zeros(2)
    for one in motions:
        # A turn moves the corners farthest: outwards by half the other side.
        turn = np.abs(np.sin(one.angle_rad)) * np.array([shape[1], shape[0]]) / 2
        for axis, shift in enumerate(one.shift_px):
            more = margin_px if shift != round(shift) or one.angle_rad else 0
            cut = shift + turn[axis], -shift + turn[axis]
            before[axis] = max(before[axis], math.ceil(cut[0]) + more)
            after[axis] = max(after[axis], math.ceil(cut[1]) + more)
    region = [slice(int(b), int(n - a)) for n, b, a in zip(shape, before, after, strict=True)]
    if any(part.stop - part.start < 1 for part in region):
        raise InputError(
            f"The images of {shape[0]} x {shape[1]} pixels have moved apart: nothing is common to all."
        )
    return region[0], region[1]


def _checked(reference: npt.ArrayLike, moving: npt.ArrayLike) -> tuple[Float64, Float64]:
    fixed, floating = (np.asarray(image, dtype=np.float64) for image in (reference, moving))
    if fixed.ndim != 2 or fixed.shape != floating.shape:
        raise InputError(
            f"Images of shapes {fixed.shape} and {floating.shape} cannot be aligned: crop them to one plane."
        )
    if min(fixed.shape) < SMALLEST_SIDE:
        raise InputError(
            f"An image of {fixed.shape[0]} x {fixed.shape[1]} pixels is too small to align; {SMALLEST_SIDE} are needed."
        )
    if not (np.isfinite(fixed).all() and np.isfinite(floating).all()):
        raise InputError("An image to align holds missing pixels (NaN or infinite): fill them first.")
    return fixed, floating
