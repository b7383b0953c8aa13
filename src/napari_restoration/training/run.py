"""A training run: a folder that can be killed at any moment and goes on to the same weights.

The folder holds ``config.json``, ``history.csv``, ``last.ckpt``, ``previous.ckpt`` and ``best.safetensors``.
Batches depend on the seed and the step alone, so the step is all there is to remember of the data order.
With a step budget a resumed run is bit-equal to an unbroken one on a CPU; with a time budget the learning rate
follows the clock, and no two runs are equal.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.progress import Notice, Progress
from napari_restoration.training.checkpoint import LAST, PREVIOUS, read_checkpoint, write_checkpoint
from napari_restoration.training.core import Core
from napari_restoration.training.data import RunData, check_fit
from napari_restoration.training.epoch import Epoch
from napari_restoration.training.history import HISTORY, columns, row_of, write_history
from napari_restoration.training.material import Material
from napari_restoration.training.patches import Batch
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.run_config import CONFIG, RunConfig, name_files
from napari_restoration.training.scores import Scores, validate
from napari_restoration.training.standing import BEST, Standing
from napari_restoration.training.start import begin_from, name_start

if TYPE_CHECKING:
    from torch import nn

    from napari_restoration.training.control import TrainingControl
    from napari_restoration.training.methods import Files
    from napari_restoration.training.report import EpochReport

__all__ = ["BEST", "CONFIG", "HISTORY", "TrainingRun"]


class TrainingRun:
    """One run on disk; make it with `create` or `resume`, drive it with `epochs`.

    Attributes
    ----------
    folder, config, recipe, material, minutes, device
        Where it lives and what it was started with.
    step, elapsed, history
        Steps done, minutes trained, and the rows of ``history.csv``.
    core, data
        Everything that learns, and the images once they are open.
    standing, epoch
        The best weights so far and what else decides how training goes on or ends; what the present epoch gave.
    taken
        What was taken over of a model; None where training starts from random weights.
    checks, circumstances, waiting
        Batches that weights are scored on, what a bit-equal continuation needs, and words that were not told yet.
    """

    def __init__(self, folder: Path, config: RunConfig, *, devices: int = 1) -> None:
        self.folder, self.config = folder, config
        self.recipe, self.material = config.recipe, config.material
        self.minutes, self.device = config.minutes, config.device
        self.step, self.elapsed = 0, 0.0
        self.history: list[dict[str, Any]] = []
        check_fit(config.recipe)
        self.core = Core(config.recipe, config.device, files=config.open_files(), devices=devices)
        self.leads = self.core.rank == 0
        self.standing = Standing(config.recipe.training)
        self.epoch = Epoch()
        self.circumstances: dict[str, str] = {}
        self.waiting: list[str] = []
        self.checks: list[Batch] = []
        self.data: RunData | None = None
        self.taken = begin_from(self.core, config.start[0]) if config.start is not None else None

    @classmethod
    def create(
        cls,
        folder: Path,
        recipe: Recipe,
        material: Material | Path,
        *,
        minutes: float | None = None,
        device: str = "cpu",
        devices: int = 1,
        files: Files | None = None,
        tensorboard: bool = False,
        start: str | Path | None = None,
        asked: Mapping[str, Any] | None = None,
    ) -> Self:
        """Start a run in a new or empty folder, on these images, from the weights of a model or from random ones.

        What was ``asked`` for is remembered, see `RunConfig`.

        Raises
        ------
        OutputError
            If the folder already holds a run.
        InputError
            If the time budget is not positive, patches do not fit the network, or images not together.
        """
        if minutes is not None and not minutes > 0:
            raise InputError(f"The time budget is {minutes:g} minutes but must be above 0.")
        if (folder / CONFIG).exists() or (folder / LAST).exists():
            raise OutputError(f"{folder} already holds a training run; resume it or choose another folder.")
        config = RunConfig(
            recipe=recipe, material=material if isinstance(material, Material) else Material(folder=material),
            minutes=minutes, device=device, devices=devices, tensorboard=tensorboard, files=name_files(files),
            start=name_start(start) if start is not None else None, asked=asked or {},
        )  # fmt: skip
        run = cls(folder, config, devices=devices)
        run.data = RunData(recipe, config.material)
        run.waiting += [*(run.taken.notices if run.taken is not None else ()), *run.data.notices]
        if run.leads:
            config.begin(folder)
        return run

    @classmethod
    def resume(cls, folder: Path, *, alone: bool = True) -> Self:
        """Take up a run where its last whole checkpoint left it, by this process alone or on all its devices.

        Raises
        ------
        InputError
            If the folder holds no training run.
        RestorationError
            If its checkpoints are damaged or belong to another run or network.
        """
        config = RunConfig.read(folder)
        run = cls(folder, config, devices=1 if alone else config.devices)
        if not any((folder / name).exists() for name in (LAST, PREVIOUS)):
            return run  # killed before its first checkpoint: the seed alone gives the same start
        tensors, state, fault = read_checkpoint(folder, run=run.config.hash)
        run.core.load(tensors, state["core"])
        run.standing.load(folder, tensors, state)
        run.step, run.elapsed, run.history = state["step"], state["elapsed"], state["history"]
        run.epoch.load(state.get("epoch", {}))
        run.circumstances = state.get("circumstances", {})
        if fault:
            run.waiting.append(
                f"The last checkpoint is damaged ({fault}); training goes on from the one before."
            )
        return run

    @property
    def finished(self) -> bool:
        """Whether the budget of time, or else of steps, is used up, or training was ended early."""
        return self.standing.ended or self.progress() >= 1

    def epochs(
        self, control: TrainingControl | None = None, *, live: bool = False
    ) -> Generator[Progress, None, Path]:
        """Train until the budget is used up. Closed before, it saves where it stands.

        Weights of a model that training starts from are scored before they are touched, and count among the best.

        Parameters
        ----------
        control : TrainingControl, optional
            What others wish meanwhile.
        live : bool
            Restore some held-out crops every few seconds and write them to ``live.safetensors``.

        Yields
        ------
        EpochReport
            After each epoch, when its checkpoint is on the disk.
        LiveReport, ModelWritten
            When there are new crops, or a model that was wished for.
        Notice
            What the user must hear.
        Progress
            Twice a second; a `Paused` while training waits.

        Returns
        -------
        Path
            The best weights, ``best.safetensors``.

        Raises
        ------
        OutputError
            If another process trains into this folder.
        RestorationError
            If training goes astray again and again.
        TrainingSaved
            If the control wished to quit.
        """
        from napari_restoration.training.loop import Loop

        return (yield from Loop(self, control, live=live).epochs())

    def score_now(self) -> EpochReport:
        """Score the averaged weights between two epochs; the epoch goes on."""
        return self.score(self.standing.take)

    def score(self, judge: Callable[[Scores, nn.Module, int], bool]) -> EpochReport:
        """Score the averaged weights; ``judge`` says whether they are the best so far."""
        start = time.perf_counter()
        scores = validate(self.core, self.recipe, self.checks)
        self.elapsed += (time.perf_counter() - start) / 60
        best = judge(scores, self.core.averaged, self.step)
        if self.standing.ended:
            self.tell(
                f"Training ends early: no better {self.recipe.training.metric} for {self.standing.waited} epochs."
            )
        report = self.epoch.report(
            scores, done=self.step, total=self.total(), minutes=self.elapsed, best=best, phase=self.core.phase
        )  # fmt: skip
        number = math.ceil(self.step / self.recipe.training.steps_per_epoch)
        self.history.append(row_of(report, number, [*self.epoch.notices, *self.waiting]))
        return report

    def is_scored(self) -> bool:
        """Whether the weights were scored as they are now."""
        return bool(self.history) and self.history[-1]["step"] == self.step

    def tell(self, *words: str) -> None:
        """Let the user hear these with the next report."""
        self.waiting += filter(None, words)

    def notices(self) -> Iterator[Notice]:
        """What is to be told; it stands in the epoch's row as well."""
        while self.waiting:
            words = self.waiting.pop(0)
            self.epoch.notices.append(words)
            yield Notice(done=self.step, total=self.total(), message=words)

    def save(self, *, write_best: bool = False) -> str:
        """Put everything on the disk; returns why that failed, and then the next epoch tries again."""
        if not self.leads:
            return ""
        state = {
            "step": self.step, "elapsed": self.elapsed, "history": self.history, "core": self.core.state(),
            **self.standing.state(), "epoch": self.epoch.state(), "circumstances": self.circumstances,
        }  # fmt: skip
        try:
            # The best weights go first: after a kill between the two, the repeated epoch writes them again.
            if write_best or self.standing.unwritten:
                self.standing.write(self.folder)
            tensors = self.core.tensors() | self.standing.tensors()
            write_checkpoint(self.folder, tensors, state, run=self.config.hash)
            write_history(self.folder, columns(self.core.method.loss_names()), self.history)
        except (OutputError, OSError) as error:
            self.tell(f"The checkpoint was not written ({error}); the next epoch tries again.")
            return str(error)
        return ""

    def progress(self) -> float:
        """Share of the budget of time, or else of steps, that is used up."""
        if self.minutes is not None:
            return self.elapsed / self.minutes
        return self.step / self.recipe.training.steps

    def total(self) -> int:
        """Steps in all; with a time budget an estimate."""
        if self.minutes is None:
            return self.recipe.training.steps
        return max(self.step, round(self.step * self.minutes / max(self.elapsed, 1e-9)))
