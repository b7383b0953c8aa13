"""A network applied to its own result: pass by pass over whole planes, each normalised anew.

Source: the semi-synthetic training of content-aware restoration, whose authors feed the restored image back,
normalised again, up to three times.

A plane's passes follow one another, so tiles of every pass keep the halo of one, and stitched tiles are the whole
plane's result for each pass and therefore for all. The intensities by which the later passes are normalised are
those of the earlier passes' results in sample windows. They are measured once, when a restoration is prepared,
so that a preview has those of the full run.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_restoration.core.normalize import NoFinitePixel, Percentiles, measure
from napari_restoration.core.progress import Progress, Task
from napari_restoration.core.tiling import Float, Region
from napari_restoration.tasks.sample_windows import SampleWindow, sample_windows

if TYPE_CHECKING:
    from napari_restoration.tasks.block_input import StatisticsKey
    from napari_restoration.tasks.blocks import BlockRestorer, Normalization

# Windows of 256 x 256 px in which intensities of earlier passes are counted: a plane of 1024 x 1024 as a whole.
_MOST_WINDOWS = 16


@dataclass(frozen=True, kw_only=True)
class PassTile(Progress):
    """A tile of a pass whose result only enters the next one; nothing of the output is final yet."""


def measure_passes(restorer: BlockRestorer) -> Task[None]:
    """Find the intensities by which the later passes are normalised, and hand them to the restorer.

    Parameters
    ----------
    restorer : BlockRestorer
        Ready for its first pass, adaptation included.

    Yields
    ------
    Progress
        After each tile of a window.
    """
    later = restorer.settings.passes - 1
    if not later:
        return
    margin = later * restorer.model.card.halo
    for key, windows in sample_windows(restorer, _MOST_WINDOWS, margin).items():
        before = restorer.percentiles[key]
        found = []
        for number in range(later):
            for at, window in enumerate(windows):
                values = _kept(restorer, window.values)
                for _ in restorer.iter_tiles(window.values, key, _FirstChannels(values)):
                    yield Progress(
                        done=at, total=len(windows), message=f"Looking at the result of pass {number + 1}"
                    )
                windows[at] = SampleWindow(values, window.core)
            after = _measured(restorer, windows, before)
            windows = [SampleWindow(_anew(one.values, before, after), one.core) for one in windows]
            found.append(after)
            before = after
        restorer.later[key] = tuple(found)


def iter_earlier_passes(
    restorer: BlockRestorer, frames: Float, key: StatisticsKey, region: Region | None, *, is_told: bool
) -> Generator[PassTile, None, Float]:
    """Apply the network as often as needed before the last pass.

    Parameters
    ----------
    restorer : BlockRestorer
        With `measure_passes` done.
    frames : ndarray
        The first pass's input, ``(C, [Z,] Y, X)``.
    key : StatisticsKey
        Whose normalisation holds.
    region : tuple of slice, optional
        The last pass is wanted here alone; earlier ones are then made where its tiles look.
    is_told : bool
        Whether reports carry a message.

    Yields
    ------
    PassTile
        After each tile.

    Returns
    -------
    ndarray
        The last pass's input; zero where it is not needed.
    """
    passes = restorer.settings.passes
    entries = (restorer.percentiles[key], *restorer.later.get(key, ()))
    while True:
        tile, shown = restorer.tile, frames
        for number in range(1, passes):
            seen = None if region is None else _seen(restorer, region, passes - number)
            values = _kept(restorer, shown)
            for done in restorer.iter_tiles(shown, key, _FirstChannels(values), seen):
                text = f"Pass {number} of {passes}, tile {done.done} of {done.total}" if is_told else ""
                yield PassTile(done=done.done, total=done.total, message=text)
            shown = _anew(values, entries[number - 1], entries[number])
        # Smaller tiles, for want of memory, may look elsewhere than those that were planned with.
        if region is None or restorer.tile == tile:
            return shown


class _FirstChannels:
    """Keeps a network's restored channels and leaves out the Laplace scales behind them."""

    def __init__(self, values: Float) -> None:
        self._values = values

    def __setitem__(self, region: Region, values: Float, /) -> None:
        self._values[region] = values[: len(self._values)]


def _seen(restorer: BlockRestorer, region: Region, later: int) -> Region:
    """Where a pass is wanted for a region that lies so many passes later."""
    for _ in range(later):
        region = restorer.seen_region(region)
    return region


def _kept(restorer: BlockRestorer, shown: Float) -> Float:
    return np.zeros((restorer.channels_out, *shown.shape[1:]), np.float32)


def _anew(values: Float, before: Normalization, after: Normalization) -> Float:
    """Values on one pass's scale, by way of the image's own, on that of the next."""
    pairs = zip(values, before, after, strict=True)
    return np.stack([new.normalize(old.undo(channel)) for channel, old, new in pairs])


def _measured(restorer: BlockRestorer, windows: list[SampleWindow], before: Normalization) -> Normalization:
    card = restorer.model.card
    found = []
    for channel, old in enumerate(before):
        planes = [one.values[channel][one.core] for one in windows]
        try:
            new = measure(lambda planes=planes: planes, card.low_percentile, card.high_percentile)  # type: ignore[misc]
        except NoFinitePixel:
            found.append(old)
            continue
        on_scale = np.array([new.low, new.high, new.minimum, new.maximum], np.float32)
        moved = Percentiles(*map(float, old.undo(on_scale)))
        found.append(moved if old.has_contrast and moved.has_contrast else old)
    return tuple(found)
