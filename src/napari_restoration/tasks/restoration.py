"""One prepared restoration: image, model, statistics and tiles, shared by preview and run."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, Task, TileDone
from napari_restoration.core.provenance import Provenance
from napari_restoration.core.tiling import Region
from napari_restoration.models.card import ModelCard
from napari_restoration.tasks.blocks import BlockRestorer
from napari_restoration.tasks.layout import Block, Layout
from napari_restoration.tasks.record import describe_output, make_provenance, make_report
from napari_restoration.tasks.result_hash import ResultHash
from napari_restoration.tasks.results import BlockDone, Preview, PreviewTile, RestorationResult
from napari_restoration.tasks.settings import RestoreSettings


@dataclass(frozen=True, eq=False)
class Restoration:
    """Everything that preview and run have in common; made by `prepare`.

    Keep it as long as image, model and settings stay the same: the model is loaded and the statistics are taken
    once, and a preview of a region equals that region of the result. One task of it runs at a time.
    """

    image: CalibratedImage
    layout: Layout
    settings: RestoreSettings
    restorer: BlockRestorer

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        return self.restorer.model.card

    @property
    def tile(self) -> tuple[int, ...]:
        """Side of the kept core along each spatial axis."""
        return self.restorer.tile

    @property
    def notices(self) -> list[str]:
        """What the user must know so far."""
        return self.restorer.notices

    def empty_output(self) -> CalibratedImage:
        """The result before its first tile: NaN, or 0 for integers, with the result's calibration.

        Raises
        ------
        InputError
            If it would not fit into half of the free memory.
        """
        return describe_output(self.image, self.layout, self.card, self.settings)

    def iter_run(
        self,
        out: CalibratedImage | None = None,
        first: Mapping[str, int] | None = None,
        centre: tuple[float, float] | None = None,
    ) -> Task[RestorationResult]:
        """Restore the whole image.

        Parameters
        ----------
        out : CalibratedImage, optional
            Where to write, made by `empty_output`.
        first : mapping of str to int, optional
            Position along the image's axes of the plane to begin with.
        centre : tuple of float, optional
            ``(y, x)`` in input pixels; tiles near it come first.

        Yields
        ------
        TileDone
            With the region of the output array, all its axes, that is now final.

        Returns
        -------
        RestorationResult
            Image, provenance and figures.
        """
        out = self.empty_output() if out is None else out
        blocks = self.layout.blocks
        if first is not None:
            blocks = sorted(blocks, key=lambda block: _distance(block, first))
        started = time.perf_counter()
        self.restorer.begin()
        total = sum(self.restorer.count_tiles(block) for block in blocks)
        done = 0
        made = ResultHash()
        for block in blocks:
            target = self._target(out.data, block)
            for report in self.restorer.restore(block, target, centre=centre):
                if isinstance(report, TileDone):
                    done += 1
                    region = self._in_output(block, report.region)
                    yield TileDone(done=done, total=max(total, done), region=region)
                else:
                    yield report
            made.add(block.index, target)
        provenance, figures = self._record(time.perf_counter() - started, made)
        finished = out.replace(metadata={**out.metadata, "provenance": provenance.to_dict()})
        return RestorationResult(
            image=finished, provenance=provenance, notices=tuple(self.notices), report=figures
        )

    def iter_blocks(
        self, blocks: list[Block] | None = None
    ) -> Generator[Progress, None, tuple[Provenance, dict[str, Any]]]:
        """Restore plane by plane for a writer that streams; memory holds one plane of the result.

        Parameters
        ----------
        blocks : list of Block, optional
            In which order; row-major order of the output's axes by default.

        Yields
        ------
        Progress
            `TileDone` after each tile, `BlockDone` after each plane.

        Returns
        -------
        tuple
            Provenance and figures, as in `RestorationResult`.
        """
        blocks = self.layout.blocks if blocks is None else blocks
        started = time.perf_counter()
        self.restorer.begin()
        total = sum(self.restorer.count_tiles(block) for block in blocks)
        done = 0
        made = ResultHash()
        for block in blocks:
            values = np.zeros(self.restorer.block_shape, self.restorer.output_dtype)
            for report in self.restorer.restore(block, values):
                if isinstance(report, TileDone):
                    done += 1
                    yield TileDone(
                        done=done, total=max(total, done), region=self._in_output(block, report.region)
                    )
                else:
                    yield report
            made.add(block.index, values)
            yield BlockDone(done=done, total=max(total, done), block=block, values=values)
        return self._record(time.perf_counter() - started, made)

    def iter_preview(
        self,
        at: Mapping[str, int],
        region: tuple[slice, slice],
        centre: tuple[float, float] | None = None,
    ) -> Task[Preview]:
        """Restore a part of one plane, from the tiles of the full run.

        Parameters
        ----------
        at : mapping of str to int
            Position along the input's axes other than Y and X; missing ones count as 0.
        region : tuple of slice
            Y and X in input pixels; clipped to the image.
        centre : tuple of float, optional
            Tiles near this point come first; the region's middle by default.

        Yields
        ------
        PreviewTile
            After each tile.

        Returns
        -------
        Preview
            Equal to this region of the result.

        Raises
        ------
        InputError
            If the region lies outside the image.
        """
        area = self._clipped_region(region)
        at = {axis: at.get(axis, 0) for axis in self.image.axes if axis not in "YXS"}
        if not all(0 <= index < self.image.size_of(axis) for axis, index in at.items()):
            raise InputError(f"The plane lies outside {self.image.name!r}: move the sliders onto the image.")
        blocks = [
            block
            for block in self.layout.blocks
            if all(at.get(axis, i) == i for axis, i in block.index.items())
        ]
        spatial: Region = area if "Z" not in self.layout.spatial else (slice(at["Z"], at["Z"] + 1), *area)
        origin = [where.start * self.card.scale for where in spatial]
        shape = [(where.stop - where.start) * self.card.scale for where in spatial]
        values = np.full(
            (len(blocks), self.restorer.channels_out, *shape),
            np.nan if self.restorer.output_dtype.kind == "f" else 0,
            self.restorer.output_dtype,
        )
        shown = values[:, :, 0] if "Z" in self.layout.spatial else values
        if self.layout.channel_axis == "S" and self.restorer.channels_out > 1:
            plane = np.moveaxis(shown[0], 0, -1)
        else:
            channel = at.get(self.layout.channel_axis, 0) if self.restorer.channels_out > 1 else 0
            plane = shown[0, channel] if len(blocks) == 1 else np.moveaxis(shown[:, channel], 0, -1)
        preview = Preview(values=plane, region=area, at=at)
        middle = centre or tuple((where.start + where.stop) / 2 for where in area)
        total = sum(self.restorer.count_tiles(block, spatial) for block in blocks)
        done = 0
        self.restorer.begin()
        for block, target in zip(blocks, values, strict=True):
            for report in self.restorer.restore(block, target, region=spatial, origin=origin, centre=middle):
                if isinstance(report, TileDone):
                    done += 1
                    yield PreviewTile(
                        done=done, total=max(total, done), region=report.region, preview=preview
                    )
                else:
                    yield report
        return preview

    def _record(self, seconds: float, made: ResultHash) -> tuple[Provenance, dict[str, Any]]:
        provenance = make_provenance(self.image, self.settings, self.restorer, made.hexdigest())
        return provenance, make_report(self.image, self.layout, self.restorer, seconds)

    def _target(self, data: Any, block: Block) -> npt.NDArray[Any]:
        """View of the whole result, ``(C, [Z,] Y, X)``, that belongs to one block."""
        axes = self.layout.output_axes
        view: npt.NDArray[Any] = data[tuple(block.index.get(axis, slice(None)) for axis in axes)]
        left = [axis for axis in axes if axis not in block.index]
        wanted = [axis for axis in self.layout.channel_axis + self.layout.spatial if axis in left]
        view = view.transpose([left.index(axis) for axis in wanted])
        return view if len(wanted) > len(self.layout.spatial) else view[None]

    def _in_output(self, block: Block, region: Region) -> Region:
        """Region of a block, ``(C, [Z,] Y, X)``, as slices along all axes of the result."""
        where = {axis: slice(at, at + 1) for axis, at in block.index.items()}
        where |= dict(zip(self.layout.spatial, region[1:], strict=True))
        return tuple(where.get(axis, slice(None)) for axis in self.layout.output_axes)

    def _clipped_region(self, region: tuple[slice, slice]) -> tuple[slice, slice]:
        clipped = [
            slice(max(0, where.start), min(self.image.size_of(axis), where.stop))
            for axis, where in zip("YX", region, strict=True)
        ]
        if any(where.start >= where.stop for where in clipped):
            raise InputError(f"The region lies outside {self.image.name!r}: move the view onto the image.")
        return clipped[0], clipped[1]


def _distance(block: Block, first: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(abs(at - first.get(axis, 0)) for axis, at in block.index.items())
