"""OME-Zarr of both versions, plain arrays, and what is wrong with damaged ones."""

import importlib.util
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import open_writer, read_image, write_image

zarr = pytest.importorskip("zarr")

STACK = np.random.default_rng(0).integers(0, 4096, (2, 3, 21, 30), dtype=np.uint16)
AXES = [
    {"name": "t", "type": "time", "unit": "millisecond"},
    {"name": "z", "type": "space", "unit": "nanometer"},
    {"name": "y", "type": "space", "unit": "micrometer"},
    {"name": "x", "type": "space", "unit": "micrometer"},
]
SCALE = {"type": "scale", "scale": [500.0, 250.0, 0.1, 0.2]}
SHIFT = {"type": "translation", "translation": [0.0, 1000.0, 1.5, 0.0]}


def make(folder: Path, version: str, **changes: Any) -> Path:
    path = folder / f"v{version}.ome.zarr"
    group = zarr.open_group(str(path), mode="w", zarr_format=2 if version == "0.4" else 3)
    for level, data in (("0", STACK), ("1", STACK[:, :, ::2, ::2])):
        group.create_array(level, shape=data.shape, dtype=data.dtype, chunks=(1, 1, 16, 16))[...] = data
    scales = {
        "axes": AXES,
        "datasets": [{"path": "0", "coordinateTransformations": [SCALE, SHIFT]}, {"path": "1"}],
        **changes,
    }
    if version == "0.4":
        group.attrs["multiscales"] = [{"version": "0.4", **scales}]
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": [scales]}
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_the_full_resolution_is_read_with_sizes_and_origin(tmp_path: Path, version: str) -> None:
    image = read_image(make(tmp_path, version))
    assert isinstance(image.data, zarr.Array)
    assert image.axes == "TZYX"
    np.testing.assert_array_equal(np.asarray(image.data[...]), STACK)
    assert dict(image.pixel_size_um) == pytest.approx({"Z": 0.25, "Y": 0.1, "X": 0.2})
    assert dict(image.origin_um) == pytest.approx({"Z": 1.0, "Y": 1.5})
    assert image.time_interval_s == pytest.approx(0.5)
    assert image.metadata["notices"] == []


def test_a_scale_common_to_all_levels_counts_too(tmp_path: Path) -> None:
    common = [{"type": "scale", "scale": [1.0, 2.0, 10.0, 10.0]}]
    image = read_image(make(tmp_path, "0.4", coordinateTransformations=common))
    assert dict(image.pixel_size_um) == pytest.approx({"Z": 0.5, "Y": 1.0, "X": 2.0})


def test_axes_without_units_are_uncalibrated(tmp_path: Path) -> None:
    image = read_image(make(tmp_path, "0.4", axes=["t", "z", "y", "x"]))
    assert image.axes == "TZYX"
    assert dict(image.pixel_size_um) == {}


def test_a_plain_array_is_read_with_its_dimension_names(tmp_path: Path) -> None:
    array = zarr.create_array(
        str(tmp_path / "a.zarr"),
        shape=(5, 21, 30),
        dtype="u2",
        chunks=(1, 21, 30),
        dimension_names=["c", "y", "x"],
    )
    array[...] = 1
    assert read_image(tmp_path / "a.zarr").axes == "CYX"
    assert read_image(tmp_path / "a.zarr", axes="ZYX").axes == "ZYX"


def test_missing_chunks_are_counted_in_a_notice(tmp_path: Path) -> None:
    path = make(tmp_path, "0.4")
    chunks = sorted(p for p in (path / "0").rglob("*") if p.is_file() and p.name[0].isdigit())
    for chunk in chunks[:3]:
        chunk.unlink()
    (notice,) = read_image(path).metadata["notices"]
    assert notice == f"v0.4.ome.zarr: 3 of {len(chunks)} chunks are missing and read as 0."


@pytest.mark.parametrize("text", ["{broken", "[]", "{}", json.dumps({"multiscales": [{}]}), "{" * 5000])
def test_broken_metadata_are_an_error(tmp_path: Path, text: str) -> None:
    path = make(tmp_path, "0.4")
    (path / ".zattrs").write_text(text)
    with pytest.raises(InputError, match=r"v0\.4\.ome\.zarr is no readable OME-Zarr"):
        read_image(path)


def test_an_absurd_shape_allocates_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    zarr.create_array(str(path), shape=(10**6, 10**6, 10**6), dtype="u2", chunks=(1, 1024, 1024))
    image = read_image(path)
    assert image.shape == (10**6,) * 3
    assert image.data[0, 0, 0] == 0


def test_an_unfinished_output_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "a.ome.zarr", CalibratedImage(STACK, "TZYX"))
    attributes = json.loads((tmp_path / "a.ome.zarr" / ".zattrs").read_text())
    assert attributes["napari_restoration"]["complete"] is True
    attributes["napari_restoration"]["complete"] = False
    (tmp_path / "a.ome.zarr" / ".zattrs").write_text(json.dumps(attributes))
    with pytest.raises(InputError, match="was not finished"):
        read_image(tmp_path / "a.ome.zarr")


def test_the_flag_is_set_last(tmp_path: Path) -> None:
    seen = []

    def record() -> dict[str, Any]:
        (temporary,) = [p for p in tmp_path.iterdir() if p.name.startswith(".napari-restoration-")]
        seen.append(json.loads((temporary / ".zattrs").read_text())["napari_restoration"]["complete"])
        return {"task": "deblur"}

    with open_writer(
        tmp_path / "a.ome.zarr", shape=(21, 30), dtype="u2", axes="YX", like=CalibratedImage(STACK, "TZYX"),
        provenance=record,
    ) as writer:  # fmt: skip
        writer.write(STACK[0, 0])
    assert seen == [False]


def test_planes_of_zeros_leave_no_missing_chunks(tmp_path: Path) -> None:
    write_image(tmp_path / "a.ome.zarr", CalibratedImage(np.zeros((3, 21, 30), np.uint8), "TYX"))
    assert read_image(tmp_path / "a.ome.zarr").metadata["notices"] == []


def test_colour_samples_are_refused_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"no colour samples.*write \.ome\.tif"):
        write_image(tmp_path / "a.ome.zarr", CalibratedImage(np.zeros((4, 5, 3), np.uint8), "YXS"))


def test_without_zarr_both_directions_name_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path, "0.4")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"napari-restoration\[zarr\]"):
        read_image(path)
    with pytest.raises(OutputError, match=r"napari-restoration\[zarr\]"):
        write_image(tmp_path / "b.ome.zarr", CalibratedImage(STACK, "TZYX"))
