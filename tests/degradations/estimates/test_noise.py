import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.estimates.noise import estimate_camera, noise_sd
from napari_restoration.degradations.noise import Camera


@pytest.fixture(scope="module")
def cells():
    """Blurred blobs on a dark background, 99.9th percentile 1."""
    rng = np.random.default_rng(5)
    plane = np.zeros((320, 320))
    plane[rng.integers(0, 320, 150), rng.integers(0, 320, 150)] = rng.uniform(0.2, 1, 150)
    plane = gaussian_filter(plane, 2.0) + 4 * gaussian_filter(plane, 8.0)
    return plane / np.percentile(plane, 99.9)


def photographed(plane, peak, seed=0, **camera):
    bits = camera.setdefault("bits", 16)
    image = Camera(**camera)(plane * peak, np.random.default_rng(seed))
    return image if bits is None else image.astype(np.uint16)


@pytest.mark.parametrize(
    ("peak", "gain", "offset", "read_noise"),
    [(60, 0.5, 100, 1.5), (1000, 2.0, 400, 4.0), (300, 1.0, 0, 0.0)],
)
def test_gain_and_read_noise_are_found_when_the_offset_is_known(cells, peak, gain, offset, read_noise):
    image = photographed(
        cells, peak, gain_electrons_per_adu=gain, offset_adu=offset, read_noise_electrons=read_noise
    )
    found = estimate_camera(image, offset_adu=offset)
    assert found.is_reliable
    assert found.gain_electrons_per_adu == pytest.approx(gain, rel=0.1)
    assert found.gain_interval[0] <= gain <= found.gain_interval[1]
    assert found.read_noise_electrons == pytest.approx(read_noise, abs=0.2 + 0.2 * read_noise)
    assert found.read_noise_interval[0] <= read_noise <= found.read_noise_interval[1]
    assert found.peak_electrons == pytest.approx(peak, rel=0.15)


def test_low_counts_under_strong_read_noise_do_not_bias_the_gain(cells):
    ratios = [
        estimate_camera(
            photographed(cells, 10, seed, gain_electrons_per_adu=0.25, offset_adu=100, read_noise_electrons=3)
        ).gain_electrons_per_adu
        / 0.25
        for seed in range(8)
    ]
    assert np.mean(ratios) == pytest.approx(1, abs=0.12)


def test_an_unknown_offset_lies_between_the_zero_of_the_line_and_the_darkest_level(cells):
    image = photographed(cells, 300, gain_electrons_per_adu=0.5, offset_adu=100, read_noise_electrons=3)
    found = estimate_camera(image)
    low, high = found.offset_interval_adu
    assert low <= 100 <= high == found.offset_adu
    assert found.read_noise_interval[0] <= 3 <= found.read_noise_interval[1]
    assert "offset" in found.words


def test_a_known_read_noise_gives_the_offset(cells):
    image = photographed(cells, 300, gain_electrons_per_adu=0.5, offset_adu=100, read_noise_electrons=3)
    assert estimate_camera(image, read_noise_electrons=3).offset_adu == pytest.approx(100, abs=3)


def test_noise_cut_at_zero_does_not_bias_the_gain(cells):
    image = photographed(cells, 300, gain_electrons_per_adu=2, offset_adu=0, read_noise_electrons=3, bits=8)
    found = estimate_camera(image, offset_adu=0)
    assert found.gain_electrons_per_adu == pytest.approx(2, rel=0.15)


def test_saturated_pixels_are_left_out(cells):
    image = np.minimum(photographed(cells, 1000, offset_adu=100, read_noise_electrons=2), 700)
    found = estimate_camera(image)
    assert found.gain_electrons_per_adu == pytest.approx(1, rel=0.1)
    assert max(found.means) < 700


def test_hot_and_missing_pixels_do_not_matter(cells):
    image = photographed(cells, 300, offset_adu=100, read_noise_electrons=2, bits=None)
    clean = estimate_camera(image).gain_electrons_per_adu
    rng = np.random.default_rng(1)
    image[rng.integers(0, 320, 30), rng.integers(0, 320, 30)] = 60000
    image[100:110, 50:90] = np.nan
    assert estimate_camera(image).gain_electrons_per_adu == pytest.approx(clean, rel=0.1)


def test_frames_of_a_still_scene_are_compared_in_time_even_if_undersampled(cells):
    sharp = 1000 * cells * np.random.default_rng(2).random(cells.shape) ** 3
    frames = [
        photographed(sharp, 1, seed, gain_electrons_per_adu=0.5, offset_adu=100, read_noise_electrons=2)
        for seed in range(4)
    ]
    assert not estimate_camera(frames[0]).is_reliable
    together = estimate_camera(np.stack(frames), offset_adu=100)
    assert together.is_temporal
    assert together.is_reliable
    assert together.gain_electrons_per_adu == pytest.approx(0.5, rel=0.05)
    assert together.read_noise_electrons == pytest.approx(2, abs=0.4)


def test_moving_frames_are_not_compared_in_time(cells):
    frames = [
        photographed(np.roll(cells, 2 * step, axis=1), 300, step, offset_adu=100, read_noise_electrons=2)
        for step in range(3)
    ]
    found = estimate_camera(frames)
    assert not found.is_temporal
    assert found.gain_electrons_per_adu == pytest.approx(1, rel=0.08)


@pytest.mark.parametrize("sigma", [0.4, 0.7, 1.5])
def test_smoothed_noise_is_not_trusted(cells, sigma):
    image = gaussian_filter(
        photographed(cells, 300, offset_adu=100, read_noise_electrons=2, bits=None), sigma
    )
    found = estimate_camera(image)
    assert not found.is_reliable
    assert "not to be trusted" in found.words or "cannot be told" in found.words


def test_evenly_lit_noise_tells_no_gain():
    image = photographed(np.ones((128, 128)), 100, offset_adu=100, read_noise_electrons=2)
    found = estimate_camera(image)
    assert found.gain_electrons_per_adu is None
    assert found.read_noise_electrons is None
    assert not found.is_reliable
    assert found.noise_sd == pytest.approx(np.sqrt(104), rel=0.05)


def test_an_image_without_noise_says_so(cells):
    assert not estimate_camera(gaussian_filter(cells, 4) * 100).is_reliable
    assert "no noise" in estimate_camera(np.full((64, 64), 7, np.uint8)).words


def test_scaled_grey_levels_scale_the_gain(cells):
    image = photographed(cells, 300, offset_adu=100, read_noise_electrons=2, bits=None)
    gain = estimate_camera(image).gain_electrons_per_adu
    assert estimate_camera(image / 65535).gain_electrons_per_adu == pytest.approx(65535 * gain, rel=1e-3)


def test_the_estimate_is_json_and_leaves_the_image_alone(cells):
    image = photographed(cells, 300, offset_adu=100, read_noise_electrons=2)
    before = image.copy()
    values = json.loads(json.dumps(estimate_camera(image).to_dict()))
    assert values["gain_interval"][0] < values["gain_electrons_per_adu"] < values["gain_interval"][1]
    assert len(values["means"]) == len(values["variances"]) > 10
    np.testing.assert_array_equal(image, before)


def test_noise_sd_is_that_of_white_noise_on_structure(cells):
    noise = np.random.default_rng(0).normal(0, 3, cells.shape)
    assert noise_sd(200 * gaussian_filter(cells, 1) + noise) == pytest.approx(3, rel=0.02)


@pytest.mark.parametrize(
    ("planes", "words"),
    [
        (np.zeros((16, 16)), "at least 24 x 24"),
        ([], "No plane"),
        (np.full((64, 64), np.nan), "no finite value"),
        (np.zeros((64, 64), complex), "real numbers"),
    ],
)
def test_planes_that_cannot_be_used_are_refused(planes, words):
    with pytest.raises(InputError, match=words):
        estimate_camera(planes)


def test_impossible_known_numbers_are_refused(cells):
    with pytest.raises(InputError, match="read noise is -1"):
        estimate_camera(cells, read_noise_electrons=-1)
    with pytest.raises(InputError, match="offset is nan"):
        estimate_camera(cells, offset_adu=float("nan"))
