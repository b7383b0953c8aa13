"""What the user looks at: the plane, the part of it on the canvas, or a rectangle drawn on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.gui._layers import full_resolution

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Layer, Shapes

Region = tuple[slice, slice]


def shown_index(viewer: ViewerModel, layer: Image, axes: str) -> dict[str, int]:
    """Position of the plane that the sliders show.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    layer : napari.layers.Image
        A layer of it.
    axes : str
        Its axes.

    Returns
    -------
    dict of str to int
        Index along every axis but ``Y``, ``X`` and ``S``, clipped to the layer.
    """
    position = layer.world_to_data(viewer.dims.point)
    lengths = full_resolution(layer).shape
    return {
        letter: int(np.clip(round(float(at)), 0, length - 1))
        for letter, at, length in zip(axes, position, lengths, strict=False)
        if letter not in "YXS"
    }


def displayed_letters(viewer: ViewerModel, layer: Layer, axes: str) -> str:
    """The axes of a layer that lie on the canvas."""
    offset = viewer.dims.ndim - layer.ndim
    return "".join(axes[axis - offset] for axis in viewer.dims.displayed if axis >= offset)


def visible_region(viewer: ViewerModel, layer: Image, axes: str) -> Region:
    """The part of the layer's plane that the canvas shows, in pixels of its full resolution.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    layer : napari.layers.Image
        A layer of it.
    axes : str
        Its axes.

    Returns
    -------
    tuple of slice
        Along ``Y`` and ``X``; the whole plane if nothing has been drawn yet.

    Raises
    ------
    InputError
        If the canvas does not show a plane of this layer.
    """
    if viewer.dims.ndisplay != 2 or set(displayed_letters(viewer, layer, axes)) != {"Y", "X"}:
        raise InputError(
            f"The canvas does not show a Y-X plane of {layer.name!r}: switch to the 2D view with Y and X on the canvas "
            "and preview again."
        )
    corners = np.asarray(layer.corner_pixels, dtype=float)
    if layer.multiscale:
        corners = corners * np.asarray(layer.downsample_factors[layer.data_level])
    # napari measures the corners when it draws: before that they are zero, or those of data since replaced.
    if not corners.any() or corners.shape[1] != layer.ndim:
        return _whole(layer, axes)
    region = []
    for letter in "YX":
        axis = axes.index(letter)
        length = int(full_resolution(layer).shape[axis])
        # Corners are pixel centres, rounded outwards. A coarser level's last pixel reaches past its centre.
        reach = layer.downsample_factors[layer.data_level][axis] if layer.multiscale else 1
        first, last = int(corners[0, axis]), int(np.ceil(corners[1, axis] + reach))
        part = slice(max(0, min(first, length - 1)), max(1, min(last, length)))
        if part.stop - part.start <= 1 < length:
            raise InputError(
                f"The canvas shows no part of {layer.name!r}: move it into view and preview again."
            )
        region.append(part)
    return region[0], region[1]


def shapes_layers(viewer: ViewerModel) -> list[Shapes]:
    """The layers that may hold a drawn rectangle, topmost first."""
    from napari.layers import Shapes

    return [layer for layer in reversed(viewer.layers) if isinstance(layer, Shapes)]


def drawn_region(viewer: ViewerModel, layer: Image, axes: str) -> Region:
    """The rectangle drawn over the layer: the selected one, else the last one drawn.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    layer : napari.layers.Image
        The image under the rectangle.
    axes : str
        Its axes.

    Returns
    -------
    tuple of slice
        Along ``Y`` and ``X``; the rectangle's bounding box if the image is rotated.

    Raises
    ------
    InputError
        If there is no rectangle, or it lies beside the image.
    """
    corners = _rectangle_in_world(viewer)
    if corners is None:
        raise InputError(
            "No rectangle is drawn: draw one in a Shapes layer, or preview what the canvas shows."
        )
    # Layers are aligned by their last axes.
    world = np.zeros((len(corners), max(viewer.dims.ndim, layer.ndim, corners.shape[1])))
    world[:, -viewer.dims.ndim :] = viewer.dims.point
    world[:, -corners.shape[1] :] = corners
    pixels = np.array([layer.world_to_data(corner) for corner in world])
    region = []
    for letter in "YX":
        axis = axes.index(letter)
        length = int(full_resolution(layer).shape[axis])
        # Pixel i reaches from i - 0.5 to i + 0.5.
        first = max(0, int(np.floor(pixels[:, axis].min() + 0.5)))
        last = min(length, int(np.ceil(pixels[:, axis].max() + 0.5)))
        if first >= last:
            raise InputError(f"The rectangle lies beside {layer.name!r}: draw it over the image.")
        region.append(slice(first, last))
    return region[0], region[1]


def centre_of(region: Region) -> tuple[float, float]:
    """Middle of a region as ``(y, x)`` in pixels."""
    return (region[0].start + region[0].stop) / 2, (region[1].start + region[1].stop) / 2


def _rectangle_in_world(viewer: ViewerModel) -> np.ndarray | None:
    last = None
    for shapes in shapes_layers(viewer):
        rectangles = [i for i, kind in enumerate(shapes.shape_type) if kind == "rectangle"]
        selected = [i for i in rectangles if i in shapes.selected_data]
        if selected:
            return _corners(shapes, selected[0])
        if rectangles and last is None:
            last = _corners(shapes, rectangles[-1])
    return last


def _corners(shapes: Shapes, index: int) -> np.ndarray:
    return np.array([shapes.data_to_world(vertex) for vertex in shapes.data[index]], dtype=float)


def _whole(layer: Image, axes: str) -> Region:
    shape = full_resolution(layer).shape
    return slice(0, int(shape[axes.index("Y")])), slice(0, int(shape[axes.index("X")]))
