"""A good image's grey levels, read as photons, and what a camera would make of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.normalize import Percentiles, measure
from napari_restoration.degradations.base import STAGES, Step
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.sampling import LEVELS_PERCENT, ToPhotons
from napari_restoration.degradations.storage import JpegCompression
from napari_restoration.degradations.varied import Varied, bare

# Optics and motion leave an even area as it is.
_SPATIAL_STAGES = (STAGES["optics"], STAGES["motion"])
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


def with_levels(model: ForwardModel, levels: Percentiles) -> ForwardModel:
    """Fill in the grey levels of the steps that take them from the image: of darkness, of the peak, of white.

    Raises
    ------
    InputError
        If the image has no contrast.
    """
    filled = dataclasses.replace(model, steps=tuple(_with_levels(step, levels) for step in model.steps))
    if all(getattr(bare(step), "full_scale", 0) is not None for step in filled.steps):
        return filled
    # A compression that measured its white anew for each plane would give each its own steps of grey.
    white = _expected(filled, levels.maximum) if model.bits is None else float(2**model.bits - 1)
    return dataclasses.replace(filled, steps=tuple(_with_white(step, white) for step in filled.steps))


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
    _expected(model, levels.high, detected=True)
    try:
        _expected(model, levels.maximum, detected=True)
    except InputError as error:
        raise InputError(
            f"A pixel of {image.name!r} is {levels.maximum:g}, but nearly all are below {levels.high:g}, and a camera "
            "cannot count so much light: remove hot pixels first."
        ) from error
    bits = model.bits
    if bits is None:
        return []
    full = float(2**bits - 1)
    dark, bright = (_expected(model, value) for value in (levels.low, levels.high))
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


def _expected(model: ForwardModel, value: float, *, detected: bool = False) -> float:
    """Grey level expected of an even area, which no blur changes.

    If `detected`, cameras take the picture and refuse light that they cannot count.
    """
    rng = np.random.default_rng(0)
    area = np.full((model.binning, model.binning), value, np.float32)
    for step in model.steps:
        inner = bare(step)
        if inner.stage in _SPATIAL_STAGES or inner.kind == "jpeg":
            continue
        realised = step.realise(rng)
        if detected and inner.kind == "camera":
            realised(area, rng)
        area = np.asarray(realised.expectation(area))
    return float(area.reshape(-1)[0])


def _with_levels(step: Step | Varied, levels: Percentiles) -> Step | Varied:
    inner = bare(step)
    if not isinstance(inner, ToPhotons):
        return step
    filled = inner.at_levels(levels)
    return dataclasses.replace(step, step=filled) if isinstance(step, Varied) else filled


def _with_white(step: Step | Varied, white: float) -> Step | Varied:
    inner = bare(step)
    if not isinstance(inner, JpegCompression) or inner.full_scale is not None:
        return step
    filled = dataclasses.replace(inner, full_scale=white)
    return dataclasses.replace(step, step=filled) if isinstance(step, Varied) else filled


def _planes(image: CalibratedImage) -> Iterator[npt.NDArray[Any]]:
    looped = [axis for axis in image.axes if axis not in "YXS"]
    for index in product(*(range(image.size_of(axis)) for axis in looped)):
        at = dict(zip(looped, index, strict=True))
        where = tuple(
            slice(None) if axis in "YX" else slice(0, 3) if axis == "S" else at[axis] for axis in image.axes
        )
        yield np.asarray(image.data[where])
