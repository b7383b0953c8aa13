"""What follows on the last step of a training: the model is written, compared with the one before, and installed."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import closing
from typing import TYPE_CHECKING

from napari_restoration.core.errors import OutputError, RestorationError
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.core.progress import Notice, Progress
from napari_restoration.tasks.train_reports import ModelWritten, TrainingResult

if TYPE_CHECKING:
    from napari_restoration.tasks.assessment import Assessment
    from napari_restoration.training.control import TrainingControl
    from napari_restoration.training.run import TrainingRun

MODEL_FOLDER = "model"
INSTALLING = "installing"
"""An empty file in the folder of a run whose model is still to be put among the user's."""


def is_first_process() -> bool:
    """Whether this is the process that speaks for a training on several devices; so is that of one on one device."""
    return os.environ.get("LOCAL_RANK", "0") == "0"


def iter_train_to_end(
    run: TrainingRun, control: TrainingControl | None, *, live: bool
) -> Generator[Progress, None, TrainingResult]:
    """Train, write the model, and do with it what the run was asked for.

    Yields
    ------
    Progress
        What `TrainingRun.epochs` yields and what the assessment does; then `ModelWritten`.

    Returns
    -------
    TrainingResult
    """
    from napari_restoration.training.lock import only_training_in

    if not run.leads:
        for _ in run.epochs(live=False):
            pass
        raise SystemExit(0)  # the first process tells of the training and writes the model
    yield from run.epochs(control, live=live)
    with only_training_in(run.folder):  # until the model is where it belongs
        return (yield from _with_model(run, control))


def _with_model(
    run: TrainingRun, control: TrainingControl | None
) -> Generator[Progress, None, TrainingResult]:
    """Write the model of a trained run, compare and install it."""
    from napari_restoration.training.export import export_run

    asked = run.config.asked
    is_installed = bool(asked.get("install", False))
    if is_installed:
        # Who dies between here and the end leaves a model that Restore does not know.
        write_bytes_atomically(run.folder / INSTALLING, b"")
    yield Progress(done=run.step, total=run.step, message="writing the model")
    folder = run.folder / MODEL_FOLDER
    card = export_run(run.folder, folder, overwrite=True, data=run.data)
    assessment = None
    if asked.get("assess", True):
        assessment = yield from _assessed(run, control)
    if is_installed:
        from napari_restoration.tasks.train_install import install_model

        try:
            folder, card, notice = install_model(folder)
            (run.folder / INSTALLING).unlink(missing_ok=True)
        except (RestorationError, OSError) as error:
            raise OutputError(f"The model is trained, but only in {folder}: {error}") from error
        if notice:
            yield Notice(done=run.step, total=run.step, message=notice)
    yield ModelWritten(done=run.step, total=run.step, folder=folder, model=card.id, final=True)
    return TrainingResult(
        run=run.folder,
        model=card.id,
        folder=folder,
        steps=run.step,
        minutes=run.elapsed,
        assessment=assessment,
    )


def _assessed(
    run: TrainingRun, control: TrainingControl | None
) -> Generator[Progress, None, Assessment | None]:
    """The assessment; None where it fails, which costs nobody the model, or where it is to end at once."""
    from napari_restoration.tasks.assess import iter_assess

    task = iter_assess(run.folder, device=run.device)
    with closing(task):
        try:
            while control is None or not control.is_quitting:
                yield next(task)
        except StopIteration as end:
            found: Assessment = end.value
            return found
        except (RestorationError, OSError, RuntimeError, MemoryError) as error:
            words = f"The model was not compared with the one before ({error})."
            yield Notice(done=run.step, total=run.step, message=words)
    return None
