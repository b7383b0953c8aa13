"""Sums over the steps of an epoch that is not over yet; part of a checkpoint, so that a stop in between is not seen."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from napari_restoration.training.report import EpochReport

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_restoration.training.scores import Scores
    from napari_restoration.training.state import Outcome


class Epoch:
    """What the steps of one epoch gave so far."""

    def __init__(self) -> None:
        self._totals: list[float] = []
        self._losses: dict[str, list[float]] = {}
        self.dropped = 0
        self.rate = 0.0
        self.notices: list[str] = []

    def add(self, outcome: Outcome, rate: float) -> None:
        """Take up one step."""
        self.rate = rate
        if outcome.fault:
            self.dropped += 1
            return
        self._totals.append(outcome.total)
        for name, value in outcome.losses.items():
            self._losses.setdefault(name, []).append(value)

    def mean_total(self) -> float:
        """Mean of what the restoring network minimised; NaN if every step was left out."""
        return sum(self._totals) / len(self._totals) if self._totals else math.nan

    def mean_losses(self) -> dict[str, float]:
        """Mean of each loss over the steps in which it played."""
        return {name: sum(values) / len(values) for name, values in self._losses.items()}

    def report(self, scores: Scores, **rest: Any) -> EpochReport:
        """The report of the epoch with these scores; ``rest`` is what the run knows."""
        return EpochReport(
            message=f"step {rest['done']}, validation {scores.psnr:.2f} dB", train_loss=self.mean_total(),
            losses=self.mean_losses(), val_loss=scores.loss, val_psnr=scores.psnr, val_ssim=scores.ssim,
            val_mae=scores.mae, learning_rate=self.rate, dropped_steps=self.dropped, **rest,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {
            "totals": self._totals, "losses": self._losses, "dropped": self.dropped, "rate": self.rate,
            "notices": self.notices,
        }  # fmt: skip

    def load(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` gave; an empty one is that of an epoch's begin."""
        self._totals = list(state.get("totals", []))
        self._losses = {name: list(values) for name, values in state.get("losses", {}).items()}
        self.dropped, self.rate = state.get("dropped", 0), state.get("rate", 0.0)
        self.notices = list(state.get("notices", []))
