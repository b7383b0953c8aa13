"""The ends of a plane's range where values pile up: saturation, and darkness cut off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

# A pile-up holds so many times the pixels of the fullest of the levels next to it ...
_PILE = 1.5
# ... looked at over so many levels that occur, and at least this many pixels (and this share of all).
_NEIGHBOURS = 8
_FEWEST = 8
_SMALLEST_SHARE = 1e-5


@dataclass(frozen=True)
class Clipping:
    """Levels beyond which the camera or the file tells nothing; ``None`` where nothing piles up."""

    low: float | None
    high: float | None

    def mask(self, plane: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
        """Pixels at or beyond either level, the plane's shape."""
        clipped = np.zeros(plane.shape, bool)
        if self.low is not None:
            clipped |= plane <= self.low
        if self.high is not None:
            clipped |= plane >= self.high
        return clipped


def find_clipping(planes: Sequence[npt.NDArray[Any]]) -> Clipping:
    """Find the levels at which values pile up, such as 4095 of a 12-bit camera in a 16-bit file.

    The largest value counts as saturation if it is one and a half times as frequent as the fullest of the eight
    next lower values that occur (and holds at least 8 pixels and 1e-5 of all). Darkness likewise, from below:
    counts of fewer than about 0.7 photons a pixel cannot be told from a cut by this alone.

    Parameters
    ----------
    planes : sequence of ndarray
        ``(Y, X)`` each; missing pixels do not count.

    Returns
    -------
    Clipping
        A constant plane has none.
    """
    finite = np.concatenate([plane[np.isfinite(plane)].ravel() for plane in planes])
    lowest, highest = finite.min(), finite.max()
    if lowest == highest:
        return Clipping(None, None)
    low = float(lowest) if _piles_up(finite, float(lowest), 1.0) else None
    high = float(highest) if _piles_up(finite, float(highest), -1.0) else None
    return Clipping(low, high)


def _piles_up(values: npt.NDArray[Any], end: float, inwards: float) -> bool:
    at_end = int(np.count_nonzero(values == end))
    if at_end < max(_FEWEST, _SMALLEST_SHARE * values.size):
        return False
    counts = _nearest_counts(values, end, inwards, at_end)
    fullest = float(counts.max(initial=0))
    # Three standard errors of two counts, so that a few pixels do not pile up by chance.
    return bool(at_end - _PILE * fullest > 3 * np.sqrt(at_end + _PILE**2 * fullest))


def _nearest_counts(
    values: npt.NDArray[Any], end: float, inwards: float, at_end: int
) -> npt.NDArray[np.int64]:
    """How often each of the levels next to the end occurs."""
    span = 64.0
    # Widen the window until it holds enough levels; whole numbers need one look.
    while True:
        edge = end + inwards * span
        near = (
            values[(values <= edge) & (values > end)]
            if inwards > 0
            else values[(values >= edge) & (values < end)]
        )
        levels, counts = np.unique(near, return_counts=True)
        if levels.size >= _NEIGHBOURS or near.size + at_end == values.size:
            return np.asarray(counts[:_NEIGHBOURS] if inwards > 0 else counts[-_NEIGHBOURS:])
        span *= 16.0
