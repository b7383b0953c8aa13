"""Outputs are written plane by plane, are whole or absent, and are refused early."""

import errno
import json
import tracemalloc
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from napari_restoration.core.errors import OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import estimate_bytes, open_writer, read_image, tiff_write, write_image

LIKE = CalibratedImage(np.zeros((8, 9), np.uint8), "YX", {"Y": 0.1, "X": 0.2}, name="cells")
STACK = np.random.default_rng(0).normal(size=(2, 3, 8, 9)).astype(np.float32)
SUFFIXES = [".tif", ".ome.tif", ".npy", ".ome.zarr"]


def put_all(path: Path, planes: Any = STACK, overwrite: bool = False, **options: Any) -> list[str]:
    options = {"shape": STACK.shape, "dtype": STACK.dtype, "axes": "TZYX", "like": LIKE, **options}
    with open_writer(path, overwrite=overwrite, **options) as writer:
        for plane in planes.reshape(-1, *planes.shape[2:]):
            writer.write(plane)
        return writer.notices


@pytest.fixture(params=SUFFIXES)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == ".ome.zarr":
        pytest.importorskip("zarr")
    (tmp_path / "out").mkdir()
    return tmp_path / "out" / f"result{request.param}"


def test_planes_make_the_image(target: Path) -> None:
    put_all(target)
    image = read_image(target, axes="TZYX")
    np.testing.assert_array_equal(np.asarray(image.data), STACK)


def test_the_record_is_asked_for_after_the_last_plane(target: Path) -> None:
    written = []

    def record() -> dict[str, Any]:
        return {"task": "deblur", "planes": len(written)}

    with open_writer(
        target, shape=STACK.shape, dtype=STACK.dtype, axes="TZYX", like=LIKE, provenance=record
    ) as writer:
        for plane in STACK.reshape(-1, 8, 9):
            writer.write(plane)
            written.append(plane)
    if target.suffix != ".npy":
        assert read_image(target).metadata["provenance"] == {"task": "deblur", "planes": 6}


def test_nothing_is_left_after_an_error_and_the_old_file_stays(target: Path) -> None:
    put_all(target)
    before = np.asarray(read_image(target, axes="TZYX").data).copy()

    def fail() -> None:
        with open_writer(
            target, shape=STACK.shape, dtype=STACK.dtype, axes="TZYX", like=LIKE, overwrite=True
        ) as writer:
            writer.write(-STACK[0, 0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [entry.name for entry in target.parent.iterdir()] == [target.name]
    np.testing.assert_array_equal(np.asarray(read_image(target, axes="TZYX").data), before)


def test_missing_planes_are_an_error_and_leave_nothing(target: Path) -> None:
    with pytest.raises(ValueError, match="4 of 6 planes"):
        put_all(target, STACK[:, :2])
    assert list(target.parent.iterdir()) == []


def test_an_error_of_the_record_leaves_nothing(target: Path) -> None:
    def record() -> dict[str, Any]:
        raise KeyError("device")

    with pytest.raises(KeyError):
        put_all(target, provenance=record)
    assert list(target.parent.iterdir()) == []


def test_an_existing_output_is_refused_before_the_first_plane(target: Path) -> None:
    put_all(target)
    with pytest.raises(OutputError, match="exists"):
        put_all(target)
    put_all(target, 2 * STACK, overwrite=True)
    np.testing.assert_array_equal(np.asarray(read_image(target, axes="TZYX").data), 2 * STACK)


@pytest.mark.parametrize(
    "wrong", [np.zeros((8, 8), np.float32), np.zeros((8, 9)), np.zeros((1, 8, 9), np.float32)]
)
def test_a_plane_of_another_kind_is_refused(target: Path, wrong: npt.NDArray[Any]) -> None:
    def write() -> None:
        with open_writer(target, shape=(8, 9), dtype=np.float32, axes="YX", like=LIKE) as writer:
            writer.write(wrong)

    with pytest.raises(ValueError, match="a plane of"):
        write()


def test_one_plane_too_many_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="all 6 planes"):
        put_all(tmp_path / "a.tif", np.concatenate([STACK, STACK]))


@pytest.mark.parametrize("plane", range(6))
@pytest.mark.parametrize("suffix", [".tif", ".ome.tif"])
def test_a_disk_that_fills_up_at_any_plane_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plane: int, suffix: str
) -> None:
    target = tmp_path / f"a{suffix}"
    put_all(target)
    real = tiff_write.TiffStore.put

    def put(self: tiff_write.TiffStore, index: int, pixels: npt.NDArray[Any]) -> None:
        if index == plane:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, index, pixels)

    monkeypatch.setattr(tiff_write.TiffStore, "put", put)
    with pytest.raises(OutputError, match=r"a\S+ could not be written: No space left on device"):
        put_all(target, 2 * STACK, overwrite=True)
    np.testing.assert_array_equal(read_image(target).data, STACK)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_is_found_before_the_first_plane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def allocate(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tiff_write.os, "posix_fallocate", allocate, raising=False)
    with pytest.raises(OutputError, match="No space left"):
        put_all(tmp_path / "a.tif")
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_that_cannot_reserve_room_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def allocate(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(tiff_write.os, "posix_fallocate", allocate, raising=False)
    put_all(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, STACK)


def test_too_little_room_is_refused_before_the_first_plane(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="make room"),
        open_writer(tmp_path / "a.ome.tif", shape=(10**6, 10**5, 10**5), dtype="u2", axes="TYX", like=LIKE),
    ):
        pytest.fail("the block must not run")
    assert list(tmp_path.iterdir()) == []


def test_memory_holds_a_plane_and_not_the_stack(tmp_path: Path) -> None:
    plane = np.ones((1024, 1024), np.float32)
    with open_writer(
        tmp_path / "a.ome.tif", shape=(24, 1024, 1024), dtype="f4", axes="TYX", like=LIKE
    ) as writer:
        writer.write(plane)
        tracemalloc.start()
        for _ in range(23):
            writer.write(plane)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < plane.nbytes
    assert read_image(tmp_path / "a.ome.tif").shape == (24, 1024, 1024)


def test_beyond_4_gib_tiff_becomes_bigtiff_with_a_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_write, "_CLASSIC_LIMIT", 2**24)
    (notice,) = put_all(tmp_path / "a.tif")
    assert "larger than 4 GiB" in notice
    assert put_all(tmp_path / "b.ome.tif") == []
    for name in ("a.tif", "b.ome.tif"):
        with tifffile.TiffFile(tmp_path / name) as tif:
            assert tif.is_bigtiff
        np.testing.assert_array_equal(read_image(tmp_path / name).data, STACK)


@pytest.mark.parametrize("dtype", ["int64", "uint64", "float16"])
def test_a_dtype_that_ome_does_not_know_is_refused_with_the_fix(tmp_path: Path, dtype: str) -> None:
    with pytest.raises(OutputError, match=rf"OME-TIFF cannot hold {dtype}.*--dtype float32"):
        write_image(tmp_path / "a.ome.tif", CalibratedImage(np.zeros((4, 5), dtype), "YX"))


@pytest.mark.parametrize(
    ("data", "axes"),
    [(np.zeros((4, 5), np.float32), "YX"), (np.zeros((2, 4, 5), np.uint8), "TYX"),
     (np.zeros((4, 5, 3), np.uint16), "YXS")],
)  # fmt: skip
def test_what_a_png_cannot_hold_is_refused_with_the_fix(
    tmp_path: Path, data: npt.NDArray[Any], axes: str
) -> None:
    with pytest.raises(OutputError, match=r"a\.png: a PNG holds one plane.*write \.ome\.tif"):
        write_image(tmp_path / "a.png", CalibratedImage(data, axes))


def test_other_programs_find_axes_sizes_and_origin_in_ome_tiff(tmp_path: Path) -> None:
    image = CalibratedImage(
        np.zeros((2, 3, 8, 9), np.uint16), "CZYX", {"Z": 0.5, "Y": 0.1, "X": 0.2}, "um", 2.0, "cells",
        {"Y": 1.5, "X": -2.5}, {"channels": ["DAPI", "GFP"]},
    )  # fmt: skip
    write_image(tmp_path / "a.ome.tif", image, provenance={"task": "deblur"})
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        assert tif.series[0].axes == "CZYX"
        root = ElementTree.fromstring(tif.ome_metadata)
    pixels = root.find("./{*}Image/{*}Pixels")
    assert pixels is not None
    assert {k: v for k, v in pixels.attrib.items() if "Physical" in k or "Time" in k} == {
        "PhysicalSizeX": "0.2", "PhysicalSizeXUnit": "µm", "PhysicalSizeY": "0.1", "PhysicalSizeYUnit": "µm",
        "PhysicalSizeZ": "0.5", "PhysicalSizeZUnit": "µm", "TimeIncrement": "2.0", "TimeIncrementUnit": "s",
    }  # fmt: skip
    assert [c.get("Name") for c in pixels.iterfind("./{*}Channel")] == ["DAPI", "GFP"]
    (plane,) = pixels.findall("./{*}Plane")
    assert (plane.get("PositionX"), plane.get("PositionY")) == ("-2.5", "1.5")
    (annotation,) = root.findall("./{*}StructuredAnnotations/{*}XMLAnnotation")
    assert annotation.get("Namespace") == "napari-restoration"
    assert json.loads("".join(annotation.itertext()))["napari_restoration"] == {"task": "deblur"}


def test_imagej_finds_axes_sizes_and_the_record(tmp_path: Path) -> None:
    image = CalibratedImage(
        np.zeros((2, 3, 8, 9), np.uint16),
        "TZYX",
        {"Z": 0.5, "Y": 0.1, "X": 0.2},
        "um",
        2.0,
        origin_um={"X": 1.0},
    )
    write_image(tmp_path / "a.tif", image, provenance={"task": "deblur"})
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        metadata = tif.imagej_metadata
        assert tif.series[0].axes == "TZYX"
        assert tif.pages.first.get_resolution() == (5.0, 10.0)
    assert metadata is not None
    found = {key: metadata[key] for key in ("unit", "spacing", "finterval", "slices", "frames", "xorigin")}
    assert found == {
        "unit": "um",
        "spacing": 0.5,
        "finterval": 2.0,
        "slices": 3,
        "frames": 2,
        "xorigin": -5.0,
    }
    assert json.loads(metadata["Info"])["napari_restoration"] == {"task": "deblur"}


def test_the_calibration_of_the_output_does_not_need_its_shape(tmp_path: Path) -> None:
    like = LIKE.replace(metadata={"channels": ["a", "b", "c"]})
    for name in ("a.tif", "a.ome.tif"):
        put_all(tmp_path / name, like=like)
        image = read_image(tmp_path / name)
        assert dict(image.pixel_size_um) == pytest.approx({"Y": 0.1, "X": 0.2})
        assert "channels" not in image.metadata


def test_the_estimate_is_not_below_the_file(tmp_path: Path) -> None:
    for name in ("a.tif", "a.ome.tif"):
        put_all(tmp_path / name)
        assert estimate_bytes(STACK.shape, STACK.dtype) >= (tmp_path / name).stat().st_size
