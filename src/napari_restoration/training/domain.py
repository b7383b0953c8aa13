"""What a model has seen, in numbers: so that an image unlike its training data can be told from one alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.floating[Any]]

RINGS = 16
# White noise has power in proportion to the area of a ring.
_RING_AREA = 2.0 * np.arange(RINGS) + 1.0
# Chosen on degraded training images: with it, blur is told best and noise alone least.
_COARSE_SHARE = 0.35
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


def middle_detail(log10_power: Float) -> float:
    """How far detail of 5 to 16 pixels stands above the finest, in decades, allowing for the coarsest structures.

    Out of focus, or with pixels far too fine, only the coarsest structures are left above the noise, and this falls.
    Densities are held against white noise; of that of the coarsest structures about a third is taken off, which makes
    strong and faint ones alike.

    Parameters
    ----------
    log10_power : ndarray
        ``(16,)``: base-10 logarithm of `radial_power`. Coarsest are its rings 0 and 1, middle 2 to 5 (1/16 to 3/16
        cycles a pixel), finest those from 8 on (1/4 cycles a pixel to Nyquist).
    """
    density = np.asarray(log10_power, dtype=np.float64) - np.log10(_RING_AREA / _RING_AREA.sum())
    return float(density[2:6].mean() - density[8:].mean() - _COARSE_SHARE * density[:2].mean())


def signal_share(log10_power: Float) -> float:
    """Share of the power that stands above white noise of the level of the four outermost rings; 0 to 1.

    Parameters
    ----------
    log10_power : ndarray
        ``(16,)``: base-10 logarithm of `radial_power`.
    """
    power = 10.0 ** np.asarray(log10_power, dtype=np.float64)
    floor = power[-4:].sum() / _RING_AREA[-4:].sum()
    return float(np.maximum(power - floor * _RING_AREA, 0.0).sum() / max(power.sum(), 1e-30))


def domain_statistics(images: Iterable[Float]) -> dict[str, Any]:
    """Statistics over normalised inputs ``(Y, X)`` for a model card, as plain JSON values.

    Returns
    -------
    dict
        ``noise_level``: 5th, 50th and 95th percentile over the images of `noise_level`;
        ``intensity_quantiles``: of all pixels; ``log10_radial_power``: mean and standard deviation over the
        images of the logarithm of `radial_power`; ``images``: how many; ``middle_detail``, ``signal_share`` and
        ``median``: 5th, 50th and 95th percentile over the images of these functions and of the median intensity.
    """
    noise: list[float] = []
    spectra: list[NDArray[np.float64]] = []
    quantiles: list[NDArray[np.float64]] = []
    for image in images:
        noise.append(noise_level(image))
        spectra.append(np.log10(radial_power(image) + 1e-12))
        quantiles.append(np.quantile(image, QUANTILES))
    middle = QUANTILES.index(0.5)
    return {
        "images": len(noise),
        "noise_level": _spread(noise),
        "intensity_quantiles": {
            str(q): _rounded(x) for q, x in zip(QUANTILES, np.mean(quantiles, axis=0), strict=True)
        },
        "log10_radial_power": {
            "mean": [_rounded(x) for x in np.mean(spectra, axis=0)],
            "sd": [_rounded(x) for x in np.std(spectra, axis=0)],
        },
        "middle_detail": _spread([middle_detail(one) for one in spectra]),
        "signal_share": _spread([signal_share(one) for one in spectra]),
        "median": _spread([float(one[middle]) for one in quantiles]),
    }


def _spread(values: Sequence[float]) -> dict[str, float]:
    levels = np.percentile(values, [5, 50, 95])
    return {name: _rounded(x) for name, x in zip(("p5", "p50", "p95"), levels, strict=True)}


def _rounded(value: float) -> float:
    return float(f"{float(value):.4g}")
