"""The ways to look at two layers on the canvas: wipe, flicker and side by side, each of which leaves no trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtCore import QObject, QTimer, Signal

from napari_restoration.gui._compare_changes import Changes
from napari_restoration.gui._compare_screen import Fade, Halves, Screen, Shutter
from napari_restoration.gui._compare_sight import HalfSight

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Layer

Mode = Literal["off", "wipe", "flicker", "side_by_side"]

# With two layers that add their light, the canvas would shine through the one that lies alone: white in a light theme.
_ALONE = "translucent_no_depth"
_NEEDS_BLACK = ("additive", "minimum", "multiplicative")


class Views(QObject):
    """Shows two layers of a viewer in one of the modes; ``"off"`` leaves the viewer as it was.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    parent : QObject
        The panel.
    """

    mode_changed = Signal(str)
    """The mode ended because one of the layers left the viewer."""
    position_changed = Signal(float)
    """The line was dragged on the canvas."""

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._pair: tuple[Image, Image] | None = None
        self._changes = Changes()
        self._screen: Screen | None = None
        self._sight = HalfSight(viewer)
        self._timer = QTimer(self)
        self._timer.setInterval(500)
        self._timer.timeout.connect(self._flick)
        self._is_after = False
        self.mode: Mode = "off"
        self.position = 0.5
        events = viewer.layers.events
        events.inserted.connect(self._on_layers_changed)
        events.removed.connect(self._on_layers_changed)
        events.reordered.connect(self._on_layers_changed)

    @property
    def fades(self) -> bool:
        """Whether layers fade into each other instead of being cut, because the canvas is not to be reached."""
        return isinstance(self._screen, Fade)

    def show(self, mode: Mode, pair: tuple[Image, Image] | None) -> None:
        """Leave the mode of before and enter another.

        Parameters
        ----------
        mode : "off", "wipe", "flicker" or "side_by_side"
            How to look at the layers.
        pair : tuple of napari.layers.Image or None
            The earlier and the later one; without them nothing is shown.
        """
        self._leave()
        self._pair = pair
        if pair is None or mode == "off":
            self.mode = "off"
            return
        self.mode = mode
        for layer in pair:
            self._changes.set(layer, "visible", True)
        if mode == "side_by_side":
            self._divide(pair)
        else:
            self._cut(pair)

    def set_position(self, position: float) -> None:
        """Move the line, 0 (all of the later layer) to 1 (all of the earlier one)."""
        self.position = min(max(position, 0.0), 1.0)
        if self.mode == "wipe" and self._screen is not None:
            self._screen.show_share(self.position)

    def set_interval(self, milliseconds: int) -> None:
        """Set how long each layer is shown while they flicker."""
        self._timer.setInterval(milliseconds)

    def _cut(self, pair: tuple[Image, Image]) -> None:
        for layer in pair:
            if layer.blending in _NEEDS_BLACK:
                self._changes.set(layer, "blending", _ALONE)
        self._screen = Shutter.on(self._viewer, pair) or Fade(pair, self._changes)
        self._screen.moved.connect(self._on_dragged)
        if self.mode == "wipe":
            self._screen.show_share(self.position)
            return
        self._is_after = False
        self._screen.show_one(0)
        self._timer.start()

    def _divide(self, pair: tuple[Image, Image]) -> None:
        for layer in self._viewer.layers:
            if not any(layer is one for one in pair):
                self._changes.set(layer, "visible", False)
        self._sight.divide(pair)
        self._set_grid(pair)
        self._screen = Halves.on(self._viewer, pair)

    def _set_grid(self, pair: tuple[Image, Image]) -> None:
        layers, grid = self._viewer.layers, self._viewer.canvas.grid
        # The lower layer comes first, unless they are counted from the top.
        stride = 1 if layers.index(pair[0]) < layers.index(pair[1]) else -1
        self._changes.set(grid, "stride", stride)
        self._changes.set(grid, "shape", (1, 2))
        self._changes.set(grid, "enabled", True)

    def _leave(self) -> None:
        self._timer.stop()
        was_divided = self.mode == "side_by_side"
        if self._screen is not None:
            self._screen.remove()
            self._screen = None
        self._changes.undo()
        if was_divided:
            self._sight.join()
        self.mode = "off"

    def _flick(self) -> None:
        self._is_after = not self._is_after
        if self._screen is not None:
            self._screen.show_one(int(self._is_after))

    def _on_dragged(self, position: float) -> None:
        self.set_position(position)
        self.position_changed.emit(self.position)

    def _on_layers_changed(self, event: Any = None) -> None:
        if self.mode == "off" or self._pair is None:
            return
        present: list[Layer] = list(self._viewer.layers)
        if not all(any(one is layer for layer in present) for one in self._pair):
            self._leave()
            self.mode_changed.emit("off")
        elif self.mode == "side_by_side":
            for layer in present:
                if not any(layer is one for one in self._pair):
                    self._changes.set(layer, "visible", False)
            self._set_grid(self._pair)
        elif self._screen is not None:
            self._screen.follow_layers()
