"""How a run stands: its best weights, what it waits for, and how often it had to go back."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import RestorationError
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.training.divergence import MOST_RETURNS
from napari_restoration.training.history import of_start
from napari_restoration.training.schedules import Plateau
from napari_restoration.training.scores import Scores, is_better
from napari_restoration.training.state import check_finite, under
from napari_restoration.training.training_settings import Metric, TrainingSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from napari_restoration.training.core import Core

BEST = "best.safetensors"
_METRICS: Mapping[Metric, str] = {
    "loss": "loss",
    "psnr": "PSNR",
    "ssim": "SSIM",
    "mae": "mean absolute error",
}


class Standing:
    """The best weights so far, by the recipe's metric.

    Parameters
    ----------
    settings : TrainingSettings

    Attributes
    ----------
    weights : dict of Tensor or None
        The best weights, on the CPU.
    best, best_step : float or None, int
        Their score, and when they were made.
    waited : int
        Epochs since.
    ended : bool
        Training has waited for long enough.
    phase_step : int
        Steps done when the present phase began.
    returns, rate_scale
        Returns after a divergence, and what they left of the learning rate.
    unwritten : bool
        The weights are not on the disk yet.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        self._settings = settings
        self.weights: dict[str, Tensor] | None = None
        self.best: float | None = None
        self.best_step = 0
        self.waited = 0
        self.ended = False
        self.returns, self.rate_scale = 0, 1.0
        self.phase_step = 0
        self.plateau = Plateau(settings.patience)
        self.unwritten = False

    def see(self, scores: Scores, network: nn.Module, step: int) -> bool:
        """Take up the scores of an epoch; True where its weights are the best so far."""
        self.plateau.see(scores.loss)
        if self.take(scores, network, step):
            return True
        self.waited += 1
        patience = self._settings.early_stopping
        self.ended = bool(patience) and self.waited >= patience
        return False

    def take(self, scores: Scores, network: nn.Module, step: int) -> bool:
        """As `see`, but between two epochs: what waits for an epoch does not count it."""
        metric = self._settings.metric
        value = scores.value(metric)
        if not is_better(metric, value, self.best) or check_finite(network.state_dict()):
            return False
        self.best = value if math.isfinite(value) else None
        self.weights = {k: v.detach().cpu().contiguous().clone() for k, v in network.state_dict().items()}
        self.best_step, self.waited, self.unwritten = step, 0, True
        return True

    def begin_phase(self, step: int) -> None:
        """The scores of another phase do not compare: the next epoch's weights are the best again."""
        self.best, self.waited, self.phase_step = None, 0, step
        self.plateau = Plateau(self._settings.patience)

    def go_back(self, core: Core, step: int, fault: str) -> str:
        """After a divergence: from the best weights at half the rate; returns what the user must hear.

        Raises
        ------
        RestorationError
            After three such returns.
        """
        if self.returns >= MOST_RETURNS:
            rate = self._settings.learning_rate
            raise RestorationError(
                f"Training diverged at step {step} ({fault}), after {MOST_RETURNS} returns to earlier weights at half "
                f"the rate each; lower training.learning_rate from {rate:g} and start again."
            )
        core.return_to(self.weights)
        self.returns += 1
        self.rate_scale /= 2
        where = "best" if self.weights is not None else "first"
        return (
            f"Training diverged at step {step}; it goes on from the {where} weights at half the learning rate "
            f"(return {self.returns} of {MOST_RETURNS})."
        )

    def write(self, folder: Path) -> None:
        """Write ``best.safetensors``."""
        from safetensors.torch import save

        assert self.weights is not None
        write_bytes_atomically(folder / BEST, save(self.weights, {"step": str(self.best_step)}))
        self.unwritten = False

    def tensors(self) -> dict[str, Tensor]:
        """The best weights, by name."""
        return {f"best.{name}": tensor for name, tensor in (self.weights or {}).items()}

    def state(self) -> dict[str, Any]:
        """The rest, as plain values."""
        return {
            "best": self.best, "best_step": self.best_step, "waited": self.waited, "ended": self.ended,
            "phase_step": self.phase_step, "returns": self.returns, "rate_scale": self.rate_scale,
            "plateau": self.plateau.state(),
        }  # fmt: skip

    def load(self, folder: Path, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Take up what `tensors` and `state` gave; the first format of checkpoints knew the best score alone."""
        self.best = state["best"]
        self.weights = under("best.", tensors) or None
        if "plateau" not in state:
            if (folder / BEST).exists():
                from safetensors.torch import load_file

                self.weights = load_file(folder / BEST)
            return
        self.best_step, self.waited, self.ended = state["best_step"], state["waited"], state["ended"]
        self.returns, self.rate_scale = state["returns"], state["rate_scale"]
        self.phase_step = state["phase_step"]
        self.plateau.load(state["plateau"])
        # After a kill between the two, or on a full disk, those in the file can be newer than the checkpoint.
        self.unwritten = self.weights is not None and step_of_best(folder) != self.best_step


def step_of_best(folder: Path) -> int | None:
    """At which step the weights in ``best.safetensors`` were made; None if there are none that can be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / BEST, framework="pt") as file:
            return int(file.metadata()["step"])
    except (OSError, SafetensorError, ValueError, KeyError, TypeError):
        return None


def words_on_start(history: Sequence[Mapping[str, Any]], best_step: int, metric: Metric, model: str) -> str:
    """What to say where training did not beat the model that it started from; empty where it did.

    Parameters
    ----------
    history : sequence of mapping
        Rows of the run.
    best_step : int
        Step of the weights that are kept.
    metric : str
        What decided.
    model : str
        Id of the model that training started from.
    """
    first = of_start(history)
    if first is None:
        return ""
    if history[-1]["step"] == 0:
        return f"Training ended before its first step: the weights of {model} are handed back as they were."
    if best_step == 0:
        return (
            f"On the held-out patches no epoch scored better than the weights of {model} that training began with "
            f"({_score(first, metric)}): these are kept as they were."
        )
    last = next(row for row in history if row["step"] == best_step)
    name = f"val_{metric}"
    if is_better(metric, first[name], last[name]):
        # After a change of phase scores start anew: critics may cost some of them.
        return (
            f"On the held-out patches the weights of {model} that training began with scored better "
            f"({_score(first, metric)}) than those that are kept ({_score(last, metric)})."
        )
    return ""


def _score(row: Mapping[str, Any], metric: Metric) -> str:
    value = row[f"val_{metric}"]
    return f"PSNR {value:.2f} dB" if metric == "psnr" else f"{_METRICS[metric]} {value:.4g}"
