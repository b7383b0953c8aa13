"""What a match found: a table of numbers, both images, their histograms and spectra, and the distance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.gui._curves import Curves
from napari_restoration.gui._message import small_text
from napari_restoration.gui._side_by_side import SideBySide

if TYPE_CHECKING:
    from napari_restoration.tasks.match import Estimated, Match

_UNITS = {"e-": "e⁻", "e-/grey level": "e⁻/level", "grey levels": "levels", "um": "µm", "deg": "°"}
_UNSURE = "QLabel { color: #d9a018; font-weight: 700; }"


class MatchResults(QWidget):
    """Shows a match; hidden until there is one.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.table = EstimateTable()
        self.pictures = SideBySide()
        self.distance = small_text()
        self.distance.setToolTip(
            "Of grey levels: how far they would have to be moved on average, as a share of the real image's range. Of "
            "the spectrum: the root mean square difference of the power in decades. Both are 0 for equal images."
        )
        self.histograms = Curves("Share of the pixels", "grey level")
        self.spectra = Curves("Power", "cycles per pixel")
        self.layers_button = QPushButton("Show both as layers")
        self.layers_button.setToolTip(
            "Add the synthetic image as a layer over the bad one, with the same contrast."
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for part in (
            self.table,
            self.pictures,
            self.layers_button,
            self.distance,
            self.histograms,
            self.spectra,
        ):
            layout.addWidget(part)
        self.hide()

    def show_match(self, match: Match) -> None:
        """Show everything about a match."""
        comparison = match.comparison
        self.table.show_estimates(match.estimates)
        self.pictures.show_planes(comparison.real, comparison.synthetic)
        self.distance.setText(comparison.words)
        self.histograms.show_curves(
            comparison.levels, comparison.real_histogram, comparison.synthetic_histogram
        )
        self.spectra.show_curves(comparison.frequencies, comparison.real_power, comparison.synthetic_power)
        self.show()


class EstimateTable(QWidget):
    """Name, value with unit, interval, and a mark with the reason where a number is not reliable.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self._grid.setColumnStretch(2, 1)
        self.rows: dict[str, tuple[QLabel, QLabel, QLabel, QLabel]] = {}

    def show_estimates(self, estimates: tuple[Estimated, ...]) -> None:
        """Show other numbers."""
        for labels in self.rows.values():
            for label in labels:
                self._grid.removeWidget(label)
                label.hide()
                label.deleteLater()
        self.rows = {}
        for row, one in enumerate(estimates):
            sure = one.is_reliable or one.value is None
            texts = (one.label, value_text(one), interval_text(one), "" if sure else "?")
            labels = (QLabel(texts[0]), QLabel(texts[1]), small_text(), QLabel(texts[3]))
            labels[2].setWordWrap(False)
            labels[2].setText(texts[2])
            labels[3].setStyleSheet(_UNSURE)
            labels[3].setAccessibleName("" if sure else "not reliable")
            for column, label in enumerate(labels):
                label.setTextFormat(Qt.TextFormat.PlainText)
                # A tooltip in plain text would be one endless line.
                label.setToolTip(f"<qt>{_escaped(_reason(one))}</qt>")
                self._grid.addWidget(label, row, column)
            labels[2].setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
            self.rows[one.name] = labels


def value_text(one: Estimated) -> str:
    """A number with three digits and its unit, or that it was not found."""
    if one.value is None:
        return "not found"
    unit = _UNITS.get(one.unit, one.unit)
    return f"{short(one.value)}{'' if unit == '°' else ' '}{unit}"


def interval_text(one: Estimated) -> str:
    """From where to where the true number is expected."""
    if one.value is None or one.low is None or one.high is None or one.low == one.high:
        return ""
    return f"{short(one.low)}–{short(one.high)}".replace("-", "−")


def short(value: float) -> str:
    """Three digits, more of a large number."""
    if abs(value) >= 100:
        return f"{value:.0f}" if abs(value) < 1e6 else f"{value:.3g}"
    if abs(value) < 1e-3:
        return "0" if abs(value) < 1e-9 else f"{value:.1e}"
    return f"{value:.3g}" if abs(value) >= 1 else f"{value:.2g}"


def _reason(one: Estimated) -> str:
    sure = one.is_reliable or one.value is None
    return one.words if sure else f"Not reliable. {one.words}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
