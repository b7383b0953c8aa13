"""Restore a file into a file, plane by plane, so that memory follows the tile and not the stack."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from itertools import groupby, product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.files import check_output
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import open_writer, output_format, read_image
from napari_restoration.core.progress import Notice, Progress, Task
from napari_restoration.core.provenance import Provenance
from napari_restoration.models.card import ModelCard
from napari_restoration.tasks.domain import DomainReport, check_domain
from napari_restoration.tasks.layout import Block, Layout, plan_layout
from napari_restoration.tasks.prepare import card_of, prepare
from napari_restoration.tasks.record import describe_output, output_dtype
from napari_restoration.tasks.restoration import Restoration
from napari_restoration.tasks.results import BlockDone
from napari_restoration.tasks.settings import RestoreSettings

# The order in which files hold planes.
_FILE_ORDER = "TZCYXS"


def iter_restore_file(
    source: Path,
    destination: Path,
    model: Any,
    settings: RestoreSettings | None = None,
    *,
    axes: str | None = None,
    overwrite: bool = False,
) -> Task[dict[str, Any]]:
    """Restore one file.

    Parameters
    ----------
    source, destination : Path
        Image files; the suffix of `destination` decides its format. Its axes stand in the order ``TZCYXS``
        (in an OME-Zarr ``TCZYX``).
    model : str, Path or AnyModel
        A model's id, its folder, or the loaded model.
    settings : RestoreSettings, optional
        The user's choices.
    axes : str, optional
        Meaning of the input's axes, if the file does not say it or says it wrong.
    overwrite : bool
        Replace an existing output. The old file survives until the new one is whole.

    Yields
    ------
    Progress
        As `iter_restore`.

    Returns
    -------
    dict
        The report of the run with ``"output"``, ``"sha256"`` of the result's pixels, ``"domain"`` (see
        `domain.DomainReport`) and ``"notices"``; axes and shape as the file holds them.

    Raises
    ------
    InputError, ModelError, OutputError
        Before any work where possible.
    """
    settings = RestoreSettings() if settings is None else settings
    check_output(destination, [source], overwrite, folder=output_format(destination) == "ome-zarr")
    image = read_image(source, axes=axes)
    card = card_of(model)
    found: list[DomainReport] = []
    preparing = _compared(prepare(image, model, settings), image, card, settings, found)
    report = yield from iter_write(preparing, image, card, settings, source, destination, overwrite=overwrite)
    return {**report, "domain": found[0].to_dict()}


def _compared(
    preparing: Task[Restoration],
    image: CalibratedImage,
    card: ModelCard,
    settings: RestoreSettings,
    found: list[DomainReport],
) -> Task[Restoration]:
    """Prepare, then tell in what the image is unlike the model's training images."""
    restoration = yield from preparing
    yield Progress(done=0, total=0, message="Comparing with the training images")
    report = check_domain(image, card, channel=settings.channel)
    found.append(report)
    if report.words:
        restoration.notices.append(report.words)
        yield Notice(done=0, total=0, message=report.words)
    return restoration


def iter_write(
    preparing: Task[Restoration],
    image: CalibratedImage,
    card: ModelCard,
    settings: RestoreSettings,
    source: Path,
    destination: Path,
    *,
    overwrite: bool,
) -> Task[dict[str, Any]]:
    """Restore an image that was read from a file into another file; see `iter_restore_file`.

    Parameters
    ----------
    preparing : generator
        Makes the restoration ready; nothing of it runs before the output is known to take the result.
    image, card, settings
        What is restored, with what, and how.
    source, destination : Path
        The image's file, whose place is recorded relative to the result's, and the result.
    overwrite : bool
        Replace an existing output.
    """
    layout = plan_layout(image, card, settings)
    ordered, like = _in_file_order(image, layout, card, settings)
    record: list[Provenance] = []
    with open_writer(
        destination,
        shape=like.shape,
        dtype=output_dtype(image, settings),
        axes=like.axes,
        like=like,
        provenance=lambda: _with_place(record[-1].to_dict(), source, destination),
        overwrite=overwrite,
    ) as writer:
        # Inside, so that a format that cannot hold the result, or a full disk, is told before the model is loaded.
        restoration = yield from preparing
        report = yield from _stream(restoration, ordered, like.axes, writer, record)
    told = list(writer.notices)
    for text in told:
        yield Notice(done=0, total=0, message=text)
    return {
        **report,
        "axes": writer.axes,
        "output_shape": list(writer.shape),
        "output": str(destination),
        "sha256": record[-1].result["sha256"],
        "notices": [*restoration.notices, *told],
    }


def _with_place(record: dict[str, Any], source: Path, destination: Path) -> dict[str, Any]:
    """A record that also says where the input lies, seen from the result, so that both can be moved together."""
    try:
        place = Path(os.path.relpath(source.resolve(), destination.resolve().parent)).as_posix()
    except ValueError:  # on another drive of Windows
        return record
    return {**record, "inputs": [{**record["inputs"][0], "file": place}]}


def _in_file_order(
    image: CalibratedImage, layout: Layout, card: ModelCard, settings: RestoreSettings
) -> tuple[list[Block], CalibratedImage]:
    """Blocks sorted as the file wants its planes, and the result's description with its axes in that order."""
    sizes = dict(zip(layout.output_axes, layout.output_shape, strict=True))
    axes = "".join(axis for axis in _FILE_ORDER if axis in sizes)
    blocks = sorted(
        layout.blocks, key=lambda block: [block.index[axis] for axis in _FILE_ORDER if axis in block.index]
    )
    # Only the calibration is used; the pixels come plane by plane.
    placeholder = np.broadcast_to(np.zeros((), np.uint8), layout.output_shape)
    like = describe_output(image, layout, card, settings, placeholder)
    moved = np.broadcast_to(np.zeros((), np.uint8), [sizes[axis] for axis in axes])
    return blocks, like.replace(data=moved, axes=axes)


def _stream(
    restoration: Restoration, blocks: list[Block], axes: str, writer: Any, record: list[Provenance]
) -> Generator[Any, None, dict[str, Any]]:
    """Drive the run and write each group of blocks as soon as it is whole."""
    layout = restoration.layout
    streamed = _streamed_axes(layout, axes)
    groups = [
        list(group) for _, group in groupby(blocks, key=lambda b: tuple(b.index[axis] for axis in streamed))
    ]
    finished: dict[int, npt.NDArray[Any]] = {}
    run = restoration.iter_blocks(blocks)
    pending = groups.pop(0)
    while True:
        try:
            report = next(run)
        except StopIteration as end:
            provenance, figures = end.value
            record.append(provenance)
            return dict(figures)
        if not isinstance(report, BlockDone):
            yield report
            continue
        finished[id(report.block)] = report.values
        if report.block is pending[-1]:
            for plane in _planes(layout, axes, streamed, pending, finished):
                writer.write(plane)
            finished.clear()
            pending = groups.pop(0) if groups else pending


def _streamed_axes(layout: Layout, axes: str) -> str:
    """Leading axes of the file over which single groups of blocks follow one another."""
    streamed = ""
    for axis in axes:
        if axis in layout.spatial or axis == layout.channel_axis:
            break
        streamed += axis
    return streamed


def _planes(
    layout: Layout, axes: str, streamed: str, group: list[Block], finished: dict[int, npt.NDArray[Any]]
) -> Iterator[npt.NDArray[Any]]:
    """Planes ``(Y, X[, S])`` of one group in the file's order."""
    sizes = dict(zip(layout.output_axes, layout.output_shape, strict=True))
    inner = axes[len(streamed) :]
    kept = layout.channel_axis if layout.channel_axis in layout.output_axes else ""
    whole = np.empty([sizes[axis] for axis in inner], finished[id(group[0])].dtype)
    for block in group:
        view = whole[tuple(block.index.get(axis, slice(None)) for axis in inner)]
        left = [axis for axis in inner if axis not in block.index]
        wanted = kept + layout.spatial
        values = finished[id(block)]
        view.transpose([left.index(axis) for axis in wanted])[...] = values if kept else values[0]
    leading = [axis for axis in inner if axis in "TZC"]
    for position in product(*(range(sizes[axis]) for axis in leading)):
        yield np.ascontiguousarray(whole[position])
