import json
import math
import time

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.convolution import convolve
from napari_restoration.degradations.estimates.motion import classify_blur, estimate_motion
from napari_restoration.degradations.motion import motion_kernel
from napari_restoration.degradations.paths import linear_path


@pytest.fixture(scope="module")
def granules():
    """Small sharp discs and points, ``(384, 384)``, expected values between 0 and 1."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:384, :384]
    image = np.zeros((384, 384))
    for _ in range(250):
        cy, cx, radius = *rng.uniform(0, 384, 2), rng.uniform(1, 8)
        rows, columns = (slice(max(0, int(c) - 9), int(c) + 10) for c in (cy, cx))
        disc = (y[rows, columns] - cy) ** 2 + (x[rows, columns] - cx) ** 2 < radius**2
        image[rows, columns][disc] = rng.uniform(0.3, 1.0)
    return ndimage.gaussian_filter(image, 0.7)


def detect(image, peak=300, seed=2):
    return np.random.default_rng(seed).poisson(peak * np.maximum(image + 0.02, 0)).astype(np.float32)


def turned(first, second):
    apart = abs(first - second) % math.pi
    return min(apart, math.pi - apart)


@pytest.mark.parametrize("length", [6.0, 12.0, 24.0])
@pytest.mark.parametrize("angle", [0.0, 0.9, math.pi / 2, 2.5])
def test_length_and_angle_of_a_straight_motion_are_found(granules, length, angle):
    moved = convolve(granules, motion_kernel(linear_path(length, angle)))
    estimate = estimate_motion(detect(moved))
    assert estimate.is_reliable
    assert estimate.length_px == pytest.approx(length, rel=0.08)
    assert turned(estimate.angle_rad, angle) < math.radians(4)
    assert 0 <= estimate.angle_rad < math.pi
    assert 0.06 < estimate.strength <= 1


def test_a_motion_along_y_is_down_the_image(granules):
    moved = np.mean([np.roll(granules, step, axis=0) for step in range(10)], axis=0)
    estimate = estimate_motion(detect(moved))
    assert turned(estimate.angle_rad, math.pi / 2) < 0.05
    assert estimate.length_px == pytest.approx(10, rel=0.08)


@pytest.mark.parametrize("sigma", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("peak", [20, 1000])
def test_a_blur_equal_in_all_directions_is_no_motion(granules, sigma, peak):
    assert not estimate_motion(detect(ndimage.gaussian_filter(granules, sigma), peak)).is_reliable


def test_fibres_along_one_direction_are_not_taken_for_motion():
    rng = np.random.default_rng(3)
    image = np.zeros((384, 384))
    across = rng.uniform(0, 384, 40)
    x = np.arange(384)
    for start in across:
        rows = (start + x * rng.normal(0, 0.06) + np.cumsum(rng.normal(0, 0.1, 384))).astype(int) % 384
        image[rows, x] += rng.uniform(0.3, 1.0)
    for sigma in (0.8, 2.0):
        soft = ndimage.gaussian_filter(image, sigma)
        estimate = estimate_motion(detect(soft / soft.max()))
        assert not estimate.is_reliable
        assert estimate.words


def test_a_long_ellipse_of_a_blur_is_not_taken_for_motion(granules):
    assert not estimate_motion(detect(ndimage.gaussian_filter(granules, (0.5, 3.0)), 1000)).is_reliable


def test_the_three_kinds_are_told_apart(granules):
    moved = convolve(granules, motion_kernel(linear_path(14, 0.4)))
    assert classify_blur(detect(granules, 1000)).kind == "sharp"
    assert classify_blur(detect(ndimage.gaussian_filter(granules, 4.0), 1000)).kind == "defocus"
    kind = classify_blur(detect(moved, 1000))
    assert kind.kind == "motion"
    assert kind.motion.length_px == pytest.approx(14, rel=0.08)
    assert json.loads(json.dumps(kind.to_dict()))["motion"]["is_reliable"] is True
    assert classify_blur(np.random.default_rng(4).normal(size=(128, 128))).kind == "unknown"


@pytest.mark.parametrize(
    ("plane", "reason"),
    [
        (np.full((64, 64), 3.3), "same value"),
        (np.full((64, 64), np.nan), "missing"),
        (np.random.default_rng(5).normal(size=(20, 20)), "too small"),
        (np.random.default_rng(5).normal(size=(256, 256)), "Too little structure"),
    ],
)
def test_planes_without_an_answer_say_so(plane, reason):
    estimate = estimate_motion(plane)
    assert not estimate.is_reliable
    assert reason in estimate.words
    assert classify_blur(plane).kind == "unknown"


@pytest.mark.parametrize("shape", [(32, 32), (33, 200), (90, 81)])
def test_small_planes_of_any_content_get_an_answer(shape):
    rng = np.random.default_rng(6)
    for plane in (np.eye(*shape), rng.normal(size=shape), np.cumsum(rng.normal(size=shape), axis=1)):
        estimate = estimate_motion(plane)
        assert np.isfinite(estimate.length_px)
        assert 0 <= estimate.strength <= 1


def test_the_input_is_kept_and_missing_pixels_are_bridged(granules):
    image = detect(convolve(granules, motion_kernel(linear_path(12, 0.9))))
    image[40:44, 60:120] = np.nan
    before = image.copy()
    assert estimate_motion(image).length_px == pytest.approx(12, rel=0.08)
    np.testing.assert_array_equal(image, before)


def test_a_stack_is_refused():
    with pytest.raises(InputError, match="one plane"):
        estimate_motion(np.zeros((3, 64, 64)))


def test_an_estimate_takes_a_fraction_of_a_second(granules):
    image = detect(granules)
    estimate_motion(image)
    start = time.perf_counter()
    estimate_motion(image)
    assert time.perf_counter() - start < 1.5  # 0.05 s alone; the rest is for busy machines
