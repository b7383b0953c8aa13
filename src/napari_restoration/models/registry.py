"""Which models there are: shipped with the package, in the user's data folder, or a folder somewhere.

After the networks stand the classical methods, which need no weights.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator
from pathlib import Path

from napari_restoration.core.errors import ModelError
from napari_restoration.models.card import TASKS, ModelCard, read_card_json
from napari_restoration.models.classical.catalogue import METHODS, classical_cards, is_classical

logger = logging.getLogger(__name__)

SHIPPED_CARDS = Path(__file__).with_name("cards.json")
SHIPPED_WEIGHTS = Path(__file__).with_name("weights")
CARD_NAME = "card.json"


def list_models(task: str | None = None, *, classical: bool = True) -> list[str]:
    """Ids of the models that can be used: shipped ones, the user's, then the classical methods.

    Parameters
    ----------
    task
        Only models for this task: "deblur", "refocus", "superres" or "denoise".
    classical
        With the methods that need no network.

    Raises
    ------
    ModelError
        Unknown task, or damaged cards of the shipped models. A damaged user model is left out and logged.
    """
    _check_task(task)
    every = (card for card, _ in _all_models() if task in (None, card.task))
    return [card.id for card in every if classical or not is_classical(card)]


def find_card(model: str | Path) -> tuple[ModelCard, Path]:
    """The card of a model and the path of its weights, which classical methods do not have.

    Parameters
    ----------
    model
        An id of `list_models`, or a folder with ``card.json`` and its weights (or that ``card.json`` itself).

    Raises
    ------
    ModelError
        No such model, or a damaged card. The weights themselves are not looked at.
    """
    for card, weights in _all_models():
        if card.id == model:
            return card, weights
    path = Path(model)
    if path.name == CARD_NAME and path.is_file():
        path = path.parent
    if (path / CARD_NAME).is_file():
        return _read_folder(path)
    broken = user_models_folder() / str(model)
    if isinstance(model, str) and path.name == model and (broken / CARD_NAME).is_file():
        return _read_folder(broken)  # raises, saying what is wrong with it
    raise ModelError(_unknown(model, path))


def default_model(task: str) -> str:
    """Id of the network to offer first for a task; never a classical method.

    Raises
    ------
    ModelError
        Unknown task, or no network for it.
    """
    models = list_models(task, classical=False)
    if not models:
        raise ModelError(f"There is no model for the task {task!r}; train one or name a model folder.")
    return models[0]


def user_models_folder() -> Path:
    """Folder of the user's models, one folder ``ID/`` each; it need not exist."""
    import platformdirs

    return Path(platformdirs.user_data_dir("napari-restoration", appauthor=False)) / "models"


def read_shipped() -> list[ModelCard]:
    """The cards of the models that came with the package.

    Raises
    ------
    ModelError
        ``cards.json`` is damaged.
    """
    content = read_card_json(SHIPPED_CARDS)
    if (
        not isinstance(content, dict)
        or content.get("version") != 1
        or not isinstance(content.get("models"), list)
    ):
        raise ModelError(f"{SHIPPED_CARDS} is damaged; install napari-restoration again.")
    return [ModelCard.from_dict(entry, source=str(SHIPPED_CARDS)) for entry in content["models"]]


def _all_models() -> Iterator[tuple[ModelCard, Path]]:
    known = set(METHODS)
    for card in read_shipped():
        known.add(card.id)
        yield card, SHIPPED_WEIGHTS / card.weights_file
    folder = user_models_folder()
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if not (path / CARD_NAME).is_file():
            continue
        try:
            card, weights = _read_folder(path)
        except ModelError as error:
            logger.warning("The model in %s is left out: %s", path, error)
            continue
        if card.id in known:
            logger.warning("The model in %s is left out: its id %s is taken.", path, card.id)
            continue
        known.add(card.id)
        yield card, weights
    for card in classical_cards():
        yield card, SHIPPED_WEIGHTS / card.weights_file


def _read_folder(folder: Path) -> tuple[ModelCard, Path]:
    card = ModelCard.from_file(folder / CARD_NAME)
    if is_classical(card):
        raise ModelError(f"{folder / CARD_NAME} names no network; classical methods are chosen by their id.")
    return card, folder / card.weights_file


def _check_task(task: str | None) -> None:
    if task is not None and task not in TASKS:
        raise ModelError(f"Task {task!r} is unknown; known are {', '.join(TASKS)}.")


def _unknown(model: str | Path, path: Path) -> str:
    if path.is_dir():
        return f"{path} is no model folder: it has no {CARD_NAME}."
    if path.is_file():
        return f"{path} is no model; give the folder that holds {CARD_NAME} and the weights beside it."
    known = [card.id for card, _ in _all_models()]
    close = difflib.get_close_matches(str(model), known, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"Model {str(model)!r} is unknown; {hint}known are {', '.join(known) or 'none'}, or give a model folder."
