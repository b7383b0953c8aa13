"""The parameters of a classical method: one field each, remembered for each method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.core.errors import InputError
from napari_restoration.gui._collapsible import Collapsible
from napari_restoration.gui._quantity_field import QuantityField, make_field

if TYPE_CHECKING:
    from napari_restoration.core.quantity import Quantity
    from napari_restoration.models.card import ModelCard


class ParametersForm(QWidget):
    """Edits the parameters of the chosen method; empty and hidden for a network.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.by_name: dict[str, QuantityField] = {}
        self._card: ModelCard | None = None
        self._kept: dict[str, dict[str, Any]] = {}  # what was chosen for each method
        self._label_width = 0
        self._forms: dict[str, QFormLayout] = {}
        self._content: QWidget | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self.setVisible(False)

    def set_label_width(self, width: int) -> None:
        """Make labels at least as wide as those of the panel's other forms."""
        self._label_width = width

    def show_card(self, card: ModelCard | None) -> None:
        """Offer the parameters of a model; the same one again changes nothing."""
        if (card.id if card else None) == (self._card.id if self._card else None):
            return
        from napari_restoration.models.classical.catalogue import default_values, parameters_of

        self._card = card
        if self._content is not None:
            self._layout.removeWidget(self._content)
            self._content.hide()
            self._content.deleteLater()
        self.by_name, self._forms, self._content = {}, {}, None
        meanings = parameters_of(card) if card else {}
        self.setVisible(bool(meanings))
        if card is None or not meanings:
            return
        self._content = self._made(meanings)
        self._layout.addWidget(self._content)
        self._content.show()
        self._set({**default_values(card), **self._kept.get(card.id, {})})
        self._show_what_matters()

    def value(self) -> dict[str, Any]:
        """The shown parameters by name, for `RestoreSettings`."""
        from napari_restoration.models.classical.catalogue import shown_parameters

        if self._card is None:
            return {}
        values = {name: field.value() for name, field in self.by_name.items()}
        return {name: values[name] for name in shown_parameters(self._card, values)}

    def choices(self) -> dict[str, Any]:
        """What is remembered."""
        return {"parameters": self._kept}

    def restore(self, choices: Mapping[str, Any]) -> None:
        """Take up remembered parameters; those that a method would refuse are left out when it is shown."""
        kept = choices.get("parameters")
        if isinstance(kept, Mapping):
            self._kept = {str(name): dict(one) for name, one in kept.items() if isinstance(one, Mapping)}

    def _made(self, meanings: Mapping[str, Quantity]) -> QWidget:
        content = QWidget()
        words = [word for meaning in meanings.values() for word in meaning.label.split()]
        # Labels break between words only; as in the other forms the theme's font may be wider.
        widest = max(self.fontMetrics().horizontalAdvance(word.capitalize()) for word in words)
        width = max(self._label_width, round(1.2 * widest))
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        usual, rare = QFormLayout(), QFormLayout()
        for form in (usual, rare):
            form.setContentsMargins(0, 0, 0, 0)
            form.setVerticalSpacing(4)
            form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for name, meaning in meanings.items():
            field = make_field(meaning)
            if hasattr(field, "vary_button"):
                field.vary_button.setVisible(False)  # ranges are for training pairs
            field.changed.connect(self._on_edited)
            self.by_name[name] = field
            self._forms[name] = rare if meaning.advanced else usual
            self._forms[name].addRow(_label(meaning, width), field)
        column.addLayout(usual)
        if rare.rowCount():
            more = QWidget()
            more.setLayout(rare)
            column.addWidget(Collapsible("More", more))
        return content

    def _set(self, values: Mapping[str, Any]) -> None:
        from napari_restoration.models.classical.catalogue import default_values

        assert self._card is not None  # shown only for one
        defaults = default_values(self._card)
        for name, field in self.by_name.items():
            value = values[name]
            try:
                field.meaning.check(value)
            except InputError:
                value = defaults[name]  # a remembered value of another version
            field.set_value(value)

    def _on_edited(self) -> None:
        assert self._card is not None
        self._kept[self._card.id] = {name: field.value() for name, field in self.by_name.items()}
        self._show_what_matters()
        self.changed.emit()

    def _show_what_matters(self) -> None:
        shown = self.value()
        for name, field in self.by_name.items():
            self._forms[name].setRowVisible(field, name in shown)


def _label(meaning: Quantity, width: int) -> QLabel:
    label = QLabel(f"{meaning.label[:1].upper()}{meaning.label[1:]}")
    label.setToolTip(meaning.help)
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setMinimumHeight(24)
    label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Minimum)
    label.setFixedWidth(width)
    return label
