"""What lies on the canvas while two layers are compared: the line to drag, and the names of what is shown."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QEvent, QObject, QPoint, QPointF, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QLabel, QWidget

_WIDTH_PX = 25
_GRIP_PX = 11.0
_MARGIN_PX = 10
_LINE, _HALO, _GRIP = QColor(255, 255, 255), QColor(0, 0, 0, 150), QColor("#4560c8")
_CAPTION = (
    "QLabel { background-color: rgba(20, 22, 28, 190); color: white; border-radius: 4px; padding: 3px 8px; }"
)


class WipeHandle(QWidget):
    """An upright line over a canvas, as high as it, that is dragged sideways; the wheel goes through to the canvas.

    Parameters
    ----------
    canvas : QWidget
        What it lies on.
    """

    moved = Signal(float)
    """Where it was dragged to, as a share of the canvas's width."""

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._position = 0.5
        self._grabbed_at = 0.0
        self.setCursor(Qt.CursorShape.SplitHCursor)
        self.setToolTip("Drag to see more of one layer and less of the other.")
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        canvas.installEventFilter(self)
        self.put(0.5)
        self.show()
        self.raise_()

    def put(self, position: float) -> None:
        """Move to a share of the canvas's width, without a signal."""
        self._position = position
        canvas = self.parentWidget()
        if canvas is not None:
            left = round(position * canvas.width() - _WIDTH_PX / 2)
            self.setGeometry(left, 0, _WIDTH_PX, canvas.height())

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay at the same share of a canvas that changes its size."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self.put(self._position)
        return False

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Begin to drag."""
        if event is not None and event.button() == Qt.MouseButton.LeftButton:
            self._grabbed_at = event.position().x() - _WIDTH_PX / 2
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Follow the mouse within the canvas."""
        canvas = self.parentWidget()
        if event is None or canvas is None or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        across = self.mapToParent(QPoint(0, 0)).x() + event.position().x() - self._grabbed_at
        self.put(min(max(across / max(canvas.width(), 1), 0.0), 1.0))
        self.moved.emit(self._position)
        event.accept()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the line with a dark edge, seen on bright and dark images, and a grip in its middle."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, height = _WIDTH_PX / 2, float(self.height())
        for pen in (QPen(_HALO, 4.0), QPen(_LINE, 1.6)):
            painter.setPen(pen)
            painter.drawLine(QPointF(middle, 0), QPointF(middle, height))
        painter.setPen(QPen(_LINE, 1.6))
        painter.setBrush(_GRIP)
        painter.drawEllipse(
            QRectF(middle - _GRIP_PX, height / 2 - _GRIP_PX, 2 * _GRIP_PX, 2 * _GRIP_PX).adjusted(
                1, 1, -1, -1
            )
        )
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_LINE)
        for side in (-1, 1):
            tip = QPointF(middle + 6.5 * side, height / 2)
            base = middle + 2.5 * side
            painter.drawPolygon(
                QPolygonF([tip, QPointF(base, height / 2 - 3.5), QPointF(base, height / 2 + 3.5)])
            )


class Captions(QObject):
    """Names in the upper corners of a canvas, or of its two halves.

    Parameters
    ----------
    canvas : QWidget
        What they lie on.
    """

    def __init__(self, canvas: QWidget) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.labels: list[QLabel] = []
        self._are_halves = False
        canvas.installEventFilter(self)

    def show_names(self, names: Sequence[str], *, in_halves: bool = False) -> None:
        """Show one name on the left, or two: left and right, or at the left of each half.

        Parameters
        ----------
        names : sequence of str
            At most two; an empty one is left out.
        in_halves : bool
            Whether the canvas is divided.
        """
        self._are_halves = in_halves
        while len(self.labels) < len(names):
            label = QLabel(self._canvas)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setStyleSheet(_CAPTION)
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            self.labels.append(label)
        for label, name in zip(self.labels, [*names, ""], strict=False):
            if label.toolTip() != name or not label.isVisible():
                label.setToolTip(name)
                label.setVisible(bool(name))
        for label in self.labels[len(names) :]:
            label.hide()
        self._place()

    def remove(self) -> None:
        """Take the names off the canvas."""
        self._canvas.removeEventFilter(self)
        for label in self.labels:
            label.hide()
            label.deleteLater()
        self.labels = []
        self.deleteLater()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Stay in the corners of a canvas that changes its size."""
        if event is not None and event.type() == QEvent.Type.Resize:
            self._place()
        return False

    def _place(self) -> None:
        width = self._canvas.width()
        for number, label in enumerate(self.labels):
            most = max(width // 2 - 3 * _MARGIN_PX, 40)
            label.setText(
                label.fontMetrics().elidedText(label.toolTip(), Qt.TextElideMode.ElideMiddle, most - 20)
            )
            label.adjustSize()
            left = _MARGIN_PX
            if number == 1:
                left = width // 2 + _MARGIN_PX if self._are_halves else width - label.width() - _MARGIN_PX
            label.move(left, _MARGIN_PX)
            label.raise_()
