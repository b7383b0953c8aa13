"""When a training step is left out, and when the training has gone astray."""

from __future__ import annotations

import math
from statistics import median
from typing import Any

MOST_DROPS = 3
"""Steps left out, without `_CALM` good ones in a row between them, after which training goes back."""
MOST_RETURNS = 3
"""Returns to earlier weights after which training stops."""
_CALM = 20
_WINDOW = 50
_FEWEST = 20
_FACTOR = 100.0


class LossWatch:
    """Judges the loss of each step by the median of those before it."""

    def __init__(self) -> None:
        self._recent: list[float] = []
        self._drops = 0
        self._good = 0

    def fault(self, loss: float) -> str:
        """Why a step of this loss must be left out, in words; empty if it is sound.

        A loss is out of line where its size is more than 100 times the median size of the last 50.
        """
        if not math.isfinite(loss):
            return "its loss is not finite"
        if len(self._recent) >= _FEWEST:
            usual = median(abs(value) for value in self._recent)
            if usual > 0 and abs(loss) > _FACTOR * usual:
                return f"its loss {loss:.3g} is over {_FACTOR:g} times the usual {usual:.3g}"
        return ""

    def accept(self, loss: float) -> None:
        """Count a step that was taken."""
        self._recent = [*self._recent[1 - _WINDOW :], loss]
        self._good += 1
        if self._good >= _CALM:
            self._drops = 0

    def drop(self) -> bool:
        """Count a step that was left out; True where it was one too many."""
        self._good = 0
        self._drops += 1
        return self._drops >= MOST_DROPS

    def forget(self) -> None:
        """Start anew, after a return to earlier weights."""
        self._recent, self._drops, self._good = [], 0, 0

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return {"recent": self._recent, "drops": self._drops, "good": self._good}

    def load(self, state: dict[str, Any]) -> None:
        """Take up what `state` gave."""
        self._recent, self._drops, self._good = list(state["recent"]), state["drops"], state["good"]
