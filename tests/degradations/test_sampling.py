import numpy as np
import pytest

from napari_restoration.core.errors import InputError
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


def test_measured_grey_levels_are_percentiles_of_the_whole_image():
    image = np.random.default_rng(0).normal(500.0, 60.0, (3, 40, 50)).astype(np.float32)
    step = ToPhotons(peak_photons=90.0, low_value=None, high_value=None).measured(image)
    assert (step.low_value, step.high_value) == pytest.approx(tuple(np.percentile(image, [0.5, 99.9])))
    photons = step.expectation(image)
    assert photons.min() == 0
    assert np.percentile(photons, 99.9) == pytest.approx(90.0, rel=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
def test_black_can_be_zero_instead_of_a_percentile(dtype):
    image = np.random.default_rng(0).integers(50, 200, (64, 64)).astype(dtype)
    step = ToPhotons(low_value=None, high_value=None, black="zero").measured(image)
    assert step.low_value == 0.0
    assert step.high_value == pytest.approx(np.percentile(image, 99.9))


def test_a_grey_level_that_is_given_is_not_measured():
    image = np.random.default_rng(0).random((32, 32))
    step = ToPhotons(low_value=0.25, high_value=None).measured(image)
    assert step.low_value == 0.25
    assert step.high_value == pytest.approx(np.percentile(image, 99.9), rel=1e-6)
    assert step.measured(np.zeros((2, 2))) is step


def test_pixels_that_are_no_numbers_spoil_neither_the_measurement_nor_their_neighbours():
    image = np.random.default_rng(0).random((30, 30))
    holed = image.copy()
    holed[3, 4], holed[5, 6] = np.nan, np.inf
    step = ToPhotons(low_value=None, high_value=None).measured(holed)
    rest = np.isfinite(holed)
    assert step.high_value == pytest.approx(np.percentile(image[rest], 99.9), rel=1e-6)
    np.testing.assert_array_equal(step.expectation(holed)[rest], step.expectation(image)[rest])


def test_few_bright_objects_on_an_empty_background_still_set_the_peak():
    image = np.zeros((300, 300), dtype=np.uint16)
    image[10:14, 10:14] = 4000
    step = ToPhotons(low_value=None, high_value=None).measured(image)
    assert (step.low_value, step.high_value) == (0.0, 4000.0)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.full((8, 8), 7.0), "Every pixel of the image is 7"),
        (np.full((8, 8), np.nan), "No pixel has a finite value"),
        (np.linspace(-9.0, -1.0, 64).reshape(8, 8), "nothing between dark, 0, and bright"),
    ],
)
def test_an_image_without_dark_and_bright_is_refused(image, words):
    with pytest.raises(InputError, match=words):
        ToPhotons(low_value=None, high_value=None, black="zero").measured(image)


@pytest.mark.parametrize("call", ["expectation", "target"])
def test_grey_levels_must_be_measured_first(call):
    with pytest.raises(InputError, match=r"not measured yet: call measured\(image\)"):
        getattr(ToPhotons(high_value=None), call)(np.ones((2, 2)))


def test_exposure_scales_and_adds_background():
    np.testing.assert_allclose(
        Exposure(factor=0.5, background_photons=2.0).expectation(np.full((2, 2), 10.0)), 7.0
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: Binning(mode="median"),
        lambda: Binning(factor=0),
        lambda: Binning(factor=1.5),
        lambda: Exposure(factor=-0.1),
        lambda: Exposure(background_photons=float("inf")),
        lambda: ToPhotons(peak_photons=float("nan")),
        lambda: ToPhotons(black="dark"),
    ],
)
def test_a_setting_outside_its_limits_is_refused(make):
    with pytest.raises(InputError, match="but must be"):
        make()


def test_a_block_of_one_pixel_and_a_factor_of_one_leave_the_image_alone():
    image = np.random.default_rng(0).random((6, 7))
    np.testing.assert_array_equal(Binning(factor=1).expectation(image), image)
    np.testing.assert_array_equal(Exposure().expectation(image), image)
