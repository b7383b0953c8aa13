"""The result's calibration, its provenance and the figures of the run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.memory import free_memory_bytes, peak_memory_mb
from napari_restoration.core.provenance import Provenance, describe_input, software_versions
from napari_restoration.models.card import ModelCard
from napari_restoration.models.classical.catalogue import is_classical
from napari_restoration.tasks.adapting import describe_adaptation
from napari_restoration.tasks.layout import Layout
from napari_restoration.tasks.settings import RestoreSettings

if TYPE_CHECKING:
    from napari_restoration.models.any_model import AnyModel
    from napari_restoration.tasks.blocks import BlockRestorer


def output_dtype(image: CalibratedImage, settings: RestoreSettings) -> np.dtype[Any]:
    """Type of the result."""
    return image.dtype.newbyteorder("=") if settings.dtype == "same" else np.dtype(np.float32)


def describe_output(
    image: CalibratedImage,
    layout: Layout,
    card: ModelCard,
    settings: RestoreSettings,
    data: npt.NDArray[Any] | None = None,
) -> CalibratedImage:
    """Put the result's axes, pixel sizes, origin and name around an array.

    Parameters
    ----------
    image : CalibratedImage
        The input.
    layout : Layout
        How it is restored.
    card : ModelCard
        With what.
    settings : RestoreSettings
        The output's type.
    data : ndarray, optional
        The pixels; an array of NaN (0 for integers) is made if not given.

    Returns
    -------
    CalibratedImage
        Covers the same rectangle of the world as the input.

    Raises
    ------
    InputError
        If the array to be made would not fit into half of the free memory.
    """
    if data is None:
        data = _empty(image, layout, output_dtype(image, settings))
    factors = {axis: card.scale if axis in layout.spatial else 1 for axis in "ZYX"}
    sizes = image.pixel_size_um
    origin = dict(image.origin_um)
    for axis, size in sizes.items():
        if factors[axis] > 1:
            # Pixel centres: the first fine pixel lies left of the first coarse one's centre.
            origin[axis] = origin.get(axis, 0.0) - size * (factors[axis] - 1) / (2 * factors[axis])
    return image.replace(
        data=data,
        axes=layout.output_axes,
        pixel_size_um={axis: size / factors[axis] for axis, size in sizes.items()},
        origin_um=origin,
        time_interval_s=image.time_interval_s if "T" in layout.output_axes else None,
        name=f"{image.name} [{card.id}]",
        metadata=_metadata(image, layout, settings),
    )


def _metadata(image: CalibratedImage, layout: Layout, settings: RestoreSettings) -> dict[str, Any]:
    """What the result takes over: neither the input's own record and notices, nor names of channels it lacks."""
    kept = {key: value for key, value in image.metadata.items() if key not in ("provenance", "notices")}
    names = kept.pop("channels", None)
    if names is None or len(names) != image.size_of("C"):
        return kept
    if settings.channel is not None:
        kept["channels"] = [names[settings.channel]]
    elif dict(zip(layout.output_axes, layout.output_shape, strict=True)).get("C", 1) == len(names):
        kept["channels"] = list(names)
    return kept


def make_provenance(
    image: CalibratedImage, settings: RestoreSettings, restorer: BlockRestorer, sha256: str = ""
) -> Provenance:
    """Record a run, with the hash of all pixels that were read for it, and of those that it made."""
    model = restorer.model
    parent = image.metadata.get("provenance")
    return Provenance(
        task=model.card.task,
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        software=software_versions(),
        device=model.device,
        precision=model.precision,
        inputs=[describe_input(image, restorer.reader.sha256())],
        model={"id": model.card.id, "arch": model.card.arch, "weights_sha256": model.card.weights_sha256},
        settings={
            **settings.to_dict(),
            "parameters": dict(getattr(model, "parameters", {})),
            "tile": list(restorer.tile),
            "halo": list(restorer.halo),
            **_threads(model),
            **({"adaptation": adaptation} if (adaptation := describe_adaptation(restorer)) else {}),
        },
        normalization=describe_normalization(restorer),
        parents=[parent] if isinstance(parent, Mapping) else [],
        notices=list(restorer.notices),
        result={"sha256": sha256} if sha256 else {},
    )


def _threads(model: AnyModel) -> dict[str, int]:
    """On how many threads a network ran on the CPU: sums of another order differ in their last bits."""
    torch = sys.modules.get("torch")
    if torch is None or model.device != "cpu" or is_classical(model.card):
        return {}
    return {"threads": int(torch.get_num_threads())}


def describe_normalization(restorer: BlockRestorer) -> list[Mapping[str, Any]]:
    """Intensities that became 0 and 1: of the image, then of the results that entered later passes."""
    recorded: list[Mapping[str, Any]] = []
    for key, first in restorer.percentiles.items():
        for number, entry in enumerate((first, *restorer.later.get(key, ())), start=1):
            numbered = {"pass": number} if number > 1 else {}
            recorded += [
                {**dict(key), "channel": channel, **numbered, "low": one.low, "high": one.high}
                for channel, one in enumerate(entry)
            ]
    return recorded


def make_report(
    image: CalibratedImage, layout: Layout, restorer: BlockRestorer, seconds: float
) -> dict[str, Any]:
    """Figures of a run, as ``restore --json`` prints them."""
    model = restorer.model
    pixels = prod(layout.output_shape) / model.card.scale ** len(layout.spatial)
    return {
        "model": model.card.id,
        "task": model.card.task,
        "device": model.device,
        "precision": model.precision,
        "tile": list(restorer.tile),
        "halo": list(restorer.halo),
        "tiles": restorer.tiles_done,
        "seconds": seconds,
        "megapixels_per_second": pixels / 1e6 / seconds if seconds > 0 else None,
        "peak_memory_mb": peak_memory_mb(),
        "input_shape": list(image.shape),
        "output_shape": list(layout.output_shape),
        "axes": layout.output_axes,
    }


def _empty(image: CalibratedImage, layout: Layout, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    needed = prod(layout.output_shape) * dtype.itemsize
    if needed > free_memory_bytes() // 2:
        raise InputError(
            f"The result of {image.name!r} takes {needed / 2**30:.1f} GiB, more than half of the free memory: "
            "restore it with the command line, which writes plane by plane, or cut the stack."
        )
    return np.full(layout.output_shape, np.nan if dtype.kind == "f" else 0, dtype)
