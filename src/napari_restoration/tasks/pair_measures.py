"""What a pair of images has in common and what not: numbers that `pair_findings` puts into words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_restoration.core.ecc import Alignment, align, common_region, move
from napari_restoration.core.errors import InputError
from napari_restoration.core.registration import estimate_shift
from napari_restoration.degradations.estimates.blur import BlurEstimate, estimate_blur_between
from napari_restoration.degradations.estimates.flaws import is_empty
from napari_restoration.degradations.estimates.noise import noise_sd
from napari_restoration.tasks.pair_scan import chosen_planes
from napari_restoration.training.pairs.pair import Pair
from napari_restoration.training.pairs.parts import measured_parts
from napari_restoration.training.sources import mean_bin

Float = npt.NDArray[np.float32]

MEASURED_SIDE = 512
"""Of a larger plane a part of this side is measured, in input pixels."""
QUICK_SIDE = 320
"""The same where it must be quick; as large as the planes on which the limits were measured."""
# Pixels of smoothing that make a sharp and a blurred image comparable in brightness.
_COARSE_PX = 6.0
_STRUCTURE_PX = (2.0, 8.0)
_LEVELS = 12
_LEAST_SIDE = 48


@dataclass(frozen=True, kw_only=True)
class Measures:
    """One plane of a pair; the target is taken on the input's pixels.

    Attributes
    ----------
    alignment
        The motion that brings the target onto the input, in input pixels.
    agreement
        Correlation of the structure of 2 to 8 pixels of the two, aligned; NaN if less than 48 pixels are common.
    chance
        What `agreement` reaches at most between images that have nothing in common.
    gain, offset
        ``target = gain * input + offset``, from brightness over many pixels.
    curvature
        How far the relation bends away from a line, as a share of the range; see `is_bent`.
    explained
        Share of the line's residuals that the bend explains.
    noise_ratio
        Noise of the target over that of the input, both on the input's scale.
    blur_of_input, blur_of_target
        Blur that one has beyond the other; ``None`` if the plane is too small to tell.
    empty_share
        Of the target's patches that hold nothing but noise.
    """

    alignment: Alignment
    agreement: float
    chance: float
    gain: float
    offset: float
    curvature: float
    explained: float
    noise_ratio: float
    blur_of_input: BlurEstimate | None
    blur_of_target: BlurEstimate | None
    empty_share: float

    @property
    def is_bent(self) -> bool:
        """Whether the relation is no line: measured in benchmarks/pair_doctor.md."""
        return self.curvature > 0.045 and self.explained > 0.05


def measure(
    pair: Pair, position: Mapping[str, int], *, patch: int = 64, side: int = MEASURED_SIDE
) -> Measures:
    """Measure one plane of a usable pair.

    Parameters
    ----------
    pair : Pair
        Of which neither image is constant at this place.
    position : mapping of str to int
        The plane.
    patch : int
        Side of the patches that are looked at for emptiness, in target pixels.
    side : int
        Of a larger plane a part is measured, so many input pixels a side; see `measured_parts`.

    Raises
    ------
    InputError
        If the plane is too small to be aligned.
    """
    given, fine = measured_parts(pair, position, side)
    target = mean_bin(fine, pair.scale or 1)
    found = align(given, target, start_px=estimate_shift(given, target))
    agreement, chance = math.nan, 1.0
    moved = target
    if not math.isnan(found.rho):
        moved = move(target, found)
        try:
            region = common_region((given.shape[0], given.shape[1]), [found])
        except InputError:
            region = (slice(None), slice(None))
        given, moved = given[region], moved[region]
    if min(given.shape) >= _LEAST_SIDE:
        agreement, chance = _agreement(given, moved)
    gain, offset, curvature, explained = _brightness(given, moved)
    noise = _noise(given), _noise(target)
    ratio = noise[1] / abs(gain) / noise[0] if gain and noise[0] > 0 else math.inf if noise[1] > 0 else 1.0
    return Measures(
        alignment=found, agreement=agreement, chance=chance, gain=gain, offset=offset, curvature=curvature,
        explained=explained, noise_ratio=ratio,
        blur_of_input=_blur(given, moved), blur_of_target=_blur(moved, given),
        empty_share=_empty_share(fine, patch),
    )  # fmt: skip


def shift_of(pair: Pair) -> tuple[float, float]:
    """Shift that brings the target onto the input, in input pixels: the median of up to three planes."""
    found = []
    for position in chosen_planes(pair):
        given, fine = measured_parts(pair, position, MEASURED_SIDE)
        target = mean_bin(fine, pair.scale or 1)
        found.append(align(given, target, start_px=estimate_shift(given, target)).shift_px)
    down, across = np.median(found, axis=0)
    return float(down), float(across)


def brightness_of(pair: Pair) -> tuple[float, float]:
    """Gain and offset of ``target = gain * input + offset``, of the middle plane."""
    positions = pair.positions()
    one = measure(pair, positions[len(positions) // 2])
    return one.gain, one.offset


def _agreement(given: Float, target: Float) -> tuple[float, float]:
    parts = []
    for plane in (given, target):
        data = plane.astype(np.float64)
        band = ndimage.gaussian_filter(data, _STRUCTURE_PX[0]) - ndimage.gaussian_filter(
            data, _STRUCTURE_PX[1]
        )
        parts.append(band - band.mean())
    norms = float(np.linalg.norm(parts[0]) * np.linalg.norm(parts[1]))
    if norms == 0:
        return 0.0, 1.0
    # One independent value in 4 pi sigma^2 pixels; the search tries a few places.
    chance = 5 / math.sqrt(given.size / (4 * math.pi * _STRUCTURE_PX[0] ** 2))
    return float(np.sum(parts[0] * parts[1])) / norms, min(1.0, chance)


def _brightness(given: Float, target: Float) -> tuple[float, float, float, float]:
    """Line and bend of the target's brightness over the input's, every level counting alike."""
    edge = slice(8, -8, 4) if min(given.shape) >= _LEAST_SIDE else slice(None)
    x, y = (
        ndimage.gaussian_filter(plane.astype(np.float64), _COARSE_PX)[edge, edge].ravel()
        for plane in (given, target)
    )
    low, high = np.percentile(x, [0.5, 99.5])
    if high <= low:
        return 0.0, float(y.mean()), 0.0, 0.0
    u = (x - low) / (high - low)
    inside = (u >= 0) & (u <= 1)
    u, y = u[inside], y[inside]
    level = np.minimum((u * _LEVELS).astype(int), _LEVELS - 1)
    weight = 1 / np.sqrt(np.maximum(np.bincount(level, minlength=_LEVELS)[level], u.size / 200))
    line, straying = _robust_fit(u, y, weight, 1)
    bend, less = _robust_fit(u, y, weight, 2)
    gain = float(line[1] / (high - low))
    curvature = abs(float(bend[2])) / 4 / max(abs(float(line[1])), 1e-30)
    return gain, float(line[0] - gain * low), curvature, 1 - less / straying if straying > 0 else 0.0


def _robust_fit(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], weight: npt.NDArray[np.float64], order: int
) -> tuple[npt.NDArray[np.float64], float]:
    """Huber regression by a polynomial in x; coefficients and the weighted sum of squares without outliers."""
    terms = np.vander(x, order + 1, increasing=True)
    robust, found = np.ones_like(x), np.zeros(order + 1)
    for _ in range(5):
        used = weight * np.sqrt(robust)
        found = np.asarray(np.linalg.lstsq(terms * used[:, None], y * used, rcond=None)[0], np.float64)
        left = np.abs(y - terms @ found)
        limit = 3 * 1.4826 * float(np.median(left)) + 1e-12 * float(np.ptp(y)) + 1e-300
        robust = np.minimum(1, limit / np.maximum(left, 1e-300))
    return found, float(np.sum((weight * (y - terms @ found)) ** 2))


def _noise(plane: Float) -> float:
    return noise_sd(plane) if min(plane.shape) >= 24 else 0.0


def _blur(bad: Float, good: Float) -> BlurEstimate | None:
    if min(bad.shape) < _LEAST_SIDE:
        return None
    return estimate_blur_between(bad, good)


def _empty_share(plane: npt.NDArray[Any], patch: int) -> float:
    """Share of the patches in which a test finds nothing but noise and a slow shading."""
    side = min(patch, *plane.shape)
    if side < 24:
        return 0.0
    variance = _noise(plane) ** 2
    # Without noise nothing is hidden by it; then a patch is empty if it has next to no contrast.
    variance = max(variance, (1e-4 * float(np.ptp(plane))) ** 2)
    empty = total = 0
    for y in range(0, plane.shape[0] - side + 1, side):
        for x in range(0, plane.shape[1] - side + 1, side):
            total += 1
            empty += is_empty(plane[y : y + side, x : x + side].astype(np.float64), variance)
    return empty / total
