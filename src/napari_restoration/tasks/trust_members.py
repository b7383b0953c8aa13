"""Restorations that ought to agree: of turned copies, of a burst with a frame left out, by other models."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.progress import Progress
from napari_restoration.core.tiling import Float
from napari_restoration.tasks.passes import iter_earlier_passes

if TYPE_CHECKING:
    from napari_restoration.tasks.block_input import StatisticsKey
    from napari_restoration.tasks.blocks import BlockRestorer

Plane = npt.NDArray[np.float32]


def turned(planes: npt.NDArray[Any], view: int) -> npt.NDArray[Any]:
    """One of the eight views of the last two axes: ``view % 4`` quarter turns, mirrored first from 4 on."""
    flipped = planes[..., ::-1] if view >= 4 else planes
    return np.ascontiguousarray(np.rot90(flipped, view % 4, axes=(-2, -1)))


def turned_back(planes: npt.NDArray[Any], view: int) -> npt.NDArray[Any]:
    """Undo `turned`."""
    upright = np.rot90(planes, -(view % 4), axes=(-2, -1))
    return np.ascontiguousarray(upright[..., ::-1] if view >= 4 else upright)


def usable_views(restorer: BlockRestorer, count: int) -> tuple[int, ...]:
    """Views to restore, the image as it is first.

    Networks that look at whole images see a plane that is not square cut differently when it lies on its side, which
    would count as disagreement: they get the four views that keep its sides.
    """
    sides = [restorer.image.size_of(axis) for axis in restorer.layout.spatial]
    keeps = restorer.model.card.whole_image and sides[0] != sides[1]
    order = (0, 2, 4, 6) if keeps else (0, 2, 4, 6, 1, 3, 5, 7)
    return order[:count] if count >= 2 else ()


def iter_network(
    restorer: BlockRestorer, frames: Float, key: StatisticsKey
) -> Generator[Progress, None, Float]:
    """Run the network, all its passes, over one normalised input.

    Parameters
    ----------
    restorer : BlockRestorer
        With model and statistics.
    frames : ndarray
        ``([T,] C, Y, X)``, normalised.
    key : StatisticsKey
        Whose normalisation holds.

    Yields
    ------
    Progress
        After each tile, without numbers.

    Returns
    -------
    ndarray
        ``(C', Y * scale, X * scale)``, normalised: the mean, then the Laplace scale if there is one.
    """
    card = restorer.model.card
    shown = frames
    if restorer.settings.passes > 1:
        earlier = iter_earlier_passes(restorer, frames, key, None, is_told=False)
        while True:
            try:
                next(earlier)
            except StopIteration as end:
                shown = end.value
                break
            yield Progress(done=0, total=0)
    sides = [length * card.scale for length in frames.shape[-2:]]
    values = np.zeros((card.network_channels, *sides), np.float32)
    for _ in restorer.iter_tiles(shown, key, values):
        yield Progress(done=0, total=0)
    return values


def iter_views(
    restorer: BlockRestorer, frames: Float, key: StatisticsKey, first: Float, views: tuple[int, ...]
) -> Generator[Progress, None, list[Plane]]:
    """Restore turned and mirrored copies and turn the results back.

    Parameters
    ----------
    restorer, frames, key
        As `iter_network`.
    first : ndarray
        The result of the image as it is, which is the first view.
    views : tuple of int
        See `usable_views`.

    Returns
    -------
    list of ndarray
        ``(Y, X)`` each, normalised.
    """
    found = [first[0]]
    for view in views[1:]:
        values = yield from iter_network(restorer, turned(frames, view), key)
        found.append(turned_back(values, view)[0])
    return found


def iter_left_out(
    restorer: BlockRestorer, frames: Float, key: StatisticsKey
) -> Generator[Progress, None, list[Plane]]:
    """Restore a burst with each of its frames left out in turn."""
    found: list[Plane] = []
    for number in range(len(frames)):
        values = yield from iter_network(restorer, np.delete(frames, number, axis=0), key)
        found.append(values[0])
    return found
