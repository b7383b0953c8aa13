"""Blur by a scanning microscope, as a step of a forward model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import quantity
from napari_restoration.degradations.confocal import Scanner, scanned_psf, scanned_psf_stack
from napari_restoration.degradations.convolution import Boundary
from napari_restoration.degradations.objective import Objective, reach_px
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
from napari_restoration.degradations.psf_stack import default_half_depth_um
from napari_restoration.degradations.pupil import check_optics


@dataclass(frozen=True, kw_only=True)
class ConfocalBlur(OpticalStep):
    """Blur by a confocal or two-photon microscope.

    Attributes
    ----------
    mode
        ``"confocal"`` (one photon, a pinhole) or ``"two_photon"`` (all emitted light is kept).
    na, index, pixel_size_um, z_step_um, defocus_um, half_depth_um, integrate
        See `optics.OpticalBlur`.
    excitation_um, wavelength_um
        Wavelengths of the laser and of the emission; two photons leave no trace of the latter.
    pinhole_au
        Diameter of the confocal pinhole in Airy units of the emission; 0 is a point.
    """

    kind: ClassVar[str] = "confocal"
    title: ClassVar[str] = "Confocal blur"

    mode: Literal["confocal", "two_photon"] = quantity(
        "confocal", "microscope", choices={"confocal": "Confocal", "two_photon": "Two-photon"},
        help="A pinhole, or the need for two photons at once, keeps light from out of focus away.",
    )  # fmt: skip
    na: float = na_quantity(1.3)
    index: float = index_quantity(1.518)
    excitation_um: float = wavelength_quantity(0.488, "excitation wavelength")
    wavelength_um: float = wavelength_quantity(0.525)
    pinhole_au: float = quantity(
        1.0, "pinhole", "AU", low=0.0, high=100.0,
        help="Diameter of the pinhole; 1 Airy unit is the first dark ring. Two-photon images have none.",
    )  # fmt: skip
    pixel_size_um: float = pixel_size_quantity(0.08)
    z_step_um: float | None = z_step_quantity()
    defocus_um: float = defocus_quantity()
    half_depth_um: float | None = half_depth_quantity()
    integrate: bool = integrate_quantity()
    boundary: Boundary = boundary_quantity()  # noqa: RUF009

    def __post_init__(self) -> None:
        super().__post_init__()
        check_optics(self.na, self.index)
        refuse_defocused_volume(self.defocus_um, self.z_step_um)
        laser, light = self.excitation_um, self.wavelength_um
        if self.mode == "confocal" and laser > light:
            raise InputError(
                f"The excitation wavelength is {laser:g} um, longer than the emission's {light:g} um; "
                "exchange them, or choose two-photon."
            )
        if self.mode == "two_photon" and laser <= light:
            raise InputError(
                f"The excitation wavelength is {laser:g} um, but two photons that excite {light:g} um are longer; "
                "their laser is near 0.7 to 1.1 um."
            )

    def reach_px(self) -> tuple[int, ...]:
        """Half widths of the kernel along (Y, X), or (Z, Y, X) with a z step, known before it is computed."""
        if self.z_step_um is None:
            half = reach_px(self._scanner.reach_um(self.defocus_um), self.pixel_size_um)
            return (half, half)
        depth_um = self.half_depth_um
        if depth_um is None:
            depth_um = default_half_depth_um(self.na, self.index, self.excitation_um)
        planes = reach_px(depth_um, self.z_step_um)
        half = reach_px(self._scanner.reach_um(planes * self.z_step_um), self.pixel_size_um)
        return (planes, half, half)

    def make_kernel(self) -> Kernel:
        """Compute the PSF, shape ``(h, w)``, or ``(d, h, w)`` with a z step."""
        if self.z_step_um is None:
            return scanned_psf(self._scanner, self.pixel_size_um, self.defocus_um, integrate=self.integrate)
        planes, half, _ = self.reach_px()
        return scanned_psf_stack(
            self._scanner,
            self.pixel_size_um,
            self.z_step_um,
            planes,
            half_width_px=half,
            integrate=self.integrate,
        )

    @property
    def _scanner(self) -> Scanner:
        laser = Objective(na=self.na, index=self.index, wavelength_um=self.excitation_um)
        if self.mode == "two_photon":
            return Scanner(excitation=laser, photons=2)
        light = Objective(na=self.na, index=self.index, wavelength_um=self.wavelength_um)
        return Scanner(excitation=laser, emission=light, pinhole_au=self.pinhole_au)
