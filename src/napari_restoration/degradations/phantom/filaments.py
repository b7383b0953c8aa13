"""Microtubules: stiff filaments that radiate from a centre, and stress fibres of actin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_restoration.degradations.phantom.drawing import (
    Field,
    Float32,
    Points,
    blur_um,
    smooth_noise,
    splat_curves,
    to_photons,
    worm_like_curve,
)


def draw_microtubules(
    field: Field,
    rng: np.random.Generator,
    *,
    peak_photons: float = 200.0,
    per_100_um2: float = 22.0,
    persistence_um: float = 30.0,
    radius_um: float = 0.03,
    cytosol: float = 0.02,
) -> Float32:
    """Draw labelled microtubules of one cell.

    Parameters
    ----------
    peak_photons
        Photons a pixel at the brightest crossings.
    per_100_um2
        Filaments on 100 square micrometres.
    persistence_um
        Length over which a filament keeps its direction.
    radius_um
        Standard deviation of the label across a filament (antibodies included).
    cytosol
        Unbound label, as a share of the peak.

    Returns
    -------
    ndarray
        Photons, float32, the field's shape.
    """
    depth, rows, columns = field.extent_um
    count = max(1, round(per_100_um2 * rows * columns / 100))
    centre = np.array([depth / 2, rng.uniform(-0.2, 1.2) * rows, rng.uniform(-0.3, 0.1) * columns])
    curves = []
    for _ in range(count):
        start = rng.uniform(0.0, 1.0, 3) * (depth, rows, columns)
        # Half of the filaments starts near the centre, which therefore is dense.
        start[1:] += (centre[1:] - start[1:]) * rng.choice([0.0, 0.5])
        away = np.arctan2(start[1] - centre[1], start[2] - centre[2])
        heading = away + rng.normal(0.0, 0.45)
        length = float(np.hypot(rows, columns)) * rng.uniform(0.25, 0.9)
        curve = worm_like_curve(
            start, heading, length, persistence_um, field.pixel_size_um / 2, rng, rise=0.05
        )
        curves.append((curve, rng.uniform(0.75, 1.15) * labelling(len(curve), 0.12, rng)))
    image = blur_um(field, splat_curves(field, curves), radius_um)
    haze = np.exp(0.4 * smooth_noise(field, 0.12 * max(rows, columns), rng))
    return to_photons(image + cytosol * image.max() * haze, peak_photons, 99.8)


def draw_actin(
    field: Field,
    rng: np.random.Generator,
    *,
    peak_photons: float = 200.0,
    bundles_per_100_um2: float = 4.0,
    radius_um: float = 0.05,
    cortex: float = 0.2,
    cytosol: float = 0.03,
) -> Float32:
    """Draw actin: stress fibres, nearly parallel bundles of different strength, over a fine mesh.

    Parameters
    ----------
    bundles_per_100_um2
        Stress fibres on 100 square micrometres.
    cortex
        Strength of the fine mesh between them, as a share of the strongest fibres.
    cytosol
        Unbound label, as a share of the strongest fibres.

    Returns
    -------
    ndarray
        Photons, float32, the field's shape.
    """
    depth, rows, columns = field.extent_um
    area = rows * columns / 100
    direction = rng.uniform(0.0, np.pi)
    fibres, mesh = [], []
    size = float(np.hypot(rows, columns))
    for _ in range(max(1, round(bundles_per_100_um2 * area))):
        middle = rng.uniform(0.0, 1.0, 3) * (depth, rows, columns)
        heading = direction + rng.normal(0.0, 0.08) + rng.choice([0.0, np.pi])
        curve = worm_like_curve(
            middle, heading, size * rng.uniform(0.2, 0.7), 400.0, field.pixel_size_um / 2, rng
        )
        fibres.append((curve, _tapered(curve) * rng.gamma(1.6, 0.6) * labelling(len(curve), 0.25, rng)))
    for _ in range(max(1, round(220 * area))):
        start = rng.uniform(-0.05, 1.05, 3) * (depth, rows, columns)
        curve = worm_like_curve(
            start, rng.uniform(0, 2 * np.pi), rng.uniform(1.0, 5.0), 8.0, field.pixel_size_um / 2, rng
        )
        mesh.append((curve, np.full(len(curve), 1.0)))
    strong, fine = (blur_um(field, splat_curves(field, curves), radius_um) for curves in (fibres, mesh))
    patches = np.exp(0.4 * smooth_noise(field, 0.1 * max(rows, columns), rng))
    actin = strong / strong.max() + cortex * patches * fine / fine.max()
    return to_photons(actin + cytosol * patches, peak_photons, 99.8)


def labelling(count: int, contrast: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw the uneven density of a label along a curve: mean 1, never negative, smooth over 6 samples."""
    grain = ndimage.gaussian_filter1d(rng.standard_normal(count), 6.0, mode="nearest")
    return np.asarray(np.clip(1.0 + contrast * grain / max(float(grain.std()), 1e-12), 0.0, None))


def _tapered(curve: Points) -> NDArray[np.float64]:
    along = np.linspace(0.0, 1.0, len(curve))
    return np.asarray(np.clip(4 * np.minimum(along, 1 - along), 0.0, 1.0))
