"""The axes of the chosen image in words, with a line to correct them."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QLineEdit, QWidget

from napari_restoration.core.axes import describe_axes
from napari_restoration.gui._message import small_text


class AxesRow(QWidget):
    """What each axis means. An empty line stands for the guess, which is shown in it.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.edit = QLineEdit()
        self.edit.setMaxLength(6)
        self.edit.setToolTip(
            "One letter for each axis: T time, Z depth, C channel, Y, X, S colour samples. "
            "Leave it empty to take the guess."
        )
        self.words = small_text()
        form = QFormLayout(self)
        form.addRow("Axes", self.edit)
        form.addRow("", self.words)
        self.form = form
        self.edit.textChanged.connect(self.changed)

    @property
    def override(self) -> str | None:
        """Axes that the user typed, in upper case; none if the guess is taken."""
        return self.edit.text().strip().upper() or None

    def show_guess(self, guess: str) -> None:
        """Show a new image's guess and forget what was typed for the one before."""
        self.edit.setPlaceholderText(guess)
        self.edit.blockSignals(True)
        self.edit.clear()
        self.edit.blockSignals(False)

    def show_words(self, axes: str, shape: tuple[int, ...]) -> None:
        """Say in words what the axes mean."""
        self.words.setText(describe_axes(axes, shape))

    def show_problem(self) -> None:
        """Leave the words empty; the message below says why."""
        self.words.setText("")
