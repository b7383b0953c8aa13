"""The skeleton of a TIFF, walked without trusting it and without reading a pixel.

tifffile is made to get as much as possible out of a file, so it fills in for what is missing. Whether anything is
missing is decided here: each page's directory and each of its strips or tiles is held against the size of the file.
Memory and time stay in proportion to the file, whatever the file claims.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from napari_restoration.core.io.tiff_page import (
    DESCRIPTION,
    MOST_SEGMENTS,
    NUMBERS,
    STRIP_OFFSETS,
    DamagedTiff,
    Integers,
    Page,
    Tags,
    describe_page,
    kept_tags,
)

_TYPE_BYTES = dict(
    zip((*range(1, 14), 16, 17, 18), (1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 8, 8, 8), strict=True)
)
_TYPE_CODES = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_MOST_TAGS = 4096
_HUGE = 2**61

# Values of these must lie inside the file; 50838 and 50839 are ImageJ's own metadata, 282 and 283 the resolution.
_NEEDED = NUMBERS | {DESCRIPTION, 282, 283, 50838, 50839}


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
        self._entry_format = self.order + ("HHQ8s" if self.big else "HHI4s")
        self._entry_bytes = struct.calcsize(self._entry_format)
        self._inline_bytes = 8 if self.big else 4
        self._directory = (0, b"")  # position and bytes of the directory that is being looked at
        self._last: tuple[list[tuple[int, int, int, bytes]], Page] | None = (
            None  # numbers of the last page, itself
        )
        self._table_bytes = 0

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
        raw = self.read(position, count * _TYPE_BYTES[kind]) if kind in (1, 2, 7) else b""
        return raw.rstrip(b"\x00").decode("utf-8", "replace")

    def read(self, offset: int, nbytes: int) -> bytes:
        """Bytes of the file; DamagedTiff if they lie outside of it."""
        start, directory = self._directory
        if start <= offset and offset + nbytes <= start + len(directory):
            return directory[offset - start : offset - start + nbytes]
        if offset < 0 or offset + nbytes > self.size:
            raise DamagedTiff("ends early")
        self._file.seek(offset)
        raw = self._file.read(nbytes)
        if len(raw) != nbytes:
            raise DamagedTiff("ends early")
        return raw

    def read_table(self, offset: int, nbytes: int) -> bytes:
        """Bytes of a table of offsets or lengths."""
        # Pages of a sound file may share short tables, but long ones are each page's own.
        self._table_bytes += nbytes
        if self._table_bytes > 4 * self.size + 2**20:
            raise DamagedTiff("has tables that overlap")
        return self.read(offset, nbytes)

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
            (offset,) = struct.unpack(self._offset_format, self.read(after, self._inline_bytes))

    def _tag_count(self, offset: int) -> int:
        raw = self.read(offset, struct.calcsize(self._count_format))
        count = int(struct.unpack(self._count_format, raw)[0])
        if not 0 < count <= _MOST_TAGS:
            raise DamagedTiff(f"has a directory with {count} tags, so it is damaged")
        return count

    def _page(self, offset: int) -> Page:
        start = offset + struct.calcsize(self._count_format)
        entries = self.read(start, self._tag_count(offset) * self._entry_bytes)
        self._directory = (start, entries)
        tags: dict[int, tuple[int, int, int]] = {}
        numbers: list[tuple[int, int, int, bytes]] = []
        cut, within = False, True
        position = start - self._inline_bytes
        for tag, kind, count, value in struct.iter_unpack(self._entry_format, entries):
            position += self._entry_bytes
            if tag in tags or kind not in _TYPE_BYTES:
                continue
            place = position
            if count * _TYPE_BYTES[kind] > self._inline_bytes:
                (place,) = struct.unpack(self._offset_format, value)
                if place + count * _TYPE_BYTES[kind] > self.size:
                    cut = cut or tag in _NEEDED
                    continue
                within = within and tag not in NUMBERS
            tags[tag] = (kind, count, place)
            if tag in NUMBERS and tag != STRIP_OFFSETS:
                numbers.append((tag, kind, count, value))
        reader = _PageTags(self, tags)
        page = self._like_last(reader, numbers) if within and not cut else None
        if page is None:
            page = describe_page(self.size, reader)
            self._last = (numbers, page) if within else None
        return replace(page, problem="ends early", contiguous=False) if cut else page

    def _like_last(self, reader: _PageTags, numbers: list[tuple[int, int, int, bytes]]) -> Page | None:
        """The last page at another place, if that is all that differs: long stacks are checked so much faster."""
        if self._last is None or self._last[0] != numbers or not self._last[1].contiguous:
            return None
        if reader.tags.get(STRIP_OFFSETS, (0, 0, 0))[1] != 1:
            return None
        offset = reader.number(STRIP_OFFSETS, 0)
        if not 0 < offset <= self.size - self._last[1].nbytes:
            return None
        return replace(self._last[1], data_offset=offset, tags=kept_tags(reader))


class _PageTags:
    """The numbers of one page's tags."""

    def __init__(self, walker: TiffWalker, tags: Tags) -> None:
        self.tags = tags
        self._walker = walker

    def number(self, tag: int, default: int) -> int:
        """First number of a tag."""
        if tag not in self.tags or self.tags[tag][0] not in _TYPE_CODES or not self.tags[tag][1]:
            return default
        kind, _, position = self.tags[tag]
        raw = self._walker.read(position, _TYPE_BYTES[kind])
        return min(int.from_bytes(raw, "little" if self._walker.order == "<" else "big"), _HUGE)

    def numbers(self, tag: int) -> Integers:
        """All numbers of a tag."""
        if tag not in self.tags or self.tags[tag][0] not in _TYPE_CODES:
            return np.empty(0, np.int64)
        kind, count, position = self.tags[tag]
        if count > MOST_SEGMENTS:
            raise DamagedTiff(f"has a page of {count} strips or tiles, so it is damaged")
        raw = np.frombuffer(self._walker.read_table(position, count * _TYPE_BYTES[kind]), "u1")
        values = raw.view(self._walker.order + _TYPE_CODES[kind])
        # Larger numbers exist in damaged files only, and must stay too large when they are added to.
        whole: Integers = np.minimum(values, np.uint64(_HUGE)).astype(np.int64)
        return whole


def walk_tiff(path: Path) -> TiffSkeleton:
    """Walk a closed file, see `TiffWalker`."""
    with open(path, "rb") as file:
        return TiffWalker(file).walk()
