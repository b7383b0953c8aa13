"""Which pairs have equal pixels, in whatever files and types."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from napari_restoration.training.pairs.glance import some_rows
from napari_restoration.training.pairs.pair import Pair
from napari_restoration.training.pairs.stored import Float, StoredImage

_Place = tuple[StoredImage, dict[str, int]]


class Content:
    """Planes of pairs, told apart by their pixels.

    Some rows of each plane are read when its pair is added; those planes alone whose rows equal others' are read in
    full.
    """

    def __init__(self) -> None:
        self._planes: list[dict[str, list[_Place]]] = []

    def add(self, pair: Pair) -> None:
        """Look at all planes of a pair."""
        found: dict[str, list[_Place]] = {}
        for image, position in _places(pair):
            key = _digest(some_rows(image, position), image.plane_shape)
            found.setdefault(key, []).append((image, position))
        self._planes.append(found)

    def shared(self) -> list[tuple[str, ...]]:
        """For each pair, in the order in which they were added, keys of its planes that other pairs have as well.

        Equal pixels have equal keys. Constant planes and those without a finite pixel have none: they are alike
        without being copies.
        """
        counts = Counter(key for found in self._planes for key in found)
        whole = []
        for found in self._planes:
            alike = [place for key, places in found.items() if counts[key] > 1 for place in places]
            whole.append(tuple(key for place in alike if (key := _fingerprint(*place))))
        return whole


def fingerprints(pair: Pair) -> tuple[str, ...]:
    """One key for each plane of input and target, as those of `Content.shared`, without looking at other pairs."""
    return tuple(key for place in _places(pair) if (key := _fingerprint(*place)))


def _places(pair: Pair) -> Iterator[_Place]:
    """Every plane of both images; once if they are one file."""
    seen: set[Path] = set()
    for image in (pair.input, pair.target):
        if image.path is not None and image.path in seen:
            continue
        seen |= {image.path} if image.path is not None else set()
        for place in np.ndindex(*(image.size_of(axis) for axis in image.leading)):
            yield image, dict(zip(image.leading, place, strict=True))


def _fingerprint(image: StoredImage, position: dict[str, int]) -> str:
    """Key of a plane, or nothing if it is constant."""
    plane = image.read(position)
    finite = plane[np.isfinite(plane)]
    if not finite.size or finite.min() == finite.max():
        return ""
    return _digest(plane, image.plane_shape)


def _digest(pixels: Float, shape: tuple[int, int]) -> str:
    return hashlib.sha256(pixels.tobytes() + repr(shape).encode()).hexdigest()
