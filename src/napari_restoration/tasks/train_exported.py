"""Models that are written while a training goes on, among the user's models, so that they can be tried meanwhile."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_restoration.core.errors import OutputError, RestorationError
from napari_restoration.core.files import atomic_folder
from napari_restoration.core.progress import Notice, Progress, Task

if TYPE_CHECKING:
    from napari_restoration.tasks.train_control import TrainingControl
    from napari_restoration.tasks.train_reports import ModelWritten, TrainingResult

_LONGEST = 64


def iter_train_listed(
    arguments: Sequence[str], control: TrainingControl | None = None
) -> Task[TrainingResult]:
    """Train in a process of its own; models that are exported on the way are put where Restore lists them.

    Takes, yields, returns and raises what `napari_restoration.tasks.train_process.iter_train_command` does.
    """
    from napari_restoration.tasks.train_process import iter_train_command
    from napari_restoration.tasks.train_reports import ModelWritten

    with closing(iter_train_command(arguments, control)) as task:
        while True:
            try:
                report = next(task)
            except StopIteration as end:
                result: TrainingResult = end.value
                return result
            if isinstance(report, ModelWritten) and not report.final:
                report = _listed(report)
            yield report


def install_exported(folder: Path, step: int) -> tuple[Path, str]:
    """Copy a model that is not final to the user's models, under a name that says so.

    Parameters
    ----------
    folder : Path
        With its card and weights.
    step : int
        Training step at which it was written.

    Returns
    -------
    folder, model : Path, str
        Where it is now, and its id: that of the model with ``-stepN``. One of that name is replaced.

    Raises
    ------
    ModelError
        If the folder holds no model.
    OutputError
        If it cannot be written.
    """
    from napari_restoration.models.registry import CARD_NAME, find_card, user_models_folder

    card, weights = find_card(folder)
    ending = f"-step{step}"
    model = f"{card.id[: _LONGEST - len(ending)]}{ending}"
    new = replace(card, id=model, title=f"{card.title} (step {step})")
    models = user_models_folder()
    try:
        models.mkdir(parents=True, exist_ok=True)
        with atomic_folder(models / model, overwrite=True) as temporary:
            shutil.copyfile(weights, temporary / card.weights_file)
            (temporary / CARD_NAME).write_text(new.to_json(), encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{models / model} cannot be written ({error.strerror}); the model is in {folder}."
        ) from error
    return models / model, model


def _listed(report: ModelWritten) -> Progress:
    try:
        folder, model = install_exported(report.folder, report.done)
    except RestorationError as error:
        return Notice(done=report.done, total=report.total, message=str(error))
    return replace(report, folder=folder, model=model)
