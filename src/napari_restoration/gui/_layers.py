"""From a napari layer to an image with axes and calibration. The layer is only read."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_restoration.core.axes import guess_axes
from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage

if TYPE_CHECKING:
    from napari.layers import Image, Layer

METADATA_KEY = "napari_restoration"
"""Where a layer's metadata holds the record of how it was made."""

_TIFF_SUFFIXES = (".tif", ".tiff")


def is_restorable(layer: Layer) -> bool:
    """Whether a layer is an image, and not one of our previews."""
    from napari.layers import Image

    # Labels are a class of their own; a preview is a window on a result, not data.
    return isinstance(layer, Image) and not layer.metadata.get(METADATA_KEY, {}).get("preview", False)


def full_resolution(layer: Image) -> Any:
    """The layer's array; of a multiscale layer the finest one."""
    return layer.data[0] if layer.multiscale else layer.data


def guess_layer_axes(layer: Image) -> str:
    """Guess the axes of a layer from its labels, else from the file it was read from, else from its shape.

    Parameters
    ----------
    layer : napari.layers.Image
        The layer.

    Returns
    -------
    str
        One letter for each dimension of the array, ``S`` last for a colour layer.

    Raises
    ------
    InputError
        If the array has fewer than two or more than five dimensions besides the colours.
    """
    guess = guess_axes(tuple(full_resolution(layer).shape), layer.axis_labels, rgb=layer.rgb)
    if _has_own_labels(layer):
        return guess
    of_file = _image_in_file(layer)
    # napari's own reader drops the axes of a TIFF. A cut-out or a processed copy is not the file any more.
    if of_file is None or of_file.axes.endswith("S") != layer.rgb:
        return guess
    return of_file.axes


def layer_to_image(layer: Image, axes: str | None = None) -> CalibratedImage:
    """Take the array of a layer with its axes and calibration; nothing is copied.

    Parameters
    ----------
    layer : napari.layers.Image
        Plain, memory-mapped, dask, multiscale (its full resolution is taken) or colour layer.
    axes : str, optional
        One letter for each dimension; guessed if not given.

    Returns
    -------
    CalibratedImage
        Named like the layer. Axes in pixels stay uncalibrated.

    Raises
    ------
    InputError
        If the axes do not fit the array or its colours, or its values are no intensities.
    """
    axes = (axes or guess_layer_axes(layer)).upper()
    data = full_resolution(layer)
    image = CalibratedImage(data, axes, name=layer.name)
    if layer.rgb and image.axes[-1] not in "SC":
        raise InputError(
            f"Axes {image.axes!r} of {layer.name!r}: it is shown in colour, so its last axis is S. "
            "For other axes add the array as a layer with rgb=False."
        )
    sizes, origin, interval, unit = _calibration(layer, image.axes)
    if not sizes and (of_file := _image_in_file(layer)) is not None and of_file.axes == image.axes:
        sizes, interval, unit = dict(of_file.pixel_size_um), of_file.time_interval_s, of_file.display_unit
    metadata = {"provenance": layer.metadata[METADATA_KEY]} if METADATA_KEY in layer.metadata else {}
    return image.replace(
        pixel_size_um=sizes, origin_um=origin, time_interval_s=interval, display_unit=unit, metadata=metadata
    )


def _calibration(layer: Image, axes: str) -> tuple[dict[str, float], dict[str, float], float | None, str]:
    """Pixel sizes and origin in micrometres, the time interval in seconds, and the unit the user reads."""
    sizes: dict[str, float] = {}
    origin: dict[str, float] = {}
    interval = None
    unit = "um"
    for letter, scale, shift, unit_of_axis in zip(
        axes, layer.scale, layer.translate, layer.units, strict=False
    ):
        if letter in "ZYX" and unit_of_axis.dimensionality == {"[length]": 1}:
            to_um = (1 * unit_of_axis).to("micrometer").magnitude
            sizes[letter] = abs(float(scale)) * to_um
            origin[letter] = float(shift) * to_um
            unit = "nm" if str(unit_of_axis) == "nanometer" else unit
        elif letter == "T" and unit_of_axis.dimensionality == {"[time]": 1}:
            interval = abs(float(scale)) * float((1 * unit_of_axis).to("second").magnitude)
    return sizes, origin, interval, unit


def _has_own_labels(layer: Image) -> bool:
    # napari calls unnamed axes -1, -2, ... from the last one.
    return any(not str(label).lstrip("-").isdigit() for label in layer.axis_labels)


def file_problem(layer: Image) -> str:
    """What is wrong with the TIFF a layer was read from; empty if nothing is known to be.

    napari's own reader shows a file that is cut off as a shorter stack, without a word.
    """
    described = _file_of(layer)
    return described if isinstance(described, str) else ""


def _image_in_file(layer: Image) -> CalibratedImage | None:
    """What the layer's TIFF says about axes and calibration, if it still is that image."""
    described = _file_of(layer)
    if described is None or isinstance(described, str):
        return None
    return described if described.shape == tuple(full_resolution(layer).shape) else None


def _file_of(layer: Image) -> CalibratedImage | str | None:
    path = layer.source.path
    if not path or not str(path).lower().endswith(_TIFF_SUFFIXES):
        return None
    try:
        state = os.stat(path)
    except OSError:
        return None  # moved since; the layer is all there is
    return _describe_file(str(path), state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=32)
def _describe_file(path: str, size: int, changed_ns: int) -> CalibratedImage | str:
    """Axes and calibration of a file, or what is wrong with it; reads the headers only."""
    from napari_restoration.core.io import read_image

    try:
        image = read_image(path)
    except InputError as error:
        return str(error)
    except OSError as error:
        return f"{path} cannot be read any more ({error.strerror})."
    # The file itself is let go.
    return image.replace(data=np.broadcast_to(np.zeros((), image.dtype), image.shape))
