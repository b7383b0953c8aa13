import math

import numpy as np
import pytest
from scipy import ndimage
from tests.training.pairs.conftest import noisy, texture

from napari_restoration.core.errors import InputError
from napari_restoration.training.pairs.bursts import (
    best_frame,
    grid_tiles,
    prepare_burst,
    scale_window,
)

SCENE = texture((400, 400), seed=5, sigma=2.0)
SIDE = 160


def window(y, x):
    return SCENE[y : y + SIDE, x : x + SIDE]


def stream(y):
    """A stage that passes: frames 15 px apart, each with a sub-pixel rest, noisy."""
    moved = ndimage.shift(SCENE, (0.3, -0.4), order=3, mode="wrap")
    return noisy(moved[15 * y : 15 * y + SIDE, 100 : 100 + SIDE], seed=y, sd=30)


def test_the_window_maps_levels_to_zero_and_one_and_cuts_the_rest():
    np.testing.assert_allclose(scale_window(np.array([0, 100, 150, 300]), 100, 200), [0, 0, 0.5, 1])
    with pytest.raises(InputError, match="low < high"):
        scale_window(np.zeros(3), 5, 5)


def test_the_frame_that_shows_most_of_the_sharp_image_is_found():
    found = best_frame(window(105, 100), 12, stream)

    assert found.frame == 7
    assert max(np.abs(found.shift_px)) <= 2


def test_a_burst_is_registered_to_the_sharp_image_and_cropped_to_what_all_show():
    burst = prepare_burst(window(105, 100), 12, stream, frames=5)

    assert burst.numbers == (5, 6, 7, 8, 9)
    # Frame n shows what lies 15 (n - 7) px further down, and is moved back by the fraction.
    expected = [(15 * (n - 7) - 0.3, 0.4) for n in burst.numbers]
    np.testing.assert_allclose([one.shift_px for one in burst.motions], expected, atol=0.05)
    assert burst.target.shape == burst.frames.shape[1:]
    assert 95 <= burst.target.shape[0] <= 99
    residual = burst.frames.mean(axis=0)[3:-3, 3:-3] - burst.target[3:-3, 3:-3]
    assert residual.std() < 30 / math.sqrt(5) * 1.05


def test_at_the_end_of_the_stream_the_burst_still_has_all_its_frames():
    assert prepare_burst(window(165, 100), 12, stream, frames=3).numbers == (9, 10, 11)


def test_a_stream_that_does_not_fit_is_refused():
    with pytest.raises(InputError, match="stream of 12"):
        prepare_burst(window(0, 0), 12, stream, frames=13)
    with pytest.raises(InputError, match="bin the finer one"):
        best_frame(SCENE, 1, stream)
    with pytest.raises(InputError, match="could not be registered"):
        prepare_burst(texture((SIDE, SIDE), seed=99), 3, stream, frames=3)


def test_tiles_lie_on_a_grid_in_the_upper_half_without_bars():
    image = np.ones((256, 192), np.float32)
    image[10, 70] = 0

    tiles = grid_tiles(image, 64)

    assert [(rows.start, columns.start) for rows, columns in tiles] == [
        (0, 0),
        (0, 128),
        (64, 0),
        (64, 64),
        (64, 128),
    ]
    assert len(grid_tiles(image, 64, drop_bottom_half=False)) == 11
