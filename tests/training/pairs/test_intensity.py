import numpy as np
import pytest
from scipy import ndimage
from tests.training.pairs.conftest import texture

from napari_restoration.training.pairs.intensity import fit_line


def test_the_line_is_that_of_least_squares_with_the_best_blurred_image():
    target = texture((60, 97), seed=1, sigma=1.0)
    given = 0.3 * ndimage.gaussian_filter(target, 2.2, mode="reflect") + 40
    given = (given + np.random.default_rng(2).normal(0, 3, given.shape)).astype(np.float32)
    best = np.inf, 0.0, 0.0
    for sigma in np.arange(13) / 2:
        blurred = ndimage.gaussian_filter(target.astype(np.float64), sigma, mode="reflect")
        gain, offset = np.polyfit(blurred.ravel(), given.ravel(), 1)
        best = min(best, (np.mean((gain * blurred + offset - given) ** 2), gain, offset))

    assert fit_line(target, given) == pytest.approx(best[1:], rel=1e-6)


def test_a_constant_target_has_no_gain():
    given = texture((40, 40))

    assert fit_line(np.full_like(given, 7), given) == (0.0, pytest.approx(given.mean(), rel=1e-6))
