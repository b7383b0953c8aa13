"""What the Layers menu and the command palette do for comparing."""

from __future__ import annotations

from typing import Any

# napari looks the annotations below up by their full names; its submodules are loaded when it does.
import napari

from napari_restoration.gui import _commands
from napari_restoration.gui._compare_pair import pair_with
from napari_restoration.gui.compare_widget import CompareWidget


def compare_active(viewer: napari.viewer.Viewer, layer: napari.layers.Layer) -> None:
    """Open the Compare widget on the active layer and its source, or its result; without either, as the later layer."""
    widget = open_compare_widget(viewer)
    # napari hands proxies over, which are equal to what they stand for, but not the same object.
    before, after = pair_with(viewer, getattr(layer, "__wrapped__", layer)) or (None, layer)
    widget.choose(before, after)


def open_compare_widget(viewer: napari.viewer.Viewer) -> CompareWidget:
    """The Compare widget of a viewer; the one that is open, else a new one.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    """
    open_panel: Any = _commands._open
    widget: CompareWidget = open_panel(viewer, CompareWidget, "Compare")
    return widget
