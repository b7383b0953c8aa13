"""The darkest and the brightest level of noisy planes, without what noise adds to either end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.degradations.estimates.clipping import Clipping
from napari_restoration.degradations.estimates.residuals import Samples

_SECOND = np.array([1.0, -2.0, 1.0]) / np.sqrt(6.0)


def darkest(samples: Samples) -> float:
    """Mean of the hundredth of pixels whose surroundings are darkest.

    Pixels are chosen by the ring around them and averaged without it, so that noise does not make it darker.
    """
    chosen = samples.level <= np.percentile(samples.level, 1)
    return samples.common + float(samples.mean[chosen].mean(dtype=np.float64))


def brightest(planes: Sequence[npt.NDArray[Any]], clipping: Clipping) -> tuple[float, float]:
    """The 99.9th percentile of the planes without noise, and how far it may be off.

    Noise of variance v moves the percentile of a tail that falls e-fold over t by ``v / (2 t)``, exact for an
    exponential tail, which is taken off. Where it moves it by more than a twentieth of the range, means of 3 x 3
    pixels are used, with a ninth of the variance, at the cost of rounding off thin bright structure. The error
    is half of what was taken off, and half of the difference between the two.
    """
    plain, smooth, rough = [], [], []
    for plane in planes:
        filled, missing = fill_missing(plane, 0.0)
        values = filled.astype(np.float32)
        keep = np.ones(values.shape, bool) if missing is None else ~missing
        second = ndimage.correlate1d(ndimage.correlate1d(values, _SECOND, axis=0), _SECOND, axis=1)
        plain.append(values[keep])
        smooth.append(ndimage.uniform_filter(values, 3)[keep])
        rough.append(np.square(second[keep]))
    values, means, squares = (np.concatenate(images) for images in (plain, smooth, rough))
    typical, wide, high = (float(v) for v in np.percentile(means, (50, 99, 99.9)))
    if clipping.high is not None and high >= clipping.high:
        return high, 0.0
    # The median of squares of a normal variate is 0.455 of its variance.
    variance = float(np.median(squares[means >= wide])) / 0.455
    sharp, smooth_top = _without_noise(values, variance), _without_noise(means, variance / 9)
    moved = float(np.percentile(values, 99.9)) - sharp
    if moved <= 0.05 * (high - typical):
        return sharp, moved / 2
    return smooth_top, (high - smooth_top) / 2 + abs(sharp - smooth_top) / 2


def _without_noise(values: npt.NDArray[np.float32], variance: float) -> float:
    wide, high = (float(v) for v in np.percentile(values, (99, 99.9)))
    tail = (high - wide) / np.log(10)
    return max(wide, high - variance / (2 * tail)) if tail > 0 else high
