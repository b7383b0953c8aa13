"""Changes to a viewer that are taken back later, except where the user has made others since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class _Change:
    thing: Any
    name: str
    before: Any
    ours: Any


class Changes:
    """Sets attributes of layers and of the viewer, and remembers what they were."""

    def __init__(self) -> None:
        self._made: list[_Change] = []

    def set(self, thing: Any, name: str, value: Any) -> None:
        """Set an attribute; its value before the first change is what `undo` returns to."""
        now = getattr(thing, name)
        known = self._find(thing, name)
        if known is None:
            if is_same(now, value):
                return
            known = _Change(thing, name, now, value)
            self._made.append(known)
        setattr(thing, name, value)
        # As it reads now: napari stores some values in another form than they were given.
        known.ours = getattr(thing, name)

    def undo(self) -> None:
        """Take everything back that is still as it was set here, the last change first."""
        made, self._made = self._made, []
        for change in reversed(made):
            if is_same(getattr(change.thing, change.name), change.ours):
                setattr(change.thing, change.name, change.before)

    def _find(self, thing: Any, name: str) -> _Change | None:
        return next((one for one in self._made if one.thing is thing and one.name == name), None)


def is_same(one: Any, other: Any) -> bool:
    """Whether two values of an attribute are equal; numbers may differ by rounding."""
    if isinstance(one, str) or isinstance(other, str) or isinstance(one, bool):
        return bool(one == other)
    try:
        return bool(np.allclose(one, other, rtol=1e-9, atol=0.0))
    except (TypeError, ValueError):
        return bool(one == other)
