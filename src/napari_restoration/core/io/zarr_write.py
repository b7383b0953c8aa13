"""Writing OME-Zarr 0.4 plane by plane; the flag ``complete`` is set last."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io.planes import Layout
from napari_restoration.core.io.zarr_read import EXTRA_HINT
from napari_restoration.core.provenance import KEY, to_json

_CHUNK = 1024
_TYPES = {"T": "time", "C": "channel", "Z": "space", "Y": "space", "X": "space"}


class ZarrStore:
    """An OME-Zarr being made; parameters as in `TiffStore`.

    Chunks lie within a plane, so that each is written once and whole.
    """

    def __init__(
        self, temporary: Path, name: str, layout: Layout, dtype: np.dtype[Any], like: CalibratedImage
    ) -> None:
        if importlib.util.find_spec("zarr") is None:
            raise OutputError(f"{name} is a Zarr, and writing it {EXTRA_HINT}; or write .ome.tif.")
        if "S" in layout.sizes:
            raise OutputError(
                f"{name}: OME-Zarr has no colour samples; name them channels (C) or write .ome.tif."
            )
        import zarr

        self.notices: list[str] = []
        self._leading = tuple(layout.sizes[letter] for letter in layout.stored)
        group = zarr.open_group(str(temporary), mode="w", zarr_format=2)
        group.attrs["multiscales"] = [_multiscales(layout.stored_axes, like)]
        self._own: dict[str, Any] = {"complete": False}
        names = like.metadata.get("channels") or ()
        if names and len(names) == layout.sizes.get("C", 1):
            self._own["channels"] = [str(name) for name in names]
        group.attrs[KEY] = self._own
        chunks = (1,) * len(self._leading) + tuple(min(n, _CHUNK) for n in layout.plane_shape)
        self._group = group
        self._array = group.create_array(
            "0",
            shape=layout.stored_shape,
            chunks=chunks,
            dtype=dtype,
            fill_value=0,
            chunk_key_encoding={"name": "v2", "separator": "/"},
            # A chunk of zeros must exist too: a missing one is how an unfinished or damaged file is known.
            config={"write_empty_chunks": True},
        )

    def put(self, index: int, plane: npt.NDArray[Any]) -> None:
        """Write a plane to its chunks."""
        position = np.unravel_index(index, self._leading) if self._leading else ()
        self._array[tuple(int(i) for i in position)] = plane

    def finish(self, provenance: Mapping[str, Any] | None) -> None:
        """Add the record, then the flag."""
        import json

        if provenance is not None:
            self._own["provenance"] = json.loads(to_json(provenance))
            self._group.attrs[KEY] = self._own
        self._group.attrs[KEY] = {**self._own, "complete": True}

    def close(self) -> None:
        """Nothing is held open."""


def _multiscales(axes: str, like: CalibratedImage) -> dict[str, Any]:
    factor, unit = (1e3, "nanometer") if like.display_unit == "nm" else (1.0, "micrometer")
    entries: list[dict[str, str]] = []
    scale, translation = [], []
    for letter in axes:
        entry = {"name": letter.lower(), "type": _TYPES[letter]}
        size, offset = 1.0, 0.0
        if letter in like.pixel_size_um:
            entry["unit"] = unit
            size = float(like.pixel_size_um[letter]) * factor
            offset = float(like.origin_um.get(letter, 0.0)) * factor
        elif letter == "T" and like.time_interval_s is not None:
            entry["unit"] = "second"
            size = float(like.time_interval_s)
        entries.append(entry)
        scale.append(size)
        translation.append(offset)
    transformations: list[dict[str, Any]] = [{"type": "scale", "scale": scale}]
    if any(translation):
        transformations.append({"type": "translation", "translation": translation})
    return {
        "version": "0.4",
        "name": like.name,
        "axes": entries,
        "datasets": [{"path": "0", "coordinateTransformations": transformations}],
    }
