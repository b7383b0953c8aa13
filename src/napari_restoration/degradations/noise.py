"""What a camera makes of an expected number of photons.

``electrons ~ Poisson(quantum_efficiency * photons + dark)`` and
``ADU = electrons / gain + Normal(0, read_noise / gain) + offset``, so that
``variance = (mean - offset) / gain + (read_noise / gain)^2``.

An electron-multiplying camera sends the electrons through a register first, which multiplies them by ``em_gain`` on
average. Each electron comes out as a random number of electrons, so the first term of the variance grows by
``em_gain * F^2`` with the excess noise factor ``F^2 = 2 - 1 / em_gain`` of a register with many stages (Robbins and
Hadwen, "The noise performance of electron multiplying charge-coupled devices", 2003), near 2 at the usual gains.
Gain and read noise are, as in camera data sheets, those of the amplifier behind the register: a photoelectron is worth
``em_gain / gain`` grey levels, and the read noise is ``read_noise / em_gain`` photoelectrons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import quantity
from napari_restoration.degradations.base import Float, Step

_MOST_ELECTRONS = 1e9
_EXACT_BELOW = 20.0


def poisson(mean: Float, rng: np.random.Generator) -> Float:
    """Draw Poisson counts, several times faster than one by one where they are many.

    Below 20 the generator's own sampler draws. From 20 on a normal draw is bent to the Poisson
    distribution's skewness and kurtosis (Cornish-Fisher expansion with the correction for whole
    numbers); over four million draws the histogram is within the sampling error of the exact one.

    Parameters
    ----------
    mean
        Expected counts, none negative, any shape.

    Returns
    -------
    ndarray
        float32 whole numbers, same shape.
    """
    mean = np.asarray(mean, dtype=np.float32)
    many = mean >= _EXACT_BELOW
    if many.all():
        return _poisson_of_many(mean, rng)
    counts = np.empty(mean.shape, dtype=np.float32)
    counts[~many] = rng.poisson(mean[~many])
    counts[many] = _poisson_of_many(mean[many], rng)
    return counts


def multiply(electrons: Float, gain: float, rng: np.random.Generator) -> Float:
    """Send whole electrons through an electron-multiplying register.

    A register of many stages turns one electron into ``gain`` on average, with the variance ``gain * (gain - 1)``.
    The draw is the gamma distribution with this mean and variance; no electron stays no electron.

    Parameters
    ----------
    electrons
        Electrons that enter, none negative, any shape.
    gain
        Mean number of electrons that come out for one, at least 1.

    Returns
    -------
    ndarray
        float32, same shape, in electrons behind the register.
    """
    electrons = np.asarray(electrons, dtype=np.float32)
    if gain == 1:
        return electrons
    shape = electrons * np.float32(gain / (gain - 1.0))
    return np.asarray(np.float32(gain - 1.0) * rng.standard_gamma(shape, dtype=np.float32))


@dataclass(frozen=True, kw_only=True)
class Camera(Step):
    """Detection by a camera: shot noise, read noise, gain, offset, quantisation, saturation.

    Attributes
    ----------
    quantum_efficiency
        Electrons a photon, in (0, 1].
    dark_electrons
        Expected dark signal a pixel, in electrons.
    em_gain
        Mean multiplication by the register of an electron-multiplying camera; ``None`` for all other cameras.
    read_noise_electrons
        Standard deviation of the read noise, in electrons behind the register.
    gain_electrons_per_adu
        Electrons behind the register a grey level.
    offset_adu
        Grey level of darkness.
    bits
        Round to whole grey levels and saturate at ``2**bits - 1``; ``None`` leaves the floats.
    shot_noise
        False for infinitely many photons; then the register adds no noise either.
    averaged
        The image is the mean of so many exposures.
    """

    kind: ClassVar[str] = "camera"
    title: ClassVar[str] = "Camera"
    stage: ClassVar[int] = 5

    quantum_efficiency: float = quantity(
        1.0, "quantum efficiency", "e-/photon", low=1e-6, high=1.0,
        help="Share of the photons that the camera detects; 0.8 is common.",
    )  # fmt: skip
    dark_electrons: float = quantity(
        0.0, "dark signal", "e-", low=0.0, high=1e9, advanced=True,
        help="Electrons that a pixel collects during the exposure without any light.",
    )  # fmt: skip
    em_gain: float | None = quantity(
        None, "EM gain", low=1.0, high=1e4, none_means="no EM camera", logarithmic=True, advanced=True,
        help="Mean multiplication of the electrons in an EMCCD camera before they are read; 100 to 300 is common.",
    )  # fmt: skip
    read_noise_electrons: float = quantity(
        0.0, "read noise", "e-", low=0.0, high=1e6,
        help="Noise that reading a pixel adds, as a standard deviation; 1 to 3 for sCMOS, 5 to 10 for CCD cameras.",
    )  # fmt: skip
    gain_electrons_per_adu: float = quantity(
        1.0, "gain", "e-/grey level", low=1e-6, high=1e6, logarithmic=True,
        help="Electrons that make one grey level, as the camera's data sheet gives them.",
    )  # fmt: skip
    offset_adu: float = quantity(
        0.0, "offset", "grey levels", low=-1e9, high=1e9,
        help="Grey level that the camera gives in the dark; 100 is common.",
    )  # fmt: skip
    bits: int | None = quantity(
        None, "bit depth", "bit", form="whole", low=1, high=32, none_means="not rounded",
        help="The camera gives whole grey levels and saturates at the highest of this bit depth.",
    )  # fmt: skip
    shot_noise: bool = quantity(
        True, "shot noise", form="switch", advanced=True,
        help="Light arrives in single photons, whose number varies; off stands for endlessly much light.",
    )  # fmt: skip
    averaged: int = quantity(
        1, "averaged images", form="whole", low=1, high=1_000_000,
        help="The image is the mean of this many exposures, each with its own noise.",
    )  # fmt: skip

    def __call__(self, image: Float, rng: np.random.Generator) -> Float:
        """Detect an image of expected photons; negative values count as none.

        Returns
        -------
        ndarray
            float32, same shape, in grey levels.

        Raises
        ------
        InputError
            If a pixel is not a number, or holds more than 1e9 electrons.
        """
        electrons = self._electrons(image)
        _require_countable(electrons)
        if self.shot_noise:
            count = np.float32(self.averaged)
            electrons = multiply(poisson(electrons * count, rng), self._register, rng) / count
        else:
            electrons = electrons * np.float32(self._register)
        if self.read_noise_electrons > 0:
            spread = np.float32(self.read_noise_electrons / np.sqrt(self.averaged))
            electrons = electrons + spread * rng.standard_normal(electrons.shape, dtype=np.float32)
        grey = self._grey(electrons)
        full = self.full_scale_adu()
        return grey if full is None else np.clip(np.rint(grey), 0, np.float32(full))

    def expectation(self, image: Float) -> Float:
        """Return the mean grey levels, before rounding and saturation."""
        return self._grey(self._electrons(image) * np.float32(self._register))

    def target(self, image: Float) -> Float:
        """Return the sharp image in grey levels, without noise, rounding and saturation."""
        return self.expectation(image)

    def variance(self, image: Float) -> Float:
        """Return the variance of each pixel's grey level, before rounding and saturation.

        Parameters
        ----------
        image
            Expected photons, any shape.

        Returns
        -------
        ndarray
            float32, same shape, in squared grey levels.
        """
        behind = self._electrons(image) * np.float32(self._register * (2 * self._register - 1))
        shot = behind if self.shot_noise else np.zeros_like(behind)
        electrons = (shot + np.float32(self.read_noise_electrons**2)) / np.float32(self.averaged)
        return np.asarray(electrons / np.float32(self.gain_electrons_per_adu**2))

    def full_scale_adu(self) -> float | None:
        """Return the grey level at which a pixel saturates; ``None`` without a bit depth."""
        return None if self.bits is None else float(2**self.bits - 1)

    def saturated_share(self, image: Float) -> float:
        """Return the share of pixels to expect at full scale, before anything is drawn.

        Each pixel's grey level is taken as normal with its mean and `variance`.

        Parameters
        ----------
        image
            Expected photons, any shape; pixels that are not finite are left out.

        Returns
        -------
        float
            In [0, 1]; 0 without a bit depth.
        """
        from scipy.special import ndtr

        full = self.full_scale_adu()
        image = np.asarray(image)
        image = image[np.isfinite(image)]
        if full is None or not image.size:
            return 0.0
        above = self.expectation(image).astype(np.float64) - (full - 0.5)
        # A camera without noise has a sharp limit, which the tiny spread stands for.
        spread = np.sqrt(np.maximum(self.variance(image), 1e-12))
        return float(ndtr(above / spread).mean())

    @property
    def _register(self) -> float:
        return 1.0 if self.em_gain is None else self.em_gain

    def _electrons(self, image: Float) -> Float:
        photons = np.maximum(np.asarray(image, dtype=np.float32), 0)
        return photons * np.float32(self.quantum_efficiency) + np.float32(self.dark_electrons)

    def _grey(self, electrons: Float) -> Float:
        return np.asarray(electrons / np.float32(self.gain_electrons_per_adu) + np.float32(self.offset_adu))


@dataclass(frozen=True, kw_only=True)
class GaussianNoise(Step):
    """Additive Gaussian noise that does not depend on the signal.

    Attributes
    ----------
    sigma
        Standard deviation in the image's units.
    sigma_of_peak
        Further standard deviation as a share of the image's maximum; variances add.
    """

    kind: ClassVar[str] = "gaussian_noise"
    title: ClassVar[str] = "Gaussian noise"
    stage: ClassVar[int] = 5

    sigma: float = quantity(
        0.0, "standard deviation", "grey levels", low=0.0, high=1e9,
        help="Noise of the same strength everywhere, in the units of the image.",
    )  # fmt: skip
    sigma_of_peak: float = quantity(
        0.0, "share of the peak", low=0.0, high=100.0,
        help="Further noise as a share of the brightest pixel: 0.02 adds 2 % of it.",
    )  # fmt: skip

    def __call__(self, image: Float, rng: np.random.Generator) -> Float:
        """Add the noise; float32, same shape. Pixels that are not finite stay so and do not count for the peak."""
        image = np.asarray(image)
        peak = float(image.max(initial=0.0, where=np.isfinite(image)))
        sigma = np.hypot(self.sigma, self.sigma_of_peak * peak)
        image = np.asarray(image, dtype=np.float32)
        if sigma == 0:
            return image
        return image + np.float32(sigma) * rng.standard_normal(image.shape, dtype=np.float32)


def _require_countable(electrons: Float) -> None:
    highest = float(electrons.max(initial=0.0))
    if np.isnan(highest):
        raise InputError(
            f"{int(np.isnan(electrons).sum())} of {electrons.size} pixels are not numbers, so there are no photons "
            "to count: fill or crop them first."
        )
    if highest > _MOST_ELECTRONS:
        raise InputError(
            f"The image holds {highest:.3g} electrons in a pixel, above {_MOST_ELECTRONS:g}: lower the photons."
        )


def _poisson_of_many(mean: Float, rng: np.random.Generator) -> Float:
    normal = rng.standard_normal(mean.shape, dtype=np.float32)
    squared = normal * normal
    # Rounding to whole numbers adds a variance of 1/12, so the continuous draw has that much less.
    spread = np.sqrt(mean - np.float32(1.0 / 12.0))
    skewed = (squared - 1) * np.float32(1.0 / 6.0) + normal * (1 - squared) / (72 * spread)
    return np.asarray(np.rint(mean + spread * normal + skewed))
