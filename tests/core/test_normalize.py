"""Percentiles by counting are those that sorting gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_restoration.core.errors import InputError
from napari_restoration.core.normalize import exact_percentiles, measure

DTYPES = ["u1", "i1", "<u2", ">u2", "i2", "u4", "i4", "f2", "f4", ">f4", "f8"]
PERCENTS = [0.0, 2.0, 33.3, 50.0, 99.8, 100.0]


def planes_of(array):
    return lambda: iter(array)


@settings(max_examples=120, deadline=None)
@given(
    array=st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(
            dtype,
            hnp.array_shapes(min_dims=3, max_dims=3, max_side=6),
            elements={"allow_nan": False, "allow_infinity": False, "max_value": 1e4, "min_value": -1e4}
            if np.dtype(dtype).kind == "f"
            else None,
        )
    )
)
def test_counting_agrees_with_sorting(array):
    expected = np.percentile(array.astype(np.float64), PERCENTS)
    np.testing.assert_allclose(exact_percentiles(planes_of(array), PERCENTS), expected, rtol=1e-9, atol=1e-9)


def test_a_large_plane_is_counted_in_pieces():
    plane = np.random.default_rng(0).normal(size=(700, 800)).astype(np.float32)
    expected = np.percentile(plane.astype(float), [2, 99.8])
    np.testing.assert_allclose(exact_percentiles(planes_of([plane]), [2, 99.8]), expected, rtol=1e-7)


def test_missing_values_are_left_out():
    plane = np.array([[1.0, np.nan], [np.inf, 3.0]])
    assert exact_percentiles(planes_of([plane]), [0, 50, 100]) == [1.0, 2.0, 3.0]
    with pytest.raises(InputError, match="No pixel has a finite value"):
        exact_percentiles(planes_of([np.full((2, 2), np.nan)]), [50])


def test_integers_that_float64_cannot_tell_apart_are_refused():
    with pytest.raises(InputError, match="subtract an offset"):
        exact_percentiles(planes_of([np.array([[2**53 + 2, 2**53 + 4]])]), [50])
    large = np.array([[2**40, 2**40 + 7]])
    assert exact_percentiles(planes_of([large]), [0, 100]) == [2**40, 2**40 + 7]


def test_normalising_and_undoing_give_the_image_back():
    plane = np.random.default_rng(1).integers(3_000_000_000, 3_000_001_000, (30, 40)).astype(np.uint32)
    percentiles = measure(planes_of([plane]), 2, 99.8)
    normalised = percentiles.normalize(plane)
    assert normalised.dtype == np.float32
    np.testing.assert_allclose(percentiles.undo(normalised), plane, atol=1e-3)


def test_sparse_beads_on_an_empty_background_keep_their_range():
    plane = np.zeros((200, 200), np.uint16)
    plane[10:12, 10:12] = 5000
    percentiles = measure(planes_of([plane]), 2, 99.8)
    assert (percentiles.low, percentiles.high) == (0, 5000)
    assert percentiles.has_contrast


def test_sparse_dark_spots_on_a_flat_background_keep_their_range():
    plane = np.full((200, 200), 60000, np.uint16)
    plane[10:12, 10:12] = 100
    percentiles = measure(planes_of([plane]), 2, 99.8)
    assert (percentiles.low, percentiles.high) == (100, 60000)
    assert percentiles.has_contrast
    np.testing.assert_allclose(percentiles.undo(percentiles.normalize(plane)), plane, rtol=1e-6)


@pytest.mark.parametrize("hot", [[(0, 0)], [(50, 60), (199, 199)], [(i, 7 * i) for i in range(2, 25)]])
def test_hot_pixels_do_not_flatten_a_dim_image(hot):
    plane = np.random.default_rng(2).integers(100, 140, (200, 200)).astype(np.uint16)
    expected = measure(planes_of([plane]), 2, 99.8)
    for y, x in hot:
        plane[y, x] = 65535
    found = measure(planes_of([plane]), 2, 99.8)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1)


def test_a_single_bright_or_dark_pixel_is_still_contrast():
    for value in (0, 5000):
        plane = np.full((100, 100), 1000, np.uint16)
        plane[40, 50] = value
        percentiles = measure(planes_of([plane]), 2, 99.8)
        assert (percentiles.low, percentiles.high) == (min(value, 1000), max(value, 1000))


def test_a_huge_number_in_an_ordinary_image_does_not_count():
    plane = np.random.default_rng(3).random((64, 64))
    expected = measure(planes_of([plane]), 2, 99.8)
    plane[10, 10] = 1e30
    plane[20, 20] = -np.inf
    assert measure(planes_of([plane]), 2, 99.8).high == pytest.approx(expected.high, rel=0.05)


def test_a_constant_image_has_no_contrast():
    percentiles = measure(planes_of([np.full((5, 5), 7, np.uint8)]), 2, 99.8)
    assert not percentiles.has_contrast
    assert np.all(percentiles.undo(np.zeros((2, 2), np.float32)) == 7)
