"""TIFF files of every kind: pixels, axes and calibration as the program that wrote them meant them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import read_image
from napari_restoration.core.io.tiff_pages import PagedTiff

STACK = np.random.default_rng(0).integers(0, 4096, (2, 5, 21, 30), dtype=np.uint16)
UM = {"axes": "TZYX", "unit": "um", "spacing": 0.3, "finterval": 2.5}


def read(folder: Path, data: npt.NDArray[Any], name: str = "a.tif", **options: Any) -> CalibratedImage:
    options.setdefault("photometric", "minisblack")
    tifffile.imwrite(folder / name, data, **options)
    return read_image(folder / name)


@pytest.mark.parametrize(
    ("options", "axes", "mapped"),
    [
        ({"imagej": True, "metadata": UM}, "TZYX", True),
        ({"ome": True, "metadata": {"axes": "TZYX"}}, "TZYX", True),
        ({"ome": True, "metadata": {"axes": "ZTYX"}}, "ZTYX", True),
        ({"metadata": {"axes": "CZYX"}}, "CZYX", True),
        ({"metadata": None}, "TYX", True),
        ({"metadata": {"axes": "TZYX"}, "byteorder": ">"}, "TZYX", True),
        ({"metadata": {"axes": "TZYX"}, "bigtiff": True}, "TZYX", True),
        ({"metadata": {"axes": "TZYX"}, "truncate": True}, "TZYX", True),
        ({"metadata": {"axes": "TZYX"}, "tile": (16, 16)}, "TZYX", False),
        ({"metadata": {"axes": "TZYX"}, "compression": "zlib", "predictor": True}, "TZYX", False),
        ({"ome": True, "metadata": {"axes": "TZYX"}, "tile": (16, 16), "compression": "zlib"}, "TZYX", False),
    ],
    ids=str,
)
def test_every_kind_is_read_with_its_axes(
    tmp_path: Path, options: dict[str, Any], axes: str, mapped: bool
) -> None:
    image = read(tmp_path, STACK, **options)
    assert image.axes == axes
    assert isinstance(image.data, np.memmap if mapped else PagedTiff)
    np.testing.assert_array_equal(np.asarray(image.data).reshape(STACK.shape), STACK)


def test_reading_into_memory_gives_a_plain_array(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK, imagej=True, metadata=UM)
    data = read_image(tmp_path / "a.tif", lazy=False).data
    assert type(data) is np.ndarray
    assert data.flags.writeable


def test_the_file_is_not_changed_by_reading(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK, imagej=True, metadata=UM)
    before = (tmp_path / "a.tif").read_bytes()
    data = read_image(tmp_path / "a.tif").data
    with pytest.raises(ValueError, match="read-only"):
        data[0] = 0
    assert (tmp_path / "a.tif").read_bytes() == before


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("samples", [3, 4])
def test_colour_samples_come_last(tmp_path: Path, planar: str, compression: str | None, samples: int) -> None:
    colours = np.random.default_rng(0).integers(0, 255, (5, 21, 30, samples), dtype=np.uint8)
    stored = np.moveaxis(colours, -1, 1) if planar == "separate" else colours
    extra = {"extrasamples": ["unassalpha"]} if samples == 4 else {}
    image = read(
        tmp_path,
        stored,
        photometric="rgb",
        planarconfig=planar,
        compression=compression,
        metadata=None,
        **extra,
    )
    assert image.axes == "TYXS"
    np.testing.assert_array_equal(np.asarray(image.data), colours)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_planes_kept_as_colours_are_channels_if_the_file_names_them_so(
    tmp_path: Path, compression: str | None
) -> None:
    image = read(
        tmp_path, STACK[0, :3], photometric="rgb", planarconfig="separate", compression=compression,
        metadata={"axes": "CYX"},
    )  # fmt: skip
    assert image.axes == "CYX"
    np.testing.assert_array_equal(np.asarray(image.data), STACK[0, :3])


def test_grey_samples_are_channels(tmp_path: Path) -> None:
    data = np.random.default_rng(0).integers(0, 255, (21, 30, 2), dtype=np.uint8)
    image = read(tmp_path, data, planarconfig="contig", metadata=None)
    assert image.axes == "YXC"
    np.testing.assert_array_equal(np.asarray(image.data), data)


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f2", "f4", "f8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_every_number_type_is_read(tmp_path: Path, dtype: str, order: str) -> None:
    data = np.arange(12).reshape(3, 4).astype(dtype)
    image = read(tmp_path, data, byteorder=order, metadata=None)
    assert image.dtype.newbyteorder("=") == data.dtype
    np.testing.assert_array_equal(np.asarray(image.data), data)


def test_imagej_sizes_times_and_origin(tmp_path: Path) -> None:
    metadata = {**UM, "xorigin": -10.0, "yorigin": 4.0}
    image = read(tmp_path, STACK, imagej=True, resolution=(1 / 0.11, 1 / 0.1), metadata=metadata)
    assert dict(image.pixel_size_um) == pytest.approx({"Z": 0.3, "Y": 0.1, "X": 0.11})
    assert dict(image.origin_um) == pytest.approx({"Y": -0.4, "X": 1.1})
    assert image.time_interval_s == 2.5
    assert image.display_unit == "um"


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("micron", 1), ("\\u00B5m", 1), ("nm", 1e-3), ("mm", 1e3), ("cm", 1e4), ("inch", 25400)],
)
def test_imagej_units_become_micrometres(tmp_path: Path, unit: str, factor: float) -> None:
    metadata = {"axes": "ZYX", "unit": unit, "spacing": 3.0}
    image = read(tmp_path, STACK[0], imagej=True, resolution=(2.0, 4.0), metadata=metadata)
    assert dict(image.pixel_size_um) == pytest.approx({"Z": 3 * factor, "Y": factor / 4, "X": factor / 2})
    assert image.display_unit == ("nm" if unit == "nm" else "um")


def test_imagej_without_a_unit_is_uncalibrated(tmp_path: Path) -> None:
    image = read(
        tmp_path, STACK[0], imagej=True, resolution=(2.0, 4.0), metadata={"axes": "ZYX", "spacing": 3.0}
    )
    assert dict(image.pixel_size_um) == {}


def test_imagej_frames_per_second_and_milliseconds(tmp_path: Path) -> None:
    assert (
        read(tmp_path, STACK[0], imagej=True, metadata={"axes": "TYX", "fps": 20.0}).time_interval_s == 0.05
    )
    metadata = {"axes": "TYX", "finterval": 50.0, "tunit": "ms"}
    assert read(tmp_path, STACK[0], imagej=True, metadata=metadata).time_interval_s == 0.05


def test_a_plain_imagej_stack_without_dimensions_is_read(tmp_path: Path) -> None:
    description = "ImageJ=1.53t\nimages=5\nmin=0\nmax=255\n"
    image = read(tmp_path, STACK[0], description=description, metadata=None)
    assert image.axes == "TYX"
    np.testing.assert_array_equal(image.data, STACK[0])


@pytest.mark.parametrize(
    ("unit", "factor"), [("µm", 1), ("nm", 1e-3), ("mm", 1e3), ("m", 1e6), ("pm", 1e-6), ("Å", 1e-4)]
)
def test_ome_units_become_micrometres(tmp_path: Path, unit: str, factor: float) -> None:
    metadata = {"axes": "ZYX"}
    for axis, size in (("X", 0.5), ("Y", 0.25), ("Z", 2.0)):
        metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": unit}
    image = read(tmp_path, STACK[0], "a.ome.tif", metadata=metadata)
    assert dict(image.pixel_size_um) == pytest.approx(
        {"Z": 2 * factor, "Y": 0.25 * factor, "X": 0.5 * factor}
    )


def test_ome_times_positions_and_channels(tmp_path: Path) -> None:
    metadata = {
        "axes": "CZYX", "TimeIncrement": 500.0, "TimeIncrementUnit": "ms", "Channel": {"Name": ["DAPI", "GFP"]},
        "Plane": {"PositionX": [1.5] * 10, "PositionXUnit": ["mm"] * 10, "PositionY": [7.0] * 10},
    }  # fmt: skip
    image = read(tmp_path, STACK, "a.ome.tif", metadata=metadata)
    assert image.time_interval_s == 0.5
    assert dict(image.origin_um) == {"X": 1500.0}  # without a unit a position is the stage's own
    assert image.metadata["channels"] == ["DAPI", "GFP"]


def test_ome_in_several_files_is_read_as_one(tmp_path: Path) -> None:
    uuids = ["urn:uuid:00000000-0000-0000-0000-00000000000a", "urn:uuid:00000000-0000-0000-0000-00000000000b"]
    for number, uuid in enumerate(uuids):
        blocks = "".join(
            f'<TiffData IFD="0" FirstT="{t}" PlaneCount="5"><UUID FileName="t{t}.ome.tif">{u}</UUID></TiffData>'
            for t, u in enumerate(uuids)
        )
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuid}"><Image ID="Image:0">'
            '<Pixels ID="Pixels:0" DimensionOrder="XYZTC" Type="uint16" SizeX="30" SizeY="21" SizeZ="5" SizeC="1" '
            f'SizeT="2"><Channel ID="Channel:0" SamplesPerPixel="1"/>{blocks}</Pixels></Image></OME>'
        )
        tifffile.imwrite(
            tmp_path / f"t{number}.ome.tif", STACK[number], description=xml, metadata=None, compression="zlib"
        )
    image = read_image(tmp_path / "t0.ome.tif")
    assert image.axes == "TZYX"
    np.testing.assert_array_equal(np.asarray(image.data), STACK)
    (tmp_path / "t1.ome.tif").unlink()
    with pytest.raises(InputError, match=r"part 't1\.ome\.tif' is not beside it"):
        read_image(tmp_path / "t0.ome.tif")


def test_plain_resolution_is_trusted_only_with_a_unit_and_an_optical_value(tmp_path: Path) -> None:
    def size(**options: Any) -> dict[str, float]:
        return dict(read(tmp_path, STACK[0, 0], metadata=None, **options).pixel_size_um)

    assert size(resolution=(1e5, 2e5), resolutionunit="centimeter") == pytest.approx({"Y": 0.05, "X": 0.1})
    assert size(resolution=(254000, 254000), resolutionunit="inch") == pytest.approx({"Y": 0.1, "X": 0.1})
    assert size(resolution=(72, 72), resolutionunit="inch") == {}
    assert size(resolution=(300, 300), resolutionunit="inch") == {}
    assert size(resolution=(118.11, 118.11), resolutionunit="centimeter") == {}
    assert size(resolution=(1e5, 1e5), resolutionunit="none") == {}
    assert size() == {}


def test_shaped_json_gives_sizes(tmp_path: Path) -> None:
    def sizes(**metadata: Any) -> dict[str, float]:
        return dict(read(tmp_path, STACK[0], metadata={"axes": "ZYX", **metadata}).pixel_size_um)

    assert sizes(z_um=[0.0, 0.5, 1.0, 1.5, 2.0]) == {"Z": 0.5}
    assert sizes(z_um=[0.0, 0.5, 1.0, 1.5, 9.0]) == {}
    assert sizes(pixel_size_um=0.1) == {"Y": 0.1, "X": 0.1}
    assert sizes(pixel_size_um={"Z": 1, "Y": 0.1, "X": "wide"}) == {"Z": 1.0, "Y": 0.1}


def test_an_override_renames_the_axes(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK[0], imagej=True, metadata={"axes": "ZYX"})
    assert read_image(tmp_path / "a.tif", axes="TYX").axes == "TYX"
    assert read_image(tmp_path / "a.tif", axes="cyx").axes == "CYX"


@pytest.mark.parametrize("axes", ["TZYX", "YX", "ZYQ", "ZZX", "ZCT", "SYX"])
def test_an_override_that_contradicts_the_shape_names_both(tmp_path: Path, axes: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK[0], imagej=True, metadata={"axes": "ZYX"})
    with pytest.raises(InputError, match=r"a\.tif") as caught:
        read_image(tmp_path / "a.tif", axes=axes)
    assert axes in str(caught.value)


def test_unnamed_axes_are_guessed_and_said(tmp_path: Path) -> None:
    image = read(tmp_path, STACK, metadata={"axes": "RQYX"})
    assert image.axes == "TZYX"
    (notice,) = image.metadata["notices"]
    assert "does not name all its axes; TZYX was assumed" in notice


def test_images_of_another_shape_are_left_out_with_a_notice(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(STACK[0, 0], metadata=None)
        writer.write(STACK[0, 0, :10, :10], metadata=None)
    image = read_image(tmp_path / "a.tif")
    assert image.shape == (21, 30)
    assert image.metadata["notices"] == [
        "a.tif holds 2 pages in several images; only the 1 of the first are read."
    ]


def test_a_pyramid_is_read_at_full_resolution(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as writer:
        writer.write(STACK[0], subifds=1, tile=(16, 16), metadata={"axes": "ZYX"}, photometric="minisblack")
        writer.write(STACK[0, :, ::2, ::2], subfiletype=1, tile=(16, 16), photometric="minisblack")
    image = read_image(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(np.asarray(image.data), STACK[0])
    assert image.metadata["notices"] == []


@pytest.mark.parametrize("compression", ["lzw", "zstd", "packbits", "zlib"])
def test_the_compressions_of_microscopes_are_read(tmp_path: Path, compression: str) -> None:
    image = read(tmp_path, STACK[0], compression=compression)
    np.testing.assert_array_equal(np.asarray(image.data), STACK[0])


def test_an_unreadable_compression_is_named_with_the_fix(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", STACK[0, 0], compression="zlib", metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tif:
        tif.pages.first.tags["Compression"].overwrite(34661)  # JBIG
    with pytest.raises(InputError, match=r"compressed with JBIG.*save it with LZW"):
        read_image(tmp_path / "a.tif")


def test_foreign_text_in_imagej_info_is_no_record(tmp_path: Path) -> None:
    for info in ("Objective: 63x", '{"objective": 63}', "{broken"):
        image = read(tmp_path, STACK[0], imagej=True, metadata={"axes": "ZYX", "Info": info})
        assert "provenance" not in image.metadata


def test_a_record_is_found_in_shaped_json_written_by_hand(tmp_path: Path) -> None:
    image = read(tmp_path, STACK[0], metadata={"axes": "ZYX", "napari_restoration": {"task": "deblur"}})
    assert image.metadata["provenance"] == {"task": "deblur"}


def test_real_files_are_read_as_tifffile_reads_them(data_dir: Path) -> None:
    paths = sorted(data_dir.rglob("*.tif"))[::12]
    assert paths
    for path in paths:
        image = read_image(path)
        with tifffile.TiffFile(path) as tif:
            np.testing.assert_array_equal(np.asarray(image.data), tif.asarray())
            named = json.loads(tif.pages.first.description).get("axes")
        assert named in (None, image.axes)
        assert image.metadata["notices"] == []
