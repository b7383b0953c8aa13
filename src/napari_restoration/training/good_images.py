"""Good images that the steps of a preset degrade while they are drawn from; their pixels stay in their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError
from napari_restoration.core.normalize import measure
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.grey_levels import with_levels
from napari_restoration.degradations.presets import Preset
from napari_restoration.degradations.sampling import LEVELS_PERCENT
from napari_restoration.degradations.varied import Varied, bare
from napari_restoration.training.pairs.find import Found, Unpaired, image_files, without
from napari_restoration.training.pairs.lazy import LazyPlane
from napari_restoration.training.pairs.pair import Pair, make_pair
from napari_restoration.training.recipe_data import SourceSettings

Float = NDArray[np.float32]

_ALL = SourceSettings(match="*")
_STRIP = 512


@dataclass(frozen=True, eq=False, kw_only=True)
class GoodPlane:
    """One plane of a good image, with the steps that degrade it.

    Attributes
    ----------
    name, licence : str
        Name of the file, with the plane's place, and its licence.
    image : LazyPlane
        ``(Y, X)``, read when a part is cut out.
    model : ForwardModel
        Knows the size of the pixels and the grey levels; fields with a range are drawn each time.
    settings : SourceSettings
        Share of the training fields.
    """

    name: str
    image: LazyPlane
    model: ForwardModel
    licence: str = ""
    settings: SourceSettings = _ALL

    def degraded(
        self, region: tuple[slice, slice], rng: np.random.Generator, frames: int | None = None
    ) -> tuple[Float, Float]:
        """Degrade a part of the plane; returns input and target.

        Parameters
        ----------
        region : tuple of slice
            Rows and columns of the good image.
        rng : numpy.random.Generator
            All draws come from it.
        frames : int, optional
            Frames of the burst; by default what the preset says.
        """
        model = self.model if frames is None else _with_frames(self.model, frames)
        made = model.degrade(self.image[region], rng)
        return np.asarray(made.input, dtype=np.float32), np.asarray(made.target, dtype=np.float32)


def find_good_images(folder: str | Path, *, axes: str | None = None, leave_out: Sequence[str] = ()) -> Found:
    """The images of a folder, each as a pair with itself, so that they are divided and compared as pairs are.

    Raises
    ------
    InputError
        If the folder is missing or holds no images, or one that is to be left out is not there.
    """
    pairs, failed = [], []
    for name, path in without(image_files(Path(folder)), leave_out).items():
        try:
            pairs.append(make_pair(path, path, name=name, axes=axes))
        except InputError as error:
            failed.append(Unpaired(kind="unreadable", names=(name,), words=str(error)))
    return Found(pairs=tuple(pairs), unpaired=tuple(failed))


def good_planes(
    images: Sequence[Pair], preset: Preset, *, pixel_size_um: float | None = None, prefix: str = ""
) -> list[GoodPlane]:
    """Each plane of each image as something that training draws degraded parts from.

    Parameters
    ----------
    images : sequence of Pair
        As `find_good_images` gives them.
    preset : Preset
        Steps, whose ranges are drawn.
    pixel_size_um : float, optional
        Of images that do not tell it.
    prefix : str
        Before each name.

    Raises
    ------
    InputError
        If a step needs the size of a pixel and it is not known, or a plane has no contrast or no finite pixel.
    """
    model = preset.forward_model(varied=True)
    found = []
    for pair in images:
        stored = pair.input.pixel_size_um
        size = pixel_size_um if pixel_size_um is not None else stored.get("Y", stored.get("X"))
        calibrated = model.calibrated(size) if model.needs_pixel_size else model
        for position in pair.positions():
            plane = LazyPlane(pair, "input", position)
            place = ",".join(f"{k}={n}" for k, n in position.items() if pair.target.size_of(k) > 1)
            name = f"{prefix}{pair.name}#{place}" if place else f"{prefix}{pair.name}"
            try:
                levels = measure(lambda plane=plane: _strips(plane), *LEVELS_PERCENT)  # type: ignore[misc]
                found.append(GoodPlane(name=name, image=plane, model=with_levels(calibrated, levels)))
            except InputError as error:
                raise InputError(f"{name} cannot be degraded: {error}") from error
    return found


def _strips(plane: LazyPlane) -> Iterator[Float]:
    for start in range(0, plane.shape[0], _STRIP):
        yield plane[start : start + _STRIP]


def _with_frames(model: ForwardModel, frames: int) -> ForwardModel:
    steps = []
    for step in model.steps:
        inner = bare(step)
        if hasattr(inner, "frames"):
            inner = replace(inner, frames=frames)  # type: ignore[call-arg]
            if isinstance(step, Varied):
                kept = {name: given for name, given in step.ranges.items() if name != "frames"}
                step = replace(step, step=inner, ranges=kept)
            else:
                step = inner
        steps.append(step)
    return ForwardModel(tuple(steps))


def makes_bursts(preset: Preset) -> bool:
    """Whether a step of the preset can make a burst of one image."""
    return any(hasattr(choice.step, "frames") for choice in preset.steps if choice.enabled)
