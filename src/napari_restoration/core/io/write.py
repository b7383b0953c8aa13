"""One door for every writable file: planes in, a whole file or none out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from napari_restoration.core.errors import OutputError
from napari_restoration.core.files import atomic_folder, atomic_path, check_output
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io.kinds import output_format
from napari_restoration.core.io.planes import Layout, PlaneStore, PlaneWriter, ProvenanceSource

_IMAGEJ_ORDER = "TZC"
_OME_ZARR_ORDER = "TCZ"


def write_image(
    path: str | Path,
    image: CalibratedImage,
    *,
    provenance: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> list[str]:
    """Write an image with its calibration and the record of how it came about.

    The name decides the format:

    - ``.ome.tif``: OME-TIFF, BigTIFF where it exceeds 4 GiB. Leading axes keep the image's order.
    - ``.tif``: an ImageJ hyperstack, whose leading axes are always in the order TZC, where dtype (uint8, uint16,
      float32), calibration and 4 GiB allow; else a BigTIFF with axes, calibration and record in the JSON of its
      description, in the image's own order, and a notice.
    - ``.ome.zarr``: OME-Zarr 0.4, leading axes in the order TCZ that OME demands.
    - ``.npy``: bare numbers in the image's order.
    - ``.png``: one plane of 8 or 16 bits, or RGB(A) of 8 bits.

    In all of them Y and X come last, and S behind them. Reading gives the same pixels under the same axis letters.

    Parameters
    ----------
    path : path
        The output.
    image : CalibratedImage
        What to write. Lazy data are read plane by plane.
    provenance : mapping, optional
        The record; by default the one that `image` carries.
    overwrite : bool
        Whether an existing output may be replaced.

    Returns
    -------
    list of str
        What the user should know, such as a format other than expected.

    Raises
    ------
    OutputError
        If the output exists, cannot be written, or its format cannot hold the image.
    """
    record = image.metadata.get("provenance") if provenance is None else provenance
    with open_writer(
        path,
        shape=image.shape,
        dtype=image.dtype,
        axes=image.axes,
        like=image,
        provenance=(lambda: record) if record is not None else None,
        overwrite=overwrite,
    ) as writer:
        for plane in _planes(image):
            writer.write(plane)
        return writer.notices


@contextmanager
def open_writer(
    path: str | Path,
    *,
    shape: Sequence[int],
    dtype: Any,
    axes: str,
    like: CalibratedImage,
    provenance: ProvenanceSource | None = None,
    overwrite: bool = False,
) -> Iterator[PlaneWriter]:
    """Open an output that takes an image plane by plane; one plane is in memory at a time.

    The file gets its name when the block ends and all planes were written; nothing is left if the block raises.

    Parameters
    ----------
    path : path
        The output; formats as in `write_image`.
    shape : sequence of int
        Of the whole image.
    dtype : dtype
        Of its pixels.
    axes : str
        One letter for each dimension. Planes arrive in C order of the axes other than Y, X and S.
    like : CalibratedImage
        Carries pixel sizes, origin, interval, display unit, name and channel names **of the output**. Its data are
        not looked at.
    provenance : callable, optional
        Asked for the record after the last plane, when the hash of the pixels is known.
    overwrite : bool
        Whether an existing output may be replaced.

    Yields
    ------
    PlaneWriter
        ``write(plane)`` takes (Y, X) or (Y, X, S); ``notices`` says what the user should know.

    Raises
    ------
    OutputError
        Before the block if the output exists, cannot be written, or the format cannot hold the image; from `write`
        if the disk refuses it later.
    """
    path, dtype = Path(path), np.dtype(dtype).newbyteorder("=")
    kind, layout, notice = _plan(path, shape, dtype, axes, like)
    check_output(path, (), overwrite, nbytes=estimate_bytes(shape, dtype), folder=kind == "ome-zarr")
    make_whole = atomic_folder if kind == "ome-zarr" else atomic_path
    with make_whole(path, overwrite=overwrite) as temporary:
        store = _open_store(kind, temporary, path, layout, dtype, like)
        if notice:
            store.notices.append(notice)
        try:
            writer = PlaneWriter(store, layout, dtype, str(path))
            yield writer
            writer.finish(provenance)
        finally:
            store.close()


def estimate_bytes(shape: Sequence[int], dtype: Any) -> int:
    """Size of an output on disk, at most: pixels, a directory for each plane, and metadata."""
    planes = math.prod(shape[:-2])
    return int(math.prod(shape) * np.dtype(dtype).itemsize + planes * 1024 + 2**20)


def _plan(
    path: Path, shape: Sequence[int], dtype: np.dtype[Any], axes: str, like: CalibratedImage
) -> tuple[str, Layout, str]:
    """Kind of file, its layout, and a notice if the kind is not the one a user expects."""
    kind = output_format(path)
    layout = Layout(shape, axes, {"tiff": _IMAGEJ_ORDER, "ome-zarr": _OME_ZARR_ORDER}.get(kind, ""))
    if kind not in ("tiff", "ome-tiff"):
        return kind, layout, ""
    from napari_restoration.core.io.tiff_write import tiff_kind

    kind, notice = tiff_kind(path, layout, dtype, like)
    return kind, Layout(shape, axes) if kind == "shaped" else layout, notice


def _open_store(
    kind: str, temporary: Path, path: Path, layout: Layout, dtype: np.dtype[Any], like: CalibratedImage
) -> PlaneStore:
    try:
        if kind == "ome-zarr":
            from napari_restoration.core.io.zarr_write import ZarrStore

            return ZarrStore(temporary, str(path), layout, dtype, like)
        if kind in ("npy", "png"):
            from napari_restoration.core.io.flat_write import NpyStore, PngStore

            store = NpyStore if kind == "npy" else PngStore
            return store(temporary, str(path), layout, dtype, like)
        from napari_restoration.core.io.tiff_write import TiffStore

        return TiffStore(temporary, str(path), layout, dtype, kind.removesuffix("-tiff"), like)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror or error}.") from error


def _planes(image: CalibratedImage) -> Iterator[np.ndarray[Any, Any]]:
    """Planes of an image in C order of its leading axes, each (Y, X) or (Y, X, S)."""
    leading = [axis for axis in range(image.ndim) if image.axes[axis] not in "YXS"]
    in_plane = [image.axes[axis] for axis in range(image.ndim) if axis not in leading]
    wanted = ["Y", "X", *(["S"] if "S" in in_plane else [])]
    order = [in_plane.index(letter) for letter in wanted]
    for position in np.ndindex(*(image.shape[axis] for axis in leading)):
        key: list[Any] = [slice(None)] * image.ndim
        for axis, index in zip(leading, position, strict=True):
            key[axis] = int(index)
        plane = np.asarray(image.data[tuple(key)]).transpose(order)
        yield plane.astype(image.dtype.newbyteorder("="), copy=False)
