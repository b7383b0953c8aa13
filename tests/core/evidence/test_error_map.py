import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence import error_map


def _filaments(shape=(160, 192), seed=0):
    rng = np.random.default_rng(seed)
    points = rng.random(shape) > 0.995
    return ndimage.gaussian_filter(points.astype(float), 1.0) * 100 + 1


@pytest.mark.parametrize(
    ("gain", "offset", "sigma"), [(3.0, 20.0, 2.5), (0.01, -4.0, 1.0), (250.0, 0.0, 6.0)]
)
def test_a_blurred_scaled_copy_fits_and_gives_its_parameters_back(gain, offset, sigma):
    restored = _filaments()
    raw = ndimage.gaussian_filter(gain * restored + offset, sigma, truncate=8)
    found = error_map(raw, restored)
    assert found.sigma_px == pytest.approx(sigma, rel=1e-3)
    assert found.gain == pytest.approx(gain, rel=1e-3)
    assert found.offset == pytest.approx(offset, abs=1e-2 * gain)
    assert found.rse < 1e-4 * np.ptp(raw)
    assert found.rsp == pytest.approx(1, abs=1e-6)


def test_an_affine_change_of_the_restoration_changes_nothing_but_the_fit():
    restored = _filaments()
    raw = ndimage.gaussian_filter(restored, 2) + np.random.default_rng(1).normal(0, 0.3, restored.shape)
    one = error_map(raw, restored)
    for gain, offset in ((40.0, -7.0), (-0.5, 3.0)):
        other = error_map(raw, gain * restored + offset)
        assert other.rsp == pytest.approx(one.rsp, abs=1e-6)
        assert other.rse == pytest.approx(one.rse, rel=1e-4)
        assert other.gain == pytest.approx(one.gain / gain, rel=1e-3)
        np.testing.assert_allclose(other.error, one.error, atol=2e-3)


def test_a_deleted_structure_lights_up_there():
    restored = _filaments()
    raw = ndimage.gaussian_filter(restored, 2) + np.random.default_rng(2).normal(0, 0.05, restored.shape)
    y, x = np.unravel_index(restored[20:-20, 20:-20].argmax(), (120, 152))
    y, x = y + 20, x + 20
    wrong = restored.copy()
    wrong[y - 4 : y + 5, x - 4 : x + 5] = 1.0
    whole, found = error_map(raw, restored), error_map(raw, wrong)
    assert np.hypot(*(np.array(np.unravel_index(found.error.argmax(), raw.shape)) - (y, x))) < 4
    assert found.error[y, x] > 10 * whole.rse
    assert found.rse > whole.rse
    assert found.rsp < whole.rsp


def test_a_restoration_with_twice_the_pixels_is_averaged_first():
    fine = _filaments((160, 160))
    raw = ndimage.gaussian_filter(5 * fine.reshape(80, 2, 80, 2).mean(axis=(1, 3)) + 2, 1.5, truncate=8)
    found = error_map(raw, fine, scale=2)
    assert found.error.shape == (80, 80)
    assert (found.gain, found.offset, found.sigma_px) == pytest.approx((5, 2, 1.5), rel=3e-3)


def test_a_restoration_softer_than_the_raw_image_is_not_blurred_further():
    raw = _filaments()
    found = error_map(raw, ndimage.gaussian_filter(raw, 2))
    assert found.sigma_px == pytest.approx(0, abs=0.05)
    assert found.rse > 0.1 * raw.std()


def test_noise_of_the_raw_image_bounds_the_correlation():
    restored = _filaments()
    smooth = ndimage.gaussian_filter(restored, 2)
    raw = smooth + np.random.default_rng(3).normal(0, smooth.std(), restored.shape)
    assert error_map(raw, restored).rsp == pytest.approx(np.sqrt(0.5), abs=0.02)


def test_constant_tiny_and_missing_pixels_have_defined_values():
    image = _filaments((40, 44))
    flat = error_map(image, np.full((40, 44), 3.0))
    assert flat.gain == 0
    assert np.isnan(flat.rsp)
    assert flat.rse == pytest.approx(image.std(), rel=1e-5)
    same = error_map(np.full((40, 44), 9.0), image)
    assert same.rse == pytest.approx(0, abs=1e-5)
    assert np.isnan(same.rsp)
    assert error_map([[4.0]], [[1.0]]).rse == 0
    raw = 2 * image + 1
    raw[5:9, 6] = np.nan
    restored = image.copy()
    restored[20, 20] = np.nan
    found = error_map(raw, restored)
    np.testing.assert_array_equal(np.isnan(found.error), np.isnan(raw) | np.isnan(restored))
    assert found.gain == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize(
    ("raw", "restored", "settings", "words"),
    [
        (np.ones((4, 4)), np.ones((8, 8)), {}, "same grid"),
        (np.ones((4, 4)), np.ones((9, 8)), {"scale": 2}, "no multiple of 2"),
        (np.ones((4, 4)), np.ones((4, 4)), {"scale": 0}, "scale is 0"),
        (np.full((4, 4), np.nan), np.ones((4, 4)), {}, "no finite pixel"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(raw, restored, settings, words):
    with pytest.raises(InputError, match=words):
        error_map(raw, restored, **settings)
