"""Crops as layers in free space to the right of the user's images: a layer a column, a crop a row, one camera."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import QObject, QTimer

from napari_restoration.gui._layers import METADATA_KEY
from napari_restoration.gui._sight import Sight, length_um, units_ratio

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

Float = npt.NDArray[np.float32]
Limits = tuple[float, float]

GAP_PX = 6
"""Input pixels between crops, both ways."""

_TURN_MS = 30
_FARTHEST_SCALE = 8.0
_LINKED = ("contrast_limits", "gamma", "colormap")
# Equal is black, as in a fluorescence image; small differences rise fast, and both colours are told apart by
# colour-blind people, too.
_DIVERGING = (
    (0.0, "#a8d4ff"), (0.3, "#4c96e8"), (0.45, "#173a63"), (0.5, "#000000"),
    (0.55, "#5e2a0a"), (0.7, "#e0771c"), (1.0, "#ffd0a0"),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, eq=False)
class Column:
    """One layer of the grid.

    Parameters
    ----------
    role : str
        What it shows, in a word.
    picture : ndarray
        ``(rows, x)`` float32, as `stacked` makes it.
    finer : int
        Pixels for each pixel of the input.
    limits : (float, float)
        Contrast when it is added; later the user's.
    words : str
        What its name says besides, such as the step.
    is_difference : bool
        Shown with two colours around 0, and not linked with the others.
    """

    role: str
    picture: Float
    finer: int
    limits: Limits
    words: str = ""
    is_difference: bool = False

    @property
    def name(self) -> str:
        """Name of the layer."""
        return f"training: {self.role}{f' ({self.words})' if self.words else ''}"


class CropGrid(QObject):
    """Adds, updates and removes the layers, one in a turn of the event loop: napari takes a tenth of a second for it.

    Every layer is marked as a preview, so that no panel offers it as an image to work on, and none is ever selected.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are shown.
    parent : QObject
        The panel.
    """

    def __init__(self, viewer: ViewerModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._layers: dict[str, Image] = {}
        self._names: dict[str, str] = {}
        self._pictures: dict[str, Float] = {}
        self._sight = Sight(viewer)
        self._todo: deque[Callable[[], None]] = deque()
        self._timer = QTimer(self)
        self._timer.setInterval(_TURN_MS)
        self._timer.timeout.connect(self._turn)

    @property
    def layers(self) -> dict[str, Image]:
        """The layers that are in the viewer, by role."""
        return {role: layer for role, layer in self._layers.items() if layer in self._viewer.layers}

    @property
    def is_at_rest(self) -> bool:
        """Whether all layers are as they were asked for."""
        return not self._todo

    def add(self, columns: Sequence[Column], scale_um: float | None, *, moves_camera: bool = True) -> None:
        """Lay new layers out, from left to right; those before are removed.

        Parameters
        ----------
        columns : sequence of Column
            The first one is the input.
        scale_um : float or None
            Pixel size of the input; None if it is not known.
        moves_camera : bool
            Whether the camera then goes to them.
        """
        self.remove()
        self._do(partial(self._begin, columns, scale_um, moves_camera))

    def update(self, columns: Iterable[Column]) -> None:
        """Show other values in the layers that are still there; what is not seen or not new is not drawn."""
        for column in columns:
            layer = self.layers.get(column.role)
            if layer is None or self._pictures[column.role] is column.picture:
                continue
            if layer.data.shape == column.picture.shape:
                layer.data[...] = column.picture
                layer.refresh(extent=False, highlight=False)  # does nothing while it is hidden
            else:
                layer.data = column.picture.copy()
            self._pictures[column.role] = column.picture
            self._rename(layer, column)

    def remove(self, *, goes_back: bool = False) -> None:
        """Take all layers away.

        Parameters
        ----------
        goes_back : bool
            Whether the camera goes to where it was before, unless the user has moved it since.
        """
        self._todo.clear()
        if goes_back:
            self._do(self._sight.go_back)
        for role in tuple(self._layers):
            self._do(partial(self._drop, role))

    def go_there(self) -> None:
        """Move the camera to the layers."""
        self._do(self._go_there)

    def _do(self, action: Callable[[], None]) -> None:
        self._todo.append(action)
        self._timer.start()

    def _turn(self) -> None:
        if self._todo:
            self._todo.popleft()()
        if not self._todo:
            self._timer.stop()

    def _begin(self, columns: Sequence[Column], scale_um: float | None, moves_camera: bool) -> None:
        place = _Place(self._viewer, scale_um)
        x, width = place.corner[1], columns[0].picture.shape[1] // columns[0].finer
        corners = [(place.corner[0], x + i * (width + GAP_PX) * place.pixel) for i in range(len(columns))]
        # In the list of layers the one added last comes first, and reading begins there.
        for column, corner in reversed(list(zip(columns, corners, strict=True))):
            self._do(partial(self._add, column, corner, place))
        self._do(self._link)
        if moves_camera:
            self._do(self._go_there)

    def _add(self, column: Column, corner: tuple[float, float], place: _Place) -> None:
        from napari.utils.colormaps import Colormap

        pixel = place.pixel / column.finer
        # A finer pixel's centre lies nearer to the corner.
        shift = (pixel - place.pixel) / 2
        colours: Any = "gray"
        if column.is_difference:
            places, shades = zip(*_DIVERGING, strict=True)
            colours = Colormap(shades, controls=places, name="below and above the target")
        selection = self._viewer.layers.selection
        chosen = set(selection)
        with selection.events.active.blocker():
            layer = self._viewer.add_image(
                column.picture.copy(), name=column.name, scale=(pixel, pixel), units=(place.unit, place.unit),
                translate=(corner[0] + shift, corner[1] + shift), contrast_limits=column.limits, colormap=colours,
                blending="translucent_no_depth", multiscale=False, rgb=False,
                metadata={METADATA_KEY: {"task": "train", "preview": True}},
            )  # fmt: skip
            selection.clear()
            selection.update(chosen)
        self._layers[column.role], self._names[column.role] = layer, layer.name
        self._pictures[column.role] = column.picture

    def _link(self) -> None:
        from napari.experimental import link_layers

        alike = [layer for role, layer in self.layers.items() if role != "difference"]
        if len(alike) > 1:
            link_layers(alike, _LINKED)

    def _drop(self, role: str) -> None:
        from napari.experimental import unlink_layers

        layer = self._layers.pop(role, None)
        if layer is not None and layer in self._viewer.layers:
            unlink_layers([layer])
            self._viewer.layers.remove(layer)

    def _rename(self, layer: Image, column: Column) -> None:
        if layer.name == self._names[column.role] != column.name:  # else the user gave it a name
            layer.name = column.name
            self._names[column.role] = layer.name

    def _go_there(self) -> None:
        if self.layers:
            self._sight.go_to(list(self.layers.values()))


class _Place:
    """Corner, size of an input pixel and unit: those of the image on top, so that the user's zoom stays of use.

    The crops get their own pixel size where it and the image's are lengths; where it is not known, or would make
    them more than eight times coarser or finer than that image (the world would grow out of all proportion), the
    image's.
    """

    def __init__(self, viewer: ViewerModel, scale_um: float | None) -> None:
        from napari.layers import Image

        self.unit: Any
        images = [layer for layer in viewer.layers if isinstance(layer, Image) and layer.ndim >= 2]
        self.pixel, self.unit = (scale_um, "micrometer") if scale_um else (1.0, "pixel")
        if images:
            own, self.unit = abs(float(images[-1].scale[-1])), images[-1].units[-1]
            wanted = (scale_um or 0.0) / (length_um(self.unit) or math.inf)
            is_near = own / _FARTHEST_SCALE <= wanted <= own * _FARTHEST_SCALE
            self.pixel = wanted if is_near else own
        self.corner = (0.0, 0.0)
        if viewer.layers:
            extent = viewer.layers.get_extent(list(viewer.layers))
            share = units_ratio(extent.units[-1], self.unit) if extent.units else 1.0
            beside = max(4 * GAP_PX * self.pixel, 0.05 * share * float(np.ptp(extent.world[:, -1])))
            self.corner = (share * float(extent.world[0, -2]), share * float(extent.world[1, -1]) + beside)


def stacked(crops: Float, finer: int = 1) -> Float:
    """Crops ``(N, y, x)`` below each other, with missing values, which are seen through, between them."""
    count, height, width = crops.shape
    step = height + GAP_PX * finer
    picture = np.full((count * step - GAP_PX * finer, width), np.nan, np.float32)
    for i, crop in enumerate(crops):
        picture[i * step : i * step + height] = crop
    return picture


def limits_of(*values: npt.NDArray[Any]) -> Limits:
    """Nearly the darkest and the brightest of several arrays."""
    from napari_restoration.gui._degrade_runs import shown_limits

    return shown_limits(np.concatenate([one[np.isfinite(one)] for one in values]))
