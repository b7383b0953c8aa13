"""Degrade a file into a file, with its target in another one."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import OutputError
from napari_restoration.core.files import check_output
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import output_format, read_image, write_image
from napari_restoration.core.progress import Notice, Task
from napari_restoration.degradations.presets import Preset
from napari_restoration.tasks.degrade import iter_degrade
from napari_restoration.tasks.degrade_settings import DegradeSettings


def iter_degrade_file(
    source: str | Path,
    destination: str | Path,
    preset: Preset | str | Path,
    settings: DegradeSettings | None = None,
    *,
    target: str | Path | None = None,
    axes: str | None = None,
    overwrite: bool = False,
) -> Task[dict[str, Any]]:
    """Degrade a file into a file as a task that can be watched and stopped.

    Parameters
    ----------
    source, destination : path
        Good image and result. The input is never changed.
    preset : Preset, str or Path
        The steps: a preset, its id, or a JSON file.
    settings : DegradeSettings, optional
        Seed, calibration and more.
    target : path, optional
        Where the sharp, noise-free image in the result's units goes.
    axes : str, optional
        Meaning of the file's axes, if it does not say them.
    overwrite : bool
        Replace outputs that exist.

    Yields
    ------
    Progress
        As `iter_degrade`.

    Returns
    -------
    dict
        Preset, seed, shapes, type, the model as drawn, paths, notices, seconds; axes and shape as the file holds them.

    Raises
    ------
    InputError, OutputError
        Before any work where possible. What fails or is stopped leaves neither file.
    """
    started = time.monotonic()
    settings = DegradeSettings() if settings is None else settings
    out, sharp = Path(destination), None if target is None else Path(target)
    _check_outputs([out] if sharp is None else [out, sharp], Path(source), overwrite)
    image = read_image(source, axes=axes)
    result = yield from iter_degrade(image, preset, settings)
    told = _write(out, result.image, sharp, result.target, overwrite=overwrite)
    for text in told:
        yield Notice(done=0, total=0, message=text)
    # Numbers alone have no axes of their own; other formats may prescribe an order.
    written = read_image(out, axes=result.image.axes if output_format(out) == "npy" else None)
    return {
        "preset": result.provenance.settings["preset"]["id"], "seed": settings.seed,
        "input_shape": list(image.shape), "output_shape": list(written.shape), "axes": written.axes,
        "dtype": str(result.image.dtype), "output": str(destination),
        "target": None if target is None else str(target), "model": result.model.to_dict(),
        "notices": [*result.notices, *told], "seconds": round(time.monotonic() - started, 3),
    }  # fmt: skip


def _check_outputs(outputs: Sequence[Path], source: Path, overwrite: bool) -> None:
    for path in outputs:
        check_output(path, [source], overwrite, folder=output_format(path) == "ome-zarr")
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise OutputError(f"{outputs[0]} cannot be the result and its target: give them two names.")


def _write(
    out: Path, image: CalibratedImage, sharp: Path | None, target: CalibratedImage, *, overwrite: bool
) -> list[str]:
    """Write both or none; returns what the user should know of the formats."""
    if sharp is None:
        return write_image(out, image, overwrite=overwrite)
    is_new = not sharp.exists()
    told = write_image(sharp, target, overwrite=overwrite)
    try:
        more = write_image(out, image, overwrite=overwrite)
    except BaseException:
        if is_new:
            _remove(sharp)
        raise
    return [*told, *(text for text in more if text not in told)]


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
