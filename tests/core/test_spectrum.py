import numpy as np
import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.core.spectrum import frequencies, power_spectrum, radial_mean


@pytest.mark.parametrize("segment", [None, 32])
def test_white_noise_has_its_variance_as_mean_power_at_every_frequency(segment):
    noise = np.random.default_rng(1).normal(50.0, 3.0, (255, 192))
    rings = radial_mean(power_spectrum(noise, segment), 8)
    # Two cells hold one frequency and the window ties neighbours, so a ring has about cells / 5 free numbers.
    assert np.all(np.abs(rings.power / 9.0 - 1) < 5 / np.sqrt(rings.cells / 5) + 0.03)
    assert rings.power @ rings.cells / rings.cells.sum() == pytest.approx(9.0, rel=0.02)


def test_the_power_sums_to_the_energy_under_the_window():
    plane = np.random.default_rng(2).random((24, 33))
    window = np.outer(np.sin(np.pi * np.arange(24) / 24) ** 2, np.sin(np.pi * np.arange(33) / 33) ** 2)
    centred = (plane - np.average(plane, weights=window)) * window
    assert power_spectrum(plane).sum() == pytest.approx(
        plane.size * np.sum(centred**2) / np.sum(window**2), rel=1e-12
    )


def test_the_spectrum_equals_the_full_transform_for_odd_and_even_sides():
    for shape in [(16, 16), (17, 16), (16, 17), (17, 19)]:
        plane = np.random.default_rng(3).random(shape)
        power = power_spectrum(plane)
        assert power.shape == shape
        flipped = np.roll(power[::-1, ::-1], 1, axis=(0, 1))
        np.testing.assert_allclose(power, flipped, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("cycles_y", "cycles_x"), [(0.0, 0.25), (0.125, 0.125), (-0.3125, 0.0625)])
def test_a_wave_has_its_power_at_its_frequency(cycles_y, cycles_x):
    y, x = np.indices((96, 128))
    power = power_spectrum(np.cos(2 * np.pi * (cycles_y * y + cycles_x * x)))
    along_y, along_x = (np.broadcast_to(f, power.shape) for f in frequencies(power.shape))
    place = np.unravel_index(power.argmax(), power.shape)
    assert {abs(along_y[place]), abs(along_x[place])} == {abs(cycles_y), abs(cycles_x)}
    rings = radial_mean(power, 32)
    assert rings.frequency[rings.power.argmax()] == pytest.approx(np.hypot(cycles_y, cycles_x), abs=1 / 64)
    # A wave of amplitude 1 carries 1/4 in each of two cells, times (sum w)^2 / sum(w^2) = N / 1.5 on each axis.
    assert power.max() == pytest.approx(0.25 * power.size / 1.5**2, rel=1e-3)


def test_a_constant_has_no_power_and_missing_pixels_do_not_spread():
    assert not power_spectrum(np.full((32, 40), 1e6 / 3)).any()
    plane = np.full((32, 32), 7.0)
    plane[3:9, 5] = np.nan
    plane[20, 20] = np.inf
    assert not power_spectrum(plane).any()
    assert np.isnan(plane[3, 5])


def test_integers_and_their_floats_have_the_same_spectrum():
    counts = np.random.default_rng(4).integers(0, 60000, (40, 40), dtype=np.uint16)
    np.testing.assert_array_equal(power_spectrum(counts), power_spectrum(counts.astype(float)))


def test_what_has_no_spectrum_is_refused_in_words():
    with pytest.raises(InputError, match="give one plane"):
        power_spectrum(np.zeros((3, 32, 32)))
    with pytest.raises(InputError, match="choose 4 to 32"):
        power_spectrum(np.zeros((32, 64)), segment=48)
    with pytest.raises(InputError, match="at least 1"):
        radial_mean(np.zeros((32, 32)), 0)
