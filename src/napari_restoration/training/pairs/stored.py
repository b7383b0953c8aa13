"""Images that stay in their files: opened when a pixel is asked for, a few at a time.

Uncompressed TIFF, npy and Zarr are read piece by piece; of a compressed TIFF the plane read last is kept.
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import read_image

Float = NDArray[np.float32]
Region = tuple[slice, slice]

_MOST_OPEN = 64
_MOST_KEPT_BYTES = 512 * 2**20
WHOLE: Region = (slice(None), slice(None))


@dataclass(frozen=True, eq=False, kw_only=True)
class StoredImage:
    """An image of a pair, in a file or in memory.

    Attributes
    ----------
    name : str
        File name, or the image's own.
    path : Path or None
        Its file.
    axes, shape, dtype
        As of `CalibratedImage`.
    pixel_size_um : mapping of str to float
        Calibration, as far as known.
    """

    name: str
    path: Path | None
    axes: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    pixel_size_um: Mapping[str, float]
    given_axes: str | None = None
    memory: CalibratedImage | None = None

    @classmethod
    def of(cls, image: CalibratedImage | str | Path, axes: str | None = None) -> StoredImage:
        """Look at a file, or wrap an image in memory.

        Raises
        ------
        InputError
            If a file cannot be read.
        """
        if isinstance(image, CalibratedImage):
            path, opened = None, image
        else:
            path = Path(image)
            opened = _FILES.open(path, axes)
        return cls(
            name=opened.name, path=path, axes=opened.axes, shape=opened.shape, dtype=opened.dtype,
            pixel_size_um=opened.pixel_size_um, given_axes=axes, memory=None if path else opened,
        )  # fmt: skip

    def size_of(self, axis: str) -> int:
        """Length along an axis; 1 if there is no such axis."""
        return self.shape[self.axes.index(axis)] if axis in self.axes else 1

    @property
    def plane_shape(self) -> tuple[int, int]:
        """Length along Y and X."""
        return self.size_of("Y"), self.size_of("X")

    @property
    def leading(self) -> str:
        """Axes other than Y, X and colour samples, in the image's order."""
        return "".join(axis for axis in self.axes if axis not in "YXS")

    def open(self) -> CalibratedImage:
        """The image with its pixels still in the file.

        Raises
        ------
        InputError
            If the file has gone or changed its shape since.
        """
        if self.memory is not None:
            return self.memory
        assert self.path is not None
        image = _FILES.open(self.path, self.given_axes)
        if image.shape != self.shape or image.axes != self.axes:
            raise InputError(
                f"{self.path} has changed: it was {self.axes} {self.shape} and is {image.axes} {image.shape} now; "
                "start again."
            )
        return image

    def read(self, position: Mapping[str, int], region: Region = WHOLE, *, frames: bool = False) -> Float:
        """Read a part of one plane.

        Parameters
        ----------
        position : mapping of str to int
            Index along each leading axis; axes that the image does not have are ignored.
        region : tuple of slice
            Rows and columns.
        frames : bool
            Keep the axis T, for bursts.

        Returns
        -------
        ndarray
            ``(Y, X)``, with `frames` ``(T, Y, X)``; float32, the mean of RGB samples (without alpha).
        """
        places = {"Y": region[0], "X": region[1], "S": slice(0, 3)}
        kept = "TYXS" if frames else "YXS"
        key = tuple(places.get(axis, slice(None)) if axis in kept else position[axis] for axis in self.axes)
        part = np.asarray(self.open().data[key])
        letters = [axis for axis in self.axes if axis in kept]
        part = part.transpose([letters.index(axis) for axis in kept if axis in letters])
        if "S" in letters:
            part = part.astype(np.float32).mean(axis=-1)
        return np.ascontiguousarray(part, dtype=np.float32)


class _OpenFiles:
    """The files used last; others are closed, so that neither handles nor kept planes add up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: OrderedDict[tuple[Path, str | None, int], CalibratedImage] = OrderedDict()

    def open(self, path: Path, axes: str | None) -> CalibratedImage:
        try:
            changed = path.stat().st_mtime_ns
        except OSError as error:
            raise InputError(
                f"{path} cannot be read ({error.strerror}): check its name and folder."
            ) from error
        key = (path, axes, changed)
        with self._lock:
            if key in self._open:
                self._open.move_to_end(key)
                return self._open[key]
        image = read_image(path, axes=axes)
        with self._lock:
            self._open[key] = image
            while len(self._open) > 1 and (len(self._open) > _MOST_OPEN or self._kept() > _MOST_KEPT_BYTES):
                self._open.popitem(last=False)
        return image

    def _kept(self) -> int:
        """Bytes that the open files may hold in memory: a plane each, unless the system maps them."""
        return sum(_plane_bytes(image) for image in self._open.values())


def _plane_bytes(image: CalibratedImage) -> int:
    data = image.data
    while isinstance(data, np.ndarray):
        if isinstance(data, np.memmap):
            return 0
        if data.base is None:
            return int(data.nbytes)
        data = data.base
    sides = [n for axis, n in zip(image.axes, image.shape, strict=True) if axis in "YXS"]
    return math.prod(sides) * image.dtype.itemsize


_FILES = _OpenFiles()
