"""Fill a preset's steps with what was measured on a bad image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from napari_restoration.degradations.presets import Preset
from napari_restoration.degradations.step_choice import StepChoice
from napari_restoration.degradations.steps import STEPS
from napari_restoration.tasks.estimated import Measured, tidy
from napari_restoration.tasks.fitted_blur import FittedBlur

BLURS = frozenset(
    {"optical_blur", "gibson_lanni", "confocal", "measured_psf", "gaussian_blur", "motion_blur"}
)
"""Kinds of steps that blur."""

_OPTICS = BLURS - {"gaussian_blur", "motion_blur"}
_JPEG_BITS = 8
# Narrower than this, a Gaussian on pixels is no blur.
_LEAST_SIGMA_PX = 0.2


def fill_steps(preset: Preset, measured: Measured, blur: FittedBlur | None) -> Preset:
    """Return a preset whose steps are what was measured; steps it lacks are added, others keep their values.

    The light is left to `fitted_light`, which needs the images. Levels of difficulty are left out, as they belonged
    to other values, and the steps act in the order of the light path, as they do in a microscope.

    Parameters
    ----------
    preset : Preset
        To begin with.
    measured : Measured
        What was found on the bad image.
    blur : FittedBlur or None
        The blur that fits, from `fit_blur` with `objective_of` the preset; ``None`` keeps the preset's.
    """
    preset = replace(
        preset,
        id=f"{preset.id.removesuffix('-matched')}-matched",
        title=f"{preset.title.removesuffix(', matched')}, matched",
        levels={},
        order="light_path",
    )
    preset = _set(preset, "to_photons", {"low_value": None, "high_value": None, "black": "percentile"})
    preset = _set(preset, "exposure", {"factor": 1.0, "background_photons": 0.0})
    preset = _set(preset, "camera", _camera(measured))
    if step_of(preset, "gaussian_noise") is not None:
        preset = preset.without({"gaussian_noise"})  # the camera has all of the noise
    if step_of(preset, "jpeg") is not None and measured.bits != _JPEG_BITS:
        preset = preset.without({"jpeg"})
    if step_of(preset, "binning") is not None and measured.factor == 1:
        preset = preset.without({"binning"})
    if measured.moves:
        motion = measured.motion
        preset = _set(
            preset, "motion_blur",
            {"path": "linear", "length_px": tidy(motion.length_px * measured.factor), "vibration_px": 0.0,
             "angle_rad": tidy(motion.angle_rad)},
        )  # fmt: skip
    elif step_of(preset, "motion_blur") is not None and not makes_burst(preset):
        preset = preset.without({"motion_blur"})
    return _with_blur(preset, measured, blur)


def step_of(preset: Preset, kind: str) -> StepChoice | None:
    """The first step of a kind."""
    return next((choice for choice in preset.steps if choice.step.kind == kind), None)


def objective_of(preset: Preset) -> Any:
    """The widefield objective of a preset, if it has one that is on."""
    choice = step_of(preset, "optical_blur")
    return choice.step if choice is not None and choice.enabled else None


def makes_burst(preset: Preset) -> bool:
    """Whether the motion of a preset spans several frames, which one frame does not tell."""
    choice = step_of(preset, "motion_blur")
    return choice is not None and choice.enabled and getattr(choice.step, "frames", None) is not None


def has_optics(preset: Preset) -> bool:
    """Whether an optical step is on."""
    return any(choice.enabled and choice.step.kind in _OPTICS for choice in preset.steps)


def changes_in_words(before: Preset, after: Preset) -> str:
    """Say which steps were filled in, and which were switched on or off."""
    was_on = {choice.step.kind for choice in before.steps if choice.enabled}
    filled = [one.step.title for one in after.steps if one.enabled and one not in before.steps]
    off = [one.step.title for one in after.steps if not one.enabled and one.step.kind in was_on]
    words = f"Filled in: {', '.join(filled)}."
    return f"{words} Switched off: {', '.join(off)}." if off else words


def _camera(measured: Measured) -> dict[str, Any]:
    camera = measured.camera
    shared = {"quantum_efficiency": 1.0, "dark_electrons": 0.0, "em_gain": None, "averaged": 1, "bits": measured.bits,
              "offset_adu": tidy(camera.offset_adu)}  # fmt: skip
    if camera.gain_electrons_per_adu is None:
        noise = tidy(camera.noise_sd)
        return {**shared, "shot_noise": False, "gain_electrons_per_adu": 1.0, "read_noise_electrons": noise}
    return {
        **shared,
        "shot_noise": True,
        "gain_electrons_per_adu": tidy(camera.gain_electrons_per_adu),
        "read_noise_electrons": tidy(max(camera.read_noise_electrons or 0.0, 0.0)),
    }


def _with_blur(preset: Preset, measured: Measured, fitted: FittedBlur | None) -> Preset:
    """Set the objective's defocus, or a Gaussian where there is none or its optics does not fit."""
    if fitted is None:
        return preset.without(_OPTICS) if measured.pixel_um is None else preset
    if fitted.optical is not None:
        values = {"model": fitted.optical.model, "defocus_um": tidy(fitted.optical.defocus_um)}
        return _set(preset, "optical_blur", values).without({"gaussian_blur"})
    preset = preset.without(_OPTICS)
    if fitted.sigma_px < _LEAST_SIGMA_PX:
        return preset.without({"gaussian_blur"})
    return _set(preset, "gaussian_blur", {"sigma_px": tidy(fitted.sigma_px)})


def _set(preset: Preset, kind: str, values: Mapping[str, Any]) -> Preset:
    """Set fields of the first step of a kind, which is added in the order of the light path if it is not there."""
    if step_of(preset, kind) is None:
        steps = [*preset.steps, StepChoice(step=STEPS[kind]())]
        preset = replace(preset, steps=tuple(sorted(steps, key=lambda choice: choice.step.stage)))
    settings = {f"{kind}.{name}": value for name, value in values.items()}
    return preset.with_settings({**settings, f"{kind}.enabled": True})
