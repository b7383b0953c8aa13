"""A stained thin section of cells as a transmission electron microscope sees it: stain is dark."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_restoration.degradations.phantom.drawing import (
    Field,
    Float32,
    smooth_noise,
    splat,
    worm_like_curve,
)
from napari_restoration.degradations.phantom.organelles import (
    Section,
    add_endoplasmic_reticulum,
    add_granule,
    add_mitochondrion,
    add_vesicle,
)

Image = NDArray[np.float64]


def draw_em_section(
    field: Field,
    rng: np.random.Generator,
    *,
    electrons: float = 60.0,
    mitochondria_per_um2: float = 0.16,
    vesicles_per_um2: float = 1.6,
    ribosomes_per_um2: float = 90.0,
    grid_bar: bool = False,
) -> Float32:
    """Draw cytoplasm with membranes, mitochondria, vesicles and particles.

    Parameters
    ----------
    field
        A thin field, shape ``(Y, X)``; pixels of 0.005 to 0.03 um suit.
    electrons
        Electrons a pixel where there is no matter.
    grid_bar
        Cover one corner by a bar of the supporting grid, which lets nearly nothing through.

    Returns
    -------
    ndarray
        Expected electrons a pixel, float32, the field's shape.
    """
    if len(field.shape) != 2:
        raise ValueError(f"An EM section is drawn on a thin field (Y, X), not on a shape of {field.shape}.")
    _, rows, columns = field.extent_um
    area = rows * columns
    section = Section.empty(field)
    _cell_borders(section, rng)
    for _ in range(max(1, round(mitochondria_per_um2 * area))):
        _try(section, rng, lambda at: _mitochondrion(section, at, rng))
    for _ in range(round(0.35 * area)):
        _try(section, rng, lambda at: _reticulum(section, at, rng))
    for _ in range(round(0.06 * area)):
        _try(section, rng, lambda at: add_granule(section, at, rng.uniform(0.08, 0.2), rng))
    for _ in range(round(vesicles_per_um2 * area)):
        _try(section, rng, lambda at: add_vesicle(section, at, rng.uniform(0.025, 0.075), rng))
    density = section.density + _cytosol(section, round(ribosomes_per_um2 * area), rng)
    transmitted = np.exp(-np.clip(density, 0.0, None))
    if grid_bar:
        transmitted = transmitted * (1.0 - 0.97 * _grid_bar(field, rng))
    return np.asarray(electrons * transmitted, dtype=np.float32)


def _try(section: Section, rng: np.random.Generator, draw: Callable[[NDArray[np.float64]], bool]) -> None:
    # A few attempts to find room; a crowded section simply stays without.
    _, rows, columns = section.field.extent_um
    for _ in range(12):
        at = rng.uniform(-0.02, 1.02, 2) * (rows, columns)
        if draw(at):
            return


def _mitochondrion(section: Section, at: NDArray[np.float64], rng: np.random.Generator) -> bool:
    length = rng.uniform(0.25, 1.7)
    curve = worm_like_curve(np.array([0.0, *at]), rng.uniform(0, 2 * np.pi), length, 1.8, 0.01, rng)[:, 1:]
    return add_mitochondrion(section, curve, rng.uniform(0.2, 0.3), rng)


def _reticulum(section: Section, at: NDArray[np.float64], rng: np.random.Generator) -> bool:
    curve = worm_like_curve(
        np.array([0.0, *at]), rng.uniform(0, 2 * np.pi), rng.uniform(0.6, 2.2), 0.9, 0.01, rng
    )
    return add_endoplasmic_reticulum(section, curve[:, 1:], rng)


def _cell_borders(section: Section, rng: np.random.Generator) -> None:
    """Two smooth membranes with a bright gap along the zero line of a smooth random field."""
    field = section.field
    _, rows, columns = field.extent_um
    span = max(rows, columns)
    y, x = np.indices(field.shape) / max(field.shape) - 0.5
    turn = rng.uniform(0, 2 * np.pi)
    slope = x * np.cos(turn) + y * np.sin(turn) - rng.uniform(-0.2, 0.2)
    surface = 7.0 * slope + smooth_noise(field, 0.11 * span, rng)
    distance = section.distance_to_level(surface)
    if distance is None:
        return
    half_gap = 0.018
    section.cover(distance < 0.05, 0.0)
    section.fill(distance, half_gap, 0.02)
    section.line(distance - half_gap - 0.005, 0.0055, 0.7)


def _cytosol(section: Section, ribosomes: int, rng: np.random.Generator) -> Image:
    field = section.field
    fine = 0.06 * smooth_noise(field, 0.01, rng) + 0.03 * smooth_noise(field, 0.03, rng)
    uneven = 0.03 * smooth_noise(field, 0.5, rng)
    _, rows, columns = field.extent_um
    # Ribosomes gather: each is kept with a chance that follows a smooth field.
    crowd = np.clip(0.45 + 0.45 * smooth_noise(field, 0.15, rng), 0.02, 1.0)
    places = rng.uniform(0.0, 1.0, (3 * ribosomes, 2)) * (rows, columns)
    index = tuple(np.minimum((places / field.pixel_size_um).astype(int), np.asarray(field.shape) - 1).T)
    free = ~section.taken[index] & (rng.uniform(size=len(places)) < crowd[index])
    kept = places[free][:ribosomes]
    points = np.concatenate([np.zeros((len(kept), 1)), kept], axis=1)
    dots = splat(field, points, rng.uniform(0.5, 1.0, len(kept)))
    radius = 0.011 / field.pixel_size_um
    dots = ndimage.gaussian_filter(dots, max(radius, 0.45)) * 2 * np.pi * max(radius, 0.45) ** 2
    return np.asarray(0.16 + uneven + fine * np.where(section.taken, 0.6, 1.0) + 0.42 * np.minimum(dots, 1.6))


def _grid_bar(field: Field, rng: np.random.Generator) -> Image:
    y, x = np.indices(field.shape) / max(field.shape)
    turn = rng.uniform(0, 2 * np.pi)
    along = (x - 0.5) * np.cos(turn) + (y - 0.5) * np.sin(turn)
    rough = 0.006 * smooth_noise(field, 0.12, rng)
    softness = 1.0 / max(field.shape)
    return np.asarray(1.0 / (1.0 + np.exp(np.clip(-(along + rough - 0.36) / softness, -50, 50))))
