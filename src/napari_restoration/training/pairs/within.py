"""A part of each image held out, where all images show one field of view and none can be held out whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar, cast

from napari_restoration.training.good_images import GoodPlane
from napari_restoration.training.pairs.lazy import LazyPlane
from napari_restoration.training.sources import PairSource

Item = TypeVar("Item", PairSource, GoodPlane)


def hold_out_parts(items: Sequence[Item], share: float, patch: int) -> tuple[list[Item], list[Item], str]:
    """Divide each image along its longer side: the last part is held out, half a patch before it is not used.

    Planes, channels and copies of one size are divided in the same place.

    Parameters
    ----------
    items : sequence of PairSource or GoodPlane
        With planes of `LazyPlane`.
    share : float
        Of the longer side that is held out; at least a patch is.
    patch : int
        Side of the patches in input pixels. An image that has no room for two of them and the gap is not divided.

    Returns
    -------
    tuple of list, list, str
        For training, held out, and what the user must know. Nothing is held out if no image has room.
    """
    train: list[Item] = []
    held: list[Item] = []
    for item in items:
        shape = (item.input if isinstance(item, PairSource) else item.image).shape[-2:]
        side = patch if isinstance(item, PairSource) else patch * item.model.binning
        length = max(shape)
        first = length - max(side, round(share * length))
        last = first - side // 2
        if last < side:
            train.append(item)
            continue
        along = "rows" if shape[0] == length else "columns"
        name = f"{item.name}{',' if '#' in item.name else '#'}{along} {first} to {length - 1}"
        train.append(_cut(item, along, 0, last))
        held.append(replace(_cut(item, along, first, length), name=name))
    if not held:
        words = (
            "Validation scores will tell how well they were learned, not how well the model does on others: add "
            f"images of another field, or larger ones (at least {patch * 5 // 2} pixels along one side)."
        )
        return train, held, words
    which = "each" if len(held) == len(items) else f"{len(held)} of {len(items)}"
    overlap = " Where images overlap, some of it is trained on." if len(items) > 1 else ""
    words = (
        f"The last part of {which} is held out instead: validation scores tell how well the model does on the rest "
        f"of this field, not on others.{overlap}"
    )
    return train, held, words


def _cut(item: Item, along: str, first: int, last: int) -> Item:
    def part(plane: LazyPlane, scale: int) -> LazyPlane:
        span, whole = slice(first * scale, last * scale), slice(None)
        return plane.part(span, whole) if along == "rows" else plane.part(whole, span)

    if isinstance(item, GoodPlane):
        return replace(item, image=part(item.image, 1))
    given, target = cast(LazyPlane, item.input), cast(LazyPlane, item.target)
    scale = target.shape[-2] // given.shape[-2]
    return replace(item, input=part(given, 1), target=part(target, scale))  # type: ignore[arg-type]
