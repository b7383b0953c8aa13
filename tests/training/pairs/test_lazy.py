import numpy as np
import pytest
from scipy import ndimage
from tests.training.pairs.conftest import noisy, texture

from napari_restoration.core.image import CalibratedImage
from napari_restoration.training.fields import FieldMaker
from napari_restoration.training.pairs.lazy import LazyPlane, pair_sources
from napari_restoration.training.pairs.pair import make_pair
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.recipe_data import PairSettings

HERE = {"T": 0, "Z": 0, "C": 0}


def in_memory(given, target):
    return make_pair(CalibratedImage(given, "YX", name="cell"), CalibratedImage(target, "YX", name="cell"))


def test_a_cut_of_a_moved_and_scaled_plane_equals_the_cut_of_the_whole_plane_moved():
    image = texture()
    plane = LazyPlane(in_memory(image, image), "target", HERE, gain=2.0, offset=-5.0, shift_px=(0.4, -1.7))

    whole = 2 * ndimage.shift(image, (0.4, -1.7), order=3, mode="nearest") - 5

    np.testing.assert_allclose(plane[30:50, 40:70], whole[30:50, 40:70], atol=0.02)
    np.testing.assert_allclose(np.asarray(plane)[20:-20, 20:-20], whole[20:-20, 20:-20], atol=0.02)


def test_a_binned_plane_holds_block_means():
    image = texture()
    plane = LazyPlane(in_memory(image, image), "input", HERE, binning=2)

    assert plane.shape == (48, 56)
    np.testing.assert_allclose(
        plane[3:5, 7:8], image[6:10, 14:16].reshape(2, 2, 1, 2).mean((1, 3)), rtol=1e-6
    )


def test_missing_pixels_are_filled():
    image = texture()
    image[40, 40] = np.nan

    assert np.isfinite(LazyPlane(in_memory(image, image), "input", HERE)[...]).all()


def test_only_plain_slices_cut_a_plane():
    plane = LazyPlane(in_memory(texture(), texture()), "input", HERE)

    with pytest.raises(IndexError, match="one slice"):
        plane[3]


def test_registered_and_fitted_targets_equal_the_input_without_noise():
    truth = texture((128, 128), sigma=2.5)
    given = noisy(truth, sd=5)
    target = 3 * ndimage.shift(truth, (0.8, -0.6), order=3, mode="wrap") + 50

    (source,) = pair_sources([in_memory(given, target)], PairSettings(match="*", register=True, fit=True))
    inner = (slice(20, 100), slice(20, 100))

    np.testing.assert_allclose(source.target[inner], truth[inner], atol=8)


def test_planes_of_a_stack_are_sources_of_their_own():
    stack = np.stack([texture(seed=i) for i in range(3)])
    images = (CalibratedImage(stack + i, "ZYX", name="s") for i in range(2))

    sources = pair_sources([make_pair(*images)], PairSettings(match="*"))

    assert [one.name for one in sources] == ["s#Z=0", "s#Z=1", "s#Z=2"]
    np.testing.assert_array_equal(np.asarray(sources[2].target), stack[2] + 1)


def test_fields_are_drawn_from_files_as_they_are_from_arrays(write):
    truth = texture((160, 200))
    fine = np.repeat(np.repeat(truth, 2, 0), 2, 1)
    pair = make_pair(write("in.tif", truth), write("out.tif", fine, compression="zlib"))
    recipe = Recipe.from_dict(
        {
            "id": "x", "title": "x", "description": "x", "task": "superres", "arch": "rrdb",
            "arch_args": {"maps": 16, "growth": 8, "blocks": 1}, "pairs": [{"match": "*"}],
            "training": {"field_size": 64, "patch": 32},
        }
    )  # fmt: skip
    maker = FieldMaker(recipe, [], pair_sources([pair], recipe.pairs[0]), fixed=True)

    field = maker.make(np.random.default_rng(0))

    assert (field.input.shape, field.target.shape) == ((64, 64), (128, 128))
    np.testing.assert_allclose(field.target[::2, ::2], field.input, atol=1e-5)
