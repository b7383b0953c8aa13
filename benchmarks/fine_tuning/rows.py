"""Rows of the two tables: what was trained, and the scores of every image that was not trained on."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TypeVar

R = TypeVar("R", bound="Row")


@dataclass(frozen=True, kw_only=True)
class Row:
    """What tells one training from all others; ``recipe`` is "default", "former" or a name given by hand."""

    set: str
    recipe: str
    steps: int
    seed: int

    @property
    def key(self) -> tuple[str, str, int, int]:
        return self.set, self.recipe, self.steps, self.seed


@dataclass(frozen=True, kw_only=True)
class RunRow(Row):
    """A finished training: at which step its weights were best on held-out patches, and what it took."""

    best_step: int
    train_pairs: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ImageRow(Row):
    """Scores of one image after a gain and an offset were fitted: of the input, the shipped and the tuned model."""

    image: str
    psnr_input: float
    psnr_shipped: float
    psnr_tuned: float
    ssim_input: float
    ssim_shipped: float
    ssim_tuned: float

    @property
    def gain_db(self) -> float:
        return self.psnr_tuned - self.psnr_shipped

    @property
    def gain_ssim(self) -> float:
        return self.ssim_tuned - self.ssim_shipped


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
    """Append rows; those of the same training that are there already make room."""
    kind = type(rows[0])
    keys = {row.key for row in rows}
    every = [*(row for row in read_rows(path, kind) if row.key not in keys), *rows]
    beside = path.with_suffix(".new")
    with beside.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [f.name for f in fields(kind)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in every)
    beside.replace(path)
