"""The scalar pupil of an objective: what a point looks like through a circular aperture, in and out of focus.

Source: S. F. Gibson and F. Lanni, JOSA A 8 (1991) 1601; lengths in micrometres as in `psf`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

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
    ValueError
        If the grid is too coarse, or the NA is not below the index.
    """
    check_optics(na, index)
    if step_um > wavelength_um / (4.0 * na) * (1 + 1e-9):
        raise ValueError(
            f"A step of {step_um:g} um is too coarse for NA {na:g} at {wavelength_um:g} um; "
            f"use at most {wavelength_um / (4.0 * na):g} um."
        )
    frequency = fft.fftfreq(size, step_um)
    squared = frequency[:, None] ** 2 + frequency[None, :] ** 2
    inside = squared <= (na / wavelength_um) ** 2
    axial = np.sqrt(np.where(inside, (index / wavelength_um) ** 2 - squared, 0.0))
    phase = 2.0 * np.pi * defocus_um * axial
    if phase_rad is not None:
        phase = phase + phase_rad
    field = fft.ifft2(np.where(inside, np.exp(1j * phase), 0.0))
    intensity = np.abs(field) ** 2
    return np.asarray(intensity * (size**2 / inside.sum()))


def check_optics(na: float, index: float | None) -> None:
    """Raise `ValueError` unless the NA is possible and below the refractive index."""
    require_range("The NA", na, 0.01, 2.0)
    if index is not None and not na < index:
        raise ValueError(f"The NA is {na:g}, but must be below the refractive index, which is {index:g}.")
