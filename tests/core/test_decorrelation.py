import numpy as np
import pytest
from scipy import fft

from napari_restoration.core.decorrelation import decorrelation_analysis
from napari_restoration.core.errors import InputError
from napari_restoration.core.resolution import ring_correlation


def _frequency(side):
    return np.hypot(fft.fftfreq(side)[:, None], fft.fftfreq(side)[None, :])


def _band_limited(cutoff, side=256, slope=0.0, seed=0):
    frequency = _frequency(side)
    weight = (frequency < cutoff) / np.maximum(frequency, 1 / side) ** slope
    plane = np.real(fft.ifft2(fft.fft2(np.random.default_rng(seed).normal(size=(side, side))) * weight))
    return plane / plane.std()


def _spots(cutoff, peak, side=256, frames=2):
    """Spots seen by an aberration-free microscope with this cut-off, counted in photons."""
    rng = np.random.default_rng(1)
    s = np.clip(_frequency(side) / cutoff, 0, 1)
    transfer = 2 / np.pi * (np.arccos(s) - s * np.sqrt(1 - s**2))
    points = (rng.random((side, side)) > 0.99).astype(float)
    light = np.maximum(np.real(fft.ifft2(fft.fft2(points) * transfer)), 0)
    return rng.poisson((light / light.max() + 0.02) * peak, (frames, side, side)).astype(float)


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("cutoff", [0.1, 0.25, 0.4])
def test_a_sharp_cut_off_is_found_whatever_the_noise(cutoff, noise):
    image = _band_limited(cutoff) + np.random.default_rng(2).normal(0, noise, (256, 256))
    found = decorrelation_analysis(image)
    assert found.resolution_px == pytest.approx(1 / cutoff, rel=0.05)
    assert found.resolution_um(0.05) == pytest.approx(0.05 * found.resolution_px)


def test_high_passes_find_the_cut_off_of_an_image_that_is_mostly_coarse():
    image = _band_limited(0.2, slope=2.0) + np.random.default_rng(3).normal(0, 2e-4, (256, 256))
    found = decorrelation_analysis(image)
    assert np.isnan(found.peak_frequency[0])
    assert found.resolution_px == pytest.approx(5, rel=0.05)


def test_noise_lowers_the_signal_and_alone_has_no_resolution():
    image, noise = _band_limited(0.2), np.random.default_rng(4).normal(size=(256, 256))
    signals = [decorrelation_analysis(image + level * noise).signal for level in (0.1, 0.5, 1.0)]
    assert signals[0] > signals[1] > signals[2] > 0.3
    for seed in range(5):
        alone = decorrelation_analysis(np.random.default_rng(seed).normal(size=(128, 100)))
        assert np.isnan(alone.resolution_px)
        assert alone.signal == 0


@pytest.mark.parametrize(
    ("cutoff", "peak"), [(0.15, 2000), (0.15, 200), (0.25, 2000), (0.25, 200), (0.4, 2000)]
)
def test_it_agrees_with_ring_correlation_of_two_frames_within_a_quarter(cutoff, peak):
    frames = _spots(cutoff, peak)
    decorrelation = decorrelation_analysis(frames[0]).resolution_px
    rings = ring_correlation(*frames).resolution_px
    assert 0.95 < decorrelation / rings < 1.25
    assert 0.97 < decorrelation * cutoff < 1.4


def test_gain_offset_and_turns_change_nothing():
    image = _spots(0.2, 500)[0][:, :200]
    one = decorrelation_analysis(image).resolution_px
    assert decorrelation_analysis(40 * image + 900).resolution_px == pytest.approx(one)
    assert decorrelation_analysis(image.T).resolution_px == pytest.approx(one)
    assert decorrelation_analysis((image * 10).astype(np.uint16)).resolution_px == pytest.approx(one)


def test_the_curve_is_the_correlation_of_the_image_with_its_phases():
    image = _spots(0.2, 200, side=64)[0]
    found = decorrelation_analysis(image)
    near = np.minimum(np.arange(64), np.arange(64)[::-1])
    ramp = 0.5 - 0.5 * np.cos(np.pi * np.minimum((near + 0.5) / 16, 1))
    window = np.outer(ramp, ramp)
    spectrum = fft.fft2((image - np.average(image, weights=window)) * window)
    frequency = _frequency(64)
    counted = (frequency > 0) & (frequency < 64.5 / 128)
    for radius in (0.1, 0.3):
        # Rings are half a cell wide; the one that holds the radius is whole.
        inside = (frequency > 0) & (np.floor(frequency * 128) <= np.floor(radius * 128))
        phases = np.where(inside, spectrum / np.abs(spectrum), 0)
        both = np.real(np.sum(spectrum * np.conj(phases)))
        expected = both / np.sqrt(np.sum(np.abs(spectrum[counted]) ** 2) * np.sum(np.abs(phases) ** 2))
        place = np.flatnonzero(found.frequency < (np.floor(radius * 128) + 1) / 128)[-1]
        assert found.curves[0, place] == pytest.approx(expected, rel=1e-3)


def test_missing_pixels_are_bridged():
    image = _spots(0.2, 500)[0]
    whole = decorrelation_analysis(image).resolution_px
    image[60:63, 60] = np.nan
    assert decorrelation_analysis(image).resolution_px == pytest.approx(whole, rel=0.1)


def test_what_has_no_resolution_is_refused_in_one_sentence():
    for image, words in (
        (np.ones((31, 64)), "at least 32 x 32"),
        (np.ones((3, 64, 64)), "one plane"),
        (np.full((64, 64), 5.0), "constant"),
        (np.full((64, 64), np.nan), "constant"),
        (np.ones((64, 64), dtype=complex), "real numbers"),
    ):
        with pytest.raises(InputError, match=words):
            decorrelation_analysis(image)
