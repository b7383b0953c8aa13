"""Where to trust a restoration, and where not: one call for scripts, command line and widgets."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import fields
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.memory import free_memory_bytes
from napari_restoration.core.progress import Progress, Task, run
from napari_restoration.tasks.layout import Block
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.record import describe_output
from napari_restoration.tasks.restoration import Restoration
from napari_restoration.tasks.results import RestorationResult
from napari_restoration.tasks.settings import RestoreSettings
from napari_restoration.tasks.trust_gathered import Gathered
from napari_restoration.tasks.trust_judge import check_judgeable, make_judge
from napari_restoration.tasks.trust_plane import PlaneJudge
from napari_restoration.tasks.trust_result import TRUST, TrustDone, TrustProgress, TrustReport, TrustResult
from napari_restoration.tasks.trust_settings import TrustSettings

if TYPE_CHECKING:
    from napari_restoration.models.any_model import AnyModel

__all__ = ["TrustSettings", "iter_trust", "iter_trust_planes", "trust"]


def trust(
    image: CalibratedImage,
    restored: RestorationResult | CalibratedImage,
    model: str | Path | AnyModel | None = None,
    *,
    on_progress: Callable[[Progress], None] | None = None,
    **settings: Any,
) -> TrustResult:
    """Show where a restoration is supported by its raw image, and where it is not.

    Parameters
    ----------
    image : CalibratedImage
        The raw image.
    restored : RestorationResult or CalibratedImage
        What was made of it; its record tells model and settings.
    model : str, Path or AnyModel, optional
        The model, where the record does not name it, or that model loaded already.
    on_progress : callable, optional
        Called with each `Progress`.
    **settings
        Fields of `TrustSettings`.

    Returns
    -------
    TrustResult
        ``.words`` is the answer in a sentence, ``.maps["trust"]`` the combined map.

    Raises
    ------
    InputError, ModelError
        Each with one sentence that says what to do.

    Examples
    --------
    >>> from napari_restoration import read_image, restore, trust
    >>> raw = read_image("cells.tif")  # doctest: +SKIP
    >>> print(trust(raw, restore(raw, task="denoise")).words)  # doctest: +SKIP
    """
    return run(iter_trust(image, restored, model, settings=TrustSettings(**settings)), on_progress)


def iter_trust(
    image: CalibratedImage,
    restored: RestorationResult | CalibratedImage,
    model: str | Path | AnyModel | Restoration | None = None,
    *,
    settings: TrustSettings | None = None,
    restore_settings: RestoreSettings | None = None,
) -> Task[TrustResult]:
    """Judge a whole restoration as a task that can be watched and stopped; see `trust`.

    Parameters
    ----------
    image, restored, model
        As `trust`; a `Restoration` that is still there saves preparing it anew.
    settings : TrustSettings, optional
        The user's choices.
    restore_settings : RestoreSettings, optional
        Those of the restoration, where there is no record.

    Yields
    ------
    TrustProgress
        After each tile.
    TrustDone
        After each plane.

    Returns
    -------
    TrustResult
        Maps in memory, without those that could be had for no plane; `iter_trust_planes` hands them out plane by plane.
    """
    pixels = restored.image if isinstance(restored, RestorationResult) else restored
    restoration = yield from _prepared(image, pixels, model, restore_settings)
    judge = yield from make_judge(restoration, settings or TrustSettings())
    names = Gathered.names(judge)
    like = _like(restoration, pixels)
    needed = len(names) * prod(like.shape) * 4
    if needed > free_memory_bytes() // 2:
        raise InputError(
            f"The trust maps of {image.name!r} take {needed / 2**30:.1f} GiB, more than half of the free memory: "
            "use --trust on the command line, which writes plane by plane, or cut the stack."
        )
    arrays = {name: np.full(like.shape, np.nan, np.float32) for name in names}
    planes = iter_trust_planes(restoration, pixels, judge)
    while True:
        try:
            report = next(planes)
        except StopIteration as end:
            finished: TrustReport = end.value
            break
        if isinstance(report, TrustDone):
            where = tuple(report.block.index.get(axis, slice(None)) for axis in like.axes)
            for name, plane in report.maps.items():
                arrays[name][where] = _in_order(plane, like.axes)
        yield report
    record = finished.provenance.to_dict()
    maps = {
        name: like.replace(
            data=array, name=f"{like.name} {name}", metadata={**like.metadata, "provenance": record}
        )
        for name, array in arrays.items()
        if name == TRUST or np.isfinite(array).any()
    }
    return TrustResult(maps=maps, report=finished)


def iter_trust_planes(
    restoration: Restoration,
    restored: CalibratedImage,
    judge: PlaneJudge,
    blocks: Sequence[Block] | None = None,
) -> Task[TrustReport]:
    """Judge plane by plane; memory holds one plane of each map.

    Parameters
    ----------
    restoration : Restoration
        As it was prepared for the run.
    restored : CalibratedImage
        The result, lazy or not, with the axes of the restoration's result in any order.
    judge : PlaneJudge
        See `make_judge`.
    blocks : sequence of Block, optional
        In which order.

    Yields
    ------
    TrustProgress, TrustDone
        After each tile and after each plane.

    Returns
    -------
    TrustReport
    """
    check_planes(restoration, restored)
    gathered = Gathered(judge)
    ordered = list(restoration.layout.blocks if blocks is None else blocks)
    restoration.restorer.begin()
    total = sum(restoration.restorer.count_tiles(block) for block in ordered) * gathered.runs
    done = 0
    for number, block in enumerate(ordered, start=1):
        plane = restored_plane(restored, block)
        judging = judge.iter_judge(block, plane)
        while True:
            try:
                next(judging)
            except StopIteration as end:
                evidence, judged = end.value
                break
            done += 1
            message = (
                f"Checking plane {number} of {len(ordered)}" if len(ordered) > 1 else "Checking the result"
            )
            yield TrustProgress(done=min(done, total), total=total, message=message)
        maps = gathered.add(evidence, judged)
        yield TrustDone(done=number, total=len(ordered), block=block, maps=maps)
    return gathered.report(restoration, restored)


def check_restoration(restoration: Restoration) -> None:
    """Refuse what cannot be judged plane by plane.

    Raises
    ------
    InputError
        For volumes and colour images.
    """
    check_judgeable(restoration.card)
    if "S" in restoration.layout.output_axes:
        raise InputError(
            f"{restoration.image.name!r} is in colour, but trust maps are made of grey images: split its colours first."
        )


def check_planes(restoration: Restoration, restored: CalibratedImage) -> None:
    """Refuse what `check_restoration` does, and results that do not fit the raw image.

    Raises
    ------
    InputError
        Naming both.
    """
    check_restoration(restoration)
    layout = restoration.layout
    wanted = dict(zip(layout.output_axes, layout.output_shape, strict=True))
    found = {axis: size for axis, size in zip(restored.axes, restored.shape, strict=True) if size > 1}
    if found != {axis: size for axis, size in wanted.items() if size > 1}:
        raise InputError(
            f"{restored.name!r} has axes {restored.axes} of shape {restored.shape}, but {restoration.card.id} makes "
            f"{layout.output_axes} of shape {tuple(layout.output_shape)} of {restoration.image.name!r}: "
            "they do not belong together."
        )


def restored_plane(restored: CalibratedImage, block: Block) -> npt.NDArray[Any]:
    """One plane ``(Y, X)`` of a result."""
    where = tuple(slice(None) if axis in "YX" else block.index.get(axis, 0) for axis in restored.axes)
    return _in_order(np.asarray(restored.data[where]), restored.axes)


def _in_order(plane: npt.NDArray[Any], axes: str) -> npt.NDArray[Any]:
    return plane if axes.index("Y") < axes.index("X") else plane.T


def _like(restoration: Restoration, restored: CalibratedImage) -> CalibratedImage:
    placeholder = np.broadcast_to(np.zeros((), np.float32), restoration.layout.output_shape)
    described = describe_output(
        restoration.image, restoration.layout, restoration.card, restoration.settings, placeholder
    )
    return described.replace(name=restored.name)


def _prepared(
    image: CalibratedImage,
    restored: CalibratedImage,
    model: str | Path | AnyModel | Restoration | None,
    settings: RestoreSettings | None,
) -> Generator[Progress, None, Restoration]:
    if isinstance(model, Restoration):
        return model
    record = restored.metadata.get("provenance", {})
    chosen: str | Path | AnyModel | None = record.get("model", {}).get("id") if model is None else model
    if not chosen:
        raise InputError(
            f"{restored.name!r} has no record of the model that made it: name the model as well."
        )
    settings = recorded_settings(record) if settings is None else settings
    return (yield from prepare(image, chosen, settings))


def recorded_settings(record: Mapping[str, Any]) -> RestoreSettings:
    """The settings of a restoration as its record holds them; tiles are chosen anew."""
    known = {entry.name for entry in fields(RestoreSettings)} - {"tile"}
    return RestoreSettings(**{k: v for k, v in dict(record.get("settings", {})).items() if k in known})
