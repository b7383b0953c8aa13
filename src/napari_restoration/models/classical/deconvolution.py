"""Classical methods against blur: Richardson-Lucy, sparse gradients (L0), Wiener, and the mean of a burst."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from napari_restoration.core.quantity import quantity
from napari_restoration.models.card import WHOLE_IMAGE_OVERLAP
from napari_restoration.models.classical.method import Method, OfMicroscope, OfMotion

if TYPE_CHECKING:
    from napari_restoration.models.classical.kernels import Kernel, Plane

LARGEST_SEAM = 1e-4
"""Measured differences of Richardson-Lucy's tiles to the whole plane stay below this share of the range."""
# How many widths of the blur the influence reaches until it falls below that, by kind of blur and iterations; measured
# for widths of 0.7 to 9 px and 20 to 400 iterations. A line's sharp ends carry it furthest.
_WIDTHS: Mapping[str, Callable[[int], float]] = {
    "gaussian": lambda iterations: 4 + 2.4 * math.log1p(iterations),
    "microscope": lambda iterations: 6 + math.sqrt(iterations),
    "line": lambda iterations: 1 + 3.4 * math.sqrt(iterations),
}
# Darker pixels are lifted to this share of the range before the first iteration: from zero nothing can grow.
_FLOOR = 1e-3


def _dark_level() -> Any:
    return quantity(
        None, "dark level", "grey levels", low=-1e12, high=1e12, none_means="the image's darkest pixels", advanced=True,
        help="Grey level without any light, such as the camera's offset; what lies below it counts as no light.",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class RichardsonLucyBase(Method):
    """Richardson-Lucy iterations: the most likely image for shot noise, never negative, of the input's total light.

    Normalised intensities are light above the dark level: 0 is the dark level, and what is below it becomes 0.
    """

    bytes_a_pixel: ClassVar[int] = 80

    iterations: int = quantity(
        20, "iterations", form="whole", low=1, high=500,
        help="More iterations give sharper detail and stronger noise.",
    )  # fmt: skip
    variation: float = quantity(
        0.005, "total variation", low=0.0, high=0.05,
        help="Keeps noise from growing: 0 is plain Richardson-Lucy, 0.005 usual, more gives flat patches.",
    )  # fmt: skip
    dark_level: float | None = _dark_level()

    def reach(self, width_px: float, half_px: int) -> tuple[int, int, float | None]:
        """As far as the measured influence, which grows with the iterations."""
        farthest = min(self.iterations * (2 * half_px + (self.variation > 0)), 100_000)
        psf = getattr(self, "psf", "line")  # of the classes below
        halo = math.ceil(width_px * _WIDTHS[psf](self.iterations)) + 4
        return (farthest, farthest, None) if halo >= farthest else (halo, farthest, LARGEST_SEAM)

    def __call__(self, plane: Plane, kernel: Kernel) -> Plane:
        """Deconvolve."""
        import numpy as np

        from napari_restoration.models.classical.richardson_lucy import RichardsonLucy

        light = np.maximum(plane, 0)[None]
        method = RichardsonLucy(light, kernel[None], floor=_FLOOR, variation=self.variation)
        return method.after(int(self.iterations))


@dataclass(frozen=True, kw_only=True)
class L0Base(Method):
    """The sharp image with the fewest edges that, blurred, gives the input."""

    whole_image: ClassVar[bool] = True
    bytes_a_pixel: ClassVar[int] = 160

    weight: float = quantity(
        4e-3, "price of an edge", low=1e-5, high=1.0, logarithmic=True,
        help="Larger values keep fewer edges and flatten more; 0.004 is usual.",
    )  # fmt: skip

    def reach(self, width_px: float, half_px: int) -> tuple[int, int, float | None]:
        """Sees the whole plane."""
        halo = max(WHOLE_IMAGE_OVERLAP, 4 * half_px)
        return halo, halo, None

    def __call__(self, plane: Plane, kernel: Kernel) -> Plane:
        """Deconvolve."""
        from napari_restoration.models.classical.inverse import l0_gradient

        return l0_gradient(plane, kernel, self.weight)


@dataclass(frozen=True, kw_only=True)
class RichardsonLucyRefocus(RichardsonLucyBase, OfMicroscope):
    """Richardson-Lucy of single images."""


@dataclass(frozen=True, kw_only=True)
class RichardsonLucyDeblur(RichardsonLucyBase, OfMotion):
    """Richardson-Lucy of a burst's mean."""


@dataclass(frozen=True, kw_only=True)
class L0Refocus(L0Base, OfMicroscope):
    """Sparse gradients of single images."""


@dataclass(frozen=True, kw_only=True)
class L0Deblur(L0Base, OfMotion):
    """Sparse gradients of a burst's mean."""


@dataclass(frozen=True, kw_only=True)
class Wiener(OfMicroscope):
    """The linear filter that undoes a blur where noise allows it."""

    whole_image: ClassVar[bool] = True
    bytes_a_pixel: ClassVar[int] = 100

    balance: float = quantity(
        0.01, "smoothness", low=1e-6, high=100.0, logarithmic=True,
        help="Larger values give less noise and less detail.",
    )  # fmt: skip

    def reach(self, width_px: float, half_px: int) -> tuple[int, int, float | None]:
        """Sees the whole plane."""
        halo = max(WHOLE_IMAGE_OVERLAP, 4 * half_px)
        return halo, halo, None

    def __call__(self, plane: Plane, kernel: Kernel) -> Plane:
        """Deconvolve."""
        from napari_restoration.models.classical.inverse import wiener

        return wiener(plane, kernel, self.balance)


@dataclass(frozen=True, kw_only=True)
class FrameMean(Method):
    """The mean of a burst's aligned frames."""

    frames: ClassVar[int | None] = 5

    def reach(self, width_px: float, half_px: int) -> tuple[int, int, float | None]:
        """Each pixel by itself."""
        return 0, 0, None

    def __call__(self, plane: Plane, kernel: Kernel) -> Plane:
        """The mean is taken already."""
        return plane
