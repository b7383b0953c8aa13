"""What a user is told about pixels that could not be restored as they are."""

from __future__ import annotations

from typing import Any

import numpy as np


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
