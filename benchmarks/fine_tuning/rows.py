"""Rows of the two tables: what was trained, and the scores of every image that was not trained on."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.tables import add_rows, read_rows

__all__ = ["ImageRow", "Row", "RunRow", "add_rows", "read_rows"]


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
