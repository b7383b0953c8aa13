"""Fields that edit one quantity each: a number, a switch, a choice or a file."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QToolButton,
    QWidget,
)

from napari_restoration.core.quantity import Quantity
from napari_restoration.gui._step_combo import NarrowCombo
from napari_restoration.gui._step_wheel import keep_wheel_for_scrolling as keep_wheel_for_scrolling

SIDE_WIDTH, SPACING = 24, 4
"""Width of the small button behind a field and its distance; fields without one leave the place free."""


class QuantityField(QWidget):
    """What every field has: a value, perhaps a range, and a signal for each edit by a person.

    Parameters
    ----------
    meaning : Quantity
        What is edited.
    parent : QWidget, optional
        The row.
    """

    changed = Signal()

    def __init__(self, meaning: Quantity, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.meaning = meaning
        self.setObjectName("plain")
        self.setToolTip(meaning.help)

    @abstractmethod
    def value(self) -> Any:
        """The value in the quantity's own unit."""

    def range(self) -> dict[str, Any] | None:
        """``{"low", "high", "spacing"}`` from which training pairs draw; ``None`` where the value is fixed."""
        return None

    @abstractmethod
    def set_value(self, value: Any, varies: Mapping[str, Any] | None = None) -> None:
        """Show a value, and a range if there is one; nothing is emitted.

        Parameters
        ----------
        value : Any
            In the quantity's own unit.
        varies : mapping, optional
            A range, as `range` gives it.
        """


class ChoiceField(QuantityField):
    """A list to choose from; the absence of a value is one of its entries."""

    def __init__(self, meaning: Quantity, parent: QWidget | None = None) -> None:
        super().__init__(meaning, parent)
        self.combo = NarrowCombo()
        words: dict[Any, str] = {None: meaning.none_means} if meaning.none_means else {}
        words.update(meaning.choices if meaning.form == "choice" else {True: "on", False: "off"})
        for choice, text in words.items():
            self.combo.add(_capitalised(text), choice)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.combo)
        self._last = self.value()
        self.combo.activated.connect(self._on_chosen)

    def value(self) -> Any:
        """The choice's name, or ``None``."""
        return self.combo.currentData()

    def set_value(self, value: Any, varies: Mapping[str, Any] | None = None) -> None:
        """Choose; an unknown value leaves the choice as it is."""
        self.combo.blockSignals(True)
        data = [self.combo.itemData(index) for index in range(self.combo.count())]
        if value in data:
            self.combo.setCurrentIndex(data.index(value))
        self.combo.blockSignals(False)
        self._show_words()

    def _on_chosen(self) -> None:
        if self.value() != self._last:
            self._show_words()
            self.changed.emit()

    def _show_words(self) -> None:
        self._last = self.value()
        self.combo.setToolTip(f"{self.combo.currentText()}\n{self.meaning.help}".strip())


class SwitchField(QuantityField):
    """A check box."""

    def __init__(self, meaning: Quantity, parent: QWidget | None = None) -> None:
        super().__init__(meaning, parent)
        self.box = QCheckBox()
        one_line(self, self.box)
        self.box.toggled.connect(self.changed)

    def value(self) -> bool:
        """Whether it is on."""
        return self.box.isChecked()

    def set_value(self, value: Any, varies: Mapping[str, Any] | None = None) -> None:
        """Switch on or off."""
        self.box.blockSignals(True)
        self.box.setChecked(bool(value))
        self.box.blockSignals(False)


class FileField(QuantityField):
    """The name of a file, typed or looked for; an empty one is ``None`` where that means something."""

    def __init__(self, meaning: Quantity, parent: QWidget | None = None) -> None:
        super().__init__(meaning, parent)
        self.line = QLineEdit()
        self.line.setPlaceholderText(_capitalised(meaning.none_means) or "No file chosen")
        self.browse_button = side_button("…", "Look for the file.")
        one_line(self, self.line, self.browse_button)
        self._last = ""
        self.line.editingFinished.connect(self._on_edited)
        self.browse_button.clicked.connect(self._on_browse)

    def value(self) -> str | None:
        """The name of the file."""
        name = self.line.text().strip()
        return None if not name and self.meaning.none_means else name

    def set_value(self, value: Any, varies: Mapping[str, Any] | None = None) -> None:
        """Show the name of a file."""
        self._show("" if value is None else str(value))

    def ask_for_file(self) -> str:
        """Let the person look for a file; empty if none was chosen."""
        start = str(Path(self.line.text()).parent) if self.line.text() else ""
        filters = "TIFF images (*.tif *.tiff);;All files (*)"
        return str(QFileDialog.getOpenFileName(self, _capitalised(self.meaning.label), start, filters)[0])

    def _on_browse(self) -> None:
        name = self.ask_for_file()
        if name:
            self.line.setText(name)
            self._on_edited()

    def _on_edited(self) -> None:
        if self.line.text() != self._last:
            self._show(self.line.text())
            self.changed.emit()

    def _show(self, name: str) -> None:
        self._last = name
        self.line.setText(name)
        # The end of a path tells files apart, its beginning seldom does.
        self.line.setCursorPosition(len(name))
        self.line.setToolTip("\n".join(part for part in (name, self.meaning.help) if part))


def make_field(meaning: Quantity, parent: QWidget | None = None) -> QuantityField:
    """Make the field that fits a quantity.

    Parameters
    ----------
    meaning : Quantity
        What is edited.
    parent : QWidget, optional
        The row.
    """
    from napari_restoration.gui._quantity_number_field import NumberField

    if meaning.form == "choice" or (meaning.form == "switch" and meaning.none_means):
        return ChoiceField(meaning, parent)
    if meaning.form == "switch":
        return SwitchField(meaning, parent)
    if meaning.form == "file":
        return FileField(meaning, parent)
    return NumberField(meaning, parent)


def one_line(field: QWidget, editor: QWidget, side: QWidget | None = None) -> QHBoxLayout:
    """Lay out an editor with the place of the small button behind it."""
    line = QHBoxLayout(field)
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(SPACING)
    line.addWidget(editor, 1)
    if side is None:
        line.addSpacing(SIDE_WIDTH + SPACING)
    else:
        line.addWidget(side)
    return line


def side_button(text: str, tooltip: str) -> QToolButton:
    """A small button behind a field."""
    button = QToolButton()
    button.setText(text)
    button.setToolTip(tooltip)
    button.setFixedSize(SIDE_WIDTH, 22)
    button.setStyleSheet(
        "QToolButton { background: transparent; border: none; padding: 0; border-radius: 3px; }"
        "QToolButton:hover { background: rgba(128, 128, 128, 70); }"
        "QToolButton:checked { background: rgba(128, 128, 128, 130); }"
    )
    return button


def _capitalised(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"
