"""Signed means of a residual: their spread on noise, and what they find that the mean square does not."""

import numpy as np
import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence.planes import local_mean
from napari_restoration.core.evidence.signed import signed_means


def _noise(seed: int = 0, side: int = 256) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((side, side)).astype(np.float32)


def test_white_noise_gives_a_spread_of_one_at_every_width():
    for sigma in (1.0, 4.0):
        sums = signed_means(_noise(), sigmas_px=(sigma,)).strongest
        assert float(np.std(sums)) == pytest.approx(1.0, abs=0.12)
        # Sums at the border are of fewer pixels, but of the same spread.
        assert float(np.std(sums[:3])) == pytest.approx(1.0, abs=0.35)


def test_a_smooth_shift_of_half_a_standard_deviation_is_found_though_the_mean_square_misses_it():
    rows, columns = np.mgrid[:256, :256]
    blob = 0.5 * np.exp(-((rows - 128) ** 2 + (columns - 128) ** 2) / (2 * 12.0**2))
    z = (_noise(1) - blob).astype(np.float32)
    found = signed_means(z).strongest
    assert found[118:138, 118:138].min() < -5
    assert np.abs(found[:60, :60]).max() < 5.5
    square = local_mean(z**2, np.ones(z.shape, dtype=bool))[0]
    assert square[128, 128] < np.percentile(square, 99.9)


def test_a_repeat_that_is_as_correlated_takes_the_expected_spread_away():
    from scipy import ndimage

    smooth, again = (ndimage.gaussian_filter(_noise(seed), 1.5) for seed in (2, 3))
    plain, against = signed_means(smooth).strongest, signed_means(smooth, again).strongest
    assert float(np.std(against)) == pytest.approx(float(np.std(signed_means(_noise(4)).strongest)), rel=0.25)
    assert float(np.std(plain)) != pytest.approx(float(np.std(against)), rel=0.05)


def test_missing_pixels_stay_missing_and_change_nothing_far_away():
    z = _noise(5)
    holed = z.copy()
    holed[10:20, 10:20] = np.nan
    found, whole = signed_means(holed).strongest, signed_means(z).strongest
    assert np.isnan(found[10:20, 10:20]).all()
    np.testing.assert_allclose(found[100:, 100:], whole[100:, 100:], atol=1e-5)


def test_widths_and_shapes_that_cannot_be_used_are_refused():
    with pytest.raises(InputError, match="widths"):
        signed_means(_noise(side=16), sigmas_px=(0.0,))
    with pytest.raises(InputError, match="repeated"):
        signed_means(_noise(side=16), _noise(side=8))
