import io
import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, zoom

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.estimates.flaws import find_flaws


@pytest.fixture(scope="module")
def cells():
    rng = np.random.default_rng(5)
    plane = np.zeros((256, 256))
    plane[rng.integers(0, 256, 100), rng.integers(0, 256, 100)] = rng.uniform(0.2, 1, 100)
    plane = gaussian_filter(plane, 2.0) + 4 * gaussian_filter(plane, 8.0)
    return plane / np.percentile(plane, 99.9)


def noisy(plane, peak, seed=0, offset=100, read_noise=2):
    rng = np.random.default_rng(seed)
    return np.rint(rng.poisson(plane * peak) + read_noise * rng.standard_normal(plane.shape) + offset).clip(0)


def test_a_good_plane_has_no_flaw(cells):
    found = find_flaws(noisy(cells, 300).astype(np.uint16))
    assert (found.saturated_share, found.clipped_dark_share) == (0, 0)
    assert (found.is_constant, found.is_empty, found.is_undersampled) == (False, False, False)
    assert abs(found.noise_correlation) < 4 * found.noise_correlation_error
    assert found.jpeg_grid < 6
    assert 10 < found.signal_to_noise < 300


def test_saturation_is_found_below_the_largest_value_of_the_type(cells):
    image = np.minimum(noisy(cells, 5000), 4095).astype(np.uint16)
    found = find_flaws(image)
    assert found.saturation_level == 4095
    assert found.saturated_share == pytest.approx(np.mean(image == 4095))


def test_darkness_that_was_cut_off_is_found(cells):
    image = noisy(gaussian_filter(cells, 3), 300, offset=-60)
    found = find_flaws(image)
    assert found.dark_level == 0
    assert found.clipped_dark_share == pytest.approx(np.mean(image == 0))


def test_a_constant_plane_is_constant_and_empty():
    found = find_flaws(np.full((40, 40), 7, np.uint8))
    assert found.is_constant
    assert found.is_empty
    assert found.signal_to_noise is None


@pytest.mark.parametrize("side", [32, 200])
def test_planes_of_noise_and_shading_are_empty(side):
    shading = 1 + 0.2 * np.linspace(-1, 1, side) ** 2
    empty = [find_flaws(noisy(np.outer(shading, shading), 20, seed)).is_empty for seed in range(20)]
    assert sum(empty) >= 18


def test_one_weak_spot_is_not_empty():
    plane = np.full((200, 200), 2.0)
    plane[100, 100] = 10 * 2 * np.pi * 1.5**2
    found = [find_flaws(noisy(gaussian_filter(plane, 1.5), 1, seed, read_noise=1)) for seed in range(5)]
    assert not any(one.is_empty for one in found)


def test_an_image_without_noise_is_not_empty(cells):
    found = find_flaws(gaussian_filter(cells, 4))
    assert not found.is_empty
    assert found.noise_correlation is None


def test_points_finer_than_pixels_are_undersampled_and_blurred_ones_not():
    rng = np.random.default_rng(0)
    points = np.zeros((256, 256))
    points[rng.integers(0, 256, 300), rng.integers(0, 256, 300)] = 1
    sharp, blurred = (
        gaussian_filter(points, sigma) * 2 * np.pi * max(sigma, 0.4) ** 2 for sigma in (0.0, 1.2)
    )
    assert find_flaws(noisy(sharp, 500)).is_undersampled
    assert not find_flaws(noisy(blurred, 500)).is_undersampled


@pytest.mark.parametrize(
    "treat",
    [lambda y: gaussian_filter(y, 0.4), lambda y: gaussian_filter(y, 1.0), lambda y: zoom(y, 1.3, order=1)],
    ids=["little smoothed", "smoothed", "enlarged"],
)
def test_correlated_noise_is_found(cells, treat):
    found = find_flaws(treat(noisy(cells, 300)))
    assert found.noise_correlation > max(0.04, 4 * found.noise_correlation_error)


def test_jpeg_is_found_by_its_blocks(cells):
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(noisy(cells, 150, offset=20).clip(0, 255).astype(np.uint8)).save(
        stream, "jpeg", quality=80
    )
    assert find_flaws(np.asarray(Image.open(stream))).jpeg_grid > 6


def test_missing_pixels_and_hot_pixels_do_not_matter(cells):
    image = noisy(cells, 300)
    sound = find_flaws(image)
    image[50:60, 50:60] = np.nan
    image[5:200:40, 7:200:40] = 60000
    found = find_flaws(image)
    assert found.noise_sd == pytest.approx(sound.noise_sd, rel=0.1)
    assert found.saturated_share < 1e-3


def test_flaws_are_json(cells):
    values = json.loads(json.dumps(find_flaws(noisy(cells, 300)).to_dict()))
    assert values["is_empty"] is False


def test_a_tiny_plane_is_refused():
    with pytest.raises(InputError, match="at least 24 x 24"):
        find_flaws(np.zeros((10, 10)))
