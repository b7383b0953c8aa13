"""Structures that the data cannot support, put into restorations, with a mask of where they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Plane: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

# Pixels nearer to a plant than this are neither hits nor false alarms: the maps average over 15 pixels.
_MARGIN_PX = 12
_BORDER_PX = 24


@dataclass(frozen=True, eq=False)
class Planted:
    """A restoration with something in it that should be found.

    Attributes
    ----------
    image
        ``(Y, X)``.
    wrong, right
        Where it should be marked, and where it should not; pixels in between do not count.
    """

    image: Plane
    wrong: Mask
    right: Mask


def plant(
    kind: str, restored: Plane, contrast: float, foreign: Plane, rng: np.random.Generator
) -> Planted | None:
    """Plant one kind of structure.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    restored : ndarray
        ``(Y, X)``, the restoration; left as it is.
    contrast : float
        P99.8 - P2 of it: heights are shares of this.
    foreign : ndarray
        ``(Y, X)``, an image of another modality, for texture.
    rng : Generator
        Of places and shapes.

    Returns
    -------
    Planted or None
        None if there is nothing to remove.
    """
    change = KINDS[kind](restored, contrast, foreign, rng)
    size = np.abs(change)
    if size.max() < 0.02 * contrast:
        return None
    # What is textured counts as a whole.
    spread = ndimage.gaussian_filter(size, 2.0) if "texture" in kind else size
    wrong = spread > 0.3 * spread.max()
    touched = ndimage.binary_dilation(size > 0.01 * size.max(), iterations=_MARGIN_PX)
    return Planted(restored + change, wrong, ~touched)


def _places(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    return [
        (
            int(rng.integers(_BORDER_PX, shape[0] - _BORDER_PX)),
            int(rng.integers(_BORDER_PX, shape[1] - _BORDER_PX)),
        )
        for _ in range(count)
    ]


def _discs(shape: tuple[int, ...], count: int, radius: float, rng: np.random.Generator) -> Plane:
    """Soft-edged discs of height 1."""
    rows, columns = np.indices(shape)
    found = np.zeros(shape)
    for y, x in _places(shape, count, rng):
        distance = np.hypot(rows - y, columns - x)
        found = np.maximum(found, np.clip((radius - distance) / 3 + 0.5, 0, 1))
    return found


def _points(shape: tuple[int, ...], count: int, sigma: float, rng: np.random.Generator) -> Plane:
    found = np.zeros(shape)
    rows, columns = np.indices(shape)
    for y, x in _places(shape, count, rng):
        found += np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * sigma**2))
    return found


def _textured(band: tuple[float, float], height: float) -> Callable[..., Plane]:
    def made(restored: Plane, contrast: float, foreign: Plane, rng: np.random.Generator) -> Plane:
        reps = [-(-a // b) for a, b in zip(restored.shape, foreign.shape, strict=True)]
        source = np.tile(foreign, reps)[: restored.shape[0], : restored.shape[1]]
        texture = ndimage.gaussian_filter(source, band[0]) - ndimage.gaussian_filter(source, band[1])
        window = _discs(restored.shape, 3, 16, rng)
        rms = float(np.sqrt(np.sum(window * texture**2) / np.sum(window)))
        return np.asarray(height * contrast * window * np.clip(texture / max(rms, 1e-12), -3, 3))

    return made


def _fine_texture(restored: Plane, contrast: float, foreign: Plane, rng: np.random.Generator) -> Plane:
    noise = rng.standard_normal(restored.shape)
    fine = noise - ndimage.gaussian_filter(noise, 0.8)
    return np.asarray(0.06 * contrast * _discs(restored.shape, 3, 16, rng) * fine / fine.std())


def _filaments(height: float) -> Callable[..., Plane]:
    def made(restored: Plane, contrast: float, foreign: Plane, rng: np.random.Generator) -> Plane:
        drawn = np.zeros(restored.shape)
        for y, x in _places(restored.shape, 3, rng):
            angle, bend = rng.uniform(0, 2 * np.pi), rng.uniform(-0.03, 0.03)
            at = np.array([y, x], dtype=float)
            for _ in range(70):
                row, column = np.rint(at).astype(int)
                if 0 <= row < drawn.shape[0] and 0 <= column < drawn.shape[1]:
                    drawn[row, column] = 1.0
                at += (np.sin(angle), np.cos(angle))
                angle += bend
        line = ndimage.gaussian_filter(drawn, 1.3)
        return np.asarray(height * contrast * line / line.max())

    return made


def _spots(sigma: float, height: float, count: int) -> Callable[..., Plane]:
    def made(restored: Plane, contrast: float, foreign: Plane, rng: np.random.Generator) -> Plane:
        return np.asarray(height * contrast * _points(restored.shape, count, sigma, rng))

    return made


def _removed(restored: Plane, contrast: float, foreign: Plane, rng: np.random.Generator) -> Plane:
    """Take away the most conspicuous small structures at four places, as opening leaves the image."""
    rows, columns = np.indices((13, 13)) - 6
    opened = ndimage.grey_opening(restored, footprint=np.hypot(rows, columns) <= 6.2)
    excess = restored - ndimage.gaussian_filter(opened, 1.0)
    left, change = ndimage.gaussian_filter(excess, 2.0), np.zeros(restored.shape)
    left[:_BORDER_PX] = left[-_BORDER_PX:] = 0
    left[:, :_BORDER_PX] = left[:, -_BORDER_PX:] = 0
    grid = np.indices(restored.shape)
    for _ in range(4):
        y, x = np.unravel_index(int(np.argmax(left)), left.shape)
        distance = np.hypot(grid[0] - y, grid[1] - x)
        window = np.clip((9 - distance) / 3 + 0.5, 0, 1)
        change = np.minimum(change, -window * np.maximum(excess, 0))
        left[distance < 24] = 0
    return np.asarray(change)


KINDS: Mapping[str, Callable[..., Plane]] = {
    "texture of another modality": _textured((1.0, 3.0), 0.08),
    "texture finer than the optics": _fine_texture,
    "filaments added": _filaments(0.25),
    "faint filaments added": _filaments(0.06),
    "spots added": _spots(1.5, 0.25, 8),
    "faint spots added": _spots(1.5, 0.06, 8),
    "wide faint bodies added": _spots(12.0, 0.08, 2),
    "structure removed": _removed,
}
"""Heights are shares of the contrast that the restoration is shown with."""
