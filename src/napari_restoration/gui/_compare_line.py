"""The line of a profile: a Shapes layer of the panel's own, in which the user drags its ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from napari_restoration.core.errors import InputError
from napari_restoration.gui._compare_lattice import look_at, world_share
from napari_restoration.gui._view import visible_region

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Shapes

_COLOUR = "#ff5fa2"
_EVERY_MS = 25
_REACH = 0.3

Ends = tuple[tuple[float, float], tuple[float, float]]


class ProfileLine(QObject):
    """A line in a Shapes layer, heard of while it is dragged, at most forty times a second.

    Parameters
    ----------
    viewer : napari.Viewer
        Where the layer is added.
    parent : QObject
        The panel.
    """

    moved = Signal()
    """The line, or the plane it lies on, is another one."""
    removed = Signal()
    """The layer has left the viewer."""

    def __init__(self, viewer: ViewerModel, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self.layer: Shapes | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_EVERY_MS)
        self._timer.timeout.connect(self.moved)
        viewer.layers.events.removed.connect(self._on_removed)
        viewer.dims.events.point.connect(self._on_changed)

    def draw(self, layer: Image) -> None:
        """Lay a line across the middle of what is seen of a layer, ready to be dragged; an earlier one goes.

        Raises
        ------
        InputError
            If nothing is seen of the layer.
        """
        look = look_at(self._viewer, layer)
        rows, columns = visible_region(self._viewer, layer, look.image.axes)
        middle = np.array([(rows.start + rows.stop - 1) / 2, (columns.start + columns.stop - 1) / 2])
        aside = np.array([0.0, _REACH * (columns.stop - columns.start)])
        matrix, origin = np.array(look.lattice.matrix), np.array(look.lattice.origin)
        ends = np.array([matrix @ (middle - aside) + origin, matrix @ (middle + aside) + origin])
        self.remove()
        units = self._viewer.layers.units
        line = self._viewer.add_shapes(
            [ends],
            shape_type="line",
            name="Profile",
            edge_color=_COLOUR,
            edge_width=float(np.hypot(*(ends[1] - ends[0]))) / 150,
            opacity=1.0,
            units=units[-2:] if units else None,
        )
        line.mode = "direct"
        line.selected_data = {0}
        # Sent whenever the layer is drawn anew: its event for data is not sent while a vertex is dragged.
        line.events.set_data.connect(self._on_changed)
        self.layer = line

    def ends(self) -> Ends | None:
        """Both ends (y, x) in the unit of `world_unit`: of the selected line, else of the last one."""
        shapes = self.layer
        if shapes is None:
            return None
        lines = [i for i, kind in enumerate(shapes.shape_type) if kind == "line"]
        if not lines:
            return None
        chosen = next((i for i in lines if i in shapes.selected_data), lines[-1])
        ends = []
        for vertex in shapes.data[chosen]:
            place = np.asarray(shapes.data_to_world(vertex), float)[-2:]
            y, x = (float(place[i]) * world_share(self._viewer, shapes, shapes.ndim - 2 + i) for i in (0, 1))
            ends.append((y, x))
        return ends[0], ends[1]

    def remove(self) -> None:
        """Take the line away."""
        layer, self.layer = self.layer, None
        if layer is not None:
            layer.events.set_data.disconnect(self._on_changed)
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def _on_changed(self, event: Any = None) -> None:
        if self.layer is not None and not self._timer.isActive():
            self._timer.start()

    def _on_removed(self, event: Any) -> None:
        if self.layer is not None and event.value is self.layer:
            self.remove()
            self.removed.emit()


def check_line(ends: Ends | None) -> Ends:
    """Refuse to look along a line that is none.

    Raises
    ------
    InputError
        If there is no line, or both ends are in one place.
    """
    if ends is None:
        raise InputError("There is no line: press Draw line, then drag its ends.")
    if ends[0] == ends[1]:
        raise InputError("The line has no length: drag one of its ends.")
    return ends
