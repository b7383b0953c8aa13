"""What all phantoms are drawn with: curves, points on a grid, smooth noise, scaling to photons.

Positions are (z, y, x) in um, the corner of the field at the origin. A field of shape ``(Y, X)`` is
thin: everything lies in its plane. A field of shape ``(Z, Y, X)`` is a volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_restoration.degradations.base import require_range

Float32 = NDArray[np.float32]
Points = NDArray[np.float64]


@dataclass(frozen=True)
class Field:
    """The grid that a phantom is drawn on.

    Attributes
    ----------
    shape
        ``(Y, X)`` or ``(Z, Y, X)``.
    pixel_size_um
        Side of a pixel in the plane.
    plane_distance_um
        Distance of the planes of a volume.
    """

    shape: tuple[int, ...]
    pixel_size_um: float
    plane_distance_um: float = 0.5

    def __post_init__(self) -> None:
        if len(self.shape) not in (2, 3) or min(self.shape) < 1:
            raise ValueError(f"A phantom is drawn on (Y, X) or (Z, Y, X), not on a shape of {self.shape}.")
        require_range("The pixel size in um", self.pixel_size_um, 1e-5, 1e3)
        require_range("The plane distance in um", self.plane_distance_um, 1e-5, 1e3)

    @property
    def spacing_um(self) -> tuple[float, float, float]:
        """Distance of the grid points along z, y and x."""
        return self.plane_distance_um, self.pixel_size_um, self.pixel_size_um

    @property
    def extent_um(self) -> tuple[float, float, float]:
        """Size along z, y and x; a thin field has a z extent of 0."""
        rows, columns = self.shape[-2] * self.pixel_size_um, self.shape[-1] * self.pixel_size_um
        return (self.shape[0] * self.plane_distance_um if len(self.shape) == 3 else 0.0), rows, columns


def worm_like_curve(
    start_um: NDArray[np.float64],
    heading_rad: float,
    length_um: float,
    persistence_um: float,
    step_um: float,
    rng: np.random.Generator,
    *,
    rise: float = 0.0,
) -> Points:
    """Grow a curve whose direction forgets itself over a persistence length.

    Parameters
    ----------
    start_um
        Position (z, y, x).
    heading_rad
        First direction in the plane, 0 along x.
    rise
        Standard deviation of the slope along z.

    Returns
    -------
    ndarray
        Shape ``(S, 3)``, positions every ``step_um``.
    """
    steps = max(1, round(length_um / step_um))
    # Bending is smooth over a part of the persistence length: real filaments have no kinks. A filter of
    # unit sum keeps the diffusion of the direction, and so the persistence length. Kicks beyond both ends
    # feed the filter, or its border would bend short curves into circles.
    smooth = max(min(0.06 * persistence_um, length_um) / step_um, 1.0)
    beyond = int(np.ceil(4 * smooth))
    kicks = rng.normal(0.0, np.sqrt(step_um / persistence_um), steps + 2 * beyond)
    kicks = ndimage.gaussian_filter1d(kicks, smooth)[beyond : beyond + steps]
    headings = heading_rad + np.cumsum(kicks)
    slope = np.cumsum(rng.normal(0.0, 1.0, steps)) * rise / np.sqrt(steps)
    moves = np.stack([slope, np.sin(headings), np.cos(headings)], axis=1) * step_um
    return np.concatenate([start_um[None], start_um + np.cumsum(moves, axis=0)])


def splat(field: Field, points_um: Points, weights: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Spread weighted points onto the grid, linearly to the nearest grid points.

    Parameters
    ----------
    points_um
        Shape ``(N, 3)``; points outside the field are left out.
    weights
        Shape ``(N,)``.

    Returns
    -------
    ndarray
        The field's shape.
    """
    axes = slice(3 - len(field.shape), 3)
    at = points_um[:, axes] / np.asarray(field.spacing_um[axes]) - 0.5
    low = np.floor(at).astype(int)
    part = at - low
    flat = np.zeros(int(np.prod(field.shape)))
    limits = np.asarray(field.shape)
    for corner in np.ndindex(*(2,) * len(field.shape)):
        place = low + corner
        inside = np.all((place >= 0) & (place < limits), axis=1)
        share = np.prod(np.where(np.asarray(corner) == 1, part, 1 - part), axis=1) * weights
        index = np.ravel_multi_index(tuple(place[inside].T), field.shape)
        flat += np.bincount(index, weights=share[inside], minlength=flat.size)
    return flat.reshape(field.shape)


def splat_curves(
    field: Field, curves: Sequence[tuple[Points, NDArray[np.floating[Any]]]]
) -> NDArray[np.float64]:
    """Spread curves, each with a weight for each of its positions, onto the grid; see `splat`."""
    if not curves:
        return np.zeros(field.shape)
    points, weights = zip(*curves, strict=True)
    return splat(field, np.concatenate(points), np.concatenate(weights))


def blur_um(field: Field, image: NDArray[np.floating[Any]], sigma_um: float) -> NDArray[np.float64]:
    """Blur evenly in all directions by a Gaussian of a width in um."""
    sigmas = [sigma_um / spacing for spacing in field.spacing_um[3 - len(field.shape) :]]
    return np.asarray(ndimage.gaussian_filter(image.astype(float), sigmas, mode="reflect"))


def smooth_noise(field: Field, correlation_um: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw Gaussian noise of mean 0 and variance 1 that is smooth over a length."""
    noise = blur_um(field, rng.standard_normal(field.shape), correlation_um)
    return np.asarray((noise - noise.mean()) / max(float(noise.std()), 1e-12))


def to_photons(image: NDArray[np.floating[Any]], peak_photons: float, percentile: float = 99.5) -> Float32:
    """Scale so that a high percentile of the structure holds ``peak_photons`` a pixel.

    The percentile is taken over pixels above a hundredth of the maximum, so that the emptiness
    around sparse structures does not count.
    """
    require_range("The peak in photons", peak_photons, 0.0, 1e9)
    top = float(image.max(initial=0.0))
    if top <= 0:
        return np.zeros(image.shape, dtype=np.float32)
    level = float(np.percentile(image[image > top / 100], percentile))
    return np.asarray(np.maximum(image, 0) * (peak_photons / level), dtype=np.float32)
