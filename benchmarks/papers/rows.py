"""The two tables that the results are made of: a row for each run, and one for each restored image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from benchmarks.quality.cases import Example
from benchmarks.tables import add_rows, read_rows

from napari_restoration.core import metrics

__all__ = ["ImageRow", "Key", "Row", "RunRow", "add_rows", "read_rows"]

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
