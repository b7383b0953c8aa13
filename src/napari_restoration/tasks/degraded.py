"""What a degradation hands out: a region, or the whole result with its calibration and provenance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy.typing as npt

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.provenance import Provenance, describe_input, software_versions
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.tasks.degrade_plan import DegradePlan
from napari_restoration.tasks.degrade_settings import pixel_sizes
from napari_restoration.tasks.result_hash import ResultHash

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class DegradedRegion:
    """A degraded part of one plane, as a preview shows it.

    Attributes
    ----------
    input
        ``(y, x)``, of a burst the middle frame; colours last.
    target
        ``(y * scale, x * scale)``, the sharp, noise-free image in the same units.
    region
        Y and X in pixels of the good image.
    """

    input: Array
    target: Array
    region: tuple[slice, slice]


@dataclass(frozen=True, kw_only=True, eq=False)
class DegradeResult:
    """A degraded image with its target.

    Attributes
    ----------
    image
        The degraded image; its provenance is in ``metadata["provenance"]``.
    target
        The sharp, noise-free image in the units of the degraded one, float32.
    model
        The forward model with every value that was drawn for the image.
    provenance
        How it was made.
    notices
        What the user must know.
    """

    image: CalibratedImage
    target: CalibratedImage
    model: ForwardModel
    provenance: Provenance
    notices: tuple[str, ...]


def describe_result(
    plan: DegradePlan,
    output: Array,
    target: Array,
    model: ForwardModel,
    sha256: str,
    notices: Sequence[str],
    region: tuple[slice, slice],
) -> DegradeResult:
    """Put calibration, names and the record of how they came about around the degraded pixels.

    Parameters
    ----------
    plan : DegradePlan
        What was made.
    output, target : ndarray
        The pixels.
    model : ForwardModel
        As drawn.
    sha256 : str
        Hash of the good pixels that were read: all, or those of the region and its surroundings.
    notices : sequence of str
        What the user was told.
    region : tuple of slice
        Y and X of the good image that they show.
    """
    image, preset = plan.image, plan.preset
    provenance = _provenance(plan, output, model, sha256, notices, region)
    kept = {key: value for key, value in image.metadata.items() if key not in ("provenance", "notices")}
    record = {**kept, "provenance": provenance.to_dict()}
    sizes = pixel_sizes(image, plan.settings)
    known = image.replace(pixel_size_um={axis: sizes[axis] for axis in sizes if axis in image.axes})
    degraded = _described(
        known, output, plan.output_axes, plan.binning, region, f"{image.name} [{preset.id}]"
    )
    coarser = plan.binning // model.target_scale
    sharp = _described(
        known, target, plan.target_axes, coarser, region, f"{image.name} [{preset.id}, target]"
    )
    return DegradeResult(
        image=degraded.replace(metadata=record), target=sharp.replace(metadata=record), model=model,
        provenance=provenance, notices=tuple(notices),
    )  # fmt: skip


def _provenance(
    plan: DegradePlan,
    output: Array,
    model: ForwardModel,
    sha256: str,
    notices: Sequence[str],
    region: tuple[slice, slice],
) -> Provenance:
    image = plan.image
    parent = image.metadata.get("provenance")
    made = ResultHash()
    made.add({}, output)
    return Provenance(
        task="degrade",
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        software=software_versions(),
        inputs=[describe_input(image, sha256)],
        settings={
            "preset": plan.preset.to_dict(), "model": model.to_dict(), "volume": plan.is_volume,
            "region": [[part.start, part.stop] for part in region],
            "pixel_size_um": dict(pixel_sizes(plan.image, plan.settings)),
        },
        seed=plan.settings.seed,
        parents=[parent] if isinstance(parent, Mapping) else [],
        notices=list(notices),
        result={"sha256": made.hexdigest()},
    )  # fmt: skip


def _described(
    image: CalibratedImage, data: Array, axes: str, binning: int, region: tuple[slice, slice], name: str
) -> CalibratedImage:
    sizes, origin = dict(image.pixel_size_um), dict(image.origin_um)
    for axis, part in zip("YX", region, strict=True):
        # Centres of pixels: the first coarse pixel's lies further in.
        shift = part.start + (binning - 1) / 2
        if axis in sizes and shift:
            origin[axis] = origin.get(axis, 0.0) + sizes[axis] * shift
        if axis in sizes:
            sizes[axis] *= binning
    return replace(image, data=data, axes=axes, pixel_size_um=sizes, origin_um=origin, name=name)
