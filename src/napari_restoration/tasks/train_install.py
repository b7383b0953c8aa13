"""A trained model among the user's models, where Restore finds it."""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_restoration.core.errors import InputError, ModelError, OutputError
from napari_restoration.core.files import atomic_folder

if TYPE_CHECKING:
    from napari_restoration.models.card import ModelCard

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_id(model: str, *, install: bool) -> None:
    """Refuse an id that a new model cannot have, before it is trained.

    Parameters
    ----------
    model : str
        The id.
    install : bool
        Whether it is to stand among the user's models.

    Raises
    ------
    InputError
        If it is no id, or that of a shipped model or classical method.
    """
    if not _NAME.fullmatch(model):
        raise InputError(
            f"{model!r} is no name for a model: use at most 64 letters, digits, '.', '_' or '-', and begin with a "
            "letter or digit."
        )
    if install and model.casefold() in _reserved():
        raise InputError(
            f"{model!r} is a model that comes with the package: name the new one otherwise, with --name."
        )


def check_models_folder() -> None:
    """Make the folder of the user's models, before a training whose model is to stand there.

    Raises
    ------
    OutputError
        If models cannot be added to it.
    """
    from napari_restoration.models.registry import user_models_folder

    models = user_models_folder()
    try:
        models.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=models):
            pass
    except OSError as error:
        raise OutputError(
            f"New models cannot be added to {models} ({error.strerror}): make it writable, or train in a terminal "
            "without --install."
        ) from error


def install_model(model_folder: Path) -> tuple[Path, ModelCard, str]:
    """Copy a model folder to the user's models; one that is there already is not copied again.

    Parameters
    ----------
    model_folder : Path
        With its card and weights.

    Returns
    -------
    folder, card, notice : Path, ModelCard, str
        Where it is, its card there, and what to tell: its id has a number where the name was taken.

    Raises
    ------
    InputError
        If its id is that of a shipped model or classical method.
    OutputError
        If it cannot be written.
    """
    from napari_restoration.models.registry import CARD_NAME, find_card, user_models_folder

    card, weights = find_card(model_folder)
    check_id(card.id, install=True)
    models = user_models_folder()
    models.mkdir(parents=True, exist_ok=True)
    taken = {path.name.casefold(): path for path in models.iterdir()}
    model, number = card.id, 1
    while (there := taken.get(model.casefold())) is not None or model.casefold() in _reserved():
        if there is not None and (same := _same_model(there, card)) is not None:
            return there, same, ""
        number += 1
        model = f"{card.id[: 64 - len(f'-{number}')]}-{number}"
    title = card.title if number == 1 else f"{card.title} ({number})"
    new = replace(card, id=model, title=title)
    with atomic_folder(models / model, overwrite=False) as temporary:
        shutil.copyfile(weights, temporary / card.weights_file)
        (temporary / CARD_NAME).write_text(new.to_json(), encoding="utf-8")
    notice = "" if number == 1 else f"There was a model {card.id!r} already: the new one is called {model!r}."
    return models / model, new, notice


def _same_model(folder: Path, card: ModelCard) -> ModelCard | None:
    """The card of a model folder if it holds the same model from the same training."""
    from napari_restoration.models.registry import find_card

    try:
        other = find_card(folder)[0]
    except ModelError:
        return None
    same = (other.weights_sha256, other.training) == (card.weights_sha256, card.training)
    return other if same else None


def _reserved() -> set[str]:
    from napari_restoration.models.classical.catalogue import METHODS
    from napari_restoration.models.registry import read_shipped

    return {name.casefold() for name in (*METHODS, *(card.id for card in read_shipped()))}
