"""Fit a preset to the user's own bad images, and show how well it fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.core.progress import Progress, Task
from napari_restoration.degradations.presets import Preset
from napari_restoration.tasks.degrade import degrade
from napari_restoration.tasks.degrade_settings import DegradeSettings
from napari_restoration.tasks.estimated import Estimated, Measured, estimates_of, limits_in_words
from napari_restoration.tasks.fitted_blur import FittedBlur, fit_blur
from napari_restoration.tasks.fitted_light import fitted_light, own_noise_share
from napari_restoration.tasks.fitted_spread import with_spread
from napari_restoration.tasks.fitted_steps import (
    BLURS,
    changes_in_words,
    fill_steps,
    has_optics,
    makes_burst,
    objective_of,
    step_of,
)
from napari_restoration.tasks.likeness import Comparison, compare_likeness
from napari_restoration.tasks.sample_planes import Grid, common_grid, planes_of

if TYPE_CHECKING:
    from napari_restoration.degradations.estimates.blur import BlurEstimate

__all__ = ["Comparison", "Estimated", "Match", "MatchSettings", "iter_match"]

Plane = npt.NDArray[Any]

# Electrons a grey level, as the camera's step takes them.
_GAINS = (1e-6, 1e6)


@dataclass(frozen=True, kw_only=True)
class MatchSettings:
    """What the user knows already.

    Attributes
    ----------
    offset_adu, read_noise_electrons
        Of the camera, from a dark frame or its data sheet; ``None`` to estimate them.
    pixel_size_um
        Of an image that has none.
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
    corner
        Where the compared part begins in the bad image, y and x in pixels.
    changes
        Which steps were filled in, added or switched off, in a sentence.
    words
        What to know about it, in sentences; empty if nothing limits it.
    """

    preset: Preset
    estimates: tuple[Estimated, ...]
    comparison: Comparison
    corner: tuple[int, int]
    changes: str
    words: str


def iter_match(
    bad: CalibratedImage,
    good: CalibratedImage | None,
    preset: Preset,
    settings: MatchSettings | None = None,
    *,
    at: Mapping[str, int] | None = None,
    good_at: Mapping[str, int] | None = None,
) -> Task[Match]:
    """Estimate a microscope from a bad image and fill a preset's steps with it.

    Parameters
    ----------
    bad : CalibratedImage
        As the microscope delivers it: raw grey levels.
    good : CalibratedImage, optional
        A good image of a similar sample at the same pixel size, or finer by the preset's binning; of the same field it
        serves even better. Without it the bad image, cleaned of noise, stands in for the object, so that only light
        and noise can be compared.
    preset : Preset
        To begin with: its objective, where it has one, gets the defocus that fits; else a Gaussian blur is set.
    settings : MatchSettings, optional
        What is known already.
    at, good_at : mapping of str to int, optional
        Position of the plane to look at in either image; the middle by default.

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
        If an image is smaller than 32 pixels, in colour, or has no contrast; if the pixel sizes do not fit, or the
        good image is the bad one.
    """
    from napari_restoration.degradations.estimates.motion import estimate_motion
    from napari_restoration.degradations.estimates.noise import estimate_camera

    settings = MatchSettings() if settings is None else settings
    if good is not None and good.data is bad.data:
        raise InputError(
            f"{bad.name!r} is both the bad and the good image: choose another good image, or none."
        )
    planes = planes_of(bad, at)
    # Noise is measured without missing pixels; all else needs whole planes.
    plane = _whole(planes[0])
    target = None if good is None else _whole(planes_of(good, good_at)[0])
    grid = common_grid(bad, good, _binning(preset), settings.pixel_size_um)
    yield Progress(done=0, total=4, message="Estimating the camera")
    camera = estimate_camera(
        planes, offset_adu=settings.offset_adu, read_noise_electrons=settings.read_noise_electrons
    )
    _check_scale(bad, camera.gain_electrons_per_adu)
    yield Progress(done=1, total=4, message="Estimating blur and motion")
    blur = _blur(plane, target, grid, camera.noise_sd**2 if camera.is_reliable else None)
    measured = Measured(
        camera=camera, blur=blur, motion=estimate_motion(plane), bits=_bits(bad, planes),
        pixel_um=grid.good_pixel_um, factor=grid.factor, offset_adu=settings.offset_adu,
        read_noise_electrons=settings.read_noise_electrons,
    )  # fmt: skip
    yield Progress(done=2, total=4, message="Making the synthetic image")
    coarse = None if target is None else grid.binned(target)
    fitted = fit_blur(objective_of(preset), measured, coarse, plane)
    filled, used, sharp = _fill(preset, measured, fitted, plane, target)
    try:
        synthetic = _synthetic(used, sharp, measured, settings.seed)
    except InputError as error:
        raise InputError(f"What was measured on {bad.name!r} makes no image: {error}") from error
    yield Progress(done=3, total=4, message="Comparing")
    limits = limits_in_words(
        measured, fitted, has_good=target is not None, has_optics=has_optics(preset),
        own_noise=0.0 if target is None else own_noise_share(filled, measured, target),
    )  # fmt: skip
    comparison = compare_likeness(plane, synthetic)
    return Match(
        preset=with_spread(filled, fitted), estimates=estimates_of(measured, fitted), comparison=comparison,
        corner=_corner(bad, plane, comparison.real), changes=changes_in_words(preset, filled),
        words=" ".join(limits + _grid_words(preset, filled)),
    )  # fmt: skip


def _check_scale(bad: CalibratedImage, gain: float | None) -> None:
    lowest, highest = _GAINS
    if gain is not None and not lowest <= gain <= highest:
        raise InputError(
            f"One grey level of {bad.name!r} would be {gain:.2g} electrons, which no camera delivers: "
            f"{'multiply' if gain > highest else 'divide'} the image so that its grey levels reach about 1000."
        )


def _corner(bad: CalibratedImage, plane: Plane, compared: Plane) -> tuple[int, int]:
    """Where the compared part begins: the middle of the middle."""
    y, x = (
        (bad.size_of(axis) - whole) // 2 + (whole - part) // 2
        for axis, whole, part in zip("YX", plane.shape, compared.shape, strict=True)
    )
    return y, x


def _fill(
    preset: Preset, measured: Measured, fitted: FittedBlur | None, bad: Plane, good: Plane | None
) -> tuple[Preset, Preset, Plane]:
    """The filled preset, the one that makes the synthetic image, and what it is made from."""
    filled = fill_steps(preset, measured, fitted)
    if good is not None:
        filled = filled.with_settings(fitted_light(filled, measured, good, bad))
        return filled, filled, good
    # The stand-in is blurred already, and as coarse as the bad image.
    sharp = np.kron(_cleaned(bad, measured.camera.noise_sd), np.ones((measured.factor,) * 2, np.float32))
    used = filled.without(BLURS | {"minimum_filter", "opening"})
    light = fitted_light(used, measured, sharp, bad)
    return filled.with_settings(light), used.with_settings(light), sharp


def _synthetic(preset: Preset, sharp: Plane, measured: Measured, seed: int) -> Plane:
    """A degraded plane; of a burst the middle frame."""
    image = CalibratedImage(sharp, "YX", name="good image")
    settings = DegradeSettings(seed=seed, pixel_size_um=measured.pixel_um)
    made = np.asarray(degrade(image, preset, settings).image.data)
    return made if made.ndim == 2 else made[len(made) // 2]


def _blur(bad: Plane, good: Plane | None, grid: Grid, noise_variance: float | None) -> BlurEstimate:
    """Blur of the bad plane, beyond that of the good one where there is one, in pixels of the bad one."""
    from napari_restoration.degradations.estimates.blur import estimate_blur, estimate_blur_between
    from napari_restoration.degradations.estimates.power_ratio import blur_by_power

    if good is None:
        return estimate_blur(bad, noise_variance=noise_variance)
    coarse = grid.binned(good)
    found, bound = estimate_blur_between(bad, coarse), blur_by_power(bad, coarse)
    # So much blur would leave less fine structure than the bad image has.
    return bound if found.low_px > bound.high_px else found


def _binning(preset: Preset) -> int:
    choice = step_of(preset, "binning")
    return int(getattr(choice.step, "factor", 1)) if choice is not None and choice.enabled else 1


def _grid_words(preset: Preset, filled: Preset) -> list[str]:
    words = []
    if _binning(preset) > _binning(filled):
        words.append(
            f"The good image is as fine as the bad one, so the binning is off; for {_binning(preset)} times finer "
            "training pairs match with a good image that is so much finer."
        )
    if makes_burst(filled):
        words.append(
            "One frame does not tell how the frames of a burst move: that is left as the preset has it."
        )
    return words


def _bits(image: CalibratedImage, planes: Sequence[Plane]) -> int | None:
    """Bit depth of a raw image; ``None`` for what is none."""
    if image.dtype.kind != "u" or image.dtype.itemsize > 2:
        return None
    if image.dtype.itemsize == 1:
        return 8
    # Only where values end at the top of a smaller depth, this is known to be the camera's.
    brightest = max(int(plane.max()) for plane in planes)
    return next((bits for bits in (10, 12, 14) if brightest == 2**bits - 1), 16)


def _whole(plane: Plane) -> Plane:
    filled: Plane = fill_missing(plane, 0.0)[0]
    return filled


def _cleaned(plane: Plane, noise_sd: float) -> npt.NDArray[np.float32]:
    from skimage.restoration import denoise_tv_chambolle

    filled = plane.astype(np.float32)
    span = float(np.ptp(filled))
    if noise_sd <= 0:
        return filled
    cleaned = denoise_tv_chambolle(filled / span, weight=1.5 * noise_sd / span)
    return np.asarray(cleaned * span, dtype=np.float32)
