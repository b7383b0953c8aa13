"""The shell commands that make a training run anew, or go on with it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import InputError

_AGAIN = "-again"
_FOLDERS = {"index": "--data", "pairs": "--pairs", "clean": "--clean"}
_OPTIONS: Mapping[str, str] = {
    "task": "--task", "method": "--method", "recipe": "--recipe", "start": "--from", "size": "--size",
    "validation": "--val", "preset": "--preset", "pixel_size_um": "--pixel-size", "axes": "--axes",
    "minutes": "--minutes", "seed": "--seed", "device": "--device", "devices": "--devices", "features": "--features",
    "backbone": "--backbone", "name": "--name",
}  # fmt: skip
_CHANGES: Mapping[str, str] = {
    "epochs": "--epochs", "patch": "--patch", "batch_size": "--batch", "learning_rate": "--learning-rate",
    "metric": "--metric", "early_stopping": "--early-stopping",
}  # fmt: skip
_SWITCHES: Mapping[str, tuple[bool, str]] = {
    "tensorboard": (True, "--tensorboard"), "check": (False, "--no-check"), "assess": (False, "--no-assess"),
    "install": (True, "--install"),
}  # fmt: skip


def command_of(run_folder: str | Path) -> str:
    """The command for a POSIX shell that makes a training run anew, beside the old one.

    Parameters
    ----------
    run_folder : path
        The run; the command writes to a folder of the same name with ``-again`` after it.

    Returns
    -------
    str
        The command line; for a run with settings that the command line does not have, a line of Python.

    Raises
    ------
    InputError
        If the folder holds no training run, or one that does not tell what it was started with.
    """
    from napari_restoration.training.run_config import RunConfig

    folder = Path(run_folder).resolve()
    asked = dict(RunConfig.read(folder).asked)
    if "data_dir" not in asked:
        raise InputError(
            f"The training run {folder} does not tell the command that it was started with; an earlier version or "
            "another program began it."
        )
    out = str(folder.with_name(folder.name + _AGAIN))
    known = {"data_dir", "kind", "changes", "leave_out", *_OPTIONS, *_SWITCHES}
    if set(asked) - known or set(asked.get("changes", {})) - set(_CHANGES):
        return _in_python(asked, out)
    words = ["napari-restoration", "train"]
    for name in ("task", "method", "recipe", "start", "size"):
        words += _given(_OPTIONS[name], asked.get(name))
    words += [_FOLDERS[asked.get("kind", "index")], asked["data_dir"]]
    for name in ("validation", "preset", "pixel_size_um", "axes"):
        words += _given(_OPTIONS[name], asked.get(name))
    words += ["--out", out, *_given("--minutes", asked.get("minutes"))]
    for name, value in asked.get("changes", {}).items():
        words += _given(_CHANGES[name], value)
    for name in ("seed", "device", "devices", "features", "backbone", "name"):
        words += _given(_OPTIONS[name], asked.get(name))
    words += left_out_words(asked.get("leave_out", ()))
    words += [word for name, (value, word) in _SWITCHES.items() if asked.get(name) == value]
    return shlex.join(words)


def resume_command(run_folder: str | Path) -> str:
    """The command for a POSIX shell that goes on with a training run.

    Raises
    ------
    InputError
        If the folder holds no training run.
    """
    from napari_restoration.training.run_config import RunConfig

    folder = Path(run_folder).resolve()
    RunConfig.read(folder)
    return shlex.join(["napari-restoration", "train", "--resume", str(folder)])


def left_out_words(names: Sequence[str]) -> list[str]:
    """The option that leaves pairs out; a name that begins with a dash must not be taken for one."""
    if any(name.startswith("-") for name in names):
        return [f"--leave-out={name}" for name in names]
    return ["--leave-out", *names] if names else []


def _given(option: str, value: Any) -> list[str]:
    if value is None:
        return []
    return [option, repr(value) if isinstance(value, float) else str(value)]


def _in_python(asked: Mapping[str, Any], out: str) -> str:
    own = dict(asked)
    first = [repr(own.pop("recipe", None)), repr(own.pop("data_dir")), repr(out)]
    arguments = ", ".join([*first, *(f"{name}={value!r}" for name, value in own.items())])
    code = (
        "from napari_restoration.core.progress import run; from napari_restoration.tasks.train import iter_train; "
        f"run(iter_train({arguments}), print)"
    )
    return shlex.join(["python", "-c", code])
