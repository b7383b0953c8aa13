"""Good images to learn from when there are no pairs, and what degrades them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFormLayout, QListWidget, QListWidgetItem, QSizePolicy, QWidget

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.gui._calibration_row import LengthField
from napari_restoration.gui._layers import METADATA_KEY, guess_layer_axes, is_restorable, layer_to_image
from napari_restoration.gui._pairs_panel import FolderField
from napari_restoration.gui._step_combo import NarrowCombo

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_restoration.degradations.presets import Preset

PANEL = "the Degrade panel"
"""Stands for the steps that the Degrade panel holds."""
_SOURCES = {
    "layers": ("Open images", "The image layers that are ticked below."),
    "folder": ("Files of a folder", "Each image file of a folder."),
}
_MOST_HEIGHT = 120


class GoodImages(QWidget):
    """Ticked layers or a folder, a preset, and the pixel size where the images do not tell it.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered.
    parent : QWidget, optional
        The panel.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers: list[Image] = []
        self.source = NarrowCombo()
        for name, (words, sentence) in _SOURCES.items():
            self.source.add(words, name, sentence)
        self.list = QListWidget()
        self.list.setToolTip("Sharp images with little noise; a stack gives all of its planes.")
        self.list.setSizeAdjustPolicy(QListWidget.SizeAdjustPolicy.AdjustToContents)
        self.list.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Maximum)
        self.list.setMaximumHeight(_MOST_HEIGHT)
        self.folder = FolderField("Folder of good images")
        self.preset = NarrowCombo()
        self.pixel = LengthField("Side of a pixel of images that do not tell it.")
        self.form = QFormLayout(self)
        self.form.addRow("Images", self.source)
        self.form.addRow("", self.list)
        self.form.addRow("From", self.folder)
        self.form.addRow("Degrade by", self.preset)
        self.form.addRow("Pixel size", self.pixel)
        events = viewer.layers.events
        for event in (events.inserted, events.removed, events.reordered, events.renamed):
            event.connect(self.refresh_layers)
        self.source.currentIndexChanged.connect(self._on_source)
        self.list.itemChanged.connect(self._on_edited)
        self.folder.line.textChanged.connect(self.changed)
        self.preset.currentIndexChanged.connect(self._on_preset)
        self.pixel.changed.connect(self.changed)
        self.refresh_layers()
        self.refresh_presets()
        self._on_source()

    @property
    def is_of_files(self) -> bool:
        """Whether files are the source, not layers."""
        return bool(self.source.currentData() == "folder")

    def ticked(self) -> list[Image]:
        """The layers that are ticked."""
        items = [self.list.item(row) for row in range(self.list.count())]
        return [
            layer
            for layer, item in zip(self._layers, items, strict=True)
            if item is not None and item.checkState() == Qt.CheckState.Checked
        ]

    def images(self) -> tuple[CalibratedImage, ...]:
        """The ticked layers with axes and calibration; no pixel is read.

        Raises
        ------
        InputError
            If none is ticked.
        """
        layers = self.ticked()
        if not layers:
            raise InputError(
                "There is no good image to learn from: open one and tick it, or choose a folder."
            )
        return tuple(layer_to_image(layer, guess_layer_axes(layer)) for layer in layers)

    def tick_only(self, layer: Any) -> None:
        """Tick one layer and no other."""
        for row, known in enumerate(self._layers):
            if (item := self.list.item(row)) is not None:
                is_it = known is layer or known == layer
                item.setCheckState(Qt.CheckState.Checked if is_it else Qt.CheckState.Unchecked)

    def chosen_preset(self) -> Preset | str:
        """The name of a preset, or the steps of the Degrade panel.

        Raises
        ------
        InputError
            If the panel holds none.
        """
        chosen = str(self.preset.currentData())
        if chosen != PANEL:
            return chosen
        found = steps_of_degrade_panel(self._viewer)
        if found is None:
            raise InputError(
                "The Degrade panel holds no steps yet: open it and set them, or choose a preset here."
            )
        return found

    def choose_preset(self, preset_id: str) -> None:
        """Choose a preset; an unknown one is ignored."""
        index = self.preset.findData(preset_id)
        if index >= 0:
            self.preset.setCurrentIndex(index)

    def offer_task(self, task: str) -> None:
        """Choose a preset for a task, unless the one that is chosen is for it or is the person's own steps."""
        from napari_restoration.tasks.presets import list_presets

        of_task = [preset.id for preset in list_presets() if preset.task == task]
        if of_task and self.preset.currentData() not in (*of_task, PANEL):
            self.choose_preset(of_task[0])

    def refresh_presets(self) -> None:
        """Read the list of presets again and keep the choice where it still exists."""
        from napari_restoration.tasks.presets import list_presets

        chosen = self.preset.currentData()
        self.preset.blockSignals(True)
        self.preset.clear()
        for preset in list_presets():
            self.preset.add(preset.title, preset.id, preset.description)
        self.preset.insertSeparator(self.preset.count())
        self.preset.add(
            "Steps of the Degrade panel", PANEL, "The steps as they are set in the Degrade widget now."
        )
        self.preset.setCurrentIndex(max(0, self.preset.findData(chosen)))
        self.preset.blockSignals(False)

    def refresh_layers(self, event: Any = None) -> None:
        """Read the viewer's layers again; ticks stay, and new layers that may be good are ticked."""
        ticked, known = self.ticked(), self._layers
        self._layers = [layer for layer in reversed(self._viewer.layers) if is_restorable(layer)]
        self.list.blockSignals(True)
        self.list.clear()
        for layer in self._layers:
            item = QListWidgetItem(layer.name)
            is_on = layer in ticked if layer in known else _may_be_good(layer)
            item.setCheckState(Qt.CheckState.Checked if is_on else Qt.CheckState.Unchecked)
            self.list.addItem(item)
        self.list.blockSignals(False)
        self._on_edited()

    def choices(self) -> dict[str, Any]:
        """What is remembered."""
        return {
            "source": self.source.currentData(),
            "folder": self.folder.line.text(),
            "preset": self.preset.currentData(),
        }

    def restore(self, choices: dict[str, Any]) -> None:
        """Take up remembered choices as far as they are valid."""
        self.source.setCurrentIndex(max(0, self.source.findData(choices.get("source"))))
        self.folder.line.setText(str(choices.get("folder") or ""))
        self.choose_preset(str(choices.get("preset")))

    def _on_source(self) -> None:
        self.form.setRowVisible(self.list, not self.is_of_files)
        self.form.setRowVisible(self.folder, self.is_of_files)
        self.source.setToolTip(_SOURCES[self.source.currentData()][1])
        self._on_edited()

    def _on_preset(self) -> None:
        self.preset.setToolTip(str(self.preset.itemData(self.preset.currentIndex(), 3)))  # Qt's ToolTipRole
        self._on_edited()

    def _on_edited(self) -> None:
        self._show_pixel_size()
        self.changed.emit()

    def _show_pixel_size(self) -> None:
        """Show the size that all ticked layers share, if they do."""
        if self.is_of_files:
            self.pixel.show_known(None)
            return
        try:
            sizes = {image.pixel_size_um.get("X") for image in self.images()}
        except InputError:
            sizes = set()
        self.pixel.show_known(sizes.pop() if len(sizes) == 1 else None)


def _may_be_good(layer: Image) -> bool:
    """Neither made by this program nor called noisy or the like."""
    from napari_restoration.tasks.train_order import is_bad_by_name

    return METADATA_KEY not in layer.metadata and not is_bad_by_name(layer.name)


def steps_of_degrade_panel(viewer: Any) -> Preset | None:
    """The preset of the viewer's Degrade panel with its steps as they are set; else as they were left last time."""
    from napari_restoration.gui._remembered import recall
    from napari_restoration.gui.degrade_widget import DegradeWidget
    from napari_restoration.tasks.presets import find_preset, with_steps

    for widget in viewer.window.dock_widgets.values() if hasattr(viewer, "window") else ():
        if isinstance(widget, DegradeWidget):
            return widget.form.presets.value()
    kept = recall("degrade")
    try:
        preset = find_preset(str(kept["preset"]))
        return with_steps(preset, kept["steps"], kept["order"]) if "steps" in kept else preset
    except (InputError, KeyError, TypeError):
        return None
