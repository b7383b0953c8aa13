"""Mend training pairs as the pair doctor advises: into a new folder, the originals stay as they are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.files import safe_file_name, write_bytes_atomically
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import write_image
from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.core.progress import Notice, Progress, Task
from napari_restoration.core.provenance import software_versions, to_json
from napari_restoration.tasks.pair_doctor import PairReport
from napari_restoration.tasks.pair_findings import FIXES, croppable_scale
from napari_restoration.tasks.pair_measures import brightness_of, shift_of
from napari_restoration.tasks.pairs_record import RECORD, VERSION
from napari_restoration.training.pairs.names import stem_of
from napari_restoration.training.pairs.pair import Pair, make_pair

USUAL_FIXES = ("leave_out", "crop", "fill", "register")
"""What is done unless one says otherwise; ``swap`` and ``fit`` change what a pair means."""


@dataclass(frozen=True, kw_only=True)
class FixReport:
    """What was written.

    Attributes
    ----------
    folder
        Holds ``input/``, ``target/`` and the record.
    written
        File names, the same in both.
    mended
        For a written pair's name, what was done to it.
    left_out
        Names of pairs that were not written.
    """

    folder: Path
    written: tuple[str, ...]
    mended: dict[str, tuple[str, ...]]
    left_out: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        mended = {name: list(done) for name, done in self.mended.items()}
        return {
            "folder": str(self.folder),
            "written": list(self.written),
            "mended": mended,
            "left_out": list(self.left_out),
        }


def iter_fix_pairs(
    report: PairReport, folder: str | Path, *, fixes: Sequence[str] = USUAL_FIXES
) -> Task[FixReport]:
    """Write the pairs of a report into a new folder, mended as far as the chosen fixes go.

    Parameters
    ----------
    report : PairReport
        From `pair_doctor.iter_check_pairs`.
    folder : path
        New or empty; it gets ``input/NAME.tif``, ``target/NAME.tif`` and a record of what was done.
    fixes : sequence of str
        Out of `FIXES`. A pair with an error that none of them mends is left out in any case. One pair at a time is in
        memory.

    Yields
    ------
    Progress
        After each pair; a `Notice` for each one left out.

    Returns
    -------
    FixReport
        What was written, and what was not.

    Raises
    ------
    InputError
        If a fix is unknown, or no pair would be left.
    OutputError
        If the folder is in use or cannot be written.
    """
    folder = Path(folder)
    unknown = [fix for fix in fixes if fix not in FIXES]
    if unknown:
        raise InputError(f"There is no fix {unknown[0]!r}: choose from {', '.join(FIXES)}.")
    plans = {pair.name: _plan(pair, report, fixes) for pair in report.pairs}
    if all(plan is None for plan in plans.values()):
        raise InputError("No pair would be left: see the findings, and take the images again.")
    _make_folders(folder)
    entries: list[dict[str, Any]] = []
    left_out = tuple(name for name, plan in plans.items() if plan is None)
    taken: set[str] = set()
    for number, pair in enumerate(report.pairs):
        plan = plans[pair.name]
        if plan is None:
            yield Notice(done=number, total=len(plans), message=f"{pair.name} is left out.")
            continue
        name = _free_name(pair, taken)
        images, numbers = _mended(pair, plan)
        for side, image in zip(("input", "target"), images, strict=True):
            write_image(folder / side / name, image)
        entries.append(
            {
                "pair": name, "source": {"name": min(pair.scenes).removeprefix("source ")}, "fixes": list(plan),
                **numbers, "from": [str(one.path or one.name) for one in (pair.input, pair.target)],
            }
        )  # fmt: skip
        yield Progress(done=number + 1, total=len(plans), message=f"Wrote {name}")
    record = {"version": VERSION, "software": software_versions(), "pairs": entries}
    write_bytes_atomically(
        folder / RECORD, (json.dumps(json.loads(to_json(record)), indent=1) + "\n").encode()
    )
    return FixReport(
        folder=folder,
        written=tuple(entry["pair"] for entry in entries),
        mended={entry["pair"]: tuple(entry["fixes"]) for entry in entries if entry["fixes"]},
        left_out=left_out,
    )


def _plan(pair: Pair, report: PairReport, fixes: Sequence[str]) -> tuple[str, ...] | None:
    """Fixes of one pair in the order they are done, or nothing if it is to be left out."""
    wanted = set()
    for one in report.of(pair.name):
        if one.fix == "leave_out" and ("leave_out" in fixes or one.severity == "error"):
            return None
        if one.fix in fixes and one.fix is not None:
            wanted.add(one.fix)
        elif one.severity == "error":
            return None
    return tuple(fix for fix in FIXES if fix in wanted)


def _mended(
    pair: Pair, plan: Sequence[str]
) -> tuple[tuple[CalibratedImage, CalibratedImage], dict[str, Any]]:
    images = [
        one.open().replace(data=np.array(one.open().data), name=one.name) for one in (pair.input, pair.target)
    ]
    numbers: dict[str, Any] = {}
    for fix in plan:
        if fix == "crop":
            images = _cropped(images, croppable_scale(pair) or 1)
        elif fix == "fill":
            images = [_filled(image) for image in images]
        elif fix == "swap":
            images = images[::-1]
        now = make_pair(images[0], images[1], name=pair.name, scenes=tuple(pair.scenes))
        if fix == "register":
            shift = shift_of(now)
            numbers["shift_px"] = list(shift)
            images = _registered(images, now.scale or 1, shift)
        elif fix == "fit":
            gain, offset = brightness_of(now)
            numbers["gain"], numbers["offset"] = gain, offset
            values = (np.asarray(images[1].data, dtype=np.float64) - offset) / gain
            images[1] = images[1].replace(data=values.astype(np.float32))
    return (images[0], images[1]), numbers


def _free_name(pair: Pair, taken: set[str]) -> str:
    """A file name of its own; pairs called ``a.tif`` and ``a.png`` become ``a.tif`` and ``a_2.tif``."""
    stem = safe_file_name(stem_of(pair.name))
    name, number = f"{stem}.tif", 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}_{number}.tif"
    taken.add(name.casefold())
    return name


def _cropped(images: list[CalibratedImage], scale: int) -> list[CalibratedImage]:
    sides = [min(images[0].size_of(axis), images[1].size_of(axis) // scale) for axis in "YX"]
    return [
        _cut(image, [slice(0, side * factor) for side in sides])
        for image, factor in zip(images, (1, scale), strict=True)
    ]


def _cut(image: CalibratedImage, rows_and_columns: Sequence[slice]) -> CalibratedImage:
    parts = dict(zip("YX", rows_and_columns, strict=True))
    data = image.data[tuple(parts.get(axis, slice(None)) for axis in image.axes)]
    moved = {
        axis: image.origin_um.get(axis, 0.0) + parts[axis].start * size
        for axis, size in image.pixel_size_um.items()
        if axis in parts
    }
    return image.replace(data=np.ascontiguousarray(data), origin_um={**image.origin_um, **moved})


def _filled(image: CalibratedImage) -> CalibratedImage:
    data = np.array(image.data)
    leading = [axis for axis in image.axes if axis not in "YX"]
    places = [image.axes.index(axis) for axis in leading]
    for index in np.ndindex(*(data.shape[place] for place in places)):
        key: list[Any] = [slice(None)] * data.ndim
        for place, value in zip(places, index, strict=True):
            key[place] = value
        data[tuple(key)] = fill_missing(data[tuple(key)], 0.0)[0]
    return image.replace(data=data)


def _registered(
    images: list[CalibratedImage], scale: int, shift: tuple[float, float]
) -> list[CalibratedImage]:
    """Whole input pixels are cropped from both; the rest of the shift is interpolated in the target.

    The target is the cleaner one: interpolating the input would smooth its noise, which is what is to be learned.
    """
    spans: tuple[list[slice], list[slice]] = ([], [])
    rest = {}
    for axis, step in zip("YX", shift, strict=True):
        length, whole = images[0].size_of(axis), round(step)
        rest[axis] = (step - whole) * scale
        margin = 1 if rest[axis] else 0
        first, last = max(0, whole) + margin, length + min(0, whole) - margin
        spans[0].append(slice(first, last))
        spans[1].append(slice((first - whole) * scale, (last - whole) * scale))
    target = images[1]
    if any(rest.values()):
        steps = [rest.get(axis, 0.0) for axis in target.axes]
        values: npt.NDArray[Any] = np.asarray(target.data, dtype=np.float32)
        target = target.replace(data=ndimage.shift(values, steps, order=3, mode="nearest"))
    return [_cut(images[0], spans[0]), _cut(target, spans[1])]


def _make_folders(folder: Path) -> None:
    try:
        if folder.exists() and any(folder.iterdir()):
            raise OutputError(f"{folder} is not empty: choose a new folder for the mended pairs.")
        for part in ("input", "target"):
            (folder / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}): choose another folder.") from error
