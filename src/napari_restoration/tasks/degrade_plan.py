"""What a degradation will make of an image, and everything that is refused before it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import lcm, prod
from typing import Any

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.memory import free_memory_bytes
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.presets import Preset
from napari_restoration.degradations.varied import bare
from napari_restoration.tasks.degrade_settings import (
    DegradeSettings,
    generator,
    pixel_sizes,
    square_pixel_um,
)

_JPEG_BLOCK = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class DegradePlan:
    """How an image is degraded; see `plan_degrade`.

    Attributes
    ----------
    image
        The good image.
    preset, settings
        The user's choices.
    model
        Forward model with the image's calibration and drawn fields; grey levels are not measured yet.
    spatial
        ``"YX"`` or ``"ZYX"``: the axes a step sees at once.
    frames
        Number of frames that each plane becomes; ``None`` without a burst.
    output_axes, output_dtype
        Of the degraded image.
    target_axes
        Of the target: those of the image, with T in front if the frames of a burst are not registered.
    notices
        What the user should know.
    """

    image: CalibratedImage
    preset: Preset
    settings: DegradeSettings
    model: ForwardModel
    spatial: str
    frames: int | None
    output_axes: str
    output_dtype: np.dtype[Any]
    target_axes: str
    notices: tuple[str, ...]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the degraded image."""
        return self.shape_of(self._whole, self.output_axes, self.binning)

    @property
    def target_shape(self) -> tuple[int, ...]:
        """Shape of the target."""
        return self.shape_of(self._whole, self.target_axes, self.binning // self.model.target_scale)

    @property
    def _whole(self) -> tuple[slice, slice]:
        y, x = (slice(0, self.image.size_of(axis) // self.binning * self.binning) for axis in "YX")
        return y, x

    @property
    def is_volume(self) -> bool:
        """Whether optics blurs in three dimensions."""
        return self.spatial == "ZYX"

    @property
    def binning(self) -> int:
        """How many pixels of the good image, along Y and X, become one."""
        return self.model.binning

    @property
    def alignment(self) -> int:
        """Multiples of pixels at which a window may begin so that it equals that part of the whole image."""
        jpeg = any(bare(step).kind == "jpeg" for step in self.model.steps)
        return lcm(self.binning, self.binning * _JPEG_BLOCK if jpeg else 1)

    def in_colours(self, model: ForwardModel) -> list[ForwardModel]:
        """Return the forward model of each colour of the image, with its wavelength; one where there are none."""
        samples = min(self.image.size_of("S"), 3)
        wavelengths = self.preset.channel_wavelengths_um
        if samples == 3 and wavelengths:
            return [model.at_wavelength(one) for one in wavelengths]
        return [model] * samples

    def positions(self) -> list[dict[str, int]]:
        """Positions of the blocks along the axes that are not seen at once."""
        looped = [axis for axis in self.image.axes if axis not in self.spatial]
        ranges = (range(self.image.size_of(axis)) for axis in looped)
        return [dict(zip(looped, index, strict=True)) for index in product(*ranges)]

    def shape_of(self, region: tuple[slice, slice], axes: str, binning: int) -> tuple[int, ...]:
        """Shape of an array of the result that shows a region, with pixels so many times larger."""
        part = dict(zip("YX", region, strict=True))
        whole = {
            axis: min(self.image.size_of(axis), 3) if axis == "S" else self.image.size_of(axis)
            for axis in axes
        }
        if self.frames is not None and "T" not in self.image.axes:
            whole["T"] = self.frames
        sizes = {axis: (one.stop - one.start) // binning for axis, one in part.items()}
        return tuple({**whole, **sizes}[axis] for axis in axes)

    def describe(self) -> str:
        """Say in a sentence what will be made."""
        size = " x ".join(str(length) for length in self.output_shape)
        made = f"{self.output_axes}, {size}, {self.output_dtype}"
        if self.frames is not None:
            made += f"; a burst of {self.frames} frames"
        if self.binning > 1:
            made += f"; pixels {self.binning} times larger"
        if self.image.size_of("Z") > 1 and any(_is_optical(step) for step in self.model.steps):
            made += "; blurred in 3D" if self.is_volume else "; blurred plane by plane"
        return made + "."


def plan_degrade(
    image: CalibratedImage, preset: Preset, settings: DegradeSettings | None = None
) -> DegradePlan:
    """Work out a degradation without looking at pixels.

    Parameters
    ----------
    image : CalibratedImage
        The good image.
    preset : Preset
        The steps.
    settings : DegradeSettings, optional
        Other choices.

    Raises
    ------
    InputError
        If the pixel size is unknown but needed, a blur or a path is larger than the image, frames are asked of an
        image that has time points, or the result would not fit into half of the free memory.
    """
    settings = DegradeSettings() if settings is None else settings
    sizes = pixel_sizes(image, settings)
    on = preset.forward_model(varied=settings.varied)
    if not on.steps:
        raise InputError(f"The preset {preset.id!r} has no step that is on: add one, or switch one on.")
    pixel = square_pixel_um(image, sizes) if on.needs_pixel_size else None
    volume = _is_volume(image, on, sizes, settings)
    model = on.calibrated(pixel, sizes["Z"] if volume else None)
    notices = _notices_about(image, preset)
    if volume and settings.volume is None and model.reach_px()[0] >= image.size_of("Z"):
        volume, model = False, on.calibrated(pixel)
        notices.append("The stack is too thin for a blur in 3D: it is blurred plane by plane.")
    for colour in [model, *(model.at_wavelength(one) for one in _wavelengths(image, preset))]:
        check_reach(image, colour, volume)
    # The number of frames and the binning may be drawn too, and with them the result's shape.
    model = model.draw(generator(settings.seed, "parameters"))
    frames = _frames(image, model)
    binning = model.binning
    rest = [image.size_of(axis) % binning for axis in "YX"]
    if any(rest):
        notices.append(_left_out(rest, binning))
    if any(image.size_of(axis) < binning for axis in "YX"):
        raise InputError(
            f"{image.name!r} has fewer than {binning} pixels on a side: lower the binning factor."
        )
    axes = image.axes if frames is None else f"T{image.axes}"
    is_registered = all(getattr(bare(step), "registered", True) for step in model.steps)
    dtype = _output_dtype(model)
    plan = DegradePlan(
        image=image, preset=preset, settings=settings, model=model, spatial="ZYX" if volume else "YX", frames=frames,
        output_axes=axes, output_dtype=dtype, target_axes=image.axes if is_registered else axes,
        notices=tuple(notices),
    )  # fmt: skip
    _check_memory(plan)
    return plan


def _is_volume(
    image: CalibratedImage, model: ForwardModel, sizes: Mapping[str, float], settings: DegradeSettings
) -> bool:
    has_planes = image.size_of("Z") > 1
    if settings.volume:
        if not has_planes:
            raise InputError(
                f"{image.name!r} has a single plane and cannot be blurred in 3D: blur plane by plane (--no-volume)."
            )
        if "Z" not in sizes:
            raise InputError(
                f"The distance of the planes of {image.name!r} is not known: set it (--z-step), or blur plane by "
                "plane."
            )
        return True
    if settings.volume is False or not has_planes or "Z" not in sizes:
        return False
    optical = [step for step in model.steps if _is_optical(step)]
    has_defocus = any(
        getattr(bare(step), "defocus_um", 0.0) or "defocus_um" in getattr(step, "ranges", {})
        for step in optical
    )
    return bool(optical) and not has_defocus


def _is_optical(step: Any) -> bool:
    return hasattr(bare(step), "z_step_um")


def _frames(image: CalibratedImage, model: ForwardModel) -> int | None:
    moving = [step for step in model.steps if getattr(bare(step), "frames", None) is not None]
    if not moving:
        return None
    if len(moving) > 1:
        raise InputError("Two steps make bursts: let only one have a number of frames.")
    if "T" in image.axes:
        raise InputError(
            f"{image.name!r} has time points already ({image.axes}), so its planes cannot become bursts: take one time "
            "point, or make single images (frames none)."
        )
    frames: int = getattr(bare(moving[0]), "frames", 1)
    return frames


def check_reach(image: CalibratedImage, model: ForwardModel, volume: bool) -> None:
    """Refuse a blur or a path larger than the image.

    Raises
    ------
    InputError
        Naming the step and the axis.
    """
    for step in model.steps:
        reach = (0, 0, 0, *step.reach_px())[-3:]
        for axis, length in zip("ZYX", reach, strict=True):
            if axis == "Z" and not volume:
                continue
            size = image.size_of(axis)
            if length > max(1, size - 1):
                what = "path" if bare(step).kind == "motion_blur" else "blur"
                raise InputError(
                    f"The {what} of the step {bare(step).title!r} reaches {length} pixels along {axis}, but "
                    f"{image.name!r} has only {size}: lower it, mind its unit, or take a larger image."
                )


def _notices_about(image: CalibratedImage, preset: Preset) -> list[str]:
    notices = list(image.metadata.get("notices", ()))
    if image.size_of("S") == 4:
        notices.append("The opacity of the image is left out.")
    if image.size_of("S") >= 3 and len(preset.channel_wavelengths_um) not in (0, 3):
        raise InputError(f"The preset {preset.id!r} needs three wavelengths for colours, or none.")
    return notices


def _wavelengths(image: CalibratedImage, preset: Preset) -> tuple[float, ...]:
    return preset.channel_wavelengths_um if image.size_of("S") >= 3 else ()


def _output_dtype(model: ForwardModel) -> np.dtype[Any]:
    """Whole numbers if a camera with a bit depth comes last, but for storage."""
    bits = model.bits
    if bits is None or bits > 16:
        return np.dtype(np.float32)
    return np.dtype(np.uint8 if bits <= 8 else np.uint16)


def _left_out(rest: Sequence[int], binning: int) -> str:
    counts = zip(rest, ("row", "column"), strict=True)
    said = [f"{count} {what}{'s' if count > 1 else ''}" for count, what in counts if count]
    verb = "is" if max(rest) == 1 and len(said) == 1 else "are"
    return f"{' and '.join(said)} at the end {verb} left out: the image is no multiple of {binning}."


def _check_memory(plan: DegradePlan) -> None:
    needed = prod(plan.output_shape) * plan.output_dtype.itemsize + prod(plan.target_shape) * 4
    if needed > free_memory_bytes() // 2:
        raise InputError(
            f"The result of {plan.image.name!r} takes {needed / 2**30:.1f} GiB, more than half of the free memory: cut "
            "the stack into parts."
        )
