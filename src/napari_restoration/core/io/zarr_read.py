"""Reading OME-Zarr (versions 0.4 and 0.5) and plain Zarr arrays; pixels stay in their chunks."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_restoration.core.axes import guess_axes
from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io.units import display_unit, micrometers_in, seconds_in
from napari_restoration.core.provenance import KEY

EXTRA_HINT = 'needs the package zarr: pip install "napari-restoration[zarr]"'
_MOST_CHUNKS_COUNTED = 100_000


def read_zarr(path: Path, axes: str | None) -> CalibratedImage:
    """Read the full resolution of an OME-Zarr image.

    Parameters
    ----------
    path : Path
        The folder.
    axes : str, optional
        Names the axes in place of what the file says.

    Returns
    -------
    CalibratedImage
        Over the zarr array itself.

    Raises
    ------
    InputError
        If zarr is not installed, the metadata are damaged, or the file is an unfinished output of ours.
    """
    if importlib.util.find_spec("zarr") is None:
        raise InputError(f"{path} is a Zarr, and reading it {EXTRA_HINT}.")
    import zarr

    try:
        node = zarr.open(str(path), mode="r")
        attributes = dict(node.attrs)
        own = _mapping(attributes.get(KEY))
        if own.get("complete") is False:
            raise InputError(f"{path} is an output that was not finished: make it again.")
        multiscales = _mapping(attributes.get("ome", attributes)).get("multiscales")
        scales = multiscales[0] if multiscales else {}
        array = node if isinstance(node, zarr.Array) else node[scales["datasets"][0]["path"]]
        if not isinstance(array, zarr.Array):
            raise KeyError("its first dataset is no array")
        calibration = _calibration(scales, own)
        labels = _labels(scales, array)
    except InputError:
        raise
    # zarr raises errors of many types for damaged metadata.
    except Exception as error:
        raise InputError(
            f"{path} is no readable OME-Zarr image ({type(error).__name__}: {error}); name the folder of one image."
        ) from error
    metadata = {**calibration.pop("metadata"), "notices": _missing_chunks(path, array)}
    return CalibratedImage(
        array, axes or guess_axes(array.shape, labels), name=path.name, metadata=metadata, **calibration
    )


def _calibration(scales: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes and origin out of the first dataset's transformations, one number for each axis."""
    axes = [entry if isinstance(entry, Mapping) else {"name": entry} for entry in scales.get("axes", [])]
    factors, offsets = [1.0] * len(axes), [0.0] * len(axes)
    found = False
    common = scales.get("coordinateTransformations", [])
    for transformation in [
        *(scales.get("datasets") or [{}])[0].get("coordinateTransformations", []),
        *common,
    ]:
        numbers = transformation.get(transformation.get("type"), [])
        if transformation.get("type") == "scale" and len(numbers) == len(axes):
            factors = [f * float(n) for f, n in zip(factors, numbers, strict=True)]
            offsets = [o * float(n) for o, n in zip(offsets, numbers, strict=True)]
            found = True
        elif transformation.get("type") == "translation" and len(numbers) == len(axes):
            offsets = [o + float(n) for o, n in zip(offsets, numbers, strict=True)]
    sizes, origin, unit, interval = {}, {}, "um", None
    for entry, factor, offset in zip(axes, factors, offsets, strict=True):
        letter = str(entry.get("name", "")).upper()
        length = micrometers_in(entry.get("unit"))
        if (
            letter in ("Z", "Y", "X")
            and length is not None
            and found
            and math.isfinite(factor)
            and factor > 0
        ):
            sizes[letter] = factor * length
            unit = display_unit(entry.get("unit"))
            if offset:
                origin[letter] = offset * length
        seconds = seconds_in(entry.get("unit"))
        if letter == "T" and seconds is not None and factor > 0:
            interval = factor * seconds
    metadata: dict[str, Any] = {}
    if isinstance(own.get("provenance"), Mapping):
        metadata["provenance"] = dict(own["provenance"])
    channels = own.get("channels")
    if isinstance(channels, list):
        metadata["channels"] = channels
    return {
        "pixel_size_um": {axis: sizes[axis] for axis in "ZYX" if axis in sizes},
        "origin_um": origin,
        "display_unit": unit,
        "time_interval_s": interval,
        "metadata": metadata,
    }


def _labels(scales: Mapping[str, Any], array: Any) -> list[str] | None:
    entries = scales.get("axes")
    if entries:
        return [str(entry.get("name") if isinstance(entry, Mapping) else entry) for entry in entries]
    names = getattr(array.metadata, "dimension_names", None)
    return [str(name or "") for name in names] if names else None


def _missing_chunks(path: Path, array: Any) -> list[str]:
    """One notice if chunks were never written; they read as the fill value."""
    chunks = math.prod(math.ceil(n / c) for n, c in zip(array.shape, array.chunks, strict=True))
    if chunks > _MOST_CHUNKS_COUNTED:
        return []
    missing = chunks - int(array.nchunks_initialized)
    if not missing:
        return []
    return [f"{path.name}: {missing} of {chunks} chunks are missing and read as {array.fill_value}."]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
