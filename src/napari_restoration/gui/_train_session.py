"""A training that runs: in a process of its own, shown by the training panel, and steered by its buttons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_restoration.core.progress import Progress
from napari_restoration.gui._error_words import error_words
from napari_restoration.gui._message import in_panel_words
from napari_restoration.gui._train_runs import train
from napari_restoration.gui._workers import RunningTask, start_task

if TYPE_CHECKING:
    from napari_restoration.gui._training_panel import TrainingPanel
    from napari_restoration.tasks.train_control import TrainingControl
    from napari_restoration.tasks.train_reports import TrainingResult


_SAVED = "Training was ended before its time. All of it is kept, and it can go on from there."


class TrainSession(QObject):
    """Runs ``napari-restoration train`` and feeds the panel.

    Parameters
    ----------
    panel : TrainingPanel
        Shows reports, and has the buttons.
    owner : QWidget
        The widget in the dock; when it goes, the training saves and ends.
    """

    model_written = Signal(object)
    """A `ModelWritten`: a model is in the user's folder while training goes on."""
    trained = Signal(object)
    """The `TrainingResult`."""
    failed = Signal(str)
    finished = Signal()

    def __init__(self, panel: TrainingPanel, owner: QWidget) -> None:
        super().__init__(owner)
        self._panel, self._owner = panel, owner
        self._run: Path | None = None
        self.control: TrainingControl | None = None
        self.running: RunningTask | None = None
        panel.pause_toggled.connect(self._on_pause)
        panel.stop_clicked.connect(self._on_stop)
        panel.export_clicked.connect(self._on_export)

    def start(
        self,
        arguments: Sequence[str],
        *,
        run: Path,
        title: str,
        minutes: float | None,
        scale_um: float | None,
    ) -> None:
        """Train.

        Parameters
        ----------
        arguments : sequence of str
            What stands behind ``napari-restoration train``.
        run : Path
            Folder of the run.
        title : str
            What is trained.
        minutes : float, optional
            The budget; ``None`` where epochs decide.
        scale_um : float, optional
            Side of an input's pixel, if it is known.
        """
        from napari_restoration.tasks.train_control import TrainingControl

        self._run, self.control = run, TrainingControl()
        self._panel.begin(title, minutes, scale_um)
        self.running = start_task(
            train(arguments, run, self.control),
            self._owner,
            on_report=self._on_reports,
            on_done=self._on_done,
            on_error=self._on_error,
            on_cancel=self._on_cancel,
            on_finished=self._on_finished,
        )

    def end(self) -> None:
        """Save and end, so that training can go on another time."""
        if self.running is not None:
            self.running.cancel()

    def _on_pause(self, is_paused: bool) -> None:
        if self.control is not None:
            if is_paused:
                self.control.pause()
            else:
                self.control.go_on()

    def _on_stop(self) -> None:
        if self.control is not None:
            self.control.stop()

    def _on_export(self) -> None:
        if self.control is not None:
            self.control.export()

    def _on_reports(self, reports: list[Progress]) -> None:
        from napari_restoration.tasks.train_reports import ModelWritten

        self._panel.show_reports(reports)
        for report in reports:
            if isinstance(report, ModelWritten):
                self.model_written.emit(report)

    def _on_done(self, result: TrainingResult) -> None:
        self._panel.show_result(result)
        self.trained.emit(result)

    def _on_error(self, error: BaseException) -> None:
        from napari_restoration.tasks.train_control import TrainingSaved

        if isinstance(error, TrainingSaved):
            self._panel.show_stopped(in_panel_words(str(error)))
            return
        words = in_panel_words(error_words(error, "Training"))
        self._panel.show_error(words)
        self.failed.emit(words)

    def _on_cancel(self) -> None:
        self._panel.show_stopped(_SAVED)

    def _on_finished(self) -> None:
        self.running = self.control = self._run = None
        self.finished.emit()
