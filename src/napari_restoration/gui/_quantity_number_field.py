"""The field of a number: one value, and if it varies the range from which training pairs draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.core.quantity import Quantity
from napari_restoration.gui._quantity_field import SIDE_WIDTH, SPACING, QuantityField, side_button
from napari_restoration.gui._step_number import NumberBox, shown_text

_VARIES = "Draw this value anew for each training pair, between two limits."
_FIXED = "Use the same value for all training pairs."
_FIRST_SPREAD = 0.25


class NumberField(QuantityField):
    """A number with its unit; the button behind it adds the lowest and the highest value for training pairs.

    The value itself stays in sight, because the preview and *Apply* use it. Where the number may be absent, a check
    box with the words for that stands above it.

    Parameters
    ----------
    meaning : Quantity
        Of the form ``"number"`` or ``"whole"``.
    parent : QWidget, optional
        The row.
    """

    def __init__(self, meaning: Quantity, parent: QWidget | None = None) -> None:
        super().__init__(meaning, parent)
        self.box = NumberBox(meaning)
        self.box.setToolTip(_with_limits(meaning))
        self.box.set_number(_first_number(meaning))
        self.none_box: QCheckBox | None = None
        self.low_box: NumberBox | None = None
        self.high_box: NumberBox | None = None
        self.vary_button = side_button("↔", _VARIES)
        self.vary_button.setCheckable(True)
        self._wanted_spacing = _usual_spacing(meaning)
        self._lay_out()
        self.box.edited.connect(self.changed)
        self.vary_button.clicked.connect(self._on_vary)

    def value(self) -> float | None:
        """The number in the quantity's own unit, or ``None``."""
        if self.none_box is not None and self.none_box.isChecked():
            return None
        self.box.interpretText()
        return self.box.number()

    def range(self) -> dict[str, Any] | None:
        """Lowest and highest value of training pairs, and how they are drawn between."""
        if self.low_box is None or self.high_box is None or not self.vary_button.isChecked():
            return None
        self.low_box.interpretText()
        self.high_box.interpretText()
        low, high = self.low_box.number(), self.high_box.number()
        spacing = "linear" if self._wanted_spacing == "log" and low <= 0 else self._wanted_spacing
        return {"low": low, "high": high, "spacing": spacing}

    def set_value(self, value: Any, varies: Mapping[str, Any] | None = None) -> None:
        """Show a number or its absence, and the range if there is one."""
        if value is not None:
            self.box.set_number(value)
        elif varies is not None:
            self.box.set_number(varies["low"])
        if self.none_box is not None:
            self.none_box.blockSignals(True)
            self.none_box.setChecked(value is None)
            self.none_box.blockSignals(False)
        self._wanted_spacing = _usual_spacing(self.meaning) if varies is None else varies["spacing"]
        self.vary_button.setChecked(varies is not None)
        if varies is not None:
            self._set_range(varies["low"], varies["high"])
        self._show_what_matters()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        if self.meaning.none_means:
            words = self.meaning.none_means
            self.none_box = QCheckBox(f"{words[:1].upper()}{words[1:]}")
            self.none_box.setToolTip(f"{self.none_box.text()}.\n{self.meaning.help}")
            self.none_box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            column.addWidget(self.none_box)
            self.none_box.toggled.connect(self._on_none)
        self._number_line = QWidget()
        line = QHBoxLayout(self._number_line)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(SPACING)
        line.addWidget(self.box, 1)
        line.addWidget(self.vary_button)
        column.addWidget(self._number_line)
        self._range_line = QWidget()
        for part in (self._number_line, self._range_line):
            part.setObjectName("plain")  # the row's style sheet leaves its background alone
        self._range_layout = QHBoxLayout(self._range_line)
        self._range_layout.setContentsMargins(0, 0, 0, 0)
        self._range_layout.setSpacing(SPACING)
        column.addWidget(self._range_line)
        self._show_what_matters()

    def _show_what_matters(self) -> None:
        is_number = self.none_box is None or not self.none_box.isChecked()
        self._number_line.setVisible(is_number)
        self._range_line.setVisible(is_number and self.vary_button.isChecked())
        self.vary_button.setToolTip(_FIXED if self.vary_button.isChecked() else _VARIES)

    def _on_none(self, is_none: bool) -> None:
        if is_none:
            self.vary_button.setChecked(False)
        self._show_what_matters()
        self.changed.emit()

    def _on_vary(self) -> None:
        if self.vary_button.isChecked():
            self._wanted_spacing = _usual_spacing(self.meaning)
            self._set_range(*first_range(self.meaning, self.box.number()))
        self._show_what_matters()
        self.changed.emit()

    def _set_range(self, low: float, high: float) -> None:
        low_box, high_box = self._range_boxes()
        low_box.set_number(low)
        high_box.set_number(high)

    def _range_boxes(self) -> tuple[NumberBox, NumberBox]:
        """The two boxes, made when they are first needed: most numbers do not vary."""
        if self.low_box is not None and self.high_box is not None:
            return self.low_box, self.high_box
        self.low_box = NumberBox(self.meaning, has_buttons=False, has_unit=False)
        self.high_box = NumberBox(self.meaning, has_buttons=False, has_unit=False)
        self.low_box.setToolTip("Lowest value of the training pairs.")
        self.high_box.setToolTip("Highest value of the training pairs.")
        self._range_layout.addWidget(self.low_box, 1)
        self._range_layout.addWidget(QLabel("–"))
        self._range_layout.addWidget(self.high_box, 1)
        self._range_layout.addSpacing(SIDE_WIDTH + SPACING)
        self.low_box.edited.connect(self._on_low_edited)
        self.high_box.edited.connect(self._on_high_edited)
        return self.low_box, self.high_box

    def _on_low_edited(self) -> None:
        low, high = self._range_boxes()
        if low.number() > high.number():
            high.set_number(low.number())
        self.changed.emit()

    def _on_high_edited(self) -> None:
        low, high = self._range_boxes()
        if high.number() < low.number():
            low.set_number(high.number())
        self.changed.emit()


def first_range(meaning: Quantity, number: float) -> tuple[float, float]:
    """Limits to start from when a value begins to vary.

    Parameters
    ----------
    meaning : Quantity
        Its limits.
    number : float
        The value so far.

    Returns
    -------
    low, high : float
        Half and twice the value over decades, else a quarter of it (of whole numbers at least 1) to each side.
    """
    if meaning.logarithmic and number > 0:
        low, high = number / 2, number * 2
    else:
        spread = abs(number) * _FIRST_SPREAD or (0.1 if meaning.unit == "rad" else 1.0)
        low, high = number - spread, number + spread
        if meaning.form == "whole":
            low, high = min(round(low), number - 1), max(round(high), number + 1)
    low, high = (round(low), round(high)) if meaning.form == "whole" else (_tidy(low), _tidy(high))
    lowest = low if meaning.low is None else meaning.low
    highest = high if meaning.high is None else meaning.high
    return max(low, lowest), min(high, highest)


def _usual_spacing(meaning: Quantity) -> str:
    if meaning.form == "whole":
        return "integer"
    return "log" if meaning.logarithmic else "linear"


def _first_number(meaning: Quantity) -> float:
    """What stands in the box before anything is set: the middle of narrow limits, else what is nearest to 0."""
    low, high = meaning.low, meaning.high
    if low is not None and high is not None and 0 < low <= high <= 100 * low:
        middle = (low + high) / 2
        return int(middle) if meaning.form == "whole" else middle
    return max(0.0 if low is None else low, 0.0) if high is None or high >= 0 else high


def _with_limits(meaning: Quantity) -> str:
    """The sentence that explains the quantity, and the limits within which the box stays."""
    low, high = (
        None if limit is None else shown_text(meaning, limit) for limit in (meaning.low, meaning.high)
    )
    if low is None and high is None:
        limits = ""
    elif high is None:
        limits = f"At least {low}."
    elif low is None:
        limits = f"At most {high}."
    else:
        limits = f"From {low} to {high}."
    return " ".join(part for part in (meaning.help, limits) if part)


def _tidy(number: float) -> float:
    return float(f"{number:.12g}")
