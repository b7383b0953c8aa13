"""Write training pairs of bursts: frames of a stream registered to sharp images of the same places."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_restoration.core.ecc import Motion
from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.files import safe_file_name, write_bytes_atomically
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import write_image
from napari_restoration.core.progress import Notice, Progress, Task
from napari_restoration.core.provenance import software_versions, to_json
from napari_restoration.tasks.pairs_record import RECORD, VERSION
from napari_restoration.training.pairs.bursts import Burst, prepare_burst, scale_window
from napari_restoration.training.pairs.names import stem_of
from napari_restoration.training.pairs.stored import Float, StoredImage
from napari_restoration.training.sources import mean_bin


@dataclass(frozen=True, kw_only=True)
class BurstSettings:
    """How bursts are made.

    Attributes
    ----------
    low, high
        Grey levels that become 0 and 1, one window for the whole data set; see `bursts.scale_window`.
    frames
        Of each burst.
    motion
        What registration may do, ``"translation"`` or ``"rigid"``.
    """

    low: float
    high: float
    frames: int = 5
    motion: Motion = "translation"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(
                f"The window is from {self.low:g} to {self.high:g}, but must rise: give low < high."
            )
        if not 1 <= self.frames <= 64:
            raise InputError(f"A burst has {self.frames} frames, but must have 1 to 64.")
        if self.motion not in ("translation", "rigid"):
            raise InputError(f"The motion is {self.motion!r}, but must be 'translation' or 'rigid'.")


@dataclass(frozen=True, kw_only=True)
class BurstReport:
    """What was written.

    Attributes
    ----------
    folder
        Holds ``input/`` with bursts (T, Y, X), ``target/`` and the record.
    written
        File names, the same in both.
    left_out
        Names of sharp images without a burst, each with the reason.
    """

    folder: Path
    written: tuple[str, ...]
    left_out: dict[str, str]


def iter_prepare_bursts(
    sharp: Sequence[CalibratedImage | Path],
    stream: CalibratedImage | str | Path,
    folder: str | Path,
    settings: BurstSettings,
) -> Task[BurstReport]:
    """Find, register and write a burst for each sharp image of one stream.

    Parameters
    ----------
    sharp : sequence of CalibratedImage or Path
        Sharp images of places that the stream passed. One with a whole multiple of the stream's pixels is binned to
        them by the mean.
    stream : CalibratedImage or path
        Frames along T; read one at a time.
    folder : path
        New or empty.
    settings : BurstSettings
        Window, frames, motion.

    Yields
    ------
    Progress
        After each sharp image; a `Notice` for each one that is left out.

    Returns
    -------
    BurstReport
        Bursts and targets are in 0..1, float32; all of one stream are recorded as one source, so that they stay on
        one side of a split.

    Raises
    ------
    InputError
        If the stream has too few frames, or no sharp image has a burst.
    OutputError
        If the folder is in use or cannot be written.
    """
    folder = Path(folder)
    frames = StoredImage.of(stream if isinstance(stream, CalibratedImage) else Path(stream))
    if set(frames.leading) - {"T"} or frames.size_of("T") < settings.frames:
        raise InputError(
            f"The stream {frames.name!r} is {frames.axes} {frames.shape}: it needs at least {settings.frames} frames "
            "along T, and no Z or C."
        )
    _make_folders(folder)
    entries: list[dict[str, Any]] = []
    left_out: dict[str, str] = {}
    for number, image in enumerate(sharp):
        stored = StoredImage.of(image)
        name = safe_file_name(stem_of(stored.name)) + ".tif"
        try:
            burst = _burst(stored, frames, settings)
        except InputError as error:
            left_out[stored.name] = str(error)
            yield Notice(done=number + 1, total=len(sharp), message=f"{stored.name} is left out: {error}")
            continue
        calibration = {axis: size for axis, size in frames.pixel_size_um.items() if axis in "YX"}
        for side, data, axes in (("target", burst.target, "YX"), ("input", burst.frames, "TYX")):
            write_image(
                folder / side / name, CalibratedImage(data, axes, pixel_size_um=calibration, name=name)
            )
        entries.append(_entry(name, frames.name, stored.name, burst))
        yield Progress(done=number + 1, total=len(sharp), message=f"Wrote {name}")
    if not entries:
        raise InputError(
            f"No sharp image could be registered to the stream: {next(iter(left_out.values()), '')}"
        )
    record = {
        "version": VERSION, "software": software_versions(), "window": [settings.low, settings.high], "pairs": entries,
    }  # fmt: skip
    write_bytes_atomically(
        folder / RECORD, (json.dumps(json.loads(to_json(record)), indent=1) + "\n").encode()
    )
    return BurstReport(folder=folder, written=tuple(entry["pair"] for entry in entries), left_out=left_out)


def _burst(stored: StoredImage, frames: StoredImage, settings: BurstSettings) -> Burst:
    if stored.leading and math.prod(stored.size_of(axis) for axis in stored.leading) > 1:
        raise InputError(f"{stored.name!r} is {stored.axes} {stored.shape}: a sharp image is one plane.")
    plane = scale_window(stored.read(dict.fromkeys(stored.leading, 0)), settings.low, settings.high)
    factors = {n / m for n, m in zip(stored.plane_shape, frames.plane_shape, strict=True)}
    factor = factors.pop()
    if factors or factor != round(factor):
        raise InputError(
            f"{stored.name!r} has {stored.plane_shape[0]} x {stored.plane_shape[1]} pixels, the stream "
            f"{frames.plane_shape[0]} x {frames.plane_shape[1]}: one must be a whole multiple of the other."
        )

    def read(number: int) -> Float:
        return scale_window(frames.read({"T": number}), settings.low, settings.high)

    return prepare_burst(
        mean_bin(plane, round(factor)),
        frames.size_of("T"),
        read,
        frames=settings.frames,
        motion=settings.motion,
    )


def _entry(name: str, stream: str, sharp: str, burst: Burst) -> dict[str, Any]:
    return {
        "pair": name,
        "source": {"name": stream},
        "sharp": sharp,
        "frames": list(burst.numbers),
        "region": [[part.start, part.stop] for part in burst.region],
        "motions": [
            {"shift_px": list(one.shift_px), "angle_rad": one.angle_rad, "rho": float(np.round(one.rho, 6))}
            for one in burst.motions
        ],
    }


def _make_folders(folder: Path) -> None:
    try:
        if folder.exists() and any(folder.iterdir()):
            raise OutputError(f"{folder} is not empty: choose a new folder for the bursts.")
        for part in ("input", "target"):
            (folder / part).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}): choose another folder.") from error
