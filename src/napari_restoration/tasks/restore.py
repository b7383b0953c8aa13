"""Restore an image or a file: the one way in for scripts, command line and widgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.axes import guess_axes, looks_like_colour
from napari_restoration.core.image import CalibratedImage, as_array
from napari_restoration.core.progress import Progress, Task, run
from napari_restoration.tasks.prepare import choose_model, prepare
from napari_restoration.tasks.results import RestorationResult
from napari_restoration.tasks.settings import RestoreSettings

if TYPE_CHECKING:
    from napari_restoration.models.any_model import AnyModel


def restore(
    image: Any,
    model: str | Path | AnyModel | None = None,
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
    model : str, Path or AnyModel, optional
        A model's id, its folder, or a loaded model; the task's default if not given.
    task : str, optional
        ``"deblur"``, ``"refocus"``, ``"superres"`` or ``"denoise"``.
    axes : str, optional
        One letter for each dimension out of ``TZCYXS``; for plain arrays guessed if not given, and told.
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
        image = _guessed(image) if axes is None else CalibratedImage(image, axes)
    elif axes is not None:
        image = image.replace(axes=axes)
    return run(iter_restore(image, model, task=task, settings=RestoreSettings(**settings)), on_progress)


def _guessed(array: Any) -> CalibratedImage:
    data = array if hasattr(array, "shape") else as_array(array, "image")
    shape = tuple(data.shape)
    axes = guess_axes(shape, rgb=looks_like_colour(shape))
    told = [f"The axes were not named: {axes} was assumed for the shape {shape}."] if len(axes) > 2 else []
    return CalibratedImage(data, axes, metadata={"notices": told})


def iter_restore(
    image: CalibratedImage,
    model: str | Path | AnyModel | None = None,
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
