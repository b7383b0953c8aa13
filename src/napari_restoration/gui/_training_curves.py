"""The plots of a training. The only module that uses pyqtgraph, and only when a plot is made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

if TYPE_CHECKING:
    from napari_restoration.tasks.train_reports import EpochReport

_HEIGHT_PX, _TIME_PX = 98, 34
_LEFT_PX, _RIGHT_PX = 42, 36
_WIDTH_PX = 1.8
_FONT_PT = 8
_BEST_PX = 9
_EDGE = 0.04
_MOST_MARKS = 5

Floats = npt.NDArray[np.float64]


class Curves(QWidget):
    """A plot that follows the theme, fits its curves by itself, and leaves mouse and wheel to the panel.

    Parameters
    ----------
    has_time : bool
        Whether the figures of the axis of time are written below it.
    """

    def __init__(self, *, has_time: bool) -> None:
        import pyqtgraph

        super().__init__()
        self.plot: Any = pyqtgraph.PlotWidget(self)
        self.plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)  # the wheel scrolls the panel
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setFrameShape(self.plot.Shape.NoFrame)
        self._item: Any = self.plot.getPlotItem()
        self._item.hideButtons()
        self._item.setMenuEnabled(False)
        self._item.setMouseEnabled(False, False)
        self._item.getAxis("left").setWidth(_LEFT_PX)
        self._item.showAxis("right")
        self._item.getAxis("right").setWidth(_RIGHT_PX)
        self._item.getAxis("right").setStyle(showValues=False, tickLength=0)
        self._item.getAxis("right").setTicks([])
        self._item.getAxis("bottom").setStyle(showValues=has_time)
        self._item.getAxis("bottom").enableAutoSIPrefix(False)
        self._item.getAxis("left").enableAutoSIPrefix(False)
        self._has_time = has_time
        self.setFixedHeight(_HEIGHT_PX + (_TIME_PX if has_time else 0))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.plot)

    def set_colours(self, text: str, ground: str) -> None:
        """Draw axes and ground in the colours of a theme."""
        import pyqtgraph

        self.plot.setBackground(ground)
        font = self.font()
        font.setPointSize(_FONT_PT)
        faint = pyqtgraph.mkColor(text)
        faint.setAlpha(110)
        for side in ("left", "right", "bottom"):
            axis = self._item.getAxis(side)
            axis.setPen(pyqtgraph.mkPen(faint))
            axis.setTextPen(pyqtgraph.mkPen(text))
            axis.setTickFont(font)
            axis.label.setFont(font)

    def show_range(
        self,
        axis: str,
        box: Any,
        *curves: Floats,
        is_log: bool = False,
        below: float = 0.08,
        above: float = 0.08,
    ) -> None:
        """Fit a range of values to curves, with a few round figures at its axis.

        Parameters
        ----------
        axis : "left" or "right"
            Where the figures are.
        box : pyqtgraph.ViewBox
            What is fitted.
        curves : ndarray
            ``(n,)`` values, the missing ones NaN; logarithms of base 10 where `is_log`.
        is_log : bool
            Whether figures stand at powers of ten.
        below, above : float
            Room left, as shares of what the values span.
        """
        low, high = range_of(*curves, below=below, above=above)
        box.setYRange(low, high, padding=0.0)
        marks = log_marks(low, high) if is_log else round_marks(low, high)
        room = _EDGE * (high - low)  # figures at an edge would be cut off
        shown = [mark for mark in marks if low + room <= mark[0] <= high - room]
        self._item.getAxis(axis).setTicks([shown])

    def show_time(self, end: float, places: Sequence[float], across: str) -> None:
        """Span the axis of time from 0 to the end of the budget."""
        self._item.setXRange(0.0, max([end, *places]), padding=0.02)
        if self._has_time:
            self._item.getAxis("bottom").setLabel(across)


class LossCurves(Curves):
    """Losses of training and validation, upwards in powers of ten unless one is not above 0.

    Parameters
    ----------
    training, validation : str
        Colours.
    """

    def __init__(self, training: str, validation: str) -> None:
        super().__init__(has_time=False)
        self.training = self._item.plot(pen=_pen(training), connect="finite", antialias=True)
        self.validation = self._item.plot(pen=_pen(validation), connect="finite", antialias=True)
        self._best = _best_mark(validation)
        self._item.addItem(self._best)

    def show_epochs(
        self, places: Sequence[float], epochs: Sequence[EpochReport], end: float, across: str
    ) -> None:
        """Show the losses of epochs at their places on the axis of time."""
        training, validation = _values(epochs, "train_loss"), _values(epochs, "val_loss")
        known = np.concatenate([training, validation])
        known = known[np.isfinite(known)]
        is_log = bool(known.size) and float(known.min()) > 0
        if is_log:
            training, validation = np.log10(training), np.log10(validation)
        self.training.setData(places, training)
        self.validation.setData(places, validation)
        _show_best(self._best, places, epochs, validation)
        self.show_range("left", self._item.getViewBox(), training, validation, is_log=is_log)
        self.show_time(end, places, across)


class ScoreCurves(Curves):
    """Validation PSNR on the left and SSIM on the right, the untouched model's PSNR as a dashed line.

    Parameters
    ----------
    psnr, ssim : str
        Colours.
    """

    def __init__(self, psnr: str, ssim: str) -> None:
        import pyqtgraph

        super().__init__(has_time=True)
        self.psnr = self._item.plot(pen=_pen(psnr), connect="finite", antialias=True)
        self.untouched: Any = pyqtgraph.InfiniteLine(angle=0)
        self.untouched.hide()
        self._best = _best_mark(psnr)
        for one in (self.untouched, self._best):
            self._item.addItem(one)
        # A second range of values needs a second box of pyqtgraph's, laid over the first by hand.
        self._right: Any = pyqtgraph.ViewBox(enableMenu=False)
        self._right.setMouseEnabled(False, False)
        self._item.scene().addItem(self._right)
        self._item.getAxis("right").linkToView(self._right)
        self._item.getAxis("right").setTicks(None)
        self._item.getAxis("right").setStyle(showValues=True)
        self._item.getAxis("right").enableAutoSIPrefix(False)
        self._right.setXLink(self._item)
        self.ssim: Any = pyqtgraph.PlotDataItem(pen=_pen(ssim, dash=[3, 2]), connect="finite", antialias=True)
        self._right.addItem(self.ssim)
        self._item.getViewBox().sigResized.connect(self._lay_over)

    def set_colours(self, text: str, ground: str) -> None:
        """Draw axes, the dashed line and the ground in the colours of a theme."""
        import pyqtgraph

        super().set_colours(text, ground)
        faint = pyqtgraph.mkColor(text)
        faint.setAlpha(170)
        self.untouched.setPen(pyqtgraph.mkPen(faint, width=1.2, dash=[5, 4]))

    def show_epochs(
        self, places: Sequence[float], epochs: Sequence[EpochReport], end: float, across: str
    ) -> None:
        """Show the scores of epochs at their places on the axis of time."""
        psnr = _values(epochs, "val_psnr")
        ssim = _values(epochs, "val_ssim")
        self.psnr.setData(places, psnr)
        self.ssim.setData(places, ssim)
        self.show_range("left", self._item.getViewBox(), psnr, below=0.08, above=0.24)
        # Both often rise alike: without more room below, one would hide the other.
        self.show_range("right", self._right, ssim, below=0.24, above=0.08)
        _show_best(self._best, places, epochs, psnr)
        untouched = epochs[0].val_psnr if epochs and epochs[0].done == 0 else math.nan
        self.untouched.setVisible(math.isfinite(untouched))
        if math.isfinite(untouched):
            self.untouched.setValue(untouched)
        self.show_time(end, places, across)

    def _lay_over(self) -> None:
        box = self._item.getViewBox()
        self._right.setGeometry(box.sceneBoundingRect())
        self._right.linkedViewChanged(box, self._right.XAxis)


def range_of(*curves: Floats, below: float = 0.08, above: float = 0.08) -> tuple[float, float]:
    """A little more than the values of all curves span; from 0 to 1 where there are none."""
    values = np.concatenate([np.zeros(0), *curves])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    span = max(high - low, 1e-2 * abs(high), 1e-5)
    return low - below * span, high + above * span


def round_marks(low: float, high: float) -> list[tuple[float, str]]:
    """Two to six round figures within a range, and how they are written."""
    decade = 10.0 ** math.floor(math.log10(high - low))
    step = next(
        part * decade for part in (0.2, 0.5, 1.0, 2.0) if (high - low) / (part * decade) <= _MOST_MARKS
    )
    digits = max(0, math.ceil(-math.log10(step) - 1e-9))
    marks = [i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1)]
    return [(one, f"{one:.{digits}f}") for one in marks]


def log_marks(low: float, high: float) -> list[tuple[float, str]]:
    """Figures at the base-10 logarithms of a range: powers of ten, or finer where it spans few of them."""
    for digits in ((1,), (1, 3), (1, 2, 5)):
        exponents = range(math.floor(low), math.ceil(high) + 1)
        values = [digit * 10.0**exponent for exponent in exponents for digit in digits]
        marks = [(math.log10(one), f"{one:.3g}") for one in values if low <= math.log10(one) <= high]
        if len(marks) > 2:
            return marks[:: math.ceil(len(marks) / _MOST_MARKS)]
    return [(math.log10(one), words) for one, words in round_marks(10**low, 10**high)]


def _pen(colour: str, dash: Sequence[float] | None = None) -> Any:
    import pyqtgraph

    return pyqtgraph.mkPen(colour, width=_WIDTH_PX, dash=dash)


def _best_mark(colour: str) -> Any:
    import pyqtgraph

    return pyqtgraph.ScatterPlotItem(
        size=_BEST_PX, pen=pyqtgraph.mkPen(colour, width=2), brush=pyqtgraph.mkBrush(colour), symbol="o"
    )


def _values(epochs: Sequence[EpochReport], name: str) -> Floats:
    values = np.array([getattr(one, name) for one in epochs], dtype=np.float64)
    return np.where(np.isfinite(values), values, np.nan)


def _show_best(mark: Any, places: Sequence[float], epochs: Sequence[EpochReport], heights: Floats) -> None:
    best = next((i for i in reversed(range(len(epochs))) if epochs[i].best), None)
    if best is None or not math.isfinite(heights[best]):
        mark.setData([], [])
    else:
        mark.setData([places[best]], [heights[best]])
