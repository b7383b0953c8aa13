"""Grey levels of two images along one line, in world units, and the table of them."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, Task
from napari_restoration.tasks.comparison_lattice import Lattice

Array = npt.NDArray[Any]

_MOST_SAMPLES = 4096
_FEWEST_SAMPLES = 2


@dataclass(frozen=True, eq=False)
class Look:
    """One image, the plane of it that is looked at, and where that plane lies.

    Parameters
    ----------
    image : CalibratedImage
        Without colours.
    at : mapping of str to int
        Position of the plane along T, Z and C.
    lattice : Lattice
        Of the plane, in the world units of the line.
    """

    image: CalibratedImage
    at: Mapping[str, int]
    lattice: Lattice


@dataclass(frozen=True, eq=False)
class Profile:
    """Grey levels along a line.

    Attributes
    ----------
    distance
        ``(n,)`` from the line's start, in `unit`.
    points
        ``(n, 2)`` places (y, x) in the world, in `unit`.
    values
        One ``(n,)`` array an image; NaN beyond its edges.
    names
        Of the images.
    unit
        Of lengths, such as ``"um"`` or ``"px"``.
    """

    distance: Array
    points: Array
    values: tuple[Array, ...]
    names: tuple[str, ...]
    unit: str


def iter_profile(
    looks: Sequence[Look], start: tuple[float, float], end: tuple[float, float], *, width_px: int, unit: str
) -> Task[Profile]:
    """Read several images along one line.

    Samples stand one finest pixel apart (further where that would be more than 4096), the same for all images, with
    linear interpolation between pixels. Only the pixels around the line are read.

    Parameters
    ----------
    looks : sequence of Look
        The images.
    start, end : tuple of float
        Ends (y, x) of the line in world units.
    width_px : int
        Averaged over so many parallel lines, one finest pixel apart.
    unit : str
        Of the world.

    Returns
    -------
    Profile
        What is seen along the line.
    """
    step = min(look.lattice.pixel_side for look in looks)
    points, distance, across = _points(np.array(start, float), np.array(end, float), step)
    shifts = (np.arange(width_px) - (width_px - 1) / 2) * step
    values = []
    for number, look in enumerate(looks):
        yield Progress(done=number, total=len(looks))
        lines = points[None] + shifts[:, None, None] * across
        values.append(_mean_of_lines(sample_points(look, lines.reshape(-1, 2)).reshape(width_px, -1)))
    return Profile(distance, points, tuple(values), tuple(look.image.name for look in looks), unit)


def sample_points(look: Look, points: Array) -> Array:
    """Grey levels at ``(n, 2)`` world points, linear between pixels; NaN beyond the image."""
    image = look.image
    places = look.lattice.pixels_at(points)
    lengths = np.array([image.size_of("Y"), image.size_of("X")])
    inside = np.all((places >= -0.5) & (places <= lengths - 0.5), axis=1)
    values = np.full(len(points), np.nan)
    if not inside.any():
        return values
    low = np.clip(np.floor(places[inside].min(axis=0)).astype(int), 0, lengths - 1)
    high = np.clip(np.ceil(places[inside].max(axis=0)).astype(int) + 1, low + 1, lengths)
    rows, columns = slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))
    parts = {"Y": rows, "X": columns}
    index = tuple(
        parts[axis] if axis in parts else min(look.at.get(axis, 0), image.size_of(axis) - 1)
        for axis in image.axes
    )
    window = np.asarray(image.data[index])
    if image.axes.index("X") < image.axes.index("Y"):
        window = window.T
    values[inside] = _between_pixels(window, places[inside] - low)
    return values


def _between_pixels(window: Array, places: Array) -> Array:
    """Linear interpolation at ``(n, 2)`` places; only the four neighbours of each are touched."""
    most = np.array(window.shape) - 1
    first = np.clip(np.floor(places).astype(int), 0, np.maximum(most - 1, 0))
    second = np.minimum(first + 1, most)
    share = np.clip(places - first, 0.0, 1.0)
    (top, left), (bottom, right) = first.T, second.T
    down, aside = share.T
    upper = window[top, left] * (1 - aside) + window[top, right] * aside
    lower = window[bottom, left] * (1 - aside) + window[bottom, right] * aside
    return np.asarray(upper * (1 - down) + lower * down)


def profile_table(profile: Profile) -> str:
    """A profile as comma-separated values: distance, place, and a column for each image."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    unit = profile.unit
    writer.writerow([f"distance_{unit}", f"y_{unit}", f"x_{unit}", *profile.names])
    for number, distance in enumerate(profile.distance):
        y, x = profile.points[number]
        levels = [values[number] for values in profile.values]
        writer.writerow(
            [
                f"{distance:.6g}",
                f"{y:.6g}",
                f"{x:.6g}",
                *("" if math.isnan(v) else f"{v:.6g}" for v in levels),
            ]
        )
    return text.getvalue()


def _points(start: Array, end: Array, step: float) -> tuple[Array, Array, Array]:
    """Places along a line, their distances, and the unit vector across it."""
    length = float(np.hypot(*(end - start)))
    count = int(np.clip(round(length / step) + 1, _FEWEST_SAMPLES, _MOST_SAMPLES))
    shares = np.linspace(0.0, 1.0, count)
    along = (end - start) / length if length > 0 else np.array([0.0, 1.0])
    return start + shares[:, None] * (end - start), shares * length, np.array([-along[1], along[0]])


def _mean_of_lines(lines: Array) -> Array:
    known = np.isfinite(lines)
    count = known.sum(axis=0)
    total = np.where(known, lines, 0.0).sum(axis=0)
    return np.asarray(np.divide(total, count, out=np.full(lines.shape[1], np.nan), where=count > 0))
