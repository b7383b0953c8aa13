"""The images that methods are scored on: degraded validation images, and real pairs beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.floating]

TASKS = ("deblur", "refocus", "superres", "denoise")
LEVELS = ("mild", "medium", "hard")
VALIDATION = Path(__file__).resolve().parents[1] / "recipes" / "validation.toml"

# Real pairs are cut to this side (of the input) around their middle.
_REAL_CROP = 512
# Baselines are tuned on this many training files, evenly spaced over those the definition names.
_TUNING_FILES = 6


@dataclass(frozen=True, kw_only=True)
class RealPairs:
    """A set of real pairs: which files are scored, and on which the baselines are tuned.

    Both are (first, step) of the sorted file names. ``tuned`` is None for sets too small to spare any: the
    baselines are then tuned on the scored pairs themselves, which favours them.
    """

    task: str
    folder: str
    use: str
    scored: tuple[int, int] = (0, 1)
    tuned: tuple[int, int] | None = None
    bin_input: int = 1


# Every tenth W2S file is another field and the next channel; the files tuned on are of yet other fields.
REAL_PAIRS = (
    RealPairs(task="denoise", folder="w2s_denoise", use="eval-only", scored=(0, 10), tuned=(5, 20)),
    RealPairs(task="denoise", folder="gigadb_snr", use="eval-only"),
    RealPairs(task="denoise", folder="rcan3d_snr", use="eval-only"),
    RealPairs(task="superres", folder="biosr_wf2sim", use="train", bin_input=2),
    RealPairs(task="refocus", folder="dfnn_defocus_microtubules", use="train", tuned=(1, 4)),
)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """What turns electrons into stored values: ``value = electrons / gain + offset``."""

    gain: float
    offset: float
    read_noise: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Example:
    """One input with its truth.

    ``input`` is (Y, X), or (T, Y, X) for a burst; ``target`` is (Y * scale, X * scale). ``psf`` is the true
    blur (frames, y, x) on the grid of the target, ``target_psf`` the one that the target itself has passed.
    ``kind`` is ``"val"`` for degraded validation images and else the set of real pairs with its use, such as
    ``"w2s_denoise (eval-only)"``.
    """

    task: str
    level: str
    name: str
    kind: str
    input: Plane
    target: Plane
    psf: Plane | None = None
    target_psf: Plane | None = None
    camera: Camera | None = None

    @property
    def data_range(self) -> float:
        """Maximum minus minimum of the truth."""
        return float(np.ptp(self.target))


def degraded(task: str, data: Path, *, tuning: bool = False) -> list[Example]:
    """Validation images, or with `tuning` training images, degraded with fixed seeds at three levels."""
    from napari_restoration.training.validation import validation_cases

    made = list(validation_cases(task, data, VALIDATION, tuning=tuning))
    if tuning:
        files = list(dict.fromkeys(case.file for case in made))
        kept = {files[i] for i in np.linspace(0, len(files) - 1, _TUNING_FILES).round().astype(int)}
        made = [case for case in made if case.file in kept]
    numbers = [(case, case.simulated.settings) for case in made]
    return [
        Example(
            task=task,
            level=case.level,
            name=case.file,
            kind="train" if tuning else "val",
            input=case.input,
            target=case.target,
            psf=_stacked(case.simulated.psf),
            target_psf=_target_psf(task, settings),
            camera=Camera(
                gain=settings["gain"], offset=settings["offset"], read_noise=settings["read_noise"]
            ),
        )
        for case, settings in numbers
    ]


def _target_psf(task: str, settings: Mapping[str, float]) -> Plane | None:
    """The blur that stays in the truth, as `napari_restoration.training.simulate` defines it."""
    from napari_restoration.degradations.psf import debye_psf, gaussian_psf

    if task == "refocus":
        names = ("na", "refractive_index", "wavelength_um", "pixel_size_um")
        return np.asarray(debye_psf(*(settings[name] for name in names)))
    if task == "superres":
        fine_um = settings["pixel_size_um"] / 2
        return np.asarray(gaussian_psf(0.21 * settings["wavelength_um"] / settings["na"] / fine_um / 2))
    return None


def _stacked(kernels: Sequence[Plane]) -> Plane:
    sides = np.max([kernel.shape for kernel in kernels], axis=0)
    return np.stack(
        [
            np.pad(kernel, [((s - n) // 2,) * 2 for s, n in zip(sides, kernel.shape, strict=True)])
            for kernel in kernels
        ]
    )


def real(pairs: RealPairs, data: Path, *, tuning: bool = False) -> list[Example]:
    """The pairs of a set that are scored, or with `tuning` those that baselines are tuned on."""
    from napari_restoration.training.sources import mean_bin, read_index, read_plane

    rows = [row for row in read_index(data) if row.file.startswith(f"pairs/{pairs.folder}/")]
    wrong = [row.file for row in rows if row.use != pairs.use]
    if not rows or wrong:
        raise ValueError(f"index.csv has no pairs/{pairs.folder} of use {pairs.use!r} alone: {wrong[:1]}")
    targets = {row.pair: row.file for row in rows if "/target/" in row.file}
    inputs = sorted((row for row in rows if "/input/" in row.file), key=lambda row: row.file)
    first, step = pairs.tuned if tuning and pairs.tuned is not None else pairs.scored
    examples = []
    for row in inputs[first::step]:
        size = _REAL_CROP
        given, truth = (_middle(read_plane(data / file), size) for file in (row.file, targets[row.pair]))
        given = mean_bin(given, pairs.bin_input)
        truth = truth[: given.shape[0] * pairs.bin_input, : given.shape[1] * pairs.bin_input]
        examples.append(
            Example(
                task=pairs.task,
                level="real",
                name=row.file,
                kind=f"{pairs.folder} ({pairs.use})",
                input=given,
                target=truth,
            )
        )
    return examples


def _middle(plane: Plane, size: int) -> Plane:
    start = [max(side - size, 0) // 2 for side in plane.shape]
    return plane[start[0] : start[0] + size, start[1] : start[1] + size]
