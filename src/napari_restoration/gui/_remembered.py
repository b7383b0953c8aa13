"""The panel's choices, remembered from one session to the next."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from napari_restoration.core.errors import OutputError
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.core.progress import Task

T = TypeVar("T")

_LOG = logging.getLogger(__name__)


def recall(widget: str) -> dict[str, Any]:
    """Choices last made in a widget; empty the first time, or where the file cannot be read.

    Parameters
    ----------
    widget : str
        Name of the widget, such as ``"restore"``.
    """
    try:
        choices = json.loads(_path(widget).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return choices if isinstance(choices, dict) else {}


def remember(widget: str, choices: Mapping[str, Any]) -> None:
    """Keep the choices of a widget. That a disk is full or read-only is no reason to stop the user.

    Parameters
    ----------
    widget : str
        Name of the widget.
    choices : mapping
        Plain values.
    """
    if recall(widget) == choices:
        return
    path = _path(widget)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(path, json.dumps(dict(choices), indent=1).encode())
    except (OSError, OutputError) as error:
        _LOG.warning("The choices of the %s widget were not kept: %s", widget, error)


def remembering(task: Task[T], choices: Mapping[str, Any], widget: str = "restore") -> Task[T]:
    """The same task, which first keeps the choices it was started with: a disk may be slow, a panel must not."""
    remember(widget, choices)
    return (yield from task)


def _path(widget: str) -> Path:
    from platformdirs import user_config_path

    return user_config_path("napari-restoration", appauthor=False) / f"{widget}-widget.json"
