"""How much light a good image must be given to look like a bad one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.degradations.base import STAGES
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.presets import Preset
from napari_restoration.tasks.estimated import Measured, tidy
from napari_restoration.tasks.grey_levels import measure_plane, with_levels

Plane = npt.NDArray[Any]
Float = npt.NDArray[np.float64]

# Means of the quantiles between these are the dark and the bright end: the ends, since fields of one kind of
# specimen differ in how much of them is covered, not in how bright its parts are.
_DARK = np.linspace(0.01, 0.10, 10)
_BRIGHT = np.linspace(0.995, 0.9995, 10)
_ROUNDS = 6


def fitted_light(preset: Preset, measured: Measured, good: Plane, bad: Plane) -> dict[str, float]:
    """Find peak and background with which the dark and the bright end of a degraded image are those of the bad one.

    The good image passes the steps before the camera; noise of the measured strength is added before its ends are
    compared with the bad image's, because noise moves both. Where its darkness lies too high, the offset goes down
    and the read noise with it, which leaves the noise of every grey level as it is: the two only follow together
    (see `degradations.estimates.noise`).

    Parameters
    ----------
    preset : Preset
        As `fill_steps` leaves it, with photons, exposure and camera.
    measured : Measured
        The camera, and what the user knows of it.
    good, bad : ndarray
        ``(Y, X)`` without missing pixels. The good one on the grid that the preset's steps begin with.

    Returns
    -------
    dict of str to float
        Settings for `Preset.with_settings`.

    Raises
    ------
    InputError
        If the good image has no contrast.
    """
    camera = measured.camera
    gain = camera.gain_electrons_per_adu or 1.0
    read = camera.read_noise_electrons or 0.0 if measured.tells_electrons else camera.noise_sd
    seen = _seen(preset, measured, good)
    levels = np.asarray(bad, dtype=np.float64)
    dark, bright = _ends((levels - camera.offset_adu) * gain)
    lowest = _lowest(measured, read)
    peak, background = _straight(_ends(seen), (dark, bright), lowest)
    for _ in range(_ROUNDS):
        plain = _ends(peak * seen + background)
        noisy = _ends(_detected(peak * seen, background, read, shot_noise=measured.tells_electrons))
        # What noise moved is taken off the bad image's ends.
        aims = (dark - (noisy[0] - plain[0]), bright - (noisy[1] - plain[1]))
        peak, background = _straight(_ends(seen), aims, lowest)
    settings = {"to_photons.peak_photons": peak, "exposure.background_photons": max(background, 0.0)}
    if background < 0:
        settings["camera.offset_adu"] = camera.offset_adu + background / gain
        if measured.tells_electrons:
            settings["camera.read_noise_electrons"] = math.sqrt(max(read**2 + background, 0.0))
    return {address: tidy(value) for address, value in settings.items()}


def own_noise_share(preset: Preset, measured: Measured, good: Plane) -> float:
    """Noise that a good image brings through the steps to the camera, as a share of the bad image's.

    The good image's noise is what its power does not fall below at the finest frequencies; differences of pixels would
    take its sharp detail for noise. White noise of standard deviation s leaves a Gaussian blur of width w with
    ``s / (2 sqrt(pi) w)``.

    Parameters
    ----------
    preset : Preset
        With its light fitted.
    measured : Measured
        Camera and blur.
    good : ndarray
        ``(Y, X)``.
    """
    from napari_restoration.degradations.estimates.falloff import fit_falloff, frequency_bins

    bad_noise = measured.camera.noise_sd * (measured.camera.gain_electrons_per_adu or 1.0)
    peak = next(
        getattr(one.step, "peak_photons", 0.0) for one in preset.steps if one.step.kind == "to_photons"
    )
    levels = measure_plane(good)
    filled = np.asarray(good, dtype=np.float64)
    floor = fit_falloff(frequency_bins(filled), exponent=(2.6, 0.4), limits=(0.0, 4.0)).noise
    photons = peak * math.sqrt(floor) / max(levels.high - levels.low, 1e-30)
    kept = min(1.0, 1 / (2 * math.sqrt(math.pi) * max(measured.blur.sigma_px * measured.factor, 1e-3)))
    return float(photons * kept * measured.factor / max(bad_noise, 1e-30))


def _detected(light: Float, background: float, read: float, *, shot_noise: bool) -> Float:
    """Electrons above the measured offset; with a background below zero, offset and read noise are lower."""
    rng = np.random.default_rng(0)
    lowered = min(background, 0.0)
    signal = np.maximum(light + max(background, 0.0), 0.0)  # a transform leaves rounding below zero
    if not shot_noise:
        return signal + lowered + read * rng.standard_normal(light.shape)
    left = math.sqrt(max(read**2 + lowered, 0.0))
    return np.asarray(rng.poisson(signal) + lowered + left * rng.standard_normal(light.shape))


def _lowest(measured: Measured, read: float) -> float:
    """Electrons by which the offset may go down, as a background below zero."""
    if measured.offset_adu is not None:
        return 0.0
    if not measured.tells_electrons:
        return -math.inf
    return 0.0 if measured.read_noise_electrons is not None else -(read**2)


def _straight(ends: tuple[float, float], aims: tuple[float, float], lowest: float) -> tuple[float, float]:
    """Factor and constant that bring two ends to two aims; with the least constant, only the bright one."""
    factor = max(aims[1] - aims[0], 1e-3) / max(ends[1] - ends[0], 1e-9)
    constant = aims[0] - factor * ends[0]
    if constant >= lowest:
        return float(factor), float(constant)
    return float(max(aims[1] - lowest, 1e-3) / max(ends[1], 1e-9)), float(lowest)


def _ends(plane: Plane) -> tuple[float, float]:
    found = np.quantile(plane, np.concatenate([_DARK, _BRIGHT]))
    return float(found[: len(_DARK)].mean()), float(found[len(_DARK) :].mean())


def _seen(preset: Preset, measured: Measured, good: Plane) -> Float:
    """The good image as it reaches the camera with a peak of one photon; of a burst the middle frame."""
    unit = preset.with_settings({"to_photons.peak_photons": 1.0})
    steps = [
        choice.step
        for choice in unit.steps
        if choice.enabled and choice.step.stage < STAGES["camera"] and choice.step.kind != "exposure"
    ]
    model = ForwardModel.in_light_path_order(*steps)
    if model.needs_pixel_size:
        model = model.calibrated(measured.pixel_um)
    plane = np.asarray(good, dtype=np.float32)
    side = [length // model.binning * model.binning for length in plane.shape]
    model = with_levels(model, measure_plane(good)).realise(np.random.default_rng(0))
    made = np.asarray(model.expectation(plane[: side[0], : side[1]]), dtype=np.float64)
    return made if made.ndim == 2 else made[len(made) // 2]
