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
from napari_restoration.core.registration import estimate_shift, shift_plane
from napari_restoration.core.tiling import SMALLEST_TILE, Float, Region, iter_tiled_inference, plan_tiles
from napari_restoration.tasks.block_notices import count_notices
from napari_restoration.tasks.layout import Block, Layout
from napari_restoration.tasks.reader import BlockReader, Missing
from napari_restoration.tasks.record import output_dtype
from napari_restoration.tasks.settings import RestoreSettings
from napari_restoration.tasks.sink import IntensitySink
from napari_restoration.tasks.tile_choice import choose_tile, whole_image_notice

if TYPE_CHECKING:
    from napari_restoration.models.any_model import AnyModel

StatisticsKey = tuple[tuple[str, int], ...]


def statistics_key(source: Mapping[str, int]) -> StatisticsKey:
    """Channels and colour samples have statistics of their own; time points and planes share theirs."""
    return tuple((axis, at) for axis, at in sorted(source.items()) if axis in "CS")


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
    """

    image: CalibratedImage
    model: AnyModel
    layout: Layout
    settings: RestoreSettings
    reader: BlockReader
    percentiles: Mapping[StatisticsKey, tuple[Percentiles, ...]]
    tile: tuple[int, ...]
    notices: list[str] = field(default_factory=list)
    tiles_done: int = 0
    clipped: int = 0
    invalid: int = 0
    _shifts: dict[tuple[StatisticsKey, StatisticsKey], tuple[float, float]] = field(default_factory=dict)

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
        if block.is_alpha or not self._has_contrast(block):
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
        percentiles = self.percentiles[statistics_key(block.sources[0])]
        frames, missing = self._frames(block, percentiles)
        undone = percentiles if len(percentiles) == self.channels_out else percentiles[:1] * self.channels_out
        sink = IntensitySink(target, undone, missing, self.model.card.scale, origin)
        if not self._has_contrast(block):
            # Nothing to restore: zero is the one intensity there is.
            sink[whole] = np.zeros(self.block_shape, np.float32)
            if missing is None or not missing.all():
                self._notify(f"{self._named(block)} has no contrast: all pixels are equal and stay so.")
            yield self._tile_done(whole)
        else:
            for done in self._run_network(frames, sink, region, centre):
                yield from self._new_notices(told)
                told = len(self.notices)
                yield self._tile_done(done.region)
        self.clipped += sink.clipped
        self.invalid += sink.invalid
        self._note_counts()
        yield from self._new_notices(told)

    def _run_network(
        self, frames: Float, sink: IntensitySink, region: Region | None, centre: Sequence[float] | None
    ) -> Generator[TileDone, None, None]:
        if centre is not None and len(centre) < len(self.layout.spatial):
            centre = (self.image.size_of("Z") / 2, *centre)
        try:
            yield from iter_tiled_inference(
                frames,
                self.model.predict,
                tile=self.tile,
                halo=self.halo,
                scale=self.model.card.scale,
                size_multiple=self.model.card.size_multiple,
                out=sink,
                region=region,
                centre=centre,
                may_shrink=self.settings.tile is None,
                on_shrink=self._shrunk,
                fall_back=self._fall_back,
            )
        except TileTooLarge as error:
            raise self._too_large(len(frames) if self.model.card.frames is not None else 1) from error

    def _too_large(self, frames: int) -> TileTooLarge:
        sides = " x ".join(map(str, self.tile))
        window = (side + 2 * margin for side, margin in zip(self.tile, self.halo, strict=True))
        needed = self.model.estimate_bytes((frames, self.model.card.in_channels, *window)) / 2**20
        fix = "close other programs or choose another device"
        if self.settings.tile is not None and max(self.tile) > SMALLEST_TILE:
            fix = f"choose a tile of {max(SMALLEST_TILE, max(self.tile) // 2)} or leave it to be chosen"
        return TileTooLarge(
            f"Memory does not suffice for tiles of {sides} pixels of {self.image.name!r} on "
            f"{self.model.device}, which take about {needed:.0f} MiB: {fix}."
        )

    def _frames(self, block: Block, percentiles: Sequence[Percentiles]) -> tuple[Float, Missing]:
        """Network input ``([T,] C, [Z,] Y, X)``, and the pixels that are missing in every frame."""
        frames: list[Float] = []
        holes: list[Missing] = []
        for source in block.sources:
            raw, missing = self.reader.read(source, [one.low for one in percentiles])
            pairs = zip(percentiles, raw, strict=True)
            frames.append(np.stack([one.normalize(channel) for one, channel in pairs]))
            holes.append(missing)
        lost = None
        if all(one is not None for one in holes):
            lost = np.logical_and.reduce([one for one in holes if one is not None])
        if self.model.card.frames is None:
            return frames[0], lost
        if self.settings.register and len(frames) > 1 and len(self.layout.spatial) == 2:
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

    def _has_contrast(self, block: Block) -> bool:
        return any(one.has_contrast for one in self.percentiles[statistics_key(block.sources[0])])

    def _plan(self, region: Region | None) -> list[Any]:
        return plan_tiles(
            [self.image.size_of(axis) for axis in self.layout.spatial],
            tile=self.tile,
            halo=self.halo,
            size_multiple=self.model.card.size_multiple,
            region=region,
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
