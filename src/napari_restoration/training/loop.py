"""The loop of a training run: steps, epochs, and what is heard and shown between them."""

from __future__ import annotations

import shlex
import time
from collections.abc import Generator, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from napari_restoration.core.errors import OutputError
from napari_restoration.core.progress import Progress
from napari_restoration.training.data import RunData
from napari_restoration.training.epoch import Epoch
from napari_restoration.training.history import open_board
from napari_restoration.training.interludes import Interludes
from napari_restoration.training.lock import only_training_in
from napari_restoration.training.patches import Batch, prefetch
from napari_restoration.training.run_config import changes, circumstances
from napari_restoration.training.schedules import rate_share
from napari_restoration.training.standing import BEST, words_on_start

if TYPE_CHECKING:
    from napari_restoration.training.control import TrainingControl
    from napari_restoration.training.report import EpochReport
    from napari_restoration.training.run import TrainingRun

_SECONDS_BETWEEN_REPORTS = 0.5

T = TypeVar("T")


class Loop:
    """Drives a run from where it stands to the end of its budget; see `TrainingRun.epochs`."""

    def __init__(self, run: TrainingRun, control: TrainingControl | None, *, live: bool) -> None:
        self._run, self._control, self._live = run, control, live
        self._unsaved = ""

    def epochs(self) -> Generator[Progress, None, Path]:
        """Train; all that is said of `TrainingRun.epochs` holds."""
        run = self._run
        if run.finished:
            return run.folder / BEST
        with only_training_in(run.folder) if run.leads else nullcontext(False) as taken_over:
            if taken_over:
                run.tell("The process that trained into this folder died; this one goes on.")
            run.data = run.data or RunData(run.recipe, run.material)
            run.checks = run.data.checks()
            now = circumstances(run.material)
            run.tell(changes(run.circumstances, now))
            run.circumstances = now
            yield from self._all_epochs(run.data)
            # What follows reads the run from the disk.
            if self._unsaved and (fault := run.save()):
                raise OutputError(
                    f"Training has ended, but that could not be saved ({fault}); make room and go on from the last "
                    f"checkpoint with: napari-restoration train --resume {shlex.quote(str(run.folder))}"
                )
            if run.taken is not None:
                metric = run.recipe.training.metric
                run.tell(words_on_start(run.history, run.standing.best_step, metric, run.taken.model))
            yield from run.notices()
        return run.folder / BEST

    def _all_epochs(self, data: RunData) -> Iterator[Progress]:
        run = self._run
        between = Interludes(run, self._control, live=self._live)
        wanted = run.config.tensorboard and run.leads
        with open_board(run.folder, run.step) if wanted else nullcontext(len) as told:
            yield from run.notices()
            yield from between.show()
            yield from self._score_start()
            between.look()
            yield from between.take_place()
            while not run.finished:
                # Asked to stop between two epochs, there is nothing left to train or score.
                if not (between.is_stopping() and run.is_scored()):
                    yield from self._train(data, between)
                report = self._finish_epoch(last=between.is_stopping())
                if report is not None:
                    told(run.history[-1])
                    yield report
                yield from run.notices()
                between.look()
                yield from between.take_place(epoch_ends=True, training_ends=run.finished)

    def _score_start(self) -> Iterator[EpochReport]:
        """Weights of a model count among the best before training touches them."""
        run = self._run
        if run.taken is not None and not run.step and not run.history:
            report = run.score_now()
            self._unsaved = run.save(write_best=report.best)
            yield report

    def _train(self, data: RunData, between: Interludes) -> Iterator[Progress]:
        """The rest of an epoch's steps."""
        run = self._run
        if between.is_stopping():
            return
        settings = run.recipe.training
        every = settings.steps_per_epoch
        if run.step % every == 0:
            self._freeze_when_due(data)
        stop = run.step + every - run.step % every
        if run.minutes is None:
            stop = min(stop, settings.steps)
        start, before = time.perf_counter(), run.elapsed
        told, shared, rank = start, run.core.processes, run.core.rank
        with closing(
            prefetch(data.batches(), iter(range(run.step * shared + rank, stop * shared, shared)))
        ) as batches:
            for batch in batches:
                self._step(batch)
                now = time.perf_counter()
                run.elapsed = run.core.agree(before + (now - start) / 60)
                if run.minutes is not None and run.elapsed >= run.minutes:
                    return
                # Not after an epoch's last step: who stops there must not leave its validation out.
                if between.look() and run.step < stop and not between.is_stopping():
                    start += yield from self._or_save(between.take_place())
                if between.is_stopping():
                    return
                if run.step < stop and (now - told > _SECONDS_BETWEEN_REPORTS or run.waiting):
                    told = now
                    yield from self._or_save(_once(Progress(done=run.step, total=run.total())))

    def _or_save(self, reports: Generator[Progress, None, T]) -> Generator[Progress, None, T]:
        run = self._run
        try:
            found = yield from reports
            yield from run.notices()
        except GeneratorExit:
            run.save()
            raise
        return found

    def _step(self, batch: Batch) -> None:
        run = self._run
        settings, core = run.recipe.training, run.core
        core.epoch = run.step // settings.steps_per_epoch
        if core.enter_phase(run.progress()):
            run.standing.begin_phase(run.step)
            run.tell(f"Phase {core.phase + 1} of the training begins.")
        within = run.step - run.standing.phase_step
        share = run.standing.rate_scale * rate_share(
            settings, step=within, progress=core.method.phase_progress(run.progress()),
            epoch=within // settings.steps_per_epoch, plateaus=run.standing.plateau.count,
        )  # fmt: skip
        outcome = core.step(batch, share)
        run.epoch.add(outcome, share * settings.learning_rate)
        run.tell(*outcome.notices)
        if outcome.fault:
            run.tell(f"Step {run.step + 1} was left out: {outcome.fault}.")
            if core.watch.drop():
                run.tell(run.standing.go_back(core, run.step + 1, outcome.fault))
        run.step += 1

    def _freeze_when_due(self, data: RunData) -> None:
        run = self._run
        share = run.recipe.training.frozen_share
        if not run.core.frozen and share and run.progress() >= 1 - share:
            run.core.freeze_norms(data.for_statistics())

    def _finish_epoch(self, *, last: bool) -> EpochReport | None:
        """Score the weights, unless these were; the ``last`` epoch ends the training."""
        run = self._run
        report = None if run.is_scored() else run.score(run.standing.see)
        run.standing.ended |= last
        run.epoch = Epoch()
        self._unsaved = run.save(write_best=report is not None and report.best)
        return report


def _once(report: Progress) -> Generator[Progress, None, None]:
    yield report
