"""Which defocus of a given objective, or which Gaussian, makes a good image as blurred as a bad one."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.spectrum import power_spectrum, radial_mean
from napari_restoration.degradations.psf import gaussian_sigma_um
from napari_restoration.tasks.estimated import Measured

if TYPE_CHECKING:
    from napari_restoration.degradations.optics import OpticalBlur

Plane = npt.NDArray[Any]
Float = npt.NDArray[np.float64]

_MOST_RINGS = 48
_SMALLEST_FIELD = 256
_STEPS = 32
# Defoci are tried up to where geometry makes so many times the blur that was found, or a blur of so many pixels: the
# estimate of the width fails where hardly any structure is left. Steps widen with the defocus.
_BEYOND = 1.6
_LARGEST_PX = 25.0
_WIDENING = 1.5
# Of two fields of one specimen the spectra differ by about 0.1 decades.
_MOST_MISFIT = 0.2
# A defocus that leaves so much more unexplained than the best one is ruled out.
_RULED_OUT, _RULED_OUT_DECADES = 1.5, 0.005
# What other content of the two images adds to an interval: a share of the defocus, and of the depth of field.
_MARGIN, _MARGIN_DEPTHS = 0.08, 0.1
_RELIABLE_SPREAD = 0.3
# Rings in which signal must exceed noise for a defocus to be told.
_FEWEST_RINGS = 4
_FAR_PX = 2.0
# Rounding alone leaves such a share of the power.
_LEAST_POWER = 1e-12
# A Gaussian is taken instead of the objective if it leaves less than this share of the misfit.
_CLEARLY_BETTER = 0.7
# Where the transfer function has fallen to this, a defocus and a Gaussian look alike to the estimate from one image.
_LEVEL = 0.3


@dataclass(frozen=True, kw_only=True)
class FittedBlur:
    """The blur to fill in: the objective with a defocus, or a Gaussian; the other one is ``None``.

    Attributes
    ----------
    optical
        The objective, out of focus by what fits.
    sigma_px
        Standard deviation in pixels of the good image.
    misfit
        What the objective leaves of the power unexplained, rms in decades; ``None`` without a good image.
    low_um, high_um
        Defoci between these explain the power nearly as well.
    rings
        Rings of frequency in which more than half of the power is signal.
    """

    optical: OpticalBlur | None = None
    sigma_px: float = 0.0
    misfit: float | None = None
    low_um: float | None = None
    high_um: float | None = None
    rings: int = 0

    @property
    def is_reliable(self) -> bool:
        """Whether the defocus explains the bad image's spectrum."""
        if self.optical is None or self.misfit is None or self.low_um is None or self.high_um is None:
            return False
        # Within the depth of field, defoci look alike.
        wide = max(_RELIABLE_SPREAD * self.optical.defocus_um, _depth_um(self.optical) / 2)
        is_narrow = (self.high_um - self.low_um) / 2 <= wide
        return self.misfit <= _MOST_MISFIT and is_narrow and self.rings >= _FEWEST_RINGS


def fit_blur(
    optical: OpticalBlur | None, measured: Measured, good: Plane | None, bad: Plane
) -> FittedBlur | None:
    """Choose the blur to fill in; ``None`` where nothing can be told.

    With a good image, the power of the bad one is explained as that of the good one times the transfer function
    squared, plus white noise; the defocus, or the Gaussian, with the least misfit is taken.

    Parameters
    ----------
    optical : OpticalBlur or None
        The preset's objective.
    measured : Measured
        The blur width, the pixel size and the motion.
    good : ndarray or None
        ``(Y, X)`` on the pixels of the bad one.
    bad : ndarray
        ``(Y, X)``.
    """
    sigma = _without_motion(measured)
    gaussian = FittedBlur(sigma_px=sigma * measured.factor) if measured.tells_blur else None
    if optical is None or measured.pixel_um is None:
        return gaussian
    own = gaussian_sigma_um(optical.na, optical.wavelength_um) / (measured.pixel_um * measured.factor)
    if gaussian is not None and own > 2 * sigma + _FAR_PX:
        return gaussian  # the objective is far too wide for these pixels, and slow to compute
    model: Any = "debye" if optical.model in ("airy", "sim") else optical.model
    optical = replace(optical, model=model, z_step_um=None)
    coarse = replace(optical, pixel_size_um=measured.pixel_um * measured.factor, defocus_um=0.0)
    if good is None or measured.moves:
        try:
            defocus = _defocus_of(coarse, sigma) if gaussian is not None else None
        except InputError:
            return gaussian
        return gaussian if defocus is None else FittedBlur(optical=replace(optical, defocus_um=defocus))
    powers = _Powers(good, bad)
    largest = max(_BEYOND * sigma, min(_LARGEST_PX, min(bad.shape) / 10))
    steps = np.linspace(0.0, 1.0, _STEPS + 1) ** _WIDENING

    def by_defocus(value: float) -> float:
        try:
            return powers.misfit(_transfer(replace(coarse, defocus_um=value)))
        except InputError:  # the spot is too large to be computed
            return math.inf

    defocus, least, low, high = _least(by_defocus, _geometric_defocus(coarse, largest) * steps)
    width, of_gaussian, _, _ = _least(lambda value: powers.misfit(_gaussian(value)), largest * steps)
    # Where no defocus fits best, the objective is wider than the blur by itself, if a Gaussian fits better at all.
    is_too_wide = defocus == 0.0 and of_gaussian < least
    if of_gaussian >= _CLEARLY_BETTER * least and not is_too_wide:
        margin = _MARGIN * defocus + _MARGIN_DEPTHS * _depth_um(optical)
        return FittedBlur(
            optical=replace(optical, defocus_um=defocus), misfit=least, low_um=max(low - margin, 0.0),
            high_um=high + margin, rings=powers.rings(_transfer(replace(coarse, defocus_um=defocus))),
        )  # fmt: skip
    # Among Gaussians the estimate's own stands unless it fits worse by far.
    if gaussian is not None and _CLEARLY_BETTER * powers.misfit(_gaussian(sigma)) <= of_gaussian:
        return gaussian
    return FittedBlur(sigma_px=width * measured.factor)


def _without_motion(measured: Measured) -> float:
    """The blur beside that of motion, in pixels of the bad image."""
    variance = measured.blur.sigma_px**2
    if measured.moves:
        # A straight path of length L has the variance L^2 / 12 along it: half of that on average over directions.
        variance -= measured.motion.length_px**2 / 24
    return math.sqrt(max(variance, 0.0))


def _least(misfit: Callable[[float], float], tried: Float) -> tuple[float, float, float, float]:
    """The best of some values and of as many between its neighbours, its misfit, and from where to where others do."""
    coarse = np.array([misfit(float(value)) for value in tried])
    best = int(coarse.argmin())
    finer = np.linspace(tried[max(best - 1, 0)], tried[min(best + 1, len(tried) - 1)], 9)
    misfits = np.array([misfit(float(value)) for value in finer])
    least = float(misfits.min())
    values, all_misfits = np.concatenate([tried, finer]), np.concatenate([coarse, misfits])
    alike = values[all_misfits <= _RULED_OUT * least + _RULED_OUT_DECADES]
    return float(finer[misfits.argmin()]), least, float(alike.min()), float(alike.max())


class _Powers:
    """The power of a bad plane, explained as that of a good one through a transfer function, and white noise."""

    def __init__(self, good: Plane, bad: Plane) -> None:
        from napari_restoration.degradations.estimates.falloff import fit_falloff, frequency_bins

        rings = min(_MOST_RINGS, *(min(plane.shape) // 4 for plane in (good, bad)))
        real, sharp = (radial_mean(power_spectrum(plane), rings) for plane in (bad, good))
        kept = real.frequency <= 0.5
        self._frequency = real.frequency[kept]
        self._power = np.maximum(real.power[kept], max(_LEAST_POWER * float(real.power.max()), 1e-300))
        bins = frequency_bins(np.asarray(good, np.float64))
        noise = fit_falloff(bins, exponent=(2.6, 0.4), limits=(0.0, 4.0)).noise
        self._object = np.interp(self._frequency, sharp.frequency, np.maximum(sharp.power - noise, 0.0))

    def misfit(self, transfer: Callable[[Float], Float]) -> float:
        """Root mean square of what is left unexplained, in decades."""
        made = np.maximum(sum(self._parts(transfer)), 1e-6)
        return float(np.sqrt(np.mean(np.log10(made) ** 2)))

    def rings(self, transfer: Callable[[Float], Float]) -> int:
        """In how many rings more than half is signal."""
        signal, noise = self._parts(transfer)
        return int(np.count_nonzero(signal > noise))

    def _parts(self, transfer: Callable[[Float], Float]) -> tuple[Float, Float]:
        """Signal and noise with their best heights, as shares of the power."""
        from scipy.optimize import nnls

        signal = self._object * transfer(self._frequency) ** 2
        parts = np.stack([signal, np.ones_like(signal)], axis=1) / self._power[:, None]
        heights = nnls(parts, np.ones(len(signal)))[0]
        return parts[:, 0] * heights[0], parts[:, 1] * heights[1]


def _depth_um(optical: OpticalBlur) -> float:
    """Depth of field, ``n wavelength / NA^2``."""
    return optical.index * optical.wavelength_um / optical.na**2


def _transfer(objective: OpticalBlur) -> Callable[[Float], Float]:
    """Root of the power that the objective's spot leaves in rings of frequency."""
    kernel = objective.kernel()
    side = max(_SMALLEST_FIELD, 2 * max(kernel.shape))
    # The zeros of a defocused transfer function lie on rings, so that few rings do not average them away.
    spectrum = radial_mean(np.abs(np.fft.fft2(kernel, (side, side))) ** 2, side // 4)
    known, left = np.append(0.0, spectrum.frequency), np.sqrt(np.append(1.0, spectrum.power))
    return lambda frequency: np.interp(frequency, known, left)


def _gaussian(sigma_px: float) -> Callable[[Float], Float]:
    return lambda frequency: np.exp(-2 * np.pi**2 * sigma_px**2 * frequency**2)


def _geometric_defocus(objective: OpticalBlur, sigma_px: float) -> float:
    """Defocus at which the geometric disc, of variance R^2 / 4 along an axis, has a standard deviation."""
    if objective.na >= objective.index:
        return 0.0
    width_um = 2.0 * sigma_px * objective.pixel_size_um
    return width_um * math.sqrt(objective.index**2 - objective.na**2) / objective.na


def _defocus_of(objective: OpticalBlur, sigma_px: float) -> float | None:
    """Defocus whose transfer function falls to a level where the Gaussian's does; ``None`` if all are wider."""
    aim = math.sqrt(math.log(1 / _LEVEL) / (2 * math.pi**2)) / max(sigma_px, 1e-6)

    def falls_at(defocus: float) -> float:
        frequency = np.linspace(0.0, 0.7, 1401)
        below = _transfer(replace(objective, defocus_um=defocus))(frequency) < _LEVEL
        return float(frequency[below.argmax()]) if below.any() else math.inf

    low, high = 0.0, _geometric_defocus(objective, _BEYOND * sigma_px)
    if falls_at(low) <= aim or high <= 0:
        return None
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if falls_at(middle) > aim else (low, middle)
    return low
