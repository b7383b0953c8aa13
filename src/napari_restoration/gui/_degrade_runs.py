"""What the Degrade panel lets the engine do, as tasks for the thread. None touches Qt or napari."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, Task

if TYPE_CHECKING:
    from napari_restoration.degradations.presets import Preset
    from napari_restoration.tasks.degrade import (
        DegradedRegion,
        DegradePlan,
        DegradeResult,
        DegradeSettings,
        Degrading,
    )
    from napari_restoration.tasks.model_picture import ModelPicture
    from napari_restoration.tasks.pairs import PairSettings, PairsReport

Region = tuple[slice, slice]
Limits = tuple[float, float]

LARGEST_PREVIEW_PX = 1024
_SHOWN_PERCENTS = (0.5, 99.8)
_SAMPLED_PX = 1 << 20
_IMAGE_SUFFIXES = (
    ".tif", ".tiff", ".btf", ".tf2", ".tf8", ".lsm", ".stk", ".png", ".jpg", ".jpeg", ".npy", ".zarr"
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class DegradeOrder:
    """What is to be degraded.

    Attributes
    ----------
    image, preset, settings
        For the engine.
    earlier
        An earlier preparation; its measured grey levels are used again if it is of the same pixels.
    at
        The plane the user looks at.
    region
        Y and X of the preview in pixels of the image; ``None`` for no preview.
    wants_pictures
        Whether blur and noise are to be pictured.
    """

    image: CalibratedImage
    preset: Preset
    settings: DegradeSettings
    earlier: Degrading | None = None
    at: Mapping[str, int] = field(default_factory=dict)
    region: Region | None = None
    wants_pictures: bool = True


@dataclass(frozen=True, kw_only=True, eq=False)
class Seen(Progress):
    """The preview is made; `limits` are grey levels for its contrast, `seconds` how long it took."""

    plan: DegradePlan
    region: DegradedRegion
    at: Mapping[str, int]
    limits: Limits
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictured(Progress):
    """Blur and noise are pictured."""

    picture: ModelPicture


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """A whole result, with grey levels for the contrast of the image and of its target."""

    plan: DegradePlan
    result: DegradeResult
    limits: Limits
    target_limits: Limits
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False)
class PairsOrder:
    """Which pairs are to be written.

    Attributes
    ----------
    images
        Good images in memory; empty if they are files.
    source_folder
        Folder of the files.
    preset, settings, folder, overwrite
        For the engine.
    """

    images: Sequence[CalibratedImage]
    source_folder: Path | None
    preset: Preset
    settings: PairSettings
    folder: Path
    overwrite: bool


def run_look(order: DegradeOrder) -> Task[Degrading]:
    """Plan a degradation and make its preview; yields `Seen`, then `Pictured`, as far as they are wanted."""
    from napari_restoration.tasks.model_picture import picture_of

    degrading = yield from _prepared(order)
    if order.region is not None:
        start = time.perf_counter()
        region = degrading.preview(order.at, order.region)
        seconds = time.perf_counter() - start
        yield Seen(
            done=1, total=1, plan=degrading.plan, region=region, at=order.at, limits=shown_limits(region.input),
            seconds=seconds,
        )  # fmt: skip
    if order.wants_pictures:
        pixel = order.settings.pixel_size_um or order.image.pixel_size_um.get("X")
        yield Pictured(done=1, total=1, picture=picture_of(degrading.plan.model, pixel))
    return degrading


def run_apply(order: DegradeOrder) -> Task[Made]:
    """Degrade the whole image."""
    start = time.perf_counter()
    degrading = yield from _prepared(order)
    result = yield from degrading.iter_run()
    return Made(
        plan=degrading.plan,
        result=result,
        limits=shown_limits(result.image.data),
        target_limits=shown_limits(result.target.data),
        seconds=time.perf_counter() - start,
    )


def run_pairs(order: PairsOrder) -> Task[PairsReport]:
    """Write training pairs."""
    from napari_restoration.tasks.pairs import iter_write_pairs

    images: Sequence[CalibratedImage | Path] = order.images
    if order.source_folder is not None:
        yield Progress(done=0, total=0, message="Looking for images")
        images = images_in(order.source_folder)
    return (
        yield from iter_write_pairs(
            images, order.preset, order.folder, order.settings, overwrite=order.overwrite
        )
    )


def images_in(folder: Path) -> list[Path]:
    """The images of a folder by their names, in alphabetical order, without those of its folders.

    Raises
    ------
    InputError
        If there is none.
    """
    try:
        found = sorted(path for path in folder.iterdir() if path.suffix.lower() in _IMAGE_SUFFIXES)
    except OSError as error:
        raise InputError(f"{folder} cannot be opened ({error.strerror}): choose another folder.") from error
    if not found:
        raise InputError(f"{folder} holds no image files: choose the folder of your good images.")
    return found


def middle_part(region: Region, longest: int = LARGEST_PREVIEW_PX) -> Region:
    """The middle of a region, at most so many pixels on a side."""
    y, x = (_middle(part, longest) for part in region)
    return y, x


def shown_limits(values: Any) -> Limits:
    """Grey levels between which an image is shown: nearly its darkest and its brightest, of at most a million pixels.

    Parameters
    ----------
    values : ndarray
        Of any shape.
    """
    flat = np.asarray(values).reshape(-1)
    part = flat[:: max(1, flat.size // _SAMPLED_PX)]
    low, high = (float(one) for one in np.percentile(part, _SHOWN_PERCENTS))
    return low, high if high > low else low + max(abs(low) * 1e-3, 1e-6)


def is_of(degrading: Degrading, image: CalibratedImage) -> bool:
    """Whether a preparation is of these very pixels, with this calibration."""
    kept = degrading.plan.image
    return (
        kept.data is image.data
        and (kept.axes, kept.name) == (image.axes, image.name)
        and kept.pixel_size_um == image.pixel_size_um
        and kept.origin_um == image.origin_um
    )


def _prepared(order: DegradeOrder) -> Task[Degrading]:
    from napari_restoration.tasks.degrade import prepare_degrade

    if order.earlier is not None and is_of(order.earlier, order.image):
        return order.earlier.with_preset(order.preset, order.settings)
    return (yield from prepare_degrade(order.image, order.preset, order.settings))


def _middle(part: slice, longest: int) -> slice:
    length = int(part.stop) - int(part.start)
    if length <= longest:
        return part
    start = int(part.start) + (length - longest) // 2
    return slice(start, start + longest)
