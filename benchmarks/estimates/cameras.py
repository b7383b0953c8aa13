"""Known cameras, and how far their estimates are off."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from benchmarks.estimates.objects import CleanObject

from napari_restoration.degradations.estimates.noise import CameraEstimate, estimate_camera
from napari_restoration.degradations.noise import Camera

PEAKS = (10.0, 20.0, 50.0, 200.0, 1000.0, 5000.0)
BLURS = (0.0, 0.8, 1.5, 2.5, 4.0)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One image of a known camera with both estimates; errors are relative unless a unit is named."""

    object: str
    side: int
    blur_px: float
    peak: float
    gain: float
    offset: float
    read_noise: float
    bits: int
    known_offset: bool
    gain_error: float | None
    gain_within: bool
    read_noise_error_electrons: float | None
    read_noise_within: bool
    offset_error_adu: float
    offset_error_sd: float
    offset_within: bool
    peak_error: float | None
    peak_within: bool
    is_reliable: bool


def random_camera(peak: float, rng: np.random.Generator) -> Camera:
    """A camera whose range holds at least 80 % of the peak."""
    while True:
        bits = int(rng.choice((8, 12, 16)))
        gain = float(rng.choice((0.25, 0.5, 1.0, 2.0, 4.0)))
        offset = float(rng.choice((0, 10))) if bits == 8 else float(rng.choice((0, 100, 400)))
        if 0.8 * peak / gain + offset < 2**bits - 1:
            read = float(rng.choice((0.5, 1.0, 2.0, 4.0, 8.0)))
            return Camera(
                gain_electrons_per_adu=gain, offset_adu=offset, read_noise_electrons=read, bits=bits
            )


def stored(image: npt.NDArray[np.floating], bits: int) -> npt.NDArray[np.unsignedinteger]:
    """Grey levels in the file's type."""
    return image.astype(np.uint8 if bits == 8 else np.uint16)


def run_trials(objects: Sequence[CleanObject], side: int | None = None) -> list[Trial]:
    """Every object at every peak and blur it can have, each with its own random camera, offset known or not."""
    trials = []
    for number, clean in enumerate(objects):
        for blur in (b for b in BLURS if b >= clean.blur_px):
            plane = clean.blurred(blur)
            plane = plane if side is None else _richest(plane, side)
            for peak in PEAKS:
                rng = np.random.default_rng([number, int(10 * blur), int(peak), side or 0])
                camera = random_camera(peak, rng)
                image = stored(camera(plane * peak, rng), camera.bits or 16)
                true_peak = peak * float(np.percentile(plane, 99.9))
                for known in (True, False):
                    estimate = estimate_camera(image, offset_adu=camera.offset_adu if known else None)
                    trials.append(
                        _trial(clean.name, min(image.shape), blur, true_peak, camera, known, estimate, peak)
                    )
    return trials


def _trial(
    name: str,
    side: int,
    blur: float,
    true_peak: float,
    camera: Camera,
    known: bool,
    found: CameraEstimate,
    peak: float,
) -> Trial:
    gain, read, electrons = found.gain_electrons_per_adu, found.read_noise_electrons, found.peak_electrons
    off = found.offset_adu - camera.offset_adu
    return Trial(
        object=name,
        side=side,
        blur_px=blur,
        peak=peak,
        gain=camera.gain_electrons_per_adu,
        offset=camera.offset_adu,
        read_noise=camera.read_noise_electrons,
        bits=camera.bits or 0,
        known_offset=known,
        gain_error=None if gain is None else gain / camera.gain_electrons_per_adu - 1,
        gain_within=_within(camera.gain_electrons_per_adu, found.gain_interval),
        read_noise_error_electrons=None if read is None else read - camera.read_noise_electrons,
        read_noise_within=_within(camera.read_noise_electrons, found.read_noise_interval),
        offset_error_adu=off,
        offset_error_sd=off / found.noise_sd if found.noise_sd > 0 else 0.0,
        offset_within=_within(camera.offset_adu, found.offset_interval_adu),
        peak_error=None if electrons is None else electrons / true_peak - 1,
        peak_within=_within(true_peak, found.peak_interval),
        is_reliable=found.is_reliable,
    )


def _within(value: float, interval: tuple[float, float] | None) -> bool:
    return interval is not None and interval[0] - 1e-9 <= value <= interval[1] + 1e-9


def _richest(plane: npt.NDArray[np.float64], side: int) -> npt.NDArray[np.float64]:
    """The square of the plane with the highest mean: an empty corner would tell nothing."""
    blocks = plane[: plane.shape[0] // side * side, : plane.shape[1] // side * side]
    blocks = blocks.reshape(plane.shape[0] // side, side, plane.shape[1] // side, side)
    y, x = np.unravel_index(np.argmax(blocks.mean(axis=(1, 3))), (blocks.shape[0], blocks.shape[2]))
    return blocks[y, :, x, :]


def write_trials(path: Path, trials: Iterable[Trial]) -> None:
    """One row a trial; four significant digits."""
    rows = [dataclasses.asdict(trial) for trial in trials]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in row.items()})
