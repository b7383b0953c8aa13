"""The one place where the Compare widget reaches into napari's canvas: parts of it show only one of two layers.

A filter in the shaders of the layers' visuals drops the pixels of the screen on one side of a line. No image is cut,
copied or sliced again when the line moves, and because the line lies on the screen and not in the world, it works the
same for every scale, rotation, zoom and pyramid level, in the two- and in the three-dimensional view. napari 0.9 has no
public way to do this (its clipping planes do not act on two-dimensional images); where its inside has changed,
`find_canvas` gives None and the widget fades from one layer to the other instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QWidget
from vispy.visuals.filters import Filter
from vispy.visuals.shaders import Function, Varying

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

Side = tuple[float, float, float]
"""Normal (x, y) and edge: shown is where ``x * right + y * up >= edge``, in -1 ... 1 across the canvas."""

EVERYTHING: Side = (0.0, 0.0, -1.0)
NOTHING: Side = (0.0, 0.0, 1.0)

_VERTEX = "void keep_side() { $place = gl_Position; }"
_FRAGMENT = "void keep_side() { if (dot($normal, $place.xy / $place.w) < $edge) discard; }"


class SideFilter(Filter):  # type: ignore[misc]  # vispy has no types
    """Shows only the pixels on one side of a line on the screen."""

    def __init__(self) -> None:
        super().__init__(
            vcode=Function(_VERTEX), vhook="post", vpos=1, fcode=Function(_FRAGMENT), fhook="pre", fpos=1
        )
        place = Varying("place", "vec4")
        self.vshader["place"] = place
        self.fshader["place"] = place
        self.show(EVERYTHING)

    def show(self, side: Side) -> None:
        """Set what is shown; two numbers go to the graphics card."""
        self.fshader["normal"] = side[:2]
        self.fshader["edge"] = side[2]


class Canvas:
    """A viewer's canvas, as far as comparing needs it.

    Parameters
    ----------
    widget : QWidget
        What Qt draws.
    visuals : mapping
        napari's visual of each layer.
    """

    def __init__(self, widget: QWidget, visuals: Any) -> None:
        self.widget = widget
        self._visuals = visuals

    def nodes_of(self, layer: Layer) -> list[Any]:
        """What vispy draws of a layer: one node, or the tiles of an image beyond the size of a texture."""
        visual = self._visuals.get(layer)
        if visual is None:
            return []
        return list(getattr(visual.node, "adopted_children", [])) or [visual.node]


def find_canvas(viewer: ViewerModel) -> Canvas | None:
    """The canvas of a viewer; None where there is none, or where napari's inside has changed.

    Parameters
    ----------
    viewer : napari.Viewer
        As napari hands it to widgets.
    """
    # napari hands a proxy to widgets, which warns of every private name.
    viewer = getattr(viewer, "__wrapped__", viewer)
    try:
        canvas = viewer.window._qt_viewer.canvas
        widget, visuals = canvas.native, canvas.layer_to_visual
        is_known = isinstance(widget, QWidget) and all(
            hasattr(visual.node, "attach") and hasattr(visual.node, "detach") for visual in visuals.values()
        )
    except (AttributeError, RuntimeError):
        return None
    return Canvas(widget, visuals) if is_known else None


class Curtains:
    """Filters on the visuals of some layers, which `open` takes off again.

    Parameters
    ----------
    canvas : Canvas
        Where the layers are drawn.
    """

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._filters: dict[Layer, list[tuple[Any, SideFilter]]] = {}
        self._sides: dict[Layer, Side] = {}

    @property
    def sides(self) -> dict[Layer, Side]:
        """What is shown of each layer that has a curtain."""
        return dict(self._sides)

    def draw(self, layer: Layer, side: Side) -> None:
        """Show one side of a layer only."""
        self._sides[layer] = side
        self.follow(layer)
        for node, curtain in self._filters[layer]:
            curtain.show(side)
            node.update()

    def follow(self, layer: Layer) -> None:
        """Move to the nodes that draw a layer now: napari changes them with the kind of data and of view."""
        if layer not in self._sides:
            return
        known = self._filters.get(layer, [])
        nodes = self._canvas.nodes_of(layer)
        if [id(node) for node, _ in known] == [id(node) for node in nodes]:
            return
        self._take_off(layer)
        self._filters[layer] = []
        for node in nodes:
            curtain = SideFilter()
            curtain.show(self._sides[layer])
            node.attach(curtain)
            node.update()
            self._filters[layer].append((node, curtain))

    def open(self, layer: Layer | None = None) -> None:
        """Show all of a layer again; of every layer if none is given."""
        for one in list(self._sides) if layer is None else [layer]:
            self._take_off(one)
            self._sides.pop(one, None)

    def _take_off(self, layer: Layer) -> None:
        for node, curtain in self._filters.pop(layer, []):
            node.detach(curtain)
            node.update()
