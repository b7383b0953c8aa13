"""Did it help? The answer in a headline, the scores behind it, and what to do with the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer, QUrl, Signal
from qtpy.QtGui import QDesktopServices, QGuiApplication
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.core.errors import RestorationError
from napari_restoration.gui._collapsible import Collapsible
from napari_restoration.gui._look import PRIMARY
from napari_restoration.gui._message import Message, small_text
from napari_restoration.gui._score_table import ScoreTable

if TYPE_CHECKING:
    from pathlib import Path

    from napari_restoration.tasks.assess import Assessment, Examples
    from napari_restoration.tasks.train_reports import TrainingResult

_COPIED_MS = 1500
_EDGES = {
    "better": "#2f8a4c",
    "no clear difference": "#a87a12",
    "worse": "#c93c3c",
    "not assessed": "#808080",
}
_NOT_ASSESSED = "The model was not compared with another one on held-out images."
_COPIED = "Copied"


class ResultCard(QWidget):
    """Shows the result of a training; hidden until there is one.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    restore_clicked = Signal(str)
    """The id of the model to use in Restore."""
    examples_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.result: TrainingResult | None = None
        """What is shown."""
        self.headline = QLabel()
        self.headline.setWordWrap(True)
        self.headline.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.words = small_text()
        self.table = ScoreTable()
        self.images = ScoreTable()
        self.images_section = Collapsible("", self.images)
        self.rows_words = small_text()
        self.message = Message()
        self.use_button = QPushButton("Use it in Restore")
        self.use_button.setToolTip("Open Restore with the new model chosen. Nothing runs.")
        self.use_button.setStyleSheet(PRIMARY)
        self.before_button = QPushButton("Use the model from before")
        self.examples_button = QPushButton("Show best and worst crops")
        self.examples_button.setToolTip("Show held-out crops as layers: input, before, after and target.")
        self.command_button = QPushButton("Copy command")
        self.command_button.setToolTip("Copy the command line that trains this model anew.")
        self.methods_button = QPushButton("Copy methods paragraph")
        self.methods_button.setToolTip(
            "Copy a description of this training for the methods section of a paper."
        )
        self.folder_button = QPushButton("Open run folder")
        self.folder_button.setToolTip(
            "Open the folder with the curves, settings and weights of this training."
        )
        self._copied: tuple[QPushButton, str] | None = None
        self._copied_timer = QTimer(self)
        self._copied_timer.setSingleShot(True)
        self._copied_timer.setInterval(_COPIED_MS)
        self._lay_out()
        self._connect()
        self.hide()

    def show_result(self, result: TrainingResult) -> None:
        """Show what a training made."""
        from napari_restoration.tasks.assess import Assessment

        found = result.assessment or Assessment(after_model=result.model, words=_NOT_ASSESSED)
        self.result = result
        self.headline.setText(headline(found))
        self.headline.setStyleSheet(
            f"QLabel {{ border: none; border-left: 4px solid {_EDGES[found.verdict]}; padding: 3px 2px 3px 8px; "
            "font-weight: 700; font-size: 15px; }"
        )
        self.words.setText(found.words)
        self.words.setVisible(bool(found.words))
        self.table.setVisible(bool(found.images))
        self.images_section.setVisible(len(found.images) > 1)
        self.images_section.heading.setText(f"PSNR of each of the {len(found.images)} images")
        self.images_section.set_open(False)
        if found.images:
            self.table.show_means(found)
            self.images.show_images(found)
        self.use_button.setVisible(is_listed(result))
        self.before_button.setVisible(found.before_model is not None)
        self.before_button.setToolTip(f"Open Restore with {found.before_model}.")
        self.examples_button.setVisible(bool(found.images))
        self.rows_words.hide()
        self.message.clear()
        self.show()

    def show_examples(self, examples: Examples) -> None:
        """Say which crop each row of the layers is."""
        rows = [
            f"{name} ({_signed(gain)} dB)"
            for name, gain in zip(examples.names, examples.gains_db, strict=True)
        ]
        columns = "input, before, after, target" if examples.before is not None else "input, after, target"
        self.rows_words.setText(f"From left to right: {columns}. From top to bottom: {'; '.join(rows)}.")
        self.rows_words.show()

    def _copy(self, button: QPushButton, make: Callable[[Path], str]) -> None:
        if self.result is None:
            return
        try:
            text = make(self.result.run)
        except (RestorationError, OSError) as error:
            self.message.show_text(str(error), "error")
            return
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None:
            clipboard.setText(text)
        self._end_copied()
        self._copied = button, button.text()
        button.setText(_COPIED)
        self._copied_timer.start()

    def _copy_command(self) -> None:
        from napari_restoration.tasks.train_words import command_of

        self._copy(self.command_button, command_of)

    def _copy_methods(self) -> None:
        from napari_restoration.tasks.train_words import methods_paragraph

        self._copy(self.methods_button, methods_paragraph)

    def _end_copied(self) -> None:
        if self._copied is not None:
            self._copied[0].setText(self._copied[1])
        self._copied = None

    def _open_folder(self) -> None:
        if self.result is not None and not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.result.run))):
            self.message.show_text(f"The run lies in {self.result.run}")

    def _use(self) -> None:
        if self.result is not None:
            self.restore_clicked.emit(self.result.model)

    def _use_before(self) -> None:
        found = self.result.assessment if self.result is not None else None
        if found is not None and found.before_model is not None:
            self.restore_clicked.emit(found.before_model)

    def _connect(self) -> None:
        self.use_button.clicked.connect(self._use)
        self.before_button.clicked.connect(self._use_before)
        self.examples_button.clicked.connect(self.examples_clicked)
        self.command_button.clicked.connect(self._copy_command)
        self.methods_button.clicked.connect(self._copy_methods)
        self.folder_button.clicked.connect(self._open_folder)
        self._copied_timer.timeout.connect(self._end_copied)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for part in (self.headline, self.words, self.table, self.images_section):
            layout.addWidget(part)
        for buttons in (
            (self.use_button,),
            (self.before_button,),
            (self.examples_button,),
            (self.methods_button, self.command_button),
            (self.folder_button,),
        ):
            row = QHBoxLayout()
            for button in buttons:
                # The theme makes buttons higher only when they are seen: keep the place for it.
                button.setMinimumHeight(28)
                row.addWidget(button, len(button.text()))
            layout.addLayout(row)
            if self.examples_button in buttons:
                layout.addWidget(self.rows_words)
        layout.addWidget(self.message)


def is_listed(result: TrainingResult) -> bool:
    """Whether the model is among the user's, where Restore finds it by its id, and not in the run alone."""
    return not result.folder.is_relative_to(result.run)


def headline(found: Assessment) -> str:
    """The verdict in a few words, with the mean gain and what it was measured on."""
    verdict = found.verdict[:1].upper() + found.verdict[1:]
    if found.mean_gain_db is None or not found.images:
        return verdict
    count = len(found.images)
    over = "" if found.before_model is not None else " over the input"
    what = "held-out part" if found.parts else "held-out image"
    return f"{verdict}: {_signed(found.mean_gain_db)} dB{over} on {count} {what}{'s' if count > 1 else ''}"


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")
