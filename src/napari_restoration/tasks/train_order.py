"""What a training is asked for, as the command line that does it; folders and names for runs and their models."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.files import safe_file_name
from napari_restoration.tasks.train_command import left_out_words
from napari_restoration.tasks.train_material import iter_write_good, iter_write_pairs
from napari_restoration.tasks.unfinished_runs import UnfinishedRun, discard_run, unfinished_runs

__all__ = [
    "MINUTES", "TrainOrder", "UnfinishedRun", "check_model_name", "discard_run", "free_model_name", "is_bad_by_name",
    "iter_write_good", "iter_write_pairs", "match_names_of_layers", "methods_of", "new_run_folder", "runs_folder",
    "unfinished_runs",
]  # fmt: skip

MINUTES = 5.0
"""The time budget that is proposed."""

_CHANGES = {
    "patch": "--patch", "batch_size": "--batch", "learning_rate": "--learning-rate", "metric": "--metric",
    "early_stopping": "--early-stopping",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LONGEST_NAME = 48  # of a suggested one: room for a number


@dataclass(frozen=True, kw_only=True)
class TrainOrder:
    """One training run; what `arguments` leaves out is up to ``napari-restoration train``.

    Attributes
    ----------
    run
        Folder of the run.
    kind, folder
        ``"pairs"``: `folder` holds ``input/`` and ``target/``; ``"clean"``: good images that `preset` degrades.
    validation
        Folder of the same kind that scores come from; ``None`` holds a share of `folder` out.
    preset, pixel_size_um
        Name or file of the degradation, and the pixel size of good images that do not tell it.
    start
        Model whose weights training starts from: id, model folder or run; ``None`` from scratch.
    task, method, size
        What is learned from scratch: a method, else the usual one of a task; and its size.
    minutes, epochs
        The budget; `epochs` counts where both are given.
    seed, device, name
        As the command's options; `name` becomes the id of the model.
    leave_out
        Names of pairs that are not trained on.
    is_checked
        The pairs were examined already: the run does not do it again.
    changes
        Training settings that replace the method's.
    """

    run: Path
    kind: Literal["pairs", "clean"]
    folder: Path
    validation: Path | None = None
    preset: Path | str | None = None
    pixel_size_um: float | None = None
    start: str | None = None
    task: str | None = None
    method: str | None = None
    size: str | None = None
    minutes: float | None = None
    epochs: int | None = None
    seed: int | None = None
    device: str = "cpu"
    name: str = ""
    leave_out: tuple[str, ...] = ()
    is_checked: bool = False
    changes: Mapping[str, Any] = field(default_factory=dict)

    def arguments(self) -> list[str]:
        """What stands behind ``napari-restoration train``; the model is added to the user's own at the end."""
        words = [*self._learned(), f"--{self.kind}", str(self.folder)]
        if self.kind == "clean":
            words += _given("--preset", self.preset) + _given("--pixel-size", self.pixel_size_um)
        words += [*_given("--val", self.validation), "--out", str(self.run)]
        words += _given("--epochs", self.epochs)
        words += _given("--minutes", None if self.epochs is not None else self.minutes)
        for name, value in self.changes.items():
            words += _given(_CHANGES[name], value)
        device = None if self.device == "cpu" else self.device
        words += _given("--seed", self.seed) + _given("--device", device)
        words += [*_given("--name", self.name or None), "--install"]
        words += left_out_words(self.leave_out)
        return words + (["--no-check"] if self.is_checked else [])

    def command(self) -> str:
        """The whole command, for a POSIX shell."""
        return shlex.join(["napari-restoration", "train", *self.arguments()])

    def _learned(self) -> list[str]:
        if self.start is not None:
            return ["--from", self.start]
        named = ["--method", self.method] if self.method is not None else _given("--task", self.task)
        return named + _given("--size", self.size)


def runs_folder() -> Path:
    """Where runs are kept unless another folder is chosen; it need not exist."""
    import platformdirs

    return Path(platformdirs.user_data_dir("napari-restoration", appauthor=False)) / "runs"


def new_run_folder(name: str, now: datetime) -> Path:
    """A folder for a run that does not exist yet; it is not made.

    Parameters
    ----------
    name : str
        Of the model.
    now : datetime
        Stands in the folder's name.
    """
    stem = f"{safe_file_name(name)}-{now:%Y%m%d-%H%M%S}"
    folder, number = runs_folder() / stem, 1
    while folder.exists():
        number += 1
        folder = runs_folder() / f"{stem}-{number}"
    return folder


def check_model_name(name: str) -> None:
    """Refuse a name that a new model cannot have.

    Raises
    ------
    InputError
        If it is no id.
    OutputError
        If a model of that name exists.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} is no name for a model: use at most 64 letters, digits, '.', '_' or '-', and begin with a "
            "letter or digit."
        )
    if name.casefold() in _taken_names():
        raise OutputError(f"There is a model {name!r} already: choose another name.")


def free_model_name(start: str, data: str) -> str:
    """A name for a new model that no model has.

    Parameters
    ----------
    start : str
        What it begins with: the model or the task that training starts from.
    data : str
        What it is trained on, such as the name of a layer or folder.
    """
    from napari_restoration.training.pairs.names import common_name

    letters = re.sub(r"[^A-Za-z0-9]+", "-", common_name(_words(data)) or data).strip("-").lower()
    stem = "-".join(part for part in (start, letters) if part)[:_LONGEST_NAME].strip("-._") or "model"
    taken = _taken_names()
    name, number = stem, 1
    while name.casefold() in taken:
        number += 1
        name = f"{stem}-{number}"
    return name


def methods_of(task: str) -> list[tuple[str, str]]:
    """Names and titles of the methods that train a network for a task; the usual one first."""
    from napari_restoration.tasks.train_recipe import TASK_METHODS
    from napari_restoration.training.method_recipes import list_methods, method_recipe

    usual = TASK_METHODS.get(task)
    found = [(name, recipe.title) for name in list_methods() if (recipe := method_recipe(name)).task == task]
    return sorted(found, key=lambda one: one[0] != usual)


def match_names_of_layers(names: list[str]) -> list[tuple[str, str]]:
    """Which of several names are input and target of each other, by words such as *noisy* and *clean*.

    Parameters
    ----------
    names : list of str
        Names of layers, each once.

    Returns
    -------
    list of tuple of str
        Input and target. A name without such a word is the counterpart of one that has it.
    """
    from napari_restoration.training.pairs.names import match_names, role_of

    plain = {name: _words(name) for name in names}
    by_role: dict[str, list[str]] = {"input": [], "target": [], "": []}
    for name in names:
        by_role[role_of(plain[name])].append(name)
    inputs, targets, others = by_role["input"], by_role["target"], by_role[""]
    pairs: list[tuple[str, str]] = []
    for left, right in ((inputs, targets), (others, targets), (inputs, others)):
        free = [[name for name in side if not any(name in pair for pair in pairs)] for side in (left, right)]
        back = {plain[name]: name for side in free for name in side}
        matching = match_names(*([plain[name] for name in side] for side in free))
        pairs += [(back[one], back[other]) for one, other in matching.pairs]
    if not pairs and len(inputs) == len(targets) == 1:
        pairs = [(inputs[0], targets[0])]
    return sorted(pairs, key=lambda pair: names.index(pair[0]))


def is_bad_by_name(name: str) -> bool:
    """Whether a word such as *noisy* calls a layer an input, which is no good image."""
    from napari_restoration.training.pairs.names import role_of

    return role_of(_words(name)) == "input"


def _words(name: str) -> str:
    """A layer's name without the brackets that results and copies have."""
    return re.sub(r"[\[\](),]+", " ", name)


def _taken_names() -> set[str]:
    from napari_restoration.core.errors import ModelError
    from napari_restoration.models.registry import list_models, user_models_folder

    folder = user_models_folder()
    try:
        known = set(list_models())
    except ModelError:
        known = set()
    # Also a folder that holds no readable model: the new one could not take its place.
    known |= {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    return {name.casefold() for name in known}


def _given(option: str, value: Any) -> list[str]:
    if value is None:
        return []
    return [option, repr(value).removesuffix(".0") if isinstance(value, float) else str(value)]
