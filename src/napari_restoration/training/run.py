"""A training run: a folder that can be killed at any moment and goes on to the same weights.

The folder holds ``config.json``, ``history.csv``, ``last.ckpt``, ``previous.ckpt`` and ``best.safetensors``.
Batches depend on the seed and the step alone, so the step is all there is to remember of the data order.
With a step budget a resumed run is bit-equal to an unbroken one on a CPU; with a time budget the learning rate
follows the clock, and no two runs are equal.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Generator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Self

from napari_restoration.core.errors import InputError, OutputError, RestorationError
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.training.checkpoint import LAST, PREVIOUS, read_checkpoint, write_checkpoint
from napari_restoration.training.fields import FieldMaker, split
from napari_restoration.training.fitting import Fit, learning_rate
from napari_restoration.training.patches import Batch, BatchMaker, prefetch
from napari_restoration.training.phantoms import draw_phantoms
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.report import EpochReport
from napari_restoration.training.sources import PairSource, Source, load_pairs, load_sources

CONFIG, HISTORY, BEST = "config.json", "history.csv", "best.safetensors"
_COLUMNS = ("epoch", "step", "train_loss", "val_loss", "val_psnr", "learning_rate", "minutes", "best")
_MOST_FAILED_STEPS = 20
_PATCHES_FOR_STATISTICS, _BATCHES_FOR_STATISTICS = 32, 16


class TrainingRun:
    """One run on disk; make it with `create` or `resume`, drive it with `epochs`.

    Attributes
    ----------
    folder, recipe, data_dir, minutes
        Where it lives, what it learns, from which images, and its time budget (None: the recipe's steps).
    step, elapsed, history
        Steps done, minutes trained, and the rows of ``history.csv``.
    """

    def __init__(
        self, folder: Path, recipe: Recipe, data_dir: Path, minutes: float | None, *, device: str = "cpu"
    ) -> None:
        self.folder, self.recipe, self.data_dir, self.minutes = folder, recipe, data_dir, minutes
        self.device = device
        self.step = 0
        self.elapsed = 0.0
        self.history: list[dict[str, Any]] = []
        self._best = math.inf
        self._fit = Fit(recipe, device)

    @classmethod
    def create(
        cls,
        folder: Path,
        recipe: Recipe,
        data_dir: Path,
        *,
        minutes: float | None = None,
        device: str = "cpu",
    ) -> Self:
        """Start a run in a new or empty folder.

        Raises
        ------
        OutputError
            If the folder already holds a run.
        InputError
            If the time budget is not positive.
        """
        if minutes is not None and not minutes > 0:
            raise InputError(f"The time budget is {minutes:g} minutes but must be above 0.")
        if (folder / CONFIG).exists() or (folder / LAST).exists():
            raise OutputError(f"{folder} already holds a training run; resume it or choose another folder.")
        folder.mkdir(parents=True, exist_ok=True)
        config = {"version": 1, "recipe": recipe.to_dict(), "data_dir": str(data_dir), "minutes": minutes}
        text = json.dumps({**config, "device": device}, indent=2) + "\n"
        write_bytes_atomically(folder / CONFIG, text.encode())
        return cls(folder, recipe, data_dir, minutes, device=device)

    @classmethod
    def resume(cls, folder: Path) -> Self:
        """Take up a run where its last whole checkpoint left it.

        Raises
        ------
        InputError
            If the folder holds no training run.
        RestorationError
            If its checkpoints are damaged or belong to another network.
        """
        try:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            recipe = Recipe.from_dict(config["recipe"])
            run = cls(folder, recipe, Path(config["data_dir"]), config["minutes"], device=config["device"])
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{folder} holds no training run that can be resumed ({error}).") from error
        if not any((folder / name).exists() for name in (LAST, PREVIOUS)):
            return run  # killed before its first checkpoint: the seed alone gives the same start
        tensors, state = read_checkpoint(folder)
        run._fit.load_tensors(tensors)
        run._fit.steps_averaged = state["steps_averaged"]
        run._fit.frozen = state["frozen"]
        run.step, run.elapsed, run.history = state["step"], state["elapsed"], state["history"]
        run._best = state["best"] if state["best"] is not None else math.inf
        return run

    @property
    def finished(self) -> bool:
        """Whether the budget of time, or else of steps, is used up."""
        return self._progress() >= 1

    def epochs(self) -> Generator[EpochReport, None, Path]:
        """Train until the budget is used up.

        Yields
        ------
        EpochReport
            After each epoch, when its checkpoint is on the disk.

        Returns
        -------
        Path
            The best weights, ``best.safetensors``.
        """
        if self.finished:
            return self.folder / BEST
        training, held_out = self.field_makers()
        checks = self.validation_batches(held_out)
        while self._progress() < 1:
            self._freeze_when_due(training)
            yield self._epoch(BatchMaker(self.recipe, training), checks)
        return self.folder / BEST

    def _freeze_when_due(self, training: FieldMaker) -> None:
        share = self.recipe.training.frozen_share
        if self._fit.frozen or not share or self._progress() < 1 - share:
            return
        settings = replace(self.recipe.training, batch_size=_PATCHES_FOR_STATISTICS)
        maker = BatchMaker(replace(self.recipe, training=settings), training, stream=2)
        self._fit.freeze_norms([maker.batch(number) for number in range(_BATCHES_FOR_STATISTICS)])

    def validation_batches(self, held_out: FieldMaker) -> list[Batch]:
        """The fixed batches, from images held out of training, that decide which weights are best."""
        maker = BatchMaker(self.recipe, held_out, stream=1)
        settings = self.recipe.training
        return [maker.batch(n) for n in range(math.ceil(settings.validation_patches / settings.batch_size))]

    def field_makers(self) -> tuple[FieldMaker, FieldMaker]:
        """Draw from the images trained on, and from those held out (of whole fields of view).

        Raises
        ------
        InputError
            If the data folder has no index, or a group of the recipe matches nothing.
        """
        recipe = self.recipe
        sources: list[Source] = load_sources(self.data_dir, recipe.sources) if recipe.sources else []
        sources += draw_phantoms(recipe.phantoms, recipe.seed)
        pairs: list[PairSource] = load_pairs(self.data_dir, recipe.pairs) if recipe.pairs else []
        train, held = (
            set(names) for names in split([*sources, *pairs], recipe.training.validation_share, recipe.seed)
        )
        # Too few images to hold any out: their own patches, drawn apart, are all there is to check on.
        held = held or train
        parts = [
            FieldMaker(
                recipe,
                [s for s in sources if s.name in names],
                [p for p in pairs if p.name in names],
                fixed=fixed,
            )
            for names, fixed in ((train, False), (held, True))
        ]
        return parts[0], parts[1]

    def _epoch(self, maker: BatchMaker, checks: list[Batch]) -> EpochReport:
        settings = self.recipe.training
        steps = settings.steps_per_epoch
        if self.minutes is None:
            steps = min(steps, settings.steps - self.step)
        start, before = time.perf_counter(), self.elapsed
        losses: list[float] = []
        failed = 0
        rate = 0.0
        numbers = iter(range(self.step, self.step + steps))
        for batch in prefetch(maker, numbers):
            rate = learning_rate(self.recipe, self.step, self._progress())
            loss = self._fit.step(batch, rate)
            failed += math.isnan(loss)
            if failed > _MOST_FAILED_STEPS:
                raise RestorationError(
                    f"Training diverged at step {self.step}; lower training.learning_rate and start again."
                )
            losses += [] if math.isnan(loss) else [loss]
            self.step += 1
            self.elapsed = before + (time.perf_counter() - start) / 60
            if self.minutes is not None and self.elapsed >= self.minutes:
                break
        val_loss, val_psnr = self._fit.validate(checks)
        self.elapsed = before + (time.perf_counter() - start) / 60
        best = val_loss < self._best
        report = EpochReport(
            done=self.step, total=self._total(), train_loss=sum(losses) / max(len(losses), 1), val_loss=val_loss,
            val_psnr=val_psnr, learning_rate=rate, minutes=self.elapsed, best=best,
            message=f"step {self.step}, validation {val_psnr:.2f} dB",
        )  # fmt: skip
        self._save(report)
        return report

    def _progress(self) -> float:
        if self.minutes is not None:
            return self.elapsed / self.minutes
        return self.step / self.recipe.training.steps

    def _total(self) -> int:
        if self.minutes is None:
            return self.recipe.training.steps
        return max(self.step, round(self.step * self.minutes / max(self.elapsed, 1e-9)))

    def _save(self, report: EpochReport) -> None:
        # The best weights go first: after a kill between the two, the repeated epoch writes them again.
        if report.best:
            from safetensors.torch import save

            self._best = report.val_loss
            weights = {
                k: v.detach().cpu().contiguous().clone() for k, v in self._fit.averaged.state_dict().items()
            }
            write_bytes_atomically(self.folder / BEST, save(weights, {"step": str(self.step)}))
        values = asdict(report)
        row = {name: values.get(name) for name in _COLUMNS}
        self.history.append({**row, "epoch": len(self.history) + 1, "step": self.step})
        state = {
            "step": self.step, "elapsed": self.elapsed, "history": self.history,
            "best": self._best if math.isfinite(self._best) else None,
            "steps_averaged": self._fit.steps_averaged, "frozen": self._fit.frozen,
        }  # fmt: skip
        write_checkpoint(self.folder, self._fit.tensors(), state)
        lines = [",".join(_COLUMNS), *(",".join(str(row[c]) for c in _COLUMNS) for row in self.history)]
        write_bytes_atomically(self.folder / HISTORY, ("\n".join(lines) + "\n").encode())
