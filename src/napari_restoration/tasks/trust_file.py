"""Judge a restored file and write the maps as its channels, plane by plane."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_restoration.core.files import check_output
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import open_writer, output_format, read_image
from napari_restoration.core.progress import Notice, Task
from napari_restoration.core.provenance import Provenance
from napari_restoration.tasks.layout import Block
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.record import describe_output
from napari_restoration.tasks.restoration import Restoration
from napari_restoration.tasks.settings import RestoreSettings
from napari_restoration.tasks.trust import check_planes, iter_trust_planes
from napari_restoration.tasks.trust_gathered import Gathered
from napari_restoration.tasks.trust_judge import make_judge
from napari_restoration.tasks.trust_result import TrustDone, TrustReport
from napari_restoration.tasks.trust_settings import TrustSettings

_FILE_ORDER = "TZC"


def iter_trust_file(
    source: Path,
    restored: Path,
    destination: Path,
    model: Any,
    settings: RestoreSettings | None = None,
    trust_settings: TrustSettings | None = None,
    *,
    axes: str | None = None,
    overwrite: bool = False,
) -> Task[dict[str, Any]]:
    """Judge what a file was restored to.

    Parameters
    ----------
    source, restored : Path
        The raw image and what was made of it.
    destination : Path
        Image file of the maps, one a channel, float32; of several channels all maps of the first come first.
    model : str, Path or AnyModel
        What restored it.
    settings : RestoreSettings, optional
        As it was restored.
    trust_settings : TrustSettings, optional
        The user's choices.
    axes : str, optional
        Meaning of the source's axes, if the file does not say it or says it wrong.
    overwrite : bool
        Replace an existing output.

    Yields
    ------
    Progress
        As `iter_trust`.

    Returns
    -------
    dict
        The report, see `TrustReport.to_dict`, with ``"output"`` and the names of its channels.

    Raises
    ------
    InputError, ModelError, OutputError
        Before any work where possible.
    """
    is_folder = output_format(destination) == "ome-zarr"
    check_output(destination, [source, restored], overwrite, folder=is_folder)
    image, result = read_image(source, axes=axes), read_image(restored)
    restoration = yield from prepare(image, model, settings)
    check_planes(restoration, result)
    judge = yield from make_judge(restoration, trust_settings or TrustSettings())
    names = Gathered.names(judge)
    blocks = sorted(
        restoration.layout.blocks, key=lambda block: [block.index.get(axis, 0) for axis in _FILE_ORDER]
    )
    like = _described(restoration, names)
    record: list[Provenance] = []
    with open_writer(
        destination,
        shape=like.shape,
        dtype=like.dtype,
        axes=like.axes,
        like=like,
        provenance=lambda: record[-1].to_dict(),
        overwrite=overwrite,
    ) as writer:
        report = yield from _stream(restoration, result, judge, blocks, names, writer)
        record.append(report.provenance)
    for text in writer.notices:
        yield Notice(done=0, total=0, message=text)
    return {**report.to_dict(), "output": str(destination), "channels": list(like.metadata["channels"])}


def _stream(
    restoration: Restoration,
    result: CalibratedImage,
    judge: Any,
    blocks: list[Block],
    names: tuple[str, ...],
    writer: Any,
) -> Task[TrustReport]:
    judging = iter_trust_planes(restoration, result, judge, blocks)
    while True:
        try:
            report = next(judging)
        except StopIteration as end:
            finished: TrustReport = end.value
            return finished
        if isinstance(report, TrustDone):
            for name in names:
                writer.write(np.ascontiguousarray(report.maps[name]))
        yield report


def _described(restoration: Restoration, names: tuple[str, ...]) -> CalibratedImage:
    """Axes, calibration and channels of the file, without its pixels."""
    layout, image = restoration.layout, restoration.image
    sizes = dict(zip(layout.output_axes, layout.output_shape, strict=True))
    placeholder = np.broadcast_to(np.zeros((), np.float32), layout.output_shape)
    described = describe_output(image, layout, restoration.card, restoration.settings, placeholder)
    channels = described.metadata.get("channels") or [f"channel {n}" for n in range(sizes.get("C", 1))]
    named = (
        [f"{channel}: {name}" for channel in channels for name in names] if sizes.get("C", 1) > 1 else names
    )
    sizes["C"] = len(named)
    axes = "".join(axis for axis in _FILE_ORDER if axis in sizes) + "YX"
    return described.replace(
        data=np.broadcast_to(np.zeros((), np.float32), [sizes[axis] for axis in axes]),
        axes=axes,
        name=f"{described.name} trust",
        metadata={**described.metadata, "channels": list(named)},
    )
