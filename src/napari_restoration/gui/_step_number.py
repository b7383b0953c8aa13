"""A box for one number: typed or stepped, over many decades, with its unit and limits."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QFocusEvent, QValidator
from qtpy.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QSizePolicy, QWidget

from napari_restoration.core.quantity import Quantity
from napari_restoration.gui._step_wheel import keep_wheel_for_scrolling

_DECIMALS = 12
_FARTHEST = 1e15
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_UNFINISHED = re.compile(r"[+-]?\d*\.?\d*(e[+-]?\d*)?", re.IGNORECASE)
_PREFERRED = (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
_UNITS = {"um": "µm", "rad": "°", "e-": "e⁻"}
_STEPS_FROM_ZERO = {"um": 0.1, "px": 0.1, "rad": 1.0}


class NumberBox(QDoubleSpinBox):
    """Edits one number of a quantity, in the unit people read: degrees for radians, µm for um.

    What was set is given back exactly, however many digits fit into the box, until somebody edits it. A typed number
    counts once Enter is pressed or the box is left.

    Parameters
    ----------
    meaning : Quantity
        Unit, limits, and whether it spans decades; its form is ``"number"`` or ``"whole"``.
    has_buttons : bool
        Show plus and minus.
    has_unit : bool
        Show the unit.
    parent : QWidget, optional
        The field.
    """

    edited = Signal()

    def __init__(
        self,
        meaning: Quantity,
        *,
        has_buttons: bool = True,
        has_unit: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._meaning = meaning
        self._is_whole = meaning.form == "whole"
        self._exact: float | None = None  # as set, while the box still shows it
        self.setDecimals(0 if self._is_whole else _DECIMALS)
        self.setRange(self._shown(meaning.low, -_FARTHEST), self._shown(meaning.high, _FARTHEST))
        self.setKeyboardTracking(False)
        keep_wheel_for_scrolling(self)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        if has_unit:
            self.setSuffix(suffix(meaning))
        if not has_buttons:
            self.setButtonSymbols(QAbstractSpinBox.ButtonSymbols.NoButtons)
        padding = "1px 2px" if has_buttons else "1px 4px"
        self.setStyleSheet(
            f"NumberBox {{ min-width: 34px; min-height: 22px; max-height: 22px; padding: {padding}; }}"
        )
        if not has_buttons:
            self.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._last = self.number()
        self.valueChanged.connect(self._on_value_changed)

    def number(self) -> float:
        """The number in the quantity's own unit; an ``int`` for whole numbers."""
        if self._exact is not None:
            return self._exact
        if self._is_whole:
            return round(self.value())
        number = math.radians(self.value()) if self._meaning.unit == "rad" else self.value()
        # A limit is kept exactly, although degrees round it.
        low, high = self._meaning.low, self._meaning.high
        number = number if low is None else max(number, low)
        return number if high is None else min(number, high)

    def set_number(self, number: float) -> None:
        """Show a number in the quantity's own unit; nothing is emitted.

        Parameters
        ----------
        number : float
            Beyond the limits, the nearest limit is taken.
        """
        self.blockSignals(True)
        self._exact = None
        self.setValue(self._shown(number, 0.0))
        if self._is_allowed(number):
            self._exact = round(number) if self._is_whole else number
        self._last = self.number()
        line = self.lineEdit()
        if line is not None:  # the same value as before may be shown with other digits
            line.setText(self.textFromValue(self.value()) + self.suffix())
        self.blockSignals(False)

    def stepBy(self, steps: int) -> None:
        """Go up or down: by about a hundredth of the size, or to the next preferred number over decades."""
        self.interpretText()
        value = self.value()
        for _ in range(abs(steps)):
            value = self._next(value, 1 if steps > 0 else -1)
        self.setValue(value)
        self.selectAll()

    def textFromValue(self, value: float) -> str:
        """Six digits at most, without zeros at the end and without an exponent."""
        return str(round(value)) if self._is_whole else plain_text(value)

    def valueFromText(self, text: str | None) -> float:
        """Read what is typed; a number that is only shown keeps the digits that do not fit."""
        bare = self._bare(text)
        if bare == self.textFromValue(self.value()):
            return self.value()
        return float(bare) if _NUMBER.fullmatch(bare) else self.value()

    def validate(self, text: str | None, position: int) -> tuple[QValidator.State, str, int]:
        """Let numbers be typed bit by bit; what is outside the limits is corrected when the box is left."""
        bare = self._bare(text)
        if _NUMBER.fullmatch(bare) and self.minimum() <= float(bare) <= self.maximum():
            is_done = not self._is_whole or float(bare).is_integer()
            state = QValidator.State.Acceptable if is_done else QValidator.State.Intermediate
        elif _NUMBER.fullmatch(bare) or _UNFINISHED.fullmatch(bare):
            state = QValidator.State.Intermediate
        else:
            state = QValidator.State.Invalid
        return state, text or "", position

    def fixup(self, text: str | None) -> str:
        """Take the nearest allowed number; what is none leaves the one before."""
        bare = self._bare(text)
        value = float(bare) if _NUMBER.fullmatch(bare) else self.value()
        value = min(max(value, self.minimum()), self.maximum())
        return self.textFromValue(value) + self.suffix()

    def sizeHint(self) -> QSize:
        """Room for usual numbers, not for the longest possible one."""
        size = super().sizeHint()
        size.setWidth(min(size.width(), 110))
        return size

    def minimumSizeHint(self) -> QSize:
        """Small enough for a narrow dock."""
        size = super().minimumSizeHint()
        size.setWidth(min(size.width(), 50))
        return size

    def focusOutEvent(self, event: QFocusEvent | None) -> None:
        """Show the number from its beginning again."""
        super().focusOutEvent(event)
        line = self.lineEdit()
        if line is not None:
            line.setCursorPosition(0)

    def _on_value_changed(self) -> None:
        if self._exact is not None and self.value() == self._rounded(self._shown(self._exact, 0.0)):
            return
        self._exact = None
        if self.number() != self._last:
            self._last = self.number()
            self.edited.emit()

    def _shown(self, number: float | None, otherwise: float) -> float:
        if number is None:
            return otherwise
        return math.degrees(number) if self._meaning.unit == "rad" else float(number)

    def _rounded(self, value: float) -> float:
        return float(f"{value:.{self.decimals()}f}")

    def _is_allowed(self, number: float) -> bool:
        return self.minimum() <= self._rounded(self._shown(number, 0.0)) <= self.maximum()

    def _bare(self, text: str | None) -> str:
        bare = (text or "").strip()
        if self.suffix():
            bare = bare.removesuffix(self.suffix()).removesuffix(self.suffix().strip()).strip()
        return bare.replace(",", ".") if self.locale().decimalPoint() == "," else bare

    def _next(self, value: float, direction: int) -> float:
        smallest = self._smallest_step()
        if self._meaning.logarithmic:
            return self._next_preferred(value, direction, smallest)
        if self._meaning.unit == "rad":
            step = smallest
        else:
            step = 10.0 ** (math.floor(math.log10(abs(value)) + 1e-9) - 1) if value else smallest
            # Towards 0 the steps stay the same, or 0 would never be reached.
            if self.minimum() <= 0:
                step = max(step, smallest)
        if self._is_whole:
            step = max(1.0, round(step))
        return round((value + direction * step) / step) * step

    def _next_preferred(self, value: float, direction: int, smallest: float) -> float:
        if value <= 0 or (direction < 0 and value <= smallest and self.minimum() <= 0):
            return smallest if direction > 0 else 0.0
        decade = math.floor(math.log10(value) + 1e-9)
        numbers = [
            mantissa * 10.0**power for power in (decade - 1, decade, decade + 1) for mantissa in _PREFERRED
        ]
        if self._is_whole:
            numbers = [round(number) for number in numbers]
        if direction > 0:
            return min(number for number in numbers if number > value * (1 + 1e-9))
        below = [number for number in numbers if number < value * (1 - 1e-9)]
        return max(below, default=self.minimum())

    def _smallest_step(self) -> float:
        if self._is_whole:
            return 1.0
        if self._meaning.unit in _STEPS_FROM_ZERO:
            return _STEPS_FROM_ZERO[self._meaning.unit]
        # A share between 0 and 1 goes by hundredths, counts by ones.
        high = self.maximum()
        return min(1.0, 10.0 ** math.floor(math.log10(high / 20))) if high > 0 else 1.0


def plain_text(value: float) -> str:
    """A number in six digits at most, without an exponent and without zeros at its end."""
    text = format(Decimal(f"{value:.6g}"), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def unit_text(meaning: Quantity) -> str:
    """The unit as people read it: ``um`` is µm, ``rad`` is shown in degrees."""
    head, slash, rest = meaning.unit.partition("/")
    return f"{_UNITS.get(head, head)}{slash}{_UNITS.get(rest, rest)}"


def shown_text(meaning: Quantity, number: float) -> str:
    """A number of a quantity with its unit, in words of a summary.

    Parameters
    ----------
    meaning : Quantity
        Its unit.
    number : float
        In the quantity's own unit.
    """
    shown = math.degrees(number) if meaning.unit == "rad" else number
    return f"{plain_text(shown)}{suffix(meaning)}"


def suffix(meaning: Quantity) -> str:
    """What stands behind a number: its unit, with the space that belongs before it."""
    unit = unit_text(meaning)
    return unit if unit in ("", "°", "%") else f" {unit}"
