"""Pixels of a pair that tell nothing: missing, saturated, of one value, or the same in both images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from napari_restoration.degradations.estimates.clipping import find_clipping
from napari_restoration.training.pairs.glance import some_rows
from napari_restoration.training.pairs.pair import Pair
from napari_restoration.training.pairs.stored import Float


@dataclass(frozen=True, kw_only=True)
class Scan:
    """Every pixel of one image of a pair.

    Attributes
    ----------
    missing_share, saturated_share
        Shares of all pixels that are not finite, or at the brightest level if values pile up there.
    is_constant
        Whether every plane has one value only.
    """

    missing_share: float
    saturated_share: float
    is_constant: bool


def scan(pair: Pair) -> tuple[Scan, Scan, bool]:
    """Read every plane of both images, one at a time.

    Returns
    -------
    tuple of Scan, Scan, bool
        Input, target, and whether the two are the same image but for brightness.
    """
    found = []
    identical = pair.scale == 1 and not pair.is_burst
    for side in ("input", "target"):
        one = _Counts()
        for position in pair.positions():
            block = pair.read_input(position) if side == "input" else pair.read_target(position)
            for plane in block if block.ndim == 3 else [block]:
                one.add(plane)
            if side == "target" and identical:
                identical = _is_same(pair.read_input(position), block)
        found.append(one.scan())
    return found[0], found[1], identical


def glance(pair: Pair) -> tuple[Scan, Scan, bool]:
    """As `scan`, of some rows of the middle plane; of a burst its middle frame."""
    (position,) = chosen_planes(pair, 1)
    frame = {"T": pair.input.size_of("T") // 2} if pair.is_burst else {"T": 0}
    rows = some_rows(pair.input, {**frame, **position}), some_rows(pair.target, {"T": 0, **position})
    found = []
    for plane in rows:
        one = _Counts()
        one.add(plane)
        found.append(one.scan())
    return found[0], found[1], pair.scale == 1 and not pair.is_burst and _is_same(*rows)


class _Counts:
    """Pixels of planes, and what is wrong with them."""

    def __init__(self) -> None:
        self._pixels = self._missing = self._saturated = 0
        self._constant = True

    def add(self, plane: Float) -> None:
        finite = np.isfinite(plane)
        values = plane[finite]
        self._pixels += plane.size
        self._missing += plane.size - values.size
        if not values.size or float(np.ptp(values)) == 0:
            return
        self._constant = False
        level = find_clipping([plane]).high
        self._saturated += 0 if level is None else int(np.count_nonzero(values >= level))

    def scan(self) -> Scan:
        return Scan(
            missing_share=self._missing / self._pixels, saturated_share=self._saturated / self._pixels,
            is_constant=self._constant,
        )  # fmt: skip


def chosen_planes(pair: Pair, count: int = 3) -> list[Mapping[str, int]]:
    """The first, middle and last plane of a pair, or as many as it has; of one plane the middle one."""
    positions = pair.positions()
    if count == 1:
        return [positions[len(positions) // 2]]
    places = {round(n) for n in np.linspace(0, len(positions) - 1, min(count, len(positions)))}
    return [positions[n] for n in sorted(places)]


def _is_same(one: Float, other: Float) -> bool:
    """Equal up to gain and offset and rounding."""
    if one.shape != other.shape:
        return False
    finite = np.isfinite(one) & np.isfinite(other)
    if not finite.any():
        return False
    a, b = (plane[finite] - plane[finite].mean(dtype=np.float64) for plane in (one, other))
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return bool(np.isfinite(norms) and norms > 0 and float(np.sum(a * b)) / norms > 1 - 1e-6)
