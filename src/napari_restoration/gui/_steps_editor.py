"""The list of degradation steps: add, remove, reorder, switch on and off, and edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_restoration.core.errors import InputError
from napari_restoration.gui._step_combo import NarrowCombo
from napari_restoration.gui._step_row import StepRow, help_text

if TYPE_CHECKING:
    from napari_restoration.tasks.presets import StepKind

_STAGES = ("Object", "Light", "Optics", "Motion", "Pixels", "Camera", "File")
LABEL_WIDTH = 54
"""Of the labels above the steps, so that their fields stand below each other."""

ORDERS = {
    "light_path": (
        "Order of the light path",
        "Steps act as light meets them: object, exposure, optics, motion, pixels, camera, file.",
    ),
    "paper": (
        "Exposure last, as in the semi-synthetic paper",
        "As the light path, but the exposure comes last: it then leaves the share of the noise as it is.",
    ),
    "as_listed": ("As listed", "Steps act in the order of the list, from above."),
}
"""Words and a sentence for each order, by its name in presets."""


class StepsEditor(QWidget):
    """Edits the steps of a preset and their order.

    Parameters
    ----------
    kinds : sequence of StepKind, optional
        The steps there are; by default all.
    parent : QWidget, optional
        The panel.
    """

    changed = Signal()
    """Once for each edit by a person, not for `set_value`."""

    def __init__(self, kinds: Sequence[StepKind] | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if kinds is None:
            from napari_restoration.tasks.presets import step_kinds

            kinds = step_kinds()
        self._kinds = {kind.kind: kind for kind in kinds}
        self.rows: list[StepRow] = []
        self.order_combo = NarrowCombo()
        for order, (words, sentence) in ORDERS.items():
            self.order_combo.add(words, order, sentence)
        self.add_button = QPushButton("Add step")
        self.add_menu = self._make_menu()
        self.add_button.setMenu(self.add_menu)
        self._lay_out()
        self._show_order()
        self.order_combo.activated.connect(self._on_order_chosen)

    @property
    def order(self) -> str:
        """``"light_path"``, ``"paper"`` or ``"as_listed"``."""
        return str(self.order_combo.currentData())

    def value(self) -> list[dict[str, Any]]:
        """The steps as they stand in ``Preset.to_dict()["steps"]``."""
        return [row.value() for row in self.rows]

    def set_value(self, entries: Sequence[Mapping[str, Any]], order: str | None = None) -> None:
        """Show other steps; nothing is emitted. In the light path's and the paper's order they are sorted.

        Parameters
        ----------
        entries : sequence of mapping
            As `value` gives them.
        order : str, optional
            One of `ORDERS`; by default the one that is chosen.

        Raises
        ------
        InputError
            If a kind of step or the order is unknown.
        """
        for entry in entries:
            if entry.get("kind") not in self._kinds:
                raise InputError(
                    f"There is no degradation step {entry.get('kind')!r}; known are {', '.join(self._kinds)}."
                )
        if order is not None:
            self._choose_order(order)
        ordered = sorted(entries, key=lambda entry: self._place(self._kinds[entry["kind"]]))
        self.setUpdatesEnabled(False)
        if [row.kind.kind for row in self.rows] == [entry["kind"] for entry in ordered]:
            # The same steps with other values stay open or folded as they are.
            for row, entry in zip(self.rows, ordered, strict=True):
                row.set_value(entry)
        else:
            for row in self.rows:
                self._discard(row)
            self.rows = [self._make_row(entry) for entry in ordered]
            self._arrange()
        self.setUpdatesEnabled(True)

    def add_step(self, kind: str) -> None:
        """Add a step with its default values, open, where the order wants it.

        Parameters
        ----------
        kind : str
            Name of the kind of step.
        """
        added = self._kinds[kind]
        row = self._make_row({"kind": kind, **added.defaults, "ranges": {}, "enabled": True})
        places = [self._place(one.kind) for one in self.rows]
        index = sum(place <= self._place(added) for place in places)
        self.rows.insert(index, row)
        self._arrange()
        row.set_open(True)
        self.changed.emit()

    def _lay_out(self) -> None:
        order_line = QHBoxLayout()
        order_line.setSpacing(6)
        self.label = QLabel("Order")
        self.label.setMinimumWidth(LABEL_WIDTH)
        order_line.addWidget(self.label)
        order_line.addWidget(self.order_combo, 1)
        self._list = QVBoxLayout()
        self._list.setSpacing(4)
        self._nothing = QLabel("No steps: the image stays as it is.")
        self._nothing.setProperty("small", True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(order_line)
        layout.addLayout(self._list)
        layout.addWidget(self._nothing)
        layout.addWidget(self.add_button)

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        stage = None
        for kind in sorted(self._kinds.values(), key=lambda one: one.stage):
            if kind.stage != stage:
                stage = kind.stage
                _add_heading(menu, _STAGES[stage])
            action = QAction(kind.title, menu)
            action.setToolTip(help_text(kind))
            action.setData(kind.kind)
            menu.addAction(action)
        menu.triggered.connect(self._on_step_chosen)
        return menu

    def _on_step_chosen(self, action: QAction) -> None:
        self.add_step(str(action.data()))

    def _make_row(self, entry: Mapping[str, Any]) -> StepRow:
        row = StepRow(self._kinds[entry["kind"]], entry)
        row.changed.connect(self.changed)
        row.move_asked.connect(self._on_move)
        row.remove_asked.connect(self._on_remove)
        return row

    def _on_move(self, direction: int) -> None:
        row = self.sender()
        index = self.rows.index(row)  # type: ignore[arg-type]
        other = index + direction
        if not 0 <= other < len(self.rows):
            return
        self.rows[index], self.rows[other] = self.rows[other], self.rows[index]
        self._choose_order("as_listed")
        self._arrange()
        self.changed.emit()

    def _on_remove(self) -> None:
        row = self.sender()
        self.rows.remove(row)  # type: ignore[arg-type]
        self._discard(row)  # type: ignore[arg-type]
        self._arrange()
        self.changed.emit()

    def _on_order_chosen(self) -> None:
        if self.order == self._last_order:
            return
        self.rows.sort(key=lambda row: self._place(row.kind))
        self._arrange()
        self._show_order()
        self.changed.emit()

    def _choose_order(self, order: str) -> None:
        if order not in ORDERS:
            raise InputError(f"The order of the steps is {order!r}, but must be one of {', '.join(ORDERS)}.")
        self.order_combo.setCurrentIndex(self.order_combo.findData(order))
        self._show_order()

    def _show_order(self) -> None:
        self._last_order = self.order
        self.order_combo.setToolTip(ORDERS[self.order][1])

    def _place(self, kind: StepKind) -> int:
        """Where the order wants a step; all are equal if they act as listed."""
        if self.order == "as_listed":
            return 0
        is_last = self.order == "paper" and kind.kind == "exposure"
        return len(_STAGES) if is_last else kind.stage

    def _arrange(self) -> None:
        """Bring the rows into the list's order."""
        for index, row in enumerate(self.rows):
            if self._list.indexOf(row) != index:
                self._list.insertWidget(index, row)
                row.show()  # at once: a layout would show it only after the next event
            row.offer_moves(up=index > 0, down=index < len(self.rows) - 1)
        self._nothing.setVisible(not self.rows)

    def _discard(self, row: StepRow) -> None:
        self._list.removeWidget(row)
        row.hide()
        row.deleteLater()


def _add_heading(menu: QMenu, words: str) -> None:
    """A line of the menu that cannot be chosen; sections' own titles are not drawn by every style."""
    if menu.actions():
        menu.addSeparator()
    heading = QAction(words, menu)
    heading.setEnabled(False)
    menu.addAction(heading)
