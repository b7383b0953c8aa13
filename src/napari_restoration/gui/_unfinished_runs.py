"""Trainings that were stopped before their model was made: go on with one, or discard it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.gui._message import small_text

if TYPE_CHECKING:
    from pathlib import Path

    from napari_restoration.tasks.train_order import UnfinishedRun

_MOST = 3


class UnfinishedRuns(QWidget):
    """A quiet row a run, at most three of the newest; hidden while there is none.

    Parameters
    ----------
    parent : QWidget, optional
        The Train widget.
    """

    resume_clicked = Signal(object)
    """The run's folder, a Path."""
    discard_clicked = Signal(object)
    """The folder of a run that the user has confirmed to delete."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[UnfinishedRow] = []
        self.more = small_text()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addWidget(self.more)
        self.show_runs(())

    def refresh(self) -> None:
        """Look for such runs among the user's."""
        from napari_restoration.tasks.train_order import unfinished_runs

        self.show_runs(unfinished_runs())

    def show_runs(self, runs: Sequence[UnfinishedRun], now: datetime | None = None) -> None:
        """Show runs, the newest first; one that a living process trains into is not offered.

        Parameters
        ----------
        runs : sequence of UnfinishedRun
            As `unfinished_runs` gives them.
        now : datetime, optional
            To count the days from.
        """
        for row in self.rows:
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        runs = [run for run in runs if not run.is_locked]
        self.rows = [UnfinishedRow(run, now or datetime.now()) for run in runs[:_MOST]]
        for i, row in enumerate(self.rows):
            row.resume_clicked.connect(self.resume_clicked)
            row.discard_clicked.connect(self.discard_clicked)
            self._layout.insertWidget(i, row)
        rest = len(runs) - len(self.rows)
        self.more.setText(f"and {rest} older one{'s' if rest > 1 else ''}")
        self.more.setVisible(rest > 0)
        self.setVisible(bool(runs))


class UnfinishedRow(QWidget):
    """One run, with Go on and Discard; Discard asks in the same place.

    Parameters
    ----------
    run : UnfinishedRun
        What is offered.
    now : datetime
        To count the days from.
    parent : QWidget, optional
        The list.
    """

    resume_clicked = Signal(object)
    discard_clicked = Signal(object)

    def __init__(self, run: UnfinishedRun, now: datetime, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._folder: Path = run.folder
        self._said = describe(run, now)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.words.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.words.setProperty("small", True)
        self.words.setToolTip(f"<qt>{escape(str(run.folder))}</qt>")
        self.resume_button, self.discard_button = QPushButton("Go on"), QPushButton("Discard")
        self.resume_button.setToolTip("Train on from where this run was left.")
        self.discard_button.setToolTip("Delete this run with all that it has learned. You are asked first.")
        self.delete_button, self.keep_button = QPushButton("Delete"), QPushButton("Keep")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.words, 1)
        for button in (self.resume_button, self.discard_button, self.delete_button, self.keep_button):
            row.addWidget(button)
        self.resume_button.clicked.connect(self._resume)
        self.discard_button.clicked.connect(self._ask)
        self.keep_button.clicked.connect(self._keep)
        self.delete_button.clicked.connect(self._discard)
        self._keep()

    def _ask(self) -> None:
        self._offer(f"Delete {self._said.split(',')[0]} with all that it has learned?", is_asking=True)

    def _keep(self) -> None:
        self._offer(self._said, is_asking=False)

    def _offer(self, words: str, *, is_asking: bool) -> None:
        self.words.setText(words)
        for button in (self.resume_button, self.discard_button):
            button.setVisible(not is_asking)
        for button in (self.delete_button, self.keep_button):
            button.setVisible(is_asking)

    def _resume(self) -> None:
        self.resume_clicked.emit(self._folder)

    def _discard(self) -> None:
        self.discard_clicked.emit(self._folder)


def describe(run: UnfinishedRun, now: datetime) -> str:
    """Such as "my-cells, 2 of 5 minutes done, yesterday"."""
    if run.minutes is not None:
        done = f"{run.minutes_done:.2g} of {run.minutes:g} min done"
    else:
        done = f"{run.steps} step{'s' if run.steps != 1 else ''} done"
    return f"{run.model}, {done}, {day_in_words(run.started, now)}"


def day_in_words(day: datetime, now: datetime) -> str:
    """Today, yesterday, how many days ago, or the date."""
    days = (now.date() - day.date()).days
    if days <= 0:
        return "today"
    if days == 1:
        return "yesterday"
    return f"{days} days ago" if days < 7 else f"{day:%Y-%m-%d}"
