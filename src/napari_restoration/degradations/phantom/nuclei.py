"""Nuclei: soft ellipsoids with chromatin texture, bright foci and dark nucleoli."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_restoration.degradations.phantom.drawing import Field, Float32, blur_um, smooth_noise, to_photons


def draw_nuclei(
    field: Field,
    rng: np.random.Generator,
    *,
    peak_photons: float = 400.0,
    radius_um: float = 6.0,
    per_1000_um2: float = 2.6,
    spread_um: float = 0.0,
    cytosol: float = 0.012,
) -> Float32:
    """Draw nuclei with a DNA stain.

    Parameters
    ----------
    peak_photons
        Photons a pixel in the brightest chromatin.
    radius_um
        Mean half axis.
    per_1000_um2
        Nuclei on 1000 square micrometres, as far as there is room.
    spread_um
        Standard deviation of the nuclei's height in a volume.
    cytosol
        Stain outside the nuclei, as a share of the peak.

    Returns
    -------
    ndarray
        Photons, float32, the field's shape.
    """
    depth, rows, columns = field.extent_um
    count = max(1, round(per_1000_um2 * rows * columns / 1000))
    image = np.zeros(field.shape)
    for centre in _places(field, count, 1.75 * radius_um, rng):
        height = depth / 2 + rng.normal(0.0, 1.0) * spread_um
        body = _nucleus_thickness(field, np.array([height, *centre]), radius_um, rng)
        brightness = rng.lognormal(0.0, 0.22)
        image = np.maximum(image, body * brightness)
    image *= _chromatin(field, radius_um, rng)
    haze = np.exp(0.5 * smooth_noise(field, 2.5 * radius_um, rng))
    return to_photons(image + cytosol * image.max() * haze, peak_photons)


def _nucleus_thickness(
    field: Field, centre_um: NDArray[np.float64], radius_um: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    # In a thin field this is the light path through the nucleus, in a volume its soft-edged inside.
    z, y, x = _coordinates(field, centre_um)
    turn = rng.uniform(0.0, np.pi)
    along = x * np.cos(turn) + y * np.sin(turn)
    across = y * np.cos(turn) - x * np.sin(turn)
    stretch = rng.uniform(1.0, 1.45)
    size = radius_um * rng.uniform(0.85, 1.15)
    angle = np.arctan2(across, along)
    wobble = np.ones_like(angle)
    for order in range(2, 6):
        wobble += rng.normal(0.0, 0.045 / (order - 1)) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    plane = np.hypot(along / np.sqrt(stretch), across * np.sqrt(stretch)) / (size * wobble)
    if len(field.shape) == 2:
        # A flattened body: a plateau with a rounded rim.
        return np.asarray(np.clip(1.0 - plane**4, 0.0, None) ** 0.5)
    flatness = 0.55
    distance = np.sqrt(plane**2 + (z / (flatness * size)) ** 2)
    edge = field.pixel_size_um / size
    return np.asarray(np.clip((1.0 - distance) / edge + 0.5, 0.0, 1.0))


def _chromatin(field: Field, radius_um: float, rng: np.random.Generator) -> NDArray[np.float64]:
    coarse = smooth_noise(field, 0.16 * radius_um, rng)
    fine = smooth_noise(field, 0.045 * radius_um, rng)
    texture = np.exp(0.28 * coarse + 0.20 * fine)
    holes = smooth_noise(field, 0.15 * radius_um, rng)
    nucleoli = 1.0 / (1.0 + np.exp(np.clip(9.0 * (holes - 1.75), -50, 50)))
    foci = np.clip(smooth_noise(field, 0.06 * radius_um, rng) - 2.1, 0.0, None)
    return np.asarray(texture * (0.3 + 0.7 * nucleoli) + 1.6 * blur_um(field, foci, 0.02 * radius_um))


def _coordinates(field: Field, centre_um: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    axes = [
        (np.arange(n) + 0.5) * step
        for n, step in zip(field.shape[::-1], field.spacing_um[::-1], strict=False)
    ]
    x, y = np.meshgrid(axes[0], axes[1])
    z = axes[2][:, None, None] if len(field.shape) == 3 else np.full((1, 1), centre_um[0])
    return np.asarray(z - centre_um[0]), np.asarray(y - centre_um[1]), np.asarray(x - centre_um[2])


def _places(
    field: Field, count: int, distance_um: float, rng: np.random.Generator
) -> list[tuple[float, float]]:
    _, rows, columns = field.extent_um
    margin = 0.4 * distance_um
    places: list[tuple[float, float]] = []
    for _ in range(60 * count):
        if len(places) == count:
            break
        y, x = rng.uniform(-margin, rows + margin), rng.uniform(-margin, columns + margin)
        if all(np.hypot(y - other_y, x - other_x) > distance_um for other_y, other_x in places):
            places.append((y, x))
    return places
