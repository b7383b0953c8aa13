import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import write_image
from napari_restoration.degradations.beads import find_beads
from napari_restoration.degradations.measured import measured_psf
from napari_restoration.degradations.measured_blur import MeasuredBlur
from napari_restoration.degradations.objective import Objective, objective_psf_stack
from napari_restoration.degradations.psf import normalised

SIGMAS = (3.0, 2.0, 2.0)
SIZES = (0.2, 0.1, 0.1)


def gaussian(shape, centre, sigmas):
    grid = np.indices(shape, dtype=float)
    distance = sum(((axis - at) / sigma) ** 2 for axis, at, sigma in zip(grid, centre, sigmas, strict=True))
    return np.exp(-0.5 * distance)


def bead(peak=2000.0, centre=(15.3, 20.6, 24.2), shape=(31, 45, 49), sigmas=SIGMAS, background=100.0, seed=0):
    """A bead as a camera sees it: photon noise and read noise on a background."""
    rng = np.random.default_rng(seed)
    expected = peak * gaussian(shape, centre, sigmas) + background
    return rng.poisson(expected) + rng.normal(0.0, 2.0, shape)


def spread_um(kernel, steps, axis):
    at = (np.arange(kernel.shape[axis]) - kernel.shape[axis] // 2) * steps[axis]
    return np.sqrt(kernel.sum(axis=tuple(i for i in range(kernel.ndim) if i != axis)) @ at**2)


def padded(kernel, shape):
    return np.pad(kernel, [((wanted - n) // 2,) * 2 for n, wanted in zip(kernel.shape, shape, strict=True)])


def test_a_bead_is_located_to_a_small_part_of_a_pixel():
    for seed, centre in enumerate([(15.0, 22.0, 24.0), (14.6, 20.3, 25.8), (16.45, 23.5, 22.25)]):
        (found,) = find_beads(bead(centre=centre, seed=seed))
        np.testing.assert_allclose(found.position, centre, atol=0.05)


def test_a_known_psf_is_recovered_from_a_noisy_bead_off_centre_on_a_background():
    kernel = measured_psf(bead(), SIZES, SIZES)
    expected = normalised(gaussian(kernel.shape, [n // 2 for n in kernel.shape], SIGMAS))
    assert kernel.max() == pytest.approx(expected.max(), rel=0.05)
    assert np.abs(kernel - expected).sum() < 0.15
    # The widths in um: the noise-hidden rim of the Gaussian is missing.
    found = [spread_um(kernel, SIZES, axis) for axis in range(3)]
    np.testing.assert_allclose(found, np.multiply(SIGMAS, SIZES), rtol=0.06)


def test_a_widefield_psf_is_recovered_with_most_of_its_light_out_of_focus():
    truth = objective_psf_stack(
        Objective(na=1.2, index=1.518, wavelength_um=0.52), 0.08, 0.15, 16, half_width_px=25
    )
    rng = np.random.default_rng(1)
    image = rng.poisson(truth / truth.max() * 10000 + 20) + rng.normal(100, 1.5, truth.shape)
    kernel = measured_psf(image, (0.15, 0.08, 0.08), (0.15, 0.08, 0.08))
    shape = np.maximum(kernel.shape, truth.shape)
    found, expected = padded(kernel, shape), padded(truth, shape)
    assert found.max() == pytest.approx(expected.max(), rel=0.05)
    assert np.abs(found - expected).sum() < 0.15


@pytest.mark.parametrize("sizes", [SIZES, (0.3, 0.17, 0.17), (0.11, 0.06, 0.06), (0.2, 0.25, 0.25)])
def test_a_measured_psf_is_a_kernel_with_its_bead_in_the_middle(sizes):
    kernel = measured_psf(bead(), SIZES, sizes)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    assert all(length % 2 for length in kernel.shape)
    middle = [length // 2 for length in kernel.shape]
    np.testing.assert_allclose(ndimage.center_of_mass(kernel), middle, atol=0.15)


def test_equal_pixels_and_a_centred_bead_change_nothing():
    clean = 1000.0 * gaussian((31, 45, 45), (15, 22, 22), SIGMAS)
    kernel = measured_psf(clean, SIZES, SIZES)
    cut = tuple(slice((n - m) // 2, (n + m) // 2) for n, m in zip(clean.shape, kernel.shape, strict=True))
    np.testing.assert_allclose(kernel, normalised(clean[cut]), atol=1e-3 * kernel.max())


@pytest.mark.parametrize("factor", [0.5, 1.5, 2.0, 3.0])
def test_a_resampled_psf_keeps_its_width_in_um(factor):
    clean = 1000.0 * gaussian((41, 61, 61), (20.2, 30.4, 29.7), (3.5, 4.0, 4.0))
    sizes = tuple(factor * size for size in SIZES)
    same, other = measured_psf(clean, SIZES, SIZES), measured_psf(clean, SIZES, sizes)
    for axis in range(3):
        # A larger pixel adds the variance of its area, less that of the bead's pixel.
        area = max(sizes[axis] ** 2 - SIZES[axis] ** 2, 0.0) / 12
        expected = np.sqrt(spread_um(same, SIZES, axis) ** 2 + area)
        assert spread_um(other, sizes, axis) == pytest.approx(expected, rel=0.02)


def test_a_plane_of_a_stack_is_taken_at_its_defocus():
    clean = 1000.0 * gaussian((31, 45, 45), (15, 22, 22), SIGMAS)
    clean[:15] = ndimage.gaussian_filter1d(clean[:15], 2.0, axis=2)
    planes = {z: measured_psf(clean, SIZES, SIZES[1:], defocus_um=z) for z in (-0.6, 0.0, 0.6)}
    assert all(plane.ndim == 2 for plane in planes.values())
    # A defocus of 0.6 um lies three planes before the one in focus, where this bead is wide.
    wide, sharp = (spread_um(planes[z], SIZES[1:], 1) for z in (0.6, -0.6))
    assert wide > 1.2 * sharp


def test_a_single_plane_of_beads_gives_a_plane():
    flat = bead()[15]
    kernel = measured_psf(flat, SIZES[1:], (0.1, 0.1))
    assert spread_um(kernel, (0.1, 0.1), 0) == pytest.approx(0.2, rel=0.06)


def test_several_beads_are_averaged_and_have_less_noise():
    rng = np.random.default_rng(3)
    shape, centres = (
        (31, 90, 90),
        [(15.2, 22.3, 24.1), (14.7, 24.6, 66.4), (15.4, 66.2, 22.9), (15.0, 65.3, 66.0)],
    )
    image = rng.poisson(sum(400.0 * gaussian(shape, at, SIGMAS) for at in centres) + 50.0).astype(float)
    assert len(find_beads(image)) == 4
    errors = []
    for average in (False, True):
        kernel = measured_psf(image, SIZES, SIZES, average=average)
        expected = normalised(gaussian(kernel.shape, [n // 2 for n in kernel.shape], SIGMAS))
        errors.append(np.abs(kernel - expected).sum())
    assert errors[1] < 0.75 * errors[0]


def test_noise_alone_holds_no_bead():
    with pytest.raises(InputError, match="No bead stands out"):
        find_beads(np.random.default_rng(0).normal(100.0, 5.0, (20, 64, 64)))
    with pytest.raises(InputError, match="No bead stands out"):
        find_beads(np.full((5, 32, 32), 7.0))


def test_a_bead_at_the_border_is_refused():
    with pytest.raises(InputError, match="at the border of the image; choose another"):
        find_beads(bead(centre=(15.0, 1.0, 24.0)))
    with pytest.raises(InputError, match="planes on both sides"):
        find_beads(bead(centre=(2.0, 22.0, 24.0)))


def test_a_saturated_bead_is_refused():
    image = bead(peak=9000.0)
    with pytest.raises(InputError, match="saturated at 4095"):
        find_beads(np.minimum(image, 4095.0))
    with pytest.raises(InputError, match="saturated at 255"):
        find_beads(np.clip(bead(peak=300.0, background=20.0), 0, 255).astype(np.uint8))


def test_touching_beads_are_refused():
    shape = (31, 45, 49)
    image = bead(shape=shape, centre=(15.0, 22.0, 20.5)) + bead(
        shape=shape, centre=(15.0, 22.0, 26.5), background=0.0
    )
    with pytest.raises(InputError, match="touches another"):
        find_beads(image)


def test_an_image_with_nan_is_refused():
    image = bead()
    image[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        find_beads(image)


@pytest.fixture
def bead_file(tmp_path):
    path = tmp_path / "beads.tif"
    sizes = dict(zip("ZYX", SIZES, strict=True))
    write_image(path, CalibratedImage(bead().astype(np.float32), "ZYX", pixel_size_um=sizes))
    return path


def test_the_step_reads_the_beads_pixel_size_from_the_file(bead_file):
    step = MeasuredBlur(path=str(bead_file), pixel_size_um=0.1, z_step_um=0.2)
    np.testing.assert_allclose(
        step.kernel(), measured_psf(bead().astype(np.float32), SIZES, SIZES), atol=1e-6
    )
    assert tuple(length // 2 for length in step.kernel().shape) == step.reach_px()
    assert step.kernel() is step.kernel()
    assert MeasuredBlur(path=str(bead_file)).kernel().ndim == 2


def test_the_step_keeps_a_points_light(bead_file):
    image = np.zeros((64, 64))
    image[32, 32] = 500.0
    blurred = MeasuredBlur(path=str(bead_file), boundary="circular").expectation(image)
    assert blurred.sum() == pytest.approx(500.0, rel=1e-9)
    assert np.unravel_index(blurred.argmax(), blurred.shape) == (32, 32)


def test_a_recorded_step_refuses_a_file_that_has_changed(bead_file):
    drawn = MeasuredBlur(path=str(bead_file)).realise(np.random.default_rng(0))
    assert len(drawn.sha256) == 64
    again = MeasuredBlur.from_dict(drawn.to_dict())
    np.testing.assert_array_equal(again.kernel(), drawn.kernel())
    sizes = dict(zip("ZYX", SIZES, strict=True))
    other = CalibratedImage(bead(peak=1500.0).astype(np.float32), "ZYX", pixel_size_um=sizes)
    write_image(bead_file, other, overwrite=True)
    with pytest.raises(InputError, match="has changed"):
        drawn.kernel()
    assert MeasuredBlur(path=str(bead_file)).kernel().sum() == pytest.approx(1.0)


def test_unknown_pixel_sizes_are_asked_for(tmp_path):
    path = tmp_path / "beads.tif"
    write_image(path, CalibratedImage(bead().astype(np.float32), "ZYX"))
    with pytest.raises(InputError, match="states no pixel size; give the pixel size"):
        MeasuredBlur(path=str(path)).kernel()
    with pytest.raises(InputError, match="states no z step; give the z step"):
        MeasuredBlur(path=str(path), bead_pixel_size_um=0.1, z_step_um=0.2).kernel()
    # One plane in focus needs no z step.
    assert MeasuredBlur(path=str(path), bead_pixel_size_um=0.1).kernel().ndim == 2


def test_a_missing_file_is_named():
    with pytest.raises(InputError, match=r"nowhere\.tif cannot be read"):
        MeasuredBlur(path="nowhere.tif").kernel()
    with pytest.raises(InputError, match="not chosen yet"):
        MeasuredBlur().kernel()


def test_a_single_plane_of_beads_cannot_blur_a_volume(tmp_path):
    path = tmp_path / "beads.tif"
    write_image(
        path, CalibratedImage(bead()[15].astype(np.float32), "YX", pixel_size_um={"Y": 0.1, "X": 0.1})
    )
    with pytest.raises(InputError, match="single plane"):
        MeasuredBlur(path=str(path), z_step_um=0.2).kernel()


@pytest.mark.parametrize(
    ("name", "pixel_um", "z_um", "beads"),
    [("bead_image1.tif", 0.02249, 0.2, 2), ("pycudadecon_psf.tif", 0.1, 0.1, 1)],
)
def test_real_beads_give_a_compact_psf(data_dir, name, pixel_um, z_um, beads):
    step = MeasuredBlur(
        path=str(data_dir / "psf" / name), bead_pixel_size_um=pixel_um, bead_z_step_um=z_um, pixel_size_um=0.1,
        z_step_um=z_um,
    )  # fmt: skip
    kernel = step.kernel()
    middle = tuple(length // 2 for length in kernel.shape)
    assert len(find_beads(step._beads()[0])) == beads
    assert np.abs(np.subtract(np.unravel_index(kernel.argmax(), kernel.shape), middle)).max() <= 1
    # Full width at half maximum across: 0.15 to 0.4 um for the objectives in use.
    profile = ndimage.zoom(kernel[middle[0], middle[1]], 10, order=3)
    assert 0.15 < np.count_nonzero(profile > profile.max() / 2) * 0.01 < 0.4
