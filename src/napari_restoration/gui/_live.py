"""Layers whose tiles arrive while the user looks at them. Main thread only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, TileDone
from napari_restoration.gui._geometry import Placement, place_result
from napari_restoration.gui._layers import METADATA_KEY

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_restoration.core.image import CalibratedImage
    from napari_restoration.tasks.restoration import Restoration
    from napari_restoration.tasks.results import Preview, RestorationResult


class LiveResult:
    """The new layer of a whole run, beside its source.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is added.
    source : napari.layers.Image
        The layer being restored; it may leave the viewer meanwhile.
    restoration : Restoration
        What runs.
    out : CalibratedImage
        The array that the thread fills.
    """

    def __init__(
        self, viewer: ViewerModel, source: Image, restoration: Restoration, out: CalibratedImage
    ) -> None:
        self._viewer = viewer
        self._tiles = 0
        self._record = {"model": restoration.card.id, "task": restoration.card.task}
        placement = place_result(
            source,
            restoration.image.axes,
            restoration.layout.output_axes,
            scale=restoration.card.scale,
            spatial=restoration.layout.spatial,
        )
        self.layer = _add_beside(
            viewer,
            source,
            placement,
            out.data,
            name=out.name,
            metadata={**source.metadata, METADATA_KEY: {**self._record, "complete": False}},
        )
        self._placement = placement

    @property
    def is_shown(self) -> bool:
        """Whether the layer is still in the viewer."""
        return self.layer in self._viewer.layers

    @property
    def has_tiles(self) -> bool:
        """Whether any tile has arrived."""
        return self._tiles > 0

    def show_tiles(self, reports: Sequence[Progress]) -> None:
        """Repaint if a tile arrived in the plane on the canvas."""
        tiles = [report for report in reports if isinstance(report, TileDone)]
        self._tiles += len(tiles)
        if tiles and self.is_shown and any(self._is_in_view(tile.region) for tile in tiles):
            self.layer.refresh(extent=False, thumbnail=False, highlight=False)

    def finish(self, result: RestorationResult) -> None:
        """All tiles are there: keep how they were made."""
        self._close(result.provenance.to_dict())

    def keep_partial(self) -> None:
        """The run has stopped: keep what is finished, or nothing if there is nothing."""
        if not self.is_shown:
            return
        if not self.has_tiles:
            self._viewer.layers.remove(self.layer)
            return
        self.layer.name = f"{self.layer.name} (partial)"
        self._close({**self._record, "complete": False, "tiles": self._tiles})

    def _close(self, record: dict[str, Any]) -> None:
        self.layer.metadata = {**self.layer.metadata, METADATA_KEY: record}
        if self.is_shown:
            self.layer.refresh(extent=False)

    def _is_in_view(self, region: tuple[slice, ...]) -> bool:
        """Whether a region of the result touches the plane that the sliders show."""
        ordered = [region[i] for i in self._placement.order]
        for i in self._placement.new_axes:
            ordered.insert(i, slice(None))
        position = self.layer.world_to_data(self._viewer.dims.point)
        offset = self._viewer.dims.ndim - self.layer.ndim
        displayed = {axis - offset for axis in self._viewer.dims.displayed}
        for axis, (part, at) in enumerate(zip(ordered, position, strict=False)):
            if axis in displayed or part.start is None:
                continue
            if not part.start <= round(float(at)) < part.stop:
                return False
        return True


class LivePreview:
    """The one preview layer of a panel; each new preview takes its place.

    Parameters
    ----------
    viewer : napari.Viewer
        Where it is shown.
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._shown: Preview | None = None
        self.layer: Image | None = None

    def show_tiles(self, source: Image, restoration: Restoration, preview: Preview) -> None:
        """Show the tiles that have arrived.

        Parameters
        ----------
        source : napari.layers.Image
            The layer being restored.
        restoration : Restoration
            What runs.
        preview : Preview
            The growing result.
        """
        if preview is self._shown:
            if self.layer is not None and self.layer in self._viewer.layers:
                self.layer.refresh(extent=False, thumbnail=False, highlight=False)
            return
        self.remove()
        self._shown = preview
        layout = restoration.layout
        has_samples = preview.values.ndim > len("YX")
        placement = place_result(
            source,
            restoration.image.axes,
            layout.output_axes,
            scale=restoration.card.scale,
            spatial=layout.spatial,
            array_axes="YXS" if has_samples else "YX",
            start={letter: part.start for letter, part in zip("YX", preview.region, strict=True)},
            at=preview.at,
        )
        record = {"model": restoration.card.id, "task": restoration.card.task, "preview": True}
        active = self._viewer.layers.selection.active
        self.layer = _add_beside(
            self._viewer,
            source,
            placement,
            preview.values,
            name=f"{restoration.image.name} [{restoration.card.id}] preview",
            metadata={**source.metadata, METADATA_KEY: record},
        )
        # The preview is a look, not the next image to work on.
        self._viewer.layers.selection.active = active

    def finish(self) -> None:
        """All tiles are there."""
        if self.layer is not None and self.layer in self._viewer.layers:
            self.layer.refresh(extent=False)

    def remove(self) -> None:
        """Take the preview away."""
        if self.layer is not None and self.layer in self._viewer.layers:
            self._viewer.layers.remove(self.layer)
        self.layer = self._shown = None


def _add_beside(
    viewer: ViewerModel,
    source: Image,
    placement: Placement,
    data: Any,
    *,
    name: str,
    metadata: dict[str, Any],
) -> Image:
    """Add an array that looks like its source and lies on it."""
    look: dict[str, Any] = {"blending": source.blending, "opacity": source.opacity, "gamma": source.gamma}
    if not placement.geometry["rgb"]:
        # Contrast limits are given, so that napari does not look for them in an array that is still empty.
        look["contrast_limits"] = [float(limit) for limit in source.contrast_limits]
        look["colormap"] = source.colormap
        look["interpolation2d"] = source.interpolation2d
    layer = viewer.add_image(
        placement.fit(np.asarray(data)),
        name=name,
        metadata=metadata,
        multiscale=False,
        **look,
        **placement.geometry,
    )
    if not placement.geometry["rgb"] and not source.rgb:
        layer.contrast_limits_range = source.contrast_limits_range
    return layer
