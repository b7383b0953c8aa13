"""Two small pictures with one contrast: a part of a real image, and the same part of a synthetic one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QRectF, QSize
from qtpy.QtGui import QColor, QImage, QPainter, QPaintEvent, QPalette
from qtpy.QtWidgets import QGridLayout, QSizePolicy, QWidget

from napari_restoration.gui._message import small_text

Plane = npt.NDArray[Any]

_SIDE_PX = 152
_SHOWN_PERCENTS = (0.5, 99.8)
_FRAME = QColor(128, 128, 128, 120)


class SideBySide(QWidget):
    """The part of the real image with the most contrast, at about one pixel of the screen for each of its own.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.real, self.synthetic = GreyPicture(), GreyPicture()
        self.real.setToolTip("A part of your bad image.")
        self.synthetic.setToolTip(
            "The same part of the image that the filled-in steps make, with the same contrast."
        )
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(2)
        for column, (picture, words) in enumerate(((self.real, "real"), (self.synthetic, "synthetic"))):
            label = small_text()
            label.setText(words)
            grid.addWidget(label, 0, column)
            grid.addWidget(picture, 1, column)
            grid.setColumnStretch(column, 1)

    def show_planes(self, real: Plane, synthetic: Plane) -> None:
        """Show two planes ``(y, x)`` of equal size."""
        low, high = (float(one) for one in np.nanpercentile(real, _SHOWN_PERCENTS))
        window = busiest_window(real, _SIDE_PX)
        for picture, plane in ((self.real, real), (self.synthetic, synthetic)):
            picture.show_plane(plane[window], low, high)


class GreyPicture(QWidget):
    """A plane in grey, as large as fits into a square."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.image: QImage | None = None
        self.setMinimumSize(64, 64)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(_SIDE_PX)

    def sizeHint(self) -> QSize:
        """A square."""
        return QSize(_SIDE_PX, _SIDE_PX)

    def show_plane(self, plane: Plane, low: float, high: float) -> None:
        """Show ``(y, x)`` values between black and white; missing ones are black."""
        self.image = grey_image(plane, low, high)
        self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the picture on the left, with a frame."""
        painter = QPainter(self)
        if self.image is None:
            painter.fillRect(self.rect(), self.palette().color(QPalette.ColorRole.Window))
            return
        height, width = self.image.height(), self.image.width()
        zoom = min((self.height() - 1) / height, (self.width() - 1) / width)
        frame = QRectF(0, 0, width * zoom, height * zoom)
        painter.drawImage(frame, self.image)
        painter.setPen(_FRAME)
        painter.drawRect(frame)


def grey_image(plane: Plane, low: float, high: float) -> QImage:
    """A plane as an image of Qt's, black at `low` and white at `high`."""
    shares = (np.nan_to_num(np.asarray(plane, np.float64), nan=low) - low) / max(high - low, 1e-30)
    grey = np.ascontiguousarray(np.rint(255 * np.clip(shares, 0.0, 1.0)), dtype=np.uint8)
    height, width = grey.shape
    # Qt does not copy the buffer by itself.
    return QImage(grey.tobytes(), width, height, width, QImage.Format.Format_Grayscale8).copy()


def busiest_window(plane: Plane, side: int) -> tuple[slice, slice]:
    """The square with the largest standard deviation, on a grid of half squares; all of a smaller plane."""
    sizes = [min(side, length) for length in plane.shape]
    starts = [
        np.unique(np.append(np.arange(0, length - size + 1, max(1, size // 2)), length - size))
        for length, size in zip(plane.shape, sizes, strict=True)
    ]
    values = np.nan_to_num(np.asarray(plane, np.float32))
    corners = [(int(top), int(left)) for top in starts[0] for left in starts[1]]
    top, left = max(
        corners, key=lambda at: float(values[at[0] : at[0] + sizes[0], at[1] : at[1] + sizes[1]].std())
    )
    return slice(top, top + sizes[0]), slice(left, left + sizes[1])
