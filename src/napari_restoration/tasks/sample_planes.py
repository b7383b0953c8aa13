"""Planes of an image to measure on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage

Plane = npt.NDArray[Any]

SMALLEST_SIDE = 32
_LARGEST_SIDE = 1024
_MOST_PLANES = 5


def planes_of(image: CalibratedImage, at: Mapping[str, int] | None) -> list[Plane]:
    """Planes to measure on: the one looked at first, then others of the same channel, the middle of each.

    Parameters
    ----------
    image : CalibratedImage
        Not in colour.
    at : mapping of str to int, optional
        Position of the first one.

    Raises
    ------
    InputError
        If the image is in colour, too small, or without any finite pixel in the plane looked at.
    """
    if image.size_of("S") > 1:
        raise InputError(f"{image.name!r} is in colour: choose one channel as an image of its own.")
    if min(image.size_of("Y"), image.size_of("X")) < SMALLEST_SIDE:
        raise InputError(
            f"{image.name!r} has {image.size_of('Y')} x {image.size_of('X')} pixels: at least {SMALLEST_SIDE} a side "
            "are needed to measure on."
        )
    first = {axis: (at or {}).get(axis, image.size_of(axis) // 2) for axis in image.axes if axis not in "YX"}
    along = max((axis for axis in first if axis in "TZ"), key=image.size_of, default="")
    positions = [first]
    if along:
        steps = np.unique(np.linspace(0, image.size_of(along) - 1, _MOST_PLANES).astype(int))
        positions += [{**first, along: int(i)} for i in steps if i != first[along]][: _MOST_PLANES - 1]
    planes = [_plane(image, position) for position in positions]
    if not np.isfinite(planes[0]).any():
        raise InputError(
            f"The plane of {image.name!r} to measure on has no finite pixel: choose another one."
        )
    return planes


def _plane(image: CalibratedImage, at: Mapping[str, int]) -> Plane:
    where: list[int | slice] = []
    for axis in image.axes:
        size = image.size_of(axis)
        side = min(size, _LARGEST_SIDE)
        where.append(slice((size - side) // 2, (size + side) // 2) if axis in "YX" else at[axis])
    plane = np.asarray(image.data[tuple(where)])
    plane = plane if image.axes.index("Y") < image.axes.index("X") else plane.T
    return plane.astype(np.float32) if plane.dtype.kind == "f" else plane
