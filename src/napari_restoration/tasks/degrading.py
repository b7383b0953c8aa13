"""A degradation that is ready to run: previews of a region, and the whole result block by block."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.core.normalize import Percentiles
from napari_restoration.core.progress import Notice, Progress, Task
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.presets import Preset
from napari_restoration.tasks.degrade_plan import DegradePlan, DegradeSettings, plan_degrade
from napari_restoration.tasks.degraded import DegradedRegion, DegradeResult, describe_result
from napari_restoration.tasks.grey_levels import check_exposure, with_levels

Array = npt.NDArray[Any]


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
        If the good image has no contrast to read as photons, or the camera would saturate everywhere.
    """

    def __init__(self, plan: DegradePlan, levels: Percentiles) -> None:
        self.plan = plan
        self._levels = levels
        self._model = with_levels(plan.model, levels)
        self.notices = [*plan.notices, *check_exposure(self._model, plan.image, levels)]

    def with_preset(self, preset: Preset, settings: DegradeSettings | None = None) -> Degrading:
        """Return the same for another preset or other settings; what was measured is used again."""
        return Degrading(plan_degrade(self.plan.image, preset, settings or self.plan.settings), self._levels)

    def preview(self, at: Mapping[str, int], region: tuple[slice, slice]) -> DegradedRegion:
        """Degrade a part of one plane.

        Blur, levels and parameters are those of the whole result; the noise is another draw of the same kind.

        Parameters
        ----------
        at : mapping of str to int
            Position of the plane along the image's other axes.
        region : tuple of slice
            Y and X in pixels of the good image; begins and ends are moved to whole pixels of the result.
        """
        plan, model = self.plan, self._drawn_model()
        reach, align = model.reach_px(), plan.alignment
        lengths = [plan.image.size_of(axis) for axis in "YX"]
        core = [_aligned(part, plan.binning, n) for part, n in zip(region, lengths, strict=True)]
        window = [
            _aligned(slice(part.start - r, part.stop + r), align, n)
            for part, r, n in zip(core, reach[1:], lengths, strict=True)
        ]
        depth = {"Z": slice(None)} if plan.is_volume else {}
        if plan.is_volume:
            z = at.get("Z", 0)
            depth["Z"] = slice(max(0, z - reach[0]), min(plan.image.size_of("Z"), z + reach[0] + 1))
        rng = np.random.default_rng([plan.settings.seed, *at.values()])
        block = self._block(at, {**depth, "Y": window[0], "X": window[1]})
        inputs, targets = [], []
        for sample, colour_model in self._colours(block, model):
            made = colour_model.degrade(sample, rng)
            inputs.append(self._cropped(made.input, at, depth, core, window, plan.binning))
            targets.append(
                self._cropped(made.target, at, depth, core, window, plan.binning / made.model.target_scale)
            )
        return DegradedRegion(
            input=self._stored(_joined(inputs)), target=_joined(targets), region=(core[0], core[1])
        )

    def iter_run(self) -> Task[DegradeResult]:
        """Degrade the whole image, block by block.

        Yields
        ------
        Progress
            After each block; `Notice` for what the user must know.
        """
        plan, model = self.plan, self._drawn_model()
        for notice in self.notices:
            yield Notice(done=0, total=0, message=notice)
        output = np.empty(plan.output_shape, plan.output_dtype)
        target = np.empty(plan.target_shape, np.float32)
        positions = plan.positions()
        blocks = [at for at in positions if at.get("S", 0) == 0]
        hashed, missing = hashlib.sha256(), 0
        for done, at in enumerate(blocks):
            block = self._block(at, {})
            hashed.update(np.ascontiguousarray(block).data)
            missing += int(block.size - np.count_nonzero(np.isfinite(block)))
            rng = np.random.default_rng([plan.settings.seed, *at.values()])
            for sample, (values, colour_model) in enumerate(self._colours(block, model)):
                made = colour_model.degrade(values, rng)
                where = {**at, "S": sample}
                output[_place(plan.output_axes, plan.spatial, where)] = self._stored(made.input)
                target[_place(plan.target_axes, plan.spatial, where)] = made.target
            yield Progress(done=done + 1, total=len(blocks), message="Degrading")
        if missing:
            self.notices.append(f"{missing} missing pixels were filled from their neighbours.")
            yield Notice(done=len(blocks), total=len(blocks), message=self.notices[-1])
        return describe_result(plan, output, target, model, hashed.hexdigest(), self.notices)

    def _drawn_model(self) -> ForwardModel:
        return self._model.draw(np.random.default_rng([self.plan.settings.seed]))

    def _block(self, at: Mapping[str, int], part: Mapping[str, slice]) -> Array:
        """One block, ``([Z,] Y, X)`` or ``([Z,] Y, X, S)``, cut to whole pixels of the result."""
        image, spatial, binning = self.plan.image, self.plan.spatial, self.plan.binning
        where: list[int | slice] = []
        for axis in image.axes:
            whole = slice(
                0, image.size_of(axis) // binning * binning if axis in "YX" else image.size_of(axis)
            )
            where.append(
                part.get(axis, whole) if axis in spatial else slice(0, 3) if axis == "S" else at[axis]
            )
        left = [axis for axis in image.axes if axis in spatial or axis == "S"]
        wanted = spatial + ("S" if "S" in image.axes else "")
        return np.asarray(image.data[tuple(where)]).transpose([left.index(axis) for axis in wanted])

    def _colours(self, block: Array, model: ForwardModel) -> list[tuple[Array, ForwardModel]]:
        """The block's colours, each with the forward model of its wavelength; one where there are none."""
        fallback = self._levels.low
        if "S" not in self.plan.image.axes:
            return [(_filled(block, fallback), model)]
        wavelengths = self.plan.preset.channel_wavelengths_um
        samples = block.shape[-1]
        models = (
            [model.at_wavelength(one) for one in wavelengths]
            if samples == 3 and wavelengths
            else [model] * samples
        )
        return [(_filled(block[..., i], fallback), one) for i, one in enumerate(models)]

    def _cropped(
        self,
        made: Array,
        at: Mapping[str, int],
        depth: Mapping[str, slice],
        core: list[slice],
        window: list[slice],
        binning: float,
    ) -> Array:
        if made.ndim > len(self.plan.spatial):
            made = made[len(made) // 2]  # of a burst the middle frame
        if "Z" in depth:
            made = made[at.get("Z", 0) - depth["Z"].start]
        y, x = (
            slice(round((part.start - around.start) / binning), round((part.stop - around.start) / binning))
            for part, around in zip(core, window, strict=True)
        )
        return made[y, x]

    def _stored(self, values: Array) -> Array:
        return values.astype(self.plan.output_dtype, copy=False)


def _filled(values: Array, fallback: float) -> Array:
    return fill_missing(np.asarray(values, dtype=np.float32), fallback)[0]


def _joined(colours: list[Array]) -> Array:
    return colours[0] if len(colours) == 1 else np.stack(colours, axis=-1)


def _aligned(part: slice, step: int, length: int) -> slice:
    """The smallest part that holds another one, begins and ends at whole steps, and lies inside."""
    start = max(0, part.start) // step * step
    stop = min(-(-max(part.stop, start + 1) // step) * step, length)
    return slice(start, stop)


def _place(axes: str, spatial: str, at: Mapping[str, int]) -> tuple[int | slice, ...]:
    """Index of a block in an array; an axis that the block brings along itself, such as frames, is whole."""
    return tuple(slice(None) if axis in spatial or axis not in at else at[axis] for axis in axes)
