"""Every kind of degradation step; a new one is one class and one entry here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.base import Step
from napari_restoration.degradations.cleaning import MinimumFilter, Opening
from napari_restoration.degradations.confocal_blur import ConfocalBlur
from napari_restoration.degradations.gibson_lanni_blur import GibsonLanniBlur
from napari_restoration.degradations.measured_blur import MeasuredBlur
from napari_restoration.degradations.motion import MotionBlur
from napari_restoration.degradations.noise import Camera, GaussianNoise
from napari_restoration.degradations.optics import GaussianBlur, OpticalBlur
from napari_restoration.degradations.sampling import Binning, Exposure, ToPhotons
from napari_restoration.degradations.storage import JpegCompression
from napari_restoration.degradations.varied import Range, Varied

STEPS: dict[str, type[Step]] = {
    step.kind: step
    for step in (
        MinimumFilter,
        Opening,
        ToPhotons,
        Exposure,
        GaussianBlur,
        OpticalBlur,
        GibsonLanniBlur,
        ConfocalBlur,
        MeasuredBlur,
        MotionBlur,
        Binning,
        Camera,
        GaussianNoise,
        JpegCompression,
    )
}
"""In the order of the light path."""


def step_from_dict(values: Mapping[str, Any]) -> Step | Varied:
    """Build a step from the values of its ``to_dict``.

    Raises
    ------
    InputError
        If the kind or a field is unknown, or a value not allowed.
    """
    if not isinstance(values, Mapping):
        raise InputError(f"A step is {values!r}, but must be an object with its kind and fields.")
    kind = values.get("kind")
    if kind == Varied.kind:
        step = step_from_dict(values["step"])
        if isinstance(step, Varied):
            raise InputError("A varied step cannot hold another varied step.")
        return Varied(step=step, ranges={name: Range(**given) for name, given in values["ranges"].items()})
    if kind not in STEPS:
        raise InputError(f"There is no degradation {kind!r}; known are {', '.join(sorted(STEPS))}.")
    return STEPS[kind].from_dict(values)
