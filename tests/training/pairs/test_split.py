import numpy as np
import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.training.pairs.pair import make_pair
from napari_restoration.training.pairs.split import group_by_scene, split_pairs

IMAGE = CalibratedImage(np.zeros((4, 4), np.uint8), "YX")


def pair(name, *scenes):
    return make_pair(IMAGE, IMAGE, name=name, scenes=scenes)


def cells(count=10):
    return [pair(f"cell{i}_{level}.tif") for i in range(count) for level in ("mild", "hard")]


def test_levels_of_one_scene_stay_on_one_side_for_every_seed():
    pairs = cells()
    for seed in range(20):
        split = split_pairs(pairs, 0.2, seed)
        scenes = [{scene for one in side for scene in one.scenes} for side in (split.train, split.held_out)]
        assert not scenes[0] & scenes[1]
        assert (len(split.train), len(split.held_out)) == (16, 4)


def test_the_seed_decides_and_the_order_of_pairs_does_not():
    pairs = cells()
    held = [
        {one.name for one in split_pairs(p, 0.2, s).held_out}
        for p, s in ((pairs, 1), (pairs[::-1], 1), (pairs, 2))
    ]

    assert held[0] == held[1]
    assert any({one.name for one in split_pairs(pairs, 0.2, s).held_out} != held[0] for s in range(2, 6))


def test_scenes_linked_by_a_chain_are_one_group():
    pairs = [pair("a", "one"), pair("b", "one", "two"), pair("c", "two"), pair("d", "three")]

    assert [[one.name for one in group] for group in group_by_scene(pairs)] == [["a", "b", "c"], ["d"]]


def test_equal_pixels_join_scenes_of_different_names():
    pairs = [pair("a"), pair("b"), pair("c")]

    groups = group_by_scene(pairs, {"a": ["k1"], "b": ["k2"], "c": ["k1"]})

    assert [[one.name for one in group] for group in groups] == [["a", "c"], ["b"]]


def test_one_field_of_view_cannot_be_held_out_and_that_is_said():
    split = split_pairs([pair("cell_mild"), pair("cell_hard")], 0.2, 0)

    assert (len(split.train), split.held_out) == (2, ())
    assert "one field of view" in split.notice


def test_of_two_scenes_one_is_held_out_and_one_is_trained_on():
    split = split_pairs([pair("a"), pair("b")], 0.5, 0)

    assert (len(split.train), len(split.held_out), split.notice) == (1, 1, "")


@pytest.mark.parametrize(
    ("pairs", "share", "words"),
    [([], 0.1, "no pairs"), ([pair("a")], 0.7, "share is 0.7"), ([pair("a"), pair("a")], 0.1, "called 'a'")],
)
def test_a_split_that_makes_no_sense_is_refused(pairs, share, words):
    with pytest.raises(InputError, match=words):
        split_pairs(pairs, share, 0)
