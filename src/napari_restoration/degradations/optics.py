"""Blur by a widefield microscope's optics, as steps of a forward model."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import quantity
from napari_restoration.degradations import psf
from napari_restoration.degradations.base import Float, Step
from napari_restoration.degradations.convolution import Boundary, convolve
from napari_restoration.degradations.objective import (
    Objective,
    objective_psf,
    objective_psf_stack,
    reach_px,
    stack_half_width_px,
)
from napari_restoration.degradations.optical_step import (
    Kernel,
    OpticalStep,
    boundary_quantity,
    defocus_quantity,
    half_depth_quantity,
    index_quantity,
    integrate_quantity,
    na_quantity,
    pixel_size_quantity,
    refuse_defocused_volume,
    wavelength_quantity,
    z_step_quantity,
)
from napari_restoration.degradations.psf_stack import (
    default_half_depth_um,
    defoci_um,
    gaussian_psf_stack,
    stacked,
    through_focus,
)
from napari_restoration.degradations.zernike import checked_waves

OpticalModel = Literal["gaussian", "airy", "debye", "disc", "sim"]


@dataclass(frozen=True, kw_only=True)
class GaussianBlur(Step):
    """Gaussian blur of a given width in pixels, for images of unknown optics.

    Attributes
    ----------
    sigma_px
        Standard deviation in pixels; 0 leaves the planes as they are.
    sigma_z_px
        The same along Z, in planes; ``None`` for plane by plane.
    """

    kind: ClassVar[str] = "gaussian_blur"
    title: ClassVar[str] = "Gaussian blur"
    stage: ClassVar[int] = 2

    sigma_px: float = quantity(
        1.0, "standard deviation", "px", low=0.0, high=1e3,
        help="Width of the blur: a point becomes a Gaussian whose full width at half maximum is 2.35 times this.",
    )  # fmt: skip
    sigma_z_px: float | None = quantity(
        None, "standard deviation along z", "planes", low=0.0, high=1e3, none_means="plane by plane", advanced=True,
        help="Width of the blur across planes.",
    )  # fmt: skip
    boundary: Boundary = boundary_quantity()  # noqa: RUF009

    def kernel(self) -> Kernel:
        """Return the PSF, shape ``(h, w)``, or ``(d, h, w)`` with a width along z; unit sum."""
        if self.sigma_z_px is None:
            return psf.gaussian_psf(self.sigma_px, integrate=False)
        return psf.gaussian_psf((self.sigma_z_px, self.sigma_px, self.sigma_px), integrate=False)

    def reach_px(self) -> tuple[int, ...]:
        """Half widths of the kernel along (Y, X), or (Z, Y, X)."""
        sigmas = (self.sigma_px,) * 2 if self.sigma_z_px is None else (self.sigma_z_px, *(self.sigma_px,) * 2)
        return tuple(math.ceil(4.0 * sigma) for sigma in sigmas)

    def expectation(self, image: Float) -> Float:
        """Blur the planes of ``(..., Y, X)``, or the volumes of ``(..., Z, Y, X)``."""
        if self.sigma_px == 0 and not self.sigma_z_px:
            return image
        if self.sigma_z_px is not None and image.ndim < 3:
            raise InputError(
                "The image has no Z axis to blur along; leave out the standard deviation along z."
            )
        return convolve(image, self.kernel(), self.boundary)


@dataclass(frozen=True, kw_only=True)
class OpticalBlur(OpticalStep):
    """Blur by a widefield objective, in or out of focus.

    Attributes
    ----------
    model
        ``"debye"`` (scalar pupil), ``"airy"`` (in focus only), ``"gaussian"`` (fit to Airy, widened
        by defocus), ``"disc"`` (geometric defocus, softened by that Gaussian) or ``"sim"`` (in focus, with the
        doubled cut-off of structured illumination).
    na, index
        Numerical aperture and refractive index of the immersion medium.
    wavelength_um
        Emission wavelength.
    pixel_size_um
        Pixel size of the image that is blurred.
    z_step_um
        Distance of the planes of a volume; ``None`` blurs plane by plane.
    defocus_um
        Distance from the focal plane; in volumes 0.
    spherical_waves, coma_waves, astigmatism_waves
        Wavefront errors, rms in wavelengths, of the model ``"debye"``: Noll's polynomials 11, 8 (tail along x)
        and 6 (axes along x and y).
    apodised
        Weight the rays as an aplanatic objective does (``"debye"``).
    half_depth_um
        How far a volume's PSF reaches above and below focus.
    integrate
        Include the integration over the pixel's area. Right for an object drawn as points; leave
        it out for an image that a camera took, or when a binning step follows.
    """

    kind: ClassVar[str] = "optical_blur"
    title: ClassVar[str] = "Widefield blur"

    model: OpticalModel = quantity(  # noqa: RUF009
        "debye", "PSF",
        choices={
            "debye": "Pupil (Debye)", "gaussian": "Gaussian", "airy": "Airy, in focus",
            "disc": "Geometric disc", "sim": "Structured illumination, in focus",
        },
        help="The pupil is the most faithful; the Gaussian and the disc are quick and smooth.",
    )  # fmt: skip
    na: float = na_quantity(0.75)
    index: float = index_quantity(1.0)
    wavelength_um: float = wavelength_quantity(0.52)
    pixel_size_um: float = pixel_size_quantity(0.2)
    z_step_um: float | None = z_step_quantity()
    defocus_um: float = defocus_quantity()
    spherical_waves: float = quantity(
        0.0, "spherical aberration", "waves", low=-2.0, high=2.0, advanced=True,
        help="Rms wavefront error, as from a wrong coverslip: blur differs above and below focus.",
    )  # fmt: skip
    coma_waves: float = quantity(
        0.0, "coma", "waves", low=-2.0, high=2.0, advanced=True,
        help="Rms wavefront error, as from a tilted coverslip: points grow a tail along x.",
    )  # fmt: skip
    astigmatism_waves: float = quantity(
        0.0, "astigmatism", "waves", low=-2.0, high=2.0, advanced=True,
        help="Rms wavefront error: points are long along x on one side of focus and along y on the other.",
    )  # fmt: skip
    apodised: bool = quantity(
        False, "aplanatic weights", form="switch", advanced=True,
        help="Oblique rays count more, as in a well-corrected objective of high NA.",
    )  # fmt: skip
    half_depth_um: float | None = half_depth_quantity()
    integrate: bool = integrate_quantity()
    boundary: Boundary = boundary_quantity()  # noqa: RUF009

    def __post_init__(self) -> None:
        super().__post_init__()
        psf.defocus_radius_um(self.na, self.index, self.defocus_um)
        refuse_defocused_volume(self.defocus_um, self.z_step_um)
        if self.model in ("airy", "sim") and (self.defocus_um != 0 or self.z_step_um is not None):
            name = "An Airy pattern" if self.model == "airy" else "The pattern of structured illumination"
            raise InputError(
                f"{name} is in focus: use 'debye', 'gaussian' or 'disc' for a defocus or a volume."
            )
        if self.model == "sim" and self.wavelength_um < 0.2:
            raise InputError(
                f"The emission wavelength is {self.wavelength_um:g} um, but must be at least 0.2 um for 'sim'."
            )
        if self.model != "debye" and (self._objective.waves or self.apodised):
            raise InputError(
                f"Aberrations and aplanatic weights need the PSF 'debye', but it is {self.model!r}; "
                "set them to 0, or change the PSF."
            )

    @property
    def _objective(self) -> Objective:
        waves = ((11, self.spherical_waves), (8, self.coma_waves), (6, self.astigmatism_waves))
        return Objective(
            na=self.na, index=self.index, wavelength_um=self.wavelength_um, waves=checked_waves(waves),
            apodised=self.apodised,
        )  # fmt: skip

    @property
    def _half_planes(self) -> int:
        assert self.z_step_um is not None
        depth_um = self.half_depth_um
        if depth_um is None:
            depth_um = default_half_depth_um(self.na, self.index, self.wavelength_um)
        return reach_px(depth_um, self.z_step_um)

    def reach_px(self) -> tuple[int, ...]:
        """Half widths of the kernel along (Y, X), or (Z, Y, X) with a z step, known before it is computed."""
        if self.z_step_um is not None:
            depth_um = self._half_planes * self.z_step_um
            half = stack_half_width_px(self._objective, self.pixel_size_um, depth_um)
            return (self._half_planes, half, half)
        sigma_um, radius_um, widened_um = self._gaussian_um(self.defocus_um)
        if self.model == "gaussian":
            half = math.ceil(4.0 * (widened_um / self.pixel_size_um))
        elif self.model == "disc":
            half = math.ceil(radius_um / self.pixel_size_um + 4.0 * (sigma_um / self.pixel_size_um))
        else:
            finer = 2.0 if self.model == "sim" else 1.0
            half = reach_px(self._objective.reach_um(self.defocus_um) / finer, self.pixel_size_um)
        return (half, half)

    def make_kernel(self) -> Kernel:
        """Compute the PSF, shape ``(h, w)``, or ``(d, h, w)`` with a z step."""
        if self.z_step_um is not None:
            return self._stack(self.z_step_um)
        optics = (self.na, self.wavelength_um, self.pixel_size_um)
        if self.model == "debye":
            return objective_psf(
                self._objective, self.pixel_size_um, self.defocus_um, integrate=self.integrate
            )
        if self.model == "airy":
            return psf.airy_psf(*optics, integrate=self.integrate)
        if self.model == "sim":
            return psf.sim_psf(*optics, integrate=self.integrate)
        sigma_um, radius_um, widened_um = self._gaussian_um(self.defocus_um)
        if self.model == "disc":
            return psf.defocus_disc_psf(
                radius_um / self.pixel_size_um, sigma_px=sigma_um / self.pixel_size_um
            )
        return psf.gaussian_psf(widened_um / self.pixel_size_um, integrate=self.integrate)

    def _gaussian_um(self, defocus_um: float) -> tuple[float, float, float]:
        """Standard deviation in focus, radius of the geometric disc, standard deviation of both."""
        sigma_um = psf.gaussian_sigma_um(self.na, self.wavelength_um)
        radius_um = psf.defocus_radius_um(self.na, self.index, defocus_um)
        # A uniform disc of radius R has variance R^2 / 4 along each axis.
        return sigma_um, radius_um, float(np.hypot(sigma_um, radius_um / 2.0))

    def _stack(self, z_step_um: float) -> Kernel:
        planes, half, _ = self.reach_px()
        if self.model == "debye":
            return objective_psf_stack(
                self._objective,
                self.pixel_size_um,
                z_step_um,
                planes,
                half_width_px=half,
                integrate=self.integrate,
            )
        if self.model == "gaussian":
            return gaussian_psf_stack(
                self.na, self.index, self.wavelength_um, self.pixel_size_um, z_step_um, planes,
                half_width_px=half, integrate=self.integrate,
            )  # fmt: skip
        sigma_px = self._gaussian_um(0.0)[0] / self.pixel_size_um

        def disc(defocus_um: float) -> Kernel:
            radius_px = self._gaussian_um(defocus_um)[1] / self.pixel_size_um
            return psf.defocus_disc_psf(radius_px, half_width_px=half, sigma_px=sigma_px)

        discs = through_focus(disc, defoci_um(z_step_um, planes), mirrored=True)
        return stacked(discs, planes, half)
