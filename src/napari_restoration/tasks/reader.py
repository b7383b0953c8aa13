"""Read an image block by block, whatever holds it and whatever the order of its axes."""

from __future__ import annotations

import hashlib
import sys
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.core.normalize import Percentiles, measure

# Statistics of larger images come from whole planes at even spacing, this many pixels at most.
_MOST_COUNTED_PIXELS = 2**30

Missing = npt.NDArray[np.bool_] | None


class BlockReader:
    """Blocks of an image with their missing pixels filled.

    Parameters
    ----------
    image : CalibratedImage
        The input; it is only ever read.
    spatial : str
        ``"YX"`` or ``"ZYX"``.
    channel_axis : str
        Axis that is read as a whole, ``""`` if there is none.
    kept : int
        Blocks that stay in memory: the frames of a burst's window, so that each plane of a stream is read once.
    """

    def __init__(self, image: CalibratedImage, spatial: str, channel_axis: str, kept: int = 1) -> None:
        self._image = image
        self._kept_axes = channel_axis + spatial
        self._has_channels = bool(channel_axis)
        self._kept_blocks = kept
        self._cache: OrderedDict[tuple[int, ...], tuple[npt.NDArray[Any], Missing]] = OrderedDict()
        self._looped = [axis for axis in image.axes if axis not in self._kept_axes]
        self._hashes: dict[tuple[int, ...], bytes] = {}
        self._missing: dict[tuple[int, ...], int] = {}

    def begin(self) -> None:
        """Forget what was read: pixels may have been changed in place, and the hash is that of one run."""
        self._cache.clear()
        self._hashes.clear()
        self._missing.clear()

    def stored(self, index: Mapping[str, int]) -> npt.NDArray[Any]:
        """One block as stored, ``(C, [Z,] Y, X)`` in the machine's byte order; its pixels enter the hash."""
        block = self._raw(index)
        key = tuple(index[axis] for axis in self._looped)
        if key not in self._hashes:
            little = block if sys.byteorder == "little" else block.astype(block.dtype.newbyteorder("<"))
            self._hashes[key] = hashlib.sha256(little.data).digest()
        return block

    def _raw(self, index: Mapping[str, int]) -> npt.NDArray[Any]:
        axes = self._image.axes
        where = tuple(slice(None) if axis in self._kept_axes else index[axis] for axis in axes)
        block = np.asarray(self._image.data[where])
        left = [axis for axis in axes if axis in self._kept_axes]
        block = block.transpose([left.index(axis) for axis in self._kept_axes])
        block = np.ascontiguousarray(block, dtype=block.dtype.newbyteorder("="))
        return block if self._has_channels else block[None]

    def read(self, index: Mapping[str, int], fallbacks: Sequence[float]) -> tuple[npt.NDArray[Any], Missing]:
        """One block with missing pixels filled, and where they are.

        Parameters
        ----------
        index : mapping of str to int
            Position along the axes that are not part of a block.
        fallbacks : sequence of float
            For each channel, the value where it has no finite pixel.

        Returns
        -------
        block : ndarray
            ``(C, [Z,] Y, X)``, all finite.
        missing : ndarray of bool or None
            ``([Z,] Y, X)``, true where any channel was missing.
        """
        key = tuple(index[axis] for axis in self._looped)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        while len(self._cache) >= self._kept_blocks:
            self._cache.popitem(last=False)
        block = self.stored(index)
        pairs = zip(block, fallbacks, strict=True)
        filled, holes = zip(*(fill_missing(channel, fallback) for channel, fallback in pairs), strict=True)
        present = [hole for hole in holes if hole is not None]
        self._missing[key] = int(sum(hole.sum() for hole in present))
        if present:
            block = np.stack(filled)
        self._cache[key] = (block, np.logical_or.reduce(present) if present else None)
        return self._cache[key]

    @property
    def channels(self) -> int:
        """Channels of a block."""
        return self._image.size_of(self._kept_axes[0]) if self._has_channels else 1

    def percentiles(self, key: Mapping[str, int], channel: int, low: float, high: float) -> Percentiles:
        """Normalisation of one channel over all its planes and time points.

        Parameters
        ----------
        key : mapping of str to int
            Positions that have statistics of their own: channel, colour sample.
        channel : int
            Which of the block's channels.
        low, high : float
            Percents.

        Raises
        ------
        NoFinitePixel, InputError
            As `measure`.
        """
        return measure(lambda: self._counted(key, channel), low, high)

    def _counted(self, key: Mapping[str, int], channel: int) -> Iterator[npt.NDArray[Any]]:
        free = [axis for axis in self._looped if axis not in key]
        positions = list(product(*(range(self._image.size_of(axis)) for axis in free)))
        block = prod(self._image.size_of(axis) for axis in self._kept_axes)
        most = max(1, _MOST_COUNTED_PIXELS // block)
        step = -(-len(positions) // most)
        for position in positions[::step]:
            yield self._raw(dict(key) | dict(zip(free, position, strict=True)))[channel]

    def sample_planes(self, key: Mapping[str, int], channel: int, most: int) -> Iterator[npt.NDArray[Any]]:
        """A few whole planes of one channel at even spacing, as stored; see `percentiles` for `key`."""
        free = [axis for axis in self._looped if axis not in key]
        positions = list(product(*(range(self._image.size_of(axis)) for axis in free)))
        count = min(most, len(positions))
        for index in range(count):
            position = positions[(2 * index + 1) * len(positions) // (2 * count)]
            yield self._raw(dict(key) | dict(zip(free, position, strict=True)))[channel]

    @property
    def missing_pixels(self) -> int:
        """NaN and infinite pixels in all blocks read so far."""
        return sum(self._missing.values())

    def sha256(self) -> str:
        """Hash of the pixels read so far: of the blocks' own hashes, in the order of the axes."""
        whole = hashlib.sha256()
        for key in sorted(self._hashes):
            whole.update(self._hashes[key])
        return whole.hexdigest()
