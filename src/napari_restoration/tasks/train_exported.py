"""Models that are written while a training goes on, among the user's models, so that they can be tried meanwhile."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from napari_restoration.core.errors import OutputError
from napari_restoration.core.files import atomic_folder

_LONGEST = 64


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
