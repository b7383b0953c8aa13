import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.io.jpeg import decode_jpeg, encode_jpeg
from napari_restoration.degradations.storage import JpegCompression

RNG = np.random.default_rng(0)


def texture(seed=0, shape=(96, 120)):
    """Whole grey levels 0..255 with detail of a few pixels."""
    smooth = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.5)
    return np.rint((smooth - smooth.min()) / np.ptp(smooth) * 255).astype(np.float32)


def rms(first, second):
    return float(np.sqrt(np.mean((np.asarray(first, float) - second) ** 2)))


def step_at_block_borders(image):
    """Mean difference of neighbours across the 8 x 8 grid, over that within the blocks."""
    difference = np.abs(np.diff(image, axis=1)).mean(axis=0)
    border = np.arange(1, image.shape[1]) % 8 == 0
    return difference[border].mean() / difference[~border].mean()


def test_the_best_quality_keeps_the_grey_levels_within_a_few():
    image = texture()
    assert np.abs(JpegCompression(quality=100)(image, RNG) - image).max() <= 3


def test_a_lower_quality_has_a_larger_error():
    image = texture()
    errors = [rms(JpegCompression(quality=quality)(image, RNG), image) for quality in (100, 95, 75, 30, 5)]
    assert errors == sorted(errors)
    assert errors[-1] > 4 * errors[1] > 0


def test_the_blocks_of_a_low_quality_show():
    image = ndimage.gaussian_filter(texture(shape=(160, 160)), 2.0)
    assert step_at_block_borders(image) == pytest.approx(1.0, abs=0.15)
    assert step_at_block_borders(JpegCompression(quality=10, full_scale=255.0)(image, RNG)) > 2.0


def test_the_draw_does_not_matter():
    image = texture()
    first, second = (JpegCompression()(image, np.random.default_rng(seed)) for seed in (1, 2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("value", [0.0, 1.0, 100.0, 200.0, 255.0, 0.37, 4321.5])
@pytest.mark.parametrize("quality", [75, 90, 100])
def test_a_constant_stays_what_it_is(value, quality):
    image = np.full((20, 21), value)
    np.testing.assert_allclose(JpegCompression(quality=quality)(image, RNG), image, rtol=1e-12)


@pytest.mark.parametrize("quality", [1, 10, 30])
def test_a_constant_stays_even_at_a_low_quality(quality):
    stored = JpegCompression(quality=quality)(np.full((24, 24), 101.0), RNG)
    assert np.ptp(stored) == 0
    # An eighth of half the step of a block's mean, which is 16 at quality 50 and at most 255.
    assert abs(stored[0, 0] - 101.0) <= min(5000 / quality * 16 / 100, 255) / 16 + 1


def test_photons_are_scaled_to_eight_bits_and_back():
    photons = texture() * 37.3
    stored = JpegCompression(quality=100)(photons, RNG)
    assert rms(stored, photons) < 37.3
    assert stored.dtype == np.float32


def test_a_given_white_cuts_off_what_is_brighter():
    image = np.tile(np.array([50.0, 500.0, 2000.0]).repeat(8), (8, 1))
    stored = JpegCompression(quality=100, full_scale=1000.0)(image, RNG)
    np.testing.assert_allclose(stored[:, [0, 8, 16]], np.tile([50.0, 500.0, 1000.0], (8, 1)), atol=8.0)


def test_a_given_white_makes_a_patch_like_the_whole_image():
    image = texture() * 3.7
    step = JpegCompression(quality=60, full_scale=900.0)
    np.testing.assert_array_equal(step(image, RNG)[:48, :64], step(image[:48, :64], RNG))


def test_planes_are_compressed_one_by_one():
    stack = np.stack([texture(0), texture(1)])[None]
    stored = JpegCompression(quality=40)(stack, RNG)
    assert stored.shape == stack.shape
    np.testing.assert_array_equal(stored[0, 1], JpegCompression(quality=40)(stack[0, 1], RNG))


def test_negative_values_are_cut_off():
    assert JpegCompression()(np.full((8, 8), -3.0), RNG).max() == 0


def test_expectation_and_target_are_without_the_loss():
    image = texture()
    np.testing.assert_array_equal(JpegCompression(quality=5).expectation(image), image)
    np.testing.assert_array_equal(JpegCompression(quality=5).target(image), image)


def test_a_pixel_that_is_not_finite_is_refused():
    image = texture()
    image[2, 3] = np.nan
    with pytest.raises(InputError, match="1 of 11520 pixels are not finite"):
        JpegCompression()(image, RNG)


@pytest.mark.parametrize("quality", [0, 101, 50.5])
def test_a_quality_that_is_none_is_refused(quality):
    with pytest.raises(InputError, match="JPEG quality is"):
        JpegCompression(quality=quality)


def test_a_plane_too_long_for_the_format_is_refused():
    with pytest.raises(InputError, match="does not fit in a JPEG"):
        JpegCompression()(np.zeros((1, 70_000)), RNG)


def test_the_bytes_are_a_jpeg_file_and_fewer_at_a_lower_quality():
    plane = texture().astype(np.uint8)
    good, poor = encode_jpeg(plane, 95), encode_jpeg(plane, 30)
    assert good[:3] == b"\xff\xd8\xff"
    assert len(poor) < len(good)
    assert decode_jpeg(good).shape == plane.shape


@pytest.mark.parametrize("plane", [np.zeros((4, 4)), np.zeros((4, 4, 3), np.uint8)])
def test_only_8_bit_planes_become_a_jpeg(plane):
    with pytest.raises(InputError, match="one 8-bit plane"):
        encode_jpeg(plane, 90)
