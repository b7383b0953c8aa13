"""Gauss-Newton steps of `core.ecc`: images over their overlap, slopes, and what the motion leaves unexplained."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Float64 = npt.NDArray[np.float64]

SMALLEST_SIDE = 16
"""Pixels that an image must have along each side."""
# Pixels next to the edge are extrapolated by smoothing and splines; they take no part.
_EDGE_PX = 4
_MOST_STEP_PX = 4.0


def step(fixed: Float64, coefficients: Float64, parameters: Float64) -> tuple[Float64, float]:
    """One Gauss-Newton step from `parameters`, and the correlation there; NaN if there is none."""
    parts = _parts(fixed, coefficients, parameters)
    if parts is None:
        return parameters, math.nan
    r, w, basis = parts
    rho = float(_products(r[None], w[None])[0, 0])
    squares = _products(basis, basis)
    onto_r, onto_w = _products(basis, r[None])[:, 0], _products(basis, w[None])[:, 0]
    try:
        solved_r, solved_w = np.linalg.solve(squares, onto_r), np.linalg.solve(squares, onto_w)
    except np.linalg.LinAlgError:
        return np.zeros_like(parameters), rho
    numerator, denominator = 1 - float(onto_w @ solved_w), rho - float(onto_r @ solved_w)
    # Where the images are hardly alike the optimal weight has no positive value; plain least squares has.
    weight = numerator / denominator if denominator > 1e-12 else max(rho, 1e-3)
    change = weight * solved_r - solved_w
    longest = float(np.abs(change[:2]).max())
    if longest > _MOST_STEP_PX:
        change *= _MOST_STEP_PX / longest
    return change, rho


def _parts(
    fixed: Float64, coefficients: Float64, parameters: Float64
) -> tuple[Float64, Float64, Float64] | None:
    """Both images over their overlap, flat, of zero mean and unit norm, and the moved one's derivatives."""
    rows, columns = _overlap(fixed.shape, parameters)
    if rows.stop - rows.start < SMALLEST_SIDE // 2 or columns.stop - columns.start < SMALLEST_SIDE // 2:
        return None
    moved = moved_by(coefficients, parameters, "mirror")
    basis = np.stack([_centred(slope[rows, columns]).ravel() for slope in _slopes(moved, parameters)])
    r, w = (_centred(image[rows, columns]).ravel() for image in (fixed, moved))
    r_norm, w_norm = (math.sqrt(float(_products(part[None], part[None])[0, 0])) for part in (r, w))
    floor = 1e-9 * math.sqrt(r.size) * max(float(np.abs(fixed).max()), float(np.abs(moved).max()), 1e-300)
    if r_norm <= floor or w_norm <= floor:
        return None
    # Unit norms keep the normal equations well scaled, and leave the step unchanged.
    return r / r_norm, w / w_norm, np.asarray(basis / w_norm, dtype=np.float64)


def standard_error(fixed: Float64, coefficients: Float64, parameters: Float64, sigma: float) -> float:
    """Standard error of the shifts from what is left unexplained.

    The slopes of a noisy image are mostly noise and would promise too much; what the slopes of *both* have in common
    is the scene's.
    """
    parts = _parts(fixed, coefficients, parameters)
    if parts is None:
        return math.nan
    r, w, basis = parts
    rows, columns = _overlap(fixed.shape, parameters)
    other = np.stack([_centred(slope[rows, columns]).ravel() for slope in _slopes(fixed, parameters)])
    other /= np.linalg.norm(_centred(fixed[rows, columns]))
    try:
        back = np.linalg.inv(_products(basis, other))
    except np.linalg.LinAlgError:
        return math.nan
    # Smoothed noise has one independent value in 4 pi sigma^2 pixels.
    left = max(0.0, 1 - float(_products(r[None], w[None])[0, 0]) ** 2) * 4 * math.pi * sigma**2 / r.size
    spread = back @ _products(basis, basis) @ back.T
    return math.sqrt(left * float(max(spread[0, 0], spread[1, 1])))


def moved_by(coefficients: Float64, parameters: Float64, mode: str) -> Float64:
    """Move an image, given by its spline coefficients, by a shift and a turn about its centre."""
    if parameters.size < 3 or parameters[2] == 0:
        return np.asarray(ndimage.shift(coefficients, parameters[:2], order=3, mode=mode, prefilter=False))
    middle = (np.array(coefficients.shape) - 1) / 2
    back = _turn(-float(parameters[2]))
    offset = middle - back @ (middle + parameters[:2])
    return np.asarray(
        ndimage.affine_transform(coefficients, back, offset, order=3, mode=mode, prefilter=False)
    )


def _slopes(moved: Float64, parameters: Float64) -> list[Float64]:
    """Derivatives of the moved image by the parameters."""
    down, across = (np.asarray(slope, dtype=np.float64) for slope in np.gradient(moved))
    if parameters.size < 3:
        return [-down, -across]
    y, x = (
        np.arange(n, dtype=np.float64) - (n - 1) / 2 - shift
        for n, shift in zip(moved.shape, parameters[:2], strict=True)
    )
    # A point at (y, x) from the centre goes to (cos y + sin x, cos x - sin y): d/da is (x, -y).
    turning = across * y[:, None] - down * x[None, :]
    return [-down, -across, np.asarray(turning, dtype=np.float64)]


def _turn(angle: float) -> Float64:
    """Matrix on (y, x) of a turn from X towards Y."""
    c, s = math.cos(angle), math.sin(angle)
    return np.array([[c, s], [-s, c]])


def _overlap(shape: tuple[int, ...], parameters: Float64) -> tuple[slice, slice]:
    angle = float(parameters[2]) if parameters.size > 2 else 0.0
    turn = abs(math.sin(angle)) * np.array([shape[1], shape[0]]) / 2
    spans = []
    for axis in (0, 1):
        shift = float(parameters[axis])
        first = _EDGE_PX + math.ceil(max(0.0, shift + turn[axis]))
        last = shape[axis] - _EDGE_PX - math.ceil(max(0.0, -shift + turn[axis]))
        spans.append(slice(min(first, shape[axis]), max(last, 0)))
    return spans[0], spans[1]


def _centred(part: Float64) -> Float64:
    return np.asarray(part - part.mean(), dtype=np.float64)


def _products(rows: Float64, others: Float64) -> Float64:
    """``rows @ others.T`` in this thread: a few long sums wait longer for other threads than they take."""
    return np.asarray(np.einsum("in,jn->ij", rows, others), dtype=np.float64)
