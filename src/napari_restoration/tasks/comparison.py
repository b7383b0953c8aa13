"""Two images held against each other plane by plane: their difference and ratio, and grey levels that match.

Nothing is computed until a plane is asked for, and then only that plane, so that stacks may be lazy and large.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.tasks.comparison_lattice import SAME_PLACE_PX, Lattice, laid_on

Kind = Literal["difference", "ratio"]
Array = npt.NDArray[Any]

LOW_PERCENT, HIGH_PERCENT = 2.0, 99.8
_MOST_SAMPLES = 1024


@dataclass(frozen=True)
class GreyMatch:
    """How grey levels of the later image are brought to the scale of the earlier one: ``gain * value + offset``."""

    gain: float = 1.0
    offset: float = 0.0

    def forward(self, values: Array) -> Array:
        """Values of the later image on the scale of the earlier one."""
        return np.asarray(self.gain * values + self.offset)

    def forward_limits(self, low: float, high: float) -> tuple[float, float]:
        """Two grey levels of the later image on the scale of the earlier one."""
        return self.gain * low + self.offset, self.gain * high + self.offset

    def backward(self, value: float) -> float:
        """A grey level of the earlier image on the scale of the later one."""
        return (value - self.offset) / self.gain


@dataclass(frozen=True, eq=False)
class Compared:
    """A lazy image that says how two others differ.

    Attributes
    ----------
    image
        float32, on the finer of the two pixel grids; axes that only the coarser one has come first.
    is_on_after
        Whether that is the grid of the later image.
    """

    image: CalibratedImage
    is_on_after: bool


def compare_planes(
    before: CalibratedImage,
    after: CalibratedImage,
    kind: Kind,
    *,
    lattices: tuple[Lattice, Lattice],
    match: GreyMatch | None = None,
) -> Compared:
    """Difference or ratio of two images, plane by plane and only when asked for.

    Parameters
    ----------
    before, after : CalibratedImage
        Of any sampling, without colours. Along T, Z and C they have the same length, or one of them a single plane,
        which then stands against each of the other's.
    kind : "difference" or "ratio"
        ``after - before``, or ``after / before``, which is NaN where `before` is not above 0.
    lattices : tuple of Lattice
        Where the planes of `before` and `after` lie. Planes of the coarser one are interpolated with cubic splines at
        the pixels of the finer one; pixels beyond its edge are NaN.
    match : GreyMatch, optional
        Brings `after` to the scale of `before` first.

    Returns
    -------
    Compared
        The lazy image and the grid it is on.

    Raises
    ------
    InputError
        If an image is in colour, or the images have different numbers of planes or axes that do not fit.
    """
    _check(before, after)
    is_on_after = lattices[1].pixel_area < lattices[0].pixel_area * (1 - SAME_PLACE_PX)
    fine, coarse = (after, before) if is_on_after else (before, after)
    gained = "".join(axis for axis in coarse.axes if axis not in fine.axes)
    axes = gained + fine.axes
    shape = tuple(
        fine.size_of(axis) if axis in "YX" else max(fine.size_of(axis), coarse.size_of(axis)) for axis in axes
    )
    planes = _Planes(before, after, kind, lattices, is_on_after, match or GreyMatch(), axes)
    lazy = planes.as_dask(shape)
    sign = "−" if kind == "difference" else "/"
    name = f"{after.name} {sign} {before.name}"
    return Compared(fine.replace(data=lazy, axes=axes, name=name, metadata={}), is_on_after)


def match_grey_levels(before: Array, after: Array) -> GreyMatch:
    """Find the gain and offset that bring the 2nd and the 99.8th percentile of two planes together.

    Percentiles need no pixel-by-pixel correspondence, so the planes may differ in sampling and in sharpness.

    Parameters
    ----------
    before, after : ndarray
        Values of any shape; those that are not finite do not count.

    Returns
    -------
    GreyMatch
        Takes `after` to the scale of `before`.

    Raises
    ------
    InputError
        If one of them has no contrast between these percentiles.
    """
    ends = []
    for name, values in (("first", before), ("second", after)):
        finite = values[np.isfinite(values)]
        low, high = np.percentile(finite, (LOW_PERCENT, HIGH_PERCENT)) if finite.size else (0.0, 0.0)
        if not high > low:
            raise InputError(
                f"The plane of the {name} image has no contrast, so nothing can be matched to it."
            )
        ends.append((float(low), float(high)))
    (low, high), (low_after, high_after) = ends
    gain = (high - low) / (high_after - low_after)
    return GreyMatch(gain, low - gain * low_after)


def thinned_plane(image: CalibratedImage, at: Mapping[str, int]) -> Array:
    """A plane with at most 1024 samples a side, for statistics: every second, third, ... pixel of a larger one."""
    index: list[int | slice] = []
    for axis in image.axes:
        if axis in "YX":
            index.append(slice(None, None, -(-image.size_of(axis) // _MOST_SAMPLES)))
        elif axis != "S":
            index.append(_clipped(at.get(axis, 0), image.size_of(axis)))
    return np.asarray(image.data[tuple(index)])


def spread_of(values: Array, middle: float) -> float:
    """How far the 99.5th percentile of values lies from the middle; 1 where they do not differ from it."""
    far = np.abs(values[np.isfinite(values)] - middle)
    spread = float(np.percentile(far, 99.5)) if far.size else 0.0
    return spread if spread > 0 else float(far.max(initial=0.0)) or 1.0


@dataclass(frozen=True, eq=False)
class _Planes:
    """What dask asks for one plane at a time."""

    before: CalibratedImage
    after: CalibratedImage
    kind: Kind
    lattices: tuple[Lattice, Lattice]
    is_on_after: bool
    match: GreyMatch
    axes: str

    def as_dask(self, shape: tuple[int, ...]) -> Any:
        """A dask array of a shape, one chunk a plane."""
        import dask.array as da

        # A name of its own: dask would otherwise read both images to tell whether it knows them.
        name = f"{self.kind}-{uuid.uuid4().hex}"
        counts = [1 if axis in "YX" else length for axis, length in zip(self.axes, shape, strict=True)]
        graph = {(name, *place): (self.block, place) for place in np.ndindex(*counts)}
        chunks = tuple(
            (length,) if axis in "YX" else (1,) * length
            for axis, length in zip(self.axes, shape, strict=True)
        )
        return da.Array(graph, name, chunks, dtype=np.float32)

    def block(self, place: tuple[int, ...]) -> Array:
        """One plane, with its other axes of length 1."""
        at = dict(zip(self.axes, place, strict=True))
        before, after = (_plane(image, at) for image in (self.before, self.after))
        first, second = self.lattices
        if self.is_on_after:
            before = laid_on(before, first, second, (after.shape[0], after.shape[1]))
        else:
            after = laid_on(after, second, first, (before.shape[0], before.shape[1]))
        after = self.match.forward(after)
        if self.kind == "difference":
            plane = after - before
        else:
            plane = np.divide(after, before, out=np.full(before.shape, np.nan), where=before > 0)
        if self.axes.index("X") < self.axes.index("Y"):
            plane = plane.T
        spread = tuple(slice(None) if axis in "YX" else None for axis in self.axes)
        values: Array = plane.astype(np.float32)[spread]
        return values


def _plane(image: CalibratedImage, at: Mapping[str, int]) -> Array:
    index = tuple(
        slice(None) if axis in "YX" else _clipped(at.get(axis, 0), image.size_of(axis)) for axis in image.axes
    )
    plane = np.asarray(image.data[index]).astype(np.float64)
    return plane if image.axes.index("Y") < image.axes.index("X") else plane.T


def _clipped(index: int, length: int) -> int:
    return min(max(index, 0), length - 1)


def _check(before: CalibratedImage, after: CalibratedImage) -> None:
    for image in (before, after):
        if "S" in image.axes:
            raise InputError(f"{image.name!r} is in colour: compare one channel as a layer of its own.")
    for axis, noun in (("T", "time points"), ("Z", "planes"), ("C", "channels")):
        first, second = before.size_of(axis), after.size_of(axis)
        if first != second and 1 not in (first, second):
            raise InputError(
                f"{before.name!r} has {first} {noun} and {after.name!r} {second}: compare layers with as many."
            )
    long = [{axis for axis in "TZC" if image.size_of(axis) > 1} for image in (before, after)]
    if not (long[0] <= long[1] or long[1] <= long[0]):
        raise InputError(
            f"{before.name!r} has the axes {before.axes} and {after.name!r} {after.axes}: name the axes of the layers "
            "alike."
        )
