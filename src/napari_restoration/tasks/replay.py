"""Make a recorded result again, bit for bit, and say whether it is the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import InputError
from napari_restoration.core.files import check_output
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import output_format
from napari_restoration.core.progress import Notice, Progress, Task
from napari_restoration.models.card import ModelCard
from napari_restoration.models.classical.catalogue import is_classical
from napari_restoration.tasks.layout import Layout, plan_layout
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.reader import BlockReader
from napari_restoration.tasks.record import describe_normalization
from napari_restoration.tasks.replay_equal import judge
from napari_restoration.tasks.replay_record import (
    DEGRADE,
    Recorded,
    check_sha256,
    find_input,
    find_model,
    read_input,
    read_record,
    software_differences,
)
from napari_restoration.tasks.restoration import Restoration
from napari_restoration.tasks.restore_file import iter_write
from napari_restoration.tasks.settings import RestoreSettings

if TYPE_CHECKING:
    from napari_restoration.tasks.blocks import BlockRestorer

__all__ = ["iter_replay"]

_MOST_THREADS = 1024


def iter_replay(
    record: str | Path,
    destination: str | Path,
    *,
    source: str | Path | None = None,
    model: str | Path | None = None,
    overwrite: bool = False,
) -> Task[dict[str, Any]]:
    """Make a result again from its record.

    Parameters
    ----------
    record : path
        A restored or degraded file, or its record as JSON.
    destination : path
        The new file; its suffix decides the format.
    source : path, optional
        The input, where it is not found by itself.
    model : str or Path, optional
        The model's id or folder, where it is not found by itself. Its weights must be those of the record.
    overwrite : bool
        Replace an existing output.

    Yields
    ------
    Progress
        As `iter_restore`; `Notice` for what is different here.

    Returns
    -------
    dict
        The report of the run with ``"record"``, ``"input"``, ``"differences"`` (sentences), and the verdict of
        `replay_equal.judge`: ``"equal"``, ``"words"``, ``"different_pixels"``, ``"largest_difference"``.

    Raises
    ------
    InputError, ModelError, OutputError
        If record, input or model are missing or others, before any work where possible.
    """
    recorded = read_record(record)
    path, out = find_input(recorded, source), Path(destination)
    check_output(out, [recorded.path, path], overwrite, folder=output_format(out) == "ome-zarr")
    image = read_input(recorded, path)
    differences = software_differences(recorded.provenance)
    if recorded.provenance.task == DEGRADE:
        from napari_restoration.tasks.replay_degrade import iter_replay_degrade

        making = iter_replay_degrade(recorded, image, path, out, overwrite=overwrite)
    else:
        making = _iter_restore(recorded, image, path, out, model, differences, overwrite=overwrite)
    for text in differences:
        yield Notice(done=0, total=0, message=text)
    report = yield from making
    yield Progress(done=0, total=0, message="Comparing with the result")
    noted = str(recorded.provenance.result.get("sha256", ""))
    verdict = judge(out, report["sha256"], noted, recorded.image, causes=differences)
    told = {"record": str(recorded.path), "input": str(path), "differences": differences}
    return {**report, **told, **verdict.to_dict()}


def _iter_restore(
    recorded: Recorded,
    image: CalibratedImage,
    path: Path,
    out: Path,
    given: str | Path | None,
    differences: list[str],
    *,
    overwrite: bool,
) -> Task[dict[str, Any]]:
    """Restore as recorded; what turns out to be different is added to `differences` and told."""
    model, card = find_model(recorded, given)
    settings, tile = _settings(recorded, card)
    layout = plan_layout(image, card, settings)
    if len(tile) != len(layout.spatial) or any(side % card.size_multiple for side in tile):
        raise InputError(f"{recorded.path}: its record's tile {list(tile)} does not fit {card.id}.")
    yield from _check_pixels(recorded, image, layout, path)
    device = _device(recorded, card)
    if device != settings.device:
        text = f"It was made on {settings.device}, which is not here: the last bits may differ."
        differences.append(text)
        yield Notice(done=0, total=0, message=text)
        settings = replace(settings, device=device)
    preparing = _prepared(recorded, image, model, settings, tile, differences)
    with _threads_as(recorded, card):
        return (yield from iter_write(preparing, image, card, settings, path, out, overwrite=overwrite))


@contextmanager
def _threads_as(recorded: Recorded, card: ModelCard) -> Iterator[None]:
    """Compute on as many threads as recorded: sums of another order differ in their last bits."""
    threads = recorded.provenance.settings.get("threads")
    if is_classical(card) or not isinstance(threads, int) or not 1 <= threads <= _MOST_THREADS:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _settings(recorded: Recorded, card: ModelCard) -> tuple[RestoreSettings, tuple[int, ...]]:
    """The recorded choices, and the tile's side along each axis."""
    noted = dict(recorded.provenance.settings)
    tile = noted.pop("tile", None)
    if not isinstance(tile, list) or not all(isinstance(side, int) and side > 0 for side in tile):
        raise InputError(f"{recorded.path}: its record's field 'tile' is {tile!r}, expected sides in pixels.")
    known = {entry.name for entry in fields(RestoreSettings)} - {"tile"}
    chosen = {name: value for name, value in noted.items() if name in known}
    chosen["precision"] = recorded.provenance.precision
    chosen["device"] = "auto" if is_classical(card) else recorded.provenance.device
    try:
        return RestoreSettings(**chosen), tuple(tile)
    except InputError as error:
        raise InputError(f"{recorded.path}: its record cannot be replayed: {error}") from error


def _device(recorded: Recorded, card: ModelCard) -> str:
    """Where to compute: as recorded, if that is here."""
    if is_classical(card):
        return "auto"
    from napari_restoration.models.devices import available_devices

    noted = recorded.provenance.device
    return noted if noted in available_devices() else "auto"


def _check_pixels(recorded: Recorded, image: CalibratedImage, layout: Layout, path: Path) -> Task[None]:
    """Read all that the run will read, and refuse other pixels before anything is loaded."""
    reader = BlockReader(image, layout.spatial, layout.channel_axis)
    positions = {tuple(sorted(at.items())): at for block in layout.blocks for at in block.sources}
    for done, at in enumerate(positions.values()):
        reader.stored(at)
        yield Progress(done=done, total=len(positions), message="Checking the pixels of the input")
    check_sha256(recorded, path, reader.sha256())


def _prepared(
    recorded: Recorded,
    image: CalibratedImage,
    model: str | Path,
    settings: RestoreSettings,
    tile: tuple[int, ...],
    differences: list[str],
) -> Task[Restoration]:
    restoration = yield from prepare(image, model, settings, tile=tile)
    noted = recorded.provenance.normalization
    if describe_normalization(restoration.restorer) != [dict(entry) for entry in noted]:
        try:
            _use_normalization(restoration.restorer, noted)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{recorded.path}: its record's field 'normalization' does not fit the image."
            ) from error
        text = "Its intensities are measured otherwise now; those of the record were taken."
        differences.append(text)
        yield Notice(done=0, total=0, message=text)
    return restoration


def _use_normalization(restorer: BlockRestorer, noted: list[Mapping[str, Any]]) -> None:
    """Put the recorded intensities that become 0 and 1 in place of those that were measured."""
    found = {
        (
            tuple(sorted((axis, entry[axis]) for axis in "CS" if axis in entry)),
            entry.get("pass", 1),
            entry["channel"],
        ): (
            float(entry["low"]),
            float(entry["high"]),
        )
        for entry in noted
    }

    def noted_for(key: Any, number: int, entry: Any) -> Any:
        bounds = [found[key, number, channel] for channel in range(len(entry))]
        return tuple(replace(one, low=low, high=high) for one, (low, high) in zip(entry, bounds, strict=True))

    restorer.percentiles = {key: noted_for(key, 1, entry) for key, entry in restorer.percentiles.items()}
    for key, passes in list(restorer.later.items()):
        restorer.later[key] = tuple(
            noted_for(key, number, entry) for number, entry in enumerate(passes, start=2)
        )
