"""Two curves over each other on a logarithmic axis: of a real and of a synthetic image."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

Float = npt.NDArray[np.float64]

_HEIGHT = 132
_FAINT = 110
# Both are told apart from each other and from the ground in the dark and in the light theme, also without colours:
# the synthetic one is dashed.
_REAL, _SYNTHETIC = QColor("#4c8bd6"), QColor("#d9a018")
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MOST_DECADES = 8.0
_LEGEND_PX = 16

_LEFT = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_RIGHT = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
_MIDDLE = int(Qt.AlignmentFlag.AlignCenter)


class Curves(QWidget):
    """A real and a synthetic curve with axes, their words, and a legend; upwards in powers of ten.

    Parameters
    ----------
    title, across : str
        What goes upwards, written above the curves, and what goes to the right, below them.
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, title: str, across: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.across = title, across
        self.places = self.real = self.synthetic = np.zeros(0)
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Wider than high."""
        return QSize(2 * _HEIGHT, _HEIGHT)

    def show_curves(self, x: Float, real: Float, synthetic: Float) -> None:
        """Show ``(n,)`` values at each of ``(n,)`` places; 0 lies on the lower edge."""
        self.places, self.real, self.synthetic = x, real, synthetic
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw everything."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self.font()
        font.setPointSizeF(max(6.0, font.pointSizeF() * 0.85))
        painter.setFont(font)
        metrics = painter.fontMetrics()
        line = metrics.height()
        self._draw_heading(painter, metrics)
        if self.places.size < 2:
            return
        low, high = decades_of(self.real, self.synthetic)
        marks = [power_of_ten(low), power_of_ten(high)]
        margin = max(metrics.horizontalAdvance(mark) for mark in marks) + 6
        plot = QRectF(margin, 1.5 * line, self.width() - margin - 4, self.height() - 3.2 * line)
        painter.setPen(_faint(self.palette()))
        painter.drawLine(plot.topLeft(), plot.bottomLeft())
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        beside = QRectF(0, plot.top() - line / 2, margin - 4, line)
        painter.drawText(beside, _RIGHT, marks[1])
        painter.drawText(beside.translated(0, plot.height()), _RIGHT, marks[0])
        below = QRectF(plot.left(), plot.bottom() + 2, plot.width(), line)
        painter.drawText(below, _LEFT, figure(float(self.places[0])))
        painter.drawText(below, _RIGHT, figure(float(self.places[-1])))
        painter.drawText(below, _MIDDLE, self.across)
        painter.setClipRect(plot.adjusted(-1, -1, 1, 1))
        for values, pen in ((self.real, _pen(_REAL)), (self.synthetic, _pen(_SYNTHETIC, dashed=True))):
            painter.setPen(pen)
            painter.drawPolyline(self._line(values, plot, low, high))

    def _draw_heading(self, painter: QPainter, metrics: QFontMetrics) -> None:
        """The title on the left and the legend on the right."""
        line = metrics.height()
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        painter.drawText(QRectF(0, 0, self.width(), line), _LEFT, self.title)
        right = float(self.width()) - 4
        for name, pen in (("synthetic", _pen(_SYNTHETIC, dashed=True)), ("real", _pen(_REAL))):
            width = metrics.horizontalAdvance(name)
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
            painter.drawText(QRectF(right - width, 0, width + 1, line), _LEFT, name)
            painter.setPen(pen)
            start = right - width - _LEGEND_PX - 4
            painter.drawLine(QPointF(start, line / 2), QPointF(start + _LEGEND_PX, line / 2))
            right = start - 10

    def _line(self, values: Float, plot: QRectF, low: float, high: float) -> QPolygonF:
        across = (self.places - self.places[0]) / max(float(self.places[-1] - self.places[0]), 1e-30)
        up = (np.log10(np.maximum(values, 10.0 ** (low - 1))) - low) / (high - low)
        x, y = plot.left() + across * plot.width(), plot.bottom() - np.maximum(up, 0.0) * plot.height()
        return QPolygonF([QPointF(*point) for point in zip(x, y, strict=True)])


def decades_of(*curves: Float) -> tuple[float, float]:
    """Whole powers of ten around all values above 0, at most eight from the highest."""
    values = np.concatenate(curves)
    seen = values[values > 0]
    if not seen.size:
        return 0.0, 1.0
    high = math.ceil(math.log10(float(seen.max())) - 1e-9)
    low = max(math.floor(math.log10(float(seen.min())) + 1e-9), high - _MOST_DECADES)
    return float(low), float(max(high, low + 1))


def power_of_ten(exponent: float) -> str:
    """Such as 10⁻³."""
    return "10" + str(round(exponent)).translate(_SUPERSCRIPTS)


def figure(value: float) -> str:
    """A short figure for the end of an axis."""
    if value and not 0.005 <= abs(value) < 1e5:
        return f"{value:.1e}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.2g}"


def _pen(colour: QColor, *, dashed: bool = False) -> QPen:
    pen = QPen(colour, 1.8)
    if dashed:
        pen.setDashPattern([3.0, 1.6])
    return pen


def _faint(palette: QPalette) -> QColor:
    colour = QColor(palette.color(QPalette.ColorRole.WindowText))
    colour.setAlpha(_FAINT)
    return colour
