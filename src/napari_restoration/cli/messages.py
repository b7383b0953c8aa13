"""What the command tells: sentences on standard error, one JSON object on standard output, an exit status."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from typing import Any

from napari_restoration.core.errors import RestorationError, TileTooLarge

DONE = 0
FAILED = 1
BAD_INPUT = 2
INTERRUPTED = 130


def say(text: str) -> None:
    """Write a line to standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def show(text: str) -> None:
    """Write lines to standard output: what the user asked to read."""
    # Names may hold characters that a Windows console cannot show; a replaced letter is better than an error.
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding) + "\n")
    sys.stdout.flush()


def print_json(value: Mapping[str, Any]) -> None:
    """Write one JSON object to standard output; infinite and undefined numbers become null."""
    sys.stdout.write(json.dumps(for_json(value), indent=2, allow_nan=False) + "\n")
    sys.stdout.flush()


def for_json(value: Any) -> Any:
    """Plain values that JSON knows.

    Parameters
    ----------
    value : object
        Mappings, sequences, numpy scalars and arrays, paths and plain values, nested.

    Returns
    -------
    object
        The same of dicts, lists, str, int, float, bool and None.
    """
    if isinstance(value, Mapping):
        return {str(key): for_json(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [for_json(entry) for entry in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if hasattr(value, "tolist"):  # numpy
        return for_json(value.tolist())
    return str(value)


def sentence(error: BaseException | str) -> str:
    """One line that says what went wrong.

    Parameters
    ----------
    error : exception or str
        What happened. The package's own errors already are sentences for users.

    Returns
    -------
    str
        A line that ends like a sentence. Errors that nobody foresaw are named by their type.
    """
    text = " ".join(str(error).split())
    if isinstance(error, OSError) and error.strerror:
        named = f"{error.filename}: " if error.filename is not None else ""
        text = f"{named}{error.strerror}"
    elif isinstance(error, BaseException) and not isinstance(error, RestorationError):
        text = f"Unexpected {type(error).__name__}: {text or 'no message'}"
    return text if text.endswith((".", "!", "?")) else f"{text}."


def is_foreseen(error: BaseException) -> bool:
    """Whether the error's text tells a user what to do, so that a traceback would add nothing."""
    return isinstance(error, (RestorationError, OSError))


def exit_code(error: BaseException, *, work_began: bool = False) -> int:
    """Exit status for an error.

    Parameters
    ----------
    error : exception
        What happened.
    work_began : bool
        Whether tiles were already done: what goes wrong then is not the input's fault.

    Returns
    -------
    int
        2 for what the user gave, 1 for anything else.
    """
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    foreseen = isinstance(error, RestorationError) and not isinstance(error, TileTooLarge)
    return BAD_INPUT if foreseen and not work_began else FAILED
