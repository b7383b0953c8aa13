"""Point spread functions of scanning microscopes: confocal with a pinhole of finite size, and two-photon.

Light arrives where the excitation is bright and is kept where the pinhole sees it:
``h = h_excitation * (h_emission conv pinhole)``; two photons are absorbed with the square of the excitation.

Source: T. Wilson and C. Sheppard, *Theory and Practice of Scanning Optical Microscopy* (1984), chapters 3 and 4;
W. Denk, J. Strickler and W. Webb, Science 248 (1990) 73.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special

from napari_restoration.degradations.base import require_range
from napari_restoration.degradations.objective import Objective, reach_px
from napari_restoration.degradations.psf import Kernel, normalised, odd_oversampling
from napari_restoration.degradations.psf_stack import camera_pixels, defoci_um, stacked, through_focus


@dataclass(frozen=True, kw_only=True)
class Scanner:
    """What shapes the image of a point in a scanning microscope.

    Attributes
    ----------
    excitation
        The objective at the laser's wavelength.
    emission
        The objective at the emission wavelength; ``None`` if all emitted light is kept (two-photon).
    pinhole_au
        Diameter of the pinhole in Airy units, ``1.22 * emission wavelength / NA``; 0 is a point.
    photons
        Absorbed together: 1 or 2.
    """

    excitation: Objective
    emission: Objective | None = None
    pinhole_au: float = 1.0
    photons: int = 1

    def __post_init__(self) -> None:
        require_range("The pinhole in Airy units", self.pinhole_au, 0.0, 1e3)

    def reach_um(self, defocus_um: float = 0.0) -> float:
        """Radius that holds nearly all light: no more than the excitation's."""
        return self.excitation.reach_um(defocus_um)

    def oversampling(self, pixel_size_um: float) -> int:
        """Fine samples along a pixel's side: a product of two patterns has the details of both."""
        finest = min(part.wavelength_um for part in (self.excitation, self.emission) if part is not None)
        return odd_oversampling(self.excitation.na, finest / 2.0, pixel_size_um)


def scanned_psf(
    scanner: Scanner,
    pixel_size_um: float,
    defocus_um: float = 0.0,
    *,
    half_width_px: int | None = None,
    integrate: bool = True,
) -> Kernel:
    """Image of a point in one plane.

    Parameters
    ----------
    defocus_um
        Distance of the point from the focal plane.
    half_width_px
        Pixels on each side of the middle; by default `Scanner.reach_um`.
    integrate
        Integrate over the pixel's area instead of sampling at its centre.

    Returns
    -------
    ndarray
        Shape ``(2 * half + 1, 2 * half + 1)``, unit sum.
    """
    half = reach_px(scanner.reach_um(defocus_um), pixel_size_um) if half_width_px is None else half_width_px
    return normalised(next(_planes(scanner, pixel_size_um, [defocus_um], half, integrate)))


def scanned_psf_stack(
    scanner: Scanner,
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
    z_step_um, half_planes
        Distance of the planes, and how many lie on each side of the middle.
    half_width_px, integrate
        See `scanned_psf`. By default the window holds the outermost plane's blur.

    Returns
    -------
    ndarray
        Shape ``(2 * half_planes + 1, 2 * half + 1, 2 * half + 1)``, unit sum.

    Raises
    ------
    InputError
        If the stack would not fit into memory.
    """
    if half_width_px is None:
        half_width_px = reach_px(scanner.reach_um(z_step_um * half_planes), pixel_size_um)
    planes = _planes(scanner, pixel_size_um, defoci_um(z_step_um, half_planes), half_width_px, integrate)
    return stacked(planes, half_planes, half_width_px)


def _planes(
    scanner: Scanner, pixel_size_um: float, defocus_um: Sequence[float], half: int, integrate: bool
) -> Iterator[Kernel]:
    finer = scanner.oversampling(pixel_size_um)
    step = pixel_size_um / finer
    reach = half * finer + finer // 2
    farthest = max(abs(z) for z in defocus_um)
    excitation = scanner.excitation.grid(step, reach * step, farthest)
    emission = None if scanner.emission is None else scanner.emission.grid(step, reach * step, farthest)
    window = np.arange(-reach, reach + 1)

    def draw(z: float) -> Kernel:
        lit = excitation.intensity(z)[np.ix_(window, window)]
        product = lit if scanner.photons == 1 else lit**scanner.photons
        if emission is not None:
            assert scanner.emission is not None
            seen = _through_pinhole(emission.intensity(z), _pinhole_um(scanner) / step)
            product = product * seen[np.ix_(window, window)]
        # The window's middle back at [0, 0], where `camera_pixels` looks for it.
        return camera_pixels(np.roll(product, (-reach, -reach), (0, 1)), half, finer, integrate)

    mirrored = excitation.is_symmetric and (emission is None or emission.is_symmetric)
    yield from through_focus(draw, defocus_um, mirrored=mirrored)


def _pinhole_um(scanner: Scanner) -> float:
    if scanner.emission is None:
        return 0.0
    return scanner.pinhole_au * 1.22 * scanner.emission.wavelength_um / scanner.emission.na


def _through_pinhole(image: NDArray[np.float64], diameter: float) -> NDArray[np.float64]:
    """Convolve a periodic image with a disc, exactly: the image has no detail beyond its grid."""
    if diameter == 0:
        return image
    across = fft.fftfreq(image.shape[0])[:, None]
    along = fft.rfftfreq(image.shape[1])[None, :]
    phase = math.pi * diameter * np.hypot(across, along)
    phase[0, 0] = 1.0
    transfer = 2.0 * special.j1(phase) / phase
    transfer[0, 0] = 1.0
    # Nothing is negative but by rounding.
    return np.asarray(np.maximum(fft.irfft2(fft.rfft2(image) * transfer, s=image.shape), 0.0))
