import dataclasses
import time

import numpy as np
import pytest
from scipy import fft, special

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import quantities
from napari_restoration.degradations import psf
from napari_restoration.degradations.confocal_blur import ConfocalBlur
from napari_restoration.degradations.gibson_lanni_blur import GibsonLanniBlur
from napari_restoration.degradations.measured_blur import MeasuredBlur
from napari_restoration.degradations.optics import GaussianBlur, OpticalBlur

STEPS = [
    GaussianBlur(sigma_px=1.5),
    GaussianBlur(sigma_px=1.5, sigma_z_px=1.0),
    *(OpticalBlur(model=model) for model in ("gaussian", "airy", "debye", "disc", "sim")),
    *(OpticalBlur(model=model, defocus_um=3.0) for model in ("gaussian", "debye", "disc")),
    *(OpticalBlur(model=model, na=1.2, index=1.33, z_step_um=0.4) for model in ("gaussian", "debye", "disc")),
    OpticalBlur(na=1.2, index=1.518, coma_waves=0.1, spherical_waves=0.05, apodised=True),
    OpticalBlur(
        na=1.2, index=1.518, pixel_size_um=0.1, astigmatism_waves=0.1, z_step_um=0.3, half_depth_um=0.9
    ),
    GibsonLanniBlur(),
    GibsonLanniBlur(z_step_um=0.4, half_depth_um=1.0),
    ConfocalBlur(),
    ConfocalBlur(z_step_um=0.3),
]


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_every_kernel_has_unit_sum_nothing_negative_and_the_reach_that_is_told_before(step):
    kernel = step.kernel()
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    assert tuple(2 * reach + 1 for reach in step.reach_px()) == kernel.shape


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_every_step_comes_back_from_its_record(step):
    assert type(step).from_dict(step.to_dict()) == step


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_a_constant_image_stays_constant(step):
    image = np.full((6, 40, 42), 7.0)
    np.testing.assert_allclose(step.expectation(image), image, rtol=1e-6)


@pytest.mark.parametrize("step", STEPS, ids=repr)
def test_a_point_keeps_its_light(step):
    image = np.zeros((7, 61, 61))
    image[3, 30, 30] = 1000.0
    blurred = type(step).from_dict({**step.to_dict(), "boundary": "circular"}).expectation(image)
    assert blurred.sum() == pytest.approx(1000.0, rel=1e-9)
    assert blurred.max() < 1000.0


@pytest.mark.parametrize("kind", [OpticalBlur, GibsonLanniBlur, ConfocalBlur, MeasuredBlur, GaussianBlur])
def test_every_field_of_a_step_tells_its_meaning(kind):
    meanings = quantities(kind)
    assert {field.name for field in dataclasses.fields(kind)} - set(meanings) <= {"sha256"}
    assert all(meaning.help.endswith(".") for meaning in meanings.values())
    assert kind.title


@pytest.mark.parametrize("model", ["gaussian", "debye", "disc"])
def test_defocus_lowers_the_peak(model):
    peaks = [OpticalBlur(model=model, defocus_um=z).kernel().max() for z in (0.0, 2.0, 4.0, 8.0)]
    assert peaks == sorted(peaks, reverse=True)
    assert peaks[0] > 5 * peaks[-1]


def test_the_gaussian_stand_in_is_as_wide_as_the_disc():
    widths = []
    for model in ("gaussian", "disc"):
        kernel = OpticalBlur(model=model, defocus_um=10.0, integrate=False).kernel()
        at = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
        widths.append(kernel.sum(axis=0) @ at**2)
    assert widths[0] == pytest.approx(widths[1], rel=0.03)


def test_a_small_aberration_changes_the_kernel_little():
    plain = OpticalBlur(na=1.2, index=1.518, pixel_size_um=0.1, defocus_um=0.7)
    nearly = OpticalBlur(na=1.2, index=1.518, pixel_size_um=0.1, defocus_um=0.7, spherical_waves=1e-4)
    assert np.abs(plain.kernel() - nearly.kernel()).sum() < 2e-3


def test_spherical_aberration_tells_above_from_below_focus():
    above, below = (OpticalBlur(spherical_waves=0.1, defocus_um=z).kernel() for z in (2.0, -2.0))
    assert np.abs(above - below).max() > 0.1 * above.max()


@pytest.mark.parametrize("model", ["debye", "disc"])
def test_a_point_in_a_volume_is_blurred_into_neighbouring_planes_with_the_same_light_in_each(model):
    image = np.zeros((9, 121, 121))
    image[4, 60, 60] = 1.0
    step = OpticalBlur(model=model, na=0.9, z_step_um=0.5, half_depth_um=1.5, boundary="circular")
    light = step.expectation(image).sum(axis=(1, 2))
    assert light[[0, 8]] == pytest.approx([0.0, 0.0], abs=1e-12)
    np.testing.assert_allclose(light[1:8], 1 / 7, rtol=0.05)


def test_a_volume_is_needed_for_a_z_step():
    for step in (OpticalBlur(z_step_um=1.0), GaussianBlur(sigma_z_px=1.0)):
        with pytest.raises(InputError, match="no Z axis"):
            step.expectation(np.ones((32, 32)))


def test_planes_are_blurred_one_by_one_without_a_z_step():
    volume = np.random.default_rng(0).random((3, 32, 32))
    step = OpticalBlur()
    np.testing.assert_allclose(step.expectation(volume)[1], step.expectation(volume[1]), rtol=1e-12)


def test_structured_illumination_has_the_widefield_otf_at_half_the_frequency():
    step = 0.02
    na, wavelength, size = 1.2, 0.52, 1201
    kernel = psf.sim_psf(na, wavelength, step, half_width_px=size // 2, integrate=False)
    otf = np.abs(fft.fft2(kernel))[0, : size // 2]
    relative = fft.fftfreq(size, step)[: size // 2] * wavelength / (4 * na)
    inside = np.clip(relative, 0, 1)
    expected = 2 / np.pi * (np.arccos(inside) - inside * np.sqrt(1 - inside**2))
    assert np.abs(otf - expected).max() < 0.01
    assert otf[relative > 1.02].max() < 2e-3


def test_structured_illumination_shows_the_first_dark_ring_at_half_the_radius():
    kernel = psf.sim_psf(1.2, 0.52, 0.005, half_width_px=60, integrate=False)
    profile = kernel[60, 60:]
    first = np.flatnonzero((profile[1:-1] < profile[:-2]) & (profile[1:-1] < profile[2:]))[0] + 1
    assert abs(first * 0.005 - special.jn_zeros(1, 1)[0] / (2 * np.pi) * 0.52 / 2.4) <= 0.005


def test_no_blur_leaves_the_image_alone():
    image = np.random.default_rng(0).random((9, 9))
    assert GaussianBlur(sigma_px=0.0).expectation(image) is image


def test_a_gaussian_along_z_alone_leaves_planes_sharp():
    image = np.zeros((9, 5, 5))
    image[4, 2, 2] = 1.0
    blurred = GaussianBlur(sigma_px=0.0, sigma_z_px=1.0).expectation(image)
    assert blurred[:, 2, 2].sum() == pytest.approx(1.0, abs=1e-3)
    assert blurred[3, 2, 2] == pytest.approx(blurred[4, 2, 2] * np.exp(-0.5))


def test_a_kernel_is_remembered_and_cannot_be_changed():
    step = OpticalBlur(na=1.1, index=1.33)
    assert step.kernel() is OpticalBlur(na=1.1, index=1.33).kernel()
    with pytest.raises(ValueError, match="read-only"):
        step.kernel()[0, 0] = 1.0


def test_a_kernel_of_usual_optics_comes_at_once():
    start = time.perf_counter()
    OpticalBlur(na=1.21, index=1.518, pixel_size_um=0.1, spherical_waves=0.051).kernel()
    # 5 ms on an idle core; the rest is for a busy machine.
    assert time.perf_counter() - start < 0.5


def test_an_unknown_psf_is_refused():
    with pytest.raises(
        InputError, match=r"PSF is 'bessel', but must be one of 'debye', 'gaussian', 'airy', 'disc'"
    ):
        OpticalBlur(model="bessel")


@pytest.mark.parametrize("model", ["airy", "sim"])
def test_a_pattern_in_focus_cannot_be_defocused(model):
    with pytest.raises(InputError, match="in focus"):
        OpticalBlur(model=model, defocus_um=1.0)
    with pytest.raises(InputError, match="in focus"):
        OpticalBlur(model=model, z_step_um=1.0)


@pytest.mark.parametrize("kind", [OpticalBlur, GibsonLanniBlur, ConfocalBlur, MeasuredBlur])
def test_a_volume_cannot_be_defocused(kind):
    with pytest.raises(InputError, match="leave the z step out"):
        kind(z_step_um=0.3, defocus_um=1.0)


@pytest.mark.parametrize("kind", [OpticalBlur, GibsonLanniBlur, ConfocalBlur])
def test_a_wavelength_in_nanometres_is_refused(kind):
    with pytest.raises(InputError, match=r"520 nm are 0\.52 um"):
        kind(wavelength_um=520.0)


@pytest.mark.parametrize("kind", [OpticalBlur, GibsonLanniBlur, ConfocalBlur])
def test_an_na_above_the_index_is_refused(kind):
    with pytest.raises(
        InputError, match=r"The NA is 1\.4, but must be below the refractive index, which is 1\.33"
    ):
        kind(na=1.4, index=1.33)


def test_aberrations_need_the_pupil():
    with pytest.raises(InputError, match="need the PSF 'debye', but it is 'gaussian'"):
        OpticalBlur(model="gaussian", coma_waves=0.1)


def test_a_psf_far_wider_than_any_image_is_refused_before_it_is_computed():
    start = time.perf_counter()
    with pytest.raises(InputError, match="at most 500 can be computed"):
        OpticalBlur(defocus_um=5000.0).kernel()
    assert time.perf_counter() - start < 1.0
