import numpy as np
import pytest
from scipy import stats

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.noise import Camera, GaussianNoise, multiply, poisson


@pytest.mark.parametrize("mean", [0.0, 0.7, 5.0, 19.9, 20.0, 60.0, 3000.0])
def test_counts_have_the_mean_and_variance_of_poisson(mean):
    count = 200_000
    drawn = poisson(np.full(count, mean), np.random.default_rng(1)).astype(float)
    exact = np.float64(np.float32(mean))
    assert abs(drawn.mean() - exact) <= 5 * np.sqrt(exact / count)
    assert abs(drawn.var() - exact) <= 5 * np.sqrt((2 * exact**2 + exact) / count)


@pytest.mark.parametrize("mean", [20.0, 33.5, 150.0])
def test_the_fast_draw_has_the_histogram_of_poisson(mean):
    count = 300_000
    drawn = poisson(np.full(count, mean), np.random.default_rng(2)).astype(int)
    low, high = (int(stats.poisson.ppf(share, mean)) for share in (1e-3, 1 - 1e-3))
    seen = np.bincount(np.clip(drawn, low, high) - low, minlength=high - low + 1)
    expected = stats.poisson.pmf(np.arange(low, high + 1), mean)
    expected[0], expected[-1] = stats.poisson.cdf(low, mean), stats.poisson.sf(high - 1, mean)
    assert stats.chisquare(seen, expected / expected.sum() * count).pvalue > 1e-4


def test_counts_of_a_mixed_image_are_whole_and_not_negative():
    drawn = poisson(np.random.default_rng(0).random((50, 60)) * 60, np.random.default_rng(1))
    assert drawn.shape == (50, 60)
    assert drawn.min() >= 0
    np.testing.assert_array_equal(drawn, np.rint(drawn))


def test_grey_levels_follow_the_mean_variance_line():
    photons, gain, read, offset = 80.0, 0.46, 2.5, 100.0
    camera = Camera(
        quantum_efficiency=0.7, gain_electrons_per_adu=gain, read_noise_electrons=read, offset_adu=offset
    )
    grey = camera(np.full((500, 500), photons), np.random.default_rng(0)).astype(float)
    mean = 0.7 * photons / gain + offset
    variance = (mean - offset) / gain + (read / gain) ** 2
    assert abs(grey.mean() - mean) < 5 * np.sqrt(variance / grey.size)
    assert abs(grey.var() - variance) < 5 * variance * np.sqrt(2 / grey.size) * 1.1


def test_the_mean_of_exposures_has_their_variance_over_their_number():
    image = np.full((400, 400), 40.0)
    one, sixteen = (
        Camera(read_noise_electrons=3.0, averaged=count)(image, np.random.default_rng(0)).astype(float).var()
        for count in (1, 16)
    )
    assert one / sixteen == pytest.approx(16.0, rel=0.03)


@pytest.mark.parametrize("em_gain", [None, 100.0])
def test_noise_has_no_spatial_correlation(em_gain):
    camera = Camera(read_noise_electrons=2.0, em_gain=em_gain)
    image = camera(np.full((300, 300), 30.0), np.random.default_rng(0)).astype(float)
    residual = (image - image.mean()) / image.std()
    for neighbour in (np.roll(residual, 1, 0), np.roll(residual, 1, 1), np.roll(residual, 1, (0, 1))):
        assert abs((residual * neighbour).mean()) < 5 / np.sqrt(residual.size)


def test_infinitely_many_photons_and_no_read_noise_leave_the_image_alone():
    image = np.random.default_rng(0).random((20, 20), dtype=np.float32) * 100
    np.testing.assert_array_equal(Camera(shot_noise=False)(image, np.random.default_rng(0)), image)


def test_the_expectation_is_the_mean_of_the_draws():
    camera = Camera(quantum_efficiency=0.8, dark_electrons=1.0, gain_electrons_per_adu=2.0, offset_adu=10.0)
    image = np.full((300, 300), 25.0)
    assert camera(image, np.random.default_rng(0)).mean() == pytest.approx(
        camera.expectation(image).mean(), rel=5e-3
    )


def test_bits_round_and_saturate():
    camera = Camera(bits=8, offset_adu=3.0, read_noise_electrons=1.0)
    image = np.tile(np.array([0.0, 100.0, 1000.0]), (50, 1))
    grey = camera(image, np.random.default_rng(0))
    np.testing.assert_array_equal(grey, np.rint(grey))
    assert grey.min() >= 0
    assert np.all(grey[:, 2] == 255)


def test_read_noise_below_black_is_cut_off_at_zero():
    grey = Camera(bits=16, read_noise_electrons=5.0)(np.zeros((50, 50)), np.random.default_rng(0))
    assert grey.min() == 0


def test_negative_photons_count_as_none():
    grey = Camera(offset_adu=7.0)(np.full((4, 4), -3.0), np.random.default_rng(0))
    np.testing.assert_array_equal(grey, 7.0)


@pytest.mark.parametrize("gain", [1.5, 4.0, 300.0])
def test_an_em_gain_keeps_the_mean_and_multiplies_the_shot_noise_by_its_excess_factor(gain):
    photons, count = 12.0, 400_000
    grey = Camera(em_gain=gain)(np.full(count, photons), np.random.default_rng(4)).astype(float) / gain
    variance = (2 - 1 / gain) * photons
    # An excess kurtosis widens the sampling error of the variance; it is below 2 at twelve photons.
    assert abs(grey.mean() - photons) < 5 * np.sqrt(variance / count)
    assert abs(grey.var() - variance) < 5 * variance * np.sqrt(4 / count)


def test_a_high_em_gain_doubles_the_variance_of_the_shot_noise():
    image = np.full(300_000, 30.0)
    plain = Camera()(image, np.random.default_rng(0)).astype(float).var()
    multiplied = (Camera(em_gain=1000.0)(image, np.random.default_rng(1)).astype(float) / 1000.0).var()
    assert multiplied / plain == pytest.approx(2.0, abs=5 * 2.0 * np.sqrt(2 * 3 / image.size))


def test_no_electron_stays_no_electron_in_the_register():
    drawn = multiply(np.array([0.0, 5.0, 0.0]), 300.0, np.random.default_rng(0))
    assert drawn[0] == drawn[2] == 0
    assert drawn[1] > 0


def test_the_same_seed_gives_the_same_counts_and_another_seed_others():
    camera, image = Camera(em_gain=50.0, read_noise_electrons=3.0), np.full((30, 30), 8.0)
    first, again, other = (camera(image, np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_an_em_gain_of_one_is_no_register():
    image = np.full((40, 40), 9.0)
    one, none = (Camera(em_gain=gain)(image, np.random.default_rng(0)) for gain in (1.0, None))
    np.testing.assert_array_equal(one, none)


def test_an_em_gain_makes_the_read_noise_small_beside_the_signal():
    camera = Camera(em_gain=200.0, read_noise_electrons=50.0)
    dark = camera(np.zeros((300, 300)), np.random.default_rng(0)).astype(float) / 200.0
    assert dark.std() == pytest.approx(0.25, rel=0.02)


@pytest.mark.parametrize("em_gain", [None, 20.0])
@pytest.mark.parametrize("averaged", [1, 4])
def test_the_told_variance_is_that_of_the_draws(em_gain, averaged):
    camera = Camera(
        quantum_efficiency=0.7, gain_electrons_per_adu=0.5, read_noise_electrons=2.0, dark_electrons=1.0,
        em_gain=em_gain, averaged=averaged,
    )  # fmt: skip
    image = np.full((500, 500), 40.0)
    drawn = camera(image, np.random.default_rng(0)).astype(float).var()
    assert drawn == pytest.approx(float(camera.variance(image)[0, 0]), rel=5 * np.sqrt(3 / image.size))


@pytest.mark.parametrize("em_gain", [None, 10.0])
def test_the_saturated_share_is_told_before_the_draw(em_gain):
    photons = np.tile(np.linspace(0.0, 600.0, 300), (300, 1))
    gain = 1.0 if em_gain is None else em_gain
    camera = Camera(bits=8, gain_electrons_per_adu=gain, em_gain=em_gain, read_noise_electrons=3.0)
    drawn = camera(photons, np.random.default_rng(0))
    seen = (drawn == camera.full_scale_adu()).mean()
    assert 0.4 < seen < 0.7
    assert camera.saturated_share(photons) == pytest.approx(seen, abs=0.004)


def test_no_pixel_saturates_without_a_bit_depth():
    camera = Camera()
    assert camera.full_scale_adu() is None
    assert camera.saturated_share(np.full((3, 3), 1e8)) == 0.0


def test_pixels_that_are_no_numbers_do_not_count_as_saturated():
    image = np.array([[np.nan, 1e6, 0.0, np.inf]])
    assert Camera(bits=8).saturated_share(image) == pytest.approx(0.5)


def test_a_pixel_that_is_no_number_is_refused():
    with pytest.raises(InputError, match="1 of 2 pixels are not numbers"):
        Camera()(np.array([[1.0, np.nan]]), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantum_efficiency", 1.2),
        ("bits", 33),
        ("bits", 2.5),
        ("em_gain", 0.5),
        ("averaged", 0),
        ("read_noise_electrons", -1.0),
        ("gain_electrons_per_adu", 0.0),
        ("offset_adu", float("nan")),
    ],
)
def test_a_setting_outside_its_limits_is_refused(field, value):
    with pytest.raises(InputError, match="but must be"):
        Camera(**{field: value})


def test_an_absurd_number_of_photons_is_refused():
    with pytest.raises(ValueError, match="lower the photons"):
        Camera()(np.full((2, 2), 1e12), np.random.default_rng(0))


def test_gaussian_variances_add():
    noise = GaussianNoise(sigma=3.0, sigma_of_peak=0.04)
    image = np.full((400, 400), 100.0)
    assert noise(image, np.random.default_rng(0)).std() == pytest.approx(5.0, rel=0.02)


def test_no_gaussian_noise_leaves_the_image_alone():
    image = np.random.default_rng(0).random((5, 5), dtype=np.float32)
    np.testing.assert_array_equal(GaussianNoise()(image, np.random.default_rng(0)), image)


def test_a_pixel_that_is_no_number_does_not_spoil_the_gaussian_noise_of_the_others():
    image = np.array([[np.nan, 100.0, np.inf, 50.0]])
    noisy = GaussianNoise(sigma_of_peak=0.01)(image, np.random.default_rng(0))
    assert np.isfinite(noisy[0, [1, 3]]).all()
    assert abs(noisy[0, 1] - 100.0) < 5.0
