"""Some rows of a plane, spread over it: what they show is often enough, and quickly read."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from napari_restoration.training.pairs.stored import Float, StoredImage

_BANDS, _ROWS = 16, 16


def some_rows(image: StoredImage, position: Mapping[str, int]) -> Float:
    """Sixteen bands of sixteen rows of a plane, evenly spread from its first to its last; ``(rows, X)``.

    All of a plane that has no more.
    """
    height = image.plane_shape[0]
    if height <= _BANDS * _ROWS:
        return image.read(position)
    starts = np.linspace(0, height - _ROWS, _BANDS).round().astype(int)
    bands = [image.read(position, (slice(start, start + _ROWS), slice(None))) for start in starts.tolist()]
    return np.concatenate(bands)
