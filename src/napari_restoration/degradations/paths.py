"""Paths of a moving stage: positions (y, x) in pixels at even time steps, at least eight a pixel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_restoration.degradations.base import require_range

Path = NDArray[np.float64]

SAMPLES_PER_PX = 8


def linear_path(length_px: float, angle_rad: float = 0.0, samples: int | None = None) -> Path:
    """Straight path at constant speed, centred on the origin.

    Parameters
    ----------
    length_px
        Length in pixels.
    angle_rad
        Direction, 0 along x and pi / 2 along y (down in an image).
    samples
        Number of positions; by default eight a pixel.

    Returns
    -------
    ndarray
        Shape ``(S, 2)``, positions (y, x) in pixels at the middle of each time step.
    """
    along = (_time(length_px, samples) - 0.5) * length_px
    return np.stack([along * np.sin(angle_rad), along * np.cos(angle_rad)], axis=1)


def curved_path(length_px: float, angle_rad: float, turn_rad: float, samples: int | None = None) -> Path:
    """Arc of constant curvature at constant speed.

    Parameters
    ----------
    angle_rad
        Direction in the middle of the path.
    turn_rad
        By how much the direction turns from the start to the end; 0 gives a straight line.

    Returns
    -------
    ndarray
        Shape ``(S, 2)``, the middle of the arc at the origin.
    """
    if abs(turn_rad) < 1e-9:
        return linear_path(length_px, angle_rad, samples)
    centred = _time(length_px, samples) - 0.5
    radius = length_px / turn_rad
    # Positions in the frame of the middle of the arc: ahead along its tangent, aside along its normal.
    ahead = radius * np.sin(turn_rad * centred)
    aside = radius * (1.0 - np.cos(turn_rad * centred))
    sin, cos = np.sin(angle_rad), np.cos(angle_rad)
    return np.stack([ahead * sin + aside * cos, ahead * cos - aside * sin], axis=1)


def random_walk_path(
    length_px: float,
    rng: np.random.Generator,
    *,
    angle_rad: float | None = None,
    persistence: float = 0.95,
    samples: int | None = None,
) -> Path:
    """Irregular path: a velocity that forgets itself slowly, ``v <- persistence * v + noise``.

    Parameters
    ----------
    length_px
        Length along the path, in pixels.
    angle_rad
        Direction of the first velocity; drawn when ``None``.
    persistence
        Share of the velocity kept at each of 100 steps a path, in [0, 1).

    Returns
    -------
    ndarray
        Shape ``(S, 2)``, centred on its mean position.
    """
    require_range("The persistence", persistence, 0.0, 0.9999)
    steps = 100
    heading = rng.uniform(0.0, 2.0 * np.pi) if angle_rad is None else angle_rad
    spread = np.sqrt(1.0 - persistence**2)
    velocity = np.array([np.sin(heading), np.cos(heading)])
    knots = np.zeros((steps + 1, 2))
    for step, kick in enumerate(rng.normal(0.0, spread / np.sqrt(2.0), (steps, 2))):
        knots[step + 1] = knots[step] + velocity
        velocity = persistence * velocity + kick
    travelled = np.hypot(*np.diff(knots, axis=0).T).sum()
    knots *= length_px / max(travelled, 1e-12)
    at = _time(length_px, samples) * steps
    path = np.stack([np.interp(at, np.arange(steps + 1), knots[:, axis]) for axis in (0, 1)], axis=1)
    return np.asarray(path - path.mean(axis=0))


def add_vibration(
    path: Path, amplitude_px: float, periods: float, angle_rad: float, phase_rad: float = 0.0
) -> Path:
    """Add a sinusoidal vibration of the stage to a path.

    Parameters
    ----------
    amplitude_px
        Half of the peak-to-peak excursion, in pixels.
    periods
        Vibrations during the whole path.
    """
    time = (np.arange(len(path)) + 0.5) / len(path)
    swing = amplitude_px * np.sin(2.0 * np.pi * periods * time + phase_rad)
    return np.asarray(path + np.stack([swing * np.sin(angle_rad), swing * np.cos(angle_rad)], axis=1))


def samples_of_length(length_px: float) -> int:
    """Return the number of positions of a path so long, eight a pixel and at least one."""
    return max(1, int(np.ceil(length_px * SAMPLES_PER_PX)))


def _time(length_px: float, samples: int | None) -> NDArray[np.float64]:
    require_range("The path length in pixels", length_px, 0.0, 1e6)
    count = samples_of_length(length_px) if samples is None else samples
    return (np.arange(count) + 0.5) / count
