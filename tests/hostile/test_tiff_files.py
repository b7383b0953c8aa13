"""Section B of the reliability promises, rows 1 to 3: TIFF files that are cut off, lie, or are something else.

`test_no_cut_is_silent` runs a few dozen cuts in the default suite and 200 of each kind under the marker `slow`.
"""

import logging
import random
import re
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import read_image, write_image

STACK = np.random.default_rng(0).integers(0, 4096, (2, 4, 33, 47), dtype=np.uint16)
SIZES = {"Z": 0.3, "Y": 0.1, "X": 0.1}
Image = CalibratedImage


@pytest.fixture(autouse=True)
def quiet_tifffile() -> Iterator[None]:
    """tifffile's own complaints about these files are not the subject."""
    logger = logging.getLogger("tifffile")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


def write_plain(path: Path) -> None:
    with tifffile.TiffWriter(path) as writer:
        for plane in STACK.reshape(-1, *STACK.shape[2:]):
            writer.write(plane, metadata=None, contiguous=False)


def by_tifffile(**options: Any) -> Callable[[Path], None]:
    return lambda path: tifffile.imwrite(path, STACK, photometric="minisblack", **options)


def by_us(dtype: str) -> Callable[[Path], None]:
    image = Image(STACK.astype(dtype), "TZYX", SIZES, metadata={"provenance": {"task": "deblur"}})
    return lambda path: write_image(path, image) and None


WRITERS: dict[str, Callable[[Path], None]] = {
    "imagej.tif": by_tifffile(imagej=True, metadata={"axes": "TZYX", "unit": "um", "Info": "seen"}),
    "truncated imagej.tif": by_tifffile(imagej=True, metadata={"axes": "TZYX"}, truncate=True),
    "ome.ome.tif": by_tifffile(ome=True, metadata={"axes": "TZYX", "PhysicalSizeX": 0.1}),
    "tiled big.ome.tif": by_tifffile(
        ome=True, metadata={"axes": "TZYX"}, tile=(16, 16), compression="zlib", bigtiff=True, byteorder=">"
    ),
    "shaped.tif": by_tifffile(metadata={"axes": "TZYX"}),
    "strips.tif": by_tifffile(metadata={"axes": "TZYX"}, compression="zlib", predictor=True, rowsperstrip=5),
    "plain.tif": write_plain,
    "our imagej.tif": by_us("uint16"),
    "our ome.ome.tif": by_us("uint16"),
    "our shaped.tif": by_us("float64"),
}


def pixels(path: Path) -> npt.NDArray[Any]:
    return np.asarray(read_image(path).data)


def outcome(path: Path) -> tuple[npt.NDArray[Any] | None, str]:
    """The pixels, or the message of the error."""
    try:
        return pixels(path), ""
    except InputError as error:
        return None, str(error)


def check_cuts(name: str, folder: Path, cuts: int, seed: int) -> None:
    whole = folder / name
    WRITERS[name](whole)
    raw, wanted = whole.read_bytes(), pixels(whole)
    cut_file = folder / f"cut {name}"
    rng = random.Random(seed)
    silent = []
    for length in [8, 16, len(raw) - 1, *(rng.randrange(1, len(raw)) for _ in range(cuts))]:
        cut_file.write_bytes(raw[:length])
        found, message = outcome(cut_file)
        if found is None:
            assert str(cut_file) in message
            assert length < 16 or "ends early" in message
        elif found.shape != wanted.shape or not np.array_equal(found, wanted):
            silent.append(length)
    assert silent == []


@pytest.mark.parametrize("name", WRITERS)
def test_no_cut_is_silent(name: str, tmp_path: Path) -> None:
    check_cuts(name, tmp_path, cuts=30, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_no_cut_of_200_is_silent(name: str, tmp_path: Path) -> None:
    check_cuts(name, tmp_path, cuts=200, seed=2)


def test_the_whole_planes_of_a_cut_stack_are_counted(tmp_path: Path) -> None:
    WRITERS["truncated imagej.tif"](tmp_path / "a.tif")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        start, plane = tif.pages.first.dataoffsets[0], tif.pages.first.nbytes
    raw = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(raw[: start + 5 * plane + 100])
    with pytest.raises(InputError, match=r"a\.tif ends early: 5 of 8 planes are whole; copy it again"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("name", WRITERS)
def test_a_flipped_byte_is_an_error_or_an_image(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    raw = (tmp_path / name).read_bytes()
    rng = random.Random(3)
    for _ in range(40):
        changed = bytearray(raw)
        # Most of the structure is at the ends of a file.
        place = rng.choice([rng.randrange(len(raw)), rng.randrange(1500), len(raw) - 1 - rng.randrange(2500)])
        changed[place] = rng.choice([0, 255, changed[place] ^ (1 << rng.randrange(8))])
        (tmp_path / name).write_bytes(changed)
        found, message = outcome(tmp_path / name)
        assert found is not None or name in message


def changed_text(path: Path, old: bytes, new: bytes) -> None:
    raw = path.read_bytes()
    assert raw.count(old) == 1
    assert len(old) == len(new)
    path.write_bytes(raw.replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("ome.ome.tif", b'SizeZ="4"', b'SizeZ="9"', "ends early: 8 of 18 planes are whole"),
        ("ome.ome.tif", b'SizeZ="4"', b'SizeZ="3"', "SizeZ 3.*that is 6 planes, but it holds 8"),
        ("ome.ome.tif", b'SizeZ="4"', b'SizeZ="0"', "lacks or misspells a size"),
        ("ome.ome.tif", b'SizeZ="4"', b'SizeZ="x"', "lacks or misspells a size"),
        ("ome.ome.tif", b'SizeX="47"', b'SizeX="99"', "claims planes of 33 x 99, but they are 33 x 47"),
        ("ome.ome.tif", b'PlaneCount="8"', b'PlaneCount="9"', "ends early: 8 of 9 planes"),
        ("imagej.tif", b"slices=4", b"slices=5", "claims 1 channels, 5 slices, 2 frames"),
        ("imagej.tif", b"images=8", b"images=9", "claims 1 channels, 4 slices, 2 frames, but it holds 9"),
        ("imagej.tif", b"slices=4", b"slices=x", "no readable sizes"),
        ("truncated imagej.tif", b"slices=4", b"slices=0", "claims"),
        ("shaped.tif", b'"shape": [2, 4,', b'"shape": [3, 4,', "ends early: 8 of 12 planes"),
        ("shaped.tif", b'"shape": [2, 4,', b'"shape": [1, 4,', "claims 4 planes, but it holds 8"),
        ("shaped.tif", b"33, 47]", b"33, 46]", "which planes of 33 x 47 cannot make"),
    ],
)
def test_a_lie_about_the_planes_is_an_error_that_names_it(
    tmp_path: Path, name: str, old: bytes, new: bytes, words: str
) -> None:
    WRITERS[name](tmp_path / name)
    changed_text(tmp_path / name, old, new)
    with pytest.raises(InputError, match=words):
        read_image(tmp_path / name)


def test_a_truncated_hyperstack_that_claims_more_than_it_holds_is_counted(tmp_path: Path) -> None:
    WRITERS["truncated imagej.tif"](tmp_path / "a.tif")
    raw = (tmp_path / "a.tif").read_bytes()
    raw = raw.replace(b"images=8", b"images=8"[:-1] + b"6").replace(b"slices=4", b"slices=3")
    (tmp_path / "b.tif").write_bytes(raw)
    assert read_image(tmp_path / "b.tif").shape == (2, 3, 33, 47)  # more bytes than needed are no lie
    raw = raw.replace(b"images=6", b"images=9").replace(b"slices=3\nframes=2", b"slices=3\nframes=3")
    (tmp_path / "c.tif").write_bytes(raw)
    with pytest.raises(InputError, match="ends early: 8 of 9 planes are whole"):
        read_image(tmp_path / "c.tif")


Entry = tuple[int, int, int, int]


def classic(*directories: list[Entry], next_offsets: list[int] | None = None, tail: bytes = b"") -> bytes:
    """A little-endian TIFF of the given directories, each entry as (tag, type, count, value or offset)."""
    out = b"II*\x00" + struct.pack("<I", 8)
    for number, entries in enumerate(directories):
        end = len(out) + 2 + 12 * len(entries) + 4
        following = end if number + 1 < len(directories) else 0
        if next_offsets is not None:
            following = next_offsets[number]
        out += struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        out += struct.pack("<I", following)
    return out + tail


def page(
    width: int, height: int, offset: int, length: int, compression: int = 1, **more: Entry
) -> list[Entry]:
    return [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, compression), (262, 3, 1, 1),
        (273, 4, 1, offset), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, length), *more.values(),
    ]  # fmt: skip


HUGE = 0xFFFFFFFF
HOSTILE: dict[str, tuple[bytes, str]] = {
    "no pages": (b"II*\x00\x00\x00\x00\x00", "has no pages"),
    "header only": (b"II*\x00\x08\x00\x00\x00", "ends early"),
    "half a header": (b"MM\x00*\x00", "ends within its header"),
    "first directory outside": (b"II*\x00\xff\xff\xff\x7f", "ends early"),
    "no data": (classic(page(60_000, 60_000, 0, 0)), "0 of 1 planes are whole"),
    "data outside": (classic(page(60_000, 60_000, 200, 10)), "ends early: 0 of 1"),
    "empty strip": (classic(page(60_000, 60_000, 130, 0, 8), tail=bytes(90)), "0 of 1 planes are whole"),
    "ten bytes of zlib for 3.6 GB": (classic(page(60_000, 60_000, 126, 10, 8), tail=bytes(90)), "too short"),
    "largest numbers": (classic(page(HUGE, HUGE, HUGE, HUGE)), "0 of 1 planes are whole"),
    "no width": (classic(page(0, 10, 126, 10), tail=bytes(90)), "has no size"),
    "a strip for each of four billion rows": (
        classic([(256, 4, 1, 1), (257, 4, 1, HUGE), (273, 4, HUGE, 8), (278, 4, 1, 1), (279, 4, HUGE, 8)]),
        "damaged|ends early",
    ),
    "four billion tiles": (
        classic([(256, 4, 1, HUGE), (257, 4, 1, HUGE), (322, 4, 1, 16), (323, 4, 1, 16), (324, 4, 1, 8),
                 (325, 4, 1, 8)]),
        "damaged",
    ),
    "a circle of directories": (
        classic(page(2, 2, 126, 4), page(2, 2, 126, 4), next_offsets=[122, 8], tail=bytes(90)), "in a circle",
    ),
    "a directory that follows itself": (classic(page(2, 2, 126, 4), next_offsets=[8], tail=bytes(90)), "in a circle"),
    "65535 tags": (b"II*\x00\x08\x00\x00\x00\xff\xff" + bytes(65535 * 12 + 4), "65535 tags"),
    "no tags": (classic([]), "0 tags"),
    "a tag of four billion values": (
        classic(page(2, 2, 150, 4, more=(270, 2, HUGE, 150)), tail=bytes(90)), "ends early"
    ),
    "a big header without a directory": (b"II+\x00\x08\x00\x00\x00" + bytes(8), "has no pages"),
    "a big directory outside": (b"II+\x00\x08\x00\x00\x00" + b"\xff" * 7 + b"\x7f", "ends early"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_structure_is_refused_at_once_and_for_little_memory(tmp_path: Path, name: str) -> None:
    content, words = HOSTILE[name]
    path = tmp_path / "a.tif"
    path.write_bytes(content)
    tracemalloc.start()
    start = time.perf_counter()
    with pytest.raises(InputError, match=words) as caught:
        pixels(path)
    seconds = time.perf_counter() - start
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "a.tif" in str(caught.value)
    assert seconds < 1
    assert peak < 32 * 2**20


@pytest.mark.parametrize(
    "xml",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><OME>&b;</OME>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><OME>&a;</OME>',
        "<OME><Image><Pixels></OME>",
        "<OME>" + "<a>" * 50_000 + "</OME>",
        "<OME></OME>",
        '<OME><Image><Pixels SizeX="4" SizeY="4" SizeZ="99999999999999999999" SizeC="9" SizeT="9"/></Image></OME>',
    ],
    ids=["entity bomb", "outside entity", "broken", "deep", "empty", "absurd"],
)
def test_hostile_ome_xml_is_refused(tmp_path: Path, xml: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.eye(4, dtype=np.uint8), description=xml, metadata=None)
    start = time.perf_counter()
    with pytest.raises(InputError, match=r"a\.tif"):
        pixels(tmp_path / "a.tif")
    assert time.perf_counter() - start < 1


def test_an_ome_file_name_that_leaves_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    WRITERS["plain.tif"](tmp_path / "secret.tif")
    xml = (
        '<OME UUID="urn:uuid:a"><Image><Pixels DimensionOrder="XYZCT" Type="uint8" SizeX="4" SizeY="4" SizeZ="1" '
        'SizeC="1" SizeT="1"><TiffData IFD="0" PlaneCount="1"><UUID FileName="../secret.tif">urn:uuid:b</UUID>'
        "</TiffData></Pixels></Image></OME>"
    )
    tifffile.imwrite(tmp_path / "inner" / "a.tif", np.eye(4, dtype=np.uint8), description=xml, metadata=None)
    with pytest.raises(InputError, match=re.escape("'../secret.tif' is not beside it")):
        read_image(tmp_path / "inner" / "a.tif")


def test_many_pages_are_checked_quickly(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for _ in range(3000):
            writer.write(np.zeros((4, 4), np.uint8), metadata=None, contiguous=False)
    start = time.perf_counter()
    assert read_image(tmp_path / "a.tif").shape == (3000, 4, 4)
    assert time.perf_counter() - start < 5


def test_a_reference_to_another_file_alone_is_explained(tmp_path: Path) -> None:
    xml = '<OME><BinaryOnly MetadataFile="all.companion.ome" UUID="urn:uuid:a"/></OME>'
    tifffile.imwrite(tmp_path / "a.tif", np.eye(4, dtype=np.uint8), description=xml, metadata=None)
    with pytest.raises(InputError, match="only refers to another file"):
        read_image(tmp_path / "a.tif")
