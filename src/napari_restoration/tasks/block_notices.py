"""What a user is told about pixels that could not be restored as they are, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_restoration.core.tiling import SMALLEST_TILE

if TYPE_CHECKING:
    from napari_restoration.models.any_model import AnyModel


def count_notices(
    name: str, *, missing: int, invalid: int, clipped: int, precision: str, dtype: np.dtype[Any]
) -> list[tuple[str, str]]:
    """Sentences on the counts that are not zero.

    Parameters
    ----------
    name : str
        The image's name.
    missing, invalid, clipped : int
        Pixels that were no numbers in the input, are none in the result, or lay outside the result's range.
    precision : str
        Arithmetic of the network.
    dtype : dtype
        Type of the result.

    Returns
    -------
    list of tuple
        The part of each sentence by which an older count is found and replaced, and the sentence.
    """
    told = []
    if missing:
        text = (
            f"{missing} pixels of {name!r} are NaN or infinite: they were filled for the network and stay missing in "
            "the result."
        )
        told.append(("are NaN or infinite", text))
    if invalid:
        text = (
            f"{invalid} pixels of the result are no numbers: the values there are too extreme for the network in "
            f"{precision}."
        )
        told.append(("of the result are no numbers", text))
    if clipped:
        text = f"{clipped} pixels of the result were clipped to the range of {dtype}."
        told.append(("were clipped to the range", text))
    return told


def memory_text(
    name: str, model: AnyModel, shape: Sequence[int], tile: Sequence[int], *, is_chosen: bool
) -> str:
    """The sentence on memory that does not suffice for a tile.

    Parameters
    ----------
    name : str
        The image's name.
    model : AnyModel
        What was to run.
    shape : sequence of int
        Of the network's input, ``([T,] C, [Z,] Y, X)``.
    tile : sequence of int
        Side of the kept core along each spatial axis.
    is_chosen : bool
        Whether the user chose it.
    """
    card = model.card
    frames = shape[0] if card.frames is not None else 1
    needed = (
        model.estimate_bytes((frames, card.in_channels, *(side + 2 * card.halo for side in tile))) / 2**20
    )
    fix = "close other programs or choose another device"
    if is_chosen and max(tile) > SMALLEST_TILE:
        fix = f"choose a tile of {max(SMALLEST_TILE, max(tile) // 2)} or leave it to be chosen"
    return (
        f"Memory does not suffice for tiles of {' x '.join(map(str, tile))} pixels of {name!r} on {model.device}, "
        f"which take about {needed:.0f} MiB: {fix}."
    )
