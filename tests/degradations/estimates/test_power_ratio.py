"""The blur between two images by their powers alone."""

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.degradations.estimates.blur import estimate_blur_between
from napari_restoration.degradations.estimates.power_ratio import blur_by_power


def cells(seed, shape=(256, 256)):
    """Discs with soft edges."""
    rng = np.random.default_rng(seed)
    y, x = np.indices(shape)
    image = np.zeros(shape)
    for _ in range(shape[0] // 4):
        at, radius = rng.uniform(0, 1, 2) * shape, rng.uniform(2, 12)
        image[np.hypot(y - at[0], x - at[1]) < radius] += rng.uniform(0.3, 1)
    return ndimage.gaussian_filter(100 * image, 0.7)


def noisy(plane, seed=9, sd=1.0):
    return plane + np.random.default_rng(seed).normal(0, sd, plane.shape)


@pytest.mark.parametrize("sigma", [0.0, 1.0, 2.5])
def test_the_blur_of_a_known_gaussian_lies_in_the_interval(sigma):
    found = blur_by_power(noisy(ndimage.gaussian_filter(cells(0), sigma)), noisy(cells(0), 8))
    assert found.low_px <= sigma <= found.high_px
    assert found.sigma_px == pytest.approx(sigma, abs=0.25)
    assert found.is_reliable


def test_structure_that_only_differs_is_no_blur_as_it_is_for_the_cross_spectrum():
    # Two planes of a thick specimen: haze in common, fine structure of their own.
    haze = 3 * ndimage.gaussian_filter(cells(0), 2)
    good, bad = noisy(haze + cells(1)), noisy(haze + cells(2), 8)
    assert blur_by_power(bad, good).sigma_px < 0.6
    assert estimate_blur_between(bad, good).low_px > blur_by_power(bad, good).high_px


def test_images_may_differ_in_size_and_intensity_scale():
    bad, good = noisy(ndimage.gaussian_filter(cells(0, (200, 300)), 1.5)), noisy(cells(1, (260, 180)), 8)
    found = blur_by_power(1000 * bad + 5, good)
    assert found.sigma_px == pytest.approx(1.5, abs=0.5)


@pytest.mark.parametrize(
    ("bad", "words"), [(np.ones((64, 64)), "The bad image: all pixels"), (None, "Too little")]
)
def test_images_without_structure_end_in_words(bad, words):
    bad = np.random.default_rng(0).normal(size=(64, 64)) if bad is None else bad
    found = blur_by_power(bad, cells(0, (64, 64)))
    assert not found.is_reliable
    assert found.high_px == 100.0
    assert found.words.startswith(words)
