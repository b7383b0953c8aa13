"""Scores of held-out images, with their mean and spread: of the input, and of what two models make of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from napari_restoration.gui._message import small_text

if TYPE_CHECKING:
    from napari_restoration.tasks.assess import Assessment, ImageScores

_METRICS = {"psnr": ("PSNR (dB)", 2), "ssim": ("SSIM", 3)}
_STAGES = ("input", "before", "after")
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class ScoreTable(QWidget):
    """Figures in lines and columns; a stage without any number is left out.

    Parameters
    ----------
    parent : QWidget, optional
        The card.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cells: dict[tuple[str, str], QLabel] = {}
        """The figures, by line and column."""
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(5, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(2)

    def show_means(self, assessment: Assessment) -> None:
        """Show mean ± standard deviation over the images: a line a stage, a column a metric."""
        images = assessment.images
        self._begin(title for title, _ in _METRICS.values())
        for stage in _stages(images):
            figures = [
                mean_and_spread(_known(images, f"{metric}_{stage}"), digits)
                for metric, (_, digits) in _METRICS.items()
            ]
            self._add_line(stage, figures, is_strong=stage == "after")

    def show_images(self, assessment: Assessment) -> None:
        """Show the PSNR of each image: a line an image, a column a stage."""
        stages = _stages(assessment.images)
        self._begin(stages)
        for image in assessment.images:
            values = [getattr(image, f"psnr_{stage}") for stage in stages]
            self._add_line(image.name, [mean_and_spread([] if one is None else [one], 2) for one in values])

    def _begin(self, columns: Iterable[str]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()  # it is deleted only when Qt comes to it
                widget.deleteLater()
        self.cells, self._columns = {}, list(columns)
        self._lines = 0
        self._grid.setColumnStretch(0, 1)
        for column, title in enumerate(self._columns, 1):
            label = small_text()
            label.setWordWrap(False)
            label.setText(title)
            label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
            self._grid.addWidget(label, 0, column, _RIGHT)

    def _add_line(self, title: str, figures: Sequence[str], *, is_strong: bool = False) -> None:
        self._lines += 1
        name = QLabel(title)
        name.setTextFormat(Qt.TextFormat.PlainText)
        name.setToolTip(f"<qt>{escape(title)}</qt>")
        name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)  # names may be long
        self._grid.addWidget(name, self._lines, 0)
        for column, (key, figure) in enumerate(zip(self._columns, figures, strict=True), 1):
            cell = QLabel(figure)
            cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            if is_strong:
                cell.setStyleSheet("QLabel { font-weight: 600; }")
            self.cells[title, key] = cell
            self._grid.addWidget(cell, self._lines, column, _RIGHT)


def _stages(images: Sequence[ImageScores]) -> list[str]:
    return [stage for stage in _STAGES if _known(images, f"psnr_{stage}")]


def mean_and_spread(values: Sequence[float], digits: int) -> str:
    """Such as 28.31 ± 0.92; a single value has no spread, and none is a dash."""
    if not values:
        return "–"
    mean = f"{fmean(values):.{digits}f}"
    return f"{mean} ± {stdev(values):.{digits}f}" if len(values) > 1 else mean


def _known(images: Sequence[ImageScores], name: str) -> list[float]:
    values = (getattr(image, name) for image in images)
    return [value for value in values if value is not None and math.isfinite(value)]
