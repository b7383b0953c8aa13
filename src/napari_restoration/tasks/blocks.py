"""Restore one plane: read, fill, normalise, align, run the network tile by tile, store intensities."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import TileTooLarge
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.nonfinite import enlarge
from napari_restoration.core.normalize import Percentiles
from napari_restoration.core.progress import Notice, Progress, TileDone
from napari_restoration.core.tiling import (
    Float,
    Region,
    Sink,
    Tile,
    iter_tiled_inference,
    plan_tiles,
)
from napari_restoration.tasks.block_input import BlockInput, StatisticsKey, statistics_key
from napari_restoration.tasks.block_notices import count_notices, memory_text
from napari_restoration.tasks.layout import Block, Layout
from napari_restoration.tasks.passes import PassTile, iter_earlier_passes
from napari_restoration.tasks.reader import BlockReader
from napari_restoration.tasks.record import output_dtype
from napari_restoration.tasks.settings import RestoreSettings
from napari_restoration.tasks.sink import IntensitySink
from napari_restoration.tasks.tile_choice import choose_tile, whole_image_notice

if TYPE_CHECKING:
    from napari_restoration.models.adaptation import Adaptation
    from napari_restoration.models.any_model import AnyModel

Normalization = tuple[Percentiles, ...]
"""Of one part of the image, one entry a network channel."""


@dataclass(eq=False)
class BlockRestorer:
    """Restores blocks of one image with one model.

    Parameters
    ----------
    image, model, layout, settings
        What is restored, with what, and how.
    reader : BlockReader
        Gives the image's blocks.
    percentiles : mapping
        Normalisation for each `statistics_key`, one entry a network channel.
    tile : tuple of int
        Side of the kept core; halved when memory runs out.
    notices : list of str
        What the user must know; grows.
    later : mapping
        As `percentiles`, for each pass after the first.
    adaptations : mapping
        Instead of the model, where it was adapted to a part of the image.
    """

    image: CalibratedImage
    model: AnyModel
    layout: Layout
    settings: RestoreSettings
    reader: BlockReader
    percentiles: Mapping[StatisticsKey, Normalization]
    tile: tuple[int, ...]
    notices: list[str] = field(default_factory=list)
    tiles_done: int = 0
    clipped: int = 0
    invalid: int = 0
    later: dict[StatisticsKey, tuple[Normalization, ...]] = field(default_factory=dict)
    adaptations: dict[StatisticsKey, Adaptation] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.input = BlockInput(self.reader, self.model.card, self.layout, self.settings)

    @property
    def halo(self) -> tuple[int, ...]:
        """Margin of a tile along each spatial axis."""
        return (self.model.card.halo,) * len(self.layout.spatial)

    @property
    def output_dtype(self) -> np.dtype[Any]:
        """Type of the result."""
        return output_dtype(self.image, self.settings)

    @property
    def channels_out(self) -> int:
        """Channels of a block of the result."""
        return self.model.card.out_channels

    @property
    def block_shape(self) -> tuple[int, ...]:
        """Shape of a block of the result, ``(C, [Z,] Y, X)``."""
        sides = (self.image.size_of(axis) * self.model.card.scale for axis in self.layout.spatial)
        return (self.channels_out, *sides)

    def begin(self) -> None:
        """Start reading and counting anew."""
        self.reader.begin()
        self.tiles_done = self.clipped = self.invalid = 0

    def count_tiles(self, block: Block, region: Region | None = None) -> int:
        """Reports that restoring a block will give unless memory runs out."""
        if block.is_alpha or not self.has_contrast(block):
            return 1
        return len(self._plan(region))

    def restore(
        self,
        block: Block,
        target: npt.NDArray[Any],
        *,
        region: Region | None = None,
        origin: Sequence[int] | None = None,
        centre: Sequence[float] | None = None,
    ) -> Generator[Progress, None, None]:
        """Restore one block.

        Parameters
        ----------
        block : Block
            Which one.
        target : ndarray
            ``(C, [Z,] Y, X)`` of the output's type, filled in place.
        region : tuple of slice, optional
            Only tiles that touch this region of the input.
        origin : sequence of int, optional
            Position of the target's first pixel in the block of the result.
        centre : sequence of float, optional
            Tiles near this point of the input's plane come first.

        Yields
        ------
        TileDone
            Region of the block of the result, ``(C, [Z,] Y, X)``, that is final.
        Notice
            What the user must know, once each.
        """
        told = len(self.notices)
        origin = (0,) * (target.ndim - 1) if origin is None else origin
        whole = tuple(slice(0, length) for length in self.block_shape)
        if block.is_alpha:
            self._copy_alpha(block, target, origin)
            yield self._tile_done(whole)
            return
        key = statistics_key(block.sources[0])
        frames, missing = self.input.read(block, self.percentiles[key])
        percentiles = (self.percentiles[key], *self.later.get(key, ()))[-1]
        undone = percentiles if len(percentiles) == self.channels_out else percentiles[:1] * self.channels_out
        sink = IntensitySink(target, undone, missing, self.model.card.scale, origin)
        if not self.has_contrast(block):
            # Nothing to restore: zero is the one intensity there is.
            sink[whole] = np.zeros(self.block_shape, np.float32)
            if missing is None or not missing.all():
                self._notify(f"{self._named(block)} has no contrast: all pixels are equal and stay so.")
            yield self._tile_done(whole)
        else:
            for done in self._run_network(frames, key, sink, region, centre):
                yield from self._new_notices(told)
                told = len(self.notices)
                yield self._tile_done(done.region) if isinstance(done, TileDone) else done
        self.clipped += sink.clipped
        self.invalid += sink.invalid
        self._note_counts()
        yield from self._new_notices(told)

    def _run_network(
        self,
        frames: Float,
        key: StatisticsKey,
        sink: IntensitySink,
        region: Region | None,
        centre: Sequence[float] | None,
    ) -> Generator[TileDone | PassTile, None, None]:
        if self.settings.passes > 1:
            is_told = (
                len(self.layout.blocks) == 1 or region is not None
            )  # of a stack, planes are progress enough
            frames = yield from iter_earlier_passes(self, frames, key, region, is_told=is_told)
        if centre is not None and len(centre) < len(self.layout.spatial):
            centre = (self.image.size_of("Z") / 2, *centre)
        yield from self.iter_tiles(frames, key, sink, region, centre)

    def iter_tiles(
        self,
        frames: Float,
        key: StatisticsKey,
        out: Sink,
        region: Region | None = None,
        centre: Sequence[float] | None = None,
    ) -> Generator[TileDone, None, None]:
        """Run the network over a network input once; see `core.tiling.iter_tiled_inference`."""
        try:
            yield from iter_tiled_inference(
                frames,
                self.adaptations.get(key, self.model).predict,
                tile=self.tile,
                halo=self.halo,
                scale=self.model.card.scale,
                size_multiple=self.model.card.size_multiple,
                out=out,
                region=region,
                centre=centre,
                may_shrink=self.settings.tile is None,
                on_shrink=self._shrunk,
                fall_back=self._fall_back,
            )
        except TileTooLarge as error:
            text = memory_text(
                self.image.name, self.model, frames.shape, self.tile, is_chosen=self.settings.tile is not None
            )
            raise TileTooLarge(text) from error

    def _named(self, block: Block) -> str:
        """The image, or the part of it that has statistics of its own."""
        words = {"C": "channel", "S": "colour"}
        part = ", ".join(f"{words[axis]} {at}" for axis, at in statistics_key(block.sources[0]))
        return f"{part.capitalize()} of {self.image.name!r}" if part else repr(self.image.name)

    def _copy_alpha(self, block: Block, target: npt.NDArray[Any], origin: Sequence[int]) -> None:
        scale = self.model.card.scale
        opacity = enlarge(self.reader.stored(block.sources[len(block.sources) // 2])[0], scale)
        where = tuple(slice(o, o + n) for o, n in zip(origin, target.shape[1:], strict=True))
        target[0] = opacity[where]

    def has_contrast(self, block: Block) -> bool:
        """Whether there is anything to restore in a block."""
        return any(one.has_contrast for one in self.percentiles[statistics_key(block.sources[0])])

    def _plan(self, region: Region | None) -> list[Tile]:
        return plan_tiles(
            [self.image.size_of(axis) for axis in self.layout.spatial],
            tile=self.tile,
            halo=self.halo,
            size_multiple=self.model.card.size_multiple,
            region=region,
        )

    def seen_region(self, region: Region) -> Region:
        """What the tiles that touch a region of the input see of it."""
        windows = [tile.window for tile in self._plan(region)]
        return tuple(
            slice(min(w.start for w in along), min(max(w.stop for w in along), self.image.size_of(axis)))
            for axis, along in zip(self.layout.spatial, zip(*windows, strict=True), strict=True)
        )

    def _tile_done(self, region: Region) -> TileDone:
        self.tiles_done += 1
        return TileDone(done=self.tiles_done, total=0, region=region)

    def _shrunk(self, tile: tuple[int, ...]) -> None:
        self.tile = tile
        self._notify(f"Memory ran short: tiles are now {' x '.join(map(str, tile))} pixels.")

    def _fall_back(self) -> bool:
        lost, card = self.model.device, self.model.card
        if not self.model.fall_back_to_cpu():
            return False
        self._notify(f"Memory on {lost} did not suffice even for the smallest tile: going on on the CPU.")
        # The rest of this block keeps the smallest tiles; the next one takes what suits the CPU.
        spatial = [self.image.size_of(axis) for axis in self.layout.spatial]
        self.tile = choose_tile(self.model, spatial, card.halo, card.frames or 1, 0)
        return True

    def _note_counts(self) -> None:
        """Counts grow while planes are read and tiles may shrink; each notice holds the latest."""
        spatial = [self.image.size_of(axis) for axis in self.layout.spatial]
        if text := whole_image_notice(self.model.card, self.tile, spatial):
            self._notify(text, replaces="by the whole image")
        for part, text in count_notices(
            self.image.name,
            missing=self.reader.missing_pixels,
            invalid=self.invalid,
            clipped=self.clipped,
            precision=self.model.precision,
            dtype=self.output_dtype,
        ):
            self._notify(text, replaces=part)

    def _notify(self, text: str, replaces: str | None = None) -> None:
        if replaces is not None:
            for place, old in enumerate(self.notices):
                if replaces in old:
                    self.notices[place] = text
                    return
        if text not in self.notices:
            self.notices.append(text)

    def _new_notices(self, told: int) -> Generator[Notice, None, None]:
        for text in self.notices[told:]:
            yield Notice(done=self.tiles_done, total=0, message=text)
