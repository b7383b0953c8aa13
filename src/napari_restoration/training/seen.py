"""Which images a model has seen, so that a later training knows them again under other names and in other folders."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_restoration.training.good_images import GoodPlane
from napari_restoration.training.pairs.glance import bands
from napari_restoration.training.pairs.lazy import LazyPlane
from napari_restoration.training.sources import PairSource

if TYPE_CHECKING:
    from napari_restoration.training.fields import Item

MOST_SEEN = 2000
_LETTERS = 16
_IN_PART = "part"


def digest_of(item: Item) -> str:
    """Some rows of a pair's input or of a good image, as a short hash; of a part those of the whole image."""
    plane: Any = item.input if isinstance(item, PairSource) else item.image
    whole = plane.uncut if isinstance(plane, LazyPlane) else plane
    frames = (slice(0, 1),) * (len(whole.shape) - 2)
    rows = [np.asarray(whole[(*frames, band, slice(None))]) for band in bands(whole.shape[-2])]
    pixels = np.concatenate([part.astype(np.float32).reshape(-1, part.shape[-1]) for part in rows])
    return hashlib.sha256(pixels.tobytes() + repr(tuple(whole.shape)).encode()).hexdigest()[:_LETTERS]


def seen_of(items: Iterable[Item], before: Sequence[str] = ()) -> list[str]:
    """Hashes of the pairs and good images of a user, then of what the model before has seen; at most 2000."""
    own = [
        digest_of(item) + _IN_PART * is_part(item)
        for item in items
        if isinstance(item, PairSource | GoodPlane)
    ]
    return list(dict.fromkeys([*own, *before]))[:MOST_SEEN]


def was_seen(item: Item, seen: Collection[str]) -> bool:
    """Whether an image is among these; of an image that was seen in part, the part that is held out was not."""
    if not seen:
        return False
    digest = digest_of(item)
    return digest in seen or (digest + _IN_PART in seen and not is_part(item))


def is_part(item: Item) -> bool:
    """Whether the rest of the image is trained on."""
    plane = item.input if isinstance(item, PairSource) else item.image
    return isinstance(plane, LazyPlane) and plane.uncut is not plane
