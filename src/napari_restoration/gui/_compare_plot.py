"""The plot of a line profile. Uses pyqtgraph, which is loaded when the first profile is drawn."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_restoration.gui._compare_lattice import unit_symbol
from napari_restoration.gui._message import small_text

if TYPE_CHECKING:
    from napari_restoration.tasks.comparison import GreyMatch
    from napari_restoration.tasks.comparison_profile import Profile

NO_PYQTGRAPH = 'For the plot install pyqtgraph: pip install "napari-restoration[qt]"'

# Told apart in both themes and without colours: the earlier layer is dashed.
COLOURS = "#d9a018", "#4c8bd6"
_DASHES = ((5, 3), None)
_HEIGHT_PX = 190
_LEFT_PX = 58
_PNG_WIDTH_PX = 1600


class ProfilePlot(QWidget):
    """Grey levels of two layers over the distance along a line.

    Parameters
    ----------
    parent : QWidget, optional
        The panel.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.legend = small_text()
        self.plot: Any = None
        self.curves: list[Any] = []
        self._theme = "dark"
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(2)
        self._layout.addWidget(self.legend)
        self.hide()

    def show_profile(self, profile: Profile, match: GreyMatch | None = None) -> None:
        """Draw two curves on one scale.

        Parameters
        ----------
        profile : Profile
            Of the earlier and the later layer.
        match : GreyMatch, optional
            Brings the later one to the grey levels of the earlier one, which the legend then says.
        """
        self._make()
        self.show()
        if self.plot is None:
            return
        values = [profile.values[0], profile.values[1] if match is None else match.forward(profile.values[1])]
        for curve, levels in zip(self.curves, values, strict=True):
            curve.setData(profile.distance, levels)
        self.plot.getPlotItem().setLabel("bottom", f"Distance ({unit_symbol(profile.unit)})")
        end = float(profile.distance[-1])
        self.plot.getPlotItem().setXRange(0.0, end if end > 0 else 1.0, padding=0.02)
        known = np.concatenate(values)
        known = known[np.isfinite(known)]
        if known.size:
            low, high = float(known.min()), float(known.max())
            margin = 0.06 * (high - low) or 1.0
            self.plot.getPlotItem().setYRange(low - margin, high + margin, padding=0.0)

    def name_curves(self, names: tuple[str, str], *, matched: bool) -> None:
        """Write whose curves they are."""
        from html import escape

        marks = (("╍", COLOURS[0]), ("━", COLOURS[1]))
        words = [escape(names[0]), escape(names[1]) + (" (matched)" if matched else "")]
        text = "<br>".join(
            f'<span style="color:{colour}">{mark}{mark}</span> {word}'
            for (mark, colour), word in zip(marks, words, strict=True)
        )
        self.legend.setTextFormat(_rich())
        self.legend.setText(text if self.plot is not None else NO_PYQTGRAPH)

    def save_png(self, path: Path) -> None:
        """Write the plot as a picture 1600 pixels wide.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        from napari_restoration.core.files import write_bytes_atomically

        write_bytes_atomically(path, self._png())

    def follow_theme(self, theme: str) -> None:
        """Take up the colours of a theme of napari's."""
        self._theme = theme
        if self.plot is None:
            return
        import pyqtgraph
        from napari.utils.theme import get_theme

        colours = get_theme(theme)
        text = colours.text.as_hex()
        self.plot.setBackground(colours.background.as_hex())
        font = self.font()
        font.setPointSize(8)
        faint = pyqtgraph.mkColor(text)
        faint.setAlpha(110)
        for side in ("left", "bottom"):
            axis = self.plot.getPlotItem().getAxis(side)
            axis.setPen(pyqtgraph.mkPen(faint))
            axis.setTextPen(pyqtgraph.mkPen(text))
            axis.setTickFont(font)
            axis.label.setFont(font)

    def _make(self) -> None:
        if self.plot is not None or importlib.util.find_spec("pyqtgraph") is None:
            return
        import pyqtgraph
        from qtpy.QtCore import Qt

        self.plot = pyqtgraph.PlotWidget(self)
        self.plot.setFixedHeight(_HEIGHT_PX)
        self.plot.setFrameShape(self.plot.Shape.NoFrame)
        self.plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)  # the wheel scrolls the panel
        item = self.plot.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.getAxis("left").setWidth(_LEFT_PX)
        item.getAxis("left").setLabel("Grey level")
        item.layout.setContentsMargins(0, 8, 10, 0)  # room for half of the outermost figures
        for side in ("left", "bottom"):
            item.getAxis(side).enableAutoSIPrefix(False)
        for colour, dash in zip(COLOURS, _DASHES, strict=True):
            pen = pyqtgraph.mkPen(colour, width=1.8, dash=dash)
            self.curves.append(item.plot(pen=pen, connect="finite", antialias=True))
        self._layout.insertWidget(0, self.plot)
        self.follow_theme(self._theme)

    def _png(self) -> bytes:
        from pyqtgraph.exporters import ImageExporter
        from qtpy.QtCore import QBuffer, QIODevice

        exporter = ImageExporter(self.plot.getPlotItem())
        exporter.parameters()["width"] = _PNG_WIDTH_PX
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        exporter.export(toBytes=True).save(buffer, "PNG")
        return bytes(buffer.data().data())


def _rich() -> Any:
    from qtpy.QtCore import Qt

    return Qt.TextFormat.RichText
