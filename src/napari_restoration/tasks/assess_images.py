"""Held-out images of a training run, cut to a size that is restored quickly."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_restoration.training.fields import Item, Region
    from napari_restoration.training.material import Material
    from napari_restoration.training.recipe import Recipe

Float = NDArray[np.float32]

MOST_SIDE = 512
_PLACES = 3
_BIN = 4
_ORDER_STREAM, _DEGRADING_STREAM = 6, 7


@dataclass(frozen=True, eq=False, kw_only=True)
class HeldOut:
    """One held-out image that has not been read yet.

    Attributes
    ----------
    name, field : str
        Of the image, and of the field of view that it shows.
    shape : tuple of int
        Sides of what `read` gives as input, at most 512 pixels each; of what a recipe degrades the least.
    affine : bool
        The intensities of input and target were fitted to each other.
    is_part : bool
        The rest of the image is trained on.
    """

    name: str
    field: str
    shape: tuple[int, int]
    affine: bool
    is_part: bool = False
    item: Item
    recipe: Recipe
    seed: tuple[int, ...]

    def is_among(self, seen: Collection[str]) -> bool:
        """Whether one of these hashes is its own, see `napari_restoration.training.seen`."""
        from napari_restoration.training.seen import was_seen

        return was_seen(self.item, seen)

    def read(self) -> tuple[Float, Float]:
        """Input ``(Y, X)`` or ``(T, Y, X)`` and target ``(Y * scale, X * scale)`` on one intensity scale.

        Of a larger image the busiest part is taken. What is degraded is always degraded in the same way.
        """
        from napari_restoration.training.fields import FieldMaker
        from napari_restoration.training.good_images import GoodPlane
        from napari_restoration.training.sources import PairSource

        item, rng = self.item, np.random.default_rng(self.seed)
        if isinstance(item, GoodPlane):
            region = busiest(item.image, self.shape, item.model.binning)
            return item.degraded(region, rng)
        if isinstance(item, PairSource) and item.settings.photons is None:
            rows, columns = busiest(item.input, self.shape, 1)
            scale = self.recipe.scale
            given = np.asarray(item.input[..., rows, columns], dtype=np.float32)
            fine = tuple(slice(one.start * scale, one.stop * scale) for one in (rows, columns))
            return given, np.asarray(item.target[fine], dtype=np.float32)
        # What a recipe degrades itself comes in normalised units.
        large = replace(self.recipe, training=replace(self.recipe.training, field_size=MOST_SIDE))
        only: tuple[Any, Any] = ([], [item]) if isinstance(item, PairSource) else ([item], [])
        made = FieldMaker(large, *only, fixed=True).make(rng)
        return made.input, made.target


def held_out_images(recipe: Recipe, material: Material | Path, most: int) -> list[HeldOut]:
    """The held-out images of a run's own split: one of each field of view, then further ones.

    Parameters
    ----------
    recipe, material
        As the run has them.
    most : int
        Images in all; which ones is drawn from the recipe's seed.

    Returns
    -------
    list of HeldOut
        Sorted by name; empty if nothing was held out.

    Raises
    ------
    InputError
        If images are missing or do not fit together any more.
    """
    from napari_restoration.training.fields import field_of_view, scene_of_source
    from napari_restoration.training.material import Material, open_material

    chosen = material if isinstance(material, Material) else Material(folder=material)
    items: Sequence[Item]
    if chosen.kind == "index":
        items, view = _of_index(recipe, chosen.folder), field_of_view
    else:
        items, view = open_material(recipe, chosen).held_out, scene_of_source
    fields: dict[str, list[Item]] = {}
    for item in sorted(items, key=lambda one: one.name):
        fields.setdefault(view(item.name), []).append(item)
    rng = np.random.default_rng([recipe.seed, _ORDER_STREAM])
    names = sorted(fields)
    mixed = [names[i] for i in rng.permutation(len(names))]
    queues = {name: [fields[name][i] for i in rng.permutation(len(fields[name]))] for name in mixed}
    ordered = [
        (name, queues[name][turn])
        for turn in range(max(map(len, queues.values()), default=0))
        for name in mixed
        if turn < len(queues[name])
    ]
    found = [
        _held_out(item, name, recipe, number) for number, (name, item) in enumerate(ordered[: max(1, most)])
    ]
    return sorted(found, key=lambda one: one.name)


def has_measured_inputs(material: Material) -> bool:
    """Whether the material is pairs from a microscope; folders of pairs that were degraded have a record of that."""
    from napari_restoration.training.pairs.find import RECORD

    folder = material.folder
    return material.kind == "pairs" and folder.is_dir() and not (folder / RECORD).exists()


def _of_index(recipe: Recipe, folder: Path) -> list[Item]:
    from napari_restoration.training.fields import split
    from napari_restoration.training.phantoms import draw_phantoms
    from napari_restoration.training.sources import PairSource, Source, load_pairs, load_sources

    items: list[Source | PairSource] = [
        *(load_sources(folder, recipe.sources) if recipe.sources else []),
        *draw_phantoms(recipe.phantoms, recipe.seed),
        *(load_pairs(folder, recipe.pairs) if recipe.pairs else []),
    ]
    held = set(split(items, recipe.training.validation_share, recipe.seed)[1])
    return [item for item in items if item.name in held]


def _held_out(item: Item, field: str, recipe: Recipe, number: int) -> HeldOut:
    from napari_restoration.training.good_images import GoodPlane
    from napari_restoration.training.seen import is_part
    from napari_restoration.training.sources import PairSource

    image = item.input if isinstance(item, PairSource) else item.image
    if isinstance(item, GoodPlane):
        step = item.model.binning
    else:
        step = 1 if isinstance(item, PairSource) else recipe.scale * max(item.settings.bins)
    height, width = (min(MOST_SIDE, int(n) // step) for n in image.shape[-2:])
    return HeldOut(
        name=item.name, field=field, shape=(height, width),
        affine=isinstance(item, PairSource) and item.settings.fit,
        is_part=is_part(item), item=item, recipe=recipe, seed=(recipe.seed, _DEGRADING_STREAM, number),
    )  # fmt: skip


def busiest(image: Any, shape: tuple[int, int], step: int) -> Region:
    """The part with the most contrast out of up to nine evenly spread ones.

    Parameters
    ----------
    image : array-like
        ``(..., Y, X)``; parts are read one at a time, of a burst the middle frame.
    shape : tuple of int
        Sides of the part in units of `step` pixels.
    step : int
        The part begins and ends at multiples of it.
    """
    from napari_restoration.training.sources import mean_bin

    starts = []
    for length, side in zip(image.shape[-2:], shape, strict=True):
        free = int(length) // step - side
        starts.append(sorted({round(free * i / (_PLACES - 1)) for i in range(_PLACES)}))
    sides = tuple(side * step for side in shape)
    regions = [
        (slice(y * step, y * step + sides[0]), slice(x * step, x * step + sides[1]))
        for y in starts[0]
        for x in starts[1]
    ]
    if len(regions) == 1:
        return regions[0]
    frame: tuple[slice, ...] = (
        () if len(image.shape) == 2 else (slice(image.shape[0] // 2, image.shape[0] // 2 + 1),)
    )

    def contrast(region: Region) -> float:
        part = np.asarray(image[(*frame, *region)], dtype=np.float32).reshape(sides)
        # Binned, so that noise and single hot pixels count little.
        return float(mean_bin(part, min(_BIN, *sides)).std())

    return max(regions, key=contrast)
