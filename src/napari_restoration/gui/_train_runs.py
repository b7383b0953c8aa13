"""What the Train panel lets be done before a training starts, as tasks for the thread. None touches Qt or napari."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, Task
from napari_restoration.tasks.train_order import TrainOrder, iter_write_good, iter_write_pairs

if TYPE_CHECKING:
    from napari_restoration.degradations.presets import Preset
    from napari_restoration.tasks.pair_doctor import Found, PairFinding, PairReport
    from napari_restoration.tasks.train_control import TrainingControl
    from napari_restoration.tasks.train_reports import TrainingResult

Fix = tuple[str, str]
"""Pair and kind of a finding that is to be fixed."""
_CONFIG = "config.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainSource:
    """What is learned from: pairs or good images, in layers or in a folder.

    Attributes
    ----------
    pairs, images
        Layers: input and target of each pair, or good images.
    folder
        Files, if there are no layers.
    validation
        Folder of held-out files.
    is_clean
        Good images, not pairs.
    """

    pairs: tuple[tuple[CalibratedImage, CalibratedImage], ...] = ()
    images: tuple[CalibratedImage, ...] = ()
    folder: Path | None = None
    validation: Path | None = None
    is_clean: bool = False

    @property
    def pixel_size_um(self) -> float | None:
        """Of the first layer, if it is known."""
        first = [*(given for given, _ in self.pairs), *self.images][:1]
        return first[0].pixel_size_um.get("X") if first else None

    def is_same(self, other: TrainSource) -> bool:
        """Whether it is of the same arrays with the same names, or of the same folders."""
        ours, theirs = (
            [(one.name, one.axes, one.shape) for pair in source.pairs for one in pair]
            for source in (self, other)
        )
        ours_data, theirs_data = (
            [one.data for pair in source.pairs for one in pair] for source in (self, other)
        )
        same_arrays = all(one is two for one, two in zip(ours_data, theirs_data, strict=False))
        return (
            ours == theirs
            and same_arrays
            and (self.folder, self.validation, self.is_clean)
            == (other.folder, other.validation, other.is_clean)
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Checked:
    """Pairs were examined."""

    source: TrainSource
    report: PairReport
    stamp: tuple[tuple[str, int, int], ...]

    def is_of(self, source: TrainSource) -> bool:
        """Whether these very pairs were examined, and no file has changed since."""
        return self.source.is_same(source) and self.stamp == _stamp(source)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainJob:
    """A training that is to be prepared.

    Attributes
    ----------
    source
        What is learned from.
    order
        Everything else; its folder is filled in.
    preset
        Steps that a file is to hold; ``None`` where the order names a preset.
    checked
        An earlier check; it counts if nothing has changed since.
    fixes
        What is to be fixed.
    scale, takes_bursts
        What the network makes: target pixels an input pixel along each side, and one image of several frames.
    """

    source: TrainSource
    order: TrainOrder
    preset: Preset | None = None
    checked: Checked | None = None
    fixes: frozenset[Fix] = frozenset()
    scale: int = 1
    takes_bursts: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """What was found, of pairs; `order` is ready to run, or ``None`` where errors are left."""

    checked: Checked | None
    order: TrainOrder | None


def check(source: TrainSource) -> Task[Checked]:
    """Examine the pairs of a source."""
    from napari_restoration.tasks.pair_doctor import find_pairs, iter_check_pairs, pairs_of_images

    yield Progress(done=0, total=0, message="Looking at the pairs")
    stamp = _stamp(source)
    found: Found
    if source.folder is not None:
        found = find_pairs(source.folder)
    else:
        found = pairs_of_images(source.pairs)
    held_out = None if source.validation is None else find_pairs(source.validation)
    report = yield from iter_check_pairs(found, validation=held_out)
    return Checked(source=source, report=report, stamp=stamp)


def prepare(job: TrainJob) -> Task[Prepared]:
    """Check pairs and put everything that the run needs into its folder; what fails or is cancelled leaves nothing.

    Raises
    ------
    InputError, OutputError
        With a sentence on what is missing or cannot be written.
    """
    source, order, checked = job.source, job.order, job.checked
    if source.is_clean:
        with _new_folder(order.run):
            return Prepared(checked=None, order=(yield from _clean(job)))
    if checked is None or not checked.is_of(source):
        checked = yield from check(source)
    if left_errors(checked.report, job.fixes):
        return Prepared(checked=checked, order=None)
    _check_task(job, checked.report)
    with _new_folder(order.run):
        folder, left_out = yield from _pairs(job, checked.report)
    ready = dataclasses.replace(order, folder=folder, leave_out=left_out, is_checked=True)
    return Prepared(checked=checked, order=ready)


def left_errors(report: PairReport, fixes: frozenset[Fix]) -> list[PairFinding]:
    """Errors that no chosen fix takes care of."""
    gone = {one.pair for one in _chosen(report, fixes) if one.fix == "leave_out" and one.pair}
    return [
        one
        for one in report.findings
        if one.severity == "error" and one.pair not in gone and (one.pair, one.kind) not in fixes
    ]


def train(arguments: Sequence[str], run: Path, control: TrainingControl) -> Task[TrainingResult]:
    """Train in a process of its own; of a run that never began nothing stays, whatever became of the panel."""
    from napari_restoration.tasks.train_exported import iter_train_listed

    try:
        return (yield from iter_train_listed(arguments, control))
    finally:
        remove_unstarted(run)


def remove_unstarted(run: Path) -> None:
    """Remove the folder of a run whose training never began; a run that has begun stays."""
    if not (run / _CONFIG).exists():
        for name in ("pairs", "good"):
            shutil.rmtree(run / name, ignore_errors=True)
        (run / "preset.json").unlink(missing_ok=True)
        if run.is_dir() and not any(run.iterdir()):
            run.rmdir()


def _check_task(job: TrainJob, report: PairReport) -> None:
    """Refuse pairs for another task before anything is written or started."""
    if report.usable and report.usable[0].is_burst != job.takes_bursts:
        is_now = "single images" if job.takes_bursts else "bursts of several frames"
        other = "several frames to make one image of" if job.takes_bursts else "single images"
        raise InputError(f"The inputs are {is_now}, but the task needs {other}: choose another task.")
    if report.scale not in (None, job.scale):
        raise InputError(
            f"The targets have {report.scale} times as many pixels along each side as the inputs, but the task needs "
            f"{job.scale} times: choose another task{' such as Super-resolution' * (job.scale == 1)}."
        )


def _pairs(job: TrainJob, report: PairReport) -> Task[tuple[Path, tuple[str, ...]]]:
    """Where the pairs lie and which of these are left out."""
    source, chosen = job.source, _chosen(report, job.fixes)
    own = job.order.run / "pairs"
    gone = {one.pair for one in chosen if one.fix == "leave_out" and one.pair}
    if len(gone) == len(report.pairs):
        raise InputError("No pair would be left: keep at least one, or choose other images.")
    if any(one.fix != "leave_out" for one in chosen):
        yield from _mend(report, chosen, own)
        return own, ()
    if source.folder is None:
        named = zip(report.pairs, source.pairs, strict=True)
        kept = [images for pair, images in named if pair.name not in gone]
        return (yield from iter_write_pairs(kept, own)), ()
    if any(not one.pair for one in chosen):  # files without a counterpart: whole pairs are copied
        yield from _mend(report, chosen, own)
        return own, ()
    return source.folder, tuple(sorted(gone))


def _mend(report: PairReport, chosen: Sequence[PairFinding], folder: Path) -> Task[None]:
    """Write mended pairs, and look whether they are what was hoped for."""
    from napari_restoration.tasks.pair_doctor import FIXES, find_pairs, iter_check_pairs
    from napari_restoration.tasks.pair_fix import iter_fix_pairs

    wanted = dataclasses.replace(report, findings=tuple(chosen))
    yield from iter_fix_pairs(wanted, folder, fixes=FIXES)
    again = yield from iter_check_pairs(find_pairs(folder))
    errors = [one for one in again.findings if one.severity == "error"]
    if errors:
        first = errors[0]
        raise InputError(f"Fixing did not help {first.pair!r}: {first.words} Leave the pair out instead.")


def _clean(job: TrainJob) -> Task[TrainOrder]:
    from napari_restoration.tasks.presets import preset_text

    source, run, preset = job.source, job.order.run, job.order.preset
    folder = source.folder
    if folder is None:
        folder = yield from iter_write_good(source.images, run / "good")
    elif not folder.is_dir():
        raise InputError(f"There is no folder {folder}: choose the folder of your good images.")
    if job.preset is not None:
        preset = run / "preset.json"
        write_bytes_atomically(preset, preset_text(job.preset).encode())
    return dataclasses.replace(job.order, folder=folder, preset=preset)


def _stamp(source: TrainSource) -> tuple[tuple[str, int, int], ...]:
    """Names, sizes and times of all files of a source; nothing for layers."""
    folders = [folder for folder in (source.folder, source.validation) if folder is not None]
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return tuple((str(path), (state := path.stat()).st_size, state.st_mtime_ns) for path in files)


def _chosen(report: PairReport, fixes: frozenset[Fix]) -> list[PairFinding]:
    return [one for one in report.findings if one.fix is not None and (one.pair, one.kind) in fixes]


@contextmanager
def _new_folder(run: Path) -> Iterator[None]:
    """Make the folder of a run; where its content is not finished, nothing of it stays."""
    try:
        if run.exists() and any(run.iterdir()):
            raise OutputError(f"{run} is not empty: choose a new folder for the run.")
        run.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{run} cannot be made ({error.strerror}): choose another folder for the run under Advanced."
        ) from error
    try:
        yield
    except BaseException:
        remove_unstarted(run)
        raise
