import numpy as np
import pytest
from tests.training.pairs.conftest import noisy, texture

from napari_restoration.core.image import CalibratedImage
from napari_restoration.degradations.preset_store import find_preset
from napari_restoration.training.fields import FieldMaker
from napari_restoration.training.good_images import find_good_images, good_planes
from napari_restoration.training.pairs.folder import open_pair_folder
from napari_restoration.training.pairs.lazy import pair_sources
from napari_restoration.training.pairs.pair import make_pair
from napari_restoration.training.pairs.within import hold_out_parts
from napari_restoration.training.recipe_data import PairSettings


def sources(*shapes, scale=1, **settings):
    pairs = []
    for number, shape in enumerate(shapes):
        target = texture(shape, seed=number)
        given = CalibratedImage(noisy(target[::scale, ::scale], number), "YX")
        pairs.append(make_pair(given, CalibratedImage(target, "YX"), name=f"cell{number}.tif"))
    return pair_sources(pairs, PairSettings(match="*", **settings))


def test_the_last_part_along_the_longer_side_is_held_out_half_a_patch_away():
    (whole,) = sources((96, 200))

    (train,), (held,), words = hold_out_parts([whole], 0.2, 32)

    assert (train.name, held.name) == ("cell0.tif", "cell0.tif#columns 160 to 199")
    for image, part, stop in ((whole.input, train.input, 144), (whole.target, train.target, 144)):
        np.testing.assert_array_equal(np.asarray(part), np.asarray(image)[:, :stop])
    np.testing.assert_array_equal(np.asarray(held.target), np.asarray(whole.target)[:, 160:])
    np.testing.assert_array_equal(held.input[3:9, 1:7], whole.input[3:9, 161:167])
    assert "rest of this field, not on others" in words


def test_a_part_is_normalised_as_the_image_that_it_is_a_part_of(tiny_recipe):
    (whole,) = sources((96, 200))
    _, (held,), _ = hold_out_parts([whole], 0.2, 32)

    recipe = tiny_recipe(training={"percentiles": "image"})
    field = FieldMaker(recipe, [], [held], fixed=True).make(np.random.default_rng(0))

    low, high = np.percentile(np.asarray(whole.input), [2, 99.8])
    part = np.asarray(held.input)
    grey = field.input * (high - low) + low
    assert held.input.part(slice(0, 9), slice(0, 9)).uncut is whole.input
    assert any(
        np.allclose(grey, part[y : y + 32, x : x + 32], atol=1e-2)
        for y in range(part.shape[0] - 31) for x in range(part.shape[1] - 31)
    )  # fmt: skip


@pytest.mark.parametrize("settings", [{"register": True}, {"bin_input": 2}, {}])
def test_input_and_target_of_a_part_show_the_same(settings):
    scale = 1 if settings else 2
    (whole,) = sources((256, 120), scale=scale, **settings)

    _, (held,), _ = hold_out_parts([whole], 0.25, 32)

    ratio = held.target.shape[0] // held.input.shape[0]
    rows, ratio_of_all = held.input.shape[0], whole.target.shape[0] // whole.input.shape[0]
    assert ratio == ratio_of_all == (1 if "register" in settings else 2)
    np.testing.assert_allclose(np.asarray(held.input), np.asarray(whole.input)[-rows:])
    np.testing.assert_allclose(
        np.asarray(held.target), np.asarray(whole.target)[-rows * ratio :], rtol=1e-3, atol=1
    )


def test_images_without_room_are_not_divided_and_that_is_said():
    small, large = sources((79, 60), (80, 60))

    train, held, words = hold_out_parts([small, large], 0.1, 32)
    assert [len(train), len(held)] == [2, 1]
    assert train[0] is small
    assert "1 of 2" in words
    assert "overlap" in words

    assert hold_out_parts([small], 0.1, 32)[1] == []
    assert "at least 80 pixels" in hold_out_parts([small], 0.1, 32)[2]


def test_a_single_good_image_is_divided(write, tmp_path):
    write("good/cell.tif", texture((120, 60)))
    planes = good_planes(
        find_good_images(tmp_path / "good").pairs, find_preset("tem-stream"), pixel_size_um=0.01
    )

    (train,), (held,), _ = hold_out_parts(planes, 0.2, 24)

    assert (train.image.shape, held.image.shape) == ((84, 60), (24, 60))
    assert train.model == held.model


def test_bursts_of_a_single_stream_are_told_to_be_of_one_stream(write, tmp_path):
    for name in "ab":
        write(
            f"set/input/{name}.tif",
            np.stack([noisy(texture((96, 64)), n) for n in range(5)]),
            metadata={"axes": "TYX"},
        )
        write(f"set/target/{name}.tif", texture((96, 64), seed=ord(name)))
    entries = ", ".join(f'{{"pair": "{name}.tif", "source": {{"name": "kidney.tif"}}}}' for name in "ab")
    (tmp_path / "set/pairs.json").write_text(f'{{"pairs": [{entries}]}}', encoding="utf-8")

    opened = open_pair_folder(tmp_path / "set", share=0.2, seed=0, patch=32, axes=None)

    assert (len(opened.train), len(opened.held_out)) == (2, 2)
    assert opened.notice.startswith("All images come from one image or stream, 'kidney.tif'")
