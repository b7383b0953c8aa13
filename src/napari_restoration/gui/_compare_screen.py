"""How two layers share the screen: cut by a line in the shaders, faded where that cannot be, or in two halves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal

from napari_restoration.gui._compare_changes import Changes
from napari_restoration.gui._compare_handle import Captions, WipeHandle

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_restoration.gui._compare_canvas import Canvas

Pair = tuple["Image", "Image"]


class Screen(QObject):
    """What all of them do; this one does nothing."""

    moved = Signal(float)
    """The line was dragged there, as a share of the canvas's width."""

    def show_share(self, share: float) -> None:
        """Show the earlier layer on so much of the screen, the later one on the rest."""

    def show_one(self, number: int) -> None:
        """Show the earlier (0) or the later (1) layer alone."""

    def follow_layers(self) -> None:
        """Take up layers that came or went."""

    def remove(self) -> None:
        """Leave the screen as it was."""


class Shutter(Screen):
    """Filters in the shaders, a line on the canvas, and names; the layers themselves are not touched.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    canvas : Canvas
        Its canvas.
    pair : tuple of napari.layers.Image
        The earlier layer, on the left, and the later one.
    """

    def __init__(self, viewer: ViewerModel, canvas: Canvas, pair: Pair) -> None:
        from napari_restoration.gui._compare_canvas import Curtains

        super().__init__(canvas.widget)
        self._viewer, self._canvas, self._pair = viewer, canvas, pair
        self._curtains = Curtains(canvas)
        self._captions = Captions(canvas.widget)
        self._handle: WipeHandle | None = None
        self._watched: list[Image] = []
        viewer.dims.events.ndisplay.connect(self._follow_nodes, position="last")
        self.follow_layers()

    @classmethod
    def on(cls, viewer: ViewerModel, pair: Pair) -> Shutter | None:
        """A shutter on a viewer's canvas; None where it is not to be reached."""
        from napari_restoration.gui._compare_canvas import find_canvas

        canvas = find_canvas(viewer)
        return None if canvas is None else cls(viewer, canvas, pair)

    def show_share(self, share: float) -> None:
        """Put the line at a share of the canvas's width."""
        edge = 2.0 * share - 1.0
        self._curtains.draw(self._pair[0], (-1.0, 0.0, -edge))
        self._curtains.draw(self._pair[1], (1.0, 0.0, edge))
        if self._handle is None:
            self._handle = WipeHandle(self._canvas.widget)
            self._handle.moved.connect(self.moved)
            self._captions.show_names([layer.name for layer in self._pair])
        self._handle.put(share)

    def show_one(self, number: int) -> None:
        """Show one layer on all of the canvas."""
        from napari_restoration.gui._compare_canvas import EVERYTHING, NOTHING

        for i, layer in enumerate(self._pair):
            self._curtains.draw(layer, EVERYTHING if i == number else NOTHING)
        self._captions.show_names([self._pair[number].name])

    def follow_layers(self) -> None:
        """Hide other images, which would lie over the two; drawings stay."""
        from napari.layers import Image

        from napari_restoration.gui._compare_canvas import NOTHING

        present = [layer for layer in self._viewer.layers if isinstance(layer, Image)]
        for layer in self._watched:
            if not any(layer is one for one in present):
                self._ignore(layer)
        self._watched = [layer for layer in self._watched if any(layer is one for one in present)]
        for layer in present:
            if not any(layer is one for one in self._watched):
                # After napari's own, which may have made another visual.
                layer.events.set_data.connect(self._follow_nodes, position="last")
                self._watched.append(layer)
            if not any(layer is one for one in self._pair):
                self._curtains.draw(layer, NOTHING)

    def remove(self) -> None:
        """Show all of every layer again."""
        self._viewer.dims.events.ndisplay.disconnect(self._follow_nodes)
        for layer in self._watched:
            self._ignore(layer)
        self._watched = []
        self._curtains.open()
        self._captions.remove()
        if self._handle is not None:
            self._canvas.widget.removeEventFilter(self._handle)
            self._handle.hide()
            self._handle.deleteLater()
            self._handle = None
        self.deleteLater()

    def _ignore(self, layer: Image) -> None:
        layer.events.set_data.disconnect(self._follow_nodes)
        self._curtains.open(layer)

    def _follow_nodes(self, event: Any = None) -> None:
        for layer in self._watched:
            self._curtains.follow(layer)


class Fade(Screen):
    """One layer shines through the other, for a canvas that is not to be reached.

    Parameters
    ----------
    pair : tuple of napari.layers.Image
        The earlier and the later layer.
    changes : Changes
        Takes the layers' opacity back.
    """

    def __init__(self, pair: Pair, changes: Changes) -> None:
        super().__init__()
        self._pair, self._changes = pair, changes

    def show_share(self, share: float) -> None:
        """Mix the layers."""
        self._changes.set(self._pair[0], "opacity", share)
        self._changes.set(self._pair[1], "opacity", 1.0 - share)

    def show_one(self, number: int) -> None:
        """Show one layer alone."""
        self.show_share(1.0 - number)


class Halves(Screen):
    """Names over a canvas that napari's grid divides.

    Parameters
    ----------
    captions : Captions, optional
        The names; none where the canvas is not to be reached.
    """

    def __init__(self, captions: Captions | None) -> None:
        super().__init__()
        self._captions = captions

    @classmethod
    def on(cls, viewer: ViewerModel, pair: Pair) -> Halves:
        """Names of two layers over a viewer's canvas."""
        from napari_restoration.gui._compare_canvas import find_canvas

        canvas = find_canvas(viewer)
        captions = None if canvas is None else Captions(canvas.widget)
        if captions is not None:
            captions.show_names([layer.name for layer in pair], in_halves=True)
        return cls(captions)

    def remove(self) -> None:
        """Take the names away."""
        if self._captions is not None:
            self._captions.remove()
            self._captions = None
