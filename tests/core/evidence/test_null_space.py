import numpy as np
import pytest
from scipy import fft, ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence import noise_to_signal, null_space_share


def _pupil_kernel(side, cutoff):
    """Kernel of a microscope that passes every frequency below the cut-off alike, as large as the plane."""
    frequency = np.hypot(fft.fftfreq(side)[:, None], fft.fftfreq(side)[None, :])
    return np.real(fft.fftshift(fft.ifft2(frequency < cutoff))), frequency < cutoff


def _in_band(band, seed=0):
    return np.real(fft.ifft2(band * fft.fft2(np.random.default_rng(seed).normal(size=band.shape))))


def test_what_lies_within_the_band_has_no_share():
    kernel, band = _pupil_kernel(127, 0.2)
    found = null_space_share(_in_band(band), kernel, 1e-6, boundary="circular")
    assert found.overall_share < 1e-9
    assert found.share.max() < 1e-8
    assert found.quality.min() == 1


def test_a_point_has_the_share_of_frequencies_that_the_pupil_lacks():
    kernel, band = _pupil_kernel(127, 0.2)
    point = np.zeros((127, 127))
    point[60, 66] = 5.0
    found = null_space_share(point, kernel, 1e-9, boundary="circular")
    # Zero frequency is held; it does not count as variation either.
    missing = np.count_nonzero(~band) / (band.size - 1)
    assert found.overall_share == pytest.approx(missing, rel=1e-4)
    assert found.share[60, 66] == pytest.approx(missing, rel=0.02)


def test_without_blur_nothing_is_lost_as_noise_vanishes():
    image = np.random.default_rng(1).normal(100, 10, (64, 80))
    shares = [null_space_share(image, [[1.0]], eps).overall_share for eps in (1.0, 0.1, 1e-3)]
    assert shares == pytest.approx([(eps / (1 + eps)) ** 2 for eps in (1.0, 0.1, 1e-3)], rel=0.02)
    assert null_space_share(image, [[1.0]], 1e-12).share.max() < 1e-9


def test_texture_that_was_made_up_on_a_bright_body_is_found_where_it_is():
    y, x = np.indices((192, 192))
    body = 1000.0 * (np.hypot(y - 96, x - 96) < 60)
    gauss = np.exp(-(np.arange(-12, 13) ** 2) / (2 * 2.5**2))
    smooth = ndimage.gaussian_filter(body, 4)
    texture = np.zeros_like(smooth)
    texture[80:112, 80:112] = 60.0 * np.cos(2 * np.pi * 0.35 * x[80:112, 80:112])
    found = null_space_share(smooth + texture, np.outer(gauss, gauss), 0.01)
    assert found.share[90:102, 90:102].min() > 0.9
    elsewhere = np.ones_like(body, dtype=bool)
    elsewhere[70:122, 70:122] = False
    assert found.share[elsewhere].max() < 0.05
    # A hundredth of each held frequency is beyond, too, so the body's level is in it.
    invented = found.beyond[90:102, 90:102] - found.beyond[86:106, 86:106].mean()
    np.testing.assert_allclose(invented, texture[90:102, 90:102], atol=2)


def test_borders_make_no_share_of_their_own():
    y, x = np.indices((90, 120))
    ramp = 2.0 * x + 1.0 * y
    gauss = np.exp(-(np.arange(-9, 10) ** 2) / (2 * 2.0**2))
    found = null_space_share(ramp, np.outer(gauss, gauss), 0.01)
    assert found.share[1:-1, 1:-1].max() < 0.05


def test_detail_finer_than_the_raw_pixels_is_beyond_them():
    x = np.indices((128, 128))[1]
    fine = np.cos(2 * np.pi * 0.375 * x)
    coarse = np.cos(2 * np.pi * 0.0625 * x)
    share = lambda image: null_space_share(image, [[1.0]], 1e-4, scale=2, boundary="circular").overall_share  # noqa: E731
    assert share(fine) > 0.999
    assert share(coarse) < 1e-6
    assert null_space_share(fine, [[1.0]], 1e-4, boundary="circular").overall_share < 1e-6


def test_asymmetric_kernels_and_any_scaling_of_them_are_right():
    image = np.random.default_rng(2).normal(size=(40, 50))
    streak = np.zeros((5, 9))
    streak[2, :6] = 1.0
    found = null_space_share(image, streak, 0.05, boundary="circular")
    padded = np.zeros_like(image)
    padded[:5, :9] = streak / 6
    squared = np.abs(fft.fft2(padded)) ** 2
    lost = fft.ifft2(fft.fft2(image - image.mean()) * 0.05 / (squared + 0.05)).real
    np.testing.assert_allclose(found.beyond, lost, atol=1e-5)
    again = null_space_share(image, 7 * streak, 0.05, boundary="circular")
    np.testing.assert_allclose(again.beyond, found.beyond, atol=1e-6)


def test_constant_tiny_and_missing_pixels_have_defined_values():
    kernel = np.ones((3, 3))
    assert not null_space_share(np.full((40, 40), 7.0), kernel, 0.1).share.any()
    assert null_space_share(np.full((1, 1), 7.0), kernel, 0.1).overall_share == 0
    assert np.isfinite(null_space_share(np.eye(5), np.ones((31, 31)), 0.1, boundary="circular").share).all()
    image = np.random.default_rng(3).random((60, 60))
    image[20:24, 30] = np.nan
    found = null_space_share(image, kernel, 0.1)
    for plane in (found.beyond, found.share, found.quality):
        np.testing.assert_array_equal(np.isnan(plane), np.isnan(image))


def test_noise_to_signal_is_a_ratio_of_variances():
    image = np.random.default_rng(4).normal(50, 20, (200, 200))
    assert noise_to_signal(image, 4.0) == pytest.approx(0.01, rel=0.03)
    assert noise_to_signal(np.ones((5, 5)), 4.0) == 1.0
    for plane, variance, words in ((image, 0.0, "variance"), (np.full((3, 3), np.nan), 1.0, "no finite")):
        with pytest.raises(InputError, match=words):
            noise_to_signal(plane, variance)


@pytest.mark.parametrize(
    ("image", "kernel", "eps", "settings", "words"),
    [
        (np.ones((2, 4, 4)), np.ones((3, 3)), 0.1, {}, "one \\(Y, X\\) plane"),
        (np.ones((4, 4)), np.ones((2, 3)), 0.1, {}, "odd sides"),
        (np.ones((4, 4)), np.ones((3, 3, 3)), 0.1, {}, "odd sides"),
        (np.ones((4, 4)), np.zeros((3, 3)), 0.1, {}, "positive sum"),
        (np.ones((4, 4)), np.ones((3, 3)), 0.0, {}, "above 0"),
        (np.ones((4, 4)), np.ones((3, 3)), 0.1, {"scale": 0}, "1 or more"),
        (np.full((4, 4), np.nan), np.ones((3, 3)), 0.1, {}, "no finite"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(image, kernel, eps, settings, words):
    with pytest.raises(InputError, match=words):
        null_space_share(image, kernel, eps, **settings)
