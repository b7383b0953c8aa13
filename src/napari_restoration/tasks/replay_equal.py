"""Whether a replay made the same pixels: by the hash in the record, and by the result's own file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import read_image


@dataclass(frozen=True, kw_only=True)
class Equality:
    """The verdict on a replay.

    Attributes
    ----------
    equal
        Whether every bit of every pixel is the same; ``None`` if there is nothing to compare with.
    words
        One sentence.
    different_pixels, largest_difference
        How many pixels differ, and by how much at most; ``None`` without the result's own file.
    """

    equal: bool | None
    words: str
    different_pixels: int | None = None
    largest_difference: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for ``--json``."""
        return asdict(self)


def judge(
    output: Path,
    sha256: str,
    noted_sha256: str,
    result: CalibratedImage | None,
    *,
    causes: Sequence[str] = (),
) -> Equality:
    """Say whether a replay is equal to what it replays.

    Parameters
    ----------
    output : Path
        The file just made.
    sha256, noted_sha256 : str
        Hash of its pixels, and that of the record's result; empty if the record holds none.
    result : CalibratedImage, optional
        The result that carries the record.
    causes : sequence of str
        What is different here, if anything is.
    """
    same_hash = sha256 == noted_sha256 if noted_sha256 else None
    why = (
        ""
        if not causes
        else " The reasons are those told above."
        if len(causes) > 1
        else " The reason is told above."
    )
    if result is None:
        if same_hash is None:
            text = "The record holds no hash of the result, so nobody can tell whether it is equal: replay the file."
            return Equality(equal=None, words=text)
        if same_hash:
            return Equality(
                equal=True, words=f"Equal, bit for bit: the pixels have the record's hash {sha256[:12]}."
            )
        text = (
            f"Not equal: the pixels have the hash {sha256[:12]}, the record's had {noted_sha256[:12]}.{why}"
        )
        return Equality(equal=False, words=text)
    different, total, largest = count_differences(read_image(output, axes=_axes_of(output, result)), result)
    if different == 0:
        return Equality(
            equal=True,
            words=f"Equal, bit for bit, to {result.name}.",
            different_pixels=0,
            largest_difference=0.0,
        )
    numbers = {"different_pixels": different, "largest_difference": largest}
    if same_hash:
        text = (
            f"Equal, bit for bit, to the result of the record, but {result.name} is not that any more: {different} of "
            f"its {total} pixels were changed later."
        )
        return Equality(equal=True, words=text, **numbers)  # type: ignore[arg-type]
    text = (
        f"Not equal: {different} of {total} pixels differ from {result.name}, by {largest:.3g} at most.{why}"
    )
    return Equality(equal=False, words=text, **numbers)  # type: ignore[arg-type]


def count_differences(one: CalibratedImage, other: CalibratedImage) -> tuple[int, int, float]:
    """Pixels that differ between two images whose axes may stand in another order, of how many, and by how much.

    Missing pixels are equal to each other. Of images of another size or type all pixels differ.
    """
    total = int(np.prod(one.shape))
    sizes = {axis: one.size_of(axis) for axis in one.axes}
    same = {axis: other.size_of(axis) for axis in other.axes} == sizes
    if not same or one.dtype.newbyteorder("=") != other.dtype.newbyteorder("="):
        return total, total, float("inf")
    leading = [axis for axis in one.axes if axis not in "YXS"]
    different, largest = 0, 0.0
    for position in product(*(range(sizes[axis]) for axis in leading)):
        at = dict(zip(leading, position, strict=True))
        first, second = (_plane(image, at) for image in (one, other))
        unequal = first != second
        if first.dtype.kind == "f":
            unequal &= ~(np.isnan(first) & np.isnan(second))
        count = int(np.count_nonzero(unequal))
        if count:
            different += count
            gaps = np.abs(first[unequal].astype(np.float64) - second[unequal].astype(np.float64))
            largest = max(largest, float(np.nan_to_num(gaps, nan=np.inf).max()))
    return different, total, largest


def _axes_of(output: Path, result: CalibratedImage) -> str | None:
    return result.axes if output.suffix.lower() == ".npy" else None


def _plane(image: CalibratedImage, at: dict[str, int]) -> npt.NDArray[Any]:
    plane = np.asarray(image.data[tuple(at.get(axis, slice(None)) for axis in image.axes)])
    left = [axis for axis in image.axes if axis in "YXS"]
    return plane.transpose([left.index(axis) for axis in "YXS" if axis in left])
