import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft, ndimage, special

from napari_restoration.degradations import psf
from napari_restoration.degradations.pupil import pupil_intensity

NA, INDEX, WAVELENGTH = 1.2, 1.518, 0.52


def all_psfs():
    yield "gaussian", psf.gaussian_psf(1.7)
    yield "gaussian, sampled", psf.gaussian_psf((0.8, 2.4), integrate=False)
    yield "gaussian, 3D", psf.gaussian_psf((2.0, 1.0, 1.0))
    yield "gaussian, none", psf.gaussian_psf(0.0)
    yield "airy", psf.airy_psf(NA, WAVELENGTH, 0.065)
    yield "airy, sampled", psf.airy_psf(NA, WAVELENGTH, 0.03, integrate=False)
    yield "sim", psf.sim_psf(NA, WAVELENGTH, 0.05)
    yield "debye, in focus", psf.debye_psf(NA, INDEX, WAVELENGTH, 0.1)
    yield "debye, defocused", psf.debye_psf(NA, INDEX, WAVELENGTH, 0.1, 1.5)
    yield "debye, sampled", psf.debye_psf(0.5, 1.0, 0.6, 0.3, 8.0, integrate=False)
    yield "disc", psf.defocus_disc_psf(5.3)
    yield "disc, none", psf.defocus_disc_psf(0.0)
    yield "disc, softened", psf.defocus_disc_psf(4.0, sigma_px=1.2)


@pytest.mark.parametrize(("name", "kernel"), list(all_psfs()))
def test_a_psf_has_unit_sum_odd_lengths_and_nothing_negative(name, kernel):
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    assert all(length % 2 for length in kernel.shape)


@pytest.mark.parametrize(("name", "kernel"), list(all_psfs()))
def test_a_psf_is_centred_on_its_middle_element(name, kernel):
    middle = [(length - 1) / 2 for length in kernel.shape]
    np.testing.assert_allclose(ndimage.center_of_mass(kernel), middle, atol=1e-9)


@pytest.mark.parametrize("kernel", [psf.gaussian_psf(0.0), psf.defocus_disc_psf(0.0)])
def test_no_blur_is_a_delta(kernel):
    assert kernel[tuple(length // 2 for length in kernel.shape)] == pytest.approx(1.0, abs=1e-12)


@settings(max_examples=15, deadline=None)
@given(first=st.floats(1.0, 3.0), second=st.floats(1.0, 3.0))
def test_gaussians_compose_and_their_variances_add(first, second):
    both = psf.gaussian_psf(np.hypot(first, second), 40, integrate=False)
    composed = fft.fftshift(
        fft.ifft2(
            fft.fft2(fft.ifftshift(psf.gaussian_psf(first, 40, integrate=False)))
            * fft.fft2(fft.ifftshift(psf.gaussian_psf(second, 40, integrate=False)))
        ).real
    )
    # Sampling at pixel centres aliases a little for the narrowest.
    np.testing.assert_allclose(composed, both, atol=5e-4 * both.max())


def test_integration_over_the_pixel_adds_its_variance():
    at = np.arange(-30, 31)
    profile = psf.gaussian_psf(3.0, 30).sum(axis=0)
    assert profile @ at**2 == pytest.approx(9.0 + 1.0 / 12.0, rel=1e-6)


def test_the_first_dark_ring_of_an_airy_pattern_lies_at_0_61_wavelengths_over_na():
    step = 0.005
    kernel = psf.airy_psf(NA, WAVELENGTH, step, half_width_px=120, integrate=False)
    profile = kernel[120, 120:]
    first_minimum = np.flatnonzero((profile[1:-1] < profile[:-2]) & (profile[1:-1] < profile[2:]))[0] + 1
    assert abs(first_minimum * step - 0.6098 * WAVELENGTH / NA) <= step


def test_an_airy_pattern_has_the_width_and_energy_of_the_textbook():
    step = 0.004
    kernel = psf.airy_psf(NA, WAVELENGTH, step, half_width_px=1500, integrate=False)
    profile = kernel[1500, 1500:] / kernel.max()
    half = np.interp(-0.5, -profile[:100], np.arange(100)) * step
    assert 2 * half == pytest.approx(0.5145 * WAVELENGTH / NA, rel=2e-3)
    radius = np.hypot(*np.meshgrid(*[np.arange(-1500, 1501) * step] * 2))
    # The window ends at 14 radii, beyond which 2 / (pi v) of the light remains.
    missing = 2.0 / (np.pi * 2.0 * np.pi * NA * 1500 * step / WAVELENGTH)
    inside = kernel[radius <= 0.6098 * WAVELENGTH / NA].sum() * (1 - missing)
    assert inside == pytest.approx(0.838, abs=3e-3)


def test_the_pupil_in_focus_gives_an_airy_pattern():
    step = WAVELENGTH / (8 * NA)
    intensity = pupil_intensity(NA, INDEX, WAVELENGTH, step, 512)
    at = np.arange(1, 40) * step
    phase = 2 * np.pi * NA * at / WAVELENGTH
    expected = (2 * special.j1(phase) / phase) ** 2
    assert np.abs(intensity[0, 1:40] / intensity[0, 0] - expected).max() < 1e-3


def test_the_otf_in_focus_follows_the_closed_form_and_ends_at_the_cutoff():
    size, step = 2048, WAVELENGTH / (5 * NA)
    otf = fft.fft2(pupil_intensity(NA, INDEX, WAVELENGTH, step, size))
    otf = otf / otf[0, 0]
    relative = fft.fftfreq(size, step) * WAVELENGTH / (2 * NA)
    beyond = np.hypot(relative[:, None], relative[None, :]) > 1 + 1e-9
    assert np.abs(otf[beyond]).max() < 1e-12
    assert np.abs(otf.imag).max() < 1e-12
    along = np.abs(relative[0 : size // 2])
    inside = np.clip(along, 0, 1)
    expected = 2 / np.pi * (np.arccos(inside) - inside * np.sqrt(1 - inside**2))
    assert np.abs(otf.real[0, : size // 2] - expected).max() < 1e-3


@pytest.mark.parametrize("defocus_um", [-3.0, 0.4, 2.0])
def test_the_pupil_passes_the_same_light_at_every_defocus(defocus_um):
    step = WAVELENGTH / (4 * NA)
    in_focus = pupil_intensity(NA, INDEX, WAVELENGTH, step, 256).sum()
    assert pupil_intensity(NA, INDEX, WAVELENGTH, step, 256, defocus_um).sum() == pytest.approx(
        in_focus, rel=1e-12
    )


def test_defocus_above_and_below_look_the_same_without_aberration():
    step = WAVELENGTH / (4 * NA)
    above, below = (pupil_intensity(NA, INDEX, WAVELENGTH, step, 256, z) for z in (0.8, -0.8))
    assert np.abs(above - below).max() < 1e-12


def test_spherical_aberration_makes_above_and_below_differ():
    size, step = 256, WAVELENGTH / (4 * NA)
    frequency = fft.fftfreq(size, step) * WAVELENGTH / NA
    rho = np.hypot(frequency[:, None], frequency[None, :])
    spherical = np.sqrt(5) * (6 * rho**4 - 6 * rho**2 + 1)
    above, below = (pupil_intensity(NA, INDEX, WAVELENGTH, step, size, z, spherical) for z in (0.8, -0.8))
    assert np.abs(above - below).max() > 0.1 * above.max()


def test_the_first_axial_zero_lies_at_two_n_wavelengths_over_na_squared():
    na, index, wavelength = 0.3, 1.0, 0.5
    expected = 2 * index * wavelength / na**2
    heights = np.linspace(0.9, 1.1, 81) * expected
    step = wavelength / (4 * na)
    on_axis = [pupil_intensity(na, index, wavelength, step, 512, z)[0, 0] for z in heights]
    assert heights[int(np.argmin(on_axis))] == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    ("defocus_um", "low", "high"), [(5.0, 0.85, 0.95), (10.0, 0.85, 0.95), (40.0, 0.95, 0.99)]
)
def test_the_geometric_disc_holds_most_of_a_strongly_defocused_pattern(defocus_um, low, high):
    na, step = 0.5, 0.5
    # The share outside is light diffracted at the rim: it falls as the disc grows.
    radius = psf.defocus_radius_um(na, 1.0, defocus_um)
    kernel = psf.debye_psf(na, 1.0, 0.5, step, defocus_um)
    half = kernel.shape[0] // 2
    distance = np.hypot(*np.meshgrid(*[np.arange(-half, half + 1) * step] * 2))
    assert low <= kernel[distance <= radius].sum() <= high


def test_a_disc_has_the_variance_of_a_uniform_disc():
    kernel = psf.defocus_disc_psf(12.0)
    at = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    assert kernel.sum(axis=0) @ at**2 == pytest.approx(12.0**2 / 4, rel=0.02)


def test_the_gaussian_fits_the_airy_pattern():
    step = 0.02
    airy = psf.airy_psf(NA, WAVELENGTH, step, half_width_px=25, integrate=False)
    gaussian = psf.gaussian_psf(psf.gaussian_sigma_um(NA, WAVELENGTH) / step, 25, integrate=False)
    assert np.abs(airy / airy.max() - gaussian / gaussian.max()).max() < 0.06


def test_an_na_above_the_index_is_refused():
    with pytest.raises(ValueError, match="must be below the refractive index"):
        psf.debye_psf(1.4, 1.33, WAVELENGTH, 0.1)


def test_a_wavelength_in_nanometres_is_refused():
    with pytest.raises(ValueError, match="wavelength in um is 520"):
        psf.debye_psf(1.2, 1.518, 520, 0.1)


def test_a_coarse_pupil_grid_is_refused():
    with pytest.raises(ValueError, match="too coarse"):
        pupil_intensity(NA, INDEX, WAVELENGTH, 0.3, 64)
