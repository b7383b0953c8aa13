"""One door for every readable file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

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
    kind = kind_of(path)
    if kind == "tiff":
        from napari_restoration.core.io.tiff_read import read_tiff

        image = read_tiff(path, axes)
    elif kind == "zarr":
        from napari_restoration.core.io.zarr_read import read_zarr

        image = read_zarr(path, axes)
    else:
        from napari_restoration.core.io.flat_read import read_flat

        image = read_flat(path, kind, axes)
    return image if lazy else image.replace(data=np.array(image.data))
