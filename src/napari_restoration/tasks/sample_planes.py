"""Planes of an image to measure on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.tasks.degrade_settings import DegradeSettings, pixel_sizes

Plane = npt.NDArray[Any]

SMALLEST_SIDE = 32
_LARGEST_SIDE = 1024
_MOST_PLANES = 5
# Calibrations of one microscope differ by less.
_SAME_WITHIN = 0.02


@dataclass(frozen=True, kw_only=True)
class Grid:
    """How the pixels of a good and a bad image lie to each other.

    Attributes
    ----------
    factor
        How many pixels of the good image, along each axis, make one of the bad image.
    good_pixel_um
        Pixel size of the good image in um, if it is known.
    """

    factor: int
    good_pixel_um: float | None

    def binned(self, good: Plane) -> Plane:
        """A plane of the good image on the bad one's pixels: means of blocks."""
        if self.factor == 1:
            return good
        from napari_restoration.degradations.sampling import bin_mean

        height, width = (length // self.factor * self.factor for length in good.shape)
        return bin_mean(good[:height, :width].astype(np.float32), self.factor)


def common_grid(
    bad: CalibratedImage, good: CalibratedImage | None, factor: int, pixel_size_um: float | None
) -> Grid:
    """Find how the pixels of two images lie to each other.

    Parameters
    ----------
    bad, good : CalibratedImage
        Without a good image, the preset's binning is what future ones have.
    factor : int
        Of the preset's binning: the good image may be so much finer, or as fine as the bad one. Where a pixel size is
        not known, it counts as finer if its sides are so many times longer.
    pixel_size_um : float, optional
        Of an image that has none.

    Raises
    ------
    InputError
        If the pixel sizes are neither.
    """
    size = _pixel_um(bad, pixel_size_um)
    if good is None:
        return Grid(factor=factor, good_pixel_um=None if size is None else size / factor)
    good_size = _pixel_um(good, None)
    if size is None or good_size is None:
        lengths = [(good.size_of(axis), bad.size_of(axis)) for axis in "YX"]
        finer = factor if all(long // factor == short for long, short in lengths) else 1
        known = good_size if good_size is not None else None if size is None else size / finer
        return Grid(factor=finer, good_pixel_um=known)
    for one in (1, factor):
        if abs(good_size * one - size) <= _SAME_WITHIN * size:
            return Grid(factor=one, good_pixel_um=good_size)
    wanted = f"{size:g} um" + (
        f", or {size / factor:g} um as the preset bins by {factor}" if factor > 1 else ""
    )
    raise InputError(
        f"{bad.name!r} has pixels of {size:g} um and {good.name!r} of {good_size:g} um, so their blurs cannot be "
        f"compared: resample {good.name!r} to {wanted}, or correct the pixel size."
    )


def check_measurable(image: CalibratedImage) -> None:
    """Refuse an image that nothing can be measured on.

    Raises
    ------
    InputError
        If the image is in colour or too small.
    """
    if image.size_of("S") > 1:
        raise InputError(f"{image.name!r} is in colour: choose one channel as an image of its own.")
    if min(image.size_of("Y"), image.size_of("X")) < SMALLEST_SIDE:
        raise InputError(
            f"{image.name!r} has {image.size_of('Y')} x {image.size_of('X')} pixels: at least {SMALLEST_SIDE} a side "
            "are needed to measure on."
        )


def middle_of(image: CalibratedImage, at: Mapping[str, int]) -> Plane:
    """The middle 1024 pixels at most of a plane, ``(Y, X)`` as stored; of a lazy image nothing else is read."""
    where: list[int | slice] = []
    for axis in image.axes:
        size = image.size_of(axis)
        side = min(size, _LARGEST_SIDE)
        where.append(slice((size - side) // 2, (size + side) // 2) if axis in "YX" else at[axis])
    plane = np.asarray(image.data[tuple(where)])
    return plane if image.axes.index("Y") < image.axes.index("X") else plane.T


def planes_of(image: CalibratedImage, at: Mapping[str, int] | None) -> list[Plane]:
    """Planes to measure on: the one looked at first, then others of the same channel, the middle of each.

    Parameters
    ----------
    image : CalibratedImage
        Not in colour.
    at : mapping of str to int, optional
        Position of the first one.

    Returns
    -------
    list of ndarray
        ``(Y, X)`` each, the middle 1024 pixels at most; missing and infinite values are NaN.

    Raises
    ------
    InputError
        If the image is in colour, too small, or the plane looked at has no contrast or no finite pixel.
    """
    check_measurable(image)
    first = {axis: (at or {}).get(axis, image.size_of(axis) // 2) for axis in image.axes if axis not in "YX"}
    along = max((axis for axis in first if axis in "TZ"), key=image.size_of, default="")
    positions = [first]
    if along:
        steps = np.unique(np.linspace(0, image.size_of(along) - 1, _MOST_PLANES).astype(int))
        positions += [{**first, along: int(i)} for i in steps if i != first[along]][: _MOST_PLANES - 1]
    planes = [_plane(image, position) for position in positions]
    finite = planes[0][np.isfinite(planes[0])]
    if not finite.size:
        raise InputError(
            f"The plane of {image.name!r} to measure on has no finite pixel: choose another one."
        )
    if finite.min() == finite.max():
        raise InputError(
            f"Every pixel of {image.name!r} is {finite.min():g} in the plane to measure on: choose another one."
        )
    return [plane for plane in planes if np.isfinite(plane).any()]


def _pixel_um(image: CalibratedImage, otherwise: float | None) -> float | None:
    known = image.pixel_size_um.get("X", image.pixel_size_um.get("Y"))
    if known is not None or otherwise is None:
        return known
    return pixel_sizes(image, DegradeSettings(pixel_size_um=otherwise))["X"]


def _plane(image: CalibratedImage, at: Mapping[str, int]) -> Plane:
    plane = middle_of(image, at)
    if plane.dtype.kind != "f":
        return plane
    values = plane.astype(np.float32)
    values[~np.isfinite(values)] = np.nan
    return values
