"""The layers between an emitter and the objective, and what a mismatch of their indices does to focus.

The emitter lies at a depth in the specimen, below a coverslip and an immersion medium that may differ from what the
objective was designed for. The stage is moved to focus: ``focus_um`` is how far the objective has come nearer since
the coverslip's inner face was (paraxially) in focus, the nominal depth that a stage reads.

Source: S. F. Gibson and F. Lanni, JOSA A 8 (1991) 1601, equation 5 without its off-axis terms; the stage's zero as in
F. Aguet et al., Optics Express 17 (2009) 6829.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

Float = NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Layers:
    """Thicknesses in um and refractive indices of what light crosses; design values are the objective's.

    Attributes
    ----------
    specimen_index, depth_um
        Around the emitter, and how far it lies from the coverslip.
    design_index
        Immersion index that the objective is made for; the index in use is the objective's ``index``.
    working_distance_um
        Thickness of the immersion layer by design.
    coverslip_um, coverslip_index, design_coverslip_um, design_coverslip_index
        The glass in use and by design.
    """

    specimen_index: float
    depth_um: float = 0.0
    design_index: float
    working_distance_um: float = 150.0
    coverslip_um: float = 170.0
    coverslip_index: float = 1.5255
    design_coverslip_um: float = 170.0
    design_coverslip_index: float = 1.5255

    def rim_na(self, na: float) -> float:
        """Largest sine times index that leaves the specimen: rays beyond its index do not exist."""
        return min(na, self.specimen_index)

    def path_difference_um(self, index: float, squared: Float, focus_um: float) -> NDArray[np.float64]:
        """Optical path difference of a ray against the design.

        Parameters
        ----------
        index
            Of the immersion medium in use.
        squared
            Squares of the rays' sine times index (0 on the axis), below the square of every index.
        focus_um
            See the module.

        Returns
        -------
        ndarray
            Micrometres, of the shape of ``squared``; the constant part means nothing.
        """
        # The immersion thickness that focuses on the coverslip's inner face, from the paraxial path.
        design = self.working_distance_um / self.design_index
        glass = (
            self.design_coverslip_um / self.design_coverslip_index - self.coverslip_um / self.coverslip_index
        )
        immersion_um = index * (design + glass) - focus_um
        return np.asarray(
            self.depth_um * np.sqrt(np.maximum(self.specimen_index**2 - squared, 0.0))
            + immersion_um * np.sqrt(index**2 - squared)
            - self.working_distance_um * np.sqrt(self.design_index**2 - squared)
            + self.coverslip_um * np.sqrt(self.coverslip_index**2 - squared)
            - self.design_coverslip_um * np.sqrt(self.design_coverslip_index**2 - squared)
        )


@lru_cache(maxsize=256)
def best_focus_um(layers: Layers, na: float, index: float, wavelength_um: float) -> float:
    """Stage focus at which the emitter's image is brightest on the axis.

    With matched indices this is its depth. Under oil, an emitter in water is in focus further along than its depth.

    Returns
    -------
    float
        ``focus_um``, to a small part of the depth of field.
    """
    rim = layers.rim_na(na)
    first_um, last_um = zone_foci_um(layers, na, index)
    depth_of_field_um = index * wavelength_um / na**2
    # Enough rings that the phase between neighbours stays small at the far end of the search.
    rings = int(np.clip(400 + 40 * (last_um - first_um) / wavelength_um, 400, 4000))
    squared = (np.arange(rings) + 0.5) / rings * rim**2
    steady = layers.path_difference_um(index, squared, 0.0)
    axial = np.sqrt(index**2 - squared)
    turn = 2.0 * np.pi / wavelength_um

    def dimness(focus_um: float) -> float:
        return float(-np.abs(np.exp(1j * turn * (steady - focus_um * axial)).mean()))

    span = last_um - first_um + depth_of_field_um
    tries = np.linspace(
        first_um - depth_of_field_um, last_um + depth_of_field_um, 8 + int(4 * span / depth_of_field_um)
    )
    around = int(np.argmin([dimness(focus) for focus in tries]))
    spacing = float(tries[1] - tries[0])
    found = optimize.minimize_scalar(
        dimness, bounds=(tries[around] - spacing, tries[around] + spacing), method="bounded",
        options={"xatol": 1e-6 * depth_of_field_um},
    )  # fmt: skip
    return float(found.x)


def zone_foci_um(layers: Layers, na: float, index: float, share: float = 0.95) -> tuple[float, float]:
    """Nearest and farthest stage focus of the pupil's zones.

    A zone is in focus where the path difference has no slope across it. At the rim of a pupil that is limited by the
    specimen's index the slope is endless, so that only an inner share of the pupil's area is asked.
    """
    squared = np.linspace(0.0, share, 200) * layers.rim_na(na) ** 2
    slope = np.gradient(layers.path_difference_um(index, squared, 0.0), squared)
    # Moving the stage by f adds -f sqrt(index^2 - squared).
    foci = slope * -2.0 * np.sqrt(index**2 - squared)
    return float(foci.min()), float(foci.max())


def spread_um(layers: Layers, na: float, index: float, focus_um: float, share: float = 0.95) -> float:
    """Distance from the image's middle within which an inner share of the pupil's area sends its rays."""
    squared = np.linspace(0.0, share, 200) * layers.rim_na(na) ** 2
    slope = np.gradient(layers.path_difference_um(index, squared, focus_um), squared)
    return float(np.abs(slope * 2.0 * np.sqrt(squared)).max())
