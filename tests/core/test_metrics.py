import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.metrics import structural_similarity

from napari_restoration.core import metrics
from napari_restoration.core.errors import InputError

intensities = st.floats(-1e6, 1e6, allow_nan=False, width=32)
planes = arrays(np.float64, (13, 17), elements=intensities)
gains = st.floats(0.01, 100)
quick = settings(max_examples=30, deadline=None)


def noisy_pair(seed=0, shape=(40, 33)):
    rng = np.random.default_rng(seed)
    reference = rng.gamma(2.0, 50.0, shape)
    return reference + rng.normal(0, 20, shape), reference


@pytest.mark.parametrize("difference", [0.001, 1.0, -12.5])
def test_psnr_of_a_constant_difference_follows_from_its_size(difference):
    _, y = noisy_pair()
    assert metrics.psnr(y, y + difference, data_range=255) == pytest.approx(
        -20 * math.log10(abs(difference) / 255), abs=1e-6
    )


def test_psnr_of_identical_images_is_infinite():
    x, _ = noisy_pair()
    assert metrics.psnr(x, x, data_range=1) == math.inf


def test_psnr_survives_intensities_whose_square_overflows():
    x = np.array([[0.0, 1e200]])
    assert metrics.psnr(x, x[:, ::-1], data_range=1e200) == pytest.approx(0)


def test_psnr_of_unsigned_integers_does_not_wrap_around():
    low, high = np.zeros((3, 3), np.uint8), np.full((3, 3), 255, np.uint8)
    assert metrics.psnr(low, high, data_range=255) == pytest.approx(0)


@quick
@given(planes, planes)
def test_scores_are_symmetric(x, y):
    for value in (
        lambda a, b: metrics.psnr(a, b, data_range=100),
        lambda a, b: metrics.ssim(a, b, data_range=100),
        lambda a, b: metrics.ssim_u7(a, b, data_range=100),
        metrics.pcc,
        metrics.mae,
    ):
        assert value(x, y) == pytest.approx(value(y, x), rel=1e-9, abs=1e-9, nan_ok=True)


@quick
@given(planes)
def test_ssim_of_an_image_with_itself_is_one(x):
    assert metrics.ssim(x, x, data_range=1.0) == pytest.approx(1, abs=1e-12)
    assert metrics.ssim_u7(x, x, data_range=1.0) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("data_range", [1.0, 255.0, 4000.0])
def test_ssim_is_the_gaussian_one_of_scikit_image(data_range):
    x, y = noisy_pair()
    expected = structural_similarity(
        x, y, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=data_range
    )
    assert metrics.ssim(x, y, data_range=data_range) == pytest.approx(expected, abs=1e-7)


def test_ssim_agrees_with_its_definition_at_one_pixel():
    x, y = noisy_pair(shape=(11, 11))
    r = np.arange(-5, 6)
    window = np.exp(-(r[:, None] ** 2 + r**2) / (2 * 1.5**2))
    window /= window.sum()
    mean_x, mean_y = (window * x).sum(), (window * y).sum()
    var_x, var_y = (window * (x - mean_x) ** 2).sum(), (window * (y - mean_y) ** 2).sum()
    cov = (window * (x - mean_x) * (y - mean_y)).sum()
    c1, c2 = (0.01 * 300) ** 2, (0.03 * 300) ** 2
    expected = ((2 * mean_x * mean_y + c1) * (2 * cov + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    assert metrics.ssim(x, y, data_range=300) == pytest.approx(expected, abs=1e-9)


def test_ssim_u7_is_the_default_of_scikit_image():
    x, y = noisy_pair()
    assert metrics.ssim_u7(x, y, data_range=255) == pytest.approx(
        structural_similarity(x, y, data_range=255), abs=1e-12
    )


def test_ssim_of_colour_is_the_mean_over_its_channels():
    x, y = noisy_pair(shape=(20, 21, 3))
    single = [metrics.ssim(x[..., c], y[..., c], data_range=255) for c in range(3)]
    assert metrics.ssim(x, y, data_range=255, channel_axis=-1) == pytest.approx(np.mean(single))


@pytest.mark.parametrize("shape", [(10, 40), (1, 1), (40, 10)])
def test_ssim_refuses_planes_smaller_than_its_window(shape):
    with pytest.raises(InputError, match="at least 11 x 11"):
        metrics.ssim(np.zeros(shape), np.ones(shape), data_range=1)


def test_ssim_refuses_stacks():
    with pytest.raises(InputError, match="plane by plane"):
        metrics.ssim(np.zeros((3, 20, 20)), np.zeros((3, 20, 20)), data_range=1)


@quick
@given(planes, gains, st.booleans(), st.floats(-1e5, 1e5))
def test_correlation_ignores_gain_and_offset_but_for_the_sign(x, gain, negative, offset):
    gain = -gain if negative else gain
    if np.ptp(x) < 1e-3 * max(1.0, np.abs(x).max(), abs(offset / gain)):
        return  # rounding of the offset would swamp what little contrast there is
    assert metrics.pcc(x, gain * x + offset) == pytest.approx(np.sign(gain), abs=1e-6)


def test_correlation_agrees_with_numpy():
    x, y = noisy_pair()
    assert metrics.pcc(x, y) == pytest.approx(np.corrcoef(x.ravel(), y.ravel())[0, 1], abs=1e-12)


def test_correlation_with_a_constant_is_undefined():
    x, _ = noisy_pair()
    assert math.isnan(metrics.pcc(x, np.full_like(x, 0.1)))
    assert math.isnan(metrics.pcc(np.full_like(x, 0.1), x))


def test_mean_absolute_error_and_normalised_error_of_known_values():
    y = np.array([[0.0, 10.0], [20.0, 30.0]])
    x = y + np.array([[3.0, -3.0], [3.0, -3.0]])
    assert metrics.mae(x, y) == pytest.approx(3)
    assert metrics.nrmse(x, y) == pytest.approx(0.1)


def test_normalised_error_with_a_constant_reference_is_undefined():
    assert math.isnan(metrics.nrmse(np.ones((2, 2)), np.zeros((2, 2))))


@quick
@given(planes, gains, st.floats(-1e3, 1e3))
def test_the_affine_fit_recovers_a_known_gain_and_offset(x, gain, offset):
    if np.ptp(x) < 1:
        return
    a, b = metrics.fit_affine(x, gain * x + offset)
    assert a == pytest.approx(gain, rel=1e-5)
    np.testing.assert_allclose(a * x + b, gain * x + offset, atol=1e-4 * gain * np.abs(x).max() + 1e-4)


def test_the_affine_fit_is_the_least_squares_line():
    x, y = noisy_pair()
    np.testing.assert_allclose(metrics.fit_affine(x, y), np.polyfit(x.ravel(), y.ravel(), 1), rtol=1e-6)


def test_the_affine_fit_of_an_image_to_itself_changes_nothing():
    x, _ = noisy_pair()
    assert metrics.fit_affine(x, x) == (1.0, 0.0)


def test_the_affine_fit_of_a_constant_is_the_mean_of_the_reference():
    _, y = noisy_pair()
    assert metrics.fit_affine(np.full_like(y, 7.0), y) == (0.0, pytest.approx(y.mean()))


def test_score_names_every_metric_and_its_affine_twin():
    x, y = noisy_pair()
    expected = {name + suffix for name in metrics.METRICS for suffix in ("", "_affine")}
    assert set(metrics.score(x, y, data_range=255)) == expected


def test_affine_scores_forgive_gain_and_offset_and_plain_ones_do_not():
    x, y = noisy_pair()
    plain = metrics.score(x, y, data_range=255)
    changed = metrics.score(3 * x + 100, y, data_range=255)
    for name in metrics.METRICS:
        assert changed[name + "_affine"] == pytest.approx(plain[name + "_affine"], rel=1e-9)
    assert changed["psnr"] < plain["psnr"] - 10


def test_affine_error_is_never_worse():
    x, y = noisy_pair()
    scores = metrics.score(x, y, data_range=255)
    assert scores["psnr_affine"] >= scores["psnr"]


def test_score_of_a_tiny_plane_lacks_only_ssim():
    x, y = noisy_pair(shape=(5, 5))
    scores = metrics.score(x, y, data_range=255)
    assert {name for name, value in scores.items() if math.isnan(value)} == {"ssim", "ssim_affine"}


def test_score_of_an_image_with_a_missing_pixel_is_undefined():
    x, y = noisy_pair()
    x[0, 0] = np.nan
    assert all(math.isnan(value) for value in metrics.score(x, y, data_range=255).values())


def test_score_against_a_constant_reference_keeps_the_mean_absolute_error():
    scores = metrics.score(np.ones((20, 20)), np.zeros((20, 20)), data_range=None)
    assert scores["mae"] == 1
    assert math.isnan(scores["psnr"])


@pytest.mark.parametrize("data_range", [0, -1, math.nan, math.inf])
def test_a_data_range_that_is_no_positive_number_is_refused(data_range):
    with pytest.raises(InputError, match="positive number"):
        metrics.psnr(np.zeros((2, 2)), np.ones((2, 2)), data_range=data_range)


def test_different_shapes_are_refused_with_both_shapes_named():
    with pytest.raises(InputError, match=r"\(2, 3\).*\(3, 2\)"):
        metrics.mae(np.zeros((2, 3)), np.zeros((3, 2)))
