"""Percentile normalisation with exact percentiles, and its inverse.

Percentiles are order statistics found by counting (radix selection): every value is mapped to an unsigned
integer whose order is that of the values, and its digits of 16 bits are counted from the top down. 8- and 16-bit
images need one pass, 32-bit values two, 64-bit values four; no pass copies more than one plane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, product
from math import ceil, floor
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError

Planes: TypeAlias = Callable[[], Iterable[npt.NDArray[Any]]]

# Percentiles closer to each other than this share of the full range do not describe an image's contrast.
_THIN = 1e-3
_DIGIT = 16
_PIECE = 1 << 18
# Values beyond this are not told apart by float64, in which intensities are computed.
_LARGEST_EXACT_INTEGER = 2**53


class NoFinitePixel(InputError):
    """Every value is NaN or infinite."""


@dataclass(frozen=True)
class Percentiles:
    """The intensities that normalisation maps to 0 and 1.

    Parameters
    ----------
    low, high : float
        In the image's own units.
    minimum, maximum : float
        Range of the finite values, for judging contrast.
    """

    low: float
    high: float
    minimum: float
    maximum: float

    @property
    def has_contrast(self) -> bool:
        """Whether there are two different intensities to spread."""
        return self.high > self.low

    def normalize(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Map `low` to 0 and `high` to 1, without clipping (methods: ``percentile``).

        The offset is subtracted in float64, so that integers above 2**24 keep their differences.
        """
        if values.dtype.itemsize <= 2 and values.dtype.kind in "iu":
            # Exact in float32, and half the memory traffic.
            shifted = values.astype(np.float32) - np.float32(self.low)
            return shifted * np.float32(1.0 / self._span)
        with np.errstate(
            over="ignore"
        ):  # what is too large for float32 becomes infinite, which the result tells
            return ((values.astype(np.float64) - self.low) / self._span).astype(np.float32)

    def undo(self, values: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Map 0 back to `low` and 1 to `high`. float64, on the image's own scale."""
        return values.astype(np.float64) * self._span + self.low

    @property
    def _span(self) -> float:
        return self.high - self.low + 1e-20


NOTHING = Percentiles(0.0, 0.0, 0.0, 0.0)
"""Stands for the statistics of a channel without any finite pixel."""


def measure(planes: Planes, low: float, high: float) -> Percentiles:
    """Find the percentiles that normalise an image.

    Sparse bright objects on an empty background can leave both percentiles in the background. If they span
    less than a thousandth of the full range, the upper one moves to 99.99 and then to the maximum. Sparse dark
    objects on a flat bright background do the reverse; then the lower one moves to the minimum. Single pixels
    that no neighbour confirms do not count for the range: a hot one must not flatten a dim image.

    Parameters
    ----------
    planes : callable
        Gives the planes anew each time it is called.
    low, high : float
        Percents, 0 <= low < high <= 100.

    Returns
    -------
    Percentiles
        Intensities in the image's own units.

    Raises
    ------
    NoFinitePixel
        If no pixel is finite.
    InputError
        If integers are too large for float64.
    """
    minimum, bottom, top, wide, maximum = exact_percentiles(planes, [0.0, low, high, max(high, 99.99), 100.0])
    if top > bottom and top - bottom >= _THIN * (maximum - minimum):
        return Percentiles(bottom, top, minimum, maximum)
    highest, lowest = _confirmed(planes, top, bright=True), _confirmed(planes, bottom, bright=False)
    for candidate in (top, min(wide, highest), highest):
        if candidate > bottom and candidate - bottom >= _THIN * (highest - lowest):
            return Percentiles(bottom, candidate, minimum, maximum)
    if highest > lowest:
        return Percentiles(lowest, highest, minimum, maximum)
    return Percentiles(minimum, maximum, minimum, maximum)


def _confirmed(planes: Planes, limit: float, *, bright: bool) -> float:
    """The most extreme value beyond a limit that one of the eight neighbouring pixels reaches as well."""
    sign = 1.0 if bright else -1.0
    best = sign * limit
    for plane in planes():
        stack = np.asarray(plane).reshape(-1, *plane.shape[-2:])
        beyond = (stack > limit) if bright else (stack < limit)
        z, y, x = np.nonzero(beyond & np.isfinite(stack))
        neighbour = np.full(z.size, -np.inf)
        for dy, dx in product((-1, 0, 1), repeat=2):
            inside = (y + dy >= 0) & (y + dy < stack.shape[1]) & (x + dx >= 0) & (x + dx < stack.shape[2])
            if dy or dx:
                values = sign * stack[z[inside], y[inside] + dy, x[inside] + dx].astype(np.float64)
                neighbour[inside] = np.fmax(neighbour[inside], values)
        reached = np.minimum(sign * stack[z, y, x].astype(np.float64), neighbour)
        best = max(best, float(reached.max(initial=-np.inf)))
    return sign * best


def exact_percentiles(planes: Planes, percents: Sequence[float]) -> list[float]:
    """Percentiles of all finite values, interpolated linearly as `numpy.percentile` does.

    Parameters
    ----------
    planes : callable
        Gives the planes (any shape, one dtype) anew each time it is called.
    percents : sequence of float
        0..100.

    Returns
    -------
    list of float
        One value for each percent.

    Raises
    ------
    NoFinitePixel
        If no value is finite.
    InputError
        If integers are too large for float64.
    """
    counts: npt.NDArray[np.int64] | None = None
    dtype: np.dtype[Any] | None = None
    for plane in planes():
        dtype = _counted_type(plane.dtype)
        for keys in _keys(plane, dtype):
            digits = keys >> keys.dtype.type(8 * dtype.itemsize - _DIGIT) if dtype.itemsize > 2 else keys
            counts = _add(counts, np.bincount(digits, minlength=1 << min(_DIGIT, 8 * dtype.itemsize)))
    if counts is None or dtype is None or not counts.sum():
        raise NoFinitePixel("No pixel has a finite value: there is nothing to restore; check the export.")
    total = int(counts.sum())
    positions = [percent / 100 * (total - 1) for percent in percents]
    ranks = sorted({rank for at in positions for rank in (floor(at), ceil(at))})
    values = dict(zip(ranks, _select(planes, dtype, counts, ranks), strict=True))
    return [values[floor(at)] + (values[ceil(at)] - values[floor(at)]) * (at - floor(at)) for at in positions]


def _select(
    planes: Planes, dtype: np.dtype[Any], counts: npt.NDArray[np.int64], ranks: Sequence[int]
) -> list[float]:
    """Values at the given ranks, one more digit of their keys in each pass."""
    found = [_descend(counts, rank) for rank in ranks]
    prefixes = [digit for digit, _ in found]
    remaining = [rest for _, rest in found]
    for level in range(1, _levels(dtype)):
        tables: dict[int, npt.NDArray[np.int64]] = {}
        below = 8 * dtype.itemsize - _DIGIT * level
        for keys in chain.from_iterable(_keys(plane, dtype) for plane in planes()):
            number = keys.dtype.type
            above = keys >> number(below)
            for prefix in set(prefixes):
                digits = keys[above == number(prefix)] >> number(below - _DIGIT) & number((1 << _DIGIT) - 1)
                tables[prefix] = _add(
                    tables.get(prefix), np.bincount(digits.astype(np.intp), minlength=1 << _DIGIT)
                )
        found = [_descend(tables[prefix], rest) for prefix, rest in zip(prefixes, remaining, strict=True)]
        prefixes = [prefix << _DIGIT | digit for prefix, (digit, _) in zip(prefixes, found, strict=True)]
        remaining = [rest for _, rest in found]
    return [_value(key, dtype) for key in prefixes]


def _descend(counts: npt.NDArray[np.int64], rank: int) -> tuple[int, int]:
    cumulative = np.cumsum(counts)
    digit = int(np.searchsorted(cumulative, rank, side="right"))
    return digit, rank - (int(cumulative[digit - 1]) if digit else 0)


def _counted_type(dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.kind == "f":
        return np.dtype(np.float32) if dtype.itemsize <= 4 else np.dtype(np.float64)
    return dtype.newbyteorder("=")


def _keys(plane: npt.NDArray[Any], dtype: np.dtype[Any]) -> Iterator[npt.NDArray[Any]]:
    """Unsigned integers in the order of the plane's finite values, in pieces that stay in the cache."""
    flat = np.asarray(plane).reshape(-1)
    unsigned = np.dtype(f"u{dtype.itemsize}")
    top = unsigned.type(1 << (8 * dtype.itemsize - 1))
    for start in range(0, flat.size, _PIECE):
        piece = flat[start : start + _PIECE].astype(dtype, copy=False)
        if dtype.kind in "iu":
            if dtype.itemsize == 8:
                check_exact(piece)
            yield piece if dtype.kind == "u" else piece.view(unsigned) ^ top
            continue
        # Adding zero makes -0.0 equal to 0.0; negative floats sort backwards, so all their bits are turned.
        finite = np.isfinite(piece)
        raw = ((piece if finite.all() else piece[finite]) + dtype.type(0)).view(unsigned)
        yield np.where(raw & top, ~raw, raw | top)


def check_exact(values: npt.NDArray[Any]) -> None:
    """Refuse integers that float64 cannot hold.

    Raises
    ------
    InputError
        If one is beyond 2**53.
    """
    lowest, highest = int(values.min()), int(values.max())
    if max(highest, -lowest) > _LARGEST_EXACT_INTEGER:
        raise InputError(
            f"Intensities reach {highest if highest > -lowest else lowest}, beyond 2**53: subtract an offset, "
            f"such as the minimum {lowest}, and convert to a smaller type first."
        )


def _levels(dtype: np.dtype[Any]) -> int:
    return max(1, 8 * dtype.itemsize // _DIGIT)


def _value(key: int, dtype: np.dtype[Any]) -> float:
    bits = 8 * dtype.itemsize
    top = 1 << (bits - 1)
    if dtype.kind == "u":
        return float(key)
    if dtype.kind == "i":
        return float(key - top)
    raw = key ^ top if key & top else key ^ ((1 << bits) - 1)
    return float(np.array([raw], dtype=f"u{dtype.itemsize}").view(dtype)[0])


def _add(total: npt.NDArray[np.int64] | None, counts: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    return counts.astype(np.int64) if total is None else total + counts
