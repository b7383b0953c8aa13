"""Get ready to restore: check everything, load the model, read the intensities, choose the tile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.normalize import NOTHING, NoFinitePixel, Percentiles
from napari_restoration.core.progress import Progress, Task
from napari_restoration.core.tiling import round_up
from napari_restoration.models.any_model import load_known
from napari_restoration.models.card import ModelCard
from napari_restoration.models.classical.model import ClassicalModel
from napari_restoration.models.registry import default_model, find_card
from napari_restoration.tasks.adapting import adapt_to_image
from napari_restoration.tasks.block_input import StatisticsKey, statistics_key
from napari_restoration.tasks.blocks import BlockRestorer
from napari_restoration.tasks.bound_method import adapt, bind
from napari_restoration.tasks.layout import Layout, plan_layout, work_size
from napari_restoration.tasks.passes import measure_passes
from napari_restoration.tasks.reader import BlockReader
from napari_restoration.tasks.restoration import Restoration
from napari_restoration.tasks.settings import RestoreSettings
from napari_restoration.tasks.tile_choice import choose_tile, whole_image_notice

if TYPE_CHECKING:
    from napari_restoration.models.any_model import AnyModel


def prepare(
    image: CalibratedImage,
    model: str | Path | AnyModel,
    settings: RestoreSettings | None = None,
    *,
    tile: tuple[int, ...] | None = None,
) -> Task[Restoration]:
    """Prepare a restoration; bad input is refused before anything is loaded.

    Parameters
    ----------
    image : CalibratedImage
        The input; never changed.
    model : str, Path or AnyModel
        A model's id, its folder, or the loaded model.
    settings : RestoreSettings, optional
        The user's choices.
    tile : tuple of int, optional
        Side of the kept core along each spatial axis, as recorded by an earlier run, in place of the chosen one.

    Yields
    ------
    Progress
        What is being done, in words.

    Returns
    -------
    Restoration
        For previews and the run.

    Raises
    ------
    InputError
        If axes, frames, channel or values do not fit.
    ModelError
        If the model is unknown or damaged.
    """
    settings = RestoreSettings() if settings is None else settings
    card = card_of(model)
    layout = plan_layout(image, card, settings)
    if isinstance(model, str | Path):
        yield Progress(done=0, total=3, message=f"Loading {card.title}")
        # Read by torch when it is first imported: spinning threads would fight with napari for the processor.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        loaded: AnyModel = load_known(card, model, settings.device, settings.precision)
    else:
        loaded = model
    if isinstance(loaded, ClassicalModel):
        loaded = bind(loaded, image, settings)
        card = loaded.card
    # What was noticed when the file was read, such as missing chunks, belongs to the result as well.
    notices = [*map(str, image.metadata.get("notices", ())), *loaded.notices]
    frames = max(len(block.sources) for block in layout.blocks)

    yield Progress(done=1, total=3, message="Reading intensities")
    reader = BlockReader(image, layout.spatial, layout.channel_axis, kept=frames)
    percentiles = _statistics(reader, layout, image, card.low_percentile, card.high_percentile)
    if isinstance(loaded, ClassicalModel):
        percentiles = adapt(percentiles, loaded.method, reader, image.name)

    yield Progress(done=2, total=3, message="Choosing the tile size")
    spatial = tuple(image.size_of(axis) for axis in layout.spatial)
    if tile is not None:
        pass  # multiples of the model's size multiple already
    elif settings.tile is not None:
        tile = (round_up(settings.tile, card.size_multiple),) * len(spatial)
    else:
        tile = choose_tile(loaded, spatial, card.halo, frames, work_size(image, layout))
    if told := whole_image_notice(card, tile, spatial):
        notices.append(told)
    restorer = BlockRestorer(image, loaded, layout, settings, reader, percentiles, tile, notices)
    yield from adapt_to_image(restorer)
    yield from measure_passes(restorer)
    yield Progress(done=3, total=3, message="Ready")
    return Restoration(image, layout, settings, restorer)


def card_of(model: str | Path | AnyModel) -> ModelCard:
    """The card of a model that need not be loaded yet.

    Raises
    ------
    ModelError
        If there is no such model.
    """
    return find_card(model)[0] if isinstance(model, str | Path) else model.card


def choose_model(model: str | Path | None, task: str | None) -> str | Path:
    """The model that is meant: the named one, else the task's default.

    Raises
    ------
    InputError
        If neither is given.
    ModelError
        If the model is of another task, or the task has none.
    """
    if model is not None:
        card = card_of(model)
        if task is not None and card.task != task:
            raise InputError(
                f"{card.id} is a model for {card.task}, not for {task}: leave one of the two out."
            )
        return model
    if task is None:
        raise InputError("Neither a task nor a model is given: name a task, such as denoise.")
    return default_model(task)


def _statistics(
    reader: BlockReader, layout: Layout, image: CalibratedImage, low: float, high: float
) -> dict[StatisticsKey, tuple[Percentiles, ...]]:
    keys = {statistics_key(block.sources[0]) for block in layout.blocks if not block.is_alpha}
    found: dict[StatisticsKey, tuple[Percentiles, ...]] = {}
    empty: list[NoFinitePixel] = []
    for key in sorted(keys):
        entry = []
        for channel in range(reader.channels):
            try:
                entry.append(reader.percentiles(dict(key), channel, low, high))
            except NoFinitePixel as error:
                # A channel of which nothing is left stays missing; the others are restored.
                empty.append(error)
                entry.append(NOTHING)
            except InputError as error:
                raise InputError(f"{image.name!r}: {error}") from error
        found[key] = tuple(entry)
    if all(one is NOTHING for entry in found.values() for one in entry):
        raise InputError(f"{image.name!r}: {empty[0]}")
    return found
