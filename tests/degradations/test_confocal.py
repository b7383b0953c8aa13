import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.confocal import Scanner, scanned_psf, scanned_psf_stack
from napari_restoration.degradations.confocal_blur import ConfocalBlur
from napari_restoration.degradations.objective import Objective, objective_psf, objective_psf_stack
from napari_restoration.degradations.psf import normalised

LASER = Objective(na=1.3, index=1.518, wavelength_um=0.488)
LIGHT = Objective(na=1.3, index=1.518, wavelength_um=0.525)
PIXEL = 0.03


def confocal(pinhole_au):
    return Scanner(excitation=LASER, emission=LIGHT, pinhole_au=pinhole_au)


def sampled(objective, half=25, defocus_um=0.0):
    return objective_psf(objective, PIXEL, defocus_um, half_width_px=half, integrate=False)


@pytest.mark.parametrize("defocus_um", [0.0, 0.4])
def test_a_point_pinhole_gives_the_product_of_both_psfs(defocus_um):
    expected = normalised(sampled(LASER, defocus_um=defocus_um) * sampled(LIGHT, defocus_um=defocus_um))
    found = scanned_psf(confocal(0.0), PIXEL, defocus_um, half_width_px=25, integrate=False)
    # The two are drawn on pupils of different fineness.
    np.testing.assert_allclose(found, expected, atol=0.01 * expected.max())


@pytest.mark.parametrize("pinhole_au", [0.05, 0.0])
def test_a_tiny_pinhole_is_a_point(pinhole_au):
    point = scanned_psf(confocal(0.0), PIXEL, half_width_px=25)
    np.testing.assert_allclose(
        scanned_psf(confocal(pinhole_au), PIXEL, half_width_px=25), point, atol=2e-3 * point.max()
    )


def test_a_large_pinhole_gives_the_excitation_psf():
    expected = sampled(LASER, 15)
    found = scanned_psf(confocal(20.0), PIXEL, half_width_px=15, integrate=False)
    np.testing.assert_allclose(found, expected, atol=0.015 * expected.max())


def test_a_pinhole_of_one_airy_unit_ends_at_the_first_dark_ring():
    # A confocal PSF at [0, 0] is the laser's peak times the emission inside the pinhole: 83.8 % of it for 1 AU.
    def kept(pinhole_au):
        stack = scanned_psf_stack(confocal(pinhole_au), PIXEL, 1.0, 0, half_width_px=40, integrate=False)
        laser = sampled(LASER, 40)
        return (stack[0] / laser)[40, 40] / (stack[0] / laser)[36:45, 36:45].mean()

    assert kept(0.0) > kept(1.0) > kept(4.0) > 0.999


def test_two_photons_give_the_square_of_the_excitation_psf():
    infrared = Objective(na=1.0, index=1.33, wavelength_um=0.9)
    expected = normalised(sampled(infrared, 30) ** 2)
    found = scanned_psf(Scanner(excitation=infrared, photons=2), PIXEL, half_width_px=30, integrate=False)
    np.testing.assert_allclose(found, expected, atol=0.005 * expected.max())


def test_the_smaller_the_pinhole_the_thinner_the_optical_section():
    shares = []
    for pinhole_au in (0.25, 1.0, 4.0):
        light = scanned_psf_stack(confocal(pinhole_au), 0.06, 0.2, 8).sum(axis=(1, 2))
        shares.append(light[8] / light.sum())
    assert shares == sorted(shares, reverse=True)
    # Without a pinhole, every plane of a widefield stack holds the same light.
    wide = objective_psf_stack(LIGHT, 0.06, 0.2, 8).sum(axis=(1, 2))
    assert shares[-1] > 1.5 * wide[8] / wide.sum()


def test_a_stack_is_even_about_focus():
    stack = scanned_psf_stack(confocal(1.0), 0.08, 0.2, 4)
    np.testing.assert_allclose(stack, stack[::-1], atol=1e-12)


@pytest.mark.parametrize("changes", [{}, {"mode": "two_photon", "excitation_um": 0.9}, {"pinhole_au": 0.0}])
@pytest.mark.parametrize("z_step_um", [None, 0.3])
def test_the_steps_kernel_has_unit_sum_and_the_reach_it_tells(changes, z_step_um):
    step = ConfocalBlur(z_step_um=z_step_um, **changes)
    kernel = step.kernel()
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    assert tuple(length // 2 for length in kernel.shape) == step.reach_px()
    np.testing.assert_allclose(ndimage.center_of_mass(kernel), step.reach_px(), atol=1e-6)


def test_the_step_is_sharper_than_a_widefield_blur():
    step = ConfocalBlur(pinhole_au=0.5)
    assert step.kernel().max() > 1.2 * objective_psf(LIGHT, step.pixel_size_um).max()


def test_wavelengths_that_do_not_fit_the_microscope_are_refused():
    with pytest.raises(InputError, match="exchange them"):
        ConfocalBlur(excitation_um=0.6, wavelength_um=0.5)
    with pytest.raises(InputError, match="two photons"):
        ConfocalBlur(mode="two_photon", excitation_um=0.488)
