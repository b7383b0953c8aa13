"""A degradation that is ready to run: previews of a region, and the whole result block by block."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.core.normalize import Percentiles
from napari_restoration.core.progress import Notice, Progress, Task
from napari_restoration.degradations.presets import Preset
from napari_restoration.tasks.degrade_plan import DegradePlan, check_reach, plan_degrade
from napari_restoration.tasks.degrade_settings import DegradeSettings, generator
from napari_restoration.tasks.degraded import DegradedRegion, DegradeResult, describe_result
from napari_restoration.tasks.grey_levels import check_exposure, with_levels

Array = npt.NDArray[Any]
Region = tuple[slice, slice]

# Share of the range of grey levels that must not be lost to rounding.
_TOLD_APART = 1e-4


@dataclass
class _Seen:
    """What a run learns about the good pixels while it reads them."""

    hashed: Any = field(default_factory=hashlib.sha256)
    missing: int = 0

    def add(self, block: Array) -> None:
        self.hashed.update(np.ascontiguousarray(block).data)
        self.missing += int(block.size - np.count_nonzero(np.isfinite(block)))


class Degrading:
    """A degradation that is ready to run.

    Parameters
    ----------
    plan : DegradePlan
        What is made.
    levels : Percentiles
        Of the whole good image.

    Raises
    ------
    InputError
        If the good image has no contrast to read as photons, the camera would saturate everywhere, or a drawn blur is
        larger than the image.
    """

    def __init__(self, plan: DegradePlan, levels: Percentiles) -> None:
        self.plan = plan
        self._levels = levels
        self._model = with_levels(plan.model, levels)
        colours = plan.in_colours(self._model)
        for colour in colours:
            # Values drawn together may reach farther than each alone.
            check_reach(plan.image, colour, plan.is_volume)
        reaches = [colour.reach_px() for colour in colours]
        self._reach = tuple(max(lengths) for lengths in zip(*reaches, strict=True))
        self.notices = [*plan.notices, *check_exposure(self._model, plan.image, levels)]

    def with_preset(self, preset: Preset, settings: DegradeSettings | None = None) -> Degrading:
        """Return the same for another preset or other settings; what was measured is used again."""
        return Degrading(plan_degrade(self.plan.image, preset, settings or self.plan.settings), self._levels)

    def preview(self, at: Mapping[str, int], region: Region) -> DegradedRegion:
        """Degrade a part of one plane.

        Blur, levels and parameters are those of the whole result; the noise is another draw of the same kind.

        Parameters
        ----------
        at : mapping of str to int
            Position of the plane along the image's other axes.
        region : tuple of slice
            Y and X in pixels of the good image; begins and ends are moved to whole pixels of the result.
        """
        plan = self.plan
        z = at.get("Z", 0)
        depth = slice(max(0, z - self._reach[0]), z + self._reach[0] + 1)
        core = self._core(region)
        inputs, targets = [], []
        for made, target in self._made(at, core, depth, None):
            planes = []
            for block in (made, target):
                if block.ndim > len(plan.spatial):
                    block = block[len(block) // 2]  # of a burst the middle frame
                planes.append(block[z - depth.start] if plan.is_volume else block)
            inputs.append(planes[0])
            targets.append(planes[1])
        return DegradedRegion(
            input=_joined(inputs).astype(plan.output_dtype, copy=False), target=_joined(targets), region=core
        )

    def iter_run(self, region: Region | None = None) -> Task[DegradeResult]:
        """Degrade the whole image, or a region of all its planes, block by block.

        Parameters
        ----------
        region : tuple of slice, optional
            Y and X in pixels of the good image; the blur at its border comes from what lies around it.

        Yields
        ------
        Progress
            After each block; `Notice` for what the user must know.
        """
        plan, model = self.plan, self._model
        for notice in self.notices:
            yield Notice(done=0, total=0, message=notice)
        core = self._core(region or (slice(0, None), slice(0, None)))
        output = np.empty(plan.shape_of(core, plan.output_axes, plan.binning), plan.output_dtype)
        finer = plan.binning // model.target_scale
        target = np.empty(plan.shape_of(core, plan.target_axes, finer), np.float32)
        blocks = [at for at in plan.positions() if at.get("S", 0) == 0]
        seen = _Seen()
        for done, at in enumerate(blocks):
            for sample, (made, sharp) in enumerate(self._made(at, core, slice(None), seen)):
                where = {**at, "S": sample}
                _place(output, plan.output_axes, plan.spatial, where, made)
                _place(target, plan.target_axes, plan.spatial, where, sharp)
            yield Progress(done=done + 1, total=len(blocks), message="Degrading")
        notices = list(self.notices)
        if seen.missing:
            notices.append(f"{seen.missing} missing pixels were filled from their neighbours.")
            yield Notice(done=len(blocks), total=len(blocks), message=notices[-1])
        return describe_result(plan, output, target, model, seen.hashed.hexdigest(), notices, core)

    def _core(self, region: Region) -> Region:
        lengths = (self.plan.image.size_of(axis) // self.plan.binning * self.plan.binning for axis in "YX")
        y, x = (_aligned(part, self.plan.binning, n) for part, n in zip(region, lengths, strict=True))
        return y, x

    def _made(
        self, at: Mapping[str, int], core: Region, depth: slice, seen: _Seen | None
    ) -> Iterator[tuple[Array, Array]]:
        """Degraded block and target of each colour, ``([T,] [Z,] y, x)``, made with all that blur reaches around."""
        plan = self.plan
        lengths = [plan.image.size_of(axis) // plan.binning * plan.binning for axis in "YX"]
        window = []
        for part, reach, length in zip(core, self._reach[1:], lengths, strict=True):
            # A compression's whole blocks must be right, so what blur reaches is counted from their borders.
            blocks = _aligned(part, plan.alignment, length)
            window.append(_aligned(slice(blocks.start - reach, blocks.stop + reach), plan.alignment, length))
        block = self._block(at, {"Z": depth, "Y": window[0], "X": window[1]})
        if seen is not None:
            seen.add(block)
        looped = [at[axis] for axis in plan.image.axes if axis not in plan.spatial and axis != "S"]
        rng = generator(plan.settings.seed, "pixels", *looped)
        # All colours of an exposure share its path of motion.
        models = plan.in_colours(self._model.realise(rng))
        samples = np.moveaxis(block, -1, 0) if "S" in plan.image.axes else block[None]
        for sample, model in zip(samples, models, strict=True):
            made = model.degrade(_filled(sample, self._levels), rng)
            finer = plan.binning // model.target_scale
            yield _cropped(made.input, core, window, plan.binning), _cropped(made.target, core, window, finer)

    def _block(self, at: Mapping[str, int], part: Mapping[str, slice]) -> Array:
        """One block, ``([Z,] Y, X)`` or ``([Z,] Y, X, S)``."""
        image, spatial = self.plan.image, self.plan.spatial
        where = tuple(
            part[axis] if axis in spatial else slice(0, 3) if axis == "S" else at[axis] for axis in image.axes
        )
        left = [axis for axis in image.axes if axis in spatial or axis == "S"]
        wanted = spatial + ("S" if "S" in image.axes else "")
        block = np.asarray(image.data[where]).transpose([left.index(axis) for axis in wanted])
        return block


def _filled(values: Array, levels: Percentiles) -> Array:
    """Floats without missing pixels; in float64 only if float32 would not tell the image's grey levels apart."""
    farthest = max(abs(levels.low), abs(levels.high))
    is_lost = np.spacing(np.float32(farthest)) > _TOLD_APART * (levels.high - levels.low)
    return fill_missing(np.asarray(values, dtype=np.float64 if is_lost else np.float32), levels.low)[0]


def _cropped(made: Array, core: Region, window: list[slice], binning: int) -> Array:
    y, x = (
        slice((part.start - around.start) // binning, (part.stop - around.start) // binning)
        for part, around in zip(core, window, strict=True)
    )
    return made[..., y, x]


def _joined(colours: list[Array]) -> Array:
    return colours[0] if len(colours) == 1 else np.stack(colours, axis=-1)


def _aligned(part: slice, step: int, length: int) -> slice:
    """The smallest part that holds another one, begins and ends at whole steps, and lies inside."""
    start = min(max(0, part.start or 0), length - 1) // step * step
    end = length if part.stop is None else max(part.stop, start + 1)
    stop = min(-(-end // step) * step, length)
    return slice(start, stop)


def _place(whole: Array, axes: str, spatial: str, at: Mapping[str, int], block: Array) -> None:
    """Put a block, whose axes are frames, if it has them, and `spatial`, where it belongs in an array of any order."""
    part = whole[tuple(slice(None) if axis in spatial or axis not in at else at[axis] for axis in axes)]
    left = [axis for axis in axes if axis in spatial or axis not in at]
    brought = [axis for axis in left if axis not in spatial] + list(spatial)
    part.transpose([left.index(axis) for axis in brought])[...] = block
