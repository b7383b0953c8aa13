"""What the network is shown of one plane: its frames filled, normalised and moved onto each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from napari_restoration.core.normalize import Percentiles
from napari_restoration.core.registration import estimate_shift, shift_plane
from napari_restoration.core.tiling import Float
from napari_restoration.models.card import ModelCard
from napari_restoration.tasks.layout import Block, Layout
from napari_restoration.tasks.reader import BlockReader, Missing
from napari_restoration.tasks.settings import RestoreSettings

StatisticsKey = tuple[tuple[str, int], ...]


def statistics_key(source: Mapping[str, int]) -> StatisticsKey:
    """Channels and colour samples have statistics of their own; time points and planes share theirs."""
    return tuple((axis, at) for axis, at in sorted(source.items()) if axis in "CS")


class BlockInput:
    """Network inputs of an image's blocks; shifts between frames are estimated once.

    Parameters
    ----------
    reader : BlockReader
        Gives the image's blocks.
    card : ModelCard
        The model's.
    layout, settings
        How the image is taken apart, and the user's choices.
    """

    def __init__(
        self, reader: BlockReader, card: ModelCard, layout: Layout, settings: RestoreSettings
    ) -> None:
        self._reader = reader
        self._is_burst = card.frames is not None
        self._registers = settings.register and len(layout.spatial) == 2
        self._shifts: dict[tuple[StatisticsKey, StatisticsKey], tuple[float, float]] = {}

    def read(self, block: Block, percentiles: Sequence[Percentiles]) -> tuple[Float, Missing]:
        """Network input ``([T,] C, [Z,] Y, X)``, and the pixels that are missing in every frame."""
        frames: list[Float] = []
        holes: list[Missing] = []
        for source in block.sources:
            raw, missing = self._reader.read(source, [one.low for one in percentiles])
            pairs = zip(percentiles, raw, strict=True)
            frames.append(np.stack([one.normalize(channel) for one, channel in pairs]))
            holes.append(missing)
        lost = None
        if all(one is not None for one in holes):
            lost = np.logical_and.reduce([one for one in holes if one is not None])
        if not self._is_burst:
            return frames[0], lost
        if self._registers and len(frames) > 1:
            frames = self._registered(block, frames)
        return np.stack(frames), lost

    def _registered(self, block: Block, frames: list[Float]) -> list[Float]:
        """Frames moved onto the middle one, or onto the one whose time point the result takes."""
        at = block.index.get("T")
        times = [source["T"] for source in block.sources]
        middle = len(frames) // 2 if at is None else times.index(at)
        moved = []
        for source, frame in zip(block.sources, frames, strict=True):
            key = (tuple(sorted(block.sources[middle].items())), tuple(sorted(source.items())))
            if key[0] == key[1]:
                moved.append(frame)
                continue
            if key not in self._shifts:
                self._shifts[key] = estimate_shift(frames[middle][0], frame[0])
            moved.append(np.stack([shift_plane(channel, self._shifts[key]) for channel in frame]))
        return moved
