"""Planes of pairs as training reads them: arrays that stay in their files until a part is cut out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import ndimage

from napari_restoration.core.ecc import align
from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.training.pairs.intensity import fit_line
from napari_restoration.training.pairs.pair import Pair
from napari_restoration.training.pairs.parts import measured_parts
from napari_restoration.training.pairs.stored import Float, Region
from napari_restoration.training.recipe_data import PairSettings
from napari_restoration.training.sources import PairSource, mean_bin

# Cubic splines forget pixels at this distance (their influence falls by 3.7 a pixel).
_SPLINE_REACH = 10


class LazyPlane:
    """One plane of a pair as an array-like of float32 that reads what is cut out of it.

    Parameters
    ----------
    pair : Pair
        The pair; it must be usable, see `Pair.trouble`.
    side : {"input", "target"}
        Which image of it.
    position : mapping of str to int
        Indices along the leading axes.
    gain, offset : float
        Values become ``gain * value + offset``.
    shift_px : tuple of float
        The plane is moved by this, along Y and X, with cubic splines.
    binning : int
        Means over blocks of so many pixels a side.

    Notes
    -----
    `has_missing` tells whether a part read so far had missing pixels.
    Indices are two slices without steps (three of a burst, whose first axis holds the frames), fewer, or none
    (``...``); `numpy.asarray` reads all of it. Missing pixels are filled from their neighbours.
    """

    dtype = np.dtype(np.float32)

    def __init__(
        self,
        pair: Pair,
        side: str,
        position: Mapping[str, int],
        *,
        gain: float = 1.0,
        offset: float = 0.0,
        shift_px: tuple[float, float] = (0.0, 0.0),
        binning: int = 1,
    ) -> None:
        self._pair, self._side, self._position = pair, side, dict(position)
        self._gain, self._offset, self._shift, self._binning = gain, offset, shift_px, binning
        self.has_missing = False
        self._origin = (0, 0)
        self._uncut: LazyPlane | None = None
        self._stored = pair.input if side == "input" else pair.target
        frames = (pair.input.size_of("T"),) if side == "input" and pair.is_burst else ()
        self.shape = (*frames, *(n // binning for n in self._stored.plane_shape))

    def part(self, rows: slice, columns: slice) -> LazyPlane:
        """The plane's own rows and columns from start to stop, as a plane of its own."""
        cut = copy(self)
        cut._uncut = self.uncut
        spans = [span.indices(n)[:2] for span, n in zip((rows, columns), self.shape[-2:], strict=True)]
        cut._origin = (self._origin[0] + spans[0][0], self._origin[1] + spans[1][0])
        cut.shape = (*self.shape[:-2], *(stop - start for start, stop in spans))
        return cut

    @property
    def uncut(self) -> LazyPlane:
        """The plane that this one is a part of, or this one."""
        return self if self._uncut is None else self._uncut

    @property
    def ndim(self) -> int:
        """Number of axes: 2, or 3 of a burst."""
        return len(self.shape)

    def __len__(self) -> int:
        return int(self.shape[0])

    def find_missing(self) -> bool:
        """Whether a pixel is missing, from all of the plane where its type has room for that."""
        if self._stored.dtype.kind == "f":
            reader = self._pair.read_input if self._side == "input" else self._pair.read_target
            plane = reader(self._position)
            # The smallest of values with a NaN among them is NaN.
            self.has_missing |= not (np.isfinite(plane.min()) and np.isfinite(plane.max()))
        return self.has_missing

    @property
    def size(self) -> int:
        """Number of pixels."""
        return int(np.prod(self.shape))

    def __getitem__(self, key: Any) -> Float:
        keys = [*(key if isinstance(key, tuple) else (key,))]
        if Ellipsis in keys:
            at = keys.index(Ellipsis)
            keys[at : at + 1] = [slice(None)] * (self.ndim - len(keys) + 1)
        keys += [slice(None)] * (self.ndim - len(keys))
        if len(keys) != self.ndim or not all(isinstance(k, slice) and k.step in (None, 1) for k in keys):
            raise IndexError("a plane of a pair is cut by one slice without a step for each of its axes")
        spans = [k.indices(n)[:2] for k, n in zip(keys, self.shape, strict=True)]
        rows, columns = (
            (start + first, max(start, stop) + first)
            for (start, stop), first in zip(spans[-2:], self._origin, strict=True)
        )
        part = self._read(rows, columns)
        return part[keys[0]] if self.ndim == 3 else part

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("a plane in a file cannot become an array without copying it")
        return self[...] if dtype is None else self[...].astype(dtype, copy=False)

    def _read(self, rows: tuple[int, int], columns: tuple[int, int]) -> Float:
        bins, wanted, read, inner = self._binning, [], [], []
        for (start, stop), length, shift in zip(
            (rows, columns), self._stored.plane_shape, self._shift, strict=True
        ):
            reach = _SPLINE_REACH + int(np.ceil(abs(shift))) if shift else 0
            first, last = max(0, start * bins - reach), min(length, stop * bins + reach)
            wanted.append((start * bins, stop * bins))
            read.append(slice(first, last))
            inner.append(slice(start * bins - first, stop * bins - first))
        region: Region = (read[0], read[1])
        reader = self._pair.read_input if self._side == "input" else self._pair.read_target
        part, missing = fill_missing(reader(self._position, region), 0.0)
        self.has_missing = self.has_missing or missing is not None
        if any(self._shift):
            moved = ndimage.shift(part, (0.0,) * (part.ndim - 2) + self._shift, order=3, mode="nearest")
            part = moved[..., inner[0], inner[1]]
        if bins > 1:
            part = np.stack([mean_bin(one, bins) for one in part]) if part.ndim == 3 else mean_bin(part, bins)
        if (self._gain, self._offset) != (1.0, 0.0):
            part = part * np.float32(self._gain) + np.float32(self._offset)
        return np.ascontiguousarray(part, dtype=np.float32)


def pair_sources(pairs: Sequence[Pair], settings: PairSettings, *, licence: str = "") -> list[PairSource]:
    """Each plane of each pair as a source that training draws patches from.

    Parameters
    ----------
    pairs : sequence of Pair
        Usable pairs of one scale.
    settings : PairSettings
        With `register` the target is moved onto the input, with `fit` its intensities are mapped to the input's: both
        are measured once, in a part of the plane, and applied to each part when it is read. With
        `bin_input` input pixels are binned.
    licence : str
        Of the images.

    Returns
    -------
    list of PairSource
        Their `input` and `target` are `LazyPlane`, which FieldMaker cuts like arrays. The names are those of the
        pairs, with the plane's place appended where a pair has several.

    Raises
    ------
    InputError
        If a pair cannot be used.
    """
    found = []
    for pair in pairs:
        positions = pair.positions()
        for position in positions:
            gain, offset, shift = _fitted(pair, position, settings)
            given = LazyPlane(pair, "input", position, binning=settings.bin_input)
            target = LazyPlane(pair, "target", position, gain=gain, offset=offset, shift_px=shift)
            place = ",".join(
                f"{axis}={index}" for axis, index in position.items() if pair.target.size_of(axis) > 1
            )
            found.append(
                PairSource(
                    name=f"{pair.name}#{place}" if place else pair.name, licence=licence,
                    input=cast(Float, given), target=cast(Float, target), settings=settings,
                )
            )  # fmt: skip
    return found


def _fitted(
    pair: Pair, position: Mapping[str, int], settings: PairSettings
) -> tuple[float, float, tuple[float, float]]:
    """Gain and offset of the target on the input's scale, and the shift of the target in its pixels."""
    scale = pair.scale or 1
    if not (settings.fit or settings.register):
        return 1.0, 0.0, (0.0, 0.0)
    given, wanted = measured_parts(pair, position)
    if not (np.ptp(given) > 0 and np.ptp(wanted) > 0):
        return 1.0, 0.0, (0.0, 0.0)  # nothing to register or fit
    shift = (0.0, 0.0)
    if settings.register:
        found = align(given, mean_bin(wanted, scale))
        # A real drift is a few pixels; anything larger is a failed search and would spoil the pair.
        if found.has_converged and max(np.abs(found.shift_px)) <= 6:
            shift = (found.shift_px[0] * scale, found.shift_px[1] * scale)
            wanted = ndimage.shift(wanted, shift, order=3, mode="nearest")
    if not settings.fit:
        return 1.0, 0.0, shift
    gain, offset = fit_line(mean_bin(wanted, scale), given)
    return gain, offset, shift
