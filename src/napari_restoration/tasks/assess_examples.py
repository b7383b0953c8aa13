"""Crops of restored images where a training brought most and least, to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_restoration.tasks.assess_images import Float, HeldOut
from napari_restoration.tasks.assess_scores import gains, structured
from napari_restoration.tasks.assessment import Examples

MOST_SIDE = 192
_EACH = 2


@dataclass(frozen=True, eq=False)
class _Crop:
    gain_db: float
    name: str
    y: int
    x: int
    arrays: Mapping[str, Float]


class Crops:
    """Collects crops of equal size and keeps those at both ends.

    Parameters
    ----------
    images : sequence of HeldOut
        What will be added; the smallest decides on the size, at most 192 input pixels.
    scale : int
        Output pixels an input pixel.
    """

    def __init__(self, images: Sequence[HeldOut], scale: int) -> None:
        self._side = min((min(MOST_SIDE, *one.shape) for one in images), default=0)
        self._scale = scale
        self._kept: list[_Crop] = []

    def add(
        self,
        name: str,
        given: Float,
        target: Float,
        restored: Mapping[str, Float],
        errors: tuple[NDArray[np.float64], NDArray[np.float64]],
    ) -> None:
        """Look for crops in one image.

        Parameters
        ----------
        name : str
            Of the image.
        given : ndarray
            ``(Y, X)`` or ``(T, Y, X)``.
        target : ndarray
            ``(Y * scale, X * scale)``.
        restored : mapping of str to ndarray
            ``"after"`` and, if there is one, ``"before"``.
        errors : tuple of ndarray
            Squared errors before and after, on the target's grid.
        """
        side, scale = self._side, self._scale
        if min(given.shape[-2:]) < side or side == 0:
            return
        plane = given.mean(axis=0, dtype=np.float32) if given.ndim == 3 else given
        corners = structured(target, side * scale, max(1, side // 4) * scale)
        found = sorted(
            zip(gains(*errors, corners, side * scale), corners, strict=True), key=lambda one: -one[0]
        )
        chosen = _apart(found, side * scale) + _apart(found[::-1], side * scale)
        for gain, (y, x) in dict.fromkeys(chosen):
            fine = slice(y, y + side * scale), slice(x, x + side * scale)
            own = slice(y // scale, y // scale + side), slice(x // scale, x // scale + side)
            arrays = {"input": plane[own], "target": target[fine]}
            arrays |= {key: values[fine] for key, values in restored.items()}
            copied = {key: np.array(values, dtype=np.float32) for key, values in arrays.items()}
            self._kept.append(_Crop(gain, name, y // scale, x // scale, copied))
        self._kept = self._ends()

    def examples(self) -> Examples | None:
        """Up to two crops that gained most and two that gained least, in this order; None without any."""
        kept = self._ends()
        if not kept:
            return None
        stacks = {key: np.stack([one.arrays[key] for one in kept]) for key in kept[0].arrays}
        return Examples(
            names=tuple(f"{one.name} (y {one.y}, x {one.x})" for one in kept),
            gains_db=tuple(one.gain_db for one in kept), scale=self._scale,
            input=stacks["input"], before=stacks.get("before"), after=stacks["after"], target=stacks["target"],
        )  # fmt: skip

    def _ends(self) -> list[_Crop]:
        ordered = sorted(self._kept, key=lambda one: -one.gain_db)
        if len(ordered) <= 2 * _EACH:
            return self._without_overlap(ordered)
        return self._without_overlap([*ordered[:_EACH], *ordered[-_EACH:]])

    def _without_overlap(self, ordered: list[_Crop]) -> list[_Crop]:
        """In one small image the best and the worst part may be nearly the same: then one is enough."""
        kept: list[_Crop] = []
        for one in ordered:
            if not any(
                one.name == other.name and max(abs(one.y - other.y), abs(one.x - other.x)) < self._side // 2
                for other in kept
            ):
                kept.append(one)
        return kept


def _apart(found: Sequence[tuple[float, tuple[int, int]]], side: int) -> list[tuple[float, tuple[int, int]]]:
    """The first ones that do not overlap each other."""
    kept: list[tuple[float, tuple[int, int]]] = []
    for gain, (y, x) in found:
        if all(max(abs(y - v), abs(x - u)) >= side for _, (v, u) in kept):
            kept.append((gain, (y, x)))
        if len(kept) == _EACH:
            break
    return kept
