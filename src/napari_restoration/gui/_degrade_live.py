"""Layers of the Degrade panel: the preview that follows every change, and results. Main thread only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.image import CalibratedImage
from napari_restoration.gui._degrade_runs import Limits, Made, Seen
from napari_restoration.gui._geometry import Placement, place_result
from napari_restoration.gui._layers import METADATA_KEY

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

_COLOURS = ("red", "green", "blue")
_PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")


class DegradePreview:
    """The one preview layer of the panel, which lies exactly over its source.

    It is kept between previews where it can be: adding a layer takes napari a tenth of a second. When an image leaves
    the viewer its preview must follow only after the next drawing: where the drawing is done in software, two layers
    that leave or hide between two drawings crash vispy 0.17 (stale vertex buffers in glDrawArrays).

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is shown.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self.source: Image | None = None
        self._geometry: Mapping[str, Any] = {}
        self._limits: Limits | None = None  # as given by us, until the user sets others
        self._is_hidden = False  # by us; the user's eye in the layer list stays as it is
        self.layer: Image | None = None

    @property
    def is_there(self) -> bool:
        """Whether the layer is in the viewer."""
        return self.layer is not None and self.layer in self._viewer.layers

    @property
    def is_shown(self) -> bool:
        """Whether it shows something."""
        return self.is_there and not self._is_hidden

    def show(self, source: Image, seen: Seen, *, keeps_contrast: bool) -> None:
        """Show a preview in the place of the one before.

        Parameters
        ----------
        source : napari.layers.Image
            The layer that is degraded.
        seen : Seen
            The preview.
        keeps_contrast : bool
            Whether the limits of the one before stay, so that nothing flickers while the view moves.
        """
        image, plan = seen.plan.image, seen.plan
        values = seen.region.input
        placement = place_result(
            source,
            image.axes,
            image.axes,
            scale=Fraction(1, plan.binning),
            spatial="YX",
            array_axes="YXS" if values.ndim > len("YX") else "YX",
            start={letter: part.start for letter, part in zip("YX", seen.region.region, strict=True)},
            at=seen.at,
        )
        is_rgb = placement.geometry["rgb"]
        data = placement.fit(_as_colours(values, seen.limits) if is_rgb else values)
        name = f"{image.name} [{plan.preset.id}] preview"
        layer = self.layer
        if layer is None or not self.is_there or (layer.rgb, layer.data.ndim) != (is_rgb, data.ndim):
            self.remove()
            self._add(source, data, placement, name, seen)
        else:
            layer.data, layer.name = data, name
            self._move(layer, source, placement)
            is_by_us = self._limits == tuple(layer.contrast_limits)
            if not is_rgb and (source is not self.source or (is_by_us and not keeps_contrast)):
                self._set_contrast(layer, seen.limits)
            if self._is_hidden:
                layer.visible = True
        self._is_hidden, self.source, self._geometry = False, source, placement.geometry

    def hide(self) -> None:
        """Show nothing until the next preview."""
        if self.layer is not None and self.is_shown and self.layer.visible:
            self.layer.visible = False
            self._is_hidden = True

    def remove(self) -> None:
        """Take the preview away."""
        layer, self.layer = self.layer, None
        if layer is not None and layer in self._viewer.layers:
            self._viewer.layers.remove(layer)
        self.source, self._is_hidden = None, False

    def _add(self, source: Image, data: Any, placement: Placement, name: str, seen: Seen) -> None:
        look: dict[str, Any] = {}
        if not placement.geometry["rgb"]:
            look = {"contrast_limits": list(seen.limits), "colormap": _colormap(source)}
        with _unselected(self._viewer):
            layer = self._viewer.add_image(
                data,
                name=name,
                # Opaque to what lies below: with added light the source would shine through.
                blending="translucent_no_depth",
                metadata={METADATA_KEY: {"task": "degrade", "preset": seen.plan.preset.id, "preview": True}},
                multiscale=False,
                **look,
                **placement.geometry,
            )
        self.layer = layer
        self._limits = _limits_of(layer)

    def _move(self, layer: Image, source: Image, placement: Placement) -> None:
        """Lay the layer where it belongs; setting what is the same would still cost a drawing."""
        for part in _PLACE:
            if not _is_equal(self._geometry[part], placement.geometry[part]):
                setattr(layer, part, placement.geometry[part])
        if source is not self.source:
            layers = self._viewer.layers
            layer.colormap = _colormap(source)
            if source in layers and layers.index(layer) < layers.index(source):
                layers.move(layers.index(layer), layers.index(source) + 1)

    def _set_contrast(self, layer: Image, limits: Limits) -> None:
        layer.contrast_limits_range = limits
        layer.contrast_limits = limits
        self._limits = _limits_of(layer)


def add_result(viewer: ViewerModel, source: Image, made: Made) -> list[Image]:
    """Add a result over its source, and below it the target, hidden.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are added.
    source : napari.layers.Image
        The layer that was degraded; it may have left the viewer.
    made : Made
        The result.

    Returns
    -------
    list of napari.layers.Image
        The layers; of a colour image one for each colour, because napari shows numbers of a camera as colours only
        within 0 to 255.
    """
    plan, result = made.plan, made.result
    finer = plan.binning // result.model.target_scale
    layers = _add_image(viewer, source, plan.image, result.target, finer, made.target_limits, visible=False)
    return layers + _add_image(viewer, source, plan.image, result.image, plan.binning, made.limits)


def _add_image(
    viewer: ViewerModel,
    source: Image,
    original: CalibratedImage,
    image: CalibratedImage,
    coarser: int,
    limits: Limits,
    *,
    visible: bool = True,
) -> list[Image]:
    axes = image.axes.removesuffix("S")
    placement = place_result(
        source, original.axes, image.axes, scale=Fraction(1, coarser), spatial="YX", array_axes=axes
    )
    # Letters, so that nobody has to guess the axes again.
    options = {**placement.geometry, "axis_labels": tuple(_in_order(placement, axes)), "visible": visible}
    layers = []
    for name, values, look in _parts(image, source):
        layers.append(
            viewer.add_image(
                placement.fit(values),
                name=name,
                metadata={**source.metadata, METADATA_KEY: dict(image.metadata["provenance"])},
                multiscale=False,
                contrast_limits=list(limits),
                **look,
                **options,
            )
        )
    return layers


def _parts(image: CalibratedImage, source: Image) -> Iterator[tuple[str, npt.NDArray[Any], dict[str, Any]]]:
    """Name, values and look of each layer that an image becomes."""
    values = np.asarray(image.data)
    if not image.axes.endswith("S"):
        yield image.name, values, {"colormap": _colormap(source), "blending": source.blending}
        return
    for number, colour in enumerate(_COLOURS[: values.shape[-1]]):
        blending = "additive" if number else "translucent_no_depth"
        yield f"{image.name} {colour}", values[..., number], {"colormap": colour, "blending": blending}


def _in_order(placement: Placement, axes: str) -> list[str]:
    """Letters of the layer's axes; the axes that it needs beside the array's do not occur here."""
    return [axes[i] for i in placement.order]


def _colormap(source: Image) -> Any:
    return "gray" if source.rgb else source.colormap


def _limits_of(layer: Image) -> Limits:
    low, high = layer.contrast_limits
    return low, high


def _as_colours(values: npt.NDArray[Any], limits: Limits) -> npt.NDArray[Any]:
    low, high = limits
    colours: npt.NDArray[Any] = np.clip((values.astype(np.float32) - low) / (high - low), 0.0, 1.0)
    return colours


def _is_equal(one: Any, other: Any) -> bool:
    if hasattr(one, "affine_matrix"):
        return np.array_equal(one.affine_matrix, other.affine_matrix)
    return np.array_equal(one, other)


@contextmanager
def _unselected(viewer: ViewerModel) -> Iterator[None]:
    """Add a layer without selecting it: it is a look, not the next image to work on, for no panel."""
    selection = viewer.layers.selection
    chosen = set(selection)
    with selection.events.active.blocker():
        yield
        selection.clear()
        selection.update(chosen)
