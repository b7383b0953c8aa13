"""Two small pictures of a forward model: the spot it makes of a point, and its noise at each grey level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qtpy.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.gui._message import small_text

if TYPE_CHECKING:
    from napari_restoration.tasks.model_picture import ModelPicture

_HEIGHT = 96
_CURVE = QColor("#5a74da")
_FAINT = 110


class Pictures(QWidget):
    """Blur and noise side by side, each with a line of words.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.psf = PsfPicture()
        self.noise = NoisePicture()
        self.psf_words, self.noise_words = small_text(), small_text()
        self.psf.setToolTip(
            "The spot that becomes of a single point by blur and motion together. Brightness is shown as its square "
            "root, so that the faint surroundings are seen."
        )
        self.noise.setToolTip(
            "Standard deviation of the pixels (upwards) at each expected grey level (to the right), as measured on "
            "even areas that pass through the steps."
        )
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        for picture, words, stretch in ((self.psf, self.psf_words, 2), (self.noise, self.noise_words, 3)):
            column = QVBoxLayout()
            column.setSpacing(3)
            column.addWidget(picture)
            column.addWidget(words)
            column.addStretch(1)
            row.addLayout(column, stretch)
        self.show_picture(None)

    def show_picture(self, picture: ModelPicture | None) -> None:
        """Show a forward model's picture; ``None`` empties both."""
        if picture is None:
            self.psf.show_nothing()
            self.noise.show_noise(np.zeros(0), np.zeros(0))
            self.psf_words.setText("Blur")
            self.noise_words.setText("Noise")
            return
        self.psf.show_psf(picture.psf)
        self.psf_words.setText(_size_in_words(picture))
        has_noise = bool(np.any(picture.noise > 0))
        self.noise.show_noise(picture.levels, picture.noise)
        self.noise_words.setText("Noise (SD) at each grey level" if has_noise else "No noise")


class PsfPicture(QWidget):
    """A point spread function, brightness as its square root."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image: QImage | None = None
        self._is_known = False
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """About a square."""
        return QSize(_HEIGHT, _HEIGHT)

    def show_psf(self, psf: npt.NDArray[np.float64] | None) -> None:
        """Show ``(h, w)`` values; ``None`` for no blur at all."""
        self._is_known = True
        self.image = None if psf is None else _grey_image(np.sqrt(np.maximum(psf, 0.0)))
        self.update()

    def show_nothing(self) -> None:
        """Show an empty frame."""
        self.image, self._is_known = None, False
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the spot in the largest square that fits, on the left."""
        painter = QPainter(self)
        side = min(self.width(), self.height()) - 1
        frame = QRectF(0, 0, side, side)
        if self._is_known and self.image is None:
            dot = 3.0
            painter.fillRect(frame, QColor("black"))
            painter.fillRect(QRectF((side - dot) / 2, (side - dot) / 2, dot, dot), QColor("white"))
        elif self.image is not None:
            painter.drawImage(frame, self.image)
        painter.setPen(_faint(self.palette()))
        painter.drawRect(frame)


class NoisePicture(QWidget):
    """Standard deviation against grey level, both from 0 or the darkest level, with the ends of the axes in figures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.levels = self.noise = np.zeros(0)
        self.setFixedHeight(_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Wider than high."""
        return QSize(3 * _HEIGHT // 2, _HEIGHT)

    def show_noise(self, levels: npt.NDArray[np.float64], noise: npt.NDArray[np.float64]) -> None:
        """Show ``(n,)`` expected grey levels and the noise at each."""
        self.levels, self.noise = levels, noise
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw axes, their ends and the curve."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = self.font()
        font.setPointSizeF(max(6.0, font.pointSizeF() * 0.85))
        painter.setFont(font)
        metrics = painter.fontMetrics()
        left, right = _ends(self.levels, from_zero=False)
        bottom, top = _ends(self.noise, from_zero=True)
        has_curve = self.levels.size > 1
        words = [_figure(one) for one in (left, right, bottom, top)] if has_curve else [""] * 4
        margin = max(metrics.horizontalAdvance(words[2]), metrics.horizontalAdvance(words[3])) + 6
        line = metrics.height()
        plot = QRectF(margin, line / 2, self.width() - margin - 4, self.height() - 1.5 * line - 3)
        painter.setPen(_faint(self.palette()))
        painter.drawLine(plot.topLeft(), plot.bottomLeft())
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        if not has_curve:
            return
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        below = QRectF(plot.left() - margin, plot.bottom() + 2, plot.width() + margin + 4, line)
        painter.drawText(below.adjusted(margin, 0, 0, 0), int(_LEFT), words[0])
        painter.drawText(below, int(_RIGHT), words[1])
        beside = QRectF(0, plot.top() - line / 2, margin - 4, line)
        painter.drawText(beside, int(_RIGHT), words[3])
        painter.drawText(beside.translated(0, plot.height()), int(_RIGHT), words[2])
        x = plot.left() + (self.levels - left) / (right - left) * plot.width()
        y = plot.bottom() - (self.noise - bottom) / (top - bottom) * plot.height()
        painter.setPen(QPen(_CURVE, 2))
        painter.drawPolyline(QPolygonF([QPointF(*point) for point in zip(x, y, strict=True)]))


_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


def _grey_image(values: npt.NDArray[np.float64]) -> QImage:
    brightest = float(values.max()) or 1.0
    grey = np.ascontiguousarray(np.rint(values / brightest * 255), dtype=np.uint8)
    height, width = grey.shape
    # Qt does not copy the buffer by itself.
    return QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()


def _size_in_words(picture: ModelPicture) -> str:
    if picture.psf is None:
        return "No blur"
    pixels = max(picture.psf.shape)
    if picture.psf_pixel_um is None:
        return f"Blur, {pixels} px wide"
    return f"Blur, {pixels * picture.psf_pixel_um:.2g} µm wide ({pixels} px)"


def _ends(values: npt.NDArray[np.float64], *, from_zero: bool) -> tuple[float, float]:
    """Lowest and highest value of an axis, never equal."""
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    low = min(low, 0.0) if from_zero else low
    return low, high if high > low else low + 1.0


def _figure(value: float) -> str:
    if value and not 0.01 <= abs(value) < 1e5:
        return f"{value:.1e}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _faint(palette: QPalette) -> QColor:
    colour = QColor(palette.color(QPalette.ColorRole.WindowText))
    colour.setAlpha(_FAINT)
    return colour
