"""One door for every readable file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io.kinds import kind_of


def read_image(path: str | Path, *, axes: str | None = None, lazy: bool = True) -> CalibratedImage:
    """Read an image with its axes, calibration and provenance.

    Its contents decide what a file is. A TIFF may be an ImageJ hyperstack, OME-TIFF, tifffile's own kind, plain
    multi-page, RGB, big-endian, tiled, compressed or BigTIFF; it is checked to be all there before a pixel is read.

    Parameters
    ----------
    path : path
        TIFF, PNG, JPEG or npy file, or the folder of an OME-Zarr.
    axes : str, optional
        One letter out of ``TZCYXS`` for each dimension, in place of what the file says.
    lazy : bool
        Leave the pixels in the file where that is possible (TIFF, npy, Zarr). Otherwise they are read into a numpy
        array.

    Returns
    -------
    CalibratedImage
        Pixel sizes and origin in micrometres as far as the file states them. ``metadata`` holds ``"provenance"``
        (a mapping) if the file carries our record, ``"channels"`` (names) if it names them, and ``"notices"``
        (a list of sentences for the user, mostly empty).

    Raises
    ------
    InputError
        If the file is missing, cut off, of no readable kind, or `axes` contradict its shape.
    """
    path = Path(path)
    try:
        image = _read(path, kind_of(path), axes)
    except InputError as error:
        # What is said about shapes and axes does not know the file.
        if path.name in str(error):
            raise
        raise InputError(f"{path}: {error}") from error
    return image if lazy else image.replace(data=np.array(image.data))


def _read(path: Path, kind: str, axes: str | None) -> CalibratedImage:
    if kind == "tiff":
        from napari_restoration.core.io.tiff_read import read_tiff

        return read_tiff(path, axes)
    if kind == "zarr":
        from napari_restoration.core.io.zarr_read import read_zarr

        return read_zarr(path, axes)
    from napari_restoration.core.io.flat_read import read_flat

    return read_flat(path, kind, axes)
