"""Images of a point through an objective with wavefront errors or layers of unequal index, one or many planes.

A defocus is how much farther from the objective the emitter lies than the plane in focus; without wavefront errors
its sign does not matter. Planes of a stack follow the stage: plane after plane the focus moves away from the
objective, so that the emitter's defocus falls. Lengths in micrometres as in `psf`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.gibson_lanni import Layers, best_focus_um, spread_um
from napari_restoration.degradations.psf import (
    Kernel,
    defocus_radius_um,
    normalised,
    odd_oversampling,
)
from napari_restoration.degradations.psf_stack import camera_pixels, defoci_um, stacked, through_focus
from napari_restoration.degradations.pupil import PupilGrid
from napari_restoration.degradations.zernike import Waves, spread_waves, wavefront_rad

_LARGEST_GRID = 5000


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What shapes the image of a point.

    Attributes
    ----------
    na, index, wavelength_um
        Numerical aperture, refractive index of the immersion medium, wavelength in vacuum.
    waves
        Wavefront errors: Noll indices with their rms in wavelengths, see `zernike`.
    apodised
        Weight the rays as an aplanatic objective does.
    layers
        Specimen, coverslip and immersion that differ from the design; in focus is then where the emitter's image is
        brightest, see `gibson_lanni.best_focus_um`.
    """

    na: float
    index: float
    wavelength_um: float
    waves: Waves = ()
    apodised: bool = False
    layers: Layers | None = None

    def reach_um(self, defocus_um: float = 0.0) -> float:
        """Radius that holds nearly all light: the rays' spread and four radii of the first dark ring."""
        rings = 4.0 * 0.61 * self.wavelength_um / self.na
        aberrated = spread_waves(self.waves) * self.wavelength_um / self.na
        return self._rays_um(defocus_um) + rings + aberrated

    def grid(self, step_um: float, reach_um: float, farthest_um: float) -> PupilGrid:
        """Pupil on a periodic grid that is wide enough for a window and the light beyond it.

        Parameters
        ----------
        reach_um
            Half the window's width.
        farthest_um
            Largest distance from focus, in either direction.

        Raises
        ------
        InputError
            If the grid would not fit into memory.
        """
        # The periodic grid must hold the whole blur, or its far side folds back into the window.
        rays = max(self._rays_um(side * farthest_um) for side in (-1.0, 1.0))
        rays += spread_waves(self.waves) * self.wavelength_um / self.na
        blur_um = max(reach_um, 1.2 * rays)
        # The wider the grid, the finer the pupil's samples: phases must turn slowly from one to the next. Narrow
        # grids cost little, so that they are made wider; an in-focus pattern needs 24 samples along a radius.
        generous_um = min(3.5 * blur_um, 1024 * step_um)
        needed_um = max(2.5 * blur_um, generous_um, 24.0 * self.wavelength_um / self.na)
        size = fft.next_fast_len(math.ceil(needed_um / step_um))
        if size > _LARGEST_GRID:
            raise InputError(
                f"The PSF reaches {reach_um:.3g} um from its middle, too far for its fine grid of {step_um:.2g} um; "
                "use a smaller defocus or depth, or the model 'disc' or 'gaussian'."
            )
        return PupilGrid(
            self.na, self.index, self.wavelength_um, step_um, size,
            phase_rad=self._phase_rad(step_um, size), apodised=self.apodised,
            rim_na=self.layers.rim_na(self.na) if self.layers else None,
            soft_rim=True,
        )  # fmt: skip

    def _rays_um(self, defocus_um: float) -> float:
        if self.layers is None:
            return defocus_radius_um(self.na, self.index, defocus_um)
        focus = best_focus_um(self.layers, self.na, self.index, self.wavelength_um)
        return spread_um(self.layers, self.na, self.index, focus - defocus_um)

    def _phase_rad(self, step_um: float, size: int) -> NDArray[np.float64] | None:
        if not self.waves and self.layers is None:
            return None
        phase = np.zeros((size, size))
        if self.waves:
            phase += wavefront_rad(self.waves, self.na, self.wavelength_um, step_um, size)
        if self.layers is not None:
            sines = fft.fftfreq(size, step_um) * self.wavelength_um
            squared = sines[:, None] ** 2 + sines[None, :] ** 2
            # A little beyond the rim too, where samples may lie in part inside.
            rim = self.layers.rim_na(self.na)
            inside = squared <= (rim + self.wavelength_um / (size * step_um)) ** 2
            focus = best_focus_um(self.layers, self.na, self.index, self.wavelength_um)
            path = self.layers.path_difference_um(self.index, np.minimum(squared[inside], rim**2), focus)
            # Fewer whole turns leave more digits; the first is on the axis.
            phase[inside] += 2.0 * np.pi / self.wavelength_um * (path - path[0])
        return phase


def objective_psf(
    objective: Objective,
    pixel_size_um: float,
    defocus_um: float = 0.0,
    *,
    half_width_px: int | None = None,
    integrate: bool = True,
) -> Kernel:
    """Image of a point in one plane.

    Parameters
    ----------
    half_width_px
        Pixels on each side of the middle; by default `Objective.reach_um`.
    integrate
        Integrate over the camera pixel's area instead of sampling at its centre.

    Returns
    -------
    ndarray
        Shape ``(2 * half + 1, 2 * half + 1)``, unit sum.
    """
    half = reach_px(objective.reach_um(defocus_um), pixel_size_um) if half_width_px is None else half_width_px
    return normalised(next(_planes(objective, pixel_size_um, [defocus_um], half, integrate)))


def objective_psf_stack(
    objective: Objective,
    pixel_size_um: float,
    z_step_um: float,
    half_planes: int,
    *,
    half_width_px: int | None = None,
    integrate: bool = True,
) -> Kernel:
    """Image of a point in planes through focus, the middle one in focus.

    Parameters
    ----------
    z_step_um
        Between planes.
    half_planes
        Planes on each side of the middle.
    half_width_px, integrate
        See `objective_psf`. By default the window holds the outermost plane's blur.

    Returns
    -------
    ndarray
        Shape ``(2 * half_planes + 1, 2 * half + 1, 2 * half + 1)``, unit sum.

    Raises
    ------
    InputError
        If the stack would not fit into memory.
    """
    half = (
        stack_half_width_px(objective, pixel_size_um, z_step_um * half_planes)
        if half_width_px is None
        else half_width_px
    )
    defoci = defoci_um(z_step_um, half_planes)
    return stacked(_planes(objective, pixel_size_um, defoci, half, integrate), half_planes, half)


def stack_half_width_px(objective: Objective, pixel_size_um: float, half_depth_um: float) -> int:
    """Pixels on each side of the middle that hold the outermost planes' blur."""
    farthest = max(objective.reach_um(side * half_depth_um) for side in (-1.0, 1.0))
    return reach_px(farthest, pixel_size_um)


def reach_px(reach_um: float, step_um: float) -> int:
    """Whole pixels that a length covers."""
    return math.ceil(reach_um / step_um)


def _planes(
    objective: Objective, pixel_size_um: float, defocus_um: Sequence[float], half: int, integrate: bool
) -> Iterator[Kernel]:
    finer = odd_oversampling(objective.na, objective.wavelength_um, pixel_size_um)
    step = pixel_size_um / finer
    reach = half * finer + finer // 2
    grid = objective.grid(step, reach * step, max(abs(z) for z in defocus_um))
    yield from through_focus(
        lambda z: camera_pixels(grid.intensity(z), half, finer, integrate),
        defocus_um,
        mirrored=grid.is_symmetric,
    )
