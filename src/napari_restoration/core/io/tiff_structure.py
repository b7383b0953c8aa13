"""The skeleton of a TIFF, walked without trusting it and without reading a pixel.

tifffile is made to get as much as possible out of a file, so it fills in for what is missing. Whether anything is
missing is decided here: each page's directory and each of its strips or tiles is held against the size of the file.
Memory and time stay in proportion to the file, whatever the file claims.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

_TYPE_BYTES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_TYPE_CODES = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_MOST_TAGS = 4096
_MOST_SEGMENTS = 2_000_000  # strips or tiles of a page: 40000 x 40000 in tiles of 32 x 32 has 1.6 million

SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
DESCRIPTION, STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES, PLANAR = 270, 273, 277, 278, 279, 284
TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTES = 322, 323, 324, 325
SAMPLE_FORMAT, STK_PLANES, LSM_INFO, IMAGE_DEPTH, TILE_DEPTH = 339, 33629, 34412, 32997, 32998
_NUMBERS = {
    SUBFILE_TYPE, WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIP_OFFSETS, SAMPLES, ROWS_PER_STRIP, STRIP_BYTES,
    PLANAR, TILE_WIDTH, TILE_LENGTH, TILE_OFFSETS, TILE_BYTES, SAMPLE_FORMAT, IMAGE_DEPTH, TILE_DEPTH,
}  # fmt: skip
# Values of these must lie inside the file; 50838 and 50839 are ImageJ's own metadata, 282 and 283 the resolution.
_NEEDED = _NUMBERS | {DESCRIPTION, 282, 283, 50838, 50839}


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
    compressed : bool
        Whether the pixels are compressed.
    data_offset : int
        Where the first strip or tile lies; -1 if nowhere.
    contiguous : bool
        Whether the pixels lie uncompressed in one piece.
    reduced : bool
        Whether the page is a thumbnail or a level of a pyramid.
    problem : str
        Empty if all pixels are inside the file, else what is wrong.
    tags : mapping
        Numbers of the directory's tags to count and position of their values.
    """

    shape: tuple[int, int, int, int]
    nbytes: int
    compressed: bool
    data_offset: int
    contiguous: bool
    reduced: bool
    problem: str
    tags: Mapping[int, tuple[int, int, int]] = field(repr=False)


@dataclass(frozen=True)
class TiffSkeleton:
    """All pages of a TIFF.

    Parameters
    ----------
    file_size : int
        Bytes of the file.
    pages : list of Page
        In the order of the file.
    broken : str
        Empty if the chain of directories ends properly, else what is wrong with it.
    """

    file_size: int
    pages: list[Page]
    broken: str


class TiffWalker:
    """Walks the directories of an open TIFF.

    Parameters
    ----------
    file : binary file
        The opened TIFF.

    Raises
    ------
    DamagedTiff
        If the header is incomplete.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        header = file.read(16)
        self.order = "<" if header[:2] == b"II" else ">"
        if len(header) < 8:
            raise DamagedTiff("ends within its header")
        self.big = header[2:4] in (b"+\x00", b"\x00+")
        if self.big and len(header) < 16:
            raise DamagedTiff("ends within its header")
        self._offset_format = self.order + ("Q" if self.big else "I")
        (self.first,) = struct.unpack(self._offset_format, header[8:16] if self.big else header[4:8])
        self._count_format = self.order + ("Q" if self.big else "H")
        self._entry_bytes = 20 if self.big else 12
        self._inline_bytes = 8 if self.big else 4

    def walk(self) -> TiffSkeleton:
        """Follow the chain of directories to its end or to where it breaks."""
        pages: list[Page] = []
        broken = "has no pages" if self.first == 0 else ""
        try:
            for offset in self._offsets():
                pages.append(self._page(offset))
        except DamagedTiff as damage:
            broken = str(damage)
        return TiffSkeleton(self.size, pages, broken)

    def text(self, page: Page, tag: int) -> str:
        """Text of a tag; empty if the page has no such tag."""
        if tag not in page.tags:
            return ""
        kind, count, position = page.tags[tag]
        raw = self._read(position, count * _TYPE_BYTES[kind]) if kind in (1, 2, 7) else b""
        return raw.rstrip(b"\x00").decode("utf-8", "replace")

    def _read(self, offset: int, nbytes: int) -> bytes:
        if offset < 0 or offset + nbytes > self.size:
            raise DamagedTiff("ends early")
        self._file.seek(offset)
        raw = self._file.read(nbytes)
        if len(raw) != nbytes:
            raise DamagedTiff("ends early")
        return raw

    def _offsets(self) -> Iterator[int]:
        """Positions of the directories; each is read after it was yielded."""
        offset, seen, walked = self.first, set[int](), 0
        while offset:
            if offset in seen:
                raise DamagedTiff("has directories that refer to each other in a circle")
            seen.add(offset)
            yield offset
            count = self._tag_count(offset)
            after = offset + struct.calcsize(self._count_format) + count * self._entry_bytes
            # Directories of a sound file do not overlap, so together they are smaller than the file.
            walked += after - offset
            if walked > self.size:
                raise DamagedTiff("has directories that overlap")
            (offset,) = struct.unpack(self._offset_format, self._read(after, self._inline_bytes))

    def _tag_count(self, offset: int) -> int:
        raw = self._read(offset, struct.calcsize(self._count_format))
        count = int(struct.unpack(self._count_format, raw)[0])
        if not 0 < count <= _MOST_TAGS:
            raise DamagedTiff(f"has a directory with {count} tags, so it is damaged")
        return count

    def _page(self, offset: int) -> Page:
        count = self._tag_count(offset)
        entries = self._read(offset + struct.calcsize(self._count_format), count * self._entry_bytes)
        tags: dict[int, tuple[int, int, int]] = {}
        start = offset + struct.calcsize(self._count_format)
        for index in range(count):
            entry = entries[index * self._entry_bytes : (index + 1) * self._entry_bytes]
            tag, kind, length = struct.unpack(
                self.order + ("HHQ" if self.big else "HHI"), entry[: -self._inline_bytes]
            )
            if tag in tags or kind not in _TYPE_BYTES:
                continue
            position = start + (index + 1) * self._entry_bytes - self._inline_bytes
            if length * _TYPE_BYTES[kind] > self._inline_bytes:
                (position,) = struct.unpack(self._offset_format, entry[-self._inline_bytes :])
                if position + length * _TYPE_BYTES[kind] > self.size:
                    if tag in _NEEDED:
                        raise DamagedTiff("ends early")
                    continue
            tags[tag] = (kind, length, position)
        return self._describe(tags)

    def _numbers(self, tags: Mapping[int, tuple[int, int, int]], tag: int) -> npt.NDArray[np.int64]:
        if tag not in tags:
            return np.empty(0, np.int64)
        kind, count, position = tags[tag]
        if kind not in _TYPE_CODES:
            return np.empty(0, np.int64)
        if count > _MOST_SEGMENTS:
            raise DamagedTiff(f"has a page of {count} strips or tiles, so it is damaged")
        raw = np.frombuffer(self._read(position, count * _TYPE_BYTES[kind]), self.order + _TYPE_CODES[kind])
        # Offsets beyond 2^62 exist in damaged files only, and must stay too large when they are added to.
        return np.minimum(raw.astype(np.uint64), np.uint64(2**62)).astype(np.int64)

    def _describe(self, tags: Mapping[int, tuple[int, int, int]]) -> Page:
        def number(tag: int, default: int) -> int:
            values = self._numbers(tags, tag)
            return int(values[0]) if len(values) else default

        samples = max(number(SAMPLES, 1), 1)
        bits = self._numbers(tags, BITS)[:samples]
        bits_per_pixel = int(bits.sum()) * (samples if len(bits) == 1 else 1) if len(bits) else samples
        shape = (max(number(IMAGE_DEPTH, 1), 1), number(HEIGHT, 0), number(WIDTH, 0), samples)
        planar = number(PLANAR, 1) == 2 and samples > 1
        if planar:
            bits_per_pixel //= samples
        compressed = number(COMPRESSION, 1) != 1
        parts = samples if planar else 1
        nbytes = shape[0] * shape[1] * math.ceil(shape[2] * bits_per_pixel / 8) * parts
        tiled = TILE_OFFSETS in tags
        offsets = self._numbers(tags, TILE_OFFSETS if tiled else STRIP_OFFSETS)
        lengths = self._numbers(tags, TILE_BYTES if tiled else STRIP_BYTES)
        if tiled:
            tile = (number(TILE_DEPTH, 1) or 1, number(TILE_LENGTH, 0), number(TILE_WIDTH, 0))
            needed = (
                math.prod(math.ceil(n / t) for n, t in zip(shape[:3], tile, strict=True)) if all(tile) else 0
            )
            if needed * parts > _MOST_SEGMENTS:
                raise DamagedTiff(f"has a page of {needed * parts} tiles, so it is damaged")
            tile_bytes = math.prod(tile[:2]) * math.ceil(tile[2] * bits_per_pixel / 8)
            each = np.full(needed * parts, min(tile_bytes, 2**62), np.int64)
        else:
            rows = min(number(ROWS_PER_STRIP, shape[1]) or shape[1], shape[1])
            each = _strip_bytes(shape, rows, math.ceil(shape[2] * bits_per_pixel / 8), parts)
        if LSM_INFO in tags and compressed:
            lengths = np.ones_like(lengths)  # the ZEN program notes the decoded sizes here
        subsampled = number(PHOTOMETRIC, 1) == 6
        problem = _problem(self.size, min(shape), offsets, lengths, each, compressed or subsampled)
        joined = len(offsets) == 1 or bool(np.all(offsets[:-1] + lengths[: len(offsets) - 1] == offsets[1:]))
        return Page(
            shape=shape,
            nbytes=nbytes,
            compressed=compressed,
            data_offset=int(offsets[0]) if len(offsets) else -1,
            contiguous=not compressed and not tiled and not problem and joined,
            reduced=bool(number(SUBFILE_TYPE, 0) & 1),
            problem=problem,
            tags=tags,
        )


def walk_tiff(path: Path) -> TiffSkeleton:
    """Walk a closed file, see `TiffWalker`."""
    with open(path, "rb") as file:
        return TiffWalker(file).walk()


def _strip_bytes(
    shape: tuple[int, int, int, int], rows: int, row_bytes: int, parts: int
) -> npt.NDArray[np.int64]:
    if not rows:
        return np.empty(0, np.int64)
    strips = math.ceil(shape[1] / rows)
    if strips * shape[0] * parts > _MOST_SEGMENTS:
        raise DamagedTiff(f"has a page of {strips * shape[0] * parts} strips, so it is damaged")
    plane = np.full(strips, min(rows * row_bytes, 2**62), np.int64)
    plane[-1] = min((shape[1] - (strips - 1) * rows) * row_bytes, 2**62)
    return np.tile(plane, shape[0] * parts)


def _problem(
    file_size: int,
    shortest: int,
    offsets: npt.NDArray[np.int64],
    lengths: npt.NDArray[np.int64],
    expected: npt.NDArray[np.int64],
    compressed: bool,
) -> str:
    """What keeps a page from being whole; empty if nothing does."""
    if shortest < 1 or not len(expected):
        return "has no size"
    if len(offsets) < len(expected):
        return "lacks strips or tiles"
    offsets, lengths = offsets[: len(expected)], lengths[: len(expected)]
    if not compressed and len(offsets) == 1:
        lengths = expected  # many programs write a wrong length of the only strip; it is known anyway
    if len(lengths) < len(expected):
        return "does not say how long its strips or tiles are"
    if np.any(offsets == 0) or np.any(lengths == 0):
        return "lacks strips or tiles"
    if not compressed and np.any(lengths < expected):
        return "has strips or tiles that are too short"
    if np.any(offsets + lengths > file_size):
        return "ends early"
    return ""
