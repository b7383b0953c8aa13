"""A few windows of an image, chosen the same way every time, by which a preparation gets to know it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from napari_restoration.core.tiling import Float, Region, Tile, plan_tiles, read_window
from napari_restoration.tasks.block_input import StatisticsKey, statistics_key
from napari_restoration.tasks.layout import Block

if TYPE_CHECKING:
    from napari_restoration.tasks.blocks import BlockRestorer

SEED = 0
_SIDE_PX = {2: 256, 3: 64}
"""Largest side of a window by the number of spatial axes. It does not follow the run's tiles, so neither does the
result."""


@dataclass(frozen=True, eq=False)
class SampleWindow:
    """A part of the network's input with some of its surroundings.

    Parameters
    ----------
    values : ndarray
        Normalised, ``([T,] C, [Z,] y, x)``, surroundings included.
    core : tuple of slice
        The part itself, along the spatial axes of `values`.
    """

    values: Float
    core: Region


def sample_windows(
    restorer: BlockRestorer, most: int, margin: int = 0
) -> dict[StatisticsKey, list[SampleWindow]]:
    """Windows spread over all planes that share their intensity statistics.

    An image of no more windows than `most` is covered by them as a whole.

    Parameters
    ----------
    restorer : BlockRestorer
        Of the image; its normalisation is known.
    most : int
        Windows for each `statistics_key`.
    margin : int
        Surroundings in pixels, as far as there are any.

    Returns
    -------
    dict
        Nothing for parts of the image that have no contrast.
    """
    found: dict[StatisticsKey, list[SampleWindow]] = {}
    for key in sorted({statistics_key(block.sources[0]) for block in restorer.layout.blocks}):
        blocks = [
            block
            for block in restorer.layout.blocks
            if not block.is_alpha and statistics_key(block.sources[0]) == key and restorer.has_contrast(block)
        ]
        if blocks:
            found[key] = list(_windows(restorer, blocks, most, margin))
    return found


def _windows(restorer: BlockRestorer, blocks: list[Block], most: int, margin: int) -> Iterator[SampleWindow]:
    card = restorer.model.card
    spatial = [restorer.image.size_of(axis) for axis in restorer.layout.spatial]
    multiple = card.size_multiple
    side = max(spatial) if card.whole_image else _SIDE_PX[len(spatial)]
    # Even sides: a sliver at the end would count as much as a whole window.
    sides = [ceil(length / ceil(length / side) / multiple) * multiple for length in spatial]
    grid = plan_tiles(spatial, tile=sides, halo=[margin] * len(spatial), size_multiple=multiple)
    count = len(blocks) * len(grid)
    chosen = np.random.default_rng(SEED).choice(count, min(most, count), replace=False)
    last, frames = -1, np.empty(0, np.float32)
    for number in sorted(chosen.tolist()):
        at, place = divmod(number, len(grid))
        if at != last:
            block = blocks[at]
            frames, _ = restorer.input.read(block, restorer.percentiles[statistics_key(block.sources[0])])
            last = at
        yield _cut(frames, grid[place], spatial)


def _cut(frames: Float, tile: Tile, spatial: list[int]) -> SampleWindow:
    # Windows end with the image: what lies beyond is filled anew whenever the network is applied.
    window = tuple(slice(w.start, min(w.stop, n)) for w, n in zip(tile.window, spatial, strict=True))
    core = tuple(slice(c.start - w.start, c.stop - w.start) for c, w in zip(tile.core, window, strict=True))
    return SampleWindow(np.ascontiguousarray(read_window(frames, window)), core)
