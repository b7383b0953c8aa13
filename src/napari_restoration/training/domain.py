"""What a model has seen, in numbers: so that an image unlike its training data can be told from one alike."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating[Any]]

RINGS = 16
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def noise_level(image: Float) -> float:
    """Standard deviation of pixel noise, from the median absolute diagonal difference of 2 x 2 blocks.

    Parameters
    ----------
    image : ndarray
        ``(Y, X)``, in any unit; the result has the same.
    """
    height, width = (n // 2 * 2 for n in image.shape)
    even = image[:height, :width]
    detail = (even[::2, ::2] - even[1::2, ::2] - even[::2, 1::2] + even[1::2, 1::2]) / 2
    return float(np.median(np.abs(detail)) / 0.6745)


def radial_power(image: Float) -> NDArray[np.float64]:
    """Share of the power in 16 rings of equal width from zero frequency to Nyquist, of a windowed image.

    Returns
    -------
    ndarray
        ``(16,)``, sum 1; all zero for a constant image.
    """
    window = np.outer(np.hanning(image.shape[0]), np.hanning(image.shape[1]))
    power = np.abs(np.fft.fft2((image - image.mean()) * window)) ** 2
    frequency = np.hypot(*np.meshgrid(*(np.fft.fftfreq(n) for n in image.shape), indexing="ij"))
    ring = np.minimum((frequency / 0.5 * RINGS).astype(int), RINGS)
    total = np.bincount(ring.ravel(), weights=power.ravel(), minlength=RINGS + 1)[:RINGS]
    return np.asarray(total / max(float(total.sum()), 1e-30))


def domain_statistics(images: Iterable[Float]) -> dict[str, Any]:
    """Statistics over normalised inputs ``(Y, X)`` for a model card, as plain JSON values.

    Returns
    -------
    dict
        ``noise_level``: 5th, 50th and 95th percentile over the images of `noise_level`;
        ``intensity_quantiles``: of all pixels; ``log10_radial_power``: mean and standard deviation over the
        images of the logarithm of `radial_power`; ``images``: how many.
    """
    noise: list[float] = []
    spectra: list[NDArray[np.float64]] = []
    quantiles: list[NDArray[np.float64]] = []
    for image in images:
        noise.append(noise_level(image))
        spectra.append(np.log10(radial_power(image) + 1e-12))
        quantiles.append(np.quantile(image, QUANTILES))
    levels = np.percentile(noise, [5, 50, 95])
    return {
        "images": len(noise),
        "noise_level": {name: _rounded(x) for name, x in zip(("p5", "p50", "p95"), levels, strict=True)},
        "intensity_quantiles": {
            str(q): _rounded(x) for q, x in zip(QUANTILES, np.mean(quantiles, axis=0), strict=True)
        },
        "log10_radial_power": {
            "mean": [_rounded(x) for x in np.mean(spectra, axis=0)],
            "sd": [_rounded(x) for x in np.std(spectra, axis=0)],
        },
    }


def _rounded(value: float) -> float:
    return float(f"{float(value):.4g}")
