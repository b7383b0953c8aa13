"""One training to a folder: a lock file that names its process, and that a dead process cannot hold."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_restoration.core.errors import OutputError

LOCK = "training.lock"
_LONGEST_FILLING_S = 2.0


@contextmanager
def only_training_in(folder: Path) -> Iterator[bool]:
    """Hold the folder's lock.

    Yields
    ------
    bool
        Whether the lock of a process that died was taken over.

    Raises
    ------
    OutputError
        If a living process, or one of another computer, trains into this folder.
    """
    path = folder / LOCK
    taken_over = False
    while not _made(path):
        holder = _holder(path)
        if holder is None:
            continue  # released between the two looks
        if not holder and _is_new(path):
            time.sleep(0.05)  # made by a process that is just about to fill it
            continue
        _refuse_living(path, holder)
        taken_over = True
        with suppress(FileNotFoundError):
            path.unlink()
    try:
        yield taken_over
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def is_held(folder: Path) -> bool:
    """Whether a living process, or one of another computer, trains into a folder; nothing is changed."""
    holder = _holder(folder / LOCK)
    if holder is None:
        return False
    try:
        _refuse_living(folder / LOCK, holder)
    except OutputError:
        return True
    return False


def _made(path: Path) -> bool:
    import psutil

    started = psutil.Process().create_time()
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        return False
    except OSError as error:
        raise OutputError(
            f"The training run {path.parent} cannot be written ({error.strerror}); choose another folder."
        ) from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump({"pid": os.getpid(), "started": started, "computer": socket.gethostname()}, stream)
    return True


def _holder(path: Path) -> dict[str, object] | None:
    try:
        holder = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        holder = {}  # killed between making and filling it
    return holder if isinstance(holder, dict) else {}


def _is_new(path: Path) -> bool:
    with suppress(OSError):
        return time.time() - path.stat().st_mtime < _LONGEST_FILLING_S
    return False


def _refuse_living(path: Path, holder: dict[str, object]) -> None:
    import psutil

    computer, pid = holder.get("computer"), holder.get("pid")
    if computer is not None and computer != socket.gethostname():
        raise OutputError(
            f"{path.parent} is being trained into from the computer {computer!r}; if that training is dead, remove "
            f"{path}."
        )
    if not isinstance(pid, int):
        return
    with suppress(psutil.Error):
        # A number may have been given to another process since.
        if abs(psutil.Process(pid).create_time() - float(str(holder.get("started", 0)))) < 2:
            raise OutputError(
                f"{path.parent} is being trained into by process {pid}; stop it or choose another folder."
            )
