"""Reading TIFF files: memory-mapped where the pixels lie in one piece, plane by plane elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from napari_restoration.core.axes import guess_axes
from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io.tiff_calibration import calibration_of
from napari_restoration.core.io.tiff_check import CheckedTiff, check_tiff
from napari_restoration.core.io.tiff_pages import PagedTiff

_STANDARD = "TZCYXS"
_RGB, _YCBCR = 2, 6


def read_tiff(path: Path, axes: str | None) -> CalibratedImage:
    """Read a TIFF of any kind, its pixels on demand.

    Parameters
    ----------
    path : Path
        A file that starts like a TIFF.
    axes : str, optional
        Names the axes in place of what the file says.

    Returns
    -------
    CalibratedImage
        ``metadata["notices"]`` lists what the user should know of the reading.

    Raises
    ------
    InputError
        If the file is cut off, contradicts itself, or needs a codec that is not installed.
    """
    import tifffile

    checked = check_tiff(path)
    with _tifffile_errors_named(path), tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        page = series.keyframe
        _check_codec(path, page)
        notices = _check_agreement(path, checked, series)
        calibration = calibration_of(checked, page, tif.imagej_metadata)
        offset, order, dtype = series.dataoffset, tif.byteorder, np.dtype(page.dtype)
        letters, shape = _axes_and_shape(series, calibration["metadata"].pop("axes", None))
    # A page may hold several planes that are no colours, whatever the page itself calls them.
    in_page = letters[len(letters) - len(page.shape) :]
    samples_first = page.axes.startswith("S") and in_page.startswith("S")
    samples = "first" if samples_first else "last" if page.axes.endswith("S") else ""
    data: Any
    if offset is not None:
        data = np.memmap(path, dtype.newbyteorder(order), "r", offset, shape)
        data = np.moveaxis(data, -3, -1) if samples_first else data
    else:
        if samples_first:
            shape = (*shape[:-3], *shape[-2:], shape[-3])
        data = PagedTiff(path, shape, dtype, plane_ndim=len(page.shape), samples=samples)
    if samples_first:
        letters = letters.replace("S", "") + "S"
    rgb = page.photometric in (_RGB, _YCBCR) and letters.endswith("S") and data.shape[-1] in (3, 4)
    if axes is None:
        axes = _named_axes(letters, tuple(data.shape), rgb)
        if not set(letters) <= set(_STANDARD):
            notices.append(
                f"{path.name} does not name all its axes; {axes} was assumed for its shape {data.shape}."
            )
    metadata = {**calibration.pop("metadata"), "notices": notices}
    return CalibratedImage(data, axes, name=path.name, metadata=metadata, **calibration)


@contextmanager
def _tifffile_errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except (InputError, OSError):
        raise
    # tifffile raises errors of many types, AssertionError and IndexError among them, for contradictory tags.
    except Exception as error:
        raise InputError(
            f"{path} cannot be understood as a TIFF ({error}); save it again in the program it comes from."
        ) from error


def _check_codec(path: Path, page: Any) -> None:
    from tifffile import TIFF

    if page.dtype is None:
        raise InputError(
            f"{path} holds values of {page.bitspersample} bits in a format that cannot be read; save it as 8 or 16 "
            "bit or as floating point."
        )
    for codecs, code in ((TIFF.DECOMPRESSORS, page.compression), (TIFF.UNPREDICTORS, page.predictor)):
        try:
            codecs[code]
        except KeyError as error:
            raise InputError(
                f"{path} is compressed with {getattr(code, 'name', code)}, which cannot be read: save it with LZW "
                "or zlib compression, or without any."
            ) from error


def _check_agreement(path: Path, checked: CheckedTiff, series: Any) -> list[str]:
    """Whether tifffile found as many planes as the file claims; a notice if there are more in other images."""
    if checked.kind == "ome" and any(page is None for page in series):
        raise InputError(
            f"{path} lacks planes that its OME-XML claims; save it again in the program it comes from."
        )
    planes = math.prod(series.get_shape(squeeze=False)) // max(math.prod(series.keyframe.shape), 1)
    if checked.kind != "plain" and planes != checked.planes:
        raise InputError(
            f"{path} claims {checked.planes} planes, but {planes} can be found; save it again in the program it "
            "comes from."
        )
    pages = sum(not page.reduced for page in checked.pages)
    if len(checked.pages) > 1 and planes < pages:
        return [
            f"{path.name} holds {pages} pages in several images; only the {planes} of the first are read."
        ]
    return []


def _axes_and_shape(series: Any, named: str | None) -> tuple[str, tuple[int, ...]]:
    """Axes and shape without the axes of length 1 that nobody named."""
    letters, shape = series.get_axes(squeeze=False), tuple(series.get_shape(squeeze=False))
    sizes = dict(zip(letters, shape, strict=True))
    keep = set("YX") | {letter for letter, length in sizes.items() if length > 1}
    if series.kind == "shaped":
        keep = set(letters)
    elif named is not None and keep <= set(named) <= set(letters):
        keep = set(named)
    page_ndim = len(series.keyframe.shape)
    last = len(letters) - page_ndim
    kept = [
        (letter, length)
        for position, (letter, length) in enumerate(zip(letters, shape, strict=True))
        if letter in keep or (position >= last and series.kind != "shaped" and letter != "S")
    ]
    return "".join(letter for letter, _ in kept), tuple(length for _, length in kept)


def _named_axes(letters: str, shape: tuple[int, ...], rgb: bool) -> str:
    """Axes that the package knows, for the letters of tifffile."""
    if letters.endswith("S") and not rgb:
        letters = letters[:-1] + ("C" if "C" not in letters else "?")
    if set(letters) <= set(_STANDARD) and len(set(letters)) == len(letters):
        return letters
    labels = [letter if letter in _STANDARD else "" for letter in letters]
    return guess_axes(shape, labels[: len(labels) - rgb], rgb=rgb)
