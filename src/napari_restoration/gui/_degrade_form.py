"""The Degrade panel's controls and where they stand; what they do is in the widget."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_restoration.core.errors import InputError
from napari_restoration.gui._axes_row import AxesRow
from napari_restoration.gui._calibration_row import CalibrationRow
from napari_restoration.gui._collapsible import Collapsible
from napari_restoration.gui._layer_combo import LayerCombo
from napari_restoration.gui._look import ACCENT, PRIMARY, align_labels, faint_line, scrolled, small_text_style
from napari_restoration.gui._message import Message, small_text
from napari_restoration.gui._pairs_panel import PairsPanel
from napari_restoration.gui._pictures import Pictures
from napari_restoration.gui._preset_row import PresetRow
from napari_restoration.gui._progress_bar import ProgressBar
from napari_restoration.gui._quantity_field import keep_wheel_for_scrolling
from napari_restoration.gui._steps_editor import StepsEditor

if TYPE_CHECKING:
    from napari.components import ViewerModel

_SMALLEST_WIDTH = 340
_LARGEST_SEED = 2**31 - 1


class DegradeForm(QWidget):
    """Everything that is seen of the Degrade widget. What is set scrolls; what is pressed stays in sight.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.
    """

    changed = Signal()
    """Something was set that changes the result."""

    def __init__(self, viewer: ViewerModel) -> None:
        super().__init__()
        self.layer_combo = LayerCombo(viewer)
        self.layer_combo.setToolTip(
            "The good image to degrade. It follows the layer selected in the list; the layer is never changed."
        )
        self.axes_row = AxesRow()
        self.calibration = CalibrationRow()
        self.steps = StepsEditor()
        self.presets = PresetRow(self.steps)
        self.pictures = Pictures()
        self.pairs = PairsPanel()
        self.pairs_section = Collapsible("Write pairs…", self.pairs)
        self.plan_text = small_text()
        self.preview_box = QCheckBox("Live preview")
        self.preview_box.setToolTip(
            "Degrade what the canvas shows, after each change, in a layer over the image."
        )
        self.preview_box.setChecked(True)
        self.preview_words = small_text()
        self.seed = QSpinBox()
        self.seed.setRange(0, _LARGEST_SEED)
        self.seed.setToolTip(
            "Where all random draws begin: the same seed gives the same noise and the same pairs."
        )
        keep_wheel_for_scrolling(self.seed)
        self.seed_button = QPushButton("New seed")
        self.seed_button.setToolTip("Draw other noise.")
        self.apply_button = QPushButton("Apply")
        self.apply_button.setToolTip(
            "Degrade the whole image into a new layer, with its sharp, noise-free target as a hidden layer."
        )
        self.apply_button.setStyleSheet(PRIMARY)
        self.progress = ProgressBar()
        self.progress.set_accent(ACCENT)
        self.message = Message()
        self.setMinimumWidth(_SMALLEST_WIDTH)
        self._lay_out()
        self.show_plan("")
        self.seed_button.clicked.connect(self._on_new_seed)
        for part in (self.axes_row, self.calibration, self.steps, self.presets):
            part.changed.connect(self.changed)
        self.seed.valueChanged.connect(self.changed)

    def add_section(self, title: str, widget: QWidget, *, is_open: bool = False) -> Collapsible:
        """Add a collapsible section below the pictures, above *Write pairs*; the place for further panels.

        Parameters
        ----------
        title : str
            Its heading.
        widget : QWidget
            What it holds.
        is_open : bool
            Whether it begins open.

        Returns
        -------
        Collapsible
            To open or close it.
        """
        section = Collapsible(title, widget)
        section.set_open(is_open)
        self._sections.insertWidget(self._sections.count() - 1, section)
        return section

    def choices(self) -> dict[str, Any]:
        """What is remembered from one session to the next."""
        choices: dict[str, Any] = {"preset": self.presets.current, "preview": self.preview_box.isChecked()}
        if self.presets.is_changed:
            choices["steps"], choices["order"] = self.steps.value(), self.steps.order
        return {**choices, "pairs": self.pairs.choices()}

    def restore_choices(self, choices: dict[str, Any]) -> None:
        """Take up remembered choices, as far as they are valid."""
        self.preview_box.setChecked(choices.get("preview") is not False)
        self.presets.choose(str(choices.get("preset", "")))
        if choices.get("preset") == self.presets.current and isinstance(choices.get("steps"), list):
            self._restore_steps(choices["steps"], choices.get("order"))
        if isinstance(choices.get("pairs"), dict):
            self.pairs.restore(choices["pairs"])

    def follow_theme(self, theme: str) -> None:
        """Make explanations a little fainter than the theme's text."""
        self.setStyleSheet(small_text_style(theme))

    def show_plan(self, text: str) -> None:
        """Say what will be made; an empty text leaves no gap."""
        self.plan_text.setText(text)
        self.plan_text.setVisible(bool(text))

    def set_running(self, is_running: bool) -> None:
        """Only one run at a time: the buttons wait for it."""
        self.apply_button.setEnabled(not is_running)
        self.pairs.write_button.setEnabled(not is_running)

    def _restore_steps(self, entries: list[Any], order: Any) -> None:
        from napari_restoration.tasks.presets import with_steps

        try:
            self.presets.set_value(with_steps(self.presets.value(), entries, order))
        except (InputError, TypeError, KeyError):
            return  # written by another version: the preset as it is will do

    def _on_new_seed(self) -> None:
        self.seed.setValue(random.SystemRandom().randint(0, _LARGEST_SEED))

    def _lay_out(self) -> None:
        image_form, seed_form = QFormLayout(), QFormLayout()
        image_form.addRow("Image", self.layer_combo)
        seed_line = QHBoxLayout()
        seed_line.setSpacing(6)
        seed_line.addWidget(self.seed, 1)
        seed_line.addWidget(self.seed_button)
        seed_form.addRow("Seed", seed_line)
        forms = [image_form, self.axes_row.form, self.calibration.form, seed_form]
        for form in [*forms, self.pairs.form]:
            form.setContentsMargins(0, 0, 0, 0)
            form.setVerticalSpacing(5)
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        align_labels([*forms, self.pairs.form])
        self._sections = QVBoxLayout()
        self._sections.setSpacing(6)
        self._sections.addWidget(self.pairs_section)
        content = QWidget()
        rows = QVBoxLayout(content)
        rows.setContentsMargins(8, 8, 8, 8)
        rows.setSpacing(6)
        parts: list[Any] = [
            image_form, self.axes_row, self.calibration, faint_line(), self.presets, self.steps, faint_line(),
            self.pictures, seed_form, self._sections,
        ]  # fmt: skip
        _stack(rows, parts)
        rows.addStretch(1)
        self.scroll_area = scrolled(content)
        below = QVBoxLayout()
        below.setContentsMargins(8, 4, 8, 8)
        below.setSpacing(6)
        self.apply_button.setMinimumHeight(28)
        preview_line = QHBoxLayout()
        preview_line.addWidget(self.preview_box)
        preview_line.addWidget(self.preview_words, 1)
        _stack(below, [self.plan_text, preview_line, self.apply_button, self.progress, self.message])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        _stack(layout, [self.scroll_area, faint_line(), below])


def _stack(layout: QVBoxLayout, parts: list[Any]) -> None:
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part)
        else:
            layout.addLayout(part)
