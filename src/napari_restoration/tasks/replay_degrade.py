"""Degrade an image again as its record says, noise included."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.io import write_image
from napari_restoration.core.progress import Notice, Task
from napari_restoration.tasks.pairs_record import repeat_pair
from napari_restoration.tasks.replay_equal import count_differences
from napari_restoration.tasks.replay_record import Recorded, check_sha256

if TYPE_CHECKING:
    from napari_restoration.core.image import CalibratedImage


def iter_replay_degrade(
    recorded: Recorded, image: CalibratedImage, path: Path, out: Path, *, overwrite: bool
) -> Task[dict[str, Any]]:
    """Make a degraded image again; where the record came with the target, that one.

    Parameters
    ----------
    recorded : Recorded
        The record of a degradation.
    image : CalibratedImage
        The good image.
    path, out : Path
        Its file, and the new one.
    overwrite : bool
        Replace an existing output.

    Raises
    ------
    InputError
        If the record lacks something, or the pixels are others.
    """
    noted = recorded.provenance.settings
    preset = noted.get("preset")
    preset = preset if isinstance(preset, dict) else {}
    draw = {
        "source": recorded.input, "preset": preset.get("id"), "seed": recorded.provenance.seed,
        "channel_wavelengths_um": preset.get("channel_wavelengths_um", ()), "region": noted.get("region"),
        "volume": noted.get("volume"), "model": noted.get("model"),
        "pixel_size_um": noted.get("pixel_size_um", recorded.input.get("pixel_size_um", {})),
    }  # fmt: skip
    made = yield from repeat_pair(image, draw)
    check_sha256(recorded, path, made.provenance.inputs[0]["sha256"])
    kept = made.image
    if recorded.image is not None and _is_target(recorded.image, made.image, made.target):
        kept = made.target
    told = write_image(out, kept, overwrite=overwrite)
    for text in told:
        yield Notice(done=0, total=0, message=text)
    return {
        "task": recorded.provenance.task, "preset": preset.get("id"), "output": str(out), "axes": kept.axes,
        "output_shape": list(kept.shape), "sha256": made.provenance.result["sha256"],
        "notices": [*made.notices, *told],
    }  # fmt: skip


def _is_target(result: CalibratedImage, degraded: CalibratedImage, target: CalibratedImage) -> bool:
    """The two carry one record; the file is the target if it is nearer to that."""
    first, second = (count_differences(one, result)[0] / one.data.size for one in (degraded, target))
    return bool(second < first)
