import numpy as np
import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence import (
    calibration_factor,
    certainty,
    coverage_curve,
    half_width,
    interval,
    standard_deviation,
)


def test_deviation_and_intervals_are_those_of_a_laplace_distribution():
    b = np.array([0.5, 2.0], dtype=np.float32)
    np.testing.assert_allclose(standard_deviation(b), np.sqrt(2) * b, rtol=1e-6)
    assert half_width(1.0, 0.5) == pytest.approx(0.693, abs=5e-4)
    assert half_width(1.0, 0.95) == pytest.approx(2.996, abs=5e-4)
    low, high = interval(np.array([10.0, -1.0]), b, 0.95)
    np.testing.assert_allclose(high - low, 2 * 2.9957323 * b, rtol=1e-6)
    np.testing.assert_allclose((high + low) / 2, [10.0, -1.0], rtol=1e-6)
    sample = np.random.default_rng(0).laplace(0, 2.0, 400_000)
    assert sample.std() == pytest.approx(float(standard_deviation(2.0)), rel=0.01)


def test_laplace_samples_reach_nominal_coverage_within_one_per_cent():
    rng = np.random.default_rng(1)
    scale = rng.uniform(0.1, 5, 200_000)
    curve = coverage_curve(rng.laplace(0, scale), scale)
    assert curve.nominal[0] == 0.05
    assert curve.nominal[-1] == 0.99
    assert curve.largest_gap < 0.01
    assert curve.count == 200_000


def test_overconfidence_shows_and_calibration_removes_it():
    rng = np.random.default_rng(2)
    scale = rng.uniform(0.1, 5, 200_000)
    error = rng.laplace(0, 3 * scale)
    assert coverage_curve(error, scale).covered[9] < 0.25
    factor = calibration_factor(error, scale)
    assert factor == pytest.approx(3, rel=0.01)
    assert np.mean(np.abs(error) / (factor * scale)) == pytest.approx(1)
    assert coverage_curve(error, factor * scale).largest_gap < 0.01


def test_certainty_is_the_interval_as_a_share_of_the_contrast():
    mean = np.linspace(0, 1000, 100 * 100).reshape(100, 100)
    contrast = np.percentile(mean, 99.8) - np.percentile(mean, 2)
    scale = np.full((100, 100), 10.0)
    scale[0, 0], scale[0, 1] = 0.0, 1e6
    quality = certainty(mean, scale)
    assert quality[5, 5] == pytest.approx(1 - 2 * 2.9957323 * 10 / contrast, abs=1e-6)
    assert quality[0, :2].tolist() == [1, 0]
    np.testing.assert_allclose(certainty(7 * mean + 3, 7 * scale), quality, atol=1e-5)


def test_constant_and_missing_pixels_have_defined_values():
    scale = np.array([[0.0, 1.0, np.nan]])
    np.testing.assert_array_equal(certainty(np.ones((1, 3)), scale), [[1, 0, np.nan]])
    mean = np.array([[0.0, np.nan, 1.0]])
    np.testing.assert_array_equal(np.isnan(certainty(mean, np.ones((1, 3)))), [[False, True, False]])
    error, with_gaps = np.array([1.0, np.nan, -3.0]), np.array([1.0, 1.0, 1.0])
    assert calibration_factor(error, with_gaps) == 2
    assert coverage_curve(error, with_gaps).count == 2


def test_what_cannot_be_used_is_refused_in_one_sentence():
    ones = np.ones((2, 2))
    for call, words in (
        (lambda: calibration_factor(ones, np.zeros((2, 2))), "above 0"),
        (lambda: calibration_factor(ones, np.ones(3)), "shape"),
        (lambda: coverage_curve([np.nan], [1.0]), "No pixel"),
        (lambda: coverage_curve(ones, ones, (1.0,)), "probability"),
        (lambda: certainty(ones, -ones), "negative"),
        (lambda: half_width(ones, -0.1), "probability"),
    ):
        with pytest.raises(InputError, match=words):
            call()
