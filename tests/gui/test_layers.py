"""From layers to images: axes and calibration, nothing copied, nothing changed."""

import dask.array
import numpy as np
import pytest
import tifffile
from napari.layers import Image, Labels

from napari_restoration.core.errors import InputError
from napari_restoration.gui._layers import (
    METADATA_KEY,
    file_problem,
    guess_layer_axes,
    is_restorable,
    layer_to_image,
)


def test_scale_and_units_become_micrometres_and_seconds():
    layer = Image(
        np.zeros((5, 3, 8, 9)),
        scale=(2, 0.5, 100, 100),
        translate=(0, 1, 2000, 0),
        units=("min", "um", "nm", "nm"),
        axis_labels=("t", "z", "y", "x"),
        name="cells",
    )
    image = layer_to_image(layer)
    assert (image.name, image.axes) == ("cells", "TZYX")
    assert image.pixel_size_um == pytest.approx({"Z": 0.5, "Y": 0.1, "X": 0.1})
    assert image.origin_um == pytest.approx({"Z": 1, "Y": 2, "X": 0})
    assert image.time_interval_s == pytest.approx(120)
    assert image.display_unit == "nm"


def test_a_layer_in_pixels_stays_uncalibrated():
    image = layer_to_image(Image(np.zeros((8, 9)), scale=(2, 2)))
    assert image.pixel_size_um == {}
    assert image.origin_um == {}


def test_plain_mapped_and_lazy_arrays_are_taken_as_they_are(tmp_path):
    plain = np.zeros((4, 8, 9), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", plain, photometric="minisblack")
    mapped = tifffile.memmap(tmp_path / "a.tif", mode="r")
    lazy = dask.array.zeros((4, 8, 9), chunks=(1, 8, 9))
    for data in (plain, mapped, lazy):
        assert layer_to_image(Image(data)).data is data


def test_of_a_multiscale_layer_the_finest_array_is_taken():
    fine = np.zeros((64, 64))
    image = layer_to_image(Image([fine, fine[::2, ::2]], multiscale=True))
    assert image.data is fine


def test_colours_are_samples():
    layer = Image(np.zeros((6, 30, 31, 4), np.uint8), rgb=True)
    assert guess_layer_axes(layer) == "TYXS"
    assert layer_to_image(layer).axes == "TYXS"
    with pytest.raises(InputError, match="rgb=False"):
        layer_to_image(layer, "TZYX")


def test_axes_that_the_user_names_win_and_are_checked():
    layer = Image(np.zeros((3, 8, 9)), name="cells")
    assert layer_to_image(layer, "zyx").axes == "ZYX"
    with pytest.raises(InputError, match=r"'cells' has 3 dimensions .* 'YX' name 2"):
        layer_to_image(layer, "YX")


@pytest.mark.parametrize("dtype", [bool, complex])
def test_values_that_are_no_intensities_are_refused_with_the_conversion(dtype):
    layer = Image(np.zeros((8, 9)), name="mask")
    layer._data = np.zeros((8, 9), dtype)  # napari itself converts some of these
    with pytest.raises(InputError, match="'mask' holds values of type"):
        layer_to_image(layer)


def test_axes_and_calibration_that_napari_drops_are_read_from_the_tiff(tmp_path):
    path = tmp_path / "stack.tif"
    data = np.zeros((6, 20, 24), np.uint16)
    tifffile.imwrite(
        path, data, imagej=True, resolution=(10, 10), metadata={"axes": "ZYX", "spacing": 0.3, "unit": "um"}
    )
    from napari.layers._source import layer_source

    with layer_source(path=str(path)):
        layer = Image(tifffile.imread(path))
    assert guess_layer_axes(layer) == "ZYX"
    assert layer_to_image(layer).pixel_size_um == pytest.approx({"Z": 0.3, "Y": 0.1, "X": 0.1})
    with layer_source(path=str(path)):
        cut = Image(data[:5])
    assert guess_layer_axes(cut) == "TYX"
    assert layer_to_image(cut).pixel_size_um == {}


def test_only_images_are_offered_and_no_previews():
    assert is_restorable(Image(np.zeros((8, 8))))
    assert not is_restorable(Labels(np.zeros((8, 8), int)))
    assert not is_restorable(Image(np.zeros((8, 8)), metadata={METADATA_KEY: {"preview": True}}))


def test_the_record_of_an_earlier_restoration_is_handed_on():
    layer = Image(np.zeros((8, 8)), metadata={METADATA_KEY: {"task": "denoise"}, "mine": 1})
    assert layer_to_image(layer).metadata == {"provenance": {"task": "denoise"}}


def test_a_file_that_ends_early_is_named_although_napari_shows_it(tmp_path):
    from napari.layers._source import layer_source

    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, np.zeros((6, 20, 24), np.uint16), photometric="minisblack")
    with layer_source(path=str(path)):
        layer = Image(np.zeros((6, 20, 24)))
    assert file_problem(layer) == ""
    path.write_bytes(path.read_bytes()[:-1500])
    assert "stack.tif" in file_problem(layer)
    assert "ends early" in file_problem(layer)
    path.unlink()
    assert file_problem(layer) == ""
    assert layer_to_image(layer).axes == "TYX"
