"""The part of a pair that is measured: the middle, or where there is clearly more to see."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from napari_restoration.core.nonfinite import fill_missing
from napari_restoration.training.pairs.glance import bands
from napari_restoration.training.pairs.pair import Pair
from napari_restoration.training.pairs.stored import Float, Region

USUAL_SIDE = 768
# The rest of a plane is looked at in bands of so many rows, and over blocks of so many columns.
_BANDS, _ROWS, _COLUMNS = 64, 4, 8
# So much less contrast than the busiest part has says that the middle is next to empty.
_NEXT_TO_EMPTY = 0.5


def measured_parts(pair: Pair, position: Mapping[str, int], side: int = USUAL_SIDE) -> tuple[Float, Float]:
    """A part of an input plane, ``(Y, X)``, and the same part of the target on its own pixels.

    It is the middle, `side` input pixels a side, or less of a smaller plane. Where the target has less than half
    the contrast there than in its busiest part of that size, it is that part.
    Of a burst, the middle frame is taken. Missing pixels are filled from their neighbours.
    """
    scale = pair.scale or 1
    height, width = pair.input.plane_shape
    rows, columns = _chosen(pair, position, side)
    region: Region = (slice(rows, rows + min(height, side)), slice(columns, columns + min(width, side)))
    fine: Region = (
        slice(region[0].start * scale, region[0].stop * scale),
        slice(region[1].start * scale, region[1].stop * scale),
    )
    given = pair.read_input(position, region)
    given = given[given.shape[0] // 2] if given.ndim == 3 else given
    return fill_missing(given, 0.0)[0], fill_missing(pair.read_target(position, fine), 0.0)[0]


def _chosen(pair: Pair, position: Mapping[str, int], side: int) -> tuple[int, int]:
    """First row and column of the part, in input pixels."""
    middle = tuple(max(0, n - side) // 2 for n in pair.input.plane_shape)
    places = [
        sorted({*range(0, max(1, n - side), max(1, side // 2)), max(0, n - side), start})
        for n, start in zip(pair.input.plane_shape, middle, strict=True)
    ]
    here = middle[0], middle[1]
    if len(places[0]) * len(places[1]) == 1:
        return here
    coarse, at = _coarse(pair, position)
    step = _COLUMNS / (pair.scale or 1)

    def contrast(y: int, x: int) -> float:
        inside = coarse[(at >= y) & (at < y + side), round(x / step) : round((x + side) / step)]
        inside = inside[np.isfinite(inside)]
        return float(inside.std()) if inside.size else 0.0

    found = {(y, x): contrast(y, x) for y in places[0] for x in places[1]}
    busiest = max(found, key=lambda place: found[place])
    return here if found[here] >= _NEXT_TO_EMPTY * found[busiest] else busiest


def _coarse(pair: Pair, position: Mapping[str, int]) -> tuple[Float, Float]:
    """Means over parts of the target, and the input row of each row of them."""
    height, width = pair.target.plane_shape
    chosen = bands(height, _BANDS, _ROWS)
    if len(chosen) == 1:
        chosen = [slice(y, min(y + _ROWS, height)) for y in range(0, height, _ROWS)]
    kept = max(1, width // _COLUMNS) * min(_COLUMNS, width)
    means = [
        pair.read_target(position, (band, slice(0, kept))).mean(axis=0).reshape(-1, min(_COLUMNS, width))
        for band in chosen
    ]
    rows = np.array([band.start / (pair.scale or 1) for band in chosen], np.float32)
    return np.stack([mean.mean(axis=1) for mean in means]).astype(np.float32), rows
