"""Small sets of real pairs: which parts are trained on, which are scored, and folders of pairs made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Plane = npt.NDArray[np.float32]
Span = tuple[int | None, int | None]

_ALL: tuple[Span, Span] = ((None, None), (None, None))
_LEFT, _RIGHT = ((None, None), (None, 200)), ((None, None), (200, None))
# The shift between the exposures of one pair is a pixel or so; anything larger is a failed search.
_MOST_SHIFT_PX = 6.0


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a pair of files.

    Attributes
    ----------
    name
        Of the files that are written, without a suffix.
    file
        Name of the input below ``pairs/SET/input``.
    region
        First and last row, and column, before any binning.
    """

    name: str
    file: str
    region: tuple[Span, Span] = _ALL

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(*self.region[0]), slice(*self.region[1])


@dataclass(frozen=True, kw_only=True)
class PairSet:
    """Pairs of one kind, a few to train on and others to score.

    Attributes
    ----------
    name, folder, model
        What it is called here, its folder below ``pairs``, and the shipped model that is tuned.
    train, test
        Parts.
    unseen
        What is new in the scored parts, and what is not.
    bin_input
        Means over so many pixels a side make the input.
    register
        The target is moved onto the input.
    may_show
        Pictures of it may be published.
    """

    name: str
    folder: str
    model: str
    train: tuple[Part, ...]
    test: tuple[Part, ...]
    unseen: str
    bin_input: int = 1
    register: bool = False
    may_show: bool = False


def _whole(names: Sequence[str]) -> tuple[Part, ...]:
    return tuple(Part(name=name, file=f"{name}.tif") for name in names)


def _w2s(channel: int) -> PairSet:
    # Fields 053 and 057 overlap, and so do 077 and 079: one of each couple is used, or both on one side.
    train = ("001", "013", "027", "041", "053", "069")
    test = ("003", "009", "017", "023", "033", "045", "063", "073")
    return PairSet(
        name=f"w2s channel {channel}", folder="w2s_denoise", model="denoise-care",
        train=_whole([f"{field}_{channel}" for field in train]),
        test=_whole([f"{field}_{channel}" for field in test]),
        unseen="other fields of view",
    )  # fmt: skip


def _gigadb() -> PairSet:
    stems = {
        "actin-20x-noise1": ("y0_x0", "y1024_x0"), "actin-60x-noise1": ("y1024_x0", "y1024_x1024"),
        "membrane": ("y0_x0", "y1024_x0"), "mito-20x-noise1": ("y0_x1024", "y1024_x0"),
        "mito-60x-noise1": ("y1024_x0", "y1024_x1024"),
    }  # fmt: skip
    middle: tuple[Span, Span] = ((256, 768), (256, 768))
    return PairSet(
        name="gigadb", folder="gigadb_snr", model="denoise-care",
        train=tuple(Part(name=stem, file=f"{stem}_{at[0]}.tif", region=middle) for stem, at in stems.items()),
        test=tuple(Part(name=stem, file=f"{stem}_{at[1]}.tif") for stem, at in stems.items()),
        unseen="other parts of the same five acquisitions",
    )  # fmt: skip


def _rcan3d() -> PairSet:
    names = ("actin", "er", "matrix_mito", "microtubules")
    return PairSet(
        name="rcan3d", folder="rcan3d_snr", model="denoise-care",
        train=tuple(Part(name=name, file=f"{name}.tif", region=_LEFT) for name in names),
        test=tuple(Part(name=name, file=f"{name}.tif", region=_RIGHT) for name in names),
        unseen="the other halves of the same four fields",
    )  # fmt: skip


def _biosr(model: str, bin_input: int) -> PairSet:
    upper, lower, left, right = (None, 250), (252, None), (None, 250), (252, None)
    train, test = [], []
    for name in ("factin_1", "microtubules_1"):
        for side, rows in (("upper", upper), ("lower", lower)):
            train.append(Part(name=f"{name}_{side}", file=f"{name}.tif", region=(rows, left)))
            test.append(Part(name=f"{name}_{side}", file=f"{name}.tif", region=(rows, right)))
    kind = "x2" if bin_input == 2 else "x1"
    return PairSet(
        name=f"biosr {kind}", folder="biosr_wf2sim", model=model, train=tuple(train), test=tuple(test),
        unseen="the other halves of the same two fields; the shipped model has trained on both halves",
        bin_input=bin_input, register=True, may_show=True,
    )  # fmt: skip


def _dfnn() -> PairSet:
    def parts(distances: Sequence[str], rows: Span) -> tuple[Part, ...]:
        stem = "cell11_defocus"
        return tuple(
            Part(name=f"{stem}{um}um", file=f"{stem}{um}um.tif", region=(rows, (None, None)))
            for um in distances
        )

    return PairSet(
        name="dfnn defocus", folder="dfnn_defocus_microtubules", model="refocus-c2f",
        train=parts(("-0.7", "-0.5", "-0.2", "+0.1", "+0.4", "+0.6"), (None, 480)),
        test=parts(("-0.6", "-0.4", "-0.3", "-0.1", "+0.2", "+0.3", "+0.5", "+0.7"), (496, None)),
        unseen="other distances and the other part of the same cell; the shipped model has trained on all of it",
        register=True, may_show=True,
    )  # fmt: skip


def pair_sets() -> list[PairSet]:
    """All sets, those for denoising first."""
    denoise = [*(_w2s(channel) for channel in range(3)), _gigadb(), _rcan3d()]
    return [*denoise, _biosr("refocus-c2f", 1), _biosr("superres-x2", 2), _dfnn()]


def find_set(name: str) -> PairSet:
    """The set of this name."""
    return next(one for one in pair_sets() if one.name == name)


def read_part(chosen: PairSet, part: Part, data: Path) -> tuple[Plane, Plane]:
    """Input ``(Y, X)`` and target ``(Y * scale, X * scale)`` of a part, each in its own grey levels."""
    from napari_restoration.training.sources import mean_bin, read_index, read_plane

    name = f"pairs/{chosen.folder}/input/{part.file}"
    rows = read_index(data)
    pair = next(row.pair for row in rows if row.file == name)
    other = next(row.file for row in rows if row.pair == pair and "/target/" in row.file)
    if "/" not in other or chosen.folder not in other:
        raise ValueError(f"{name} has no target in index.csv")
    given, target = read_plane(data / name), read_plane(data / other)
    if chosen.register:
        target = _moved_onto(given, target)
    given, target = given[part.slices], target[part.slices]
    step = chosen.bin_input
    height, width = (n // step * step for n in given.shape)
    return mean_bin(given[:height, :width], step), target[:height, :width]


def write_folder(chosen: PairSet, data: Path, folder: Path) -> Path:
    """Write the pairs that are trained on as ``folder/input`` and ``folder/target``; returns the folder."""
    from napari_restoration.core.image import CalibratedImage
    from napari_restoration.core.io import write_image

    for side in ("input", "target"):
        (folder / side).mkdir(parents=True, exist_ok=True)
    for part in chosen.train:
        for side, plane in zip(("input", "target"), read_part(chosen, part, data), strict=True):
            image = CalibratedImage(plane, axes="YX", name=part.name)
            write_image(folder / side / f"{part.name}.tif", image, overwrite=True)
    return folder


def _moved_onto(given: Plane, target: Plane) -> Plane:
    from napari_restoration.core.ecc import align

    found = align(given, target)
    if not found.has_converged or max(abs(step) for step in found.shift_px) > _MOST_SHIFT_PX:
        return target
    return np.asarray(ndimage.shift(target, found.shift_px, order=3, mode="nearest"), dtype=np.float32)
