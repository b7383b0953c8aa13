import numpy as np
import pytest

from napari_restoration.degradations.noise import poisson
from napari_restoration.degradations.sampling import Binning, Exposure, ToPhotons, bin_mean, bin_sum


def test_binning_by_sum_keeps_the_light():
    image = np.random.default_rng(0).random((3, 12, 18))
    binned = bin_sum(image, 3)
    assert binned.shape == (3, 4, 6)
    assert binned.sum() == pytest.approx(image.sum(), rel=1e-12)
    assert binned[1, 2, 3] == pytest.approx(image[1, 6:9, 9:12].sum())


def test_binning_by_mean_keeps_a_constant():
    np.testing.assert_allclose(bin_mean(np.full((8, 8), 5.0), 4), 5.0)


def test_binning_before_or_after_the_shot_noise_gives_the_same_distribution():
    image = np.full((800, 800), 6.0)
    before = poisson(bin_sum(image, 2), np.random.default_rng(0)).astype(float)
    after = bin_sum(poisson(image, np.random.default_rng(1)), 2).astype(float)
    assert before.mean() == pytest.approx(after.mean(), abs=5 * np.sqrt(2 * 24 / before.size))
    assert before.var() == pytest.approx(after.var(), rel=5 * 2 / np.sqrt(before.size))


def test_an_image_that_is_no_multiple_is_refused():
    with pytest.raises(ValueError, match="crop it to a multiple"):
        bin_sum(np.ones((7, 8)), 2)


def test_the_target_of_a_binning_keeps_the_fine_grid_in_the_binned_units():
    image = np.full((8, 8), 3.0)
    step = Binning(factor=2)
    assert step.target(image).shape == (8, 8)
    np.testing.assert_allclose(step.target(image), 12.0)
    np.testing.assert_allclose(step.expectation(image), 12.0)


def test_the_target_of_a_binning_can_be_binned_too():
    step = Binning(factor=2, mode="mean", target_grid="binned")
    assert step.target(np.ones((8, 8))).shape == (4, 4)


def test_grey_levels_become_photons_between_dark_and_peak():
    step = ToPhotons(peak_photons=50.0, low_value=100.0, high_value=300.0)
    image = np.array([[0.0, 100.0, 200.0, 300.0]])
    np.testing.assert_allclose(step.expectation(image), [[0.0, 0.0, 25.0, 50.0]])


def test_a_peak_at_or_below_dark_is_refused():
    with pytest.raises(ValueError, match="must be above"):
        ToPhotons(low_value=5.0, high_value=5.0)


def test_exposure_scales_and_adds_background():
    np.testing.assert_allclose(
        Exposure(factor=0.5, background_photons=2.0).expectation(np.full((2, 2), 10.0)), 7.0
    )
