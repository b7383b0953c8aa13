from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.cleaning import MinimumFilter, Opening, disc_rows

BOTH = [MinimumFilter, Opening]


def noisy(seed=0, shape=(40, 50)):
    return np.random.default_rng(seed).gamma(2.0, 30.0, shape)


def footprint(radius):
    rows = disc_rows(radius)
    reach = rows[-1][0]
    disc = np.zeros((2 * reach + 1, 2 * reach + 1), dtype=bool)
    for row, half in rows:
        disc[row + reach, reach - half : reach + half + 1] = True
    return disc


@pytest.mark.parametrize(
    ("radius", "pixels"),
    [(0.0, 1), (0.5, 5), (1.0, 9), (1.5, 13), (2.0, 21), (2.5, 29), (3.0, 37), (4.0, 57)],
)
def test_discs_have_the_sizes_of_imagej(radius, pixels):
    assert footprint(radius).sum() == pixels


def test_half_a_pixel_is_a_cross_and_one_pixel_a_square():
    np.testing.assert_array_equal(footprint(0.5), [[0, 1, 0], [1, 1, 1], [0, 1, 0]])
    assert footprint(1.0).all()


@given(st.floats(0.0, 12.0), st.floats(0.0, 12.0))
def test_a_larger_disc_holds_the_smaller_one(first, second):
    small, large = sorted((first, second))
    wide = dict(disc_rows(large))
    assert all(wide.get(row, -1) >= half for row, half in disc_rows(small))


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.0, 4.0])
def test_the_minimum_filter_takes_the_darkest_pixel_of_the_disc(radius):
    image = noisy()
    expected = ndimage.minimum_filter(image, footprint=footprint(radius), mode="constant", cval=np.inf)
    np.testing.assert_array_equal(MinimumFilter(radius_px=radius).expectation(image), expected)


@pytest.mark.parametrize("step", BOTH)
@given(radius=st.floats(0.0, 6.0), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_nothing_becomes_brighter(step, radius, seed):
    image = noisy(seed)
    assert (step(radius_px=radius).expectation(image) <= image).all()


def test_a_larger_radius_makes_nothing_brighter():
    image = noisy()
    results = [MinimumFilter(radius_px=radius).expectation(image) for radius in (0, 0.5, 1, 1.5, 2, 3, 6)]
    for smaller, larger in pairwise(results):
        assert (larger <= smaller).all()
        assert larger.sum() < smaller.sum()


@pytest.mark.parametrize("step", BOTH)
def test_a_radius_of_zero_leaves_the_image_alone(step):
    image = noisy()
    np.testing.assert_array_equal(step(radius_px=0.0).expectation(image), image)


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.0, 3.3])
def test_opening_twice_is_opening_once(radius):
    once = Opening(radius_px=radius).expectation(noisy())
    np.testing.assert_array_equal(Opening(radius_px=radius).expectation(once), once)


def test_opening_keeps_the_width_of_a_line_that_the_minimum_filter_thins():
    image = np.zeros((30, 40))
    image[:, 15:22] = 10.0
    image[4, 33] = 50.0
    thinned = MinimumFilter(radius_px=2.0).expectation(image)
    assert (image[15] > 0).sum() == 7
    assert (thinned[15] > 0).sum() == 3
    opened = Opening(radius_px=2.0).expectation(image)
    np.testing.assert_array_equal(opened[15], image[15])
    assert opened[4, 33] == 0


@pytest.mark.parametrize("step", BOTH)
def test_the_target_is_cleaned_like_the_input(step):
    image = noisy()
    given = step(radius_px=1.0)
    np.testing.assert_array_equal(given.target(image), given(image, np.random.default_rng(0)))
    assert not np.array_equal(given.target(image), image)


def test_a_background_becomes_black():
    image = np.full((9, 9), 30.0)
    image[2:7, 2:7] = 100.0
    image[0, 0] = 5.0
    cleaned = MinimumFilter(radius_px=0.5, background=30.0).expectation(image)
    assert cleaned[4, 4] == 70.0
    assert cleaned[0, 0] == cleaned[8, 8] == 0.0


@pytest.mark.parametrize("step", BOTH)
def test_a_constant_stays_constant_up_to_the_border(step):
    image = np.full((12, 7), 3.5, dtype=np.float32)
    result = step(radius_px=5.0).expectation(image)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, image)


@pytest.mark.parametrize("step", BOTH)
def test_a_pixel_that_is_no_number_does_not_spread(step):
    image = noisy()
    image[10, 10] = np.nan
    result = step(radius_px=2.0).expectation(image)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(image))
    assert np.isfinite(np.delete(result.ravel(), 10 * 50 + 10)).all()


@pytest.mark.parametrize("step", BOTH)
def test_planes_do_not_see_each_other(step):
    stack = np.stack([noisy(0), noisy(1)])
    before = stack.copy()
    result = step(radius_px=2.0).expectation(stack)
    np.testing.assert_array_equal(result[1], step(radius_px=2.0).expectation(stack[1]))
    np.testing.assert_array_equal(stack, before)


@pytest.mark.parametrize(
    "make", [lambda: Opening(radius_px=-1.0), lambda: MinimumFilter(radius_px=float("nan"))]
)
def test_a_radius_that_is_none_is_refused(make):
    with pytest.raises(InputError, match="Radius is"):
        make()


@pytest.mark.parametrize("step", BOTH)
@pytest.mark.parametrize("radius", [0.0, 0.5, 2.0, 3.5])
def test_a_part_with_its_reach_around_it_gives_that_part_of_the_whole(step, radius):
    image = noisy()
    filtered = step(radius_px=radius)
    down, right = filtered.reach_px()
    part = filtered.expectation(image[18 - down : 22 + down, 20 - right : 30 + right])
    part = part[down : part.shape[0] - down, right : part.shape[1] - right]
    np.testing.assert_array_equal(part, filtered.expectation(image)[18:22, 20:30])
