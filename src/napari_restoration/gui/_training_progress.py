"""How far a training has come and how long it will still take."""

from __future__ import annotations

from qtpy.QtWidgets import QWidget

from napari_restoration.core.progress import Progress
from napari_restoration.gui._look import ACCENT
from napari_restoration.gui._progress_bar import ProgressBar, in_words

_TRAINING = "Training"


class TrainingProgress(ProgressBar):
    """A bar over the budget of minutes or steps; what ends it are the buttons below.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cancel_button.hide()
        self.set_accent(ACCENT)
        self.step = "step"
        self._minutes: float | None = None
        self._share = 0.0

    def begin(self, minutes: float | None) -> None:
        """A training begins, with a budget of minutes, or of steps."""
        self._minutes, self._share = minutes, 0.0
        self.start("Starting")

    def show_training(self, report: Progress) -> None:
        """Show steps; with a budget of minutes the report's total is where they lead to at the present speed."""
        if not report.total:
            self.announce(_TRAINING)
        elif self._minutes is None:
            self.advance(report, _TRAINING)
        else:
            self._share = min(1.0, report.done / report.total)
            self._show_share(f"{_TRAINING}: step {report.done}, {in_words(self._seconds_left())} left")

    def show_paused(self) -> None:
        """Training waits, and its time stands still."""
        if self._minutes is None:
            words = "Paused"
            self._first = None  # the forecast leaves the pause out
        else:
            words = f"Paused: {in_words(self._seconds_left())} left when it goes on"
        if not self.bar.maximum():
            self._show_share(words)
        self.text.setText(f"{words}.")

    def show_other(self, report: Progress) -> None:
        """Show what is done before or after training, such as reading or comparing images."""
        doing = report.message[:1].upper() + report.message[1:]
        if 0 <= report.done < report.total:
            self.bar.setRange(0, report.total)
            self.bar.setValue(report.done)
            self.text.setText(f"{doing} …")
        else:
            self.announce(doing)

    def _show_share(self, words: str) -> None:
        self.bar.setRange(0, 1000)
        self.bar.setValue(round(1000 * self._share))
        self.text.setText(words)

    def _seconds_left(self) -> float:
        return 60 * (self._minutes or 0.0) * (1 - self._share)
