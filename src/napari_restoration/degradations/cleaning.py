"""Cleaning of the good image before it is degraded: noise of its own must not become part of the truth.

Both filters take the darkest grey level around a pixel, in discs of the sizes that ImageJ's rank filters use.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, isqrt
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_restoration.core.quantity import quantity
from napari_restoration.degradations.base import Float, Step


def disc_rows(radius_px: float) -> list[tuple[int, int]]:
    """Return the rows of an ImageJ disc: how far each reaches to the left and right of the middle column.

    A pixel belongs to the disc if the square of its distance is at most ``floor(radius^2) + 1``; radii from 1.5 below
    1.75 count as 1.75, and from 2.5 below 2.85 as 2.85. Radius 0.5 is a cross of 5 pixels, 1 a square of 9, 1.5 has 13,
    2 has 21, 2.5 has 29, 3 has 37 and 4 has 57. A larger radius never has fewer pixels. Radius 0 is the pixel itself,
    unlike in ImageJ.

    Parameters
    ----------
    radius_px
        Radius in pixels, at least 0.

    Returns
    -------
    list of tuple of int
        ``(row, half_width)`` for each row, 0 being the middle.
    """
    if radius_px == 0:
        return [(0, 0)]
    for least, radius in ((1.5, 1.75), (2.5, 2.85)):
        if least <= radius_px < radius:
            radius_px = radius
    square = floor(radius_px**2) + 1
    tallest = isqrt(square)
    return [(row, isqrt(square - row**2)) for row in range(-tallest, tallest + 1)]


@dataclass(frozen=True, kw_only=True)
class MinimumFilter(Step):
    """Give each pixel the darkest grey level of a disc around it (grey erosion); input and target alike.

    It removes bright noise and thins bright structures; `Opening` keeps their width. Pixels outside of the image and
    pixels that are not numbers do not count; the latter stay so.

    Attributes
    ----------
    radius_px
        Radius of the disc, see `disc_rows`; 0 leaves the image as it is.
    background
        Grey level to subtract afterwards, with 0 for what was darker; ``None`` leaves the background.
    """

    kind: ClassVar[str] = "minimum_filter"
    title: ClassVar[str] = "Minimum filter"
    stage: ClassVar[int] = 0

    radius_px: float = quantity(
        0.5, "radius", "px", low=0.0, high=50.0,
        help="Each pixel of the good image becomes the darkest within this radius: removes noise, thins structures.",
    )  # fmt: skip
    background: float | None = quantity(
        None, "background", "grey levels", low=0.0, high=1e12, none_means="kept",
        help="Grey level of the good image that is black; it is subtracted, and what is darker becomes 0.",
    )  # fmt: skip

    def reach_px(self) -> tuple[int, int]:
        """Return how far the disc reaches along (Y, X)."""
        reach = disc_rows(self.radius_px)[-1][0]
        return reach, reach

    def expectation(self, image: Float) -> Float:
        """Filter the planes of ``(..., Y, X)``; float64 for float64 images, else float32, same shape."""
        cleaned = _by_disc(image, self.radius_px, (False,))
        if self.background is None:
            return cleaned
        return np.asarray(np.maximum(cleaned - cleaned.dtype.type(self.background), 0))

    def target(self, image: Float) -> Float:
        """Filter the target like the input: it is the truth that is cleaned."""
        return self.expectation(image)


@dataclass(frozen=True, kw_only=True)
class Opening(Step):
    """Remove bright detail smaller than a disc and keep the rest (grey opening); input and target alike.

    The darkest grey level of a disc around each pixel, then the brightest of that in the same disc. Pixels outside of
    the image and pixels that are not numbers do not count; the latter stay so.

    Attributes
    ----------
    radius_px
        Radius of the disc, see `disc_rows`; 0 leaves the image as it is.
    """

    kind: ClassVar[str] = "opening"
    title: ClassVar[str] = "Opening"
    stage: ClassVar[int] = 0

    radius_px: float = quantity(
        0.5, "radius", "px", low=0.0, high=50.0,
        help="Bright specks of the good image that are smaller than this disc vanish; wider structures stay as wide.",
    )  # fmt: skip

    def reach_px(self) -> tuple[int, int]:
        """Return how far two discs in a row reach along (Y, X)."""
        reach = 2 * disc_rows(self.radius_px)[-1][0]
        return reach, reach

    def expectation(self, image: Float) -> Float:
        """Filter the planes of ``(..., Y, X)``; float64 for float64 images, else float32, same shape."""
        return _by_disc(image, self.radius_px, (False, True))

    def target(self, image: Float) -> Float:
        """Filter the target like the input: it is the truth that is cleaned."""
        return self.expectation(image)


def _by_disc(image: Float, radius_px: float, brightest: tuple[bool, ...]) -> Float:
    """Filter by the extremes of a disc, one after another; pixels that are not numbers are left out of each."""
    image = np.asarray(image)
    image = image if image.dtype == np.float64 else image.astype(np.float32)
    if radius_px == 0:
        return image
    missing = np.isnan(image)
    for bright in brightest:
        image = _extreme(np.where(missing, -np.inf if bright else np.inf, image), radius_px, bright)
    return np.asarray(np.where(missing, image.dtype.type(np.nan), image))


def _extreme(image: Float, radius_px: float, bright: bool) -> Float:
    """Return the maximum or minimum over a disc, from those over its rows: the effort grows with the radius only."""
    lines, better = (
        (ndimage.maximum_filter1d, np.maximum) if bright else (ndimage.minimum_filter1d, np.minimum)
    )
    outside = -np.inf if bright else np.inf
    result = np.full_like(image, outside)
    filtered: dict[int, NDArray[Any]] = {}
    for row, half in disc_rows(radius_px):
        if half not in filtered:
            filtered[half] = lines(image, 2 * half + 1, axis=-1, mode="constant", cval=outside)
        line, rows = filtered[half], image.shape[-2]
        if abs(row) < rows:
            into = result[..., max(-row, 0) : rows - max(row, 0), :]
            better(into, line[..., max(row, 0) : rows - max(-row, 0), :], out=into)
    return result
