import numpy as np
import pytest
from tests.training.pairs.conftest import noisy, texture

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.training.pairs.content import fingerprints
from napari_restoration.training.pairs.leaks import find_overlap, iter_leaks
from napari_restoration.training.pairs.pair import make_pair

LARGE = texture((200, 200), seed=3)


def pair(name, target, seed=1, scenes=()):
    given = CalibratedImage(noisy(target, seed), "YX", name=name)
    return make_pair(given, CalibratedImage(target, "YX", name=name), name=name, scenes=scenes)


def kinds(one, others=None):
    return [(leak.kind, leak.one, leak.other) for leak in run(iter_leaks(one, others))]


def test_unrelated_fields_do_not_leak():
    assert kinds([pair("a", texture(seed=1))], [pair("b", texture(seed=2))]) == []


def test_equal_pixels_in_another_type_are_found():
    target = np.round(texture(seed=1))
    train = pair("a", target)
    copy = make_pair(
        CalibratedImage(noisy(target, 9), "YX", name="b"),
        CalibratedImage(target.astype(np.uint16), "YX", name="b"),
    )

    assert kinds([train], [copy]) == [("pixels", "a", "b")]


def test_an_overlapping_crop_is_found_with_its_place():
    train, held = pair("a", LARGE[:140, :140]), pair("b", noisy(LARGE[60:, 50:190], 7, sd=20))

    (leak,) = run(iter_leaks([train], [held]))
    found = find_overlap(train.target.read({}), held.target.read({}))

    assert leak.kind == "overlap"
    assert found.shift_px == (60, 50)
    assert found.share == pytest.approx(80 * 90 / 140**2, abs=0.02)


def test_pairs_of_one_source_leak_whatever_their_pixels():
    train = pair("a", texture(seed=1), scenes=("source cell.tif",))
    held = pair("b", texture(seed=2), scenes=("source cell.tif",))

    assert kinds([train], [held]) == [("source", "a", "b")]


def test_a_common_file_leaks(write):
    target = write("t.tif", LARGE)
    pairs = [make_pair(write(f"{n}.tif", noisy(LARGE, i)), target) for i, n in enumerate("ab")]

    assert kinds(pairs[:1], pairs[1:]) == [("file", "a", "b")]


def test_copies_within_a_set_are_found_unless_they_are_of_one_scene():
    first, copy, same = (
        pair(n, LARGE, i, (s,)) for i, (n, s) in enumerate([("a", "x"), ("b", "y"), ("c", "x")])
    )

    assert kinds([first, copy, same]) == [("pixels", "a", "b"), ("pixels", "b", "c")]


def test_empty_planes_are_no_copies_of_each_other():
    assert fingerprints(make_pair(*(CalibratedImage(np.zeros((40, 40)), "YX") for _ in range(2)))) == ()
