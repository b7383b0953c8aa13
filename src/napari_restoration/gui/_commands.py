"""What the Layers menu and the command palette do: open a widget on the active layer; Restore is pressed, too."""

from __future__ import annotations

from typing import TypeVar

# napari looks the annotations below up by their full names; its submodules are loaded when it does.
import napari

from napari_restoration.gui.degrade_widget import DegradeWidget
from napari_restoration.gui.restore_widget import RestoreWidget
from napari_restoration.gui.train_widget import TrainWidget

PLUGIN = "napari-restoration"
Panel = TypeVar("Panel", RestoreWidget, DegradeWidget, TrainWidget)


def restore_active(viewer: napari.viewer.Viewer, layer: napari.layers.Layer) -> None:
    """Restore the active layer with the task and model last used."""
    _restore(viewer, layer)


def deblur_active(viewer: napari.viewer.Viewer, layer: napari.layers.Layer) -> None:
    """Deblur the active layer."""
    _restore(viewer, layer, "deblur")


def refocus_active(viewer: napari.viewer.Viewer, layer: napari.layers.Layer) -> None:
    """Refocus the active layer."""
    _restore(viewer, layer, "refocus")


def superres_active(viewer: napari.viewer.Viewer, layer: napari.layers.Layer) -> None:
    """Double the resolution of the active layer."""
    _restore(viewer, layer, "superres")


def denoise_active(viewer: napari.viewer.Viewer, layer: napari.layers.Layer) -> None:
    """Denoise the active layer."""
    _restore(viewer, layer, "denoise")


def degrade_active(viewer: napari.viewer.Viewer, layer: napari.layers.Layer) -> None:
    """Open the Degrade widget on the active layer; its preview shows what the steps last used make of it."""
    open_degrade_widget(viewer).choose(layer)


def train_active(viewer: napari.viewer.Viewer, layer: napari.layers.Layer) -> None:
    """Open the Train widget to learn from the active layer, with its counterpart where the names tell it."""
    open_train_widget(viewer).choose(layer)


def open_restore_widget(viewer: napari.viewer.Viewer) -> RestoreWidget:
    """The Restore widget of a viewer; the one that is open, else a new one.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    """
    return _open(viewer, RestoreWidget, "Restore")


def open_degrade_widget(viewer: napari.viewer.Viewer) -> DegradeWidget:
    """The Degrade widget of a viewer; the one that is open, else a new one.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    """
    return _open(viewer, DegradeWidget, "Degrade")


def open_train_widget(viewer: napari.viewer.Viewer) -> TrainWidget:
    """The Train widget of a viewer; the one that is open, else a new one.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    """
    return _open(viewer, TrainWidget, "Train")


def _open(viewer: napari.viewer.Viewer, kind: type[Panel], name: str) -> Panel:
    # A widget opened from the Plugins menu has another dock name than one opened by a script.
    for widget in viewer.window.dock_widgets.values():
        if isinstance(widget, kind):
            dock = widget.parentWidget()
            if dock is not None:
                dock.show()
                dock.raise_()
            return widget
    widget = viewer.window.add_plugin_dock_widget(PLUGIN, name)[1]
    if not isinstance(widget, kind):
        raise TypeError(f"{PLUGIN} offers {type(widget).__name__} as {name} widget.")
    return widget


def _restore(viewer: napari.viewer.Viewer, layer: napari.layers.Layer, task: str | None = None) -> None:
    widget = open_restore_widget(viewer)
    widget.choose(layer, task)
    widget.form.restore_button.click()
