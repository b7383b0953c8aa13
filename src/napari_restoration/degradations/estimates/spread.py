"""Robust spread of residuals, and how surely it is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def robust_scale(residual: npt.NDArray[np.float32], outlier: float) -> float:
    """Standard deviation without what lies beyond so many of it; sound for counts far below one, too."""
    size = np.abs(residual)
    scale = float(np.quantile(size, 0.95)) / 1.96
    for _ in range(6):
        inside = size[size <= outlier * scale]
        new = float(np.sqrt(np.mean(np.square(inside, dtype=np.float64)))) if inside.size else scale
        if abs(new - scale) <= 1e-3 * scale:
            break
        scale = new
    return scale


def freedoms_of(squares: npt.NDArray[np.float64], pixels: float) -> float:
    """Normal variates with as sure a variance: fewer than pixels, as those are correlated and their tails long."""
    if squares.size < 2:
        return 1.0
    mean = float(squares.mean())
    of_squares = float(np.mean(np.square(squares))) - mean**2
    tails = min(1.0, 2 * mean**2 / of_squares) if of_squares > 0 else 1.0
    return max(squares.size / pixels * tails, 1.0)


def within(values: npt.NDArray[np.float32], limit: float) -> npt.NDArray[np.float32]:
    """Values no larger than the limit; all of them if every one is."""
    return values[np.abs(values) <= limit] if np.any(np.abs(values) <= limit) else values
