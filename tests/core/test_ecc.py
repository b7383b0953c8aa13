import importlib.util
import math

import numpy as np
import pytest

from napari_restoration.core.ecc import Alignment, align, common_region, move
from napari_restoration.core.errors import InputError


def scene(shape=(112, 128), shift=(0.0, 0.0), angle=0.0, seed=0):
    """Gaussian spots, computed at their true sub-pixel places."""
    rng = np.random.default_rng(seed)
    y, x = (np.arange(n, dtype=float) for n in shape)
    middle = (np.array(shape) - 1) / 2
    image = np.zeros(shape)
    for _ in range(90):
        place = rng.uniform(-8, np.array(shape) + 8) - middle
        sigma, height = rng.uniform(1.5, 4), rng.uniform(0.2, 1)
        c, s = math.cos(angle), math.sin(angle)
        at = np.array([c * place[0] + s * place[1], c * place[1] - s * place[0]]) + middle + shift
        image += height * np.outer(
            np.exp(-((y - at[0]) ** 2) / 2 / sigma**2), np.exp(-((x - at[1]) ** 2) / 2 / sigma**2)
        )
    return image


def at_20_db(image, seed):
    rng = np.random.default_rng(seed)
    return image + rng.normal(0, image.std() / 10, image.shape)


@pytest.mark.parametrize("shift", [(0.37, -0.81), (0.5, 0.5), (-1.13, 2.25), (-4.3, 5.9), (0.0, 0.0)])
def test_a_known_shift_is_found_to_a_twentieth_of_a_pixel_at_20_db(shift):
    found = align(at_20_db(scene(shift=shift), 1), at_20_db(scene(), 2))

    assert found.has_converged
    np.testing.assert_allclose(found.shift_px, shift, atol=0.05)
    assert 0.001 < found.error_px < 0.05


@pytest.mark.parametrize("noise", [0.1, 1.5])
def test_the_standard_error_holds_for_weak_and_for_strong_noise(noise):
    reference, moving = scene(shift=(0.4, -0.7)), scene()
    found = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        dirty = moving + rng.normal(0, noise * moving.std(), moving.shape)
        found.append(align(reference, dirty))

    actual = np.sqrt(np.mean((np.array([one.shift_px for one in found]) - (0.4, -0.7)) ** 2))
    told = np.median([one.error_px for one in found])

    assert 0.7 * actual < told < 8 * actual


def test_rho_and_shift_do_not_depend_on_gain_and_offset():
    reference, moving = at_20_db(scene(shift=(0.4, 1.2)), 1), at_20_db(scene(), 2)

    plain, scaled = align(reference, moving), align(reference, 37.5 * moving + 1000)

    assert scaled.rho == pytest.approx(plain.rho, abs=1e-9)
    np.testing.assert_allclose(scaled.shift_px, plain.shift_px, atol=1e-6)


def test_a_turn_about_the_centre_is_found_with_the_shift():
    found = align(scene(shift=(1.3, -0.7), angle=0.02), scene(), motion="rigid")

    np.testing.assert_allclose(found.shift_px, (1.3, -0.7), atol=0.01)
    assert found.angle_rad == pytest.approx(0.02, abs=1e-4)


def test_the_moved_image_equals_the_reference_on_the_common_region():
    reference, moving = scene(shift=(1.6, -2.3), angle=0.01), scene()

    found = align(reference, moving, motion="rigid")
    region = common_region(reference.shape, [found])

    np.testing.assert_allclose(move(moving, found)[region], reference[region], atol=0.02)
    assert 95 < reference[region].shape[0] < 112


def test_the_common_region_of_whole_pixel_shifts_is_the_exact_intersection():
    motions = [
        Alignment(shift_px=s, angle_rad=0.0, rho=1.0, error_px=0.0, steps=1, has_converged=True)
        for s in [(3.0, 0.0), (-2.0, 5.0)]
    ]

    assert common_region((40, 50), motions) == (slice(3, 38), slice(5, 50))


def test_images_that_moved_apart_have_no_common_region():
    away = Alignment(shift_px=(50.0, 0.0), angle_rad=0.0, rho=1.0, error_px=0.0, steps=1, has_converged=True)

    with pytest.raises(InputError, match="nothing is common"):
        common_region((40, 50), [away])


def test_a_constant_image_has_no_rho_and_stays_where_it_started():
    found = align(scene(), np.full((112, 128), 7.0), start_px=(1.0, 2.0))

    assert math.isnan(found.rho)
    assert found.shift_px == (1.0, 2.0)
    assert not found.has_converged


def test_inputs_are_left_as_they_are():
    reference, moving = scene(shift=(1, 1)), scene()
    copies = reference.copy(), moving.copy()

    move(moving, align(reference, moving))

    np.testing.assert_array_equal(reference, copies[0])
    np.testing.assert_array_equal(moving, copies[1])


@pytest.mark.parametrize(
    ("reference", "moving", "words"),
    [
        (np.zeros((32, 32)), np.zeros((32, 31)), "shapes"),
        (np.zeros((8, 32)), np.zeros((8, 32)), "too small"),
        (np.full((32, 32), np.nan), np.zeros((32, 32)), "missing pixels"),
    ],
)
def test_images_that_cannot_be_aligned_are_refused_with_the_reason(reference, moving, words):
    with pytest.raises(InputError, match=words):
        align(reference, moving)


@pytest.mark.skipif(importlib.util.find_spec("cv2") is None, reason="needs the extra 'align'")
@pytest.mark.parametrize("shift", [(0.37, -0.81), (-2.4, 3.1)])
def test_it_agrees_with_the_search_of_opencv(shift):
    import cv2

    reference, moving = at_20_db(scene(shift=shift), 1), at_20_db(scene(), 2)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 200, 1e-6)
    start = np.eye(2, 3, dtype=np.float32)
    _, warp = cv2.findTransformECC(
        reference.astype(np.float32),
        moving.astype(np.float32),
        start,
        cv2.MOTION_TRANSLATION,
        criteria,
        None,
        5,
    )

    # OpenCV tells where to fetch a pixel, which is the opposite shift.
    np.testing.assert_allclose(align(reference, moving).shift_px, (-warp[1, 2], -warp[0, 2]), atol=0.03)
