"""From the Train panel's controls to what is to be done. Main thread, no pixels read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import InputError
from napari_restoration.gui._train_form import TrainForm
from napari_restoration.gui._train_runs import Checked, TrainJob, TrainSource
from napari_restoration.tasks.train_order import TrainOrder, check_model_name, new_run_folder

_SCALES = {"superres": 2}


def source_of(form: TrainForm) -> TrainSource:
    """What the controls say is learned from.

    Raises
    ------
    InputError
        If a layer or folder is missing or chosen twice.
    """
    return form.sources.value(form.advanced.folders()[0])


def make_job(form: TrainForm, checked: Checked | None) -> TrainJob:
    """What the controls ask for.

    Parameters
    ----------
    form : TrainForm
        The controls.
    checked : Checked, optional
        An earlier check.

    Raises
    ------
    InputError, OutputError
        If something that was set is not allowed, or the name of the model is taken.
    """
    source = source_of(form)
    name = form.name.text().strip()
    if not name:
        raise InputError("The new model has no name: type one.")
    check_model_name(name)
    run = form.advanced.folders()[1] or _run_folder(form, name)
    start = form.start.start
    own: dict[str, Any] = {}
    preset = None
    if source.is_clean:
        chosen = form.sources.good.chosen_preset()
        own["pixel_size_um"] = form.sources.good.pixel.value()
        own["preset"] = chosen if isinstance(chosen, str) else run / "preset.json"
        preset = None if isinstance(chosen, str) else chosen
    order = TrainOrder(
        run=run,
        kind="clean" if source.is_clean else "pairs",
        folder=_folder(source, run),
        validation=source.validation,
        start=start,
        task=form.start.task if start is None else None,
        minutes=form.minutes.value(),
        name=name,
        **own,
        **form.advanced.value(is_from_scratch=start is None),
    )
    card, task = form.start.card, form.start.task
    return TrainJob(
        source=source,
        order=order,
        preset=preset,
        checked=checked,
        fixes=form.doctor.fixes,
        scale=card.scale if card is not None else _SCALES.get(task, 1),
        takes_bursts=card.frames is not None if card is not None else task == "deblur",
    )


def _run_folder(form: TrainForm, name: str) -> Path:
    """The one that a copied command names, while it is free; else a new one."""
    kept, run = form.copied_run
    return run if kept == name and not run.exists() else new_run_folder(name, datetime.now())


def _folder(source: TrainSource, run: Path) -> Path:
    """Where the images will lie: layers are written into the run's folder."""
    if source.folder is not None:
        return source.folder
    return run / ("good" if source.is_clean else "pairs")
