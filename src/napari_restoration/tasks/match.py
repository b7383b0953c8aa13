"""Fit a preset to the user's own bad images, and show how well it fits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.core.progress import Progress, Task
from napari_restoration.degradations.presets import Preset
from napari_restoration.tasks.degrade import degrade
from napari_restoration.tasks.degrade_settings import DegradeSettings, pixel_sizes
from napari_restoration.tasks.fitted_steps import Measured, fill_steps, fitted_light
from napari_restoration.tasks.likeness import Comparison, compare_likeness
from napari_restoration.tasks.sample_planes import planes_of

Plane = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """One number of the microscope.

    Attributes
    ----------
    name
        ``"offset"``, ``"gain"``, ``"read_noise"``, ``"photons"``, ``"background"``, ``"blur"``, ``"motion_length"``
        or ``"motion_direction"``.
    label, unit
        For people.
    value, low, high
        The estimate and the interval in which the true one is expected; ``None`` where nothing can be told.
    is_reliable
        Whether it is worth acting on.
    words
        What limits it.
    """

    name: str
    label: str
    unit: str
    value: float | None
    low: float | None = None
    high: float | None = None
    is_reliable: bool = True
    words: str = ""


@dataclass(frozen=True, kw_only=True)
class MatchSettings:
    """What the user knows already.

    Attributes
    ----------
    offset_adu, read_noise_electrons
        Of the camera, from a dark frame or its data sheet; ``None`` to estimate them.
    pixel_size_um
        Where the images have none.
    seed
        Of the synthetic image's noise.
    """

    offset_adu: float | None = None
    read_noise_electrons: float | None = None
    pixel_size_um: float | None = None
    seed: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Match:
    """A preset fitted to a bad image.

    Attributes
    ----------
    preset
        The preset it began with, its steps filled in with what was measured.
    estimates
        Each number with its interval.
    comparison
        The bad image beside a synthetic one made by the preset.
    words
        What was done and what to know, in sentences.
    """

    preset: Preset
    estimates: tuple[Estimated, ...]
    comparison: Comparison
    words: str


def iter_match(
    bad: CalibratedImage,
    good: CalibratedImage | None,
    preset: Preset,
    settings: MatchSettings | None = None,
    *,
    at: Mapping[str, int] | None = None,
) -> Task[Match]:
    """Estimate a microscope from a bad image and fill a preset's steps with it.

    Parameters
    ----------
    bad : CalibratedImage
        As the microscope delivers it: raw grey levels.
    good : CalibratedImage, optional
        A good image of a similar sample at the same pixel size; of the same field it serves even better. Without it the
        bad image, cleaned of noise, stands in for the object, so that only noise can be compared.
    preset : Preset
        To begin with: its optical step, where it has one, gets the defocus that fits; else a Gaussian blur is set.
    settings : MatchSettings, optional
        What is known already.
    at : mapping of str to int, optional
        Position of the plane to look at; the middle by default.

    Yields
    ------
    Progress
        What is being measured.

    Returns
    -------
    Match
        The filled preset with estimates and comparison.

    Raises
    ------
    InputError
        If an image is smaller than 32 pixels, in colour, or has no contrast.
    """
    from napari_restoration.degradations.estimates.blur import estimate_blur, estimate_blur_between
    from napari_restoration.degradations.estimates.motion import estimate_motion
    from napari_restoration.degradations.estimates.noise import estimate_camera

    settings = MatchSettings() if settings is None else settings
    planes = planes_of(bad, at)
    target = None if good is None else planes_of(good, None)[0]
    yield Progress(done=0, total=4, message="Estimating the camera")
    camera = estimate_camera(
        planes, offset_adu=settings.offset_adu, read_noise_electrons=settings.read_noise_electrons
    )
    yield Progress(done=1, total=4, message="Estimating blur and motion")
    variance = camera.noise_sd**2 if camera.is_reliable else None
    if target is None:
        blur = estimate_blur(planes[0], noise_variance=variance)
    else:
        blur = estimate_blur_between(planes[0], target)
    motion = estimate_motion(planes[0])
    measured = Measured(
        camera=camera, blur=blur, motion=motion, bits=_bits(bad, planes),
        pixel_um=_pixel_um(bad, good, settings),
    )  # fmt: skip
    yield Progress(done=2, total=4, message="Making the synthetic image")
    filled = fill_steps(preset, measured)
    sharp = _cleaned(planes[0], camera.noise_sd) if target is None else target
    if target is not None:
        filled = fitted_light(filled, measured, target)
    synthetic = _synthetic(filled, sharp, measured, settings, blurred=target is not None)
    yield Progress(done=3, total=4, message="Comparing")
    comparison = compare_likeness(planes[0], synthetic)
    return Match(
        preset=filled, estimates=_estimates(measured), comparison=comparison,
        words=_words(measured, comparison, has_good=target is not None),
    )  # fmt: skip


def _bits(image: CalibratedImage, planes: Sequence[npt.NDArray[Any]]) -> int | None:
    """Bit depth of a camera that delivers such values: 8, 12 or 16; ``None`` for what is no raw image."""
    if image.dtype.kind != "u" or image.dtype.itemsize > 2:
        return None
    if image.dtype.itemsize == 1:
        return 8
    brightest = max(int(plane.max()) for plane in planes)
    return 12 if brightest < 2**12 else 16


def _pixel_um(bad: CalibratedImage, good: CalibratedImage | None, settings: MatchSettings) -> float | None:
    known = [
        pixel_sizes(image, DegradeSettings(pixel_size_um=settings.pixel_size_um)).get("X")
        for image in (bad, good)
        if image is not None
    ]
    sizes = [size for size in known if size is not None]
    if len(sizes) == 2 and abs(sizes[0] - sizes[1]) > 0.02 * max(sizes) and good is not None:
        raise InputError(
            f"{bad.name!r} has pixels of {sizes[0]:g} um and {good.name!r} of {sizes[1]:g} um: resample one of them "
            "to the other's, since blur is compared in pixels."
        )
    return sizes[0] if sizes else None


def _cleaned(plane: npt.NDArray[Any], noise_sd: float) -> Plane:
    from skimage.restoration import denoise_tv_chambolle

    filled = np.asarray(fill_missing(plane, 0.0)[0], dtype=np.float32)
    span = float(np.ptp(filled)) or 1.0
    return np.asarray(
        denoise_tv_chambolle(filled / span, weight=1.5 * noise_sd / span) * span, dtype=np.float32
    )


def _synthetic(
    preset: Preset, sharp: npt.NDArray[Any], measured: Measured, settings: MatchSettings, *, blurred: bool
) -> npt.NDArray[Any]:
    """One degraded plane; of a burst the middle frame. A stand-in for the object is blurred already."""
    if not blurred:
        kinds = {"gaussian_blur", "optical_blur", "gibson_lanni", "confocal", "measured_psf", "motion_blur"}
        preset = preset.without(kinds)
        preset = fitted_light(preset, measured, sharp)
    image = CalibratedImage(sharp, "YX", name="good image")
    result = degrade(image, preset, DegradeSettings(seed=settings.seed, pixel_size_um=measured.pixel_um))
    made = np.asarray(result.image.data)
    return made if made.ndim == 2 else made[len(made) // 2]


def _estimates(measured: Measured) -> tuple[Estimated, ...]:
    camera, blur, motion = measured.camera, measured.blur, measured.motion
    sure, words = camera.is_reliable, camera.words

    def of_camera(name: str, label: str, unit: str, value: float | None, interval: Any = None) -> Estimated:
        low, high = interval if interval is not None else (None, None)
        return Estimated(
            name=name, label=label, unit=unit, value=value, low=low, high=high,
            is_reliable=sure and value is not None, words=words,
        )  # fmt: skip

    def of_motion(name: str, label: str, unit: str, value: float) -> Estimated:
        return Estimated(
            name=name, label=label, unit=unit, value=value, is_reliable=motion.is_reliable, words=motion.words
        )

    return (
        of_camera("offset", "Offset", "grey levels", camera.offset_adu, camera.offset_interval_adu),
        of_camera("gain", "Gain", "e-/grey level", camera.gain_electrons_per_adu, camera.gain_interval),
        of_camera("read_noise", "Read noise", "e-", camera.read_noise_electrons, camera.read_noise_interval),
        of_camera("photons", "Brightest pixels", "e-", camera.peak_electrons, camera.peak_interval),
        of_camera("background", "Background", "e-", camera.background_electrons),
        Estimated(
            name="blur", label="Blur (standard deviation)", unit="px", value=blur.sigma_px, low=blur.low_px,
            high=blur.high_px, is_reliable=blur.is_reliable, words=blur.words,
        ),
        of_motion("motion_length", "Motion", "px", motion.length_px),
        of_motion("motion_direction", "Direction of motion", "deg", math.degrees(motion.angle_rad)),
    )  # fmt: skip


def _words(measured: Measured, comparison: Comparison, *, has_good: bool) -> str:
    parts = [comparison.words]
    if not has_good:
        parts.append(
            "Without a good image the bad one, cleaned of noise, stands in for the object: only the noise is compared."
        )
    parts += [part.words for part in (measured.camera, measured.blur) if not part.is_reliable]
    if measured.motion.is_reliable:
        parts.append(measured.motion.words)
    return " ".join(part for part in parts if part)
