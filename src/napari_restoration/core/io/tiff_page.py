"""One plane of a TIFF by its tags: how large it is, and whether all of its pixels are in the file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

Tags: TypeAlias = Mapping[int, tuple[int, int, int]]
Integers: TypeAlias = npt.NDArray[np.int64]

MOST_SEGMENTS = 2_000_000  # strips or tiles of a page: 40000 x 40000 in tiles of 32 x 32 has 1.6 million

_MOST_SAMPLES = 65_535
_MOST_BITS = 1024
_HUGE = 2**61
_YCBCR = 6
# How much smaller a codec can make data at best: none, LZW, two numbers for zlib, PackBits. A page that claims more
# is lying, and would cost memory before its decoding fails.
_LARGEST_RATIO = {1: 1, 5: 5000, 8: 1100, 32946: 1100, 32773: 70}
_LARGEST_OTHER_RATIO = 100_000

SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
DESCRIPTION, STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR = 270, 273, 277, 278, 279, 284
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
SAMPLE_FORMAT, STK_PLANES, LSM_INFO, IMAGE_DEPTH, TILE_DEPTH = 339, 33629, 34412, 32997, 32998
NUMBERS = {
    SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES,
    PLANAR, TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTES, SAMPLE_FORMAT, IMAGE_DEPTH, TILE_DEPTH,
}  # fmt: skip


class DamagedTiff(Exception):
    """A structure that cannot be followed; the text is the end of a sentence about the file."""


@dataclass(frozen=True)
class Page:
    """One directory of a TIFF: geometry of a plane and whether its pixels are there.

    Parameters
    ----------
    shape : tuple of int
        Depth, height, width and samples.
    nbytes : int
        Bytes of the plane when decoded.
    data_offset : int
        Where the first strip or tile lies; -1 if nowhere.
    contiguous : bool
        Whether the pixels lie uncompressed in one piece.
    reduced : bool
        Whether the page is a thumbnail or a level of a pyramid.
    problem : str
        Empty if all pixels are inside the file, else what is wrong.
    tags : mapping
        Type, count and position of the values of the tags that say how many planes there are.
    """

    shape: tuple[int, int, int, int]
    nbytes: int
    data_offset: int
    contiguous: bool
    reduced: bool
    problem: str
    tags: Tags = field(repr=False)


class TagReader(Protocol):
    """Access to the whole numbers of a page's tags."""

    tags: Tags

    def number(self, tag: int, default: int) -> int:
        """First number of a tag; `default` if the page has no such tag."""

    def numbers(self, tag: int) -> Integers:
        """All numbers of a tag, none above 2^61; empty if the page has no such tag."""


def describe_page(file_size: int, reader: TagReader) -> Page:
    """Make out geometry and completeness of a page from its tags.

    Parameters
    ----------
    file_size : int
        Bytes of the file.
    reader : TagReader
        Of the page.

    Raises
    ------
    DamagedTiff
        If it claims absurdly many strips or tiles.
    """
    number = reader.number
    samples = min(max(number(SAMPLES, 1), 1), _MOST_SAMPLES)
    bits = np.minimum(reader.numbers(BITS)[:samples], _MOST_BITS)
    bits_per_pixel = int(bits.sum()) * (samples if len(bits) == 1 else 1) if len(bits) else samples
    shape = (max(number(IMAGE_DEPTH, 1), 1), number(HEIGHT, 0), number(WIDTH, 0), samples)
    parts = samples if number(PLANAR, 1) == 2 else 1
    bits_per_pixel //= parts
    tiled = TILE_OFFSETS in reader.tags
    offsets = reader.numbers(TILE_OFFSETS if tiled else STRIP_OFFSETS)
    lengths = reader.numbers(TILE_BYTES if tiled else STRIP_BYTES)
    expected = (_tile_bytes if tiled else _strip_bytes)(reader, shape, bits_per_pixel, parts)
    compression = number(COMPRESSION, 1)
    if LSM_INFO in reader.tags and compression != 1:
        lengths = np.ones_like(expected)  # the ZEN program notes the decoded sizes here
        expected = np.zeros_like(expected)
    if number(PHOTOMETRIC, 1) == _YCBCR:
        expected = expected // 4  # colours may be kept at a lower resolution
    problem = _problem(file_size, min(shape), offsets, lengths, expected, compression)
    joined = len(offsets) == 1 or (
        len(offsets) == len(lengths) and bool(np.all(offsets[:-1] + lengths[:-1] == offsets[1:]))
    )
    return Page(
        shape=shape,
        nbytes=shape[0] * shape[1] * math.ceil(shape[2] * bits_per_pixel / 8) * parts,
        data_offset=int(offsets[0]) if len(offsets) else -1,
        contiguous=compression == 1 and not tiled and not problem and joined,
        reduced=bool(number(SUBFILE_TYPE, 0) & 1),
        problem=problem,
        tags=kept_tags(reader),
    )


def kept_tags(reader: TagReader) -> Tags:
    """The tags of a page that say how many planes there are."""
    return {tag: reader.tags[tag] for tag in (DESCRIPTION, STK_PLANES) if tag in reader.tags}


def _tile_bytes(
    reader: TagReader, shape: tuple[int, int, int, int], bits_per_pixel: int, parts: int
) -> Integers:
    """Bytes of each tile when decoded."""
    tile = (reader.number(TILE_DEPTH, 1) or 1, reader.number(TILE_LENGTH, 0), reader.number(TILE_WIDTH, 0))
    if not all(tile):
        return np.empty(0, np.int64)
    count = parts * math.prod(math.ceil(n / t) for n, t in zip(shape[:3], tile, strict=True))
    if count > MOST_SEGMENTS:
        raise DamagedTiff(f"has a page of {count} tiles, so it is damaged")
    nbytes = math.prod(tile[:2]) * math.ceil(tile[2] * bits_per_pixel / 8)
    return np.full(count, min(nbytes, _HUGE), np.int64)


def _strip_bytes(
    reader: TagReader, shape: tuple[int, int, int, int], bits_per_pixel: int, parts: int
) -> Integers:
    """Bytes of each strip when decoded; the last one of a plane may be shorter."""
    depth, height, width, _ = shape
    if not height:
        return np.empty(0, np.int64)
    rows = min(reader.number(ROWS_PER_STRIP, height) or height, height)
    strips = math.ceil(height / rows)
    if strips * depth * parts > MOST_SEGMENTS:
        raise DamagedTiff(f"has a page of {strips * depth * parts} strips, so it is damaged")
    row_bytes = math.ceil(width * bits_per_pixel / 8)
    plane = np.full(strips, min(rows * row_bytes, _HUGE), np.int64)
    plane[-1] = min((height - (strips - 1) * rows) * row_bytes, _HUGE)
    return np.tile(plane, depth * parts)


def _problem(
    file_size: int, shortest: int, offsets: Integers, lengths: Integers, expected: Integers, compression: int
) -> str:
    """What keeps a page from being whole; empty if nothing does."""
    if shortest < 1 or not len(expected):
        return "has no size"
    if len(offsets) < len(expected):
        return "lacks strips or tiles"
    if compression == 1 and len(expected) == 1:
        lengths = expected  # many programs write a wrong length of the only strip; it is known anyway
    offsets, lengths = offsets[: len(expected)], lengths[: len(expected)]
    if len(lengths) < len(expected):
        return "does not say how long its strips or tiles are"
    if np.any(offsets == 0) or np.any(lengths == 0):
        return "lacks strips or tiles"
    # Compared as quotients, since a product with a damaged length could overflow.
    if np.any(lengths < expected // _LARGEST_RATIO.get(compression, _LARGEST_OTHER_RATIO)):
        return "has strips or tiles that are too short"
    if np.any(offsets + lengths > file_size):
        return "ends early"
    return ""
