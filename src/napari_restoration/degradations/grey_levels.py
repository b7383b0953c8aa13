"""Grey levels that steps take from the image: of darkness, of the peak, of white."""

from __future__ import annotations

import dataclasses

import numpy as np

from napari_restoration.core.normalize import Percentiles
from napari_restoration.degradations.base import STAGES, Step
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.sampling import ToPhotons
from napari_restoration.degradations.storage import JpegCompression
from napari_restoration.degradations.varied import Varied, bare

# Optics and motion leave an even area as it is.
_SPATIAL_STAGES = (STAGES["optics"], STAGES["motion"])


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
    white = expected_level(filled, levels.maximum) if model.bits is None else float(2**model.bits - 1)
    return dataclasses.replace(filled, steps=tuple(_with_white(step, white) for step in filled.steps))


def expected_level(model: ForwardModel, value: float, *, detected: bool = False) -> float:
    """Grey level expected of an even area of this value, which no blur changes.

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
