"""Beads in an image: where they are, and the light of each without its background."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_restoration.core.errors import InputError

Array = NDArray[np.float64]
Place = tuple[int, ...]

_DETECTED = 8.0  # standard deviations of the smoothed noise: pure noise of 10^8 voxels stays below 6
_KEPT = 3.0  # standard deviations above which light counts
_FAINTEST = 1e-3  # of the peak: less cannot be told from a slope of the background
_SEEN = 0.1  # of the brightest bead: what may be a bead in the way
_ALIKE = 0.5  # beads at least this bright, of the brightest, can serve
_CORE = 0.25  # the part of a bead above this share of its peak must lie inside the image


@dataclass(frozen=True, eq=False, kw_only=True)
class Bead:
    """One bead.

    Attributes
    ----------
    light
        Its image along (Z,) Y, X, without background, zero where nothing stands out from the noise.
    centre
        Its middle in that image, in pixels.
    position
        Its middle in the image it was found in.
    peak
        Height above the background, slightly smoothed.
    """

    light: Array
    centre: tuple[float, ...]
    position: tuple[float, ...]
    peak: float


def find_beads(image: NDArray[Any]) -> list[Bead]:
    """Find the beads that can serve as a PSF.

    Parameters
    ----------
    image
        Shape ``(Z, Y, X)`` or ``(Y, X)``, any unit.

    Returns
    -------
    list of Bead
        Single, whole, not saturated and at least half as bright as the brightest; the brightest first.

    Raises
    ------
    InputError
        If there is no bead, or each lies at the border, is saturated or touches another.
    """
    values = _checked(image)
    smooth = ndimage.gaussian_filter(values, 1.0)
    level, noise = _clipped(smooth)
    if np.ptp(values) == 0 or not smooth.max() - level > _DETECTED * noise:
        raise InputError(
            "No bead stands out from the background; choose an image with bright, separate beads."
        )
    peaks = _peaks(smooth - level, max(_DETECTED * noise, _SEEN * (float(smooth.max()) - level)), noise)
    background, noise = _far_from(peaks, smooth)
    grain = _clipped(values - smooth)[1]
    values, smooth = values - background, smooth - background
    whole_numbers = np.asarray(image).dtype.kind in "iu"
    end = float(np.iinfo(np.asarray(image).dtype).max) - background if whole_numbers else math.inf
    floor = max(_KEPT * noise, _FAINTEST * float(smooth.max()), 1.0 if whole_numbers else 0.0)
    labels, _ = ndimage.label(smooth > floor)
    nearest = _nearest(peaks, values.shape)
    beads, flaws = [], []
    for number, place in enumerate(peaks):
        if smooth[place] < _ALIKE * smooth.max():
            continue
        core = _around(smooth, place, _CORE)
        flaw = _flaw(values, core, place, peaks, end, background)
        if flaw:
            flaws.append(flaw)
            continue
        own = np.broadcast_to(nearest == number, values.shape)
        # The noise's rim is ragged; two pixels more belong to the bead.
        region = ndimage.binary_dilation((labels == labels[place]) & own, iterations=2, mask=own)
        beads.append(_bead(values, smooth, region, core, grain))
    if not beads:
        raise InputError(flaws[0])
    return sorted(beads, key=lambda bead: -bead.peak)


def _bead(
    values: Array, smooth: Array, region: NDArray[np.bool_], core: NDArray[np.bool_], grain: float
) -> Bead:
    box = ndimage.find_objects(region.astype(np.int8))[0]
    # Where light is fainter than five times the grain of a pixel, smoothed values replace the pixels'.
    share = np.clip(smooth[box] / max(5.0 * grain, 1e-30), 0.0, 1.0)
    quiet = share * values[box] + (1.0 - share) * smooth[box]
    position = _centre(values, core)
    return Bead(
        light=np.where(region[box], quiet, 0.0),
        centre=tuple(at - side.start for at, side in zip(position, box, strict=True)),
        position=position,
        peak=float(smooth[core].max()),
    )


def _checked(image: NDArray[Any]) -> Array:
    values = np.asarray(image, dtype=np.float64)
    if values.ndim not in (2, 3):
        raise InputError(f"Beads need an image with the axes YX or ZYX, not one with {values.ndim} axes.")
    if min(values.shape[-2:]) < 8:
        raise InputError(
            f"The image of beads has {values.shape[-2]} x {values.shape[-1]} pixels; at least 8 x 8 help."
        )
    if not np.isfinite(values).all():
        raise InputError("The image of beads holds NaN or infinite values; replace them first.")
    return values


def _clipped(values: Array) -> tuple[float, float]:
    """Mean and standard deviation without what stands out."""
    kept = values.ravel()
    middle, spread = float(np.median(kept)), float(kept.std())
    for _ in range(50):
        kept = kept[np.abs(kept - middle) <= _KEPT * spread]
        before, middle, spread = spread, float(kept.mean()), float(kept.std())
        if spread >= 0.999 * before:
            break
    return middle, spread


def _peaks(smooth: Array, threshold: float, noise: float) -> list[Place]:
    """Places of single maxima, the brightest first; a bump on the shoulder of a brighter one is left out."""
    highest = ndimage.maximum_filter(smooth, size=5)
    found = [
        tuple(int(at) for at in place) for place in np.argwhere((smooth == highest) & (smooth >= threshold))
    ]
    peaks: list[Place] = []
    for place in sorted(found, key=lambda place: -smooth[place]):
        # Between beads lies a valley deeper than noise makes one.
        summit = _around(smooth, place, 1.0 - max(0.1, _KEPT * noise / smooth[place]))
        if not any(summit[brighter] for brighter in peaks):
            peaks.append(place)
    return peaks


def _around(smooth: Array, place: Place, share: float) -> NDArray[np.bool_]:
    """Pixels connected to a peak that are above a share of it."""
    labels, _ = ndimage.label(smooth > share * smooth[place])
    return np.asarray(labels == labels[place])


def _far_from(peaks: list[Place], smooth: Array) -> tuple[float, float]:
    """Background and noise of a smoothed image, from the fifth of each plane that lies farthest from all beads.

    In a stack, out-of-focus light reaches that far in some planes: the darkest tenth of the planes counts.
    """
    planes = smooth if smooth.ndim == 3 else smooth[None]
    alone = np.ones(planes.shape[1:], dtype=bool)
    for place in peaks:
        alone[place[-2:]] = False
    distance = ndimage.distance_transform_edt(alone)
    far = distance >= np.quantile(distance, 0.8)
    levels, spreads = zip(*(_clipped(plane[far]) for plane in planes), strict=True)
    return float(np.quantile(levels, 0.1)), float(np.median(spreads))


def _nearest(peaks: list[Place], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """For each pixel of a plane, the number of the peak nearest to it."""
    rows, columns = np.indices(shape[-2:])
    distances = np.stack([(rows - place[-2]) ** 2 + (columns - place[-1]) ** 2 for place in peaks])
    return np.asarray(distances.argmin(axis=0))


def _flaw(
    values: Array, core: NDArray[np.bool_], place: Place, peaks: list[Place], end: float, background: float
) -> str:
    """Say why a bead cannot serve, or nothing."""
    where = f"The bead at pixel ({', '.join(map(str, place))})"
    highest = float(values[core].max())
    # A plateau at the very top is a detector at its end, whatever its number of bits.
    if highest >= end or np.count_nonzero(values[core] == highest) >= 5:
        return f"{where} is saturated at {highest + background:g}; record it with less light or exposure."
    for axis in range(values.ndim):
        if core.take([0, -1], axis=axis).any():
            hint = "record planes on both sides of it" if values.ndim == 3 and axis == 0 else "choose another"
            return f"{where} lies at the border of the image; {hint}."
    if any(core[other] for other in peaks if other != place):
        return f"{where} touches another; choose an image with separate beads."
    return ""


def _centre(values: Array, core: NDArray[np.bool_]) -> tuple[float, ...]:
    """Middle of a bead under a Gaussian window that follows it, so that the window's first place leaves no bias."""
    places = np.argwhere(core).astype(float)
    weights = values[core]
    centre = (places * weights[:, None]).sum(axis=0) / weights.sum()
    variance = ((places - centre) ** 2 * weights[:, None]).sum(axis=0) / weights.sum()
    sigma = np.maximum(np.sqrt(variance), 0.8)
    window = tuple(_span(c, 4.0 * s, n) for c, s, n in zip(centre, sigma, values.shape, strict=True))
    sides = [np.arange(side.start, side.stop, dtype=float) for side in window]
    for _ in range(50):
        weight = values[window]
        for axis, factor in enumerate(_bells(sides, centre, sigma)):
            weight = weight * factor.reshape([-1 if i == axis else 1 for i in range(values.ndim)])
        total = weight.sum()
        found = [
            (weight.sum(axis=tuple(i for i in range(values.ndim) if i != axis)) @ side) / total
            for axis, side in enumerate(sides)
        ]
        # Under a window as wide as the bead a centroid moves half the way: hence twice.
        move = np.clip(2.0 * (np.array(found) - centre), -1.0, 1.0)
        centre = centre + move
        if np.abs(move).max() < 1e-4:
            break
    return tuple(float(at) for at in centre)


def _bells(sides: list[Array], centre: Array, sigma: Array) -> Iterator[Array]:
    for side, at, width in zip(sides, centre, sigma, strict=True):
        yield np.exp(-0.5 * ((side - at) / width) ** 2)


def _span(middle: float, reach: float, length: int) -> slice:
    return slice(max(0, int(middle - reach)), min(length, int(middle + reach) + 2))
