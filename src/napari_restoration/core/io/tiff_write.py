"""Writing TIFF files plane by plane, in any order of planes, with the record added at the end.

tifffile lays out the whole file first (directories, room for the pixels); planes are then written to their places.
That keeps one plane in memory, takes planes in the image's own order whatever the file's, and finds a full disk by an
ordinary error.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io.ome import annotate, legal_text
from napari_restoration.core.io.planes import Layout, calibration_record
from napari_restoration.core.provenance import KEY, to_json

_CLASSIC_LIMIT = 2**32
_OVERHEAD_BYTES = 2**24  # metadata at the end of a file
_PAGE_BYTES = 1024  # a directory with its values
_OME_DTYPES = {"int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64"}
_IMAGEJ_DTYPES = {"uint8", "uint16", "float32"}
_INFO_TAG, _INFO_COUNTS_TAG, _DESCRIPTION_TAG = 50839, 50838, 270


class TiffStore:
    """A TIFF being made.

    Parameters
    ----------
    temporary : Path
        Where it is made.
    name : str
        The output, for messages.
    layout : Layout
        Of its planes.
    dtype : dtype
        Of its pixels.
    kind : str
        ``"ome"``, ``"imagej"`` or ``"shaped"``.
    like : CalibratedImage
        Carries the calibration.
    """

    def __init__(
        self,
        temporary: Path,
        name: str,
        layout: Layout,
        dtype: np.dtype[Any],
        kind: str,
        like: CalibratedImage,
    ) -> None:
        self.notices: list[str] = []
        self._name = name
        self._layout = layout
        self._kind = kind
        self._like = like
        self._path = temporary
        self._plane_bytes = math.prod(layout.plane_shape) * dtype.itemsize
        self._dtype, self._offset = self._lay_out(dtype)
        self._file = open(temporary, "r+b", buffering=0)  # noqa: SIM115 - closed by close()

    def put(self, index: int, plane: npt.NDArray[Any]) -> None:
        """Write a plane to its place."""
        self._file.seek(self._offset + index * self._plane_bytes)
        pixels = np.ascontiguousarray(plane, self._dtype).data.cast("B")
        while pixels:
            pixels = pixels[self._file.write(pixels) or 0 :]

    def finish(self, provenance: Mapping[str, Any] | None) -> None:
        """Add the record."""
        self._file.close()
        from tifffile import TiffFile

        with TiffFile(self._path, mode="r+") as tif:
            tags = tif.pages.first.tags
            description = tags[_DESCRIPTION_TAG]
            if self._kind == "ome":
                extra = {"axes": self._layout.stored_axes}
                description.overwrite(
                    annotate(tif.ome_metadata or "", provenance, extra, _ome_plane(self._like))
                )
            elif self._kind == "imagej":
                record: dict[str, Any] = {"axes": self._layout.stored_axes}
                record.update({k: v for k, v in self._record().items() if k in ("channels", "origin_um")})
                if provenance is not None:
                    record[KEY] = provenance
                counts, info = _imagej_info(to_json(record), tif.byteorder)
                tags[_INFO_COUNTS_TAG].overwrite(counts)
                tags[_INFO_TAG].overwrite(info)
            elif provenance is not None:
                record = {**json.loads(description.value), KEY: provenance}
                description.overwrite(to_json(record))
        self._require_classic_size()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _record(self) -> dict[str, Any]:
        record = calibration_record(self._like, self._layout.stored_axes)
        if len(record.get("channels", ())) != self._layout.sizes.get("C", 1):
            record.pop("channels", None)
        return record

    def _lay_out(self, dtype: np.dtype[Any]) -> tuple[np.dtype[Any], int]:
        """Write all but pixels and record; returns the dtype in the file's byte order and where pixels start."""
        import tifffile

        layout, kind = self._layout, self._kind
        self._classic = kind != "shaped" and fits_classic(layout, dtype)
        options: dict[str, Any] = {"photometric": "rgb" if "S" in layout.stored_axes else "minisblack"}
        resolution = _resolution(self._like, kind)
        if resolution is not None:
            options["resolution"], options["resolutionunit"] = resolution
        metadata = {"ome": _ome_metadata, "imagej": _imagej_metadata, "shaped": _shaped_metadata}[kind](
            self._like, self._record()
        )
        shape = layout.stored_shape
        if kind == "imagej" and "S" not in layout.sizes:
            # Without samples tifffile would take a width of 1 for them.
            shape, metadata["axes"] = (*shape, 1), layout.stored_axes + "S"
            metadata["mode"] = "composite" if 1 < layout.sizes.get("C", 1) < 8 else "grayscale"
        with tifffile.TiffWriter(
            self._path,
            bigtiff=not self._classic,
            imagej=kind == "imagej",
            ome=kind == "ome",
            shaped=kind == "shaped",
        ) as writer:
            place = writer.write(
                None,
                shape=shape,
                dtype=dtype,
                metadata=metadata,
                contiguous=True,
                returnoffset=True,
                software="napari-restoration",
                **options,
            )
            order = writer.tiff.byteorder
        if place is None:
            raise OSError("the file's layout is unknown")
        offset = place[0]
        _allocate(self._path, offset, layout.count * self._plane_bytes)
        return dtype.newbyteorder(order), offset

    def _require_classic_size(self) -> None:
        if self._classic and os.path.getsize(self._path) >= _CLASSIC_LIMIT:
            raise OutputError(f"{self._name} outgrew 4 GiB by its metadata: write .ome.tif or .ome.zarr.")


def tiff_kind(path: Path, layout: Layout, dtype: np.dtype[Any], like: CalibratedImage) -> tuple[str, str]:
    """Which kind of TIFF an image becomes.

    Parameters
    ----------
    path : Path
        The output.
    layout : Layout
        With the leading axes in the order TZC.
    dtype : dtype
        Of the pixels.
    like : CalibratedImage
        Carries the calibration.

    Returns
    -------
    kind : str
        ``"ome"``, ``"imagej"`` or ``"shaped"``.
    notice : str
        Why it is no ImageJ hyperstack; empty for the other kinds.

    Raises
    ------
    OutputError
        If OME-TIFF does not know the dtype.
    """
    if ".ome." in path.name.lower():
        if dtype.name not in _OME_DTYPES:
            raise OutputError(
                f"{path}: OME-TIFF cannot hold {dtype}; write a .tif or float32 (--dtype float32)."
            )
        return "ome", ""
    reason = ""
    if dtype.name not in _IMAGEJ_DTYPES:
        reason = f"it does not know {dtype}"
    elif "S" in layout.sizes and (dtype.name != "uint8" or layout.sizes["S"] != 3):
        reason = "its colour images have three samples of 8 bits"
    elif not fits_classic(layout, dtype):
        reason = "the result is larger than 4 GiB"
    elif like.pixel_size_um and not {"X", "Y"} <= set(like.pixel_size_um):
        reason = "it cannot leave a single axis uncalibrated"
    if not reason:
        return "imagej", ""
    return "shaped", (
        f"{path.name} is a plain BigTIFF with its axes {layout.stored_axes} in the description, no ImageJ hyperstack: "
        f"{reason}."
    )


def fits_classic(layout: Layout, dtype: np.dtype[Any]) -> bool:
    """Whether a TIFF with offsets of 32 bits can hold the image."""
    pixels = math.prod(layout.stored_shape) * dtype.itemsize
    return pixels + layout.count * _PAGE_BYTES + _OVERHEAD_BYTES < _CLASSIC_LIMIT


def _shown_factor(like: CalibratedImage) -> tuple[float, str]:
    return (1e3, "nm") if like.display_unit == "nm" else (1.0, "um")


def _resolution(like: CalibratedImage, kind: str) -> tuple[tuple[float, float], str] | None:
    sizes = like.pixel_size_um
    if not {"X", "Y"} <= set(sizes):
        return None
    if kind == "imagej":
        factor, _ = _shown_factor(like)
        return (1 / (sizes["X"] * factor), 1 / (sizes["Y"] * factor)), "none"
    return (1e4 / sizes["X"], 1e4 / sizes["Y"]), "centimeter"


def _ome_metadata(like: CalibratedImage, record: Mapping[str, Any]) -> dict[str, Any]:
    factor, unit = _shown_factor(like)
    unit = "µm" if unit == "um" else unit
    metadata: dict[str, Any] = {"axes": record["axes"], "Name": legal_text(like.name)}
    for axis, size in like.pixel_size_um.items():
        metadata[f"PhysicalSize{axis}"] = float(size) * factor
        metadata[f"PhysicalSize{axis}Unit"] = unit
    if like.time_interval_s is not None:
        metadata["TimeIncrement"] = float(like.time_interval_s)
        metadata["TimeIncrementUnit"] = "s"
    if "channels" in record:
        metadata["Channel"] = {"Name": [legal_text(name) for name in record["channels"]]}
    return metadata


def _ome_plane(like: CalibratedImage) -> dict[str, str]:
    factor, unit = _shown_factor(like)
    attributes = {}
    for axis, position in like.origin_um.items():
        attributes[f"Position{axis}"] = repr(float(position) * factor)
        attributes[f"Position{axis}Unit"] = "µm" if unit == "um" else unit
    return attributes


def _imagej_metadata(like: CalibratedImage, record: Mapping[str, Any]) -> dict[str, Any]:
    factor, unit = _shown_factor(like)
    metadata: dict[str, Any] = {"axes": record["axes"], "Info": "{}" + " " * 30}
    if like.pixel_size_um:
        metadata["unit"] = unit
    if "Z" in like.pixel_size_um:
        metadata["spacing"] = float(like.pixel_size_um["Z"]) * factor
    if like.time_interval_s is not None:
        metadata["finterval"] = float(like.time_interval_s)
        metadata["tunit"] = "s"
    for axis, position in like.origin_um.items():
        if axis in like.pixel_size_um:
            metadata[f"{axis.lower()}origin"] = -float(position) / float(like.pixel_size_um[axis])
    return metadata


def _shaped_metadata(like: CalibratedImage, record: Mapping[str, Any]) -> dict[str, Any]:
    return dict(record)


def _imagej_info(text: str, order: Literal["<", ">"]) -> tuple[bytes, bytes]:
    """ImageJ's metadata block with nothing but its Info text: packed lengths of its parts, and the block."""
    from tifffile import imagej_metadata_tag

    values = {tag[0]: tag[3] for tag in imagej_metadata_tag({"Info": text}, order)}
    return values[_INFO_COUNTS_TAG], values[_INFO_TAG]


def _allocate(path: Path, offset: int, nbytes: int) -> None:
    """Claim the room for the pixels, so that a full disk is found before the work."""
    allocate = getattr(os, "posix_fallocate", None)
    if allocate is None:
        return
    with open(path, "r+b") as file:
        try:
            allocate(file.fileno(), offset, nbytes)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS):  # a file system that cannot
                raise
