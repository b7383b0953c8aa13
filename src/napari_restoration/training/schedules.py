"""Learning rates as pure functions of how far the training is: there is no scheduler whose state could be lost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

from napari_restoration.training.training_settings import TrainingSettings

_LOWEST_SHARE = 0.01


def rate_share(
    settings: TrainingSettings, *, step: int, progress: float, epoch: int = 0, plateaus: int = 0
) -> float:
    """Share of the base rate at a step: linear warm-up, then the schedule.

    Parameters
    ----------
    settings : TrainingSettings
    step : int
        Steps done.
    progress : float
        Share of the budget of steps or time that is used, 0 to 1.
    epoch : int
        Epochs done.
    plateaus : int
        How often the validation stood still.

    Returns
    -------
    float
        "cosine" ends at one hundredth; "step" halves at 20, 40, 60 and 80 %; "linear_tail" is constant and then
        falls to 0; "exponential" falls with each epoch; "milestones" and "plateau" fall in steps.
    """
    warm = min(1.0, (step + 1) / max(settings.warmup_steps, 1))
    return warm * _curve(settings, min(progress, 1.0), epoch, plateaus)


def _curve(settings: TrainingSettings, progress: float, epoch: int, plateaus: int) -> float:
    factor = settings.schedule_factor
    if settings.schedule == "cosine":
        return _LOWEST_SHARE + (1 - _LOWEST_SHARE) * 0.5 * (1 + math.cos(math.pi * progress))
    if settings.schedule == "step":
        return 0.5 ** min(4, int(progress * 5))
    if settings.schedule == "linear_tail":
        return min(1.0, (1 - progress) / (1 - settings.schedule_start))
    if settings.schedule == "exponential":
        return float(factor**epoch)
    if settings.schedule == "milestones":
        return float(factor ** sum(progress >= share for share in settings.schedule_at))
    if settings.schedule == "plateau":
        return float(factor**plateaus)
    return 1.0


@dataclass
class Plateau:
    """Counts how often a loss has stood still for ``patience`` epochs."""

    patience: int
    best: float | None = None
    waited: int = 0
    count: int = 0

    def see(self, loss: float) -> None:
        """Take up the loss of one more epoch; one that is not finite counts as no progress."""
        if math.isfinite(loss) and (self.best is None or loss < self.best):
            self.best, self.waited = loss, 0
            return
        self.waited += 1
        if self.waited > self.patience:
            self.count, self.waited = self.count + 1, 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"best": self.best, "waited": self.waited, "count": self.count}

    def load(self, state: dict[str, Any]) -> Self:
        """Take up what `state` gave."""
        self.best, self.waited, self.count = state["best"], state["waited"], state["count"]
        return self
