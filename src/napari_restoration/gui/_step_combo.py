"""A list to choose from that fits a narrow panel."""

from __future__ import annotations

from collections.abc import Hashable

from qtpy.QtCore import Qt
from qtpy.QtGui import QPaintEvent
from qtpy.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter, QWidget

from napari_restoration.gui._step_wheel import keep_wheel_for_scrolling


class NarrowCombo(QComboBox):
    """Long words end in an ellipsis in the box and stand in full in its list; the wheel scrolls the panel.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        keep_wheel_for_scrolling(self)

    def add(self, words: str, data: Hashable, tooltip: str = "") -> None:
        """Append a choice.

        Parameters
        ----------
        words : str
            What is read.
        data : hashable
            What is meant.
        tooltip : str
            A sentence about it.
        """
        self.addItem(words, data)
        self.setItemData(self.count() - 1, tooltip or words, Qt.ItemDataRole.ToolTipRole)

    def showPopup(self) -> None:
        """Open the list, as wide as its longest words."""
        view = self.view()
        if view is not None:
            view.setMinimumWidth(view.sizeHintForColumn(0) + 24)
        super().showPopup()

    def paintEvent(self, _event: QPaintEvent | None) -> None:
        """Draw the box; a style sheet's own drawing would cut long words off in the middle of a letter."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        style = self.style()
        if style is not None:
            place = style.subControlRect(
                QStyle.ComplexControl.CC_ComboBox,
                option,
                QStyle.SubControl.SC_ComboBoxEditField,
                self,
            )
            option.currentText = self.fontMetrics().elidedText(
                option.currentText, Qt.TextElideMode.ElideRight, place.width() - 4
            )
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
