"""Where the camera looks: to some layers, and back. Only of the two-dimensional view with Y and X on the canvas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

_FILLED = 0.92


class Sight:
    """Moves a viewer's camera and remembers where it was.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose camera is moved.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._before: _View | None = None
        self._ours: _View | None = None

    def go_to(self, layers: list[Layer]) -> None:
        """Fill the canvas with some layers; nothing happens in 3D or where other axes are on the canvas."""
        viewer = self._viewer
        last_two = (viewer.dims.ndim - 2, viewer.dims.ndim - 1)
        if viewer.dims.ndisplay != 2 or tuple(viewer.dims.displayed) != last_two:
            return
        # ViewerModel.fit_to_view(layers=...) of napari 0.9.2 fails on 2D layers beside a stack.
        edges = np.array([layer.extent.world[:, -2:] for layer in layers])
        low, high = edges[:, 0].min(axis=0), edges[:, 1].max(axis=0)
        units = viewer.layers.units
        share = units_ratio(layers[0].units[-1], units[-1]) if units else 1.0
        now = _view(viewer)
        if not self._is_ours(now):
            self._before = now
        camera = viewer.scene.camera
        middle = share * (low + high) / 2
        camera.center = (now[0][0], float(middle[0]), float(middle[1]))
        camera.zoom = float(_FILLED * np.min(np.asarray(viewer.canvas.size) / (share * (high - low))))
        self._ours = _view(viewer)

    def go_back(self) -> None:
        """Where it was before, unless the user has moved it since."""
        if self._before is not None and self._is_ours(_view(self._viewer)):
            camera = self._viewer.scene.camera
            camera.center, camera.zoom = self._before
        self._before = self._ours = None

    def _is_ours(self, view: _View) -> bool:
        if self._ours is None:
            return False
        return bool(np.allclose(view[0], self._ours[0]) and np.isclose(view[1], self._ours[1]))


_View = tuple[tuple[float, ...], float]


def _view(viewer: ViewerModel) -> _View:
    camera = viewer.scene.camera
    return tuple(float(one) for one in camera.center), float(camera.zoom)


def units_ratio(one: Any, other: Any) -> float:
    """How many of another unit are one of this; 1 where they do not compare, as pixels and lengths."""
    length, other_length = length_um(one), length_um(other)
    return length / other_length if length and other_length else 1.0


def length_um(unit: Any) -> float | None:
    """A unit of napari's in micrometres; None if it is no length."""
    if isinstance(unit, str):
        return 1.0 if unit == "micrometer" else None
    if unit.dimensionality != {"[length]": 1}:
        return None
    return float((1 * unit).to("micrometer").magnitude)
