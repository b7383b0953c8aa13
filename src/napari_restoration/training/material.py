"""Where the images of a run come from: an indexed folder, a folder of pairs, or good images and a preset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.presets import Preset
from napari_restoration.models.archs import geometry
from napari_restoration.training.good_images import GoodPlane, find_good_images, good_planes, makes_bursts
from napari_restoration.training.pairs.content import Content
from napari_restoration.training.pairs.find import RECORD, Found, find_pairs
from napari_restoration.training.pairs.folder import HELD, USUAL, open_pair_folder, refuse_leaks
from napari_restoration.training.pairs.names import listed
from napari_restoration.training.pairs.split import split_pairs
from napari_restoration.training.pairs.within import hold_out_parts
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.recipe_data import PairSettings
from napari_restoration.training.sources import PairSource

Kind = Literal["index", "pairs", "clean"]


@dataclass(frozen=True, kw_only=True)
class Material:
    """What a run is fed with.

    Parameters
    ----------
    folder : Path
        Of the images.
    kind : {"index", "pairs", "clean"}
        A folder with an ``index.csv`` for the groups of the recipe; a folder of pairs; good images that a preset
        degrades.
    validation : Path or None
        A folder of the same kind that scores come from; None holds a share of `folder` out.
    preset : mapping or None
        Degradation as `Preset.to_dict` gives it, of good images.
    pixel_size_um : float or None
        Of good images that do not tell it.
    axes : str or None
        Meaning of the files' axes, if they do not say it.
    leave_out : tuple of str
        Pairs or good images that are not used, by file name; those of `validation` as ``validation/NAME``.
    """

    folder: Path
    kind: Kind = "index"
    validation: Path | None = None
    preset: Mapping[str, Any] | None = None
    pixel_size_um: float | None = None
    axes: str | None = None
    leave_out: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        held = None if self.validation is None else str(self.validation)
        return {
            "folder": str(self.folder), "kind": self.kind, "validation": held, "preset": self.preset,
            "pixel_size_um": self.pixel_size_um, "axes": self.axes, "leave_out": list(self.leave_out),
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Material:
        """What `to_dict` gave."""
        held = values.get("validation")
        read = {
            "folder": Path(values["folder"]), "validation": Path(held) if held else None,
            "leave_out": tuple(values.get("leave_out", ())),
        }  # fmt: skip
        return cls(**{**values, **read})

    def folders(self) -> list[Path]:
        """All folders that are read."""
        return [self.folder, *([self.validation] if self.validation is not None else [])]


@dataclass(frozen=True, eq=False, kw_only=True)
class Opened:
    """Images to train on and to check on; `frames` is the most a burst can have, `notices` what to tell."""

    train: Sequence[PairSource | GoodPlane]
    held_out: Sequence[PairSource | GoodPlane]
    frames: int | None = None
    notices: tuple[str, ...] = ()


def find_material(material: Material) -> tuple[Found, Found | None]:
    """Pairs or good images of a folder, and those of the folder of validation, without what is left out.

    Raises
    ------
    InputError
        If a folder is missing or holds no images, or one that is to be left out is not there.
    """
    find = find_pairs if material.kind == "pairs" else find_good_images
    names: tuple[list[str], list[str]] = ([], [])
    for name in material.leave_out:
        held = material.validation is not None and name.startswith(HELD)
        names[held].append(name.removeprefix(HELD) if held else name)
    found = find(material.folder, axes=material.axes, leave_out=names[0])
    if material.validation is None:
        return found, None
    return found, find(material.validation, axes=material.axes, leave_out=names[1])


def open_material(recipe: Recipe, material: Material) -> Opened:
    """Open a folder of pairs or of good images; every refusal comes before any work.

    Raises
    ------
    InputError
        With a list of the images that do not fit.
    """
    return _pairs(recipe, material) if material.kind == "pairs" else _good(recipe, material)


def _pairs(recipe: Recipe, material: Material) -> Opened:
    settings = recipe.training
    found, others = find_material(material)
    opened = open_pair_folder(
        found, share=settings.validation_share, seed=recipe.seed, patch=settings.patch, scale=recipe.scale,
        validation=others, settings=_pair_settings(recipe, material.folder),
    )  # fmt: skip
    burst = geometry(recipe.arch, **recipe.arch_args).burst
    if burst != (opened.frames is not None):
        has, takes = ("bursts", "single images")[:: -1 if burst else 1]
        raise InputError(
            f"The inputs in {material.folder} are {has}, but the network {recipe.arch!r} takes {takes}: choose another "
            "method."
        )
    notices = tuple(words for words in (opened.notice, opened.missing) if words)
    return Opened(train=opened.train, held_out=opened.held_out, frames=opened.frames, notices=notices)


def _pair_settings(recipe: Recipe, folder: Path) -> PairSettings:
    """The recipe's own, if it has a group of pairs; else intensities are fitted unless the pairs were degraded."""
    if recipe.pairs:
        return replace(recipe.pairs[0], match="*")
    return USUAL if (folder / RECORD).exists() else replace(USUAL, fit=True)


def _good(recipe: Recipe, material: Material) -> Opened:
    if material.preset is None:
        raise InputError("Good images need a preset that degrades them: name one.")
    preset = Preset.from_dict(material.preset)
    _check_preset(recipe, preset)
    step = preset.forward_model().binning
    images, others = find_material(material)
    for found in (images, *([others] if others else [])):
        if found.unpaired:
            raise InputError(" ".join(one.words for one in found.unpaired[:8]))
        small = [one for one in found.pairs if min(one.input.plane_shape) < recipe.training.patch * step]
        if small:
            largest = min(min(one.input.plane_shape) for one in small) // step
            raise InputError(
                f"Patches of {recipe.training.patch} pixels do not fit into {listed(one.name for one in small)}: the "
                f"largest that fits all is {largest}."
            )
    notice = ""
    if others is None:
        content = Content()
        for one in images.pairs:
            content.add(one)
        keys = dict(zip((one.name for one in images.pairs), content.shared(), strict=True))
        split = split_pairs(images.pairs, recipe.training.validation_share, recipe.seed, content=keys)
        train, held, notice = split.train, split.held_out, split.notice
        prefix = ""
    else:
        refuse_leaks(images, others)
        train, held, prefix = images.pairs, others.pairs, HELD
    size = material.pixel_size_um
    sides: list[list[GoodPlane]] = [
        good_planes(train, preset, pixel_size_um=size),
        good_planes(held, preset, pixel_size_um=size, prefix=prefix),
    ]
    if notice:
        *sides, words = hold_out_parts(sides[0], recipe.training.validation_share, recipe.training.patch)
        notice = f"{notice} {words}"
    return Opened(train=sides[0], held_out=sides[1], notices=(notice,) if notice else ())


def _check_preset(recipe: Recipe, preset: Preset) -> None:
    model = preset.forward_model()
    if model.target_scale != recipe.scale:
        raise InputError(
            f"The preset {preset.id!r} makes targets {model.target_scale} times as fine as its inputs, but the task "
            f"{recipe.task!r} needs {recipe.scale}: choose another preset or method."
        )
    if geometry(recipe.arch, **recipe.arch_args).burst != makes_bursts(preset):
        raise InputError(
            f"The preset {preset.id!r} is for the task {preset.task!r} and the network {recipe.arch!r} for "
            f"{recipe.task!r}: only one of them is about bursts; choose another preset or method."
        )
