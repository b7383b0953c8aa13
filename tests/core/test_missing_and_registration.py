"""Missing pixels are filled from their neighbours; frames are brought onto one another."""

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core import nonfinite
from napari_restoration.core.nonfinite import enlarge, fill_missing
from napari_restoration.core.registration import estimate_shift, shift_plane


def test_missing_pixels_take_their_nearest_neighbour():
    plane = np.arange(25, dtype=np.float32).reshape(5, 5)
    plane[2, 2] = np.nan
    plane[0, 0] = -np.inf
    before = plane.copy()
    filled, missing = fill_missing(plane, 0.0)
    assert np.isfinite(filled).all()
    assert filled[2, 2] in (7, 11, 13, 17)
    assert missing.sum() == 2
    np.testing.assert_array_equal(plane, before)
    np.testing.assert_array_equal(filled[~missing], plane[~missing])


@pytest.mark.parametrize("shape", [(40, 50), (8, 20, 30)])
@pytest.mark.parametrize("share", [0.002, 0.1, 0.6])
def test_each_missing_pixel_takes_one_that_is_nearest(shape, share, monkeypatch):
    rng = np.random.default_rng(7)
    block = rng.random(shape)
    block[rng.random(shape) < share] = np.nan
    block[..., :3, :4] = np.nan  # a hole at the border
    missing = ~np.isfinite(block)
    distance = ndimage.distance_transform_edt(missing)
    for most in (0, 10**6):
        monkeypatch.setattr(nonfinite, "_MOST_HOLES", most)
        filled, _ = fill_missing(block, 0.0)
        np.testing.assert_array_equal(filled[~missing], block[~missing])
        for position in np.argwhere(missing)[::7]:
            source = np.argwhere(block == filled[tuple(position)])[0]
            assert np.linalg.norm(source - position) == pytest.approx(distance[tuple(position)])


def test_whole_planes_may_be_missing_and_integers_never_are():
    filled, missing = fill_missing(np.full((3, 3), np.nan), 5.0)
    assert (filled == 5).all()
    assert missing.all()
    whole = np.ones((3, 3), np.uint8)
    assert fill_missing(whole, 0)[0] is whole


def test_enlarging_repeats_pixels():
    np.testing.assert_array_equal(enlarge(np.array([[1, 2]]), 2), [[1, 1, 2, 2], [1, 1, 2, 2]])


@pytest.mark.parametrize("shift", [(3.25, -2.6), (-0.4, 0.15), (0.0, 7.5)])
def test_a_known_shift_is_found_under_noise(shift):
    rng = np.random.default_rng(4)
    scene = ndimage.gaussian_filter(rng.normal(size=(200, 220)), 2)
    moved = ndimage.shift(scene, shift, order=3)[20:180, 20:180]
    scene = scene[20:180, 20:180]
    noise = 0.1 * scene.std()  # 20 dB
    found = estimate_shift(
        scene + rng.normal(0, noise, scene.shape), moved + rng.normal(0, noise, scene.shape)
    )
    np.testing.assert_allclose(found, [-step for step in shift], atol=0.05)


@pytest.mark.parametrize("side", [64, 128, 256])
def test_noise_is_not_moved_to_where_it_fits_by_chance(side):
    rng = np.random.default_rng(5)
    for _ in range(5):
        assert estimate_shift(rng.normal(size=(side, side)), rng.normal(size=(side, side))) == (0.0, 0.0)


def test_weak_structure_is_still_followed():
    rng = np.random.default_rng(6)
    scene = ndimage.gaussian_filter(rng.normal(size=(296, 296)), 2)
    moved = ndimage.shift(scene, (3.0, -2.0), order=3)[20:276, 20:276]
    scene = scene[20:276, 20:276]
    noise = 4 * scene.std()
    found = estimate_shift(
        scene + rng.normal(0, noise, scene.shape), moved + rng.normal(0, noise, scene.shape)
    )
    np.testing.assert_allclose(found, (-3.0, 2.0), atol=0.6)


def test_frames_without_common_structure_are_left_where_they_are():
    flat = np.zeros((64, 64), np.float32)
    assert estimate_shift(flat, flat) == (0.0, 0.0)
    assert shift_plane(flat, (0.0, 0.0)) is flat
