"""PNG, JPEG and npy files, sound and damaged."""

from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.core.io import read_image

GREY = np.random.default_rng(0).integers(0, 255, (21, 30), dtype=np.uint8)
COLOUR = np.random.default_rng(0).integers(0, 255, (21, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_grey_and_colour_pictures_have_their_axes(tmp_path: Path, suffix: str) -> None:
    for data, axes in ((GREY, "YX"), (COLOUR, "YXS")):
        imageio.imwrite(tmp_path / f"a{suffix}", data)
        image = read_image(tmp_path / f"a{suffix}")
        assert (image.axes, image.shape) == (axes, data.shape)
        if suffix == ".png":
            np.testing.assert_array_equal(image.data, data)


def test_transparency_of_a_grey_picture_is_left_out_with_a_notice(tmp_path: Path) -> None:
    imageio.imwrite(tmp_path / "a.png", np.stack([GREY, GREY], axis=-1), plugin="pillow", mode="LA")
    image = read_image(tmp_path / "a.png")
    np.testing.assert_array_equal(image.data, GREY)
    assert image.metadata["notices"] == ["a.png: its transparency was left out."]


def test_a_cut_picture_is_an_error(tmp_path: Path) -> None:
    imageio.imwrite(tmp_path / "a.png", GREY)
    raw = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(raw[: len(raw) // 2])
    with pytest.raises(InputError, match=r"a\.png is cut off or damaged"):
        read_image(tmp_path / "a.png")


def test_an_npy_file_is_memory_mapped(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((5, 21, 30)))
    image = read_image(tmp_path / "a.npy")
    assert isinstance(image.data, np.memmap)
    assert image.axes == "TYX"
    assert read_image(tmp_path / "a.npy", axes="ZYX").axes == "ZYX"


@pytest.mark.parametrize(
    ("shape", "axes"), [((40, 50, 3), "YXS"), ((40, 50, 4), "YXS"), ((7, 40, 50), "TYX")]
)
def test_the_guessed_axes_of_an_npy_file_are_told(tmp_path: Path, shape: tuple[int, ...], axes: str) -> None:
    path = tmp_path / "cells.npy"
    np.save(path, np.zeros(shape, np.uint8))
    image = read_image(path)
    assert image.axes == axes
    assert image.metadata["notices"] == [
        f"cells.npy does not name its axes; {axes} was assumed for its shape {shape}."
    ]
    assert read_image(path, axes="ZYX").metadata["notices"] == []


def test_an_array_that_is_no_image_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "line.npy", np.zeros(5))
    with pytest.raises(InputError, match=r"line\.npy: An array of shape \(5,\) is no image"):
        read_image(tmp_path / "line.npy")


def test_an_npy_file_with_objects_is_refused_without_loading_them(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[{}, []]], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"a\.npy holds Python objects"):
        read_image(tmp_path / "a.npy")


@pytest.mark.parametrize("keep", [7, 60, 1000])
def test_a_cut_npy_file_is_an_error(tmp_path: Path, keep: int) -> None:
    np.save(tmp_path / "a.npy", GREY.astype(float))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:keep])
    with pytest.raises(InputError, match=r"a\.npy is cut off or damaged"):
        read_image(tmp_path / "a.npy")


def test_an_npy_file_of_absurd_shape_is_an_error(tmp_path: Path) -> None:
    with open(tmp_path / "a.npy", "wb") as file:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**9)}
        np.lib.format.write_array_header_1_0(file, header)
    with pytest.raises(InputError, match="cut off or damaged"):
        read_image(tmp_path / "a.npy")
