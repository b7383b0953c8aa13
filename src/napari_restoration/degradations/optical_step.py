"""What all blurs by a known or measured PSF share: their kernels, where they act, and the meaning of their fields."""

from __future__ import annotations

from abc import abstractmethod
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import quantity
from napari_restoration.degradations.base import Float, Step
from napari_restoration.degradations.convolution import Boundary, convolve

Kernel = NDArray[np.float64]

_FARTHEST_PX = 500


class OpticalStep(Step):
    """A blur whose kernel is a PSF, in planes or in volumes.

    Not a dataclass of its own: each step declares the fields below in the order that suits its form.
    """

    stage: ClassVar[int] = 2

    pixel_size_um: float
    z_step_um: float | None
    boundary: Boundary

    def kernel(self) -> Kernel:
        """Return the PSF: shape ``(h, w)``, or ``(d, h, w)`` with a z step; odd lengths, unit sum, read-only.

        Raises
        ------
        InputError
            If it is too large to be computed.
        """
        half = self.reach_px()[-1]
        if half > _FARTHEST_PX:
            raise InputError(
                f"The PSF reaches {half} pixels from its middle, but at most {_FARTHEST_PX} can be computed; "
                "use a smaller defocus, depth or half depth, or check the pixel size."
            )
        return _remembered(self)

    @abstractmethod
    def make_kernel(self) -> Kernel:
        """Compute the PSF; `kernel` remembers the last few."""

    @abstractmethod
    def reach_px(self) -> tuple[int, ...]:
        """Half widths of the kernel along (Y, X), or (Z, Y, X) with a z step, known before it is computed."""

    def expectation(self, image: Float) -> Float:
        """Blur the planes of ``(..., Y, X)``, or with a z step the volumes of ``(..., Z, Y, X)``.

        Raises
        ------
        InputError
            If a volume is asked for and the image has fewer than three axes.
        """
        if self.z_step_um is not None and image.ndim < 3:
            raise InputError(
                f"The {self.title.lower()} is set to a z step of {self.z_step_um:g} um, but the image has no Z axis; "
                "leave the z step out for a single plane."
            )
        return convolve(image, self.kernel(), self.boundary)


@lru_cache(maxsize=8)
def _remembered(step: OpticalStep) -> Kernel:
    kernel = step.make_kernel()
    kernel.setflags(write=False)
    return kernel


def na_quantity(default: float) -> Any:
    """Declare a numerical aperture."""
    return quantity(
        default, "numerical aperture", low=0.01, high=1.99,
        help="The NA engraved on the objective; the larger, the finer the detail and the thinner the focus.",
    )  # fmt: skip


def index_quantity(default: float) -> Any:
    """Declare the refractive index of the immersion medium."""
    return quantity(
        default, "immersion index", low=1.0, high=2.0,
        help="Refractive index between objective and coverslip: air 1.0, water 1.33, glycerol 1.47, oil 1.518.",
    )  # fmt: skip


def wavelength_quantity(default: float, label: str = "emission wavelength") -> Any:
    """Declare a wavelength."""
    return quantity(
        default, label, "um", low=0.1, high=2.0,
        help="Colour of the light in vacuum; green fluorescence is near 0.52 um.",
        if_too_high="Nanometres? 520 nm are 0.52 um.",
    )  # fmt: skip


def pixel_size_quantity(default: float) -> Any:
    """Declare the image's pixel size."""
    return quantity(
        default, "pixel size", "um", low=1e-4, high=100.0, logarithmic=True,
        help="Side of an image pixel in the specimen: the camera's pixel divided by the magnification.",
        if_too_high="Nanometres? 65 nm are 0.065 um.",
    )  # fmt: skip


def z_step_quantity() -> Any:
    """Declare the distance of planes, which makes a blur three-dimensional."""
    return quantity(
        None, "z step", "um", low=1e-3, high=1e3, none_means="plane by plane",
        help="Distance of the planes; with it light spreads between planes, without it each is blurred by itself.",
    )  # fmt: skip


def half_depth_quantity() -> Any:
    """Declare the depth of a three-dimensional PSF."""
    return quantity(
        None, "half depth of the PSF", "um", low=0.0, high=1e4, none_means="twice the depth of focus", advanced=True,
        help="How far the PSF reaches above and below focus in volumes; beyond it blur is left out.",
    )  # fmt: skip


def defocus_quantity() -> Any:
    """Declare a defocus."""
    return quantity(
        0.0, "defocus", "um", low=-1e4, high=1e4,
        help="How much farther from the objective the object lies than the plane in focus.",
    )  # fmt: skip


def integrate_quantity() -> Any:
    """Declare whether the pixel's area is part of a PSF."""
    return quantity(
        True, "include the pixel's area", form="switch", advanced=True,
        help="Right for an object drawn as points; leave it out for an image from a camera, or if binning follows.",
    )  # fmt: skip


def boundary_quantity() -> Any:
    """Declare what lies beyond the image's border."""
    return quantity(
        "reflect", "beyond the border", advanced=True,
        choices={"reflect": "mirror the image", "circular": "wrap around"},
        help="What light is assumed to come from outside the image.",
    )  # fmt: skip


def refuse_defocused_volume(defocus_um: float, z_step_um: float | None) -> None:
    """Raise `InputError` for a defocus in a volume, where the planes themselves are out of focus by their distance."""
    if z_step_um is not None and defocus_um != 0:
        raise InputError(
            f"The defocus is {defocus_um:g} um, but a volume has a plane in focus for each object; "
            "set it to 0, or leave the z step out."
        )
