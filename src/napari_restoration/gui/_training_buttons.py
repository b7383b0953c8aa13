"""Pause, stop and export: each button says at once that it was pressed, and waits until training has heard."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_restoration.core.progress import Notice, Progress


class TrainingButtons(QWidget):
    """Three buttons that are disabled while a wish is on its way.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    pause_toggled = Signal(bool)
    stop_clicked = Signal()
    export_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.is_paused = False
        """Training waits."""
        self.is_stopping = False
        """It was asked to stop."""
        self.pause_button = QPushButton("Pause")
        self.pause_button.setToolTip("Training waits and its time stands still, until you let it go on.")
        self.stop_button = QPushButton("Stop and keep best")
        self.stop_button.setToolTip(
            "End now. The best model so far is kept and compared with the one before."
        )
        self.export_button = QPushButton("Export now")
        self.export_button.setToolTip("Write the best model so far, to try it, while training goes on.")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        for button, stretch in ((self.pause_button, 3), (self.stop_button, 5), (self.export_button, 4)):
            button.setMinimumHeight(28)
            row.addWidget(button, stretch)
        self.pause_button.clicked.connect(self._on_pause)
        self.stop_button.clicked.connect(self._on_stop)
        self.export_button.clicked.connect(self._on_export)

    def begin(self) -> None:
        """Ready for a training that begins."""
        self.is_paused = self.is_stopping = False
        for button, words in (
            (self.pause_button, "Pause"),
            (self.stop_button, "Stop and keep best"),
            (self.export_button, "Export now"),
        ):
            button.setText(words)
            button.setEnabled(True)
        self.show()

    def hear(self, reports: Sequence[Progress]) -> None:
        """Take up what training says: it waits, goes on, or has written a model."""
        from napari_restoration.tasks.train_reports import EpochReport, LiveReport, ModelWritten, Paused

        if self.is_stopping:
            return
        for report in reports:
            if isinstance(report, Paused):
                self._show_paused(True)
            elif isinstance(report, LiveReport | EpochReport) or type(report) is Progress:
                self._show_paused(False)
            # A notice may say why there is no model to write yet.
            if isinstance(report, ModelWritten | Notice):
                self.export_button.setText("Export now")
                self.export_button.setEnabled(True)

    def _show_paused(self, is_paused: bool) -> None:
        if self._waits_for is not None and self._waits_for != is_paused:
            return  # said before it heard the wish
        self.is_paused = is_paused
        self.pause_button.setText("Go on" if is_paused else "Pause")
        self.pause_button.setEnabled(True)

    @property
    def _waits_for(self) -> bool | None:
        return None if self.pause_button.isEnabled() else not self.is_paused

    def _on_pause(self) -> None:
        self.pause_button.setEnabled(False)
        self.pause_button.setText("Going on …" if self.is_paused else "Pausing …")
        self.pause_toggled.emit(not self.is_paused)

    def _on_stop(self) -> None:
        self.is_stopping = True
        self.stop_button.setText("Stopping …")
        for button in (self.pause_button, self.stop_button, self.export_button):
            button.setEnabled(False)
        self.stop_clicked.emit()

    def _on_export(self) -> None:
        self.export_button.setEnabled(False)
        self.export_button.setText("Exporting …")
        self.export_clicked.emit()
