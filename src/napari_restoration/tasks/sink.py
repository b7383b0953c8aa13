"""Where finished cores go: back on the input's intensity scale, into an array of the wanted type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.nonfinite import enlarge
from napari_restoration.core.normalize import Percentiles
from napari_restoration.core.tiling import Float, Region


class IntensitySink:
    """Takes the network's values and stores intensities.

    Parameters
    ----------
    target : ndarray
        ``(C, [Z,] Y, X)`` of the output's type, a view of the result.
    percentiles : sequence of Percentiles
        The normalisation to undo, one entry for each channel of `target`.
    missing : ndarray of bool or None
        ``([Z,] Y, X)`` of the *input*: pixels that stay missing.
    scale : int
        Output pixels for each input pixel.
    origin : sequence of int
        Position of the target's first pixel in the output, along the spatial axes.
    """

    def __init__(
        self,
        target: npt.NDArray[Any],
        percentiles: Sequence[Percentiles],
        missing: npt.NDArray[np.bool_] | None,
        scale: int,
        origin: Sequence[int],
    ) -> None:
        self._target = target
        self._percentiles = percentiles
        self._missing = missing
        self._scale = scale
        self._origin = origin
        self._is_whole = target.dtype.kind in "iu"
        self._limits: Any = np.iinfo(target.dtype) if self._is_whole else np.finfo(target.dtype)
        self.clipped = 0
        self.invalid = 0

    def __setitem__(self, region: Region, values: Float, /) -> None:
        """Store one core. Channels beyond the target's (a Laplace scale) are left out."""
        place = self._clip_to_target(region)
        if place is None:
            return
        where, part = place
        for channel, percentiles in enumerate(self._percentiles):
            intensities = percentiles.undo(values[channel][part])
            # Written so that NaN counts as out of range, too.
            if self._is_whole or not np.abs(intensities).max() <= self._limits.max:
                intensities = self._clipped(intensities, percentiles.low)
            if self._missing is not None and not self._is_whole:
                coarse = tuple(
                    slice((w.start + o) // self._scale, -(-(w.stop + o) // self._scale))
                    for w, o in zip(where, self._origin, strict=True)
                )
                holes = enlarge(self._missing[coarse], self._scale)
                skip = tuple(
                    slice((w.start + o) % self._scale, (w.start + o) % self._scale + w.stop - w.start)
                    for w, o in zip(where, self._origin, strict=True)
                )
                intensities[holes[skip]] = np.nan
            self._target[channel][where] = intensities

    def _clip_to_target(self, region: Region) -> tuple[Region, Region] | None:
        where, part = [], []
        lengths = self._target.shape[1:]
        for axis, origin, length in zip(region[1:], self._origin, lengths, strict=True):
            start, stop = max(axis.start - origin, 0), min(axis.stop - origin, length)
            if start >= stop:
                return None
            where.append(slice(start, stop))
            part.append(slice(start + origin - axis.start, stop + origin - axis.start))
        return tuple(where), tuple(part)

    def _clipped(self, intensities: npt.NDArray[np.float64], low: float) -> npt.NDArray[np.float64]:
        """Bring intensities into the target's range, counting those outside and those that are no numbers."""
        invalid = ~np.isfinite(intensities)
        if invalid.any():
            self.invalid += int(np.count_nonzero(invalid))
            intensities = np.where(invalid, low if self._is_whole else np.nan, intensities)
        if self._is_whole:
            intensities = np.rint(intensities)
        bottom, top = float(self._limits.min), float(self._limits.max)
        self.clipped += int(
            np.count_nonzero((intensities < self._limits.min) | (intensities > self._limits.max))
        )
        if self._is_whole and int(top) > self._limits.max:
            top = float(np.nextafter(top, 0))  # the largest 64-bit integers have no float64 of their own
        clipped: npt.NDArray[np.float64] = intensities.clip(bottom, top)
        return clipped
