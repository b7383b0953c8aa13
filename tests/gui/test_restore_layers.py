"""Whatever holds the pixels, the result is that of the plain array."""

import dask.array
import numpy as np
import pytest
import tifffile


@pytest.fixture
def restored(open_widget, press):
    """Restores a layer with the identity model and returns the result's layer."""

    def restore(data, **options):
        viewer, widget = open_widget()
        layer = viewer.add_image(data, name="cells", **options)
        press(widget, "restore")
        assert len(viewer.layers) == 2, widget.form.message.text()
        return layer, viewer.layers[-1]

    return restore


def test_memory_mapped_and_read_only(restored, noise, tmp_path):
    plain = noise(5, 30, 40)
    tifffile.imwrite(tmp_path / "stack.tif", plain, photometric="minisblack")
    _, result = restored(tifffile.memmap(tmp_path / "stack.tif", mode="r"))
    np.testing.assert_allclose(result.data, plain, atol=0.01)


def test_dask(restored, noise):
    plain = noise(5, 30, 40)
    _, result = restored(dask.array.from_array(plain, chunks=(1, 16, 16)))
    assert isinstance(result.data, np.ndarray)
    np.testing.assert_allclose(result.data, plain, atol=0.01)


def test_multiscale_is_restored_at_full_resolution(restored, noise):
    fine = noise(3, 64, 80)
    layer, result = restored([fine, fine[:, ::2, ::2]], multiscale=True, scale=(1, 0.2, 0.2))
    assert not result.multiscale
    np.testing.assert_allclose(result.data, fine, atol=0.01)
    np.testing.assert_allclose(result.scale, layer.scale)


def test_colours_are_restored_and_stay_in_colour(restored, noise):
    data = noise(30, 40, 4, dtype=np.uint8)
    _, result = restored(data, rgb=True)
    assert result.rgb
    assert result.data.dtype == np.uint8
    np.testing.assert_array_equal(result.data, data)


def test_colours_can_be_previewed(open_widget, press, noise):
    viewer, widget = open_widget("superres")
    viewer.add_image(noise(30, 40, 3, dtype=np.uint8), rgb=True, name="slide")
    press(widget, "preview")
    assert viewer.layers[-1].rgb
    assert viewer.layers[-1].data.shape == (60, 80, 3)


def test_a_rotated_and_sheared_layer_is_overlaid(restored, noise):
    layer, result = restored(
        noise(30, 40), scale=(0.2, 0.3), rotate=25, shear=[0.2], translate=(3, 4), units=("um", "um"),
        blending="additive",
    )  # fmt: skip
    np.testing.assert_allclose(result._extent_augmented.world, layer._extent_augmented.world, atol=1e-9)
    assert result.units == layer.units
    assert result.blending == "additive"


def test_five_axes_and_one_chosen_channel(open_widget, press, noise):
    viewer, widget = open_widget()
    data = noise(2, 3, 2, 16, 20)
    viewer.add_image(data, name="cells", axis_labels=("t", "z", "c", "y", "x"))
    assert widget.form.axes_row.words.text() == "2 time points of 3 planes of 2 channels of 16 x 20"
    press(widget, "restore")
    np.testing.assert_allclose(viewer.layers[-1].data, data, atol=0.01)
    widget.form.advanced.channel.setValue(1)
    press(widget, "restore")
    np.testing.assert_allclose(np.squeeze(viewer.layers[-1].data, 2), data[:, :, 1], atol=0.01)


@pytest.mark.parametrize("shape", [(1, 1), (1, 37), (7, 3)])
def test_tiny_images(restored, shape):
    data = np.random.default_rng(0).integers(0, 99, shape).astype(np.float32)
    _, result = restored(data, contrast_limits=(0, 99))
    np.testing.assert_allclose(result.data, data, atol=0.01)


def test_a_constant_image_comes_back_with_a_remark(open_widget, press):
    viewer, widget = open_widget()
    viewer.add_image(np.full((20, 20), 7, np.uint16))
    press(widget, "restore")
    np.testing.assert_allclose(viewer.layers[-1].data, 7)
    assert "no contrast" in widget.form.message.text()


@pytest.mark.parametrize("name", ["", "a/b\\c", "🔬 <b>cells</b>", "x" * 300])
def test_names_of_any_kind(open_widget, press, noise, name):
    viewer, widget = open_widget()
    layer = viewer.add_image(noise(20, 20), name=name)
    press(widget, "restore")
    assert viewer.layers[-1].name == f"{layer.name} [tiny-denoise]"
