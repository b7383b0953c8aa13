"""The Train panel's controls and where they stand; what they do is in the widget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QPoint, QTimer, Signal
from qtpy.QtWidgets import (
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_restoration.gui._doctor_table import DoctorTable
from napari_restoration.gui._look import ACCENT, PRIMARY, align_labels, faint_line, scrolled, small_text_style
from napari_restoration.gui._message import Message
from napari_restoration.gui._progress_bar import ProgressBar
from napari_restoration.gui._train_advanced import TrainAdvanced
from napari_restoration.gui._train_sources import TrainSources
from napari_restoration.gui._train_start import StartPicker

if TYPE_CHECKING:
    from napari.components import ViewerModel

_SMALLEST_WIDTH = 340
_MOST_MINUTES = 10_000


class TrainForm(QWidget):
    """Everything that is seen of the Train widget. What is set scrolls; what is pressed stays in sight.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        from napari_restoration.tasks.train_order import MINUTES

        self.sources = TrainSources(viewer)
        self.start = StartPicker()
        self.start.choose("denoise")  # what most people have pairs for
        self.minutes = QDoubleSpinBox()
        self.minutes.setRange(0.1, _MOST_MINUTES)
        self.minutes.setDecimals(1)
        self.minutes.setValue(MINUTES)
        self.minutes.setSuffix(" min")
        self.minutes.setToolTip("How long to train; the best weights so far are kept whenever it ends.")
        self.name = QLineEdit()
        self.name.setToolTip("What the new model is called in Restore and in commands.")
        self.advanced = TrainAdvanced()
        self.doctor = DoctorTable()
        self.check_button = QPushButton("Check pairs")
        self.check_button.setToolTip("Look for pairs that do not fit; Train does it too, before it starts.")
        self.train_button = QPushButton("Train")
        self.train_button.setToolTip(
            "Check the images and train a model of your own, which Restore then lists."
        )
        self.train_button.setStyleSheet(PRIMARY)
        self.progress = ProgressBar()
        self.progress.set_accent(ACCENT)
        self.message = Message()
        self._is_named = self._is_training = False
        self._named_after = ("", "")
        self.copied_run = ("", Path())
        """Model and folder of the run in the command that was copied last: Train writes what it names."""
        self.setMinimumWidth(_SMALLEST_WIDTH)
        self._lay_out()
        self.name.textEdited.connect(self._on_named)
        self.start.task_combo.currentIndexChanged.connect(self._on_task)
        for part in (self.sources, self.start):
            part.changed.connect(self._on_changed)
        self._on_task()
        self._on_changed()

    def add_on_top(self, part: QWidget) -> None:
        """Add a part above the controls, below those added before."""
        self._top.addWidget(part)

    def choices(self) -> dict[str, Any]:
        """What is remembered from one session to the next."""
        return {
            "sources": self.sources.choices(),
            "start": self.start.choices(),
            "minutes": self.minutes.value(),
            "advanced": self.advanced.choices(),
        }

    def restore_choices(self, choices: dict[str, Any]) -> None:
        """Take up remembered choices, as far as they are valid."""
        take_up = {
            "sources": self.sources.restore,
            "start": self.start.restore,
            "advanced": self.advanced.restore,
        }
        for name, restore in take_up.items():
            if isinstance(kept := choices.get(name), dict):
                restore(kept)
        if isinstance(minutes := choices.get("minutes"), int | float):
            self.minutes.setValue(minutes)

    def suggest_name(self) -> None:
        """Name the new model after what it starts from and learns from, unless the person has named it."""
        from napari_restoration.tasks.train_order import free_model_name

        of = (self.start.start or self.start.task, self.sources.name())
        if not self._is_named and of != self._named_after:
            self._named_after = of
            self.name.setText(free_model_name(*of))

    def forget_name(self) -> None:
        """Suggest a name again: the last one has a model now."""
        self._is_named, self._named_after = False, ("", "")
        self.suggest_name()

    def follow_theme(self, theme: str) -> None:
        """Make explanations a little fainter than the theme's text."""
        self.setStyleSheet(small_text_style(theme))

    def set_running(self, is_running: bool) -> None:
        """Only one run at a time: the controls wait for it."""
        self.inputs.setEnabled(not is_running)
        for button in (self.check_button, self.train_button):
            button.setEnabled(not is_running)

    def set_training(self, is_training: bool) -> None:
        """While a training is shown above, it has the whole panel: nothing can be set."""
        self._is_training = is_training
        self.set_running(is_training)
        for part in (self.inputs, self.train_button, self.line):
            part.setVisible(not is_training)
        self._show_check_button()

    def show_findings(self) -> None:
        """Bring what was found of the pairs into sight."""
        if self.doctor.rows():
            QTimer.singleShot(0, self._scroll_to_findings)

    def _scroll_to_findings(self) -> None:
        bar = self.scroll_area.verticalScrollBar()
        if bar is not None:
            bar.setValue(self.doctor.mapTo(self.scroll_area.widget(), QPoint(0, 0)).y() - 8)

    def _show_check_button(self) -> None:
        self.check_button.setVisible(not self._is_training and not self.sources.is_good)

    def _on_named(self, text: str) -> None:
        self._is_named, self._named_after = bool(text.strip()), ("", "")

    def _on_task(self) -> None:
        self.sources.good.offer_task(self.start.task)

    def _on_changed(self) -> None:
        self.advanced.offer_task(self.start.task, is_from_scratch=self.start.start is None)
        self._show_check_button()
        self.suggest_name()
        self.changed.emit()

    def _lay_out(self) -> None:
        budget = QFormLayout()
        budget.addRow("Time", self.minutes)
        budget.addRow("New model", self.name)
        forms = [self.sources.form, self.sources.good.form, self.start.form, budget]
        for form in forms:
            form.setContentsMargins(0, 0, 0, 0)
            form.setVerticalSpacing(5)
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        align_labels([*forms, self.advanced.form])
        self.inputs = QWidget()
        rows = QVBoxLayout(self.inputs)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(6)
        rows.addWidget(self.sources)
        rows.addWidget(faint_line())
        rows.addWidget(self.start)
        rows.addLayout(budget)
        rows.addWidget(self.advanced)
        rows.addWidget(self.doctor)
        content = QWidget()
        self._top = QVBoxLayout()
        self._top.setSpacing(6)
        layout = QVBoxLayout(content)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.setSpacing(6)
        layout.addLayout(self._top)
        self.line = faint_line()
        self.line.hide()  # until there is something above it
        layout.addWidget(self.line)
        layout.addWidget(self.inputs)
        layout.addStretch(1)
        self.scroll_area = scrolled(content)
        self._lay_out_below()

    def _lay_out_below(self) -> None:
        buttons = QHBoxLayout()
        self.train_button.setMinimumHeight(28)
        self.check_button.setMinimumHeight(28)
        buttons.addWidget(self.check_button)
        buttons.addWidget(self.train_button, 1)
        below = QVBoxLayout()
        below.setContentsMargins(8, 4, 8, 8)
        below.setSpacing(6)
        below.addLayout(buttons)
        below.addWidget(self.progress)
        below.addWidget(self.message)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(self.scroll_area)
        outer.addWidget(faint_line())
        outer.addLayout(below)
