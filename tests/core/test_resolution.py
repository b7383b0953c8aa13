import numpy as np
import pytest
from scipy import fft

from napari_restoration.core.errors import InputError
from napari_restoration.core.resolution import ring_correlation, split_ring_correlation


def frequency_of(side):
    return np.hypot(fft.fftfreq(side)[:, None], fft.fftfreq(side)[None, :])


def band_limited(cutoff, side=256, seed=0):
    """Noise of variance 1 with all its power below a frequency."""
    white = np.random.default_rng(seed).normal(size=(side, side))
    plane = np.real(fft.ifft2(fft.fft2(white) * (frequency_of(side) < cutoff)))
    return plane / plane.std()


def microscope_image(cutoff, peak, frames=1, side=256, seed=0):
    """Filaments seen by an aberration-free microscope with this cut-off, counted in photons."""
    rng = np.random.default_rng(seed)
    specimen = np.zeros((side, side))
    for _ in range(30):
        place, angle = rng.random(2) * side, rng.random() * 2 * np.pi
        for _ in range(250):
            angle += rng.normal(0, 0.03)
            place = (place + np.array([np.sin(angle), np.cos(angle)])) % side
            specimen[tuple(place.astype(int))] += 1
    s = np.clip(frequency_of(side) / cutoff, 0, 1)
    transfer = 2 / np.pi * (np.arccos(s) - s * np.sqrt(1 - s**2))
    light = np.maximum(np.real(fft.ifft2(fft.fft2(specimen) * transfer)), 0)
    return rng.poisson((light / light.max() + 0.02) * peak, (frames, side, side)).astype(float)


def test_an_image_correlates_with_itself_at_every_frequency():
    image = np.random.default_rng(1).normal(size=(96, 128))
    found = ring_correlation(image, 3 * image + 7)
    np.testing.assert_allclose(found.correlation, 1, rtol=1e-9)
    assert found.is_limited_by_pixels
    assert found.resolution_px == 2
    assert found.resolution_um(0.1) == pytest.approx(0.2)
    np.testing.assert_allclose(ring_correlation(image, -image).correlation, -1, rtol=1e-9)


@pytest.mark.parametrize("threshold", ["1/7", "3 sigma"])
def test_noise_has_a_mean_of_0_the_stated_deviation_and_no_resolution(threshold):
    ratios, splits = [], []
    for seed in range(8):
        a, b = np.random.default_rng(seed).normal(50, 3, (2, 160, 160))
        found, split = (
            ring_correlation(a, b, threshold=threshold),
            split_ring_correlation(a, threshold=threshold),
        )
        ratios.append((found.correlation / found.error)[6:])
        splits.append((split.correlation / split.error)[6:])
        assert np.isnan(found.resolution_px)
        assert np.isnan(split.resolution_px)
        assert not found.is_limited_by_pixels
    for drawn in (ratios, splits):
        assert np.mean(drawn) == pytest.approx(0, abs=0.2)
        assert np.std(drawn) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(("signal", "share"), [(4.0, 0.8), (1.0, 0.5), (0.25, 0.2)])
def test_the_correlation_is_the_signal_s_share_of_the_power(signal, share):
    rng = np.random.default_rng(2)
    common = rng.normal(0, np.sqrt(signal), (256, 256))
    found = ring_correlation(*(common + rng.normal(size=(2, 256, 256))))
    assert np.mean(found.correlation[20:]) == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("threshold", ["1/7", "3 sigma"])
@pytest.mark.parametrize("cutoff", [0.1, 0.2, 0.4])
def test_a_sharp_cut_off_is_found_within_a_tenth(cutoff, threshold):
    noise = np.random.default_rng(3).normal(0, 0.5, (2, 256, 256))
    found = ring_correlation(*(band_limited(cutoff) + noise), threshold=threshold)
    # A little too fine, as the window and the smoothing smear the step; three rings at 0.1 cycles per pixel.
    assert 0.87 / cutoff < found.resolution_px < 1.01 / cutoff


@pytest.mark.parametrize(
    ("cutoff", "peak", "coarser"), [(0.15, 2000, 1.1), (0.2, 200, 1.2), (0.2, 20, 1.5), (0.4, 500, 1.2)]
)
def test_a_microscope_s_cut_off_is_approached_as_light_allows(cutoff, peak, coarser):
    found = ring_correlation(*microscope_image(cutoff, peak, frames=2))
    assert 0.97 / cutoff < found.resolution_px < coarser / cutoff


@pytest.mark.parametrize(("peak", "coarser"), [(2000, 1.08), (200, 1.12), (20, 1.3)])
def test_splitting_one_image_agrees_with_two_frames_within_its_band(peak, coarser):
    frames = microscope_image(0.15, peak, frames=2)
    two, one = ring_correlation(*frames), split_ring_correlation(frames[0])
    assert 0.98 < one.resolution_px / two.resolution_px < coarser
    assert one.frequency[-1] == pytest.approx(0.25, abs=0.01)


def test_splitting_says_when_its_band_is_too_small():
    found = split_ring_correlation(microscope_image(0.45, 2000)[0])
    assert found.is_limited_by_pixels
    assert found.resolution_px == 4
    assert ring_correlation(*microscope_image(0.45, 2000, frames=2)).resolution_px < 2.6


def test_noise_that_neighbours_share_makes_splitting_too_optimistic():
    noise = np.random.default_rng(4).normal(size=(256, 256))
    smeared = noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1) + np.roll(noise, (1, 1), (0, 1))
    assert np.isnan(split_ring_correlation(noise).resolution_px)
    assert split_ring_correlation(smeared).resolution_px < 8


def test_a_shift_between_the_images_lowers_fine_rings_alone():
    image = microscope_image(0.3, 5000)[0]
    found = ring_correlation(image, np.roll(image, 1, axis=1))
    assert found.correlation[5] > 0.95
    assert found.correlation[-1] < 0.2


def test_missing_pixels_are_bridged():
    a, b = microscope_image(0.2, 500, frames=2)
    whole = ring_correlation(a, b).resolution_px
    a[100:103, 50] = np.nan
    before = a.copy()
    assert ring_correlation(a, b).resolution_px == pytest.approx(whole, rel=0.03)
    np.testing.assert_array_equal(a, before)


def test_what_has_no_resolution_is_refused_in_one_sentence():
    good = np.random.default_rng(5).random((64, 64))
    for call, words in (
        (lambda: ring_correlation(good[:31], good[:31]), "at least 32 x 32"),
        (lambda: ring_correlation(good, good[:40]), "shapes"),
        (lambda: ring_correlation(good, np.full((64, 64), 3.0)), "second image is constant"),
        (lambda: ring_correlation(np.full((64, 64), np.nan), good), "constant"),
        (lambda: ring_correlation(good, good, threshold="1/2"), "choose"),
        (lambda: ring_correlation(good * 1j, good), "real numbers"),
        (lambda: split_ring_correlation(good[:, :60]), "64 x 64"),
        (lambda: split_ring_correlation(np.zeros((64, 64))), "constant"),
    ):
        with pytest.raises(InputError, match=words):
            call()


def test_images_with_every_other_line_equal_do_not_divide_by_nothing():
    stripes = np.tile([0.0, 1.0], (64, 32))
    assert np.isfinite(ring_correlation(stripes, stripes).correlation).all()
