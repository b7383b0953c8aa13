"""Cut an image into tiles, run a network on each, keep the cores.

A tile is the kept core plus a halo on every side that the network sees and that is thrown away::

        |<-halo->|<--- core --->|<-halo->|
        +--------+--------------+--------+
        |  seen  |  seen, kept  |  seen  |
        +--------+--------------+--------+

Cores start on multiples of the network's size multiple, so that its pooling windows fall where they fall in
the whole image. At a true border of the image the window ends there and the network's own padding acts, as it
does in the whole image. With a halo that covers the receptive field the stitched result therefore *is* the
whole-image result; nothing is blended.

This module knows geometry. The network is a callable.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError, TileTooLarge
from napari_restoration.core.progress import TileDone

Float: TypeAlias = npt.NDArray[np.float32]
Region: TypeAlias = tuple[slice, ...]


class Sink(Protocol):
    """Whatever takes finished cores: an array, or something that still undoes the normalisation."""

    def __setitem__(self, region: Region, values: Float, /) -> None:
        """Store the network's values ``(C', [Z,] y, x)`` of one core."""


# A tile is never halved below this side: with its halo it would be nothing but overlap.
SMALLEST_TILE = 32


@dataclass(frozen=True)
class Tile:
    """One piece of work: the core that is kept and the window that the network sees.

    Parameters
    ----------
    core, window : tuple of slice
        Regions of the spatial axes in input pixels. The window may reach past the image's end, up to the next
        size multiple; what lies there is filled by reflection.
    """

    core: Region
    window: Region

    @property
    def window_shape(self) -> tuple[int, ...]:
        """Side lengths of what the network sees."""
        return tuple(axis.stop - axis.start for axis in self.window)


def plan_tiles(
    shape: Sequence[int],
    *,
    tile: Sequence[int],
    halo: Sequence[int],
    size_multiple: int = 1,
    region: Region | None = None,
) -> list[Tile]:
    """Lay the tile grid over an image.

    The grid does not depend on `region`: a part of the image is restored from the very tiles of the full run,
    so that it equals that part of the full result.

    Parameters
    ----------
    shape : sequence of int
        Spatial shape in pixels, ``(Y, X)`` or ``(Z, Y, X)``.
    tile : sequence of int
        Side of the core along each axis; rounded up to the size multiple.
    halo : sequence of int
        Margin along each axis; rounded up to the size multiple.
    size_multiple : int
        What every side that the network sees must be a multiple of.
    region : tuple of slice, optional
        Only the tiles whose core touches this region.

    Returns
    -------
    list of Tile
        In row-major order. At most three different window sides per axis while no core, the last one included, is
        shorter than the halo.
    """
    m = size_multiple
    edges = []
    for length, side, margin in zip(shape, tile, halo, strict=True):
        step = max(round_up(side, m), m)
        margin = round_up(margin, m)
        padded = round_up(length, m)
        axis = [
            (
                slice(start, min(start + step, length)),
                slice(max(0, start - margin), min(padded, start + step + margin)),
            )
            for start in range(0, length, step)
        ]
        edges.append(axis)
    tiles = [Tile(tuple(c for c, _ in parts), tuple(w for _, w in parts)) for parts in product(*edges)]
    if region is None:
        return tiles
    return [one for one in tiles if all(_overlap(c, r) for c, r in zip(one.core, region, strict=True))]


def order_from(tiles: Iterable[Tile], centre: Sequence[float]) -> list[Tile]:
    """Sort tiles by the distance of their cores from a point, nearest first."""

    def distance(one: Tile) -> float:
        return float(sum(((c.start + c.stop) / 2 - at) ** 2 for c, at in zip(one.core, centre, strict=True)))

    return sorted(tiles, key=distance)


def read_window(image: Float, window: Region) -> Float:
    """Cut a window out of the trailing axes, reflecting the image where the window leaves it.

    Parameters
    ----------
    image : ndarray
        Any leading axes, then as many spatial axes as the window has.
    window : tuple of slice
        May reach past either end of the image by any amount.

    Returns
    -------
    ndarray
        A view where the window lies inside the image, else a copy.
    """
    lengths = image.shape[image.ndim - len(window) :]
    part = image
    for axis, (where, length) in enumerate(zip(window, lengths, strict=True), image.ndim - len(window)):
        if where.start >= 0 and where.stop <= length:
            part = part[(slice(None),) * axis + (where,)]
        else:
            part = np.take(part, reflected(np.arange(where.start, where.stop), length), axis=axis)
    return part


def reflected(index: npt.NDArray[np.intp], length: int) -> npt.NDArray[np.intp]:
    """Fold indices outside ``0 .. length - 1`` back inside, mirrored at the end pixels' centres."""
    if length == 1:
        return np.zeros_like(index)
    period = 2 * (length - 1)
    folded = np.abs(index) % period
    mirrored: npt.NDArray[np.intp] = np.minimum(folded, period - folded)
    return mirrored


def iter_tiled_inference(
    image: Float,
    predict: Callable[[Float], Float],
    *,
    tile: tuple[int, ...],
    halo: tuple[int, ...],
    scale: int = 1,
    size_multiple: int = 1,
    out: Sink | None = None,
    region: Region | None = None,
    centre: Sequence[float] | None = None,
    may_shrink: bool = True,
    on_shrink: Callable[[tuple[int, ...]], None] | None = None,
    fall_back: Callable[[], bool] | None = None,
) -> Generator[TileDone, None, Any]:
    """Run a network tile by tile over one image.

    Parameters
    ----------
    image : ndarray, float32
        Normalised, ``([T,] C, [Z,] Y, X)``; ``T`` only for burst models.
    predict : callable
        Maps a batch ``(N, [T,] C, [Z,] y, x)`` to ``(N, C', [Z,] y * scale, x * scale)``; raises `TileTooLarge`
        when memory does not suffice.
    tile, halo : tuple of int
        Core side and margin along each spatial axis in input pixels.
    scale : int
        Output pixels for each input pixel along every spatial axis.
    size_multiple : int
        What every side that the network sees must be a multiple of.
    out : ndarray or Sink, optional
        ``(C', [Z,] Y * scale, X * scale)``, filled in place; each core is written once, when it is final. Made
        when the first tile tells the number of channels if it is not given.
    region : tuple of slice, optional
        Restore only the tiles that touch this region of the spatial axes.
    centre : sequence of float, optional
        Work outwards from this point; row by row otherwise.
    may_shrink : bool
        Whether to halve the tile when memory runs out.
    on_shrink : callable, optional
        Told the new tile when it was halved.
    fall_back : callable, optional
        Asked when even the smallest tile does not fit; true means that `predict` now runs elsewhere.

    Yields
    ------
    TileDone
        After each tile, with the region of `out` that is now final.

    Returns
    -------
    ndarray or Sink
        `out`.

    Raises
    ------
    TileTooLarge
        If memory ran out and the tile may not or cannot shrink.
    InputError
        If `tile` and `halo` do not have as many entries as the image has spatial axes.
    """
    axes = len(tile)
    if len(halo) != axes or axes >= image.ndim:
        raise InputError(f"A tile {tile} with halo {halo} does not fit an image of shape {image.shape}.")
    spatial = image.shape[image.ndim - axes :]
    pending = plan_tiles(spatial, tile=tile, halo=halo, size_multiple=size_multiple, region=region)
    if centre is not None:
        pending = order_from(pending, centre)
    done = 0
    while pending:
        current = pending[0]
        try:
            predicted = predict(np.ascontiguousarray(read_window(image, current.window))[None])[0]
        except TileTooLarge:
            smaller = _halved(current, size_multiple)
            if not may_shrink:
                raise
            if smaller is not None:
                tile = smaller
                if on_shrink is not None:
                    on_shrink(tile)
                pending = [part for one in pending for part in _cut(one, spatial, tile, halo, size_multiple)]
            elif fall_back is None or not fall_back():
                raise
            continue
        inner = tuple(
            slice((c.start - w.start) * scale, (c.stop - w.start) * scale)
            for c, w in zip(current.core, current.window, strict=True)
        )
        target = (slice(None), *(slice(c.start * scale, c.stop * scale) for c in current.core))
        core = predicted[(slice(None), *inner)]
        if out is None:
            out = np.zeros((core.shape[0], *(length * scale for length in spatial)), dtype=np.float32)
        out[target] = core
        pending.pop(0)
        done += 1
        yield TileDone(done=done, total=done + len(pending), region=target)
    if out is None:
        raise InputError(f"The region {region} lies outside the image of shape {spatial}.")
    return out


def _cut(one: Tile, spatial: Sequence[int], tile: Sequence[int], halo: Sequence[int], m: int) -> list[Tile]:
    """Cut a tile that is still to be done into smaller ones, on the same multiples."""
    if all(c.stop - c.start <= side for c, side in zip(one.core, tile, strict=True)):
        return [one]
    shape = tuple(c.stop - c.start for c in one.core)
    parts = []
    for part in plan_tiles(shape, tile=tile, halo=halo, size_multiple=m):
        core = tuple(
            slice(c.start + o.start, c.stop + o.start) for c, o in zip(part.core, one.core, strict=True)
        )
        window = tuple(
            slice(
                max(0, c.start - round_up(margin, m)),
                min(round_up(length, m), round_up(c.stop, m) + round_up(margin, m)),
            )
            for c, margin, length in zip(core, halo, spatial, strict=True)
        )
        parts.append(Tile(core, window))
    return parts


def _halved(one: Tile, m: int) -> tuple[int, ...] | None:
    sides = [c.stop - c.start for c in one.core]
    largest = max(sides)
    if largest <= max(SMALLEST_TILE, m):
        return None
    side = max(round_up(largest // 2, m), SMALLEST_TILE, m)
    return (side,) * len(sides) if side < largest else None


def round_up(value: int, multiple: int) -> int:
    """The smallest multiple that is not below a value."""
    return -(-value // multiple) * multiple


def _overlap(a: slice, b: slice) -> bool:
    return bool(a.start < b.stop and b.start < a.stop)
