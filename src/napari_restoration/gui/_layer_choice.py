"""The choice of an image layer that stays where it is, whatever is selected in the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QWidget

from napari_restoration.gui._layers import is_restorable
from napari_restoration.gui._step_combo import NarrowCombo

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image


class LayerChoice(NarrowCombo):
    """The image layers of a viewer, topmost first.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.
    none_words : str
        What stands for no layer, and comes first; empty if there must be one.
    parent : QWidget, optional
        The panel.
    """

    layer_changed = Signal()

    def __init__(self, viewer: ViewerModel, none_words: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer, self._none_words = viewer, none_words
        self._layers: list[Image | None] = []
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(self.refresh)
        self.currentIndexChanged.connect(self._on_index)
        self.refresh()

    @property
    def layer(self) -> Image | None:
        """The chosen layer."""
        index = self.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def choose(self, layer: Any) -> None:
        """Choose a layer; one that is not offered is ignored."""
        for index, known in enumerate(self._layers):
            if known is layer or (known is not None and known == layer):
                self.setCurrentIndex(index)

    def refresh(self, event: Any = None) -> None:
        """Read the viewer's layers again and keep the choice where it still exists."""
        chosen = self.layer
        layers: list[Image | None] = [one for one in reversed(self._viewer.layers) if is_restorable(one)]
        if self._none_words:
            layers.insert(0, None)
        self.blockSignals(True)
        self.clear()
        for layer in layers:
            self.add(self._none_words if layer is None else layer.name, "" if layer is None else layer.name)
        self._layers = layers
        self.setCurrentIndex(next((i for i, one in enumerate(layers) if one is chosen), 0 if layers else -1))
        self.blockSignals(False)
        self.setEnabled(bool(layers))
        if self.layer is not chosen:
            self.layer_changed.emit()

    def _on_index(self, _index: int) -> None:
        self.layer_changed.emit()
