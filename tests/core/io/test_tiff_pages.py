"""A stack on disk answers every index as the array in memory would."""

import pickle
import threading
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_restoration.core.errors import InputError
from napari_restoration.core.io import read_image, tiff_pages
from napari_restoration.core.io.tiff_pages import PagedTiff

SHAPE = (3, 4, 37, 50)


def index(length: int) -> st.SearchStrategy[int | slice]:
    return st.integers(-length, length - 1) | st.slices(length)


@st.composite
def keys(draw: st.DrawFn, shape: tuple[int, ...]) -> tuple[Any, ...]:
    count = draw(st.integers(0, len(shape)))
    if draw(st.booleans()):
        return tuple(draw(index(n)) for n in shape[:count])
    return (..., *(draw(index(n)) for n in shape[len(shape) - count :]))


@pytest.fixture(scope="module")
def stack() -> npt.NDArray[np.uint16]:
    return np.random.default_rng(0).integers(0, 4096, SHAPE, dtype=np.uint16)


def written(folder: Path, data: npt.NDArray[Any], **options: Any) -> PagedTiff:
    tifffile.imwrite(folder / "a.tif", data, **{"photometric": "minisblack", **options})
    image = read_image(folder / "a.tif").data
    assert isinstance(image, PagedTiff)
    return image


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=keys(SHAPE))
def test_every_index_gives_what_numpy_gives(key: Any, stack: npt.NDArray[Any], tmp_path: Path) -> None:
    found = written(tmp_path, stack, compression="zlib")[key]
    np.testing.assert_array_equal(found, stack[key])


@pytest.mark.parametrize(
    "options",
    [
        {"tile": (16, 16), "compression": "zlib"},
        {"tile": (16, 32)},
        {"rowsperstrip": 7, "compression": "zlib", "predictor": True},
        {"tile": (16, 16), "byteorder": ">", "bigtiff": True},
    ],
    ids=str,
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=keys(SHAPE))
def test_parts_of_large_planes_are_decoded_alone(
    key: Any, options: dict[str, Any], stack: npt.NDArray[Any], tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(tiff_pages, "_KEPT_PLANE_BYTES", 0)
    found = written(tmp_path, stack, **options)[key]
    np.testing.assert_array_equal(found, stack[key])


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("kept", [0, 2**20])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(key=keys((2, 37, 50, 3)))
def test_parts_of_colour_planes_are_decoded_alone(
    key: Any, kept: int, planar: str, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(tiff_pages, "_KEPT_PLANE_BYTES", kept)
    colours = np.random.default_rng(0).integers(0, 255, (2, 37, 50, 3), dtype=np.uint8)
    stored = np.moveaxis(colours, -1, 1) if planar == "separate" else colours
    found = written(
        tmp_path, stored, photometric="rgb", planarconfig=planar, tile=(16, 16), compression="zlib"
    )
    np.testing.assert_array_equal(found[key], colours[key])


def test_a_corner_of_a_huge_plane_costs_no_huge_memory(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(tiff_pages, "_KEPT_PLANE_BYTES", 2**20)
    side = 4096

    def tiles() -> Any:
        for number in range((side // 256) ** 2):
            yield np.full((256, 256), number % 251, np.uint8)

    tifffile.imwrite(
        tmp_path / "a.tif", tiles(), shape=(side, side), dtype=np.uint8, tile=(256, 256), compression="zlib"
    )
    data = read_image(tmp_path / "a.tif").data
    tracemalloc.start()
    corner = data[250:260, 510:515]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 2**20 < data.nbytes
    assert set(np.unique(corner)) == {1, 2, 17, 18}


def test_wrong_indices_are_refused(tmp_path: Path, stack: npt.NDArray[Any]) -> None:
    data = written(tmp_path, stack, compression="zlib")
    for key in [3, (0, 4), (0, 0, 37), (0, 0, 0, 0, 0), (..., ...), ([0, 1],), 1.5]:
        with pytest.raises(IndexError):
            data[key]


def test_it_becomes_an_array_and_survives_pickling(tmp_path: Path, stack: npt.NDArray[Any]) -> None:
    data = written(tmp_path, stack, compression="zlib")
    assert (data.ndim, len(data), data.size, data.nbytes) == (4, 3, stack.size, stack.nbytes)
    np.testing.assert_array_equal(np.asarray(pickle.loads(pickle.dumps(data))), stack)
    assert np.asarray(data, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="without copying"):
        np.array(data, copy=False)


def test_changing_what_was_read_changes_nothing_else(tmp_path: Path, stack: npt.NDArray[Any]) -> None:
    data = written(tmp_path, stack, compression="zlib")
    data[0, 0][:] = 0
    np.testing.assert_array_equal(data[0, 0], stack[0, 0])


def test_threads_read_side_by_side(tmp_path: Path, stack: npt.NDArray[Any]) -> None:
    data = written(tmp_path, stack, compression="zlib")
    wrong = []

    def read(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(50):
            t, z = rng.integers(3), rng.integers(4)
            if not np.array_equal(data[t, z], stack[t, z]):
                wrong.append((t, z))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_damaged_plane_is_named_and_the_others_are_read(tmp_path: Path, stack: npt.NDArray[Any]) -> None:
    data = written(tmp_path, stack, compression="zlib")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        offset, length = tif.pages[5].dataoffsets[0], tif.pages[5].databytecounts[0]
    raw = bytearray((tmp_path / "a.tif").read_bytes())
    raw[offset : offset + length] = bytes(length)
    (tmp_path / "a.tif").write_bytes(raw)
    np.testing.assert_array_equal(data[1, 0], stack[1, 0])
    with pytest.raises(InputError, match=r"a\.tif: plane 5 is damaged"):
        data[1, 1]
