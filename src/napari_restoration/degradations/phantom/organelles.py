"""Organelles of an EM section, placed where there is room; density is stain, zero is empty resin."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, spatial
from skimage import measure

from napari_restoration.degradations.phantom.drawing import Field, smooth_noise

Image = NDArray[np.float64]
Curve = NDArray[np.float64]

_MEMBRANE_UM = 0.0055


@dataclass(frozen=True, eq=False)
class Section:
    """Stain density so far and which pixels are taken.

    Attributes
    ----------
    field
        The grid, shape ``(Y, X)``.
    density
        Stain added to the cytosol's, changed in place.
    taken
        Pixels that belong to an organelle, changed in place.
    """

    field: Field
    density: Image
    taken: NDArray[np.bool_]

    @classmethod
    def empty(cls, field: Field) -> Section:
        """Start with nothing on the grid."""
        return cls(field, np.zeros(field.shape), np.zeros(field.shape, dtype=bool))

    def cover(self, inside: NDArray[np.bool_], density: float) -> None:
        """Take the pixels, with a new even density."""
        self.density[inside] = density
        self.taken[inside] = True

    def fill(self, distance_um: Image, edge_um: float, density: float) -> None:
        """Add density where the distance is below the edge, soft over a pixel."""
        self.density[...] += density * self._below(distance_um - edge_um)

    def line(self, distance_um: Image, half_width_um: float, density: float) -> None:
        """Add a line of stain where the signed distance is near zero, soft over a pixel."""
        # A membrane thinner than a pixel darkens it by the share that it covers.
        width = max(half_width_um, 0.5 * self.field.pixel_size_um)
        self.density[...] += density * (half_width_um / width) * np.exp(-0.5 * (distance_um / width) ** 2)

    def around(self, points_um: Curve, margin_um: float) -> tuple[Section, Curve] | None:
        """Cut the window around points out; what is drawn into it is drawn here.

        Returns
        -------
        tuple or None
            The window and the points in its coordinates; ``None`` if it lies outside the field.
        """
        step = self.field.pixel_size_um
        low = np.maximum(np.floor((points_um.min(axis=0) - margin_um) / step).astype(int), 0)
        high = np.minimum(np.ceil((points_um.max(axis=0) + margin_um) / step).astype(int), self.field.shape)
        if np.any(high - low < 2):
            return None
        window = slice(low[0], high[0]), slice(low[1], high[1])
        part = Section(Field(tuple(high - low), step), self.density[window], self.taken[window])
        return part, points_um - low * step

    def has_room(self, inside: NDArray[np.bool_]) -> bool:
        """Tell whether the shape is on the field and nearly nothing of it is taken."""
        count = int(inside.sum())
        return count > 0 and int((inside & self.taken).sum()) <= 0.02 * count

    def nearest_on_curve(self, curve_um: Curve) -> tuple[Image, Image, Image]:
        """Distance to a curve, position along it and the side of it, of each pixel, in um."""
        y, x = (np.indices(self.field.shape) + 0.5) * self.field.pixel_size_um
        at = np.stack((y, x), axis=-1)
        distance, index = spatial.cKDTree(curve_um).query(at)
        tangent = np.gradient(curve_um, axis=0)[index]
        away = at - curve_um[index]
        side = np.sign(tangent[..., 0] * away[..., 1] - tangent[..., 1] * away[..., 0])
        along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(curve_um, axis=0).T))])
        return np.asarray(distance), np.asarray(along[index]), np.asarray(side)

    def distance_to_level(self, surface: Image) -> Image | None:
        """Distance of each pixel to the zero line of a surface in um; ``None`` if there is no line."""
        lines = measure.find_contours(surface, 0.0)
        if not lines:
            return None
        tree = spatial.cKDTree(np.concatenate(lines))
        distance = tree.query(np.moveaxis(np.indices(self.field.shape), 0, -1))[0]
        return np.asarray(distance * self.field.pixel_size_um)

    def _below(self, distance_um: Image) -> Image:
        return np.asarray(np.clip(0.5 - distance_um / self.field.pixel_size_um, 0.0, 1.0))


def add_mitochondrion(section: Section, curve_um: Curve, radius_um: float, rng: np.random.Generator) -> bool:
    """Add a mitochondrion around a curve: two membranes, dense matrix, cristae across; tell if it fitted."""
    around = section.around(curve_um, 1.3 * radius_um + 0.03)
    if around is None:
        return False
    section, curve_um = around
    distance, along, side = section.nearest_on_curve(curve_um)
    wave = smooth_noise(section.field, 0.2, rng)
    edge = distance - radius_um * (1.0 + 0.07 * wave)
    inside = edge < 0.02
    if not section.has_room(inside):
        return False
    section.cover(inside, 0.0)
    section.fill(edge, -0.02, rng.uniform(0.32, 0.45))
    section.line(edge, _MEMBRANE_UM, 0.8)
    section.line(edge + 0.022, _MEMBRANE_UM, 0.6)
    # Cristae: bright folds with dark rims, each from one side and of its own length.
    pitch = rng.uniform(0.075, 0.11)
    warped = along + 0.35 * distance * side + 0.028 * smooth_noise(section.field, 0.07, rng)
    number = np.floor(warped / pitch)
    phase = (warped / pitch - number - 0.5) * pitch
    lengths = rng.uniform(0.4, 1.7, 4096)
    from_side = rng.choice([-1.0, 1.0], 4096)
    which = number.astype(int) % 4096
    reach = (radius_um + distance * side * from_side[which]) / radius_um
    present = np.clip((lengths[which] - reach) * 8, 0.0, 1.0) * (edge < -0.03)
    rim = np.exp(-0.5 * ((np.abs(phase) - 0.013) / 0.006) ** 2)
    gap = np.exp(-0.5 * (phase / 0.010) ** 2)
    section.density[...] += present * (0.45 * rim - 0.28 * gap)
    return True


def add_vesicle(
    section: Section, at_um: NDArray[np.float64], radius_um: float, rng: np.random.Generator
) -> bool:
    """Add a round vesicle with a membrane, clear or dense inside; tell if it fitted."""
    around = section.around(at_um[None], 1.4 * radius_um + 0.03)
    if around is None:
        return False
    section, at_um = around[0], around[1][0]
    distance = _distance_to_point(section.field, at_um) * _egg(section.field, at_um, rng, 0.08)
    inside = distance < radius_um + 0.012
    if not section.has_room(inside):
        return False
    section.cover(inside, 0.0)
    section.fill(distance, radius_um, rng.choice([-0.1, -0.08, 0.25]))
    section.line(distance - radius_um, _MEMBRANE_UM, 0.75)
    return True


def add_granule(
    section: Section, at_um: NDArray[np.float64], radius_um: float, rng: np.random.Generator
) -> bool:
    """Add a dense granule (lysosome, secretory granule) with a halo under its membrane; tell if it fitted."""
    around = section.around(at_um[None], 1.4 * radius_um + 0.03)
    if around is None:
        return False
    section, at_um = around[0], around[1][0]
    distance = _distance_to_point(section.field, at_um) * _egg(section.field, at_um, rng, 0.1)
    inside = distance < radius_um + 0.012
    if not section.has_room(inside):
        return False
    section.cover(inside, -0.05)
    core = 0.8 + 0.25 * smooth_noise(section.field, 0.025, rng)
    section.density[...] += core * (distance < radius_um - 0.018) * rng.uniform(0.6, 1.1)
    section.line(distance - radius_um, _MEMBRANE_UM, 0.7)
    section.density[...] = np.where(inside, ndimage.gaussian_filter(section.density, 0.6), section.density)
    return True


def add_endoplasmic_reticulum(section: Section, curve_um: Curve, rng: np.random.Generator) -> bool:
    """Add a flat cistern with ribosomes on its membranes; tell if it fitted."""
    around = section.around(curve_um, 0.12)
    if around is None:
        return False
    section, curve_um = around
    distance, along, side = section.nearest_on_curve(curve_um)
    half = 0.022 * (1.0 + 0.35 * smooth_noise(section.field, 0.12, rng))
    inside = distance < half + 0.02
    if not section.has_room(inside):
        return False
    section.cover(inside, 0.0)
    section.fill(distance - half, 0.0, -0.1)
    section.line(distance - half, _MEMBRANE_UM, 0.65)
    beads = rng.uniform(0.0, 1.0, 8192)
    slot = (along / 0.03).astype(int) * 2 + (side > 0)
    stud = (beads[slot % 8192] < 0.6) * np.exp(-0.5 * ((along % 0.03 - 0.015) / 0.008) ** 2)
    section.density[...] += 0.45 * stud * np.exp(-0.5 * ((distance - half - 0.016) / 0.008) ** 2)
    return True


def _distance_to_point(field: Field, at_um: NDArray[np.float64]) -> Image:
    y, x = (np.indices(field.shape) + 0.5) * field.pixel_size_um
    return np.asarray(np.hypot(y - at_um[0], x - at_um[1]))


def _egg(field: Field, at_um: NDArray[np.float64], rng: np.random.Generator, strength: float) -> Image:
    y, x = (np.indices(field.shape) + 0.5) * field.pixel_size_um
    angle = np.arctan2(y - at_um[0], x - at_um[1])
    wobble = sum(
        rng.normal(0.0, strength / order) * np.cos(order * angle + rng.uniform(0, 6.3)) for order in (2, 3)
    )
    return np.asarray(1.0 + wobble)
