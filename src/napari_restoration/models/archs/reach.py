"""How far each output pixel of a network can look, computed exactly without running the network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class Reach:
    """First and last input pixel that each pixel of a feature map depends on, along one axis.

    A network's forward pass is repeated with these two numbers a pixel instead of feature values. That is
    exact where sums of kernel radii are not: a pooled and enlarged map is aligned to blocks, and how much a
    block adds depends on where in it a pixel lies.

    Parameters
    ----------
    first, last
        1-D arrays, one value a pixel of the map, in input pixels.
    """

    first: Positions = field(repr=False)
    last: Positions = field(repr=False)

    @classmethod
    def of_input(cls, length: int) -> Self:
        """An input of `length` pixels: each pixel depends on itself."""
        positions = np.arange(length, dtype=np.int64)
        return cls(positions, positions)

    def conv(self, kernel: int, times: int = 1) -> Self:
        """Apply `times` convolutions of odd width `kernel`, zero padded."""
        radius = times * (kernel // 2)
        index = np.arange(self.first.size)
        return replace(
            self,
            first=self.first[np.maximum(index - radius, 0)],
            last=self.last[np.minimum(index + radius, index.size - 1)],
        )

    def shrinking(self, kernel: int, stride: int) -> Self:
        """Apply a convolution of any width and stride, zero padded by ``(kernel - 1) // 2``."""
        padding, length = (kernel - 1) // 2, self.first.size
        start = np.arange((length + 2 * padding - kernel) // stride + 1) * stride - padding
        return replace(
            self,
            first=self.first[np.maximum(start, 0)],
            last=self.last[np.minimum(start + kernel - 1, length - 1)],
        )

    def transposed(self, kernel: int) -> Self:
        """Double the map by a transposed convolution of stride 2 and width 2, 3 or 4."""
        padding, length = (kernel - 1) // 2, self.first.size
        end = np.arange(2 * length) + padding
        earliest = np.minimum(np.maximum(-((kernel - 1 - end) // 2), 0), length - 1)
        return replace(self, first=self.first[earliest], last=self.last[np.minimum(end // 2, length - 1)])

    def with_previous(self) -> Self:
        """Average each pixel with the one before it."""
        return replace(self, first=self.first[np.maximum(np.arange(self.first.size) - 1, 0)])

    def pool(self) -> Self:
        """Halve the map; each new pixel covers two."""
        return replace(self, first=self.first[0::2], last=self.last[1::2])

    def enlarge_nearest(self) -> Self:
        """Double the map by repetition (also a 2x2 transposed convolution of stride 2)."""
        return replace(self, first=np.repeat(self.first, 2), last=np.repeat(self.last, 2))

    def enlarge_bilinear(self) -> Self:
        """Double the map by linear interpolation: even pixels read to the left, odd ones to the right."""
        first, last = np.repeat(self.first, 2), np.repeat(self.last, 2)
        first[2::2] = self.first[:-1]
        last[1:-1:2] = self.last[1:]
        return replace(self, first=first, last=last)

    def join(self, *others: Reach) -> Self:
        """Add or concatenate maps of the same size."""
        return replace(
            self,
            first=np.minimum.reduce([self.first, *(other.first for other in others)]),
            last=np.maximum.reduce([self.last, *(other.last for other in others)]),
        )


def half_field(trace: Callable[[Reach], Reach], *, size_multiple: int, scale: int = 1) -> int:
    """Largest distance, in input pixels, between an output pixel and an input pixel that it depends on.

    Parameters
    ----------
    trace
        The network's forward pass on `Reach` values, from its input to its output.
    size_multiple
        The network's size multiple; every phase of a pixel within such a block is looked at.
    scale
        Output pixels an input pixel, per axis.

    Returns
    -------
    int
        Half receptive field r: a halo of r input pixels around a tile makes the tile's core exact.
    """
    blocks = 8
    while True:
        middle = blocks // 2 * size_multiple
        output = trace(Reach.of_input(blocks * size_multiple))
        core = slice(middle * scale, (middle + size_multiple) * scale)
        first, last = int(output.first[core].min()), int(output.last[core].max())
        # Away from both ends the input did not cut the field short.
        if first > 0 and last < blocks * size_multiple - 1:
            home = np.arange(middle * scale, (middle + size_multiple) * scale) // scale
            return int(max((home - output.first[core]).max(), (output.last[core] - home).max()))
        blocks *= 2


def deepest_first(count: int) -> Sequence[int]:
    """Levels of a decoder, from the coarsest to the finest: ``count - 1 .. 0``."""
    return range(count - 1, -1, -1)
