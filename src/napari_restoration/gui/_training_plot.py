"""Losses and scores while a network trains, drawn with pyqtgraph, which is loaded when a training begins."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_restoration.gui._message import small_text

if TYPE_CHECKING:
    from napari_restoration.tasks.train_reports import EpochReport

NO_PYQTGRAPH = 'For curves install pyqtgraph: pip install "napari-restoration[qt]"'

# Told apart in both themes; SSIM, which shares its plot with PSNR, is dashed as well.
_TRAINING, _VALIDATION, _SSIM = "#4c8bd6", "#d9a018", "#3fa37a"


class TrainingPlot(QWidget):
    """Two plots with one axis of time: losses on a logarithmic axis, and validation PSNR with SSIM.

    Below them the latest numbers in words, which need no pyqtgraph.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.epochs: list[EpochReport] = []
        """What is shown, in order; the untouched model first, at step 0."""
        self.words = small_text()
        self.losses: Any = None
        self.scores: Any = None
        self._minutes: float | None = None
        self._theme = "dark"
        self._legends = [_legend(), _legend()]
        self._legends[0].setText(
            f"Loss &nbsp; {_dash(_TRAINING)} training &nbsp; {_dash(_VALIDATION)} validation"
        )
        self._legends[1].setText(
            f"Validation &nbsp; {_dash(_VALIDATION)} PSNR in dB (left) &nbsp; {_dash(_SSIM, '╍')} SSIM (right)"
        )
        self._legends[1].setToolTip(
            "<qt>On patches that are not trained on. The circle is the best model so far, the dashed line the PSNR of "
            "the model that training began with.</qt>"
        )
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        for part in (*self._legends, self.words):
            self._layout.addWidget(part)
        self.hide()

    @property
    def has_curves(self) -> bool:
        """Whether pyqtgraph is there and the plots are made."""
        return self.losses is not None

    def begin(self, minutes: float | None) -> None:
        """Empty the plots for another training; makes them, the first time.

        Parameters
        ----------
        minutes : float or None
            The budget, which the axis then spans; None where steps are counted.
        """
        self.epochs, self._minutes = [], minutes
        if not self.has_curves and importlib.util.find_spec("pyqtgraph") is not None:
            from napari_restoration.gui._training_curves import LossCurves, ScoreCurves

            self.losses = LossCurves(_TRAINING, _VALIDATION)
            self.scores = ScoreCurves(_VALIDATION, _SSIM)
            self._layout.insertWidget(1, self.losses)
            self._layout.insertWidget(3, self.scores)
            self.follow_theme(self._theme)
        for legend in self._legends:
            legend.setVisible(self.has_curves)
        self._draw()
        self.words.setText("" if self.has_curves else NO_PYQTGRAPH)
        self.show()

    def add(self, epochs: Sequence[EpochReport]) -> None:
        """Show further epochs; a step that is repeated after a pause or a return takes the place of the earlier one."""
        for epoch in epochs:
            self.epochs = [one for one in self.epochs if one.done < epoch.done] + [epoch]
        self._draw()
        words = in_words(self.epochs, by_minutes=self._minutes is not None)
        self.words.setText(words if self.has_curves else f"{words}\n{NO_PYQTGRAPH}")

    def follow_theme(self, theme: str) -> None:
        """Take up the colours of a theme of napari's."""
        from napari.utils.theme import get_theme

        self._theme = theme
        if self.has_curves:
            colours = get_theme(theme)
            for plot in (self.losses, self.scores):
                plot.set_colours(colours.text.as_hex(), colours.background.as_hex())

    def _draw(self) -> None:
        if not self.has_curves:
            return
        by_minutes = self._minutes is not None
        end = self._minutes or max((float(one.total) for one in self.epochs), default=1.0)
        places = [one.minutes if by_minutes else float(one.done) for one in self.epochs]
        across = "minutes" if by_minutes else "steps"
        self.losses.show_epochs(places, self.epochs, end, across)
        self.scores.show_epochs(places, self.epochs, end, across)


def best_of(epochs: Sequence[EpochReport]) -> EpochReport | None:
    """The epoch whose weights are the best so far."""
    return next((one for one in reversed(epochs) if one.best), None)


def untouched_of(epochs: Sequence[EpochReport]) -> EpochReport | None:
    """The row of the model as it was before training, if it was scored."""
    return next((one for one in epochs if one.done == 0), None)


def in_words(epochs: Sequence[EpochReport], *, by_minutes: bool) -> str:
    """The latest scores beside the best ones and those of the untouched model."""
    if not epochs:
        return ""
    last, best, untouched = epochs[-1], best_of(epochs), untouched_of(epochs)
    words = [f"PSNR {_figure(last.val_psnr, 2)} dB, SSIM {_figure(last.val_ssim, 3)}"]
    if best is not None and best is not last:
        when = f"after {best.minutes:.1f} min" if by_minutes else f"at step {best.done}"
        if best is untouched:
            when = "before training"
        words.append(f"best {_figure(best.val_psnr, 2)} dB {when}")
    elif best is last and untouched is not last:
        words.append("the best so far")
    if untouched is not None and untouched not in (last, best):
        words.append(f"before training {_figure(untouched.val_psnr, 2)} dB")
    return "; ".join(words) + "."


def _figure(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def _dash(colour: str, line: str = "━") -> str:
    return f'<span style="color: {colour}; font-weight: 700;">{line}</span>'


def _legend() -> QLabel:
    label = small_text()
    label.setTextFormat(Qt.TextFormat.RichText)
    return label
