"""The camera of a canvas that is divided into two halves and joined again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_restoration.gui._sight import units_ratio

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image


class HalfSight:
    """Zooms out so far that each half shows what the whole canvas did, and back in again.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose camera is moved.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._factor = 1.0
        self._before: tuple[float, ...] = ()
        self._ours: tuple[float, ...] = ()

    def divide(self, pair: tuple[Image, Image]) -> None:
        """Zoom out, as far as what is seen of the layers is wider than half of the canvas."""
        camera, width = self._viewer.scene.camera, float(self._viewer.canvas.size[1])
        self._before = self._view()
        self._factor = 1.0
        if self._viewer.dims.ndisplay == 2 and width > 0:
            seen = min(self._width(pair) * camera.zoom, width)
            self._factor = min(1.0, 0.5 * width / seen) if seen > 0 else 1.0
        if self._factor < 1.0:
            camera.zoom = camera.zoom * self._factor
        self._ours = self._view()

    def join(self) -> None:
        """Go back; where the user has moved the camera since, only the zoom."""
        camera = self._viewer.scene.camera
        if np.allclose(self._view(), self._ours):
            camera.center, camera.zoom = self._before[:3], self._before[3]
        elif self._factor < 1.0:
            camera.zoom = camera.zoom / self._factor

    def _view(self) -> tuple[float, ...]:
        camera = self._viewer.scene.camera
        return (*(float(one) for one in camera.center), float(camera.zoom))

    def _width(self, pair: tuple[Image, Image]) -> float:
        """From the left edge of the one layer to the right edge of the other, in the units of the camera."""
        axis = self._viewer.dims.displayed[-1]
        edges = []
        for layer in pair:
            own = axis - (self._viewer.dims.ndim - layer.ndim)
            if own >= 0:
                units = self._viewer.layers.units
                share = units_ratio(layer.units[own], units[axis]) if units else 1.0
                edges.append(share * layer.extent.world[:, own])
        return float(np.max(edges) - np.min(edges)) if edges else 0.0
