"""The small pictures of a forward model: its blur has the width, and its noise the strength, that the steps say."""

import numpy as np
import pytest

from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.motion import MotionBlur
from napari_restoration.degradations.noise import Camera, GaussianNoise
from napari_restoration.degradations.optics import GaussianBlur, OpticalBlur
from napari_restoration.degradations.sampling import Binning, Exposure, ToPhotons
from napari_restoration.degradations.storage import JpegCompression
from napari_restoration.tasks.model_picture import picture_of
from napari_restoration.tasks.presets import find_preset, list_presets

PHOTONS = ToPhotons(peak_photons=400.0)
CAMERA = Camera(read_noise_electrons=3.0, gain_electrons_per_adu=0.5, offset_adu=100.0)


def picture(*steps, **options):
    return picture_of(ForwardModel(steps), **options)


def variances(psf):
    at = np.indices(psf.shape) - np.array(psf.shape)[:, None, None] // 2
    return (psf * at**2).sum(axis=(1, 2))


def test_a_model_without_blur_has_no_psf():
    assert picture(PHOTONS, CAMERA).psf is None


def test_blurs_add_up_in_variance():
    assert variances(picture(GaussianBlur(sigma_px=2.0)).psf) == pytest.approx([4.0, 4.0], rel=0.15)
    both = picture(GaussianBlur(sigma_px=2.0), MotionBlur(path="linear", length_px=12.0, angle_rad=0.0))
    down, right = variances(both.psf)
    # A straight path of length L has the variance L^2 / 12; the picture leaves out the outermost 2 % of the light.
    assert down == pytest.approx(4.0, rel=0.15)
    assert right == pytest.approx(16.0, rel=0.15)


@pytest.mark.parametrize(
    "steps",
    [
        (GaussianBlur(sigma_px=1.0),),
        (OpticalBlur(na=0.8, pixel_size_um=0.1, defocus_um=2.0),),
        (OpticalBlur(na=0.8, pixel_size_um=0.1, z_step_um=0.3),),
        (MotionBlur(length_px=9.0, frames=5, registered=True),),
        (MotionBlur(path="linear", length_px=30.0, angle_rad=0.3), GaussianBlur(sigma_px=0.0)),
    ],
)
def test_a_psf_is_a_small_square_with_a_middle_and_nearly_all_the_light(steps):
    psf = picture(*steps, pixel_size_um=0.1).psf
    assert psf.shape[0] == psf.shape[1]
    assert psf.shape[0] % 2 == 1
    assert 0.97 <= psf.sum() <= 1.0 + 1e-9
    assert psf.min() >= 0


def test_noise_is_that_of_photons_and_reading():
    seen = picture(PHOTONS, Exposure(background_photons=20.0), CAMERA)
    photons = np.linspace(0, 400, len(seen.levels)) + 20
    np.testing.assert_allclose(seen.levels, photons / 0.5 + 100, rtol=1e-5)
    np.testing.assert_allclose(seen.noise, np.sqrt(photons + 9) / 0.5, rtol=0.06)


def test_noise_is_that_of_the_binned_pixel():
    seen = picture(PHOTONS, Binning(factor=3), Camera())
    np.testing.assert_allclose(seen.levels, np.linspace(0, 400 * 9, len(seen.levels)), rtol=1e-5)
    np.testing.assert_allclose(seen.noise[1:], np.sqrt(seen.levels[1:]), rtol=0.06)


def test_grey_noise_is_a_share_of_the_peak_and_the_same_everywhere():
    seen = picture(GaussianNoise(sigma_of_peak=0.1))
    np.testing.assert_allclose(seen.noise, 0.1 * seen.levels.max(), rtol=0.06)


def test_saturation_and_compression_are_seen():
    clipped = picture(PHOTONS, Camera(gain_electrons_per_adu=1.0, bits=8))
    assert clipped.noise[-1] == 0
    assert clipped.noise[4] > 5
    compressed = picture(PHOTONS, Camera(bits=10), JpegCompression(quality=20, full_scale=1023.0))
    assert compressed.noise[6] < 0.9 * picture(PHOTONS, Camera(bits=10)).noise[6]


@pytest.mark.parametrize("name", [preset.id for preset in list_presets()])
def test_every_shipped_preset_has_a_picture_that_stays_the_same(name):
    model = find_preset(name).forward_model().calibrated(0.1)
    first, second = picture_of(model, 0.1), picture_of(model, 0.1)
    assert first.psf is not None
    assert first.psf_pixel_um == 0.1
    assert (np.diff(first.levels) > 0).all()
    assert first.noise.min() >= 0  # in the dark, 8 bits can be too coarse to show any
    assert first.noise[-1] > 0
    np.testing.assert_array_equal(first.psf, second.psf)
    np.testing.assert_array_equal(first.noise, second.noise)
