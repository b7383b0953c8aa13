"""Cell borders of an epithelium: a relaxed Voronoi pattern of bright, slightly wavy seams."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, spatial

from napari_restoration.degradations.phantom.drawing import (
    Field,
    Float32,
    blur_um,
    smooth_noise,
    splat,
    splat_curves,
    to_photons,
)
from napari_restoration.degradations.phantom.filaments import labelling


def draw_membranes(
    field: Field,
    rng: np.random.Generator,
    *,
    peak_photons: float = 200.0,
    cell_size_um: float = 9.0,
    radius_um: float = 0.09,
    cytosol: float = 0.05,
) -> Float32:
    """Draw labelled cell borders with small vesicles.

    Parameters
    ----------
    field
        A thin field, shape ``(Y, X)``.
    peak_photons
        Photons a pixel in the brightest seams.
    cell_size_um
        Typical distance of neighbouring cells' centres.
    radius_um
        Standard deviation of the label across a border.
    cytosol
        Label inside the cells, as a share of the peak.

    Returns
    -------
    ndarray
        Photons, float32, the field's shape.
    """
    if len(field.shape) != 2:
        raise ValueError(f"Membranes are drawn on a thin field (Y, X), not on a shape of {field.shape}.")
    _, rows, columns = field.extent_um
    centres = _relaxed_points(rows, columns, cell_size_um, rng)
    curves = []
    for start, end in _seams(centres):
        curve = _wavy(start, end, field.pixel_size_um / 2, 0.06 * cell_size_um, rng)
        if curve is not None:
            curves.append((curve, rng.lognormal(0.0, 0.3) * labelling(len(curve), 0.3, rng)))
    image = blur_um(field, splat_curves(field, curves), radius_um)
    vesicles = _vesicles(field, round(0.5 * rows * columns / cell_size_um), rng)
    seam = float(np.percentile(image[image > image.max() / 20], 90))
    cells = _cell_brightness(field, centres, rng) * np.exp(0.25 * smooth_noise(field, 0.8, rng))
    return to_photons(image / seam + 0.35 * blur_um(field, vesicles, 0.11) + cytosol * cells, peak_photons)


def _relaxed_points(
    rows: float, columns: float, distance: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    margin = 2 * distance
    count = round((rows + 2 * margin) * (columns + 2 * margin) / (0.87 * distance**2))
    points = rng.uniform((-margin, -margin), (rows + margin, columns + margin), (count, 2))
    # A few steps towards the middle of each cell's surroundings give the even pattern of a tissue.
    samples = rng.uniform((-margin, -margin), (rows + margin, columns + margin), (60 * count, 2))
    for _ in range(4):
        owner = spatial.cKDTree(points).query(samples)[1]
        number = np.maximum(np.bincount(owner, minlength=count), 1)
        for axis in (0, 1):
            middle = np.bincount(owner, samples[:, axis], minlength=count) / number
            points[:, axis] += 0.8 * (middle - points[:, axis]) * (number > 1)
    return points


def _seams(centres: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    diagram = spatial.Voronoi(centres)
    return [
        (diagram.vertices[first], diagram.vertices[second])
        for first, second in diagram.ridge_vertices
        if first >= 0 and second >= 0
    ]


def _wavy(
    start: NDArray[np.float64], end: NDArray[np.float64], step: float, height: float, rng: np.random.Generator
) -> NDArray[np.float64] | None:
    length = float(np.hypot(*(end - start)))
    if not 2 * step < length < 1000 * step * 10:
        return None
    along = np.linspace(0.0, 1.0, max(2, round(length / step)))
    aside = sum(
        rng.normal(0.0, height / order**1.5) * np.sin(np.pi * order * along) for order in (1, 2, 3, 5, 8)
    )
    normal = np.array([start[1] - end[1], end[0] - start[0]]) / length
    plane = start + along[:, None] * (end - start) + np.asarray(aside)[:, None] * normal
    return np.concatenate([np.zeros((len(along), 1)), plane], axis=1)


def _vesicles(field: Field, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    _, rows, columns = field.extent_um
    places = np.concatenate(
        [np.zeros((count, 1)), rng.uniform(0.0, 1.0, (count, 2)) * (rows, columns)], axis=1
    )
    spots = splat(field, places, rng.gamma(1.5, 0.6, count))
    return np.asarray(spots * (0.11 / field.pixel_size_um) ** 2 * 2 * np.pi)


def _cell_brightness(
    field: Field, centres: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    y, x = np.indices(field.shape) * field.pixel_size_um
    owner = spatial.cKDTree(centres).query(np.stack([y, x], axis=-1))[1]
    brightness = rng.lognormal(0.0, 0.3, len(centres))[owner]
    return np.asarray(ndimage.gaussian_filter(brightness, 2.0))
