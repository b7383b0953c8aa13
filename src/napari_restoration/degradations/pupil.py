"""The scalar pupil of an objective: what a point looks like through a circular aperture, in and out of focus.

Source: S. F. Gibson and F. Lanni, JOSA A 8 (1991) 1601; lengths in micrometres as in `psf`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.base import require_range


def pupil_intensity(
    na: float,
    index: float,
    wavelength_um: float,
    step_um: float,
    size: int,
    defocus_um: float = 0.0,
    phase_rad: NDArray[np.floating[Any]] | None = None,
) -> NDArray[np.float64]:
    """Intensity in the image of a point, on a periodic grid.

    Parameters
    ----------
    step_um
        Grid step, at most ``wavelength / (4 NA)``.
    size
        Points along each side.
    phase_rad
        Wavefront error over the pupil, shape ``(size, size)`` on the frequencies of
        ``scipy.fft.fftfreq(size, step_um)`` (y, x), in radians.

    Returns
    -------
    ndarray
        Shape ``(size, size)``, the point at index ``[0, 0]``, unit sum in focus and therefore,
        as the pupil only turns phases, at every defocus.

    Raises
    ------
    InputError
        If the grid is too coarse, or the NA is not below the index.
    """
    return PupilGrid(na, index, wavelength_um, step_um, size, phase_rad=phase_rad).intensity(defocus_um)


class PupilGrid:
    """A pupil sampled once, for the images of a point at several distances from focus.

    Parameters
    ----------
    na, index, wavelength_um, step_um, size, phase_rad
        See `pupil_intensity`.
    apodised
        Weight the rays as an aplanatic objective does, by ``cos(angle) ** -0.5`` on the frequencies (the
        sine condition keeps the energy of a solid angle): B. Richards and E. Wolf, Proc. R. Soc. A 253 (1959) 358.
    rim_na
        Sine times index beyond which no light passes, if that is less than the NA.
    soft_rim
        Count the samples at the rim by the share of their area that lies inside, which draws a round pupil on a
        coarse grid; the OTF then ends within half a sample of its cut-off. Otherwise they count if their centre does.
    """

    def __init__(
        self,
        na: float,
        index: float,
        wavelength_um: float,
        step_um: float,
        size: int,
        *,
        phase_rad: NDArray[np.floating[Any]] | None = None,
        apodised: bool = False,
        rim_na: float | None = None,
        soft_rim: bool = False,
    ) -> None:
        check_optics(na, index)
        if step_um > wavelength_um / (4.0 * na) * (1 + 1e-9):
            raise InputError(
                f"A step of {step_um:g} um is too coarse for NA {na:g} at {wavelength_um:g} um; "
                f"use at most {wavelength_um / (4.0 * na):g} um."
            )
        frequency = fft.fftfreq(size, step_um)
        squared = frequency[:, None] ** 2 + frequency[None, :] ** 2
        self._size = size
        cutoff = min(na, rim_na or na) / wavelength_um
        cell = 1.0 / (size * step_um)
        self._inside = squared <= (cutoff + soft_rim * cell / 2.0) ** 2
        # Half a sample beyond the rim, the phase of the rim is good enough.
        kept = squared[self._inside]
        if soft_rim:
            kept = np.minimum(kept, cutoff**2)
        self._axial = np.sqrt((index / wavelength_um) ** 2 - kept)
        self._phase = None if phase_rad is None else phase_rad[self._inside]
        self._amplitude = None
        if apodised:
            self._amplitude = np.sqrt(index / wavelength_um / self._axial)
        if soft_rim:
            share = np.clip(0.5 + (cutoff - np.sqrt(squared[self._inside])) / cell, 0.0, 1.0)
            self._amplitude = share if self._amplitude is None else share * self._amplitude
        energy = self._inside.sum() if self._amplitude is None else (self._amplitude**2).sum()
        self._scale = size**2 / energy

    @property
    def is_symmetric(self) -> bool:
        """Whether a point above the focal plane looks like one as far below it."""
        return self._phase is None

    def intensity(self, defocus_um: float = 0.0) -> NDArray[np.float64]:
        """Image of a point at a distance from focus: shape ``(size, size)``, the point at ``[0, 0]``, unit sum."""
        phase = 2.0 * np.pi * defocus_um * self._axial
        if self._phase is not None:
            phase = phase + self._phase
        wave = np.exp(1j * phase)
        if self._amplitude is not None:
            wave *= self._amplitude
        field = np.zeros((self._size, self._size), dtype=complex)
        field[self._inside] = wave
        field = fft.ifft2(field, overwrite_x=True)
        return np.asarray(np.abs(field) ** 2 * self._scale)


def check_optics(na: float, index: float | None) -> None:
    """Raise `InputError` unless the NA is possible and below the refractive index."""
    require_range("The NA", na, 0.01, 2.0)
    if index is not None and not na < index:
        raise InputError(f"The NA is {na:g}, but must be below the refractive index, which is {index:g}.")
