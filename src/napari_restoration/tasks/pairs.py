"""Write training pairs: degraded copies of good images with their targets, and the record of every draw."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.files import safe_file_name
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import read_image, write_image
from napari_restoration.core.normalize import Percentiles
from napari_restoration.core.progress import Notice, Progress, Task
from napari_restoration.degradations.presets import LEVELS, Preset
from napari_restoration.tasks.degrade import DegradeResult, Degrading
from napari_restoration.tasks.degrade_plan import plan_degrade
from napari_restoration.tasks.degrade_settings import DegradeSettings, check_seed, generator
from napari_restoration.tasks.grey_levels import measure_levels
from napari_restoration.tasks.pairs_record import RECORD, PairsRecord, record_of, repeat_pair

__all__ = ["RECORD", "PairSettings", "PairsReport", "iter_write_pairs", "repeat_pair"]

_PARTS = ("input", "target")


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """How many pairs, and how they are drawn.

    Attributes
    ----------
    count
        Randomised copies of each image at each level.
    levels
        Levels of difficulty of the preset; empty draws from the steps' own ranges.
    seed
        Of all draws. A pair's own seed follows from it, the image's name, the level and the copy.
    pixel_size_um, z_step_um, volume
        As in `DegradeSettings`.
    patch
        Side of a random cut-out in pixels of the good image; ``None`` for the whole image.
    """

    count: int = 4
    levels: tuple[str, ...] = LEVELS
    seed: int = 0
    pixel_size_um: float | None = None
    z_step_um: float | None = None
    volume: bool | None = None
    patch: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.count <= 100_000:
            raise InputError(f"The number of copies is {self.count}, but must be between 1 and 100000.")
        if self.patch is not None and self.patch < 16:
            raise InputError(f"The cut-outs are {self.patch} pixels wide, but must have at least 16.")
        check_seed(self.seed)


@dataclass(frozen=True, kw_only=True)
class PairsReport:
    """What was written.

    Attributes
    ----------
    folder
        Holds ``input/``, ``target/`` and the record.
    pairs
        File names, the same in ``input/`` and ``target/``.
    record
        JSON with every draw.
    notices
        What the user must know.
    """

    folder: Path
    pairs: tuple[str, ...]
    record: Path
    notices: tuple[str, ...]


def iter_write_pairs(
    images: Sequence[CalibratedImage | Path],
    preset: Preset,
    folder: str | Path,
    settings: PairSettings | None = None,
    *,
    axes: str | None = None,
    overwrite: bool = False,
) -> Task[PairsReport]:
    """Write ``folder/input/NAME.tif`` and ``folder/target/NAME.tif`` and a record of every draw.

    Parameters
    ----------
    images : sequence of CalibratedImage or Path
        Good images; files are opened one after the other.
    preset : Preset
        Steps with ranges.
    folder : path
        Is made; its ``input/`` and ``target/`` must be empty unless `overwrite`.
    settings : PairSettings, optional
        Copies, levels, seed.
    axes : str, optional
        Meaning of the files' axes, if they do not say it.
    overwrite : bool
        Replace pairs of the same name; others stay, and so do their draws in the record.

    Yields
    ------
    Progress
        After each pair.

    Returns
    -------
    PairsReport
        What was written.

    Raises
    ------
    InputError, OutputError
        Before the first pair: every image is measured and every copy drawn and checked first. A run that is stopped
        leaves whole pairs and a record of them; of one that is killed the last seconds are missing in the record.
    """
    settings = PairSettings() if settings is None else settings
    folder = Path(folder)
    if not images:
        raise InputError("There is no good image to make pairs of: name at least one.")
    levels = {level: preset.at_level(level) for level in settings.levels} or {"": replace(preset, levels={})}
    names = _names(images)
    _refuse_existing(folder, overwrite)
    measured: list[Percentiles] = []
    for position, (name, image) in enumerate(zip(names, images, strict=True)):
        yield Progress(done=0, total=0, message=f"Checking image {position + 1} of {len(images)}")
        measured.append(_check(_load(image, axes), name, levels, settings))
    _make_folders(folder)
    record = PairsRecord(folder, preset, settings)
    notices: list[str] = []
    total = len(images) * len(levels) * settings.count
    try:
        for name, image, found in zip(names, images, measured, strict=True):
            loaded = _load(image, axes)
            for level, number, seed in _copies(name, levels, settings):
                pair = _pair_name(name, level, number)
                one = Degrading(plan_degrade(loaded, levels[level], _degrade_settings(settings, seed)), found)
                result = yield from _degraded(one, settings)
                told = _write(folder, pair, result, overwrite=overwrite)
                record.add(record_of(pair, level, one.plan, result))
                for text in _new(notices, name, [*_too_small(loaded, settings), *result.notices, *told]):
                    yield Notice(done=len(record), total=total, message=text)
                yield Progress(done=len(record), total=total, message=f"Wrote {pair}")
    finally:
        record.save()
    return PairsReport(folder=folder, pairs=record.pairs, record=record.path, notices=tuple(notices))


def _too_small(image: CalibratedImage, settings: PairSettings) -> list[str]:
    sides = [image.size_of(axis) for axis in "YX"]
    if settings.patch is None or min(sides) >= settings.patch:
        return []
    size = f"{sides[0]} x {sides[1]} pixels"
    return [f"It has {size}, fewer than a cut-out of {settings.patch}: its pairs are as small as it is."]


def _new(known: list[str], name: str, notices: Sequence[str]) -> list[str]:
    """Add to the known notices those that were not told of this image yet, and return them."""
    texts = [text for text in dict.fromkeys(f"{name}: {notice}" for notice in notices) if text not in known]
    known.extend(texts)
    return texts


def _check(
    image: CalibratedImage, name: str, levels: Mapping[str, Preset], settings: PairSettings
) -> Percentiles:
    """Measure an image's grey levels and refuse whatever a copy of it would be refused for."""
    for chosen in levels.values():
        plan_degrade(image, chosen, _degrade_settings(settings, 0))
    found = measure_levels(image)
    for level, _, seed in _copies(name, levels, settings):
        Degrading(plan_degrade(image, levels[level], _degrade_settings(settings, seed)), found)
    return found


def _names(images: Sequence[CalibratedImage | Path]) -> list[str]:
    names = [
        safe_file_name(image.name if isinstance(image, CalibratedImage) else _stem(image)) for image in images
    ]
    for name in names:
        if sum(other.casefold() == name.casefold() for other in names) > 1:
            raise InputError(f"Two of the good images are called {name!r}: give them different names.")
    return names


def _stem(path: Path) -> str:
    name = path.name
    for suffix in (".ome.tiff", ".ome.tif", ".ome.zarr"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return path.stem


def _load(image: CalibratedImage | Path, axes: str | None) -> CalibratedImage:
    return image if isinstance(image, CalibratedImage) else read_image(image, axes=axes)


def _degrade_settings(settings: PairSettings, seed: int) -> DegradeSettings:
    return DegradeSettings(
        seed=seed,
        pixel_size_um=settings.pixel_size_um,
        z_step_um=settings.z_step_um,
        volume=settings.volume,
        varied=True,
    )


def _copies(
    name: str, levels: Mapping[str, Preset], settings: PairSettings
) -> Iterator[tuple[str, int, int]]:
    """Level, number and seed of each copy; they do not depend on which other images, levels and copies there are."""
    for level in levels:
        for number in range(settings.count):
            entropy = [settings.seed, zlib.crc32(name.encode()), zlib.crc32(level.encode()), number]
            yield level, number, int(np.random.SeedSequence(entropy).generate_state(1)[0])


def _degraded(one: Degrading, settings: PairSettings) -> Task[DegradeResult]:
    """One copy, without the progress of its planes and with its notices left to the caller."""
    task = one.iter_run(_cut_out(one, settings))
    while True:
        try:
            next(task)
        except StopIteration as end:
            result: DegradeResult = end.value
            return result
        yield Progress(done=0, total=0)


def _cut_out(degrading: Degrading, settings: PairSettings) -> tuple[slice, slice] | None:
    """A random place, if cut-outs are wanted; smaller images stay whole."""
    if settings.patch is None:
        return None
    image, step = degrading.plan.image, degrading.plan.binning
    rng = generator(degrading.plan.settings.seed, "place")
    starts = []
    for axis in "YX":
        room = max(0, image.size_of(axis) - settings.patch) // step
        starts.append(int(rng.integers(0, room + 1)) * step)
    y, x = (slice(start, start + settings.patch) for start in starts)
    return y, x


def _pair_name(name: str, level: str, number: int) -> str:
    return (
        "_".join(part for part in (name, level and safe_file_name(level), f"{number:03d}") if part) + ".tif"
    )


def _refuse_existing(folder: Path, overwrite: bool) -> None:
    if overwrite:
        return
    # A run that was killed may have left pairs without their record.
    parts = [folder / part for part in _PARTS]
    files = [file for part in parts if part.is_dir() for file in part.iterdir()]
    if (folder / RECORD).exists() or any(not file.name.startswith(".") for file in files):
        raise OutputError(
            f"{folder} holds pairs already: choose another folder or allow replacing them (--overwrite)."
        )


def _make_folders(folder: Path) -> None:
    try:
        for part in _PARTS:
            (folder / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}): choose another folder.") from error


def _write(folder: Path, name: str, result: DegradeResult, *, overwrite: bool) -> list[str]:
    target = folder / "target" / name
    is_new = not target.exists()
    told = write_image(target, result.target, overwrite=overwrite)
    try:
        return told + write_image(folder / "input" / name, result.image, overwrite=overwrite)
    except BaseException:
        if is_new:
            target.unlink(missing_ok=True)  # half a pair is none
        raise
