"""Tables of scores and of readings, copied and saved as they are."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from napari_restoration.tasks.comparison_quality import TITLES, Quality
from napari_restoration.tasks.comparison_scores import Scores, Values

METRICS = {
    "psnr": ("PSNR (dB)", 2),
    "ssim": ("SSIM", 4),
    "pcc": ("PCC", 4),
    "mae": ("MAE", 4),
    "nrmse": ("NRMSE", 4),
}
"""Title and digits of each score; errors in grey levels have significant digits instead."""

_MEANINGS = {
    "psnr": "Peak signal-to-noise ratio: how small the squared error is beside the reference's range. More is better.",
    "ssim": "Structural similarity (Wang 2004, Gaussian window): 1 is equal. More is better.",
    "pcc": "Pearson correlation of all pixels, which gain and offset do not change. More is better.",
    "mae": "Mean absolute error in the reference's grey levels. Less is better.",
    "nrmse": "Root mean squared error over the reference's range. Less is better.",
}
# Heads as plain as the cells; napari draws them as buttons.
_PLAIN = "QHeaderView::section, QTableCornerButton::section { background: transparent; border: none; }"
_ROW_PX = 22
_MOST_ROWS = 14
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class NumberTable(QTableWidget):
    """A table that is read, not edited, as high as its lines up to fourteen.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.setWordWrap(False)
        self.setShowGrid(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet(_PLAIN)
        self.hide()

    def show_rows(
        self,
        titles: Sequence[str],
        names: Sequence[str],
        rows: Sequence[Sequence[str]],
        tips: Sequence[str] = (),
    ) -> None:
        """Fill the table.

        Parameters
        ----------
        titles : sequence of str
            Of the columns.
        names : sequence of str
            Of the lines.
        rows : sequence of sequence of str
            The cells.
        tips : sequence of str
            What each line means.
        """
        self.setColumnCount(len(titles))
        self.setRowCount(len(rows))
        self.setHorizontalHeaderLabels(list(titles))
        self.setVerticalHeaderLabels(list(names))
        for y, row in enumerate(rows):
            for x, text in enumerate(row):
                cell = QTableWidgetItem(text)
                cell.setTextAlignment(_RIGHT)
                if tips:
                    cell.setToolTip(f"<qt>{tips[y]}</qt>")
                self.setItem(y, x, cell)
            if tips and (head := self.verticalHeaderItem(y)) is not None:
                head.setToolTip(f"<qt>{tips[y]}</qt>")
        across, down = self.horizontalHeader(), self.verticalHeader()
        if across is not None and down is not None:
            across.setSectionResizeMode(QHeaderView.ResizeMode.Stretch)
            across.setDefaultAlignment(_RIGHT)
            down.setDefaultSectionSize(_ROW_PX)
            down.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            down.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
            shown = min(len(rows), _MOST_ROWS)
            self.setFixedHeight(across.sizeHint().height() + shown * _ROW_PX + 4)
        self.show()

    def show_overall(self, scores: Scores, letters: Sequence[str]) -> None:
        """Show the means over planes: a line a metric, columns plain and after the best gain and offset."""
        titles = [f"{letter}{kind}" for kind in ("", " affine") for letter in letters]
        rows = [
            [_figure(values, name + suffix) for suffix in ("", "_affine") for values in scores.overall]
            for name in METRICS
        ]
        self.show_rows(titles, [title for title, _ in METRICS.values()], rows, list(_MEANINGS.values()))

    def show_planes(self, scores: Scores, letters: Sequence[str], metric: str) -> None:
        """Show one metric of every plane, and its mean in the first line."""
        titles = [f"{letter}{kind}" for kind in ("", " affine") for letter in letters]
        rows = [[_figure(v, metric + suffix) for suffix in ("", "_affine") for v in scores.overall]]
        for plane in scores.planes:
            rows.append([_figure(v, metric + suffix) for suffix in ("", "_affine") for v in plane.values])
        names = ["mean", *(plane.words or "plane" for plane in scores.planes)]
        self.show_rows(titles, names, rows)

    def show_quality(self, quality: Quality, letters: Sequence[str]) -> None:
        """Show the readings: a line each, a column an image."""
        rows = [[readings[key].in_words() for readings in quality.readings] for key in TITLES]
        self.show_rows(list(letters), list(TITLES.values()), rows)


def _figure(values: Values, name: str) -> str:
    value = values[name]
    metric = name.removesuffix("_affine")
    if value is None:
        return "–"
    return f"{value:.4g}" if metric == "mae" else f"{value:.{METRICS[metric][1]}f}"
