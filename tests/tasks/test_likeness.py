"""How alike two images are, as one number."""

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.tasks.likeness import compare_likeness


@pytest.fixture
def plane():
    rng = np.random.default_rng(0)
    return 100 + 20 * ndimage.gaussian_filter(rng.normal(size=(128, 160)), 2) + rng.normal(size=(128, 160))


def test_an_image_is_at_no_distance_from_itself_and_closer_than_its_halves_are(plane):
    found = compare_likeness(plane, plane.copy())
    assert found.distance == 0.0
    assert 0.0 < found.yardstick < 0.3


def test_a_shift_of_the_grey_levels_is_the_histogram_distance(plane):
    low, high = np.percentile(plane, (0.05, 99.95))
    found = compare_likeness(plane, plane + 0.25 * (high - low))
    assert found.histogram_distance == pytest.approx(0.25, rel=1e-6)
    assert found.spectrum_distance == pytest.approx(0.0, abs=1e-9)


def test_a_factor_of_the_power_is_the_spectrum_distance_in_decades(plane):
    found = compare_likeness(plane, (plane - plane.mean()) * np.sqrt(10) + plane.mean())
    assert found.spectrum_distance == pytest.approx(1.0, abs=1e-6)
    assert found.distance == pytest.approx(np.hypot(found.histogram_distance, 1.0))


def test_another_field_of_the_same_kind_is_about_as_far_as_the_yardstick_and_a_blurred_one_farther():
    rng = np.random.default_rng(1)
    make = lambda: ndimage.gaussian_filter(rng.normal(size=(256, 256)), 2) * 100 + rng.normal(size=(256, 256))  # noqa: E731
    real, other = make(), make()
    alike = compare_likeness(real, other)
    assert alike.distance < 2 * alike.yardstick
    assert compare_likeness(real, ndimage.gaussian_filter(other, 1.0)).distance > 3 * alike.distance


def test_histograms_are_shares_of_all_pixels_over_the_real_image_s_range_and_spectra_end_at_one_half(plane):
    found = compare_likeness(plane, plane * 3)
    assert found.real_histogram.sum() == pytest.approx(1.0)
    assert found.synthetic_histogram.sum() == pytest.approx(1.0)
    assert found.levels[0] >= plane.min()
    assert found.levels[-1] <= plane.max()
    assert found.frequencies[-1] <= 0.5
    assert found.frequencies.shape == found.real_power.shape == found.synthetic_power.shape


def test_larger_images_are_cut_around_their_middle_and_missing_pixels_do_not_spread(plane):
    small = plane[10:-10, 20:-20].copy()
    found = compare_likeness(plane, small)
    np.testing.assert_array_equal(found.real, small)
    small[3, 4] = np.nan
    assert np.isfinite(compare_likeness(small, plane).distance)


def test_the_words_give_the_number_and_its_yardstick(plane):
    found = compare_likeness(plane, plane + 1)
    assert f"{found.distance:.2f}" in found.words
    assert f"Two halves of the real image differ by {found.yardstick:.2f}." in found.words
