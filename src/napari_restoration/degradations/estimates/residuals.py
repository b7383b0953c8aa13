"""Noise without structure: high-pass residuals of planes, each with the local mean it belongs to.

The residual is the separable fourth difference ``[1, -4, 6, -4, 1] (x) [1, -4, 6, -4, 1] / 70``. Its response
peaks in the corner of the spectrum, where optics pass next to nothing, and is ``sin(w / 2)^4`` along an axis; white
noise keeps its variance. The mean is that of the 5 x 5 pixels under it. Pixels are sorted by a third quantity, the
mean of the ring of 56 pixels around those (an instrumental variable): as it shares no pixel with the two others,
noise that lifts a pixel into a brighter bin lifts neither the mean nor the variance measured there. Sorted by the
5 x 5 mean itself, read noise of 4 electrons at a peak of 10 made the gain 46 % too high, by the ring 1 %.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.degradations.estimates.clipping import Clipping, find_clipping

Values = npt.NDArray[np.float32]

# Sides of the smallest plane that is left with some pixels inside the margin.
SMALLEST_SIDE = 24
# Pixels that are looked at; more hardly change an estimate that is limited by structure.
MOST_PIXELS = 2_000_000
_MARGIN = 7
_BAND = 64
_FOURTH = np.array([1.0, -4.0, 6.0, -4.0, 1.0]) / np.sqrt(70.0)
_SECOND = np.array([0.0, 1.0, -2.0, 1.0, 0.0]) / np.sqrt(6.0)
_FIRST = np.array([0.0, 0.0, 1.0, -1.0, 0.0]) / np.sqrt(2.0)

# Pixels a degree of freedom, sum over all lags of the squared autocorrelation of white noise after the filter:
# with [1, .8, .4, .114, .0143] along an axis for the fourth difference, and its square in two dimensions.
PIXELS_A_FREEDOM = (1 + 2 * (0.8**2 + 0.4**2 + (8 / 70) ** 2 + (1 / 70) ** 2)) ** 2
PIXELS_A_FREEDOM_SECOND = (1 + 2 * ((4 / 6) ** 2 + (1 / 6) ** 2)) ** 2


@dataclass(frozen=True, eq=False)
class Samples:
    """Pixels of all planes, flat; float32, in grey levels above `common`.

    Attributes
    ----------
    residual, coarser, coarsest
        After the fourth, the second and the first difference along both axes; white noise of variance v has
        the variance v in each. With ``is_temporal`` the residual is the difference of two frames over sqrt(2).
    mean
        Of the 5 x 5 pixels around; of two frames, that of the pixel itself in both.
    level
        What pixels are sorted by: mean of the 9 x 9 pixels around, without the inner 5 x 5.
    activity
        Change of the level across 15 pixels, from pixels that the residual does not use: large at structure.
    clipped
        Share of the 5 x 5 pixels at the ends of the range.
    is_temporal
        Whether the residual is a difference in time, which holds no structure at all.
    clipping
        Levels at which values may have been cut.
    common
        Grey level that is taken off the means and levels.
    is_integer
        Whether all values are whole numbers, so that rounding has added a variance of 1/12.
    """

    residual: Values
    coarser: Values
    coarsest: Values
    mean: Values
    level: Values
    activity: Values
    clipped: Values
    is_temporal: bool
    clipping: Clipping
    common: float
    is_integer: bool

    @property
    def pixels_a_freedom(self) -> float:
        """Neighbouring residuals are correlated: so many pixels count as one independent one."""
        return 1.0 if self.is_temporal else PIXELS_A_FREEDOM


def as_planes(planes: Any) -> list[npt.NDArray[Any]]:
    """One plane (Y, X), a stack (..., Y, X) or a sequence of planes as a list of planes.

    Raises
    ------
    InputError
        If there is no plane, or one is not of real numbers, too small or without any finite value.
    """
    if isinstance(planes, np.ndarray) and planes.ndim >= 2:
        listed = list(planes.reshape(-1, *planes.shape[-2:]))
    else:
        listed = [np.asarray(plane) for plane in planes]
    if not listed:
        raise InputError("No plane was given to estimate noise from: give at least one.")
    for plane in listed:
        if plane.ndim != 2 or min(plane.shape) < SMALLEST_SIDE:
            raise InputError(
                f"Noise is estimated from planes (Y, X) of at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels, but one "
                f"has the shape {plane.shape}: give a larger part of the image."
            )
        if plane.dtype.kind not in "iufb":
            raise InputError(
                f"Noise is estimated from real numbers, not from {plane.dtype}: convert the image."
            )
        if plane.dtype.kind == "f" and not np.isfinite(plane).any():
            raise InputError("A plane has no finite value: choose another one.")
    return listed


def collect(planes: Sequence[npt.NDArray[Any]], temporal: bool = False) -> Samples:
    """Filter the planes, or with `temporal` the pairs of neighbouring ones.

    Of more than `MOST_PIXELS` pixels, evenly spaced bands of rows are taken.
    """
    clipping = _possible_clipping(planes)
    common = float(np.median([np.median(_finite(plane[::4, ::4])) for plane in planes]))
    units = list(pairwise(planes)) if temporal else [(plane,) for plane in planes]
    parts = [_filtered(frames, clipping, common) for frames in _bands(units)]
    fourth, second, first, mean, level, activity, clipped = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    return Samples(
        residual=fourth, coarser=second, coarsest=first, mean=mean, level=level, activity=activity, clipped=clipped,
        is_temporal=temporal, clipping=clipping, common=common, is_integer=all(map(_is_whole, planes)),
    )  # fmt: skip


def _is_whole(plane: npt.NDArray[Any]) -> bool:
    return plane.dtype.kind in "iub" or bool(np.all(plane == np.rint(plane), where=np.isfinite(plane)))


def _possible_clipping(planes: Sequence[npt.NDArray[Any]]) -> Clipping:
    """Levels where values pile up, and zero where that is the smallest: files hold nothing below it."""
    found = find_clipping(planes)
    if found.low is None and min(float(np.nanmin(plane)) for plane in planes) == 0:
        return dataclasses.replace(found, low=0.0)
    return found


def _finite(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    finite = values[np.isfinite(values)].astype(np.float64)
    return finite if finite.size else np.zeros(1)


def _bands(units: Sequence[tuple[npt.NDArray[Any], ...]]) -> Iterator[tuple[npt.NDArray[Any], ...]]:
    pixels = sum(unit[0].size for unit in units)
    if pixels <= MOST_PIXELS:
        yield from units
        return
    starts = [(unit, top) for unit in units for top in range(0, unit[0].shape[0] - 2 * _MARGIN, _BAND)]
    count = max(1, int(len(starts) * MOST_PIXELS / pixels))
    for index in np.linspace(0, len(starts) - 1, count).round().astype(int):
        unit, top = starts[index]
        top = max(0, min(top, unit[0].shape[0] - _BAND - 2 * _MARGIN))
        yield tuple(frame[top : top + _BAND + 2 * _MARGIN] for frame in unit)


def _filtered(frames: tuple[npt.NDArray[Any], ...], clipping: Clipping, common: float) -> tuple[Values, ...]:
    missing = np.zeros(frames[0].shape, bool)
    clipped = np.zeros(frames[0].shape, np.float32)
    filled = []
    for frame in frames:
        if frame.dtype.kind == "f":
            missing |= ~np.isfinite(frame)
        clipped += clipping.mask(frame)
        filled.append(fill_missing(frame, 0.0)[0].astype(np.float64, copy=False))
    values = filled[0] if len(filled) == 1 else (filled[0] + filled[1]) / 2
    # float32 keeps the small differences of large values once their common level is gone.
    values = (values - common).astype(np.float32)
    box = ndimage.uniform_filter(values, 5)
    ring = (81 * ndimage.uniform_filter(values, 9) - 25 * box) / 56
    inside = np.zeros(missing.shape, bool)
    inside[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN] = True
    if missing.any():
        inside &= ~ndimage.binary_dilation(missing, np.ones((2 * _MARGIN + 1,) * 2, bool))
    fourth, second, first = (_along_both(values, taps) for taps in (_FOURTH, _SECOND, _FIRST))
    if len(filled) == 2:
        fourth = ((filled[1] - filled[0]) * np.sqrt(0.5)).astype(np.float32)
    return tuple(
        image[inside].astype(np.float32, copy=False)
        for image in (
            fourth, second, first, box if len(filled) == 1 else values, ring, _activity(box),
            ndimage.uniform_filter(np.minimum(clipped, 1), 5),
        )
    )  # fmt: skip


def _along_both(values: npt.NDArray[Any], taps: npt.NDArray[np.float64]) -> Values:
    rows = ndimage.correlate1d(values, taps, axis=0)
    return np.asarray(ndimage.correlate1d(rows, taps, axis=1))


def _activity(box: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Squared first and second differences between the box of 5 x 5 pixels and its four neighbours."""
    activity = np.zeros_like(box)
    core = box[5:-5, 5:-5]
    for before, after in ((box[:-10, 5:-5], box[10:, 5:-5]), (box[5:-5, :-10], box[5:-5, 10:])):
        activity[5:-5, 5:-5] += (after - before) ** 2 + (after + before - 2 * core) ** 2
    return activity
