"""A good image's grey levels, read as photons, and what a camera would make of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.normalize import Percentiles, measure
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.grey_levels import expected_level, with_levels
from napari_restoration.degradations.sampling import LEVELS_PERCENT

__all__ = ["check_exposure", "measure_levels", "measure_plane", "with_levels"]

# Beyond so many times what a camera can hold, a unit was mistaken.
_ABSURD = 16.0


def measure_levels(image: CalibratedImage) -> Percentiles:
    """Measure an image's dark and bright grey levels over all its finite pixels, plane by plane, without opacity.

    Raises
    ------
    InputError
        If no pixel is finite.
    """
    return measure(lambda: _planes(image), *LEVELS_PERCENT)


def measure_plane(plane: npt.NDArray[Any]) -> Percentiles:
    """The same for one plane ``(Y, X)``."""
    return measure(lambda: [plane], *LEVELS_PERCENT)


def check_exposure(model: ForwardModel, image: CalibratedImage, levels: Percentiles) -> list[str]:
    """Refuse light that no camera holds, before any work.

    Returns
    -------
    list of str
        What the user should know.

    Raises
    ------
    InputError
        If a camera cannot count the light, darkness itself saturates it, or the brightest pixels exceed its range many
        times over.
    """
    expected_level(model, levels.high, detected=True)
    try:
        expected_level(model, levels.maximum, detected=True)
    except InputError as error:
        raise InputError(
            f"A pixel of {image.name!r} is {levels.maximum:g}, but nearly all are below {levels.high:g}, and a camera "
            "cannot count so much light: remove hot pixels first."
        ) from error
    bits = model.bits
    if bits is None:
        return []
    full = float(2**bits - 1)
    dark, bright = (expected_level(model, value) for value in (levels.low, levels.high))
    if dark >= full or bright > _ABSURD * full:
        raise InputError(
            f"The camera's {bits} bits end at {full:g} grey levels, but the brightest pixels of {image.name!r} would "
            f"come to {bright:.3g} and the darkest to {dark:.3g}: raise the electrons per grey level, or lower the "
            "photons or the offset."
        )
    if bright > full:
        return [
            f"The brightest pixels saturate: {bright:.3g} grey levels expected, the camera ends at {full:g}."
        ]
    return []


def _planes(image: CalibratedImage) -> Iterator[npt.NDArray[Any]]:
    looped = [axis for axis in image.axes if axis not in "YXS"]
    for index in product(*(range(image.size_of(axis)) for axis in looped)):
        at = dict(zip(looped, index, strict=True))
        where = tuple(
            slice(None) if axis in "YX" else slice(0, 3) if axis == "S" else at[axis] for axis in image.axes
        )
        yield np.asarray(image.data[where])
