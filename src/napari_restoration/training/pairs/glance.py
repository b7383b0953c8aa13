"""Some rows of a plane, spread over it: what they show is often enough, and quickly read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from napari_restoration.training.pairs.stored import Float, StoredImage

_BANDS, _ROWS = 16, 16


def bands(height: int, count: int = _BANDS, rows: int = _ROWS) -> list[slice]:
    """Bands of rows, evenly spread from the first to the last row; one with all of them if there are no more."""
    if height <= count * rows:
        return [slice(0, height)]
    starts = np.linspace(0, height - rows, count).round().astype(int).tolist()
    return [slice(start, start + rows) for start in starts]


def some_rows(image: StoredImage, position: Mapping[str, int]) -> Float:
    """Sixteen bands of sixteen rows of a plane, or all of a plane that has no more; ``(rows, X)``."""
    return np.concatenate([image.read(position, (band, slice(None))) for band in bands(image.plane_shape[0])])
