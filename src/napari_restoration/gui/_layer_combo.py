"""The choice of an image layer, which follows the viewer and its selection."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_restoration.gui._layers import is_restorable

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image


class LayerCombo(QComboBox):
    """The image layers of a viewer. Selecting a layer in the viewer selects it here.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.
    parent : QWidget, optional
        The panel.
    """

    layer_changed = Signal()

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers: list[Image] = []
        self._is_pinned = False
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(10)
        self.setToolTip(
            "The image to restore. It follows the layer selected in the list; the layer is never changed."
        )
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(self._on_layers_changed)
        viewer.layers.selection.events.active.connect(self._on_active_changed)
        self.currentIndexChanged.connect(self._on_index_changed)
        self.refresh()
        self._follow()

    @property
    def layer(self) -> Image | None:
        """The chosen layer."""
        index = self.currentIndex()
        return self._layers[index] if 0 <= index < len(self._layers) else None

    def choose(self, layer: Any) -> bool:
        """Choose a layer; false if it is not offered."""
        # napari hands layers to commands in a proxy that is equal to the layer, but not the same object.
        for index, known in enumerate(self._layers):
            if known is layer or known == layer:
                self.setCurrentIndex(index)
                return True
        return False

    def refresh(self) -> None:
        """Read the viewer's layers again and keep the choice where it still exists."""
        chosen = self.layer
        layers = [layer for layer in reversed(self._viewer.layers) if is_restorable(layer)]
        self.blockSignals(True)
        self.clear()
        for layer in layers:
            self.addItem(layer.name)
        self._layers = layers
        keep = next((i for i, layer in enumerate(layers) if layer is chosen), 0 if layers else -1)
        self.setCurrentIndex(keep)
        self.blockSignals(False)
        self.setEnabled(bool(layers))
        if self.layer is not chosen:
            self.layer_changed.emit()

    @contextmanager
    def pinned(self) -> Iterator[None]:
        """Keep the choice while results are added, which napari selects."""
        self._is_pinned = True
        try:
            yield
        finally:
            self._is_pinned = False

    def _on_layers_changed(self, event: Any = None) -> None:
        self.refresh()

    def _on_active_changed(self, event: Any = None) -> None:
        if not self._is_pinned:
            self._follow()

    def _follow(self) -> None:
        active = self._viewer.layers.selection.active
        if active is not None:
            self.choose(active)

    def _on_index_changed(self, index: int) -> None:
        self.layer_changed.emit()
