"""File > Open Sample > Restoration: one small simulated stack a task, with its ground truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_restoration.core.image import CalibratedImage

LayerData = tuple[Any, dict[str, Any], str]

_SHOWN_PERCENTS = (0.5, 99.8)


def deblur() -> list[LayerData]:
    """A burst whose frames are blurred by motion, differently each."""
    return open_sample("deblur")


def refocus() -> list[LayerData]:
    """Planes taken out of focus."""
    return open_sample("refocus")


def superres() -> list[LayerData]:
    """A stack on coarse pixels."""
    return open_sample("superres")


def denoise() -> list[LayerData]:
    """A stack taken with little light."""
    return open_sample("denoise")


def open_sample(task: str) -> list[LayerData]:
    """The sample of a task as layers: the hidden ground truth, and over it the image to restore.

    Parameters
    ----------
    task : str
        ``"deblur"``, ``"refocus"``, ``"superres"`` or ``"denoise"``.
    """
    from napari_restoration.core.io import read_image
    from napari_restoration.tasks.samples import find_sample

    sample = find_sample(task)
    image = read_image(sample.path, lazy=False)
    truth = read_image(sample.truth_path, lazy=False)
    # A finer truth covers the same rectangle: its first pixel's centre lies further out.
    origin = {
        axis: (truth.pixel_size_um[axis] - size) / 2 + image.origin_um.get(axis, 0.0)
        for axis, size in image.pixel_size_um.items()
    }
    truth = truth.replace(origin_um=origin)
    return [
        image_layer(truth, name=f"{sample.title} (truth)", visible=False),
        image_layer(image, name=sample.title),
    ]


def image_layer(image: CalibratedImage, **options: Any) -> LayerData:
    """An image as a napari layer with its calibration.

    Parameters
    ----------
    image : CalibratedImage
        The image, in memory.
    **options
        More keyword arguments of ``viewer.add_image``.
    """
    axes = image.axes.removesuffix("S")
    sizes: dict[str, float] = dict(image.pixel_size_um)
    units = {axis: "um" for axis in sizes}
    if image.time_interval_s and "T" in axes:
        sizes["T"], units["T"] = image.time_interval_s, "second"
    low, high = np.nanpercentile(np.asarray(image.data), _SHOWN_PERCENTS)
    arguments: dict[str, Any] = {
        "name": image.name,
        "scale": [sizes.get(axis, 1.0) for axis in axes],
        "translate": [image.origin_um.get(axis, 0.0) for axis in axes],
        "units": [units.get(axis, "pixel") for axis in axes],
        "axis_labels": list(axes),
        "rgb": image.axes.endswith("S"),
        "metadata": {"napari_restoration": image.metadata["provenance"]}
        if "provenance" in image.metadata
        else {},
    }
    if not arguments["rgb"]:
        arguments["contrast_limits"] = (float(low), max(float(high), float(low) + 1e-6))
    return image.data, {**arguments, **options}, "image"
