"""Degrade a good image as a microscope would: the one way in for scripts, command line and widgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, Task, run
from napari_restoration.degradations.preset_store import find_preset
from napari_restoration.degradations.presets import Preset
from napari_restoration.tasks.degrade_plan import DegradePlan, plan_degrade
from napari_restoration.tasks.degrade_settings import DegradeSettings
from napari_restoration.tasks.degraded import DegradedRegion, DegradeResult
from napari_restoration.tasks.degrading import Degrading
from napari_restoration.tasks.grey_levels import measure_levels

__all__ = [
    "DegradePlan",
    "DegradeResult",
    "DegradeSettings",
    "DegradedRegion",
    "Degrading",
    "degrade",
    "iter_degrade",
    "plan_degrade",
    "prepare_degrade",
]


def degrade(
    image: CalibratedImage,
    preset: Preset | str | Path,
    settings: DegradeSettings | None = None,
    *,
    on_progress: Callable[[Progress], None] | None = None,
) -> DegradeResult:
    """Degrade a good image.

    Parameters
    ----------
    image : CalibratedImage
        The good image, axes out of ``TZCYXS``; never changed.
    preset : Preset, str or Path
        The steps: a preset, its id, or a JSON file.
    settings : DegradeSettings, optional
        Seed, calibration and more.
    on_progress : callable, optional
        Called with each `Progress`.

    Raises
    ------
    InputError
        With one sentence that says what to do, before any work.

    Examples
    --------
    >>> from napari_restoration import degrade, read_image
    >>> pair = degrade(read_image("cell.tif"), "widefield-20x")  # doctest: +SKIP
    >>> pair.image, pair.target  # doctest: +SKIP
    """
    return run(iter_degrade(image, preset, settings), on_progress)


def iter_degrade(
    image: CalibratedImage, preset: Preset | str | Path, settings: DegradeSettings | None = None
) -> Task[DegradeResult]:
    """Degrade an image as a task that can be watched and stopped; see `degrade`."""
    degrading = yield from prepare_degrade(image, preset, settings)
    return (yield from degrading.iter_run())


def prepare_degrade(
    image: CalibratedImage, preset: Preset | str | Path, settings: DegradeSettings | None = None
) -> Task[Degrading]:
    """Plan a degradation and measure the image's grey levels, the one thing that needs all pixels beforehand.

    Returns
    -------
    Degrading
        Makes previews and the whole result.
    """
    chosen = preset if isinstance(preset, Preset) else find_preset(preset)
    plan = plan_degrade(image, chosen, settings)
    yield Progress(done=0, total=0, message="Measuring grey levels")
    return Degrading(plan, measure_levels(image))
