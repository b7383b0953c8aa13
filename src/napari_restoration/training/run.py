"""A training run: a folder that can be killed at any moment and goes on to the same weights.

The folder holds ``config.json``, ``history.csv``, ``last.ckpt``, ``previous.ckpt`` and ``best.safetensors``.
Batches depend on the seed and the step alone, so the step is all there is to remember of the data order.
With a step budget a resumed run is bit-equal to an unbroken one on a CPU; with a time budget the learning rate
follows the clock, and no two runs are equal.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.progress import Notice, Progress
from napari_restoration.training.checkpoint import LAST, PREVIOUS, read_checkpoint, write_checkpoint
from napari_restoration.training.core import Core
from napari_restoration.training.data import RunData, check_fit
from napari_restoration.training.epoch import Epoch
from napari_restoration.training.history import HISTORY, columns, open_board, row_of, write_history
from napari_restoration.training.lock import only_training_in
from napari_restoration.training.material import Material
from napari_restoration.training.patches import Batch, prefetch
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.run_config import CONFIG, RunConfig, changes, circumstances, name_files
from napari_restoration.training.schedules import rate_share
from napari_restoration.training.scores import validate
from napari_restoration.training.standing import BEST, Standing
from napari_restoration.training.start import begin_from, name_start

if TYPE_CHECKING:
    from napari_restoration.training.methods import Files
    from napari_restoration.training.report import EpochReport

__all__ = ["BEST", "CONFIG", "HISTORY", "TrainingRun"]

_SECONDS_BETWEEN_REPORTS = 0.5


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
    standing
        The best weights so far, and what else decides how training goes on or ends.
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
        self._epoch = Epoch()
        self._circumstances: dict[str, str] = {}
        self._waiting: list[str] = []
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
    ) -> Self:
        """Start a run in a new or empty folder, on these images, from the weights of a model or from random ones.

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
            start=name_start(start) if start is not None else None,
        )  # fmt: skip
        run = cls(folder, config, devices=devices)
        run.data = RunData(recipe, config.material)
        run._waiting += [*(run.taken.notices if run.taken is not None else ()), *run.data.notices]
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
        run._epoch.load(state.get("epoch", {}))
        run._circumstances = state.get("circumstances", {})
        if fault:
            run._waiting.append(
                f"The last checkpoint is damaged ({fault}); training goes on from the one before."
            )
        return run

    @property
    def finished(self) -> bool:
        """Whether the budget of time, or else of steps, is used up, or training was ended early."""
        return self.standing.ended or self._progress() >= 1

    def epochs(self) -> Generator[Progress, None, Path]:
        """Train until the budget is used up. Closed before, it saves where it stands.

        Yields
        ------
        EpochReport
            After each epoch, when its checkpoint is on the disk.
        Notice
            What the user must hear.
        Progress
            Twice a second.

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
        """
        if self.finished:
            return self.folder / BEST
        with only_training_in(self.folder) if self.leads else nullcontext(False) as taken_over:
            if taken_over:
                self._waiting.append("The process that trained into this folder died; this one goes on.")
            data = self.data = self.data or RunData(self.recipe, self.material)
            checks = data.checks()
            now = circumstances(self.material)
            self._waiting += [words] if (words := changes(self._circumstances, now)) else []
            self._circumstances = now
            wanted = self.config.tensorboard and self.leads
            with open_board(self.folder, self.step) if wanted else nullcontext(len) as told:
                while self._progress() < 1 and not self.standing.ended:
                    yield from self._train(data)
                    report = self._finish_epoch(checks)
                    told(self.history[-1])
                    yield report
                    yield from self._notices()
        return self.folder / BEST

    def _train(self, data: RunData) -> Iterator[Progress]:
        """The rest of an epoch's steps."""
        settings = self.recipe.training
        every = settings.steps_per_epoch
        if self.step % every == 0:
            self._freeze_when_due(data)
        stop = self.step + every - self.step % every
        if self.minutes is None:
            stop = min(stop, settings.steps)
        start, before = time.perf_counter(), self.elapsed
        told, shared, rank = start, self.core.processes, self.core.rank
        with closing(
            prefetch(data.batches(), iter(range(self.step * shared + rank, stop * shared, shared)))
        ) as batches:
            for batch in batches:
                self._step(batch)
                now = time.perf_counter()
                self.elapsed = self.core.agree(before + (now - start) / 60)
                if self.minutes is not None and self.elapsed >= self.minutes:
                    return
                # Not after an epoch's last step: who stops there must not leave its validation out.
                if self.step < stop and (now - told > _SECONDS_BETWEEN_REPORTS or self._waiting):
                    told = now
                    yield from self._or_save(Progress(done=self.step, total=self._total()))

    def _or_save(self, report: Progress) -> Iterator[Progress]:
        try:
            yield report
            yield from self._notices()
        except GeneratorExit:
            self._save()
            raise

    def _step(self, batch: Batch) -> None:
        settings, core = self.recipe.training, self.core
        core.epoch = self.step // settings.steps_per_epoch
        if core.enter_phase(self._progress()):
            self.standing.begin_phase(self.step)
            self._waiting.append(f"Phase {core.phase + 1} of the training begins.")
        within = self.step - self.standing.phase_step
        share = self.standing.rate_scale * rate_share(
            settings, step=within, progress=core.method.phase_progress(self._progress()),
            epoch=within // settings.steps_per_epoch, plateaus=self.standing.plateau.count,
        )  # fmt: skip
        outcome = core.step(batch, share)
        self._epoch.add(outcome, share * settings.learning_rate)
        self._waiting += outcome.notices
        if outcome.fault:
            self._waiting.append(f"Step {self.step + 1} was left out: {outcome.fault}.")
            if core.watch.drop():
                self._waiting.append(self.standing.go_back(core, self.step + 1, outcome.fault))
        self.step += 1

    def _freeze_when_due(self, data: RunData) -> None:
        share = self.recipe.training.frozen_share
        if not self.core.frozen and share and self._progress() >= 1 - share:
            self.core.freeze_norms(data.for_statistics())

    def _finish_epoch(self, checks: list[Batch]) -> EpochReport:
        start = time.perf_counter()
        scores = validate(self.core, self.recipe, checks)
        self.elapsed += (time.perf_counter() - start) / 60
        best = self.standing.see(scores, self.core.averaged, self.step)
        if self.standing.ended:
            self._waiting.append(
                f"Training ends early: no better {self.recipe.training.metric} for {self.standing.waited} epochs."
            )
        report = self._epoch.report(
            scores, done=self.step, total=self._total(), minutes=self.elapsed, best=best, phase=self.core.phase
        )  # fmt: skip
        notices = [*self._epoch.notices, *self._waiting]
        self.history.append(row_of(report, len(self.history) + 1, notices))
        self._epoch = Epoch()
        self._save(write_best=best)
        return report

    def _notices(self) -> Iterator[Notice]:
        while self._waiting:
            words = self._waiting.pop(0)
            self._epoch.notices.append(words)
            yield Notice(done=self.step, total=self._total(), message=words)

    def _save(self, *, write_best: bool = False) -> None:
        """Put everything on the disk; where that fails training goes on, and the next epoch tries again."""
        if not self.leads:
            return
        state = {
            "step": self.step, "elapsed": self.elapsed, "history": self.history, "core": self.core.state(),
            **self.standing.state(), "epoch": self._epoch.state(), "circumstances": self._circumstances,
        }  # fmt: skip
        try:
            # The best weights go first: after a kill between the two, the repeated epoch writes them again.
            if write_best or self.standing.unwritten:
                self.standing.write(self.folder)
            tensors = self.core.tensors() | self.standing.tensors()
            write_checkpoint(self.folder, tensors, state, run=self.config.hash)
            write_history(self.folder, columns(self.core.method.loss_names()), self.history)
        except (OutputError, OSError) as error:
            self._waiting.append(f"The checkpoint was not written ({error}); the next epoch tries again.")

    def _progress(self) -> float:
        if self.minutes is not None:
            return self.elapsed / self.minutes
        return self.step / self.recipe.training.steps

    def _total(self) -> int:
        if self.minutes is None:
            return self.recipe.training.steps
        return max(self.step, round(self.step * self.minutes / max(self.elapsed, 1e-9)))
