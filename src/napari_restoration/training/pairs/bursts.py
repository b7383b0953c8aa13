"""Training data of a burst from a stream of frames and sharp images, after the paper on TEM image streams.

"TEM image restoration from fast image streams": for each sharp image the best matching frame of the stream and its
neighbours are registered to it, all are cropped to what they have in common, and tiles keep away from grid bars.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import fft, ndimage

from napari_restoration.core.ecc import Alignment, Motion, align, common_region, move
from napari_restoration.core.errors import InputError
from napari_restoration.core.registration import estimate_shift
from napari_restoration.training.sources import mean_bin

Float = npt.NDArray[np.float32]

# Frames are searched on images of about this side; a stream of a thousand frames is then a matter of seconds.
_SEARCHED_SIDE = 256
_CLEAR = 0.6
_NEAR_PX = 3.0


@dataclass(frozen=True, kw_only=True)
class Match:
    """The frame of a stream that shows most of a sharp image.

    Attributes
    ----------
    frame
        Its number.
    peak
        Height of its phase correlation peak, in standard deviations.
    shift_px
        Shift of the frame onto the sharp image, to a few pixels.
    """

    frame: int
    peak: float
    shift_px: tuple[float, float]


@dataclass(frozen=True, eq=False, kw_only=True)
class Burst:
    """Registered frames and the sharp image, on what they have in common.

    Attributes
    ----------
    frames
        ``(T, Y, X)`` float32.
    target
        ``(Y, X)`` float32.
    motions
        How each frame was moved.
    region
        Rows and columns of the sharp image that are left.
    numbers
        Which frames of the stream they are.
    """

    frames: Float
    target: Float
    motions: tuple[Alignment, ...]
    region: tuple[slice, slice]
    numbers: tuple[int, ...]


def scale_window(image: npt.NDArray[Any], low: float, high: float) -> Float:
    """Map grey levels to 0..1 by one window for the whole data set: ``clip((image - low) / (high - low), 0, 1)``.

    Parameters
    ----------
    image : ndarray
        Any shape, camera grey levels.
    low, high : float
        Grey levels that become 0 (a little above metal bars) and 1 (a little above the brightest sample).

    Raises
    ------
    InputError
        If `low` is not below `high`.
    """
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(f"The window is from {low:g} to {high:g}, but must rise: give low < high.")
    scaled = (np.asarray(image, dtype=np.float64) - low) / (high - low)
    return np.clip(scaled, 0, 1).astype(np.float32)


def best_frame(sharp: Float, count: int, read: Callable[[int], Float]) -> Match:
    """Search a stream for the frame that shows most of a sharp image, by phase correlation.

    Parameters
    ----------
    sharp : ndarray
        ``(Y, X)``.
    count : int
        Frames of the stream.
    read : callable
        Gives frame ``(Y, X)`` by its number; one is in memory at a time.

    Raises
    ------
    InputError
        If the stream is empty or its frames are of another size.
    """
    if count < 1:
        raise InputError("The stream has no frames: give at least one.")
    factor = max(1, max(sharp.shape) // _SEARCHED_SIDE)
    wanted = _spectrum(sharp, factor)
    found: list[Match] = []
    for number in range(count):
        frame = read(number)
        if frame.shape != sharp.shape:
            raise InputError(
                f"Frame {number} has {frame.shape[0]} x {frame.shape[1]} pixels, the sharp image {sharp.shape[0]} x "
                f"{sharp.shape[1]}: bin the finer one to the same pixels."
            )
        cross = wanted[0] * np.conj(_spectrum(frame, factor)[0])
        peaks = fft.irfft2(cross / (np.abs(cross) + 1e-20), s=wanted[1])
        spread = float(peaks.std())
        peak = float(peaks.max()) / spread if spread > 0 else 0.0
        place = np.unravel_index(int(np.argmax(peaks)), peaks.shape)
        shift = [
            (int(p) if p <= n // 2 else int(p) - n) * factor for p, n in zip(place, wanted[1], strict=True)
        ]
        found.append(Match(frame=number, peak=peak, shift_px=(float(shift[0]), float(shift[1]))))
    # Neighbouring frames peak about as high; of those that clearly match, the least shifted has most in common.
    clear = [one for one in found if one.peak >= _CLEAR * max(other.peak for other in found)]
    return max(clear, key=lambda one: _common(sharp.shape, one.shift_px))


def _common(shape: tuple[int, ...], shift: tuple[float, float]) -> float:
    height, width = (max(0.0, n - abs(step)) for n, step in zip(shape, shift, strict=True))
    return height * width


def prepare_burst(
    sharp: Float,
    count: int,
    read: Callable[[int], Float],
    *,
    frames: int = 5,
    match: Match | None = None,
    motion: Motion = "translation",
) -> Burst:
    """Take the frames around the best matching one, register each to the sharp image, and crop to the intersection.

    Parameters
    ----------
    sharp : ndarray
        ``(Y, X)``, on the pixels of the stream (bin a finer one by its mean first).
    count : int
        Frames of the stream.
    read : callable
        Gives frame ``(Y, X)`` by its number.
    frames : int
        How many neighbouring frames to take, the best one in their middle as far as the stream goes.
    match : Match, optional
        The matching frame; searched for by default.
    motion : {"translation", "rigid"}
        What registration may do.

    Raises
    ------
    InputError
        If the stream is shorter than `frames`, or a frame has nothing in common with the sharp image.
    """
    if not 1 <= frames <= count:
        raise InputError(f"A burst of {frames} frames cannot be taken from a stream of {count}.")
    found = best_frame(sharp, count, read) if match is None else match
    first = min(max(0, found.frame - frames // 2), count - frames)
    numbers = tuple(range(first, first + frames))
    pictures = [np.asarray(read(number), dtype=np.float32) for number in numbers]
    motions = tuple(_registered(sharp, picture, found.shift_px, motion) for picture in pictures)
    for number, one in zip(numbers, motions, strict=True):
        if math.isnan(one.rho):
            raise InputError(
                f"Frame {number} or what it shares with the sharp image has no contrast: leave this sharp image out."
            )
        if not one.rho > 0.1:
            raise InputError(
                f"Frame {number} could not be registered to the sharp image (correlation {one.rho:.2f}): "
                "name the matching frame, or leave this sharp image out."
            )
    region = common_region((sharp.shape[0], sharp.shape[1]), motions)
    moved = [move(picture, one)[region] for picture, one in zip(pictures, motions, strict=True)]
    return Burst(
        frames=np.stack(moved), target=np.asarray(sharp[region], dtype=np.float32), motions=motions, region=region,
        numbers=numbers,
    )  # fmt: skip


def grid_tiles(scaled: Float, side: int = 128, *, drop_bottom_half: bool = True) -> list[tuple[slice, slice]]:
    """Tiles on a regular grid without metal bars, the paper's for validation and test.

    Training draws patches from such tiles as well: turned by quarters, what lies in them holds no bar.

    Parameters
    ----------
    scaled : ndarray
        ``(Y, X)`` of `scale_window`.
    side : int
        Of the tiles, in pixels.
    drop_bottom_half : bool
        Leave the lower half out, as neighbouring sharp images of the paper overlap by half.

    Returns
    -------
    list of tuple of slice
        Rows and columns of each tile.
    """
    height, width = scaled.shape
    height = height // 2 if drop_bottom_half else height
    places = [
        (slice(y, y + side), slice(x, x + side))
        for y in range(0, height - side + 1, side)
        for x in range(0, width - side + 1, side)
    ]
    return [place for place in places if bool((scaled[place] > 0).all())]


def _registered(sharp: Float, frame: Float, start: tuple[float, float], motion: Motion) -> Alignment:
    """ECC from the search's shift, and from a finer one if that lies elsewhere; the better of the two."""
    starts = [estimate_shift(sharp, frame)]
    # From a few pixels off the search finds the same place.
    if math.dist(starts[0], start) > _NEAR_PX:
        starts.append(start)
    tried = [align(sharp, frame, start_px=one, motion=motion) for one in starts]
    return max(tried, key=lambda one: one.rho if not math.isnan(one.rho) else -2.0)


def _spectrum(plane: Float, factor: int) -> tuple[npt.NDArray[np.complexfloating[Any, Any]], tuple[int, int]]:
    small = mean_bin(np.asarray(plane, dtype=np.float32), factor)
    flat = ndimage.gaussian_filter(small, 1.0) - ndimage.gaussian_filter(small, 8.0)
    window = np.outer(np.hanning(small.shape[0] + 2)[1:-1], np.hanning(small.shape[1] + 2)[1:-1])
    shape = (small.shape[0], small.shape[1])
    return fft.rfft2(flat * window), shape
