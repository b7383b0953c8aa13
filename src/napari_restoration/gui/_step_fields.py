"""The fields of a step below each other; those that are rarely changed wait behind "More"."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.core.quantity import Quantity
from napari_restoration.gui._collapsible import Collapsible
from napari_restoration.gui._quantity_field import QuantityField, make_field

_LABEL_WIDTH = 98


class StepFields(QWidget):
    """Edits the quantities of one step.

    Parameters
    ----------
    meanings : mapping
        Each field's name and quantity, in order.
    parent : QWidget, optional
        The row.
    """

    changed = Signal()

    def __init__(self, meanings: Mapping[str, Quantity], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("plain")
        self.by_name: dict[str, QuantityField] = {}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(4)
        usual = {name: meaning for name, meaning in meanings.items() if not meaning.advanced}
        rare = {name: meaning for name, meaning in meanings.items() if meaning.advanced}
        self.more: Collapsible | None = None
        layout.addWidget(self._grid(usual))
        if rare:
            self.more = Collapsible("More", self._grid(rare))
            self.more.setObjectName("plain")
            layout.addWidget(self.more)

    def value(self) -> dict[str, Any]:
        """The value of each field."""
        return {name: field.value() for name, field in self.by_name.items()}

    def ranges(self) -> dict[str, dict[str, Any]]:
        """The range of each field that varies."""
        ranges = {name: field.range() for name, field in self.by_name.items()}
        return {name: given for name, given in ranges.items() if given is not None}

    def set_value(self, values: Mapping[str, Any], ranges: Mapping[str, Mapping[str, Any]]) -> None:
        """Show values and ranges; nothing is emitted.

        Parameters
        ----------
        values : mapping
            At least a value for each field.
        ranges : mapping
            Those of the fields that vary.
        """
        for name, field in self.by_name.items():
            field.set_value(values[name], ranges.get(name))

    def _grid(self, meanings: Mapping[str, Quantity]) -> QWidget:
        content = QWidget()
        content.setObjectName("plain")
        grid = QGridLayout(content)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for row, (name, meaning) in enumerate(meanings.items()):
            field = make_field(meaning)
            field.changed.connect(self.changed)
            self.by_name[name] = field
            grid.addWidget(_label(meaning), row, 0, Qt.AlignmentFlag.AlignTop)
            grid.addWidget(field, row, 1)
        return content


def _label(meaning: Quantity) -> QLabel:
    """A label of one width in all steps, so that all fields stand below each other; longer ones take two lines."""
    label = QLabel(f"{meaning.label[:1].upper()}{meaning.label[1:]}")
    label.setToolTip(meaning.help)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setFixedWidth(_LABEL_WIDTH)
    label.setMinimumHeight(24)
    label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Minimum)
    return label
