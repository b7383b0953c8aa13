"""Where layers lie, for comparing: the pixels of their planes in the world of the viewer, and the plane in view."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.gui._layers import full_resolution, guess_layer_axes, layer_to_image
from napari_restoration.gui._sight import units_ratio
from napari_restoration.gui._view import shown_index
from napari_restoration.tasks.comparison_lattice import Lattice
from napari_restoration.tasks.comparison_profile import Look

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image, Layer

_WORDS = {"micrometer": "um", "nanometer": "nm", "millimeter": "mm", "pixel": "px"}


def lattice_of(viewer: ViewerModel, layer: Image, axes: str) -> Lattice:
    """Where the full-resolution pixels of a layer's planes lie, in the unit of `world_unit`.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose world it is.
    layer : napari.layers.Image
        The layer; scale, translation, rotation, shear and further affine transforms all count.
    axes : str
        Its axes.
    """
    places = [axes.index("Y"), axes.index("X")]
    origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)), float)[places]
    columns = []
    for place in places:
        step = np.zeros(layer.ndim)
        step[place] = 1.0
        columns.append(np.asarray(layer.data_to_world(step), float)[places] - origin)
    shares = np.array([world_share(viewer, layer, place) for place in places])
    matrix = np.column_stack(columns) * shares[:, None]
    (a, b), (c, d) = matrix.tolist()
    y, x = (origin * shares).tolist()
    return Lattice(((a, b), (c, d)), (y, x))


def look_at(viewer: ViewerModel, layer: Image) -> Look:
    """The plane of a layer that the viewer's sliders show; nothing is read.

    Raises
    ------
    InputError
        If the layer is in colour, or its axes cannot be told.
    """
    axes = guess_layer_axes(layer)
    if "S" in axes:
        raise InputError(f"{layer.name!r} is in colour: split it into channels, and compare one of them.")
    return Look(
        layer_to_image(layer, axes), shown_index(viewer, layer, axes), lattice_of(viewer, layer, axes)
    )


def world_share(viewer: ViewerModel, layer: Layer, axis: int) -> float:
    """How many units of the viewer's world are one unit of a layer along one of its axes."""
    units = viewer.layers.units
    own = axis - layer.ndim  # layers are aligned by their last axes
    return units_ratio(layer.units[own], units[own]) if units and len(units) >= -own else 1.0


def world_unit(viewer: ViewerModel) -> str:
    """The unit of lengths in the viewer's world, such as ``"um"`` or ``"px"``."""
    units = viewer.layers.units
    if not units:
        return "px"
    return _WORDS.get(str(units[-1]), str(units[-1]))


def unit_symbol(unit: str) -> str:
    """How a unit of `world_unit` is written for people."""
    return {"um": "µm"}.get(unit, unit)


def is_lazy(layer: Image) -> bool:
    """Whether reading a plane of a layer may take a while: all but numpy arrays, memory-mapped ones included."""
    return not isinstance(full_resolution(layer), np.ndarray)
