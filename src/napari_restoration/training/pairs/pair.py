"""A pair of a bad and a good image of one scene, of which patches are read when they are needed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.training.pairs.names import scene_of, stem_of
from napari_restoration.training.pairs.stored import WHOLE, Float, Region, StoredImage

SCALES = (1, 2, 3, 4)
"""Whole ratios of target to input pixels that a network can learn."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Pair:
    """An input and its target.

    Attributes
    ----------
    name : str
        Tells the pair from the others of its set.
    input, target : StoredImage
        The two images; their leading axes (T, Z, C) agree, but for a burst, whose target has no T.
    scenes : frozenset of str
        Names of what it shows: two pairs that share one belong to the same side of a split.
    """

    name: str
    input: StoredImage
    target: StoredImage
    scenes: frozenset[str]

    @property
    def is_burst(self) -> bool:
        """Whether the input is a burst of frames of one target."""
        return self.input.size_of("T") > 1 and self.target.size_of("T") == 1

    @property
    def scale(self) -> int | None:
        """Target pixels an input pixel, along each side; ``None`` if that is no whole number from 1 to 4."""
        (height, width), (fine_height, fine_width) = self.input.plane_shape, self.target.plane_shape
        for scale in SCALES:
            if (fine_height, fine_width) == (scale * height, scale * width):
                return scale
        return None

    def trouble(self) -> str:
        """Why patches cannot be cut from the pair: a sentence on shapes, or nothing if all is well."""
        if self.scale is None:
            return (
                f"its input has {_times(self.input.plane_shape)} pixels and its target "
                f"{_times(self.target.plane_shape)}, which is no whole ratio from 1 to 4"
            )
        for axis in "TZC":
            one, other = self.input.size_of(axis), self.target.size_of(axis)
            if one != other and not (axis == "T" and self.is_burst):
                what = {"T": "time", "Z": "plane", "C": "channel"}[axis]
                return f"its input has {one} {what}{'' if one == 1 else 's'} and its target {other}"
        return ""

    def positions(self) -> list[Mapping[str, int]]:
        """Every plane, as indices along T, Z and C; of a burst without T.

        Raises
        ------
        InputError
            If the two images do not fit each other.
        """
        if trouble := self.trouble():
            raise InputError(
                f"The pair {self.name!r} cannot be used: {trouble}. Leave it out, or check the pairs."
            )
        axes = "ZC" if self.is_burst else "TZC"
        ranges = [range(self.target.size_of(axis)) for axis in axes]
        return [dict(zip(axes, place, strict=True)) for place in itertools.product(*ranges)]

    def read_input(self, position: Mapping[str, int], region: Region = WHOLE) -> Float:
        """A part of the input: ``(Y, X)``, of a burst ``(T, Y, X)``, float32."""
        return self.input.read(position, region, frames=self.is_burst)

    def read_target(self, position: Mapping[str, int], region: Region = WHOLE) -> Float:
        """A part of the target, ``(Y, X)`` float32; the region counts target pixels."""
        return self.target.read({"T": 0, **position}, region)


def make_pair(
    given: CalibratedImage | str | Path,
    target: CalibratedImage | str | Path,
    *,
    name: str = "",
    scenes: Sequence[str] = (),
    axes: str | None = None,
) -> Pair:
    """Make a pair of two images in memory or files.

    Parameters
    ----------
    given, target : CalibratedImage or path
        Bad and good image.
    name : str
        Of the pair; the input's name by default.
    scenes : sequence of str
        What it shows; by default what its name says, see `names.scene_of`.
    axes : str, optional
        Meaning of the files' axes, if they do not say it.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    first, second = StoredImage.of(given, axes), StoredImage.of(target, axes)
    chosen = name or stem_of(first.name)
    return Pair(
        name=chosen, input=first, target=second, scenes=frozenset(scenes) or frozenset({scene_of(chosen)})
    )


def _times(shape: tuple[int, int]) -> str:
    return f"{shape[0]} x {shape[1]}"
