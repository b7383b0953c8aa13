"""Training runs that were stopped before their model was made, and can be gone on with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import OutputError

_LARGEST_HEADER = 1 << 26


@dataclass(frozen=True, kw_only=True)
class UnfinishedRun:
    """A run that has no model yet, or one that was not put among the user's as it was to be.

    Attributes
    ----------
    folder
        Of the run.
    model
        Id that its model will have.
    started
        When it was begun.
    steps, minutes_done
        How far its last checkpoint is; 0 if there is none yet.
    minutes
        Its budget; ``None`` where steps decide.
    is_locked
        A living process trains into it.
    """

    folder: Path
    model: str
    started: datetime
    steps: int
    minutes_done: float
    minutes: float | None
    is_locked: bool


def unfinished_runs(also: Iterable[Path] = ()) -> list[UnfinishedRun]:
    """The user's runs without a finished model, the newest first. Neither pixels nor weights are read.

    Parameters
    ----------
    also : iterable of Path
        Folders of runs that lie elsewhere; those that are gone are left out.
    """
    from napari_restoration.tasks.train_order import runs_folder

    kept = runs_folder()
    folders = [*(kept.iterdir() if kept.is_dir() else ()), *also]
    found = [_look_at(folder) for folder in dict.fromkeys(folders)]
    return sorted((run for run in found if run is not None), key=lambda run: run.started, reverse=True)


def discard_run(folder: Path) -> None:
    """Delete an unfinished run with all that it has learned.

    Raises
    ------
    OutputError
        If a process trains into it, or it cannot be deleted.
    """
    from napari_restoration.training.lock import is_held

    if is_held(folder):
        raise OutputError(f"{folder} is being trained into: stop that training first.")
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be deleted ({error.strerror}): delete it by hand.") from error


def _look_at(folder: Path) -> UnfinishedRun | None:
    from napari_restoration.tasks.train_end import INSTALLING, MODEL_FOLDER
    from napari_restoration.training.checkpoint import LAST, PREVIOUS
    from napari_restoration.training.lock import is_held
    from napari_restoration.training.run_config import CONFIG

    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        if (folder / MODEL_FOLDER / "card.json").exists() and not (folder / INSTALLING).exists():
            return None
        state = _state(folder / LAST) or _state(folder / PREVIOUS)
        minutes = config["minutes"]
        return UnfinishedRun(
            folder=folder,
            model=str(config.get("asked", {}).get("name") or config["recipe"]["id"]),
            started=datetime.fromtimestamp((folder / CONFIG).stat().st_mtime),
            steps=int(state.get("step", 0)),
            minutes_done=float(state.get("elapsed", 0.0)),
            minutes=None if minutes is None else float(minutes),
            is_locked=is_held(folder),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # no run, or one that is being begun or of another version


def _state(checkpoint: Path) -> dict[str, Any]:
    """The counters of a checkpoint, from its header alone; nothing if it cannot be read."""
    try:
        with checkpoint.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            if not 0 < size <= _LARGEST_HEADER:
                return {}
            state = json.loads(json.loads(stream.read(size))["__metadata__"]["state"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return state if isinstance(state, dict) else {}
