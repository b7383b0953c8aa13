"""What is seen of a training: how far it is, its curves and crops, what it says, and in the end whether it helped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.core.errors import RestorationError
from napari_restoration.core.progress import Notice, Progress
from napari_restoration.gui._live_crops import CropLayers
from napari_restoration.gui._message import Message, in_panel_words, small_text
from napari_restoration.gui._result_card import ResultCard, is_listed
from napari_restoration.gui._training_buttons import TrainingButtons
from napari_restoration.gui._training_notices import NoticeList
from napari_restoration.gui._training_plot import TrainingPlot
from napari_restoration.gui._training_progress import TrainingProgress

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_restoration.tasks.train_reports import ModelWritten, TrainingResult

_CROPS = (
    "Beside your images, from left to right: input, result, target, difference (orange: brighter than the target, "
    "blue: darker)."
)


class TrainingPanel(QWidget):
    """Shows one training at a time; hidden while there is none.

    Parameters
    ----------
    viewer : napari.Viewer
        Where live crops are shown.
    parent : QWidget, optional
        The Train widget.
    """

    pause_toggled = Signal(bool)
    """Training shall wait (True) or go on."""
    stop_clicked = Signal()
    export_clicked = Signal()
    restore_clicked = Signal(str)
    """The id of the model to use in Restore."""

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.title = QLabel()
        self.title.setWordWrap(True)
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.title.setStyleSheet("QLabel { font-weight: 600; }")
        self.progress = TrainingProgress()
        self.buttons = TrainingButtons()
        self.message = Message()
        self.notices = NoticeList()
        self.plot = TrainingPlot()
        self.crops = CropLayers(viewer, self)
        self.crops_words = small_text()
        self.crops_words.setText(_CROPS)
        self.crops_button = QPushButton("Show crops")
        self.crops_button.setToolTip(
            "Move the camera to the crops, or bring them back if you have deleted them."
        )
        self.card = ResultCard()
        self._lay_out()
        self.buttons.pause_toggled.connect(self.pause_toggled)
        self.buttons.stop_clicked.connect(self._on_stop)
        self.buttons.export_clicked.connect(self.export_clicked)
        self.crops_button.clicked.connect(self.crops.show_there)
        self.card.restore_clicked.connect(self.restore_clicked)
        self.card.examples_clicked.connect(self._show_examples)
        viewer.events.theme.connect(self._on_theme_changed)
        self._on_theme_changed()
        self.reset()

    def begin(self, title: str, minutes: float | None, scale_um: float | None = None) -> None:
        """A training begins.

        Parameters
        ----------
        title : str
            What is trained, for a person to read.
        minutes : float or None
            Its budget; None where steps are counted.
        scale_um : float or None
            Pixel size of the input, if it is known.
        """
        self.reset()
        self.title.setText(title)
        self.progress.begin(minutes)
        self.buttons.begin()
        self.plot.begin(minutes)
        self.crops.begin(scale_um)
        self.show()

    def show_reports(self, reports: Sequence[Progress]) -> None:
        """Show what a training has said since the last time."""
        from napari_restoration.tasks.train_reports import EpochReport, LiveReport, ModelWritten

        self.buttons.hear(reports)
        epochs = [report for report in reports if isinstance(report, EpochReport)]
        if epochs:
            self.plot.add(epochs)
        lives = [report for report in reports if isinstance(report, LiveReport)]
        if lives:
            self.crops.show_file(lives[-1].path)
            self._show_crops_row(True)
        for report in reports:
            if isinstance(report, Notice):
                self.notices.add(report.message)
            elif isinstance(report, ModelWritten) and not report.final:
                self._show_written(report)
        said = [report for report in reports if not isinstance(report, Notice | ModelWritten)]
        if said:
            self._show_progress(said[-1])

    def show_result(self, result: TrainingResult) -> None:
        """Training is over, and its model is there."""
        self._end()
        where = "Restore lists it now." if is_listed(result) else f"It lies in {result.folder}."
        self.title.setText(
            f"{result.model} is trained: {result.steps} steps in {result.minutes:.1f} min. {where}"
        )
        self.card.show_result(result)

    def show_error(self, text: str) -> None:
        """Training has failed."""
        self._end()
        self.message.show_text(in_panel_words(text), "error")

    def show_stopped(self, words: str) -> None:
        """Training has ended without a model, and can perhaps go on later.

        Parameters
        ----------
        words : str
            What became of it.
        """
        self._end()
        self.message.show_text(in_panel_words(words))

    def reset(self) -> None:
        """Show nothing, and take the layers away."""
        self._end()
        self.title.setText("")
        self.notices.clear()
        self.plot.hide()
        self.card.hide()
        self.hide()

    def _end(self) -> None:
        self.progress.finish()
        self.buttons.hide()
        self.message.clear()
        self._show_crops_row(False)
        self.crops.end()

    def _on_stop(self) -> None:
        self.progress.announce("Stopping; the best model so far is kept")
        self.stop_clicked.emit()

    def _show_progress(self, report: Progress) -> None:
        from napari_restoration.tasks.train_reports import EpochReport, LiveReport, Paused

        is_training = isinstance(report, EpochReport | LiveReport) or not report.message
        if isinstance(report, Paused):
            if not self.buttons.is_stopping:
                self.progress.show_paused()
        elif not is_training:
            self.progress.show_other(report)
        elif not self.buttons.is_stopping:
            self.progress.show_training(report)

    def _show_written(self, report: ModelWritten) -> None:
        self.message.show_text(f"The best model so far is written: {report.folder}")

    def _show_crops_row(self, is_shown: bool) -> None:
        self.crops_words.setVisible(is_shown)
        self.crops_button.setVisible(is_shown)

    def _show_examples(self) -> None:
        from napari_restoration.tasks.assess import read_examples

        result = self.card.result
        if result is None:
            return
        try:
            examples = read_examples(result.run)
        except RestorationError as error:
            self.message.show_text(str(error), "error")
            return
        if examples is None:
            self.message.show_text("This training has no crops to show.")
            return
        self.crops.show_examples(examples)
        self.card.show_examples(examples)

    def _on_theme_changed(self, event: object = None) -> None:
        self.plot.follow_theme(self._viewer.theme)

    def _lay_out(self) -> None:
        crops = QHBoxLayout()
        crops.setContentsMargins(0, 0, 0, 0)
        crops.setSpacing(8)
        crops.addWidget(self.crops_words, 1)
        crops.addWidget(self.crops_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        for part in (
            self.title,
            self.progress,
            self.buttons,
            self.message,
            self.notices,
            self.card,
            self.plot,
        ):
            layout.addWidget(part)
        layout.addLayout(crops)
