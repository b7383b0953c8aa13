"""Stochastic frequency masking: bands of an input's spectrum are taken out in training.

A network that has to guess a missing band from the others learns how they hang together, and breaks less on
noise and blur that it has not seen.
Source: El Helou 2020, "Stochastic Frequency Masking to Improve Super-Resolution and Denoising Networks".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import check_quantities, quantity

Band = Literal["random", "targeted"]
Floating = NDArray[np.floating[Any]]

# Centre of a targeted band and the spread of its half width, as shares of the largest radius.
_CENTRE, _SPREAD = 0.85, 0.15


@dataclass(frozen=True, kw_only=True)
class FrequencyMasking:
    """Take a random band out of the spectrum of some inputs; targets stay as they are."""

    share: float = quantity(
        0.5, "share of masked inputs", low=0, high=1, help="Share of the training inputs that lose a band."
    )
    mode: Band = quantity(  # noqa: RUF009
        "random",
        "masked band",
        form="choice",
        choices={"random": "anywhere", "targeted": "the finest detail"},
        help="A band anywhere in the spectrum, or one around the frequencies that noise and scaling spoil first.",
    )

    def __post_init__(self) -> None:
        check_quantities(self)

    def __call__(
        self, given: Floating, target: Floating, rng: np.random.Generator
    ) -> tuple[Floating, Floating]:
        """The pair, its input perhaps without a band.

        Parameters
        ----------
        given : ndarray
            Input ``(..., Y, X)`` of floating numbers; all frames or channels lose the same band.
        target : ndarray
            Returned as it is.
        rng : numpy.random.Generator
            Gives the same number of draws whether or not the input is masked.

        Raises
        ------
        InputError
            If the input has no two axes of floating numbers.
        """
        band = draw_band(given.shape, rng, self.mode)
        if rng.random() >= self.share:
            return given, target
        return without_band(given, *band), target


def draw_band(shape: tuple[int, ...], rng: np.random.Generator, mode: Band = "random") -> tuple[float, float]:
    """Inner and outer radius of a band, in DCT indices, for images whose last two axes are ``(Y, X)``.

    ``"random"``: two uniform draws from 0 to ``r_max = sqrt(Y^2 + X^2)``, sorted. ``"targeted"``:
    ``0.85 r_max -/+ |d|`` with ``d`` normal of standard deviation ``0.15 r_max``, not below 0.
    """
    largest = math.hypot(*shape[-2:])
    if mode == "random":
        low, high = sorted(rng.uniform(0, largest, 2))
        return float(low), float(high)
    half = abs(float(rng.normal(0, _SPREAD * largest)))
    return max(0.0, _CENTRE * largest - half), _CENTRE * largest + half


def without_band(image: Floating, low: float, high: float) -> Floating:
    """The image without the cosines whose radius lies strictly between ``low`` and ``high``.

    Parameters
    ----------
    image : ndarray
        ``(..., Y, X)`` of floating numbers; not changed.
    low, high : float
        Radii in indices of the two-dimensional DCT-II: index i is i half periods across the image. The mean
        (radius 0) is kept for every ``low >= 0``. ``high <= low`` takes nothing out.

    Returns
    -------
    ndarray
        Same shape and type; an equal copy where the band holds no index.
    """
    if image.ndim < 2 or not np.issubdtype(image.dtype, np.floating):
        raise InputError(
            f"Frequency masking got {image.dtype} values of shape {image.shape}; "
            "give floating numbers with axes Y and X."
        )
    height, width = image.shape[-2:]
    radius = np.hypot(np.arange(height)[:, None], np.arange(width))
    band = (radius > low) & (radius < high)
    if not band.any():
        return image.copy()
    spectrum = fft.dctn(image, axes=(-2, -1), norm="ortho")
    spectrum[..., band] = 0
    cleared: Floating = fft.idctn(spectrum, axes=(-2, -1), norm="ortho").astype(image.dtype, copy=False)
    return cleared
