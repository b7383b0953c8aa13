"""Long work as generators that yield progress and return their result.

Whoever drives a task decides how far it goes: to cancel is to stop pulling. A task therefore needs no flag,
no thread and no callback of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a task has come.

    Parameters
    ----------
    done, total : int
        Steps finished and steps in all. ``total`` may be 0 while it is not known yet.
    message : str
        What is being done, for a person to read; empty if nothing changed.
    """

    done: int
    total: int
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class TileDone(Progress):
    """One more part of the output is final.

    Parameters
    ----------
    region : tuple of slice
        The finished part, one slice for each axis of the output array.
    """

    region: tuple[slice, ...]


@dataclass(frozen=True, kw_only=True)
class Notice(Progress):
    """Something the user must see: missing values, another device, smaller tiles."""


Task: TypeAlias = Generator[Progress, None, T]


def run(task: Task[T], on_progress: Callable[[Progress], None] | None = None) -> T:
    """Drive a task to its end.

    Parameters
    ----------
    task : generator
        The work; it yields `Progress` and returns its result.
    on_progress : callable, optional
        Called with each report.

    Returns
    -------
    object
        What the task returned.
    """
    while True:
        try:
            report = next(task)
        except StopIteration as end:
            result: T = end.value
            return result
        if on_progress is not None:
            on_progress(report)
