"""The images of a run: which are trained on, which are held out, and where batches come from."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from napari_restoration.core.errors import InputError
from napari_restoration.models.archs import geometry
from napari_restoration.training.fields import FieldMaker, field_of_view, scene_of_source, split
from napari_restoration.training.good_images import GoodPlane
from napari_restoration.training.limits import need
from napari_restoration.training.material import Material, open_material
from napari_restoration.training.patches import (
    OTHER_STREAM,
    STATISTICS_STREAM,
    TRAINING_STREAM,
    VALIDATION_STREAM,
    Batch,
    BatchMaker,
    UnpairedBatchMaker,
)
from napari_restoration.training.phantoms import draw_phantoms
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.sources import PairSource, Source, load_pairs, load_sources

_PATCHES_FOR_STATISTICS, _BATCHES_FOR_STATISTICS = 32, 16


def check_fit(recipe: Recipe) -> None:
    """Refuse a recipe whose patches its network cannot take.

    Raises
    ------
    InputError
        Naming the setting and a value that fits.
    """
    shape = geometry(recipe.arch, **recipe.arch_args)
    if shape.ndim != 2:
        raise InputError("Volumes cannot be trained on yet: choose a network of planes (arch_args.ndim = 2).")
    if shape.in_channels != 1 or shape.out_channels != 1:
        raise InputError(
            f"The recipe's network takes {shape.in_channels} channels and gives {shape.out_channels}, but training "
            "images have one; set its channels to 1."
        )
    patch, multiple = recipe.training.patch, shape.size_multiple
    fitting = max(multiple, patch // multiple * multiple)
    need(patch % multiple == 0, "training.patch", patch, f"a multiple of {multiple}, such as {fitting}")
    if shape.scale != recipe.scale:
        raise InputError(
            f"The recipe's network enlarges {shape.scale} times, but its task {recipe.task!r} {recipe.scale} times; "
            "choose another network or task."
        )


class RunData:
    """Sources and pairs of a run, divided by field of view.

    Parameters
    ----------
    recipe : Recipe
    material : Material or Path
        Where the images are; a path is a folder with an ``index.csv``.

    Attributes
    ----------
    notices : tuple of str
        What the user must know of the images.

    Raises
    ------
    InputError
        If the data folder has no index, a group of the recipe matches nothing, or images do not fit together.
    """

    def __init__(self, recipe: Recipe, material: Material | Path) -> None:
        self._recipe, self.notices = recipe, tuple[str, ...]()
        self._sources: list[Source] = []
        self._pairs: list[PairSource | GoodPlane] = []
        self._view = field_of_view
        chosen = material if isinstance(material, Material) else Material(folder=material)
        if chosen.kind == "index":
            train, held = self._read_index(chosen.folder)
        else:
            opened = open_material(recipe, chosen)
            self._pairs += [*opened.train, *opened.held_out]
            train, held = ([one.name for one in side] for side in (opened.train, opened.held_out))
            self.notices, self._view = opened.notices, scene_of_source
            if opened.frames is not None:
                self._recipe = _with_frames(recipe, opened.frames)
        self._train = set(train)
        # Too few images to hold any out: their own patches, drawn apart, are all there is to check on.
        self._held = set(held) or self._train

    def _read_index(self, folder: Path) -> tuple[list[str], list[str]]:
        recipe = self._recipe
        self._sources += load_sources(folder, recipe.sources) if recipe.sources else []
        self._sources += draw_phantoms(recipe.phantoms, recipe.seed)
        pairs = load_pairs(folder, recipe.pairs) if recipe.pairs else []
        self._pairs += pairs
        both: list[Source | PairSource] = [*self._sources, *pairs]
        return split(both, recipe.training.validation_share, recipe.seed)

    def training(self) -> FieldMaker:
        """Draws from the images trained on."""
        return self._maker(self._train)

    def held_out(self) -> FieldMaker:
        """Draws from those held out (of whole fields of view)."""
        return self._maker(self._held, fixed=True)

    def held_out_apart(self, most: int) -> list[tuple[str, FieldMaker]]:
        """As `held_out`, but each of some images alone, with its name; of fields of view as far apart as possible."""
        views: dict[str, list[str]] = {}
        for name in sorted(self._held):
            views.setdefault(self._view(name), []).append(name)
        # The first of each field of view, then the second of each, ...
        deepest = max(map(len, views.values()))
        turns = [view[turn] for turn in range(deepest) for view in views.values() if turn < len(view)]
        return [(name, self._maker({name}, fixed=True)) for name in turns[:most]]

    def batches(self) -> BatchMaker | UnpairedBatchMaker:
        """Training batches; for unpaired training inputs and targets share no field of view.

        Raises
        ------
        InputError
            If unpaired training has a single field of view.
        """
        recipe = self._recipe
        if not recipe.method.unpaired:
            return BatchMaker(recipe, self.training(), stream=TRAINING_STREAM)
        views = sorted({self._view(name) for name in self._train})
        if len(views) < 2:
            raise InputError(
                "Training without pairs needs two fields of view at least, one for inputs and one for targets; the "
                "data have one."
            )
        blurred = {name for name in self._train if views.index(self._view(name)) % 2 == 0}
        return UnpairedBatchMaker(
            BatchMaker(recipe, self._maker(blurred), stream=TRAINING_STREAM),
            BatchMaker(recipe, self._maker(self._train - blurred), stream=OTHER_STREAM),
        )

    def checks(self, held_out: FieldMaker | None = None) -> list[Batch]:
        """The fixed batches, from images held out of training, that decide which weights are best."""
        settings = self._recipe.training
        return validation_batches(self._recipe, held_out or self.held_out(), settings.validation_patches)

    def for_statistics(self) -> list[Batch]:
        """Batches over which statistics of batch norms are taken."""
        settings = replace(self._recipe.training, batch_size=_PATCHES_FOR_STATISTICS)
        maker = BatchMaker(
            replace(self._recipe, training=settings), self.training(), stream=STATISTICS_STREAM
        )
        return [maker.batch(number) for number in range(_BATCHES_FOR_STATISTICS)]

    def _maker(self, names: set[str], *, fixed: bool = False) -> FieldMaker:
        sources = [s for s in self._sources if s.name in names]
        pairs = [p for p in self._pairs if p.name in names]
        return FieldMaker(self._recipe, sources, pairs, fixed=fixed)


def _with_frames(recipe: Recipe, most: int) -> Recipe:
    """The recipe with bursts of no more frames than the pairs have."""
    frames = recipe.degradation.get("frames", (1, most))
    low, high = frames if isinstance(frames, tuple) else (frames, frames)
    limited = (float(min(low, most)), float(min(high, most)))
    return replace(recipe, degradation={**recipe.degradation, "frames": limited})


def validation_batches(recipe: Recipe, held_out: FieldMaker, patches: int) -> list[Batch]:
    """Batches with ``patches`` patches in all (or a few more), always the same."""
    maker = BatchMaker(recipe, held_out, stream=VALIDATION_STREAM)
    return [maker.batch(number) for number in range(math.ceil(patches / recipe.training.batch_size))]
