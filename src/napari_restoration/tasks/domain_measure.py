"""What is measured of an image to hold it against a model's training data: a bounded sample of windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.core.normalize import check_exact
from napari_restoration.training.domain import QUANTILES, noise_level, radial_power

Float = npt.NDArray[np.floating[Any]]

# As large as the fields that networks are trained on, so that the same frequencies fall into the same rings.
SIDE = 160
SMALLEST_SIDE = 64
# Four looks of at most 512 x 512 pixels: a second's work on any image.
_LOOKS = 4
_LOOK_SIDE = 512
# Training takes the busiest of three random regions; of a look's windows, the busiest third.
_BUSIEST = 3


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Medians over the windows of one image, each normalised by its own percentiles.

    Attributes
    ----------
    noise
        Standard deviation of the pixel noise; 1 is the range from the low to the high percentile.
    quantiles
        ``(7,)``: intensities at `training.domain.QUANTILES`.
    power
        ``(16,)``: base-10 logarithm of the share of the power in each ring.
    saturated
        Share of the pixels at a level where bright values pile up.
    windows
        How many.
    """

    noise: float
    quantiles: Float
    power: Float
    saturated: float
    windows: int


def measure_image(
    image: CalibratedImage,
    low: float,
    high: float,
    *,
    channel: int | None = None,
    at: Mapping[str, int] | None = None,
) -> Sample | None:
    """Measure up to four parts of an image.

    Parameters
    ----------
    image : CalibratedImage
        Only these parts are read.
    low, high : float
        The model's percentiles.
    channel : int, optional
        The one to be restored; the first otherwise.
    at : mapping of str to int, optional
        A plane that is among those looked at.

    Returns
    -------
    Sample or None
        None if the image is smaller than 64 pixels a side, or no window has any contrast.
    """
    if min(image.size_of("Y"), image.size_of("X")) < SMALLEST_SIDE:
        return None
    noise: list[float] = []
    quantiles: list[Float] = []
    powers: list[Float] = []
    saturated: list[float] = []
    for look in _looks(image, channel, at or {}):
        saturated.append(_saturated(look))
        for window in _windows(look):
            bottom, top = np.percentile(window, [low, high])
            if not top - bottom > 1e-6 * max(1.0, abs(float(top))):
                continue
            normal = (window - bottom) / (top - bottom)
            noise.append(noise_level(normal))
            quantiles.append(np.quantile(normal, QUANTILES))
            powers.append(np.log10(radial_power(normal) + 1e-12))
    if not noise:
        return None
    return Sample(
        noise=float(np.median(noise)),
        quantiles=np.median(quantiles, axis=0),
        power=np.median(powers, axis=0),
        saturated=float(np.mean(saturated)),
        windows=len(noise),
    )


def _looks(image: CalibratedImage, channel: int | None, at: Mapping[str, int]) -> Iterator[Float]:
    """Parts of an image, ``(y, x)``: of planes at even spacing, and of a few planes several places."""
    along = [axis for axis in image.axes if axis in "TZ"]
    positions = list(product(*(range(image.size_of(axis)) for axis in along)))
    chosen = tuple(at.get(axis, image.size_of(axis) // 2) for axis in along)
    count = min(_LOOKS, len(positions))
    picked = [positions[(2 * i + 1) * len(positions) // (2 * count)] for i in range(count)]
    if chosen in positions and chosen not in picked:
        picked[count // 2] = chosen
    places = _LOOKS // count
    fixed = {"C": channel or 0, "S": min(1, image.size_of("S") - 1)}
    for position in picked:
        where = {**fixed, **dict(zip(along, position, strict=True))}
        for number in range(places):
            part = _part(image, where, (number + 0.5) / places)
            if part is not None:
                yield part


def _part(image: CalibratedImage, where: Mapping[str, int], share: float) -> Float | None:
    """A part of a plane that lies so far along its longer diagonal; None if there is no finite pixel."""
    key: list[int | slice] = []
    for axis in image.axes:
        size = image.size_of(axis)
        side = min(size, _LOOK_SIDE)
        start = round((size - side) * share)
        key.append(slice(start, start + side) if axis in "YX" else where[axis])
    plane = np.asarray(image.data[tuple(key)])
    if plane.dtype.kind in "iu":
        check_exact(plane)
    plane = plane if image.axes.index("Y") < image.axes.index("X") else plane.T
    finite = plane[np.isfinite(plane)]
    if not finite.size:
        return None
    return fill_missing(plane, float(np.median(finite)))[0].astype(np.float64)


def _windows(look: Float) -> list[Float]:
    """The busiest third of a look's windows."""
    sides = [min(SIDE, length) for length in look.shape]
    starts = [
        np.unique(np.linspace(0, length - side, max(1, round(2 * length / side) - 1)).astype(int))
        for length, side in zip(look.shape, sides, strict=True)
    ]
    windows = [look[y : y + sides[0], x : x + sides[1]] for y in starts[0] for x in starts[1]]
    windows.sort(key=lambda window: -float(window.std()))
    return windows[: max(1, len(windows) // _BUSIEST)]


def _saturated(look: Float) -> float:
    from napari_restoration.degradations.estimates.clipping import find_clipping

    level = find_clipping([look]).high
    return 0.0 if level is None else float(np.mean(look >= level))
