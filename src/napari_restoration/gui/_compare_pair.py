"""Which two layers are compared: a result and what it was made from, as far as the layers tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from napari_restoration.gui._layers import METADATA_KEY, is_restorable

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

Pair = tuple["Image", "Image"]


def guess_pair(viewer: ViewerModel) -> Pair | None:
    """The uppermost result with the layer it was made from, else the two uppermost images.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are looked at.

    Returns
    -------
    tuple of napari.layers.Image or None
        The earlier and the later layer; None if there are not two images.
    """
    images = [layer for layer in reversed(viewer.layers) if is_restorable(layer) and not is_comparison(layer)]
    for layer in images:
        source = source_of(layer, images)
        if source is not None:
            return source, layer
    return (images[1], images[0]) if len(images) > 1 else None


def pair_with(viewer: ViewerModel, layer: Image) -> Pair | None:
    """A layer with its source or its uppermost result; None if it has neither."""
    images = [one for one in reversed(viewer.layers) if is_restorable(one) and not is_comparison(one)]
    source = source_of(layer, images)
    if source is not None:
        return source, layer
    return next(((layer, one) for one in images if source_of(one, [layer]) is layer), None)


def source_of(layer: Image, among: list[Image]) -> Image | None:
    """The layer that another was made from: by its provenance, and while it is being made by its name."""
    record: Any = layer.metadata.get(METADATA_KEY)
    if not isinstance(record, Mapping):
        return None
    inputs = record.get("inputs") or []
    names = [one.get("name") for one in inputs if isinstance(one, Mapping)]
    for other in among:
        if other is not layer and (other.name in names or layer.name.startswith(f"{other.name} [")):
            return other
    return None


def is_comparison(layer: Image) -> bool:
    """Whether a layer is a difference or a ratio of others."""
    record: Any = layer.metadata.get(METADATA_KEY)
    return isinstance(record, Mapping) and record.get("task") == "compare"
