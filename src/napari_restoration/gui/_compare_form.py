"""The Compare panel's controls and where they stand; what they do is in the widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QButtonGroup,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_restoration.gui._collapsible import Collapsible
from napari_restoration.gui._layer_choice import LayerChoice
from napari_restoration.gui._look import ACCENT, align_labels, faint_line, scrolled, small_text_style
from napari_restoration.gui._message import Message, small_text
from napari_restoration.gui._step_combo import NarrowCombo
from napari_restoration.gui._step_wheel import keep_wheel_for_scrolling

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_restoration.gui._compare_numbers import NumbersPanel
    from napari_restoration.gui._compare_profile import ProfilePanel

_SMALLEST_WIDTH = 340
SLIDER_STEPS = 1000
# More than three flashes a second can trigger seizures (WCAG 2.3.1): no layer is shown for less than this.
_SHORTEST_MS, _LONGEST_MS, _USUAL_MS = 200, 5000, 600

_MODES = {
    "off": ("Off", "Show the viewer as it is."),
    "wipe": ("Wipe", "A on the left of a line, B on its right. Drag the line on the canvas."),
    "flicker": ("Flicker", "A and B in turn: what changes catches the eye."),
    "side_by_side": ("Side by side", "A and B beside each other; both move and zoom together."),
}
_CONTRASTS = {
    "own": ("as it is", "Each layer keeps its own contrast limits."),
    "linked": ("linked", "Both have the same limits: the same grey level looks the same."),
    "matched": (
        "matched",
        "B's grey levels are stretched so that its 2nd and 99.8th percentile meet A's in the plane in view: layers on "
        "different intensity scales look alike. Difference, ratio and profile then use the same stretch.",
    ),
}
_HINTS = {
    "off": "",
    "wipe": "Drag the line on the canvas, or the slider.",
    "flicker": "",
    "side_by_side": "Other layers are hidden meanwhile.",
}
_CHOSEN = f"QPushButton:checked {{ background-color: {ACCENT}; color: white; font-weight: 600; }}"


class CompareForm(QWidget):
    """Everything that is seen of the Compare widget.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.
    profile, numbers : QWidget
        What the sections hold.
    """

    mode_chosen = Signal(str)
    contrast_chosen = Signal(str)
    position_chosen = Signal(float)

    def __init__(self, viewer: ViewerModel, profile: ProfilePanel, numbers: NumbersPanel) -> None:
        super().__init__()
        self.before, self.after = LayerChoice(viewer), LayerChoice(viewer)
        self.before.setToolTip("The earlier layer: before the restoration.")
        self.after.setToolTip(
            "The later layer: after the restoration. It may have finer or coarser pixels than A."
        )
        self.swap_button = QPushButton("⇅")
        self.swap_button.setToolTip("Exchange A and B.")
        self.swap_button.setFixedWidth(28)
        self.modes = {key: self._mode_button(key) for key in _MODES}
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, SLIDER_STEPS)
        self.slider.setValue(SLIDER_STEPS // 2)
        self.slider.setToolTip("Where the line stands on the canvas. No pixels are copied when it moves.")
        self.interval = QSpinBox()
        self.interval.setRange(_SHORTEST_MS, _LONGEST_MS)
        self.interval.setSingleStep(100)
        self.interval.setValue(_USUAL_MS)
        self.interval.setSuffix(" ms")
        self.interval.setToolTip(
            "How long each layer is shown. Faster is not offered: flashing can cause seizures."
        )
        keep_wheel_for_scrolling(self.interval)
        self.hint = small_text()
        self.contrast = NarrowCombo()
        for key, (words, tip) in _CONTRASTS.items():
            self.contrast.add(words, key, tip)
        self.contrast.setToolTip(
            "How the brightness of A and B is shown. Layers get their limits back afterwards."
        )
        self.difference_button = QPushButton("Add B − A")
        self.difference_button.setToolTip(
            "A layer of the difference: orange where B is brighter, blue where it is darker. Computed plane by plane."
        )
        self.ratio_button = QPushButton("Add B / A")
        self.ratio_button.setToolTip(
            "A layer of the ratio; nothing where A is not above 0. Computed plane by plane."
        )
        self.message = Message()
        self.profile, self.numbers = profile, numbers
        self.profile_section = Collapsible("Line profile", profile)
        self.numbers_section = Collapsible("Numbers", numbers)
        self.setMinimumWidth(_SMALLEST_WIDTH)
        self._lay_out()
        self.show_mode("off")
        self._group.buttonClicked.connect(self._on_mode)
        self.contrast.currentIndexChanged.connect(self._on_contrast)
        self.slider.valueChanged.connect(self._on_slider)
        self.swap_button.clicked.connect(self.swap)

    def show_mode(self, mode: str) -> None:
        """Mark a mode as chosen, with the control that it has."""
        self.modes[mode].setChecked(True)
        self.slider.setVisible(mode == "wipe")
        self._interval_row.setVisible(mode == "flicker")
        self.say(_HINTS[mode])

    def say(self, words: str) -> None:
        """Explain the mode in a faint line; an empty one leaves no gap."""
        self.hint.setText(words)
        self.hint.setVisible(bool(words))

    def show_position(self, position: float) -> None:
        """Put the slider where the line was dragged, without a signal."""
        self.slider.blockSignals(True)
        self.slider.setValue(round(position * SLIDER_STEPS))
        self.slider.blockSignals(False)

    def show_contrast(self, contrast: str) -> None:
        """Choose a contrast, without a signal."""
        self.contrast.blockSignals(True)
        self.contrast.setCurrentIndex(list(_CONTRASTS).index(contrast))
        self.contrast.blockSignals(False)

    def swap(self) -> None:
        """Exchange the layers."""
        before, after = self.before.layer, self.after.layer
        for choice, layer in ((self.before, after), (self.after, before)):
            choice.blockSignals(True)
            choice.choose(layer)
            choice.blockSignals(False)
        self.after.layer_changed.emit()

    def set_usable(self, is_usable: bool) -> None:
        """Offer what needs two layers only where there are two."""
        parts: list[QWidget] = [
            *self.modes.values(),
            self.contrast,
            self.difference_button,
            self.ratio_button,
        ]
        for part in parts:
            part.setEnabled(is_usable)
        self.modes["off"].setEnabled(True)

    def choices(self) -> dict[str, Any]:
        """What is remembered from one session to the next."""
        return {
            "interval_ms": self.interval.value(),
            "profile": self.profile_section.is_open,
            "numbers": self.numbers_section.is_open,
        }

    def restore_choices(self, choices: dict[str, Any]) -> None:
        """Take up remembered choices, as far as they are valid."""
        if isinstance(choices.get("interval_ms"), int):
            self.interval.setValue(choices["interval_ms"])
        self.profile_section.set_open(choices.get("profile") is True)
        self.numbers_section.set_open(choices.get("numbers") is True)

    def follow_theme(self, theme: str) -> None:
        """Take up the colours of a theme."""
        self.setStyleSheet(small_text_style(theme))
        self.profile.follow_theme(theme)

    def _mode_button(self, key: str) -> QPushButton:
        words, tip = _MODES[key]
        button = QPushButton(words)
        button.setToolTip(tip)
        button.setCheckable(True)
        button.setStyleSheet(_CHOSEN)
        button.setProperty("mode", key)
        return button

    def _on_mode(self, button: Any) -> None:
        self.mode_chosen.emit(str(button.property("mode")))

    def _on_contrast(self, _index: int) -> None:
        self.contrast_chosen.emit(str(self.contrast.currentData()))

    def _on_slider(self, value: int) -> None:
        self.position_chosen.emit(value / SLIDER_STEPS)

    def _lay_out(self) -> None:
        layers = QFormLayout()
        layers.addRow("A, before", self.before)
        layers.addRow("B, after", self.after)
        top = QHBoxLayout()
        top.setSpacing(6)
        top.addLayout(layers, 1)
        top.addWidget(self.swap_button)
        self._group = QButtonGroup(self)
        buttons = QHBoxLayout()
        buttons.setSpacing(2)
        for key, button in self.modes.items():
            self._group.addButton(button)
            buttons.addWidget(button, 3 if key == "side_by_side" else 2)
        self._interval_row = QWidget()
        interval_form = QFormLayout(self._interval_row)
        interval_form.addRow("Each for", self.interval)
        contrast_form = QFormLayout()
        contrast_form.addRow("Contrast", self.contrast)
        for form in (layers, interval_form, contrast_form):
            form.setContentsMargins(0, 0, 0, 0)
            form.setVerticalSpacing(5)
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        align_labels([layers, interval_form, contrast_form, self.numbers.form])
        results = QHBoxLayout()
        results.setSpacing(6)
        results.addWidget(self.difference_button)
        results.addWidget(self.ratio_button)
        content = QWidget()
        rows = QVBoxLayout(content)
        rows.setContentsMargins(8, 8, 8, 8)
        rows.setSpacing(6)
        parts: list[Any] = [
            top, faint_line(), buttons, self.slider, self._interval_row, self.hint, contrast_form, results,
            self.message, faint_line(), self.profile_section, self.numbers_section,
        ]  # fmt: skip
        for part in parts:
            if isinstance(part, QWidget):
                rows.addWidget(part)
            else:
                rows.addLayout(part)
        rows.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(content))
