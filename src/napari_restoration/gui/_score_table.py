"""Scores of held-out images, with their mean and spread: of the input, and of what two models make of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    """A line a metric, a column a stage; a stage without any number has no column.

    Parameters
    ----------
    parent : QWidget, optional
        The card.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cells: dict[tuple[str, str], QLabel] = {}
        """The figures, by metric and stage, or by image and stage."""
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(5, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(2)

    def show_means(self, assessment: Assessment) -> None:
        """Show mean ± standard deviation over the images."""
        images = assessment.images
        self._begin([stage for stage in _STAGES if any(_known(images, f"psnr_{stage}"))])
        for row, (metric, (title, digits)) in enumerate(_METRICS.items(), 1):
            self._add_line(
                row,
                metric,
                title,
                {stage: mean_and_spread(_known(images, f"{metric}_{stage}"), digits) for stage in _STAGES},
            )

    def show_images(self, assessment: Assessment) -> None:
        """Show the PSNR of each image."""
        images = assessment.images
        self._begin([stage for stage in _STAGES if any(_known(images, f"psnr_{stage}"))])
        for row, image in enumerate(images, 1):
            values = {stage: getattr(image, f"psnr_{stage}") for stage in _STAGES}
            figures = {stage: "–" if value is None else f"{value:.2f}" for stage, value in values.items()}
            self._add_line(row, image.name, image.name, figures)

    def _begin(self, stages: list[str]) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.cells = {}
        self._stages = stages
        self._grid.setColumnStretch(0, 1)
        for column, stage in enumerate(stages, 1):
            label = small_text()
            label.setWordWrap(False)
            label.setText(stage)
            label.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
            self._grid.addWidget(label, 0, column, _RIGHT)

    def _add_line(self, row: int, key: str, title: str, figures: dict[str, str]) -> None:
        name = QLabel(title)
        name.setTextFormat(Qt.TextFormat.PlainText)
        name.setToolTip(title)
        name.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._grid.addWidget(name, row, 0)
        for column, stage in enumerate(self._stages, 1):
            cell = QLabel(figures[stage])
            cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            if stage == "after":
                cell.setStyleSheet("QLabel { font-weight: 600; }")
            self.cells[key, stage] = cell
            self._grid.addWidget(cell, row, column, _RIGHT)


def mean_and_spread(values: Sequence[float], digits: int) -> str:
    """Such as 28.31 ± 0.92; a single value has no spread, and none is a dash."""
    if not values:
        return "–"
    mean = f"{fmean(values):.{digits}f}"
    return f"{mean} ± {stdev(values):.{digits}f}" if len(values) > 1 else mean


def _known(images: Sequence[ImageScores], name: str) -> list[float]:
    values = (getattr(image, name) for image in images)
    return [value for value in values if value is not None and math.isfinite(value)]
