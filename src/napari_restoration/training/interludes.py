"""What happens between two steps of a training besides training: wishes are heard, held-out crops are shown."""

from __future__ import annotations

import shlex
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_restoration.core.errors import OutputError
from napari_restoration.core.progress import Progress
from napari_restoration.training.control import TrainingControl, TrainingSaved
from napari_restoration.training.live import LiveWindow
from napari_restoration.training.report import LiveReport, ModelWritten, Paused

if TYPE_CHECKING:
    from napari_restoration.training.run import TrainingRun

EXPORTED = "exported-{step}"
_SECONDS_BETWEEN_LOOKS = 0.5
_PAUSE, _STOP, _QUIT, _EXPORT = 1, 2, 4, 8


class Interludes:
    """Hears what a control wishes and shows live crops.

    With several processes the first one's wishes are those of all, so that they stay together; all call the same
    methods at the same steps.

    Parameters
    ----------
    run : TrainingRun
        Whose steps these are between; its data are open.
    control : TrainingControl, optional
    live : bool
        Whether held-out crops are restored again and again.
    """

    def __init__(self, run: TrainingRun, control: TrainingControl | None, *, live: bool) -> None:
        self._run, self._control = run, control
        self._window: LiveWindow | None = None
        if live and run.leads:
            assert run.data is not None
            self._window = LiveWindow(run.core, run.recipe, run.data, run.folder)
        self._wished, self._stopping = 0, False

    def is_stopping(self) -> bool:
        """Whether training was asked to end with the best weights that it has."""
        return self._stopping

    def look(self) -> bool:
        """Whether there is something to do now; every process asks after each step."""
        # A model may be wished for at an epoch's last step, which has no interlude.
        self._wished = self._agreed() | self._wished & _EXPORT
        return bool(self._wished) or (self._window is not None and self._window.is_due())

    def take_place(
        self, *, epoch_ends: bool = False, training_ends: bool = False
    ) -> Generator[Progress, None, float]:
        """Do what `look` found.

        Parameters
        ----------
        epoch_ends, training_ends : bool
            Live crops come earlier then, and in any case.

        Returns
        -------
        float
            Seconds that were not training: it was paused, or a model was written.

        Raises
        ------
        TrainingSaved
            If training was asked to quit; everything is on the disk.
        """
        start = time.perf_counter()
        paused = Paused(done=self._run.step, total=self._run.total(), message="paused")
        while self._wished:
            if self._wished & _QUIT:
                self._quit()
            if self._wished & _EXPORT:
                yield from self._export()
            if not self._wished & _PAUSE or self._wished & _STOP or training_ends:
                break
            yield paused
            if self._control is not None:
                self._control.wait(_SECONDS_BETWEEN_LOOKS)
            self._wished = self._agreed()
        self._wished = 0
        lost = time.perf_counter() - start
        if self._window is not None and (training_ends or self._window.is_due(epoch_ends=epoch_ends)):
            yield from self.show()
        return lost

    def show(self) -> Iterator[LiveReport]:
        """Restore the live crops now, if there are any."""
        run = self._run
        if self._window is None:
            return
        if self._window.show(run.step):
            yield LiveReport(
                done=run.step, total=run.total(), path=self._window.path, step=run.step, minutes=run.elapsed
            )
        run.tell(*self._window.notices)
        self._window.notices.clear()

    def _agreed(self) -> int:
        control, own = self._control, 0
        if control is not None:
            flags = (control.is_paused, control.is_stopping, control.is_quitting, control.take_export())
            own = sum(1 << place for place, flag in enumerate(flags) if flag)
        core = self._run.core
        wished = own if core.processes == 1 else round(core.agree(float(own)) * core.processes)
        self._stopping = bool(wished & _STOP)
        return wished

    def _quit(self) -> None:
        run = self._run
        if fault := run.save():
            raise OutputError(f"Training ended at step {run.step}, but that could not be saved: {fault}")
        raise TrainingSaved(
            f"Training is saved at step {run.step}; go on with: napari-restoration train --resume "
            f"{shlex.quote(str(run.folder))}"
        )

    def _export(self) -> Iterator[Progress]:
        run = self._run
        yield Progress(done=run.step, total=run.total(), message="writing the model")
        # The present weights may well be better than those at the end of the last epoch.
        if not run.is_scored():
            yield run.score_now()
        fault = run.save()
        if not run.leads:
            return
        try:
            if fault:
                raise OutputError(fault)
            folder, model = _write_model(run)
        except (OutputError, OSError) as error:
            run.tell(f"The model was not written ({error}); training goes on.")
            return
        yield ModelWritten(
            done=run.step, total=run.total(), message=f"{model} as it is now: {folder}", folder=folder, model=model,
            final=False,
        )  # fmt: skip


def _write_model(run: TrainingRun) -> tuple[Path, str]:
    from napari_restoration.training.export import export_run

    folder = run.folder / EXPORTED.format(step=run.standing.best_step)
    return folder, export_run(run.folder, folder, overwrite=True, data=run.data).id
