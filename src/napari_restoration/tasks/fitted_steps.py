"""Fill a preset's steps with what was measured on a bad image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.presets import Preset
from napari_restoration.degradations.psf import gaussian_sigma_um
from napari_restoration.degradations.sampling import LEVELS_PERCENT
from napari_restoration.degradations.step_choice import StepChoice
from napari_restoration.degradations.steps import STEPS
from napari_restoration.tasks.grey_levels import measure_plane, with_levels

if TYPE_CHECKING:
    from napari_restoration.degradations.estimates.blur import BlurEstimate
    from napari_restoration.degradations.estimates.motion import MotionEstimate
    from napari_restoration.degradations.estimates.noise import CameraEstimate

_OPTICS = ("optical_blur", "gibson_lanni", "confocal", "measured_psf")
# Narrower than this, a Gaussian on pixels is no blur.
_LEAST_SIGMA_PX = 0.2


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was found on the bad image.

    Attributes
    ----------
    camera, blur, motion
        The estimates.
    bits
        Bit depth, ``None`` if it is not a raw image.
    pixel_um
        Pixel size in um, if it is known.
    """

    camera: CameraEstimate
    blur: BlurEstimate
    motion: MotionEstimate
    bits: int | None
    pixel_um: float | None


def fill_steps(preset: Preset, measured: Measured) -> Preset:
    """Return a preset whose steps are what was measured; steps it lacks are added, others keep their values.

    Levels of difficulty are left out, as they belonged to other values.
    """
    preset = replace(preset, id=f"{preset.id}-matched", title=f"{preset.title}, matched", levels={})
    preset = _set(
        preset, "to_photons", {"low_value": None, "high_value": None, "peak_photons": _peak(measured)}
    )
    preset = _set(preset, "camera", _camera(measured))
    if _step(preset, "gaussian_noise") is not None:
        preset = preset.without({"gaussian_noise"})  # the camera has all of the noise
    if measured.motion.is_reliable and measured.motion.length_px:
        preset = _set(
            preset, "motion_blur",
            {"path": "linear", "length_px": measured.motion.length_px, "angle_rad": measured.motion.angle_rad,
             "vibration_px": 0.0},
        )  # fmt: skip
    elif _step(preset, "motion_blur") is not None and _frames(preset) is None:
        preset = preset.without({"motion_blur"})
    return _with_blur(preset, measured)


def fitted_light(preset: Preset, measured: Measured, good: npt.NDArray[Any]) -> Preset:
    """Return the preset with peak and background such that a good image, blurred, gets the bad one's light.

    Parameters
    ----------
    preset : Preset
        As `fill_steps` leaves it.
    measured : Measured
        Dark and bright electrons of the bad image.
    good : ndarray
        ``(Y, X)``, the good image.
    """
    low, high = _electrons(measured)
    unit = preset.with_settings({"to_photons.peak_photons": 1.0})
    optics = [choice.step for choice in unit.steps if choice.enabled and choice.step.kind in _SPATIAL]
    to_photons = next(choice.step for choice in unit.steps if choice.step.kind == "to_photons")
    model = ForwardModel.in_light_path_order(to_photons, *optics)
    if model.needs_pixel_size:
        model = model.calibrated(measured.pixel_um)
    model = with_levels(model, measure_plane(good)).realise(np.random.default_rng(0))
    seen = model.expectation(np.nan_to_num(np.asarray(good, dtype=np.float32)))
    dark, bright = (float(value) for value in np.percentile(seen, LEVELS_PERCENT))
    peak = (high - low) / max(bright - dark, 1e-6)
    preset = _set(preset, "to_photons", {"peak_photons": max(peak, 0.0)})
    return _set(preset, "exposure", {"factor": 1.0, "background_photons": max(low - peak * dark, 0.0)})


_SPATIAL = (*_OPTICS, "gaussian_blur", "motion_blur")


def _peak(measured: Measured) -> float:
    low, high = _electrons(measured)
    return max(high - low, 1e-3)


def _electrons(measured: Measured) -> tuple[float, float]:
    """Dark and bright light of the bad image; in grey levels if shot noise does not tell the electrons."""
    camera = measured.camera
    if camera.gain_electrons_per_adu is None or camera.peak_electrons is None:
        top = max(camera.means, default=camera.offset_adu + 1.0)
        return 0.0, max(top - camera.offset_adu, 1e-3)
    return max(camera.background_electrons or 0.0, 0.0), camera.peak_electrons


def _camera(measured: Measured) -> dict[str, Any]:
    camera = measured.camera
    shared = {"quantum_efficiency": 1.0, "dark_electrons": 0.0, "em_gain": None, "averaged": 1, "bits": measured.bits,
              "offset_adu": camera.offset_adu}  # fmt: skip
    if camera.gain_electrons_per_adu is None:
        return {
            **shared,
            "shot_noise": False,
            "gain_electrons_per_adu": 1.0,
            "read_noise_electrons": camera.noise_sd,
        }
    return {
        **shared,
        "shot_noise": True,
        "gain_electrons_per_adu": camera.gain_electrons_per_adu,
        "read_noise_electrons": max(camera.read_noise_electrons or 0.0, 0.0),
    }


def _with_blur(preset: Preset, measured: Measured) -> Preset:
    """Set the defocus of the preset's objective, or a Gaussian where there is none or its optics is too wide."""
    sigma = measured.blur.sigma_px
    if measured.motion.is_reliable and measured.motion.length_px:
        # A straight path of length L has the variance L^2 / 12 along it: half of that on average over directions.
        sigma = math.sqrt(max(sigma**2 - measured.motion.length_px**2 / 24, 0.0))
    optical = _step(preset, "optical_blur")
    if optical is not None and optical.enabled and measured.pixel_um is not None:
        step: Any = optical.step
        beyond = (sigma * measured.pixel_um) ** 2 - gaussian_sigma_um(step.na, step.wavelength_um) ** 2
        if beyond > 0 and step.na < step.index:
            # A uniform disc of radius R has the variance R^2 / 4 along an axis.
            defocus = 2.0 * math.sqrt(beyond) * math.sqrt(step.index**2 - step.na**2) / step.na
            model = "debye" if step.model in ("airy", "sim") else step.model
            preset = _set(preset, "optical_blur", {"model": model, "defocus_um": defocus})
            return preset.without({"gaussian_blur"})
    preset = preset.without(set(_OPTICS))
    if sigma < _LEAST_SIGMA_PX:
        return preset.without({"gaussian_blur"})
    return _set(preset, "gaussian_blur", {"sigma_px": sigma})


def _step(preset: Preset, kind: str) -> StepChoice | None:
    return next((choice for choice in preset.steps if choice.step.kind == kind), None)


def _frames(preset: Preset) -> int | None:
    choice = _step(preset, "motion_blur")
    return None if choice is None else getattr(choice.step, "frames", None)


def _set(preset: Preset, kind: str, values: Mapping[str, Any]) -> Preset:
    """Set fields of the first step of a kind, which is added in the order of the light path if it is not there."""
    if _step(preset, kind) is None:
        steps = [*preset.steps, StepChoice(step=STEPS[kind]())]
        preset = replace(preset, steps=tuple(sorted(steps, key=lambda choice: choice.step.stage)))
    settings = {f"{kind}.{name}": value for name, value in values.items()}
    return preset.with_settings({**settings, f"{kind}.enabled": True})
