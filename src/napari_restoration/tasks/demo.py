"""The demo: restore a sample stack and show it before and after."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.files import atomic_path, check_output
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Task
from napari_restoration.tasks.picture import Panel, draw_panels
from napari_restoration.tasks.samples import find_sample

_TITLES = {
    "deblur": "Deblur",
    "refocus": "Refocus",
    "superres": "Super-resolution",
    "denoise": "Denoise",
}


@dataclass(frozen=True, kw_only=True)
class DemoResult:
    """What the demo wrote.

    Parameters
    ----------
    restored : Path
        The restored stack, a TIFF.
    picture : Path
        The sample before, restored and as it should be, a PNG.
    scores : mapping
        `compare` of the result with the sample's ground truth, the input's scores under ``"before"``.
    summary : str
        One line for the user.
    """

    restored: Path
    picture: Path
    scores: Mapping[str, Any]
    summary: str


def iter_demo(
    task: str, folder: Path, *, model: str | Path | None = None, overwrite: bool = False
) -> Task[DemoResult]:
    """Restore the sample of a task, score it against its ground truth and draw both.

    Parameters
    ----------
    task : str
        ``"deblur"``, ``"refocus"``, ``"superres"`` or ``"denoise"``.
    folder : Path
        An existing folder for both files.
    model : str or Path, optional
        A model's id or folder; the task's default if not given.
    overwrite : bool
        Replace the files of an earlier demo.

    Yields
    ------
    Progress
        As `iter_restore`.

    Returns
    -------
    DemoResult
        Where the files are.

    Raises
    ------
    ModelError
        If there is no model for the task.
    OutputError
        If the files exist or cannot be written.
    """
    from napari_restoration.core.io import read_image
    from napari_restoration.tasks.compare import compare
    from napari_restoration.tasks.prepare import choose_model
    from napari_restoration.tasks.restore_file import iter_restore_file

    sample = find_sample(task)
    chosen = choose_model(model, task)
    restored_path = folder / f"{task}_sample_restored.tif"
    picture_path = folder / f"{task}_sample_before_after.png"
    for path in (restored_path, picture_path):
        check_output(path, overwrite=overwrite)
    report = yield from iter_restore_file(sample.path, restored_path, chosen, overwrite=overwrite)
    before, truth = read_image(sample.path), read_image(sample.truth_path)
    restored = read_image(restored_path)
    scores = compare(restored, truth, before)
    device = "the CPU" if report["device"] == "cpu" else f"the GPU ({report['device']})"
    speed = f"{report['seconds']:.1f} s on {device}"
    heading = f"{_TITLES[task]} of a simulated sample with {report['model']}, {speed}"
    _write_picture(picture_path, heading, (before, restored, truth), scores, overwrite)
    summary = f"{heading}: {_in_words(scores['before'])} became {_in_words(scores)}."
    return DemoResult(restored=restored_path, picture=picture_path, scores=scores, summary=summary)


def _write_picture(
    path: Path,
    heading: str,
    images: tuple[CalibratedImage, CalibratedImage, CalibratedImage],
    scores: Mapping[str, Any],
    overwrite: bool,
) -> None:
    """Draw the middle planes of input, result and ground truth."""
    before, restored, truth = images
    frames = before.size_of("T")
    first = f"Before (1 of {frames} frames)" if frames > truth.size_of("T") else "Before"
    panels = [
        Panel(plane=_middle_plane(before), title=first, caption=_in_words(scores["before"])),
        Panel(plane=_middle_plane(restored), title="Restored", caption=_in_words(scores)),
        Panel(plane=_middle_plane(truth), title="Truth", caption="known, because the sample is simulated"),
    ]
    picture = draw_panels(panels, heading=heading, pixel_size_um=truth.pixel_size_um.get("X"))
    with atomic_path(path, overwrite=overwrite) as temporary:
        picture.save(temporary, format="PNG")


def _middle_plane(image: CalibratedImage) -> npt.NDArray[Any]:
    """The middle plane along every axis but Y and X, (Y, X)."""
    index = tuple(slice(None) if axis in "YX" else image.size_of(axis) // 2 for axis in image.axes)
    plane = np.asarray(image.data[index])
    kept = [axis for axis in image.axes if axis in "YX"]
    return plane if kept == ["Y", "X"] else plane.T


def _in_words(scores: Mapping[str, Any]) -> str:
    psnr, ssim = scores["psnr"], scores["ssim"]
    shown = [f"PSNR {psnr:.1f} dB"] if psnr is not None else []
    shown += [f"SSIM {ssim:.3f}"] if ssim is not None else []
    return ", ".join(shown) or "no score"
