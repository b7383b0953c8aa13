"""What a camera makes of an expected number of photons.

``electrons ~ Poisson(quantum_efficiency * photons + dark)`` and
``ADU = electrons / gain + Normal(0, read_noise / gain) + offset``, so that
``variance = (mean - offset) / gain + (read_noise / gain)^2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from napari_restoration.degradations.base import Float, Step, require_range

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


@dataclass(frozen=True, kw_only=True)
class Camera(Step):
    """Detection by a camera: shot noise, read noise, gain, offset, quantisation, saturation.

    Attributes
    ----------
    quantum_efficiency
        Electrons a photon, in (0, 1].
    dark_electrons
        Expected dark signal a pixel, in electrons.
    read_noise_electrons
        Standard deviation of the read noise, in electrons.
    gain_electrons_per_adu
        Electrons a grey level.
    offset_adu
        Grey level of darkness.
    bits
        Round to whole grey levels and saturate at ``2**bits - 1``; ``None`` leaves the floats.
    shot_noise
        False for infinitely many photons.
    averaged
        The image is the mean of so many exposures.
    """

    kind: ClassVar[str] = "camera"
    stage: ClassVar[int] = 5

    quantum_efficiency: float = 1.0
    dark_electrons: float = 0.0
    read_noise_electrons: float = 0.0
    gain_electrons_per_adu: float = 1.0
    offset_adu: float = 0.0
    bits: int | None = None
    shot_noise: bool = True
    averaged: int = 1

    def __post_init__(self) -> None:
        require_range("The quantum efficiency", self.quantum_efficiency, 1e-6, 1.0)
        require_range("The dark signal in electrons", self.dark_electrons, 0.0, 1e9)
        require_range("The read noise in electrons", self.read_noise_electrons, 0.0, 1e6)
        require_range("The gain in electrons per grey level", self.gain_electrons_per_adu, 1e-6, 1e6)
        require_range("The number of averaged images", self.averaged, 1, 1_000_000)
        if self.bits is not None:
            require_range("The bit depth", self.bits, 1, 32)

    def __call__(self, image: Float, rng: np.random.Generator) -> Float:
        """Detect an image of expected photons; negative values count as none.

        Returns
        -------
        ndarray
            float32, same shape, in grey levels.
        """
        electrons = self._electrons(image)
        if electrons.size and float(electrons.max()) > _MOST_ELECTRONS:
            raise ValueError(
                f"The image holds {float(electrons.max()):.3g} electrons in a pixel, above "
                f"{_MOST_ELECTRONS:g}: lower the photons or the exposure."
            )
        if self.shot_noise:
            electrons = poisson(electrons * np.float32(self.averaged), rng) / np.float32(self.averaged)
        if self.read_noise_electrons > 0:
            spread = np.float32(self.read_noise_electrons / np.sqrt(self.averaged))
            electrons = electrons + spread * rng.standard_normal(electrons.shape, dtype=np.float32)
        grey = self._grey(electrons)
        return np.clip(np.rint(grey), 0, np.float32(2**self.bits - 1)) if self.bits is not None else grey

    def expectation(self, image: Float) -> Float:
        """Return the mean grey levels, before rounding and saturation."""
        return self._grey(self._electrons(image))

    def target(self, image: Float) -> Float:
        """Return the sharp image in grey levels, without noise, rounding and saturation."""
        return self.expectation(image)

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
    stage: ClassVar[int] = 5

    sigma: float = 0.0
    sigma_of_peak: float = 0.0

    def __post_init__(self) -> None:
        require_range("The noise's standard deviation", self.sigma, 0.0)
        require_range("The noise's share of the peak", self.sigma_of_peak, 0.0, 100.0)

    def __call__(self, image: Float, rng: np.random.Generator) -> Float:
        """Add the noise; float32, same shape."""
        sigma = np.hypot(self.sigma, self.sigma_of_peak * float(image.max(initial=0.0)))
        image = np.asarray(image, dtype=np.float32)
        if sigma == 0:
            return image
        return image + np.float32(sigma) * rng.standard_normal(image.shape, dtype=np.float32)


def _poisson_of_many(mean: Float, rng: np.random.Generator) -> Float:
    normal = rng.standard_normal(mean.shape, dtype=np.float32)
    squared = normal * normal
    # Rounding to whole numbers adds a variance of 1/12, so the continuous draw has that much less.
    spread = np.sqrt(mean - np.float32(1.0 / 12.0))
    skewed = (squared - 1) * np.float32(1.0 / 6.0) + normal * (1 - squared) / (72 * spread)
    return np.asarray(np.rint(mean + spread * normal + skewed))
