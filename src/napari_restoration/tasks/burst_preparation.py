"""Write training pairs of bursts: frames of a stream registered to sharp images of the same places."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_restoration.core.ecc import Motion
from napari_restoration.core.errors import InputError
from napari_restoration.core.files import safe_file_name
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import write_image
from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.core.progress import Notice, Progress, Task
from napari_restoration.tasks.burst_folder import BurstFolder
from napari_restoration.training.pairs.bursts import Burst, grid_tiles, prepare_burst, scale_window
from napari_restoration.training.pairs.names import stem_of
from napari_restoration.training.pairs.stored import Float, Region, StoredImage
from napari_restoration.training.sources import mean_bin

_MOST_FRAMES = 64
# Of the pixels: less may be noise below the window.
_WORTH_A_WORD = 0.01


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
    tile_px
        Side of the tiles without metal bars that bursts are cut into; ``None`` leaves them whole.
    upper_half
        Take tiles from the upper half only, where neighbouring sharp images overlap by half.
    """

    low: float
    high: float
    frames: int = 5
    motion: Motion = "translation"
    tile_px: int | None = None
    upper_half: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError(
                f"The window is from {self.low:g} to {self.high:g}, but must rise: give low < high."
            )
        if not 1 <= self.frames <= _MOST_FRAMES:
            raise InputError(f"A burst has {self.frames} frames, but must have 1 to {_MOST_FRAMES}.")
        if self.motion not in ("translation", "rigid"):
            raise InputError(f"The motion is {self.motion!r}, but must be 'translation' or 'rigid'.")
        if self.tile_px is not None and self.tile_px < 16:
            raise InputError(f"Tiles are {self.tile_px} pixels wide, but must have at least 16.")
        if self.upper_half and self.tile_px is None:
            raise InputError("Only tiles can be taken from the upper half: say how wide the tiles are.")


@dataclass(frozen=True, kw_only=True)
class BurstReport:
    """What was written.

    Attributes
    ----------
    folder
        Holds ``input/`` with bursts (T, Y, X), ``target/`` and the record.
    written
        File names of this run, the same in both.
    left_out
        Names of sharp images without a burst, each with the reason.
    """

    folder: Path
    written: tuple[str, ...]
    left_out: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {**asdict(self), "folder": str(self.folder), "written": list(self.written)}


def iter_prepare_bursts(
    sharp: Sequence[CalibratedImage | Path],
    stream: CalibratedImage | str | Path,
    folder: str | Path,
    settings: BurstSettings,
    *,
    axes: str | None = None,
) -> Task[BurstReport]:
    """Find, register and write a burst for each sharp image of one stream.

    Parameters
    ----------
    sharp : sequence of CalibratedImage or Path
        Sharp images of places that the stream passed. One with a whole multiple of the stream's pixels is binned to
        them by the mean. Missing pixels are filled from their neighbours.
    stream : CalibratedImage or path
        Frames along T; read one at a time.
    folder : path
        New or empty, or one of bursts in the same window, to which those of another stream are added.
    settings : BurstSettings
        Window, frames, motion, tiles.
    axes : str, optional
        Meaning of the stream's axes, if its file does not say it.

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
    frames = StoredImage.of(stream if isinstance(stream, CalibratedImage) else Path(stream), axes)
    if set(frames.leading) - {"T"} or frames.size_of("T") < settings.frames:
        raise InputError(
            f"The stream {frames.name!r} is {frames.axes} {frames.shape}: it needs at least {settings.frames} frames "
            "along T, and no Z or C."
        )
    output = BurstFolder(Path(folder), settings.low, settings.high)
    output.reserve(_name(one) for one in sharp)
    left_out: dict[str, str] = {}
    for number, image in enumerate(sharp):
        try:
            stored = StoredImage.of(image)
            burst, filled = _burst(stored, frames, settings)
            places = _places(burst, settings)
        except InputError as error:
            left_out[_name(image)] = str(error)
            yield Notice(done=number + 1, total=len(sharp), message=f"{_name(image)} is left out: {error}")
            continue
        for place in places:
            output.add({**_write(output.path, stored, frames, burst, place), "filled_pixels": filled})
        output.save()
        if bars := _bars(burst, settings):
            yield Notice(done=number, total=len(sharp), message=f"{stored.name}: {bars}")
        if filled:
            words = (
                f"{filled} missing pixels of {stored.name} and its frames were filled from their neighbours."
            )
            yield Notice(done=number, total=len(sharp), message=words)
        yield Progress(done=number + 1, total=len(sharp), message=f"Wrote {_name(image)}")
    if not output.written:
        raise InputError(
            f"No sharp image could be registered to the stream: {next(iter(left_out.values()), 'there is none.')}"
        )
    return BurstReport(folder=output.path, written=output.written, left_out=left_out)


def _name(image: CalibratedImage | Path) -> str:
    return image.name if isinstance(image, CalibratedImage) else Path(image).name


def _burst(stored: StoredImage, frames: StoredImage, settings: BurstSettings) -> tuple[Burst, int]:
    """The burst, and how many of its pixels were missing and filled."""
    if stored.leading and math.prod(stored.size_of(axis) for axis in stored.leading) > 1:
        raise InputError(f"{stored.name!r} is {stored.axes} {stored.shape}: a sharp image is one plane.")
    factors = {n / m for n, m in zip(stored.plane_shape, frames.plane_shape, strict=True)}
    factor = factors.pop()
    if factors or factor != round(factor):
        raise InputError(
            f"{stored.name!r} has {stored.plane_shape[0]} x {stored.plane_shape[1]} pixels, the stream "
            f"{frames.plane_shape[0]} x {frames.plane_shape[1]}: the sharp image must have a whole multiple."
        )

    filled: dict[int, int] = {}

    def plane(image: StoredImage, at: dict[str, int], number: int) -> Float:
        found, missing = fill_missing(image.read(at), 0.0)
        filled[number] = 0 if missing is None else int(np.count_nonzero(missing))
        return np.asarray(found, dtype=np.float32)

    def read(number: int) -> Float:
        return scale_window(plane(frames, {"T": number}, number), settings.low, settings.high)

    # Binned first, as a coarser camera would: cut at the window's ends, noise would no longer average to nothing.
    binned = mean_bin(plane(stored, dict.fromkeys(stored.leading, 0), -1), round(factor))
    burst = prepare_burst(
        scale_window(binned, settings.low, settings.high), frames.size_of("T"), read, frames=settings.frames,
        motion=settings.motion,
    )  # fmt: skip
    return burst, sum(filled.get(number, 0) for number in (-1, *burst.numbers))


def _places(burst: Burst, settings: BurstSettings) -> list[Region | None]:
    """Where to cut the burst; ``None`` is all of it."""
    if settings.tile_px is None:
        return [None]
    tiles = grid_tiles(burst.target, settings.tile_px, drop_bottom_half=settings.upper_half)
    if not tiles:
        height, width = burst.target.shape
        raise InputError(
            f"No tile of {settings.tile_px} x {settings.tile_px} pixels without metal bars fits into the {height} x "
            f"{width} that all frames show: choose smaller tiles or a lower window."
        )
    return list(tiles)


def _bars(burst: Burst, settings: BurstSettings) -> str:
    """What to tell of metal bars in a burst that is left whole."""
    share = float(np.mean(burst.target <= 0))
    if settings.tile_px is not None or share < _WORTH_A_WORD:
        return ""
    return (
        f"{share:.0%} of it is as dark as metal bars, and training draws patches there as well: cut it into tiles "
        "without bars, about twice as wide as the patches."
    )


def _write(
    folder: Path, sharp: StoredImage, stream: StoredImage, burst: Burst, place: Region | None
) -> dict[str, Any]:
    """Write a burst or a tile of it; returns its entry in the record."""
    name = safe_file_name(stem_of(sharp.name))
    rows, columns = place or (slice(None), slice(None))
    if place is not None:
        name += f"_y{rows.start}_x{columns.start}"
    name += ".tif"
    calibration = {axis: size for axis, size in stream.pixel_size_um.items() if axis in "YX"}
    images = {
        "target": CalibratedImage(burst.target[rows, columns], "YX", pixel_size_um=calibration, name=name),
        "input": CalibratedImage(burst.frames[:, rows, columns], "TYX", pixel_size_um=calibration, name=name),
    }
    for side, image in images.items():
        write_image(folder / side / name, image)
    region = [[part.start, part.stop] for part in burst.region]
    if place is not None:
        region = [
            [start + part.start, start + part.stop] for (start, _), part in zip(region, place, strict=True)
        ]
    motions = [
        {"shift_px": list(one.shift_px), "angle_rad": one.angle_rad, "rho": round(one.rho, 6)}
        for one in burst.motions
    ]
    return {
        "pair": name, "source": {"name": stream.name}, "sharp": sharp.name, "frames": list(burst.numbers),
        "region": region, "motions": motions,
    }  # fmt: skip
