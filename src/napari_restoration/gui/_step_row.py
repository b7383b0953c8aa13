"""One step of the list: switched on or off, folded to a line or open with its fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget
from superqt import QElidingLabel

from napari_restoration.gui._step_fields import StepFields
from napari_restoration.gui._step_summary import VARIES, summarise

if TYPE_CHECKING:
    from napari_restoration.tasks.presets import StepKind

_TITLE_INDENT = 40
_DRAWN = "In parentheses the limits between which each training pair draws its own value."
_FLAT = "QToolButton { background: transparent; border: none; padding: 1px 0; text-align: left; }"


class StepRow(QFrame):
    """A step's title and switch, a line with its main values, and its fields once it is opened.

    The fields are made when the row is first opened, so that a preset is shown at once. What has no field in the
    form, such as the pixel size, is handed back as it came.

    Parameters
    ----------
    kind : StepKind
        What the step is.
    entry : mapping
        Its values, with ``ranges`` and ``enabled``.
    parent : QWidget, optional
        The list.
    """

    changed = Signal()
    move_asked = Signal(int)
    """-1 for up, 1 for down."""
    remove_asked = Signal()

    def __init__(self, kind: StepKind, entry: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = kind
        self._entry = dict(entry)
        self.fields: StepFields | None = None
        self.setObjectName("step")
        self.setStyleSheet(
            "QFrame#step { background-color: rgba(128, 128, 128, 28); border-radius: 4px; }"
            "QWidget#plain { background: transparent; }"
        )
        self.enabled_box = QCheckBox()
        self.enabled_box.setToolTip("Whether the step has an effect. One that is off stays in the list.")
        self.heading = QToolButton()
        self.heading.setText(kind.title)
        self.heading.setToolTip(help_text(kind))
        self.heading.setCheckable(True)
        self.heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.heading.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.heading.setStyleSheet(_FLAT)
        self.up_button = _flat_button("↑", "Move the step up.")
        self.down_button = _flat_button("↓", "Move the step down.")
        self.remove_button = _flat_button("✕", "Remove the step.")
        self.summary = QElidingLabel()
        self.summary.setProperty("small", True)
        self.summary.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._lay_out()
        self.enabled_box.setChecked(bool(entry.get("enabled", True)))
        self.set_open(False)
        self._show_summary()
        self.enabled_box.clicked.connect(self._on_edited)
        self.heading.clicked.connect(self.set_open)
        self.up_button.clicked.connect(lambda: self.move_asked.emit(-1))
        self.down_button.clicked.connect(lambda: self.move_asked.emit(1))
        self.remove_button.clicked.connect(self.remove_asked)

    @property
    def is_open(self) -> bool:
        """Whether the fields are shown."""
        return self.heading.isChecked()

    def value(self) -> dict[str, Any]:
        """The step as it stands in a preset."""
        entry = {**self._entry, "enabled": self.enabled_box.isChecked()}
        ranges = dict(self._entry.get("ranges", {}))
        if self.fields is not None:
            entry.update(self.fields.value())
            ranges = {name: given for name, given in ranges.items() if name not in self.kind.fields}
            ranges.update(self.fields.ranges())
        return {**entry, "ranges": ranges}

    def set_value(self, entry: Mapping[str, Any]) -> None:
        """Show other values of the same kind of step; nothing is emitted."""
        self._entry = dict(entry)
        self.enabled_box.setChecked(bool(entry.get("enabled", True)))
        if self.fields is not None:
            self.fields.set_value({**self.kind.defaults, **entry}, entry.get("ranges", {}))
        self._show_summary()

    def set_open(self, is_open: bool) -> None:
        """Show the fields, or the line that sums them up."""
        if is_open and self.fields is None and self.kind.fields:
            self.fields = StepFields(self.kind.fields)
            self.fields.set_value({**self.kind.defaults, **self._entry}, self._entry.get("ranges", {}))
            self.fields.changed.connect(self._on_edited)
            self._layout.addWidget(self.fields)
        self.heading.setChecked(is_open)
        self.heading.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        if self.fields is not None:
            self.fields.setVisible(is_open)
        self.summary.setVisible(not is_open and bool(self.summary.text()))

    def offer_moves(self, *, up: bool, down: bool) -> None:
        """Offer the moves that the place in the list allows."""
        self.up_button.setEnabled(up)
        self.down_button.setEnabled(down)

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(0, 0, 0, 0)
        top.setSpacing(0)
        top.addWidget(self.enabled_box)
        top.addWidget(self.heading, 1)
        for button in (self.up_button, self.down_button, self.remove_button):
            top.addWidget(button)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(6, 4, 4, 4)
        self._layout.setSpacing(3)
        self._layout.addLayout(top)
        summary_line = QHBoxLayout()
        summary_line.setContentsMargins(_TITLE_INDENT, 0, 4, 0)
        summary_line.addWidget(self.summary)
        self._layout.addLayout(summary_line)

    def _on_edited(self) -> None:
        self._show_summary()
        self.changed.emit()

    def _show_summary(self) -> None:
        fields, entry = self.kind.fields, self.value()
        text = summarise(fields, entry)
        self.summary.setText(text)
        drawn = f"\n{_DRAWN}" if VARIES in text else ""
        self.summary.setToolTip(summarise(fields, entry, with_ranges=True) + drawn)
        self.summary.setEnabled(self.enabled_box.isChecked())
        self.summary.setVisible(not self.is_open and bool(text))


def help_text(kind: StepKind) -> str:
    """The sentence about a kind of step without the marks of code."""
    return kind.help.replace("`", "")


def _flat_button(sign: str, tooltip: str) -> QToolButton:
    button = QToolButton()
    button.setText(sign)
    button.setToolTip(tooltip)
    button.setFixedSize(20, 20)
    button.setStyleSheet(
        "QToolButton { background: transparent; border: none; padding: 0; }"
        "QToolButton:hover { background: rgba(128, 128, 128, 70); border-radius: 3px; }"
        "QToolButton:disabled { color: rgba(128, 128, 128, 90); }"
    )
    return button
