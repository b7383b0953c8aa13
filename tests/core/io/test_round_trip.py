"""What is written is read again: pixels, axes, sizes, units, origin, interval, channels and record."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import read_image, write_image

RECORD = {"task": "deblur", "settings": {"tile": 256, "name": "Zellkörper µ 🔬"}, "notices": ["a", "b"]}
OME_DTYPES = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]
ALL_DTYPES = [*OME_DTYPES, "uint64", "int64", "float16"]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="round-trip-"))
    yield path
    shutil.rmtree(path)


@st.composite
def images(
    draw: st.DrawFn, dtypes: list[str], *, letters: str = "TZC", colours: bool = True
) -> CalibratedImage:
    leading = "".join(draw(st.permutations(letters))[: draw(st.integers(0, 3))])
    samples = draw(st.sampled_from(["", "", "S"])) if colours else ""
    plane = draw(st.permutations("YX" + samples)) if draw(st.booleans()) else ["Y", "X", *samples]
    axes = leading + "".join(plane)
    shape = tuple(draw(st.sampled_from([3, 4])) if a == "S" else draw(st.integers(1, 6)) for a in axes)
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    values = np.random.default_rng(draw(st.integers(0, 2**32))).integers(0, 2**15, shape)
    sizes = st.floats(1e-4, 1e4)
    calibrated = draw(st.sampled_from(["", "YX", "ZYX"]))
    channels = [f"canal {i} µ<&" for i in range(dict(zip(axes, shape, strict=True)).get("C", 0))]
    return CalibratedImage(
        values.astype(dtype),
        axes,
        {axis: draw(sizes) for axis in calibrated},
        draw(st.sampled_from(["um", "nm"])) if calibrated else "um",
        draw(st.none() | st.floats(1e-3, 1e5)),
        draw(
            st.text(
                st.characters(codec="ascii", categories=["L", "N", "P", "S", "Z"]), min_size=1, max_size=9
            )
        ),
        {axis: draw(st.floats(-1e5, 1e5)) for axis in (calibrated if draw(st.booleans()) else "")},
        {"provenance": RECORD, **({"channels": channels} if channels and draw(st.booleans()) else {})},
    )


def in_order(image: CalibratedImage, axes: str) -> np.ndarray[Any, Any]:
    assert set(image.axes) == set(axes)
    return np.transpose(np.asarray(image.data), [image.axes.index(letter) for letter in axes])


def assert_same(found: CalibratedImage, wanted: CalibratedImage) -> None:
    pixels = in_order(found, wanted.axes)
    assert pixels.dtype.newbyteorder("=") == wanted.dtype
    np.testing.assert_array_equal(pixels, wanted.data)
    assert dict(found.pixel_size_um) == pytest.approx(dict(wanted.pixel_size_um), rel=1e-6)
    assert dict(found.origin_um) == pytest.approx(dict(wanted.origin_um), rel=1e-6, abs=1e-9)
    assert found.time_interval_s == pytest.approx(wanted.time_interval_s)
    assert found.display_unit == wanted.display_unit
    assert found.metadata["provenance"] == RECORD
    assert found.metadata.get("channels") == wanted.metadata.get("channels")


@settings(max_examples=30, deadline=None)
@given(image=images(OME_DTYPES))
def test_ome_tiff_keeps_everything_and_the_order_of_axes(image: CalibratedImage, folder: Path) -> None:
    notices = write_image(folder / "a.ome.tif", image, overwrite=True)
    found = read_image(folder / "a.ome.tif")
    assert notices == []
    assert_same(found, image)
    leading = [letter for letter in image.axes if letter in "TZC"]
    assert [letter for letter in found.axes if letter in "TZC"] == leading


@settings(max_examples=30, deadline=None)
@given(image=images(["uint8", "uint16", "float32"], colours=False))
def test_an_imagej_hyperstack_keeps_everything_in_the_order_tzcyx(
    image: CalibratedImage, folder: Path
) -> None:
    notices = write_image(folder / "a.tif", image, overwrite=True)
    found = read_image(folder / "a.tif")
    assert notices == []
    with tifffile.TiffFile(folder / "a.tif") as tif:
        assert tif.is_imagej
        assert not tif.is_bigtiff
    assert_same(found, image)
    assert found.axes == "".join(letter for letter in "TZCYX" if letter in image.axes)


@settings(max_examples=30, deadline=None)
@given(image=images([d for d in ALL_DTYPES if d not in ("uint8", "uint16", "float32")]))
def test_other_tiff_keeps_everything_and_says_that_it_is_no_hyperstack(
    image: CalibratedImage, folder: Path
) -> None:
    notices = write_image(folder / "a.tif", image, overwrite=True)
    found = read_image(folder / "a.tif")
    assert len(notices) == 1
    assert "no ImageJ hyperstack" in notices[0]
    assert_same(found, image)
    leading = [letter for letter in image.axes if letter in "TZC"]
    assert [letter for letter in found.axes if letter in "TZC"] == leading


@settings(max_examples=8, deadline=None)
@given(image=images(["uint8", "int16", "uint16", "float32", "float64"], colours=False))
def test_ome_zarr_keeps_pixels_sizes_and_record(image: CalibratedImage, folder: Path) -> None:
    pytest.importorskip("zarr")
    write_image(folder / "a.ome.zarr", image, overwrite=True)
    found = read_image(folder / "a.ome.zarr")
    np.testing.assert_array_equal(in_order(found, image.axes), image.data)
    assert found.axes == "".join(letter for letter in "TCZYX" if letter in image.axes)
    kept = {axis: size for axis, size in image.pixel_size_um.items() if axis in image.axes}
    assert dict(found.pixel_size_um) == pytest.approx(kept)
    origin = {axis: at for axis, at in image.origin_um.items() if axis in kept and at}
    assert dict(found.origin_um) == pytest.approx(origin)
    assert found.metadata["provenance"] == RECORD
    assert found.metadata["notices"] == []


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif"])
@pytest.mark.parametrize("axes", ["".join(p) for p in itertools.permutations("TZC")])
def test_every_order_of_axes_gives_the_same_planes(tmp_path: Path, suffix: str, axes: str) -> None:
    axes += "YX"
    sizes = {"T": 2, "Z": 3, "C": 4, "Y": 5, "X": 6}
    data = np.arange(720, dtype=np.uint16).reshape([sizes[letter] for letter in axes])
    write_image(tmp_path / f"a{suffix}", CalibratedImage(data, axes))
    np.testing.assert_array_equal(in_order(read_image(tmp_path / f"a{suffix}"), axes), data)


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif"])
def test_rgb_of_8_bits_keeps_its_samples(tmp_path: Path, suffix: str) -> None:
    data = np.random.default_rng(0).integers(0, 256, (2, 7, 5, 3), dtype=np.uint8)
    notices = write_image(tmp_path / f"a{suffix}", CalibratedImage(data, "TYXS", {"Y": 0.5, "X": 0.5}))
    found = read_image(tmp_path / f"a{suffix}")
    assert (found.axes, notices) == ("TYXS", [])
    np.testing.assert_array_equal(found.data, data)


def test_a_single_calibrated_axis_is_kept_in_a_plain_tiff(tmp_path: Path) -> None:
    image = CalibratedImage(np.zeros((3, 4, 5), np.uint8), "ZYX", {"Z": 0.25})
    (notice,) = write_image(tmp_path / "a.tif", image)
    assert "uncalibrated" in notice
    assert dict(read_image(tmp_path / "a.tif").pixel_size_um) == {"Z": 0.25}


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".ome.zarr"])
def test_names_with_control_characters_do_no_harm(tmp_path: Path, suffix: str) -> None:
    names = ["a<&\x01", "b\ud800"]
    image = CalibratedImage(
        np.zeros((2, 4, 5), np.uint16), "CYX", name="cut\x1b\nhere", metadata={"channels": names}
    )
    write_image(tmp_path / f"x{suffix}", image)
    found = read_image(tmp_path / f"x{suffix}").metadata["channels"]
    assert [name[0] for name in found] == ["a", "b"]
    # A single plane has no place for the names of two channels.
    write_image(tmp_path / f"y{suffix}", image.replace(data=image.data[0], axes="YX"))
    assert "channels" not in read_image(tmp_path / f"y{suffix}").metadata


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif"])
def test_an_origin_left_of_zero_is_kept_exactly_without_pixel_sizes_too(tmp_path: Path, suffix: str) -> None:
    for sizes in ({}, {"Y": 0.3, "X": 0.3}):
        image = CalibratedImage(np.zeros((4, 5), np.uint16), "YX", sizes, origin_um={"Y": -2.025, "X": 0.1})
        write_image(tmp_path / f"x{suffix}", image, overwrite=True)
        assert read_image(tmp_path / f"x{suffix}").origin_um == image.origin_um


def test_reading_a_result_and_writing_it_keeps_its_record(tmp_path: Path) -> None:
    image = CalibratedImage(np.zeros((4, 5), np.float32), "YX", metadata={"provenance": RECORD})
    write_image(tmp_path / "a.tif", image)
    write_image(tmp_path / "b.ome.tif", read_image(tmp_path / "a.tif"))
    assert read_image(tmp_path / "b.ome.tif").metadata["provenance"] == RECORD


def test_lazy_and_big_endian_data_are_written_plane_by_plane(tmp_path: Path) -> None:
    data = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(">f4")
    np.save(tmp_path / "a.npy", data)
    write_image(tmp_path / "a.tif", read_image(tmp_path / "a.npy", axes="ZYX"))
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").data, data)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png_keeps_a_plane_and_its_record(tmp_path: Path, dtype: str) -> None:
    data = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (7, 5)).astype(dtype)
    notices = write_image(
        tmp_path / "a.png", CalibratedImage(data, "YX", {"Y": 1, "X": 1}), provenance=RECORD
    )
    found = read_image(tmp_path / "a.png")
    assert found.axes == "YX"
    assert found.dtype == dtype
    np.testing.assert_array_equal(found.data, data)
    assert found.metadata["provenance"] == RECORD
    assert "does not keep the pixel size" in notices[0]


@pytest.mark.parametrize("samples", [3, 4])
def test_png_keeps_rgb(tmp_path: Path, samples: int) -> None:
    data = np.random.default_rng(0).integers(0, 256, (7, 5, samples)).astype(np.uint8)
    write_image(tmp_path / "a.png", CalibratedImage(data, "YXS"))
    found = read_image(tmp_path / "a.png")
    assert found.axes == "YXS"
    np.testing.assert_array_equal(found.data, data)


def test_npy_keeps_bare_numbers_and_says_so(tmp_path: Path) -> None:
    data = np.random.default_rng(0).normal(size=(2, 3, 4, 5))
    (notice,) = write_image(tmp_path / "a.npy", CalibratedImage(data, "CTYX"))
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), data)
    assert "neither calibration nor provenance" in notice
