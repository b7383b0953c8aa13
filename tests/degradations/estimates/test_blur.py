import json
import time

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.estimates.blur import estimate_blur, estimate_blur_between


def cells(seed, side=256, count=60):
    """Sharp ellipses on a grid four times finer than the camera's; returned on the fine grid."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: 4 * side, : 4 * side].astype(np.float32)
    image = np.zeros((4 * side, 4 * side))
    for _ in range(count):
        cy, cx = rng.uniform(0, 4 * side, 2)
        radius, aspect = rng.uniform(20, 90), rng.uniform(0.6, 1.5)
        image[((x - cx) / aspect) ** 2 + ((y - cy) * aspect) ** 2 < radius**2] = rng.uniform(0.2, 1.0)
    return image


@pytest.fixture(scope="module")
def sharp():
    return cells(1), cells(2)


def seen(fine, sigma, peak=300, seed=3):
    """Blurred to a whole width of sigma pixels, the camera's pixel included, with shot noise."""
    soft = ndimage.gaussian_filter(fine, 4 * np.sqrt(sigma**2 - 1 / 12))
    side = len(fine) // 4
    mean = soft.reshape(side, 4, side, 4).mean(axis=(1, 3))
    return np.random.default_rng(seed).poisson(peak * (mean + 0.02)).astype(np.float32)


@pytest.mark.parametrize("sigma", [1.0, 2.0, 4.0])
@pytest.mark.parametrize("peak", [40, 1000])
def test_the_blur_of_cells_with_sharp_edges_is_found(sharp, sigma, peak):
    estimate = estimate_blur(seen(sharp[0], sigma, peak))
    assert estimate.sigma_px == pytest.approx(sigma, rel=0.25)
    assert estimate.low_px <= sigma <= estimate.high_px
    assert estimate.is_reliable
    assert f"{estimate.sigma_px:.1f} px" in estimate.words


def test_points_and_edges_of_one_sharpness_give_the_same_blur(sharp):
    rng = np.random.default_rng(4)
    points = np.zeros((1024, 1024))
    points[tuple(rng.integers(0, 1024, (2, 300)))] = 300.0
    assert estimate_blur(seen(points, 2.0)).sigma_px == pytest.approx(2.0, rel=0.15)
    assert estimate_blur(seen(sharp[0], 2.0)).sigma_px == pytest.approx(2.0, rel=0.25)


def test_brightness_and_offset_do_not_change_the_estimate(sharp):
    image = seen(sharp[0], 2.0).astype(float)
    plain, scaled = estimate_blur(image), estimate_blur(-3e-7 * image + 5.0)
    assert scaled.sigma_px == pytest.approx(plain.sigma_px, rel=1e-3)


def test_a_known_noise_variance_is_used(sharp):
    image = seen(sharp[0], 1.0, peak=50)
    noise = float(image.mean())
    guessed, given = estimate_blur(image), estimate_blur(image, noise_variance=noise)
    assert given.sigma_px == pytest.approx(guessed.sigma_px, rel=0.1)
    assert estimate_blur(image, noise_variance=noise / 100).sigma_px < given.sigma_px - 0.05
    with pytest.raises(InputError, match="0 or more"):
        estimate_blur(image, noise_variance=-1.0)


@pytest.mark.parametrize("extra", [1.0, 3.0])
def test_the_extra_blur_between_two_fields_is_found(sharp, extra):
    bad = seen(sharp[0], np.hypot(1.2, extra), peak=300)
    good = 7.0 * seen(sharp[1], 1.2, peak=300, seed=5) + 100.0
    estimate = estimate_blur_between(bad, good)
    assert "two different fields" in estimate.words
    assert estimate.sigma_px == pytest.approx(extra, abs=0.3)
    assert estimate.low_px <= extra <= estimate.high_px


@pytest.mark.parametrize("extra", [0.0, 1.0, 3.0])
def test_the_extra_blur_of_the_same_field_is_found_more_exactly(sharp, extra):
    bad = np.roll(seen(sharp[0], np.hypot(1.2, extra), peak=100), (3, -2), axis=(0, 1))
    estimate = estimate_blur_between(bad, 2.0 * seen(sharp[0], 1.2, peak=300, seed=6))
    assert "same field" in estimate.words
    assert estimate.is_reliable
    assert estimate.sigma_px == pytest.approx(extra, abs=0.1 if extra else 0.3)


def test_a_sharper_bad_image_has_no_extra_blur(sharp):
    estimate = estimate_blur_between(seen(sharp[0], 1.0), seen(sharp[1], 3.0))
    assert estimate.sigma_px == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize(
    ("plane", "reason"),
    [
        (np.full((64, 64), 3.3), "same value"),
        (np.zeros((40, 40), np.uint8), "same value"),
        (np.full((64, 64), np.nan), "missing"),
        (np.random.default_rng(7).normal(size=(20, 20)), "too small"),
        (np.random.default_rng(7).normal(size=(128, 128)), ""),
        (np.eye(32), ""),
        (np.where(np.arange(64)[:, None] == 4, 1e9, np.zeros((64, 64))), ""),
        (np.random.default_rng(7).choice([-1.7e308, 1.7e308], (64, 64)), ""),
    ],
)
def test_planes_without_an_answer_say_so(plane, reason):
    for estimate in (estimate_blur(plane), estimate_blur_between(plane, plane[::-1])):
        assert reason in estimate.words
        assert 0 <= estimate.low_px <= estimate.sigma_px <= estimate.high_px
        if reason:
            assert not estimate.is_reliable
    assert json.loads(json.dumps(estimate_blur(plane).to_dict()))["words"]


def test_white_noise_has_no_blur_to_report():
    assert not estimate_blur(np.random.default_rng(8).normal(size=(256, 256))).is_reliable


def test_grain_of_a_processed_image_is_not_taken_for_sharp_structure(sharp):
    rng = np.random.default_rng(10)
    grain = ndimage.gaussian_filter(rng.normal(size=(256, 256)), 0.8)
    blurred = ndimage.gaussian_filter(rng.normal(size=(256, 256)), 12.0)
    estimate = estimate_blur(3 * blurred / blurred.std() + grain / grain.std())
    assert not estimate.is_reliable
    assert "grain" in estimate.words
    assert estimate.high_px > 50


def test_missing_pixels_are_bridged_and_the_input_is_kept(sharp):
    image = seen(sharp[0], 2.0)
    image[10:14, 20:90] = np.nan
    before = image.copy()
    assert estimate_blur(image).sigma_px == pytest.approx(2.0, rel=0.3)
    np.testing.assert_array_equal(image, before)


def test_a_stack_is_refused():
    with pytest.raises(InputError, match="one plane"):
        estimate_blur(np.zeros((3, 64, 64)))


def test_an_estimate_takes_a_fraction_of_a_second():
    image = np.random.default_rng(9).poisson(50, (512, 512)).astype(np.float32)
    image[100:300, 100:300] += 100
    estimate_blur(image)
    start = time.perf_counter()
    estimate_blur(image)
    assert time.perf_counter() - start < 1.0  # 0.03 s alone; the rest is for busy machines
