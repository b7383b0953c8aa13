"""From a noise-free object to the measured input, its target and the true blur: one function for each task.

Recipes, validation and baselines all call `simulate` with the same settings, so that scores speak of the
degradation that was trained. A setting is a number or a range ``(low, high)``; `draw` makes numbers of ranges.

Units: ``photons`` are the electrons expected at object value 1, ``background`` the electrons expected
everywhere as a share of ``photons``, ``read_noise`` electrons rms, ``gain`` electrons per camera unit,
``offset`` camera units, lengths in micrometres (``_um``) or input pixels (``_px``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.convolution import convolve
from napari_restoration.degradations.motion import MotionBlur
from napari_restoration.degradations.noise import Camera
from napari_restoration.degradations.psf import debye_psf, defocus_radius_um, gaussian_psf
from napari_restoration.degradations.sampling import bin_mean

Float = NDArray[np.floating[Any]]
Settings = Mapping[str, float | tuple[float, float]]

DEFAULTS: Mapping[str, float] = {"background": 0.03, "read_noise": 1.5, "gain": 0.5, "offset": 100.0}
"""Camera settings that a recipe need not repeat."""

_LOGARITHMIC = {"photons", "path_px", "gain"}
_WHOLE = {"frames"}


@dataclass(frozen=True, eq=False, kw_only=True)
class Simulated:
    """One simulated measurement.

    Parameters
    ----------
    input : ndarray
        ``(Y, X)``, for bursts ``(T, Y, X)``; float32 camera units.
    target : ndarray
        ``(Y * scale, X * scale)`` float32: the sharp object's noise-free expectation in the input's units.
    psf : tuple of ndarray
        The true blur, one odd kernel a frame, on the object's grid; ``[[1]]`` where there is none.
    settings : mapping
        The numbers used.
    """

    input: NDArray[np.float32]
    target: NDArray[np.float32]
    psf: tuple[Float, ...]
    settings: Mapping[str, float]


def draw(settings: Settings, rng: np.random.Generator) -> dict[str, float]:
    """Draw each range once: photons, gain and path length evenly in the logarithm, others evenly.

    The camera's defaults are filled in. The order of the draws is the settings' own.
    """
    numbers: dict[str, float] = dict(DEFAULTS)
    for name, value in settings.items():
        if not isinstance(value, tuple):
            numbers[name] = value
        elif name in _WHOLE:
            numbers[name] = float(rng.integers(int(value[0]), int(value[1]) + 1))
        elif name in _LOGARITHMIC:
            numbers[name] = float(np.exp(rng.uniform(np.log(value[0]), np.log(value[1]))))
        else:
            numbers[name] = float(rng.uniform(value[0], value[1]))
    return numbers


def simulate(task: str, truth: Float, numbers: Mapping[str, float], rng: np.random.Generator) -> Simulated:
    """Measure an object with a simulated microscope.

    Parameters
    ----------
    task : {"denoise", "deblur", "refocus", "superres"}
    truth : ndarray
        ``(Y, X)``, values from 0 to about 1; for "superres" on the target's grid, with even sides.
    numbers : mapping
        Settings after `draw`.
    rng : numpy.random.Generator
        Source of the motion path and of the noise.

    Raises
    ------
    InputError
        If the task is unknown or a setting is missing.
    """
    if task not in _MAKERS:
        raise InputError(f"The task {task!r} is unknown; choose one of {', '.join(_MAKERS)}.")
    try:
        return _MAKERS[task](np.asarray(truth, dtype=np.float32), {**DEFAULTS, **numbers}, rng)
    except KeyError as error:
        raise InputError(
            f"The degradation for {task} lacks the setting {error.args[0]!r}; add it."
        ) from error


def _denoise(truth: Float, numbers: Mapping[str, float], rng: np.random.Generator) -> Simulated:
    return _measured(truth[None], truth, (np.ones((1, 1)),), numbers, rng)


def _deblur(truth: Float, numbers: Mapping[str, float], rng: np.random.Generator) -> Simulated:
    from scipy import signal

    blur = MotionBlur(
        path="random_walk",
        length_px=numbers["path_px"],
        frames=int(numbers["frames"]),
        residual_px=numbers["shift_px"],
    )
    kernels, _ = blur.realise(rng).kernels()
    detector = gaussian_psf(float(numbers["mtf_sigma_px"]))
    psf = tuple(signal.convolve(kernel, detector) for kernel in kernels)
    frames = np.stack([convolve(truth, kernel) for kernel in psf])
    return _measured(frames, truth, psf, numbers, rng, burst=True)


def _refocus(truth: Float, numbers: Mapping[str, float], rng: np.random.Generator) -> Simulated:
    na, index = numbers["na"], numbers["refractive_index"]
    wavelength, pixel = numbers["wavelength_um"], numbers["pixel_size_um"]
    psf = debye_psf(na, index, wavelength, pixel, _defocus_um(numbers))
    sharp = convolve(truth, debye_psf(na, index, wavelength, pixel))
    return _measured(convolve(truth, psf)[None], sharp, (psf,), numbers, rng)


def _defocus_um(numbers: Mapping[str, float]) -> float:
    if "defocus_sigma_px" not in numbers:
        return numbers["z_um"]
    # A uniform disc of radius R has a standard deviation of R / 2 on each axis.
    radius_um = 2 * numbers["defocus_sigma_px"] * numbers["pixel_size_um"]
    return float(radius_um / defocus_radius_um(numbers["na"], numbers["refractive_index"], 1.0))


def _superres(truth: Float, numbers: Mapping[str, float], rng: np.random.Generator) -> Simulated:
    fine_um = numbers["pixel_size_um"] / 2
    sigma_px = 0.21 * numbers["wavelength_um"] / numbers["na"] / fine_um
    # Widefield through the Debye pupil; the target through a Gaussian of the doubled cut-off, as SIM gives.
    psf = debye_psf(numbers["na"], numbers["refractive_index"], numbers["wavelength_um"], fine_um)
    sharp = convolve(truth, gaussian_psf(sigma_px / 2))
    return _measured(bin_mean(convolve(truth, psf), 2)[None], sharp, (psf,), numbers, rng)


def _measured(
    expected: Float,
    sharp: Float,
    psf: tuple[Float, ...],
    numbers: Mapping[str, float],
    rng: np.random.Generator,
    *,
    burst: bool = False,
) -> Simulated:
    camera = Camera(
        read_noise_electrons=numbers["read_noise"],
        gain_electrons_per_adu=numbers["gain"],
        offset_adu=numbers["offset"],
    )
    photons, background = numbers["photons"], numbers["background"]
    given = camera(photons * (np.maximum(expected, 0) + background), rng)
    target = camera.expectation(photons * (sharp + background))
    return Simulated(
        input=np.asarray(given if burst else given[0], dtype=np.float32),
        target=np.asarray(target, dtype=np.float32),
        psf=psf,
        settings=dict(numbers),
    )


_MAKERS: Mapping[str, Callable[[Float, Mapping[str, float], np.random.Generator], Simulated]] = {
    "denoise": _denoise,
    "deblur": _deblur,
    "refocus": _refocus,
    "superres": _superres,
}
