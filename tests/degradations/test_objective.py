import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.degradations import psf
from napari_restoration.degradations.objective import (
    Objective,
    objective_psf,
    objective_psf_stack,
)
from napari_restoration.degradations.psf_stack import camera_pixels, gaussian_psf_stack
from napari_restoration.degradations.pupil import PupilGrid

NA, INDEX, WAVELENGTH = 1.2, 1.518, 0.52
PLAIN = Objective(na=NA, index=INDEX, wavelength_um=WAVELENGTH)


def aberrated(*waves, **changes):
    return Objective(**{"na": NA, "index": INDEX, "wavelength_um": WAVELENGTH, "waves": waves, **changes})


def kernels():
    yield "in focus", objective_psf(PLAIN, 0.1)
    yield "defocused, sampled", objective_psf(PLAIN, 0.1, 1.0, integrate=False)
    yield "coma", objective_psf(aberrated((8, 0.15)), 0.1)
    yield "apodised", objective_psf(aberrated(apodised=True), 0.1)
    yield "stack", objective_psf_stack(PLAIN, 0.1, 0.2, 4)
    yield "spherical stack", objective_psf_stack(aberrated((11, 0.1)), 0.1, 0.2, 4)
    yield "gaussian stack", gaussian_psf_stack(NA, INDEX, WAVELENGTH, 0.1, 0.2, 6, half_width_px=5)


@pytest.mark.parametrize(("name", "kernel"), list(kernels()))
def test_a_psf_has_unit_sum_odd_lengths_and_nothing_negative(name, kernel):
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    assert all(length % 2 for length in kernel.shape)


@pytest.mark.parametrize("waves", [(), ((11, 0.2),), ((8, 0.1), (6, 0.1))])
@pytest.mark.parametrize("apodised", [False, True])
def test_the_pupil_passes_the_same_light_at_every_defocus_whatever_its_errors(waves, apodised):
    grid = aberrated(*waves, apodised=apodised).grid(0.05, 2.0, 3.0)
    assert [grid.intensity(z).sum() for z in (-3.0, 0.0, 1.1)] == pytest.approx([1.0] * 3, rel=1e-12)


@pytest.mark.parametrize(
    ("na", "index", "pixel_um", "defocus_um", "error"),
    [(0.75, 1.0, 0.2, 0.0, 0.005), (1.2, 1.518, 0.1, 1.5, 0.02), (1.4, 1.518, 0.065, 0.5, 0.01)],
)
def test_a_psf_is_that_of_a_far_finer_pupil(na, index, pixel_um, defocus_um, error):
    kernel = objective_psf(Objective(na=na, index=index, wavelength_um=0.52), pixel_um, defocus_um)
    finer = psf.odd_oversampling(na, 0.52, pixel_um)
    fine = PupilGrid(na, index, 0.52, pixel_um / finer, 1800, soft_rim=True).intensity(defocus_um)
    expected = psf.normalised(camera_pixels(fine, kernel.shape[0] // 2, finer, True))
    assert np.abs(kernel - expected).max() < error * expected.max()
    assert np.abs(kernel - expected).sum() < 0.01


def test_above_and_below_focus_look_the_same_without_aberration():
    grid = PLAIN.grid(0.1, 3.0, 1.0)
    above, below = grid.intensity(0.7), grid.intensity(-0.7)
    assert np.abs(above - below).max() < 1e-12


def test_spherical_aberration_makes_above_and_below_focus_differ():
    stack = objective_psf_stack(aberrated((11, 0.15)), 0.1, 0.35, 2)
    assert np.abs(stack[0] - stack[-1]).max() > 0.1 * stack[0].max()


@pytest.mark.parametrize(("noll", "axis"), [(2, 1), (3, 0)])
def test_a_tilt_moves_the_psf_by_twice_its_waves_times_wavelength_over_na(noll, axis):
    step, waves = 0.02, 0.8
    kernel = objective_psf(aberrated((noll, waves)), step, half_width_px=60)
    straight = objective_psf(PLAIN, step, half_width_px=60)
    moved = [0.0, 0.0]
    moved[axis] = -2 * waves * WAVELENGTH / NA / step
    peak = np.subtract(ndimage.maximum_position(kernel), 60)
    np.testing.assert_allclose(peak, moved, atol=0.51)
    np.testing.assert_allclose(kernel, ndimage.shift(straight, moved), atol=0.02 * kernel.max())


@pytest.mark.parametrize("noll", [4, 5, 6, 7, 8, 11, 22])
@pytest.mark.parametrize("rms", [0.02, 0.05])
def test_the_strehl_ratio_falls_with_the_rms_wavefront_error(noll, rms):
    step = WAVELENGTH / (8 * NA)
    ratio = (
        aberrated((noll, rms)).grid(step, 3.0, 0.0).intensity()[0, 0]
        / PLAIN.grid(step, 3.0, 0.0).intensity()[0, 0]
    )
    assert ratio == pytest.approx(np.exp(-((2 * np.pi * rms) ** 2)), abs=0.005)


def test_coma_in_x_makes_a_tail_along_x_alone():
    kernel = objective_psf(aberrated((8, 0.2)), 0.05)
    assert np.abs(kernel - kernel[::-1]).max() < 1e-9
    assert np.abs(kernel - kernel[:, ::-1]).max() > 0.1 * kernel.max()


def test_astigmatism_turns_a_line_through_focus():
    stack = objective_psf_stack(aberrated((6, 0.15)), 0.05, 0.3, 1)
    at = np.arange(-6, 7)
    middle = stack.shape[1] // 2
    core = stack[:, middle - 6 : middle + 7, middle - 6 : middle + 7]
    along_y, along_x = (core.sum(axis=axis) @ at**2 for axis in (2, 1))
    assert (along_x[0] - along_y[0]) * (along_x[2] - along_y[2]) < 0


def test_aplanatic_weights_narrow_the_core_at_high_na():
    step = 0.01
    shares = []
    for apodised in (False, True):
        profile = objective_psf(aberrated(na=1.4, apodised=apodised), step, half_width_px=60)[60]
        shares.append(profile[60 + 10] / profile[60])
    assert shares[1] < 0.95 * shares[0]


def test_the_middle_plane_of_a_stack_is_the_psf_in_focus():
    stack = objective_psf_stack(PLAIN, 0.1, 0.2, 3)
    single = objective_psf(PLAIN, 0.1, half_width_px=stack.shape[1] // 2)
    np.testing.assert_allclose(psf.normalised(stack[3]), single, atol=2e-3 * single.max())


def test_planes_of_a_stack_have_falling_defocus():
    bent = aberrated((11, 0.1))
    stack = objective_psf_stack(bent, 0.1, 0.4, 1, half_width_px=20)
    first = objective_psf(bent, 0.1, 0.4, half_width_px=20)
    np.testing.assert_allclose(psf.normalised(stack[0]), first, atol=0.01 * first.max())


def test_every_plane_of_a_stack_has_the_same_light():
    stack = objective_psf_stack(PLAIN, 0.1, 0.2, 5, half_width_px=60)
    light = stack.sum(axis=(1, 2))
    assert light.min() > 0.97 * light.max()


def test_a_gaussian_stack_has_the_widths_of_the_formulas():
    stack = gaussian_psf_stack(0.5, 1.0, 0.6, 0.05, 0.2, 60, half_width_px=30, integrate=False)
    planes = (np.arange(121) - 60) * 0.2
    across = (np.arange(61) - 30) * 0.05
    assert np.sqrt(stack.sum(axis=(1, 2)) @ planes**2) == pytest.approx(0.7797 * 0.6 / 0.25, rel=1e-3)
    assert np.sqrt(stack.sum(axis=(0, 1)) @ across**2) == pytest.approx(0.21 * 0.6 / 0.5, rel=1e-3)


def test_a_stack_that_would_not_fit_into_memory_is_refused():
    with pytest.raises(InputError, match="half depth"):
        objective_psf_stack(PLAIN, 0.1, 0.01, 5000, half_width_px=100)


def test_a_grid_that_would_not_fit_into_memory_is_refused():
    with pytest.raises(InputError, match="smaller defocus"):
        objective_psf(PLAIN, 0.05, 100.0)
