"""How far a run has come, how long it will still take, and the way to stop it."""

from __future__ import annotations

import time

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_restoration.core.progress import Progress
from napari_restoration.gui._message import small_text

_FEW_STEPS = 2  # the first tile also warms the network up: a forecast from it alone is too long


class ProgressBar(QWidget):
    """Bar, remaining time and a Cancel button; hidden while nothing runs.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    cancel_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(10)
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop after the current tile. What is finished stays as a layer.")
        self.cancel_button.clicked.connect(self.cancel_clicked)
        self.text = small_text()
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.bar, 1)
        row.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.text)
        self.step = "tile"
        """What is counted, in the singular."""
        self._doing = ""
        self._first: tuple[int, float] | None = None
        self.hide()

    def set_accent(self, colour: str) -> None:
        """Set the colour of the finished part."""
        self.bar.setStyleSheet(
            f"QProgressBar::chunk {{ background-color: {colour}; border-radius: 2px; }}"
            "QProgressBar { border-radius: 2px; }"
        )

    def start(self, doing: str) -> None:
        """Show the bar without a length.

        Parameters
        ----------
        doing : str
            What is being done.
        """
        self._doing, self._first = doing, None
        self.bar.setRange(0, 0)
        self.cancel_button.setEnabled(True)
        self.text.setText(f"{doing} …")
        self.show()

    def announce(self, doing: str) -> None:
        """Say what is being done before its length is known."""
        self._doing, self._first = doing, None
        self.bar.setRange(0, 0)
        self.text.setText(f"{doing} …")

    def advance(self, report: Progress, doing: str) -> None:
        """Show a counted step.

        Parameters
        ----------
        report : Progress
            With a total.
        doing : str
            What is being done.
        """
        now = time.monotonic()
        if self._first is None or doing != self._doing:
            self._first = (report.done, now)
        self._doing = doing
        self.bar.setRange(0, report.total)
        self.bar.setValue(report.done)
        text = f"{doing}: {report.done} of {report.total} {self.step}s"
        done_since = report.done - self._first[0]
        if done_since >= _FEW_STEPS and report.done < report.total:
            seconds = (now - self._first[1]) / done_since * (report.total - report.done)
            text += f", {in_words(seconds)} left"
        self.text.setText(text)

    def show_cancelling(self) -> None:
        """Say that the current tile is still being finished."""
        self.cancel_button.setEnabled(False)
        self.text.setText(f"Cancelling after this {self.step} …")

    def finish(self) -> None:
        """Back to rest."""
        self.bar.setRange(0, 1)
        self.bar.reset()
        self.text.setText("")
        self.hide()


def in_words(seconds: float) -> str:
    """A duration as a person would say it.

    Parameters
    ----------
    seconds : float
        At least 0.

    Returns
    -------
    str
        Such as ``"about 40 s"``, ``"about 3 min"`` or ``"about 1 h 20 min"``.
    """
    if seconds < 1.5:
        return "about 1 s"
    if seconds < 10:
        return f"about {seconds:.0f} s"
    if seconds < 90:
        return f"about {5 * round(seconds / 5)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"about {minutes} min"
    return f"about {minutes // 60} h {minutes % 60} min"
