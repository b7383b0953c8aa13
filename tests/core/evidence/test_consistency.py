import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence import data_consistency


def _blur(image):
    return ndimage.gaussian_filter(np.asarray(image, dtype=np.float64), 2.0)


def _specimen(low, high, shape=(384, 320), seed=0):
    texture = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 3)
    return low + (high - low) * (texture - texture.min()) / np.ptp(texture)


def _raw(expected, read_noise, seed=1):
    rng = np.random.default_rng(seed)
    return rng.poisson(expected) + rng.normal(0, read_noise, expected.shape)


@pytest.mark.parametrize(
    ("low", "high", "read_noise", "tolerance"),
    [
        (50, 400, 2.0, 0.01),
        (5, 20, 0.0, 0.02),
        (0.2, 4, 0.0, 0.02),
        (0.2, 4, 1.6, 0.02),
        (0.5, 30, 0.7, 0.02),
    ],
)
def test_the_true_specimen_leaves_white_noise_of_mean_0_and_variance_1(low, high, read_noise, tolerance):
    true = _specimen(low, high)
    found = data_consistency(_raw(_blur(true), read_noise), true, _blur, read_noise_electrons=read_noise)
    assert found.z.mean() == pytest.approx(0, abs=4 / np.sqrt(true.size))
    assert found.z.var() == pytest.approx(1, abs=tolerance)
    assert np.abs(found.autocorrelation).max() < 4.5 * found.autocorrelation_error
    assert found.autocorrelation_error == pytest.approx(1.25 / np.sqrt(true.size), rel=0.2)
    assert found.independent_share > 0.995
    # Windows overlap, so about 570 of the p-values are independent.
    inner = found.quality[8:-8, 8:-8]
    for level in (0.05, 0.2, 0.5):
        assert (inner < level).mean() == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 570))


def test_a_made_up_blob_is_marked_where_it_is_and_only_there():
    true = _specimen(50, 200)
    raw = _raw(_blur(true), 1.0)
    blob = np.zeros_like(true)
    blob[200, 120] = 3000.0
    before = data_consistency(raw, true, _blur, read_noise_electrons=1.0)
    for sign, name in ((1, "added"), (-1, "removed")):
        wrong = true + sign * ndimage.gaussian_filter(blob, 2)
        after = data_consistency(raw, wrong, _blur, read_noise_electrons=1.0)
        assert after.quality[200, 120] < 1e-6, name
        assert after.too_far[200, 120] < 1e-6, name
        assert np.sign(after.z[200, 120]) == -sign
        far = np.hypot(*(np.indices(true.shape) - np.array([200, 120])[:, None, None])) > 35
        np.testing.assert_allclose(after.quality[far], before.quality[far], atol=0.02)


def test_a_copy_of_the_noise_is_flagged():
    raw = _raw(_specimen(50, 200, (64, 64)), 0.0)
    found = data_consistency(raw, raw)
    assert not found.z.any()
    assert found.quality.max() < 1e-6
    assert np.isnan(found.autocorrelation).all()
    half = data_consistency(raw, (raw + _specimen(50, 200, (64, 64))) / 2)
    assert half.overall_mean_square == pytest.approx(0.25, abs=0.05)
    assert np.median(half.quality) < 1e-3
    # It is too close, not too far; and just right for one that is known to follow half of the noise.
    assert half.too_far.min() > 0.9
    known = data_consistency(raw, (raw + _specimen(50, 200, (64, 64))) / 2, expected_mean_square=0.25)
    assert np.median(known.quality) > 0.3


def test_correlated_noise_counts_as_fewer_pixels_and_is_told():
    rng = np.random.default_rng(3)
    noise = ndimage.uniform_filter1d(rng.normal(0, 10.0, (512, 512)), 2, axis=1) * np.sqrt(2)
    found = data_consistency(100 + noise, np.full((512, 512), 100.0))
    assert found.autocorrelation[1, 0] == pytest.approx(0.5, abs=0.02)
    assert np.abs(found.autocorrelation[0]).max() < 0.02
    # The squares' correlation is 1/4 at lags of -1 and 1, of which a window of 15 holds 14/15.
    assert found.independent_share == pytest.approx(1 / (1 + 0.5 * 14 / 15), rel=0.03)
    assert (found.quality < 0.05).mean() == pytest.approx(0.05, abs=0.015)


def test_lost_fine_structure_is_seen_as_correlation_everywhere():
    true = _specimen(50, 400)
    lost = data_consistency(_raw(true, 1.0), np.full_like(true, true.mean()), read_noise_electrons=1.0)
    assert lost.autocorrelation[:, :3].min() > 0.5


def test_an_uncertain_noise_model_widens_what_is_consistent():
    flat = np.full((200, 200), 100.0)
    raw = np.random.default_rng(4).normal(100, 10 * np.sqrt(1.3), flat.shape)
    sure = data_consistency(raw, flat)
    unsure = data_consistency(raw, flat, variance_error=0.3)
    assert np.median(sure.quality) < 0.01
    assert np.median(unsure.quality) > 0.2
    assert sure.overall_mean_square == pytest.approx(1.3, abs=0.05)


def test_missing_pixels_stay_missing_and_do_not_count():
    true = _specimen(50, 200, (96, 96))
    raw = _raw(true, 0.0).astype(float)
    whole = data_consistency(raw, true)
    raw[40:44, 30:50], restored = np.nan, true.copy()
    restored[10, 10] = np.inf
    raw_before, restored_before = raw.copy(), restored.copy()
    found = data_consistency(raw, restored)
    missing = ~np.isfinite(raw) | ~np.isfinite(restored)
    for plane in (found.z, found.mean_square, found.quality):
        np.testing.assert_array_equal(np.isnan(plane), missing)
    np.testing.assert_array_equal(found.z[~missing], whole.z[~missing])
    np.testing.assert_allclose(found.quality[70:], whole.quality[70:], atol=2e-3)
    window = raw[41 - 7 : 41 + 8, 29 - 7 : 29 + 8]
    kept = np.isfinite(window)
    expected = np.mean((window - true[34:49, 22:37])[kept] ** 2 / true[34:49, 22:37][kept])
    assert found.mean_square[41, 29] == pytest.approx(expected, rel=1e-4)
    np.testing.assert_array_equal(raw, raw_before)
    np.testing.assert_array_equal(restored, restored_before)


def test_a_finer_restoration_is_judged_on_the_raw_grid():
    true = np.kron(_specimen(50, 200, (60, 64)), np.ones((2, 2)))
    true[8, 9] = np.nan
    binned = lambda image: image.reshape(60, 2, 64, 2).mean(axis=(1, 3))  # noqa: E731
    found = data_consistency(_raw(np.nan_to_num(binned(true), nan=90.0), 0.0), true, binned)
    assert found.z.shape == (60, 64)
    assert np.argwhere(np.isnan(found.z)).tolist() == [[4, 4]]


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (9, 9)])
def test_tiny_and_dark_planes_have_defined_values(shape):
    dark = data_consistency(np.zeros(shape), np.zeros(shape))
    assert np.isfinite(dark.quality).all()
    assert dark.z == pytest.approx(0, abs=0.2)
    bright = data_consistency(np.full(shape, 60.0), np.zeros(shape))
    assert bright.quality.max() < 1e-6


@pytest.mark.parametrize(
    ("raw", "restored", "settings", "words"),
    [
        (np.ones((4, 4, 4)), np.ones((4, 4)), {}, "raw image has shape"),
        (np.ones((4, 4)), np.ones((4, 5)), {}, "same grid"),
        (np.ones((4, 4)), np.ones((4, 4)), {"read_noise_electrons": -1}, "read noise"),
        (np.ones((4, 4)), np.ones((4, 4)), {"variance_error": np.nan}, "relative error"),
        (np.ones((4, 4)), np.ones((4, 4)), {"window": 4}, "odd"),
        (np.ones((4, 4)), np.ones((4, 4)), {"expected_mean_square": 0.0}, "above 0"),
        (np.ones((4, 4)), np.ones((4, 4)), {"expected_mean_square": np.ones((4, 5))}, "same grid"),
        (np.full((4, 4), np.nan), np.ones((4, 4)), {}, "no finite pixel"),
        (np.ones((4, 4), dtype=complex), np.ones((4, 4)), {}, "real numbers"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(raw, restored, settings, words):
    with pytest.raises(InputError, match=words):
        data_consistency(raw, restored, **settings)
