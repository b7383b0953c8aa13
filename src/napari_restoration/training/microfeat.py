"""Training of MicroFeat: a folder that can be killed at any moment and goes on to the same weights.

The folder holds ``config.json``, ``history.csv``, ``last.ckpt`` and ``previous.ckpt``. Batches depend on the seed and
the step alone. With a budget of steps a resumed run is bit-equal to an unbroken one on a CPU; with a budget of time
the learning rate follows the clock, and no two runs are equal.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

import torch  # noqa: TID253 (only trainings import this module)
from torch import Tensor, nn  # noqa: TID253
from torch.nn import functional  # noqa: TID253

from napari_restoration.core.errors import InputError, OutputError, RestorationError
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.models.archs.features import MicroFeatTrainer, build_features
from napari_restoration.training.checkpoint import LAST, PREVIOUS, read_checkpoint, write_checkpoint
from napari_restoration.training.microfeat_patches import (
    Labelled,
    PatchMaker,
    Samples,
    draw_labelled,
    load_labelled,
)
from napari_restoration.training.microfeat_recipe import MicroFeatRecipe

CONFIG, HISTORY = "config.json", "history.csv"
CHECK_BATCHES, CHECK_SIZE = 6, 16
_LOWEST_SHARE = 0.01
_COLUMNS = (
    "step",
    "minutes",
    "cpu_hours",
    "rate",
    "loss",
    "val_accuracy",
    "val_blur_error",
    "val_photon_error",
)


class MicroFeatRun:
    """One training on disk; make it with `create` or `resume`, drive it with `epochs`.

    Attributes
    ----------
    folder, recipe, data_dir, minutes
        Where it lives, what it learns, from which images, and its time budget (None: the recipe's steps).
    step, elapsed, cpu_seconds, history
        Steps done, minutes and processor seconds used, and the rows of ``history.csv``.
    trainer, averaged
        Network with heads as it is trained, and the moving average of its weights, which is what ships.
    """

    def __init__(self, folder: Path, recipe: MicroFeatRecipe, data_dir: Path, minutes: float | None) -> None:
        self.folder, self.recipe, self.data_dir, self.minutes = folder, recipe, data_dir, minutes
        self.step = 0
        self.elapsed = self.cpu_seconds = 0.0
        self.history: list[dict[str, Any]] = []
        settings, classes = recipe.training, len(recipe.classes)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.trainer, self.averaged = (new_trainer(settings.divide, classes) for _ in range(2))
        self.averaged.load_state_dict(self.trainer.state_dict())
        self.averaged.requires_grad_(False)
        self._optimizer = torch.optim.AdamW(
            self.trainer.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    @classmethod
    def create(
        cls, folder: Path, recipe: MicroFeatRecipe, data_dir: Path, *, minutes: float | None = None
    ) -> Self:
        """Start a run in a new or empty folder.

        Raises
        ------
        OutputError
            The folder already holds a run.
        InputError
            The time budget is not positive.
        """
        if minutes is not None and not minutes > 0:
            raise InputError(f"The time budget is {minutes:g} minutes but must be above 0.")
        if (folder / CONFIG).exists() or (folder / LAST).exists():
            raise OutputError(f"{folder} already holds a training run; resume it or choose another folder.")
        folder.mkdir(parents=True, exist_ok=True)
        config = {"version": 1, "recipe": recipe.to_dict(), "data_dir": str(data_dir), "minutes": minutes}
        write_bytes_atomically(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())
        return cls(folder, recipe, data_dir, minutes)

    @classmethod
    def resume(cls, folder: Path) -> Self:
        """Take up a run where its last whole checkpoint left it.

        Raises
        ------
        InputError
            The folder holds no training of MicroFeat.
        RestorationError
            Its checkpoints are damaged or belong to another network.
        """
        try:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            recipe = MicroFeatRecipe.from_dict(config["recipe"])
            run = cls(folder, recipe, Path(config["data_dir"]), config["minutes"])
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{folder} holds no training of MicroFeat ({error}); name its folder."
            ) from error
        if any((folder / name).exists() for name in (LAST, PREVIOUS)):
            found = read_checkpoint(folder)
            run._take_up(found[0], found[1])
        return run

    @property
    def progress(self) -> float:
        """Used share of the budget of time, or else of steps; 1 when it is used up."""
        if self.minutes is not None:
            return min(1.0, self.elapsed / self.minutes)
        return min(1.0, self.step / self.recipe.training.steps)

    def epochs(self) -> Generator[dict[str, Any], None, None]:
        """Train until the budget is used up.

        Yields
        ------
        dict
            The new row of ``history.csv``, when its checkpoint is on the disk.
        """
        if self.progress >= 1:
            return
        images = load_labelled(self.recipe, self.data_dir, "train") + draw_labelled(self.recipe)
        maker = PatchMaker(self.recipe, images)
        checks = check_batches(self.recipe, load_labelled(self.recipe, self.data_dir, "val"))
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="patches") as pool:
            while self.progress < 1:
                losses = self._epoch(maker, pool)
                yield self._finish(losses, checks)

    def _epoch(self, maker: PatchMaker, pool: ThreadPoolExecutor) -> list[float]:
        settings, losses = self.recipe.training, []
        waiting = pool.submit(maker.batch, self.step)
        for _ in range(settings.steps_per_epoch):
            began, used = time.monotonic(), time.process_time()
            samples = waiting.result()
            waiting = pool.submit(maker.batch, self.step + 1)
            losses.append(self._one_step(samples))
            self.step += 1
            self.elapsed += (time.monotonic() - began) / 60
            self.cpu_seconds += time.process_time() - used
            if self.progress >= 1:
                break
        waiting.cancel()
        return losses

    def _one_step(self, samples: Samples) -> float:
        """One optimizer step; a step whose loss or gradient is not finite changes nothing."""
        settings = self.recipe.training
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate()
        images, kinds, measures = as_tensors(samples)
        self.trainer.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bf16"):
            kind, measured = self.trainer(images)
        loss = functional.cross_entropy(kind.float(), kinds, label_smoothing=settings.label_smoothing)
        errors = functional.smooth_l1_loss(measured.float(), measures, beta=0.3, reduction="none").mean(0)
        loss = loss + settings.blur_weight * errors[0] + settings.photon_weight * errors[1]
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        slope = nn.utils.clip_grad_norm_(self.trainer.parameters(), settings.clip_norm)
        value = float(loss.detach())
        if not (math.isfinite(value) and math.isfinite(float(slope))):
            return math.nan
        self._optimizer.step()
        self._average()
        return value

    def _rate(self) -> float:
        settings = self.recipe.training
        warm = min(1.0, (self.step + 1) / max(settings.warmup_steps, 1))
        cosine = 0.5 * (1 + math.cos(math.pi * self.progress))
        return settings.learning_rate * warm * (_LOWEST_SHARE + (1 - _LOWEST_SHARE) * cosine)

    @torch.no_grad()
    def _average(self) -> None:
        # Early on the average would remember the random first weights for too long.
        decay = min(self.recipe.training.ema_decay, (2 + self.step) / (11 + self.step))
        current = self.trainer.state_dict()
        for name, value in self.averaged.state_dict().items():
            value.lerp_(current[name], 1 - decay)

    def _finish(self, losses: Sequence[float], checks: Sequence[Samples]) -> dict[str, Any]:
        accuracy, blur, photons = check(self.averaged, checks)
        row = {
            "step": self.step, "minutes": round(self.elapsed, 3), "cpu_hours": round(self.cpu_seconds / 3600, 4),
            "rate": self._rate(), "loss": sum(losses) / len(losses), "val_accuracy": accuracy,
            "val_blur_error": blur, "val_photon_error": photons,
        }  # fmt: skip
        self.history.append(row)
        state = {
            "step": self.step, "elapsed": self.elapsed, "cpu_seconds": self.cpu_seconds, "history": self.history
        }  # fmt: skip
        write_checkpoint(self.folder, self._tensors(), state)
        lines = [",".join(_COLUMNS), *(",".join(f"{r[c]:.6g}" for c in _COLUMNS) for r in self.history)]
        write_bytes_atomically(self.folder / HISTORY, ("\n".join(lines) + "\n").encode())
        return row

    def _tensors(self) -> dict[str, Tensor]:
        state = {f"network.{k}": v for k, v in self.trainer.state_dict().items()}
        state |= {f"averaged.{k}": v for k, v in self.averaged.state_dict().items()}
        for index, moments in self._optimizer.state_dict()["state"].items():
            state |= {f"optimizer.{index}.{k}": torch.as_tensor(v) for k, v in moments.items()}
        return state

    def _take_up(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        moments: dict[int, dict[str, Tensor]] = {}
        for name in (n for n in tensors if n.startswith("optimizer.")):
            _, index, key = name.split(".", 2)
            moments.setdefault(int(index), {})[key] = tensors[name]
        try:
            for part, module in (("network.", self.trainer), ("averaged.", self.averaged)):
                module.load_state_dict({n[len(part) :]: t for n, t in tensors.items() if n.startswith(part)})
            groups = self._optimizer.state_dict()["param_groups"]
            self._optimizer.load_state_dict({"state": moments, "param_groups": groups})
            self.step, self.elapsed = state["step"], state["elapsed"]
            self.cpu_seconds, self.history = state["cpu_seconds"], list(state["history"])
        except (RuntimeError, KeyError, ValueError) as error:
            raise RestorationError(f"The checkpoint in {self.folder} belongs to another training.") from error


def new_trainer(divide: int, classes: int) -> MicroFeatTrainer:
    """MicroFeat with heads, its first weights drawn from torch's global generator; planes are channels-last."""
    trainer = MicroFeatTrainer(build_features("microfeat", None, divide=divide), classes)
    trainer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return trainer


def as_tensors(samples: Samples) -> tuple[Tensor, Tensor, Tensor]:
    """Images (channels-last), numbers of classes, measures."""
    images = torch.from_numpy(samples.images).contiguous(memory_format=torch.channels_last)
    return images, torch.from_numpy(samples.kinds), torch.from_numpy(samples.measures)


def check_batches(recipe: MicroFeatRecipe, images: Sequence[Labelled]) -> list[Samples]:
    """The same patches of ``val`` files at each check; they choose nothing. None where there are no such files."""
    maker = PatchMaker(recipe, images, stream=1) if images else None
    return [maker.batch(n, CHECK_SIZE) for n in range(CHECK_BATCHES)] if maker else []


@torch.no_grad()
def check(trainer: MicroFeatTrainer, batches: Sequence[Samples]) -> tuple[float, float, float]:
    """Share of right classes, mean absolute error of ln blur and of log10 photons; NaN without batches."""
    right, errors, count = 0, torch.zeros(2), 0
    for images, kinds, measures in map(as_tensors, batches):
        kind, measured = trainer(images)
        right += int((kind.argmax(1) == kinds).sum())
        errors += (measured - measures).abs().sum(0)
        count += len(kinds)
    if not count:
        return math.nan, math.nan, math.nan
    return right / count, float(errors[0]) / count, float(errors[1]) / count
