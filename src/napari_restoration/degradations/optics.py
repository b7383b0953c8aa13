"""Blur by the microscope's optics, as steps of a forward model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from napari_restoration.degradations import psf
from napari_restoration.degradations.base import Float, Step, require_range
from napari_restoration.degradations.convolution import Boundary, convolve

OpticalModel = Literal["gaussian", "airy", "debye", "disc"]


@dataclass(frozen=True, kw_only=True)
class GaussianBlur(Step):
    """Gaussian blur of a given width in pixels, for images of unknown optics.

    Attributes
    ----------
    sigma_px
        Standard deviation in pixels; 0 leaves the image as it is.
    """

    kind: ClassVar[str] = "gaussian_blur"
    stage: ClassVar[int] = 2

    sigma_px: float = 1.0
    boundary: Boundary = "reflect"

    def __post_init__(self) -> None:
        require_range("The standard deviation in pixels", self.sigma_px, 0.0, 1e3)

    def expectation(self, image: Float) -> Float:
        """Blur the planes of ``(..., Y, X)``."""
        if self.sigma_px == 0:
            return image
        return convolve(image, psf.gaussian_psf(self.sigma_px, integrate=False), self.boundary)


@dataclass(frozen=True, kw_only=True)
class OpticalBlur(Step):
    """Blur by a widefield objective, in or out of focus.

    Attributes
    ----------
    model
        ``"debye"`` (scalar pupil), ``"airy"`` (in focus only), ``"gaussian"`` (fit to Airy, widened
        by defocus) or ``"disc"`` (geometric defocus, softened by that Gaussian).
    na, index
        Numerical aperture and refractive index of the immersion medium.
    wavelength_um
        Emission wavelength.
    pixel_size_um
        Pixel size of the image that is blurred.
    defocus_um
        Distance from the focal plane.
    integrate
        Include the integration over the pixel's area. Right for an object drawn as points; leave
        it out for an image that a camera took, or when a binning step follows.
    """

    kind: ClassVar[str] = "optical_blur"
    stage: ClassVar[int] = 2

    model: OpticalModel = "debye"
    na: float = 0.75
    index: float = 1.0
    wavelength_um: float = 0.52
    pixel_size_um: float = 0.2
    defocus_um: float = 0.0
    integrate: bool = True
    boundary: Boundary = "reflect"

    def __post_init__(self) -> None:
        require_range("The wavelength in um", self.wavelength_um, 0.1, 2.0)
        require_range("The pixel size in um", self.pixel_size_um, 1e-6, 1e3)
        psf.defocus_radius_um(self.na, self.index, self.defocus_um)
        if self.model not in ("gaussian", "airy", "debye", "disc"):
            raise ValueError(f"The PSF is {self.model!r}, but must be 'gaussian', 'airy', 'debye' or 'disc'.")
        if self.model == "airy" and self.defocus_um != 0:
            raise ValueError("An Airy pattern is in focus: use 'debye', 'gaussian' or 'disc' for a defocus.")

    def kernel(self) -> NDArray[np.floating[Any]]:
        """Return the PSF, shape ``(2 * half + 1, 2 * half + 1)``, unit sum."""
        if self.model == "debye":
            return psf.debye_psf(
                self.na,
                self.index,
                self.wavelength_um,
                self.pixel_size_um,
                self.defocus_um,
                integrate=self.integrate,
            )
        if self.model == "airy":
            return psf.airy_psf(self.na, self.wavelength_um, self.pixel_size_um, integrate=self.integrate)
        sigma_um = psf.gaussian_sigma_um(self.na, self.wavelength_um)
        radius_um = psf.defocus_radius_um(self.na, self.index, self.defocus_um)
        if self.model == "disc":
            return psf.defocus_disc_psf(
                radius_um / self.pixel_size_um, sigma_px=sigma_um / self.pixel_size_um
            )
        # A uniform disc of radius R has variance R^2 / 4 along each axis.
        widened = float(np.hypot(sigma_um, radius_um / 2.0))
        return psf.gaussian_psf(widened / self.pixel_size_um, integrate=self.integrate)

    def expectation(self, image: Float) -> Float:
        """Blur the planes of ``(..., Y, X)``."""
        return convolve(image, self.kernel(), self.boundary)
