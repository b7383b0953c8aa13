"""How the panels look alike: the colour of what is primary, labels in line, faint words and lines."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QFormLayout, QFrame, QLabel, QScrollArea, QWidget

from napari_restoration.gui._step_wheel import keep_wheel_for_scrolling

# The accent of napari's dark theme; that of the light one is too pale for white letters.
ACCENT = "#4560c8"
PRIMARY = f"""
QPushButton {{ background-color: {ACCENT}; color: white; font-weight: 600; }}
QPushButton:hover {{ background-color: #5a74da; }}
QPushButton:disabled {{ background-color: rgba(128, 128, 128, 60); color: rgba(160, 160, 160, 160); }}
"""
"""Style sheet of a panel's primary button."""


def align_labels(forms: list[QFormLayout]) -> None:
    """Give the labels of several forms one width, so that their fields stand below each other."""
    labels = []
    for form in forms:
        for row in range(form.rowCount()):
            item = form.itemAt(row, QFormLayout.ItemRole.LabelRole)
            if item is not None and isinstance(label := item.widget(), QLabel):
                labels.append(label)
    # The theme's font comes only when the panel is docked: leave room for a wider one.
    width = round(1.2 * max(label.fontMetrics().horizontalAdvance(label.text()) for label in labels))
    for label in labels:
        label.setFixedWidth(width)


def small_text_style(theme: str) -> str:
    """The style sheet that makes explanations a little fainter than a theme's text."""
    from napari.utils.theme import get_theme

    red, green, blue = get_theme(theme).text.as_rgb_tuple()[:3]
    return f'QLabel[small="true"] {{ color: rgba({red}, {green}, {blue}, 165); }}'


def faint_line() -> QFrame:
    """A thin line across the panel."""
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFixedHeight(1)
    line.setStyleSheet("QFrame { background-color: rgba(128, 128, 128, 60); border: none; }")
    return line


def scrolled(content: QWidget) -> QScrollArea:
    """A part of a panel that scrolls where the window is too low, so that it never makes the window grow.

    Turning the wheel over its numbers and lists scrolls; only the one that is being edited takes the wheel itself.

    Parameters
    ----------
    content : QWidget
        What scrolls, complete with its controls.
    """
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(content)
    bar = area.verticalScrollBar()
    area.setMinimumWidth(content.minimumWidth() + (0 if bar is None else bar.sizeHint().width()))
    for kind in (QComboBox, QAbstractSpinBox):
        for control in content.findChildren(kind):
            keep_wheel_for_scrolling(control)
    return area
