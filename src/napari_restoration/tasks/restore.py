"""Restore an image or a file: the one way in for scripts, command line and widgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_restoration.core.axes import guess_axes
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, Task, run
from napari_restoration.tasks.prepare import choose_model, prepare
from napari_restoration.tasks.results import RestorationResult
from napari_restoration.tasks.settings import RestoreSettings

if TYPE_CHECKING:
    from napari_restoration.models.loader import RestorationModel


def restore(
    image: Any,
    model: str | Path | RestorationModel | None = None,
    *,
    task: str | None = None,
    axes: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    **settings: Any,
) -> RestorationResult:
    """Restore an image.

    Parameters
    ----------
    image : CalibratedImage or array-like
        The input; never changed.
    model : str, Path or RestorationModel, optional
        A model's id, its folder, or a loaded model; the task's default if not given.
    task : str, optional
        ``"deblur"``, ``"refocus"``, ``"superres"`` or ``"denoise"``.
    axes : str, optional
        One letter for each dimension out of ``TZCYXS``; for plain arrays guessed if not given.
    on_progress : callable, optional
        Called with each `Progress`.
    **settings
        Fields of `RestoreSettings`.

    Returns
    -------
    RestorationResult
        ``.image`` is on the input's own intensity scale, float32 unless ``dtype="same"``.

    Raises
    ------
    InputError, ModelError, TileTooLarge
        Each with one sentence that says what to do.

    Examples
    --------
    >>> from napari_restoration import read_image, restore
    >>> result = restore(read_image("stack.tif"), task="denoise")  # doctest: +SKIP
    """
    if not isinstance(image, CalibratedImage):
        data = image if hasattr(image, "shape") else np.asarray(image)
        image = CalibratedImage(data, axes or guess_axes(data.shape))
    elif axes is not None:
        image = image.replace(axes=axes)
    return run(iter_restore(image, model, task=task, settings=RestoreSettings(**settings)), on_progress)


def iter_restore(
    image: CalibratedImage,
    model: str | Path | RestorationModel | None = None,
    *,
    task: str | None = None,
    settings: RestoreSettings | None = None,
    first: Mapping[str, int] | None = None,
) -> Task[RestorationResult]:
    """Restore an image as a task that can be watched and stopped; see `restore`.

    Yields
    ------
    Progress
        Preparation in words, then `TileDone` for each tile, and `Notice`.

    Returns
    -------
    RestorationResult
        Image, provenance and figures.
    """
    if model is None or isinstance(model, str | Path):
        model = choose_model(model, task)
    restoration = yield from prepare(image, model, settings)
    return (yield from restoration.iter_run(first=first))
