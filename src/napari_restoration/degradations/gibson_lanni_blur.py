"""Blur at a depth in a specimen whose index the objective was not made for, as a step of a forward model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import quantity
from napari_restoration.degradations.convolution import Boundary
from napari_restoration.degradations.gibson_lanni import Layers, best_focus_um
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
from napari_restoration.degradations.psf_stack import default_half_depth_um
from napari_restoration.degradations.pupil import check_optics


@dataclass(frozen=True, kw_only=True)
class GibsonLanniBlur(OpticalStep):
    """Blur by a widefield objective that looks through layers of unequal refractive index.

    Focus is where the emitter at ``depth_um`` is brightest; `focus_um` tells the stage's nominal depth there. The PSF
    is that of this one depth, wherever in the image a point lies.

    Attributes
    ----------
    na, index, wavelength_um, pixel_size_um, z_step_um, half_depth_um, integrate
        See `optics.OpticalBlur`; the z step is the stage's.
    specimen_index, depth_um
        Refractive index around the object, and its distance from the coverslip.
    defocus_um
        How much nearer to the coverslip the stage is focused than for the sharpest image; in volumes 0.
    design_index
        Immersion index that the objective is made for; ``None`` for the one in use.
    coverslip_um, coverslip_index
        The glass in use; objectives are made for 170 um of index 1.5255.
    working_distance_um
        Thickness of the immersion layer by design; matters with a wrong immersion only.
    """

    kind: ClassVar[str] = "gibson_lanni"
    title: ClassVar[str] = "Blur deep in a specimen"

    na: float = na_quantity(1.2)
    index: float = index_quantity(1.518)
    specimen_index: float = quantity(
        1.33, "specimen index", low=1.0, high=2.0,
        help="Refractive index around the object: water 1.33, living cells 1.36 to 1.40, mounting media up to 1.52.",
    )  # fmt: skip
    depth_um: float = quantity(
        5.0, "depth below the coverslip", "um", low=0.0, high=1e3,
        help="The deeper an object lies in a medium of another index, the more its image is smeared along z.",
    )  # fmt: skip
    wavelength_um: float = wavelength_quantity(0.52)
    pixel_size_um: float = pixel_size_quantity(0.1)
    z_step_um: float | None = z_step_quantity()
    defocus_um: float = defocus_quantity()
    design_index: float | None = quantity(
        None, "immersion index by design", low=1.0, high=2.0, none_means="as in use", advanced=True,
        help="Immersion for which the objective is made, if another is used.",
    )  # fmt: skip
    coverslip_um: float = quantity(
        170.0, "coverslip thickness", "um", low=0.0, high=2000.0, advanced=True,
        help="Objectives are made for 170 um (number 1.5); other glass adds spherical aberration.",
    )  # fmt: skip
    coverslip_index: float = quantity(
        1.5255, "coverslip index", low=1.3, high=2.0, advanced=True, help="Refractive index of the glass.",
    )  # fmt: skip
    working_distance_um: float = quantity(
        150.0, "working distance", "um", low=1.0, high=1e5, advanced=True,
        help="Thickness of the immersion layer for which the objective is made.",
    )  # fmt: skip
    half_depth_um: float | None = half_depth_quantity()
    integrate: bool = integrate_quantity()
    boundary: Boundary = boundary_quantity()  # noqa: RUF009

    def __post_init__(self) -> None:
        super().__post_init__()
        check_optics(self.na, self.index)
        refuse_defocused_volume(self.defocus_um, self.z_step_um)
        for name, value in (
            ("immersion index by design", self.design_index),
            ("coverslip index", self.coverslip_index),
        ):
            if value is not None and not self.na < value:
                raise InputError(f"The NA is {self.na:g}, but must be below the {name}, which is {value:g}.")

    def focus_um(self) -> float:
        """Nominal depth, in stage movement beyond the coverslip, at which the object is sharpest."""
        return best_focus_um(self._layers, self.na, self.index, self.wavelength_um)

    def reach_px(self) -> tuple[int, ...]:
        """Half widths of the kernel along (Y, X), or (Z, Y, X) with a z step, known before it is computed."""
        if self.z_step_um is None:
            half = reach_px(self._objective.reach_um(self.defocus_um), self.pixel_size_um)
            return (half, half)
        depth_um = self.half_depth_um
        if depth_um is None:
            depth_um = default_half_depth_um(self.na, self.index, self.wavelength_um)
        planes = reach_px(depth_um, self.z_step_um)
        half = stack_half_width_px(self._objective, self.pixel_size_um, planes * self.z_step_um)
        return (planes, half, half)

    def make_kernel(self) -> Kernel:
        """Compute the PSF, shape ``(h, w)``, or ``(d, h, w)`` with a z step."""
        if self.z_step_um is None:
            return objective_psf(
                self._objective, self.pixel_size_um, self.defocus_um, integrate=self.integrate
            )
        planes, half, _ = self.reach_px()
        return objective_psf_stack(
            self._objective,
            self.pixel_size_um,
            self.z_step_um,
            planes,
            half_width_px=half,
            integrate=self.integrate,
        )

    @property
    def _layers(self) -> Layers:
        return Layers(
            specimen_index=self.specimen_index,
            depth_um=self.depth_um,
            design_index=self.index if self.design_index is None else self.design_index,
            working_distance_um=self.working_distance_um,
            coverslip_um=self.coverslip_um,
            coverslip_index=self.coverslip_index,
        )

    @property
    def _objective(self) -> Objective:
        return Objective(na=self.na, index=self.index, wavelength_um=self.wavelength_um, layers=self._layers)
