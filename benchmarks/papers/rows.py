"""The two tables that the results are made of: a row for each run, and one for each restored image."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt
from benchmarks.quality.cases import Example

from napari_restoration.core import metrics

R = TypeVar("R", bound="Row")
Key = tuple[str, str, str, int, int]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a row belongs to."""

    experiment: str
    variant: str
    scale: str
    steps: int
    seed: int

    @property
    def key(self) -> Key:
        return (self.experiment, self.variant, self.scale, self.steps, self.seed)


@dataclass(frozen=True, kw_only=True)
class RunRow(Row):
    """A finished run: its generator's parameters, seconds of training and validation, and what the probes found."""

    parameters: int
    seconds: float
    device: str
    grid_db: float
    invented: float


@dataclass(frozen=True, kw_only=True)
class ImageRow(Row):
    """Scores of one image; the data range is maximum minus minimum of the truth."""

    kind: str
    level: str
    image: str
    psnr: float
    ssim: float
    pcc: float
    psnr_affine: float
    ssim_affine: float

    @classmethod
    def of(cls, key: Key, example: Example, restored: npt.NDArray[np.floating]) -> Self:
        values = metrics.score(restored, example.target, data_range=example.data_range)
        kept = ("psnr", "ssim", "pcc", "psnr_affine", "ssim_affine")
        experiment, variant, scale, steps, seed = key
        return cls(
            experiment=experiment, variant=variant, scale=scale, steps=steps, seed=seed, kind=example.kind,
            level=example.level, image=example.name, **{name: round(values[name], 5) for name in kept},
        )  # fmt: skip


def read_rows(path: Path, kind: type[R]) -> list[R]:
    """The rows of a file; none where there is no file."""
    if not path.exists():
        return []
    casts = {"int": int, "float": float, "str": str}
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            kind(**{f.name: casts[str(f.type)](row[f.name]) for f in fields(kind)})
            for row in csv.DictReader(stream)
        ]


def add_rows(path: Path, rows: Sequence[Row]) -> None:
    """Append rows; those of the same run that are there already, from a run stopped in between, make room."""
    kind = type(rows[0])
    keys = {row.key for row in rows}
    every = [*(row for row in read_rows(path, kind) if row.key not in keys), *rows]
    names = [f.name for f in fields(kind)]
    beside = path.with_suffix(".new")
    with beside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in every)
    beside.replace(path)
