"""A TIFF stack as an array that reads planes when they are asked for."""

from __future__ import annotations

import math
import operator
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError

# Up to this size a plane is decoded as a whole and kept, so that reading it tile by tile decodes it once.
_KEPT_PLANE_BYTES = 256 * 2**20


class PagedTiff:
    """Array-like over the planes of a TIFF's first image.

    Parameters
    ----------
    path : Path
        The file.
    shape : tuple of int
        Leading axes, then Y and X, then the samples if there are any.
    dtype : dtype
        Of the pixels.
    plane_ndim : int
        How many of the last axes are in one page.
    samples : str
        Where a page of the file keeps its colour samples, ``"first"`` or ``"last"``; empty if it has none. Here
        they are last.

    Notes
    -----
    Indices may be integers, slices and an ellipsis; the result is a numpy array. `numpy.asarray` reads all of it.
    Reading from several threads is safe, one at a time. Copies and pickles open the file anew.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        plane_ndim: int,
        samples: str,
    ) -> None:
        self.shape = shape
        self.dtype = dtype
        self._path = path
        self._plane_ndim = plane_ndim
        self._samples_first = samples == "first"
        self._divisible = plane_ndim == 2 or bool(samples)
        self._lock = threading.Lock()
        self._file: Any = None
        self._kept: tuple[int, npt.NDArray[Any]] | None = None

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of pixels."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes when decoded."""
        return self.size * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: Any) -> npt.NDArray[Any]:
        leading, within, kept_axes = self._split(key)
        chosen = [
            range(n)[k] if isinstance(k, slice) else [k] for k, n in zip(leading, self.shape, strict=False)
        ]
        counts = tuple(len(indices) for indices in chosen)
        positions = _positions(chosen)
        plane_shape = np.empty(self.shape[len(counts) :], np.bool_)[within].shape if not positions else None
        stacked: npt.NDArray[Any] | None = None
        for number, position in enumerate(positions):
            index = int(np.ravel_multi_index(position, self.shape[: len(counts)])) if position else 0
            plane = self._plane(index, within)
            if stacked is None:
                stacked = np.empty((len(positions), *plane.shape), self.dtype)
            stacked[number] = plane
        if stacked is None:
            stacked = np.empty((0, *(plane_shape or ())), self.dtype)
        stacked = stacked.reshape(counts + stacked.shape[1:])
        return stacked[tuple(slice(None) if kept else 0 for kept in kept_axes)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        if copy is False:
            raise ValueError("the planes of a file cannot become an array without copying them")
        whole = self[...]
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_lock": None, "_file": None, "_kept": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = threading.Lock()

    def _split(self, key: Any) -> tuple[list[int | slice], tuple[int | slice, ...], list[bool]]:
        """Separate an index into the choice of planes and the part of each plane."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if sum(k is Ellipsis for k in keys) > 1:
            raise IndexError("an index can have only one ellipsis")
        if not any(k is Ellipsis for k in keys):
            keys.append(Ellipsis)
        at = next(i for i, k in enumerate(keys) if k is Ellipsis)
        missing = self.ndim - (len(keys) - 1)
        if missing < 0:
            raise IndexError(f"{len(keys) - 1} indices for {self.ndim} dimensions")
        keys[at : at + 1] = [slice(None)] * missing
        checked: list[int | slice] = []
        for k, length in zip(keys, self.shape, strict=True):
            if isinstance(k, slice):
                checked.append(k)
                continue
            try:
                position = operator.index(k)
            except TypeError:
                raise IndexError("planes of a file are chosen by integers and slices only") from None
            if not -length <= position < length:
                raise IndexError(f"index {position} is out of range for {length}")
            checked.append(position % length)
        count = self.ndim - self._plane_ndim
        return checked[:count], tuple(checked[count:]), [isinstance(k, slice) for k in checked[:count]]

    def _plane(self, index: int, within: tuple[int | slice, ...]) -> npt.NDArray[Any]:
        with self._lock:
            if self._kept is not None and self._kept[0] == index:
                return np.array(self._kept[1][within])
            page = self._page(index)
            # A plane of an OME-TIFF may lie in another file, which is closed between two planes.
            another = page.parent.filehandle if page.parent.filehandle.closed else None
            try:
                if another is not None:
                    another.open()
                if not self._divisible or math.prod(page.shape) * self.dtype.itemsize <= _KEPT_PLANE_BYTES:
                    plane = self._oriented(page.asarray())
                    self._kept = (index, plane)
                    return np.array(plane[within])
                return self._decode_part(page, within)
            except MemoryError:
                raise
            # Codecs raise errors of their own, zlib.error among them, for data that are damaged.
            except Exception as error:
                raise InputError(
                    f"{self._path}: plane {index} is damaged ({error}); copy the file again from its source."
                ) from error
            finally:
                if another is not None:
                    another.close()

    def _oriented(self, plane: npt.NDArray[Any]) -> npt.NDArray[Any]:
        plane = np.moveaxis(plane, 0, -1) if self._samples_first else plane
        expected = self.shape[self.ndim - self._plane_ndim :]
        if plane.shape != expected or plane.dtype.newbyteorder("=") != self.dtype.newbyteorder("="):
            raise ValueError(f"it is {plane.dtype} of shape {plane.shape}, not {self.dtype} of {expected}")
        return plane.astype(self.dtype, copy=False)

    def _decode_part(self, page: Any, within: tuple[int | slice, ...]) -> npt.NDArray[Any]:
        """Decode only the strips or tiles that a part of a very large plane needs."""
        key = page.keyframe  # carries the geometry; the page itself only its places in the file
        height, width, samples = key.imagelength, key.imagewidth, key.shaped[4]
        rows, columns = (_span(k, n) for k, n in zip(within, (height, width), strict=False))
        layers = key.shaped[0] if self._samples_first else 1
        part = np.zeros((layers, len(rows), len(columns), samples), self.dtype)
        step_y, step_x = (key.tilelength, key.tilewidth) if key.is_tiled else (key.rowsperstrip, width)
        across, down = math.ceil(width / step_x), math.ceil(height / step_y)
        handle = page.parent.filehandle
        for layer in range(layers):
            for row in range(rows.start // step_y, math.ceil(rows.stop / step_y)):
                for column in range(columns.start // step_x, math.ceil(columns.stop / step_x)):
                    number = (layer * down + row) * across + column
                    handle.seek(page.dataoffsets[number])
                    encoded = handle.read(page.databytecounts[number])
                    segment = key.decode(encoded, number, jpegtables=page.jpegtables)[0][0]
                    y, into_y = _overlap(rows, row * step_y, min(segment.shape[0], height - row * step_y))
                    x, into_x = _overlap(
                        columns, column * step_x, min(segment.shape[1], width - column * step_x)
                    )
                    part[layer, into_y, into_x] = segment[y, x]
        if self._samples_first:
            part = np.moveaxis(part[..., 0], 0, -1)
        else:
            part = part[0] if self._plane_ndim == 3 else part[0, ..., 0]
        rest = within[2:]
        return part[(_relative(within[0], rows), _relative(within[1], columns), *rest)]

    def _page(self, index: int) -> Any:
        if self._file is None:
            import tifffile

            self._file = tifffile.TiffFile(self._path)
            weakref.finalize(self, self._file.close)
        series = self._file.series[0]
        return series[index]


def _positions(chosen: list[Any]) -> list[tuple[int, ...]]:
    if not chosen:
        return [()]
    grids = np.meshgrid(*[np.asarray(indices, np.intp) for indices in chosen], indexing="ij")
    return [tuple(int(i) for i in position) for position in zip(*(g.ravel() for g in grids), strict=True)]


def _span(key: int | slice, length: int) -> range:
    """The smallest range without gaps that holds what a key asks for."""
    if isinstance(key, slice):
        wanted = range(length)[key]
        return range(min(wanted, default=0), max(wanted, default=-1) + 1)
    return range(key, key + 1)


def _overlap(span: range, start: int, length: int) -> tuple[slice, slice]:
    """Where a segment overlaps a span: as part of the segment, and as part of the span."""
    first, last = max(span.start, start), min(span.stop, start + length)
    return slice(first - start, last - start), slice(first - span.start, last - span.start)


def _relative(key: int | slice, span: range) -> int | slice:
    """The key within the span."""
    if not isinstance(key, slice):
        return 0
    step = key.step or 1
    return slice(None, None, step)
