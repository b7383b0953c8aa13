"""Contents decide what a file is; names decide what is written."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import output_format, read_image, write_image


@pytest.mark.parametrize("name", ["a", "a.dat", "a.TIF", "a.tiff", "a.stk", "a b µ.ome.tif"])
def test_a_tiff_is_read_under_any_name_that_claims_nothing_else(tmp_path: Path, name: str) -> None:
    tifffile.imwrite(tmp_path / "x.tif", np.eye(5, dtype=np.uint8), metadata=None)
    (tmp_path / "x.tif").rename(tmp_path / name)
    np.testing.assert_array_equal(read_image(tmp_path / name).data, np.eye(5))


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"", "a.tif", "is empty"),
        (b"Hello, this is no image.\n", "a.tif", "is text, not an image"),
        ("Grüße aus dem Labor, ".encode() * 9, "a.tif", "is text"),
        (b"PK\x03\x04rest", "a.tif", "is a zip archive"),
        (b"\x89HDF\r\n\x1a\n", "a.tif", "is an HDF5 file"),
        (b"\x00\x01\x02\x03", "a.tif", "is of an unknown kind"),
        (b"GIF89a", "a.png", "is a GIF image"),
    ],
)
def test_a_file_of_another_kind_is_named_for_what_it_is(
    tmp_path: Path, content: bytes, name: str, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_image(tmp_path / name)
    assert name in str(caught.value)


def test_a_png_named_tif_is_named_for_what_it_is_with_the_fix(tmp_path: Path) -> None:
    write_image(tmp_path / "a.png", CalibratedImage(np.eye(5, dtype=np.uint8), "YX"))
    (tmp_path / "a.png").rename(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"is a PNG image in spite of its name: rename it to a\.png"):
        read_image(tmp_path / "a.tif")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.tif does not exist"):
        read_image(tmp_path / "nothing.tif")


def test_a_folder_without_a_zarr_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no Zarr"):
        read_image(tmp_path)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.tif", "tiff"),
        ("a.TIFF", "tiff"),
        ("a.b.ome.tif", "ome-tiff"),
        ("a.ome.tiff", "ome-tiff"),
        ("a.ome.zarr", "ome-zarr"),
        ("a.npy", "npy"),
        ("a.png", "png"),
    ],
)
def test_the_suffix_of_an_output_decides_its_format(name: str, kind: str) -> None:
    assert output_format(name) == kind


@pytest.mark.parametrize("name", ["a", "a.jpg", "a.czi", ".tif", "a.tif.gz"])
def test_an_output_without_a_known_suffix_is_refused_with_the_list(name: str) -> None:
    with pytest.raises(OutputError, match=r"\.ome\.tif, \.tif, \.ome\.zarr, \.npy and \.png"):
        output_format(name)
