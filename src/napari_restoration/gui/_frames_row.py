"""How many frames of a burst make one plane."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QSpinBox, QWidget

from napari_restoration.tasks.settings import MOST_FRAMES, Frames

_CHOICES = {
    "auto": ("Automatic", "Up to 8 frames give one sharp plane; a longer stack keeps its time axis."),
    "all": ("All, to one plane", "One sharp plane from all frames, at most 8."),
    "window": ("Sliding window", "Each time point is restored from this many neighbouring frames."),
}


class FramesRow(QWidget):
    """Frames of a burst; shown for models that take several.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.combo = QComboBox()
        for name, (title, sentence) in _CHOICES.items():
            self.combo.addItem(title, name)
            self.combo.setItemData(self.combo.count() - 1, sentence, 3)  # Qt.ItemDataRole.ToolTipRole
        self.count = QSpinBox()
        self.count.setRange(1, MOST_FRAMES)
        self.count.setValue(5)
        self.count.setToolTip("Frames in the window")
        row = QHBoxLayout()
        row.addWidget(self.combo, 1)
        row.addWidget(self.count)
        form = QFormLayout(self)
        form.addRow("Frames", row)
        self.form = form
        self.combo.currentIndexChanged.connect(self._on_changed)
        self.count.valueChanged.connect(self._on_changed)
        self._on_changed()

    def value(self) -> Frames:
        """The setting."""
        choice = self.combo.currentData()
        if choice == "window":
            return int(self.count.value())
        return "all" if choice == "all" else "auto"

    def set_value(self, frames: object) -> None:
        """Show a setting; an unknown one is ignored."""
        if isinstance(frames, int) and 1 <= frames <= MOST_FRAMES:
            self.count.setValue(frames)
            self.combo.setCurrentIndex(self.combo.findData("window"))
        elif frames in ("auto", "all"):
            self.combo.setCurrentIndex(self.combo.findData(frames))

    def _on_changed(self) -> None:
        self.count.setVisible(self.combo.currentData() == "window")
        self.combo.setToolTip(_CHOICES[self.combo.currentData()][1])
        self.changed.emit()
