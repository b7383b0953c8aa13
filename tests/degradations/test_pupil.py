import numpy as np
import pytest
from scipy import special

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.pupil import PupilGrid, check_optics, pupil_intensity

NA, INDEX, WAVELENGTH = 1.2, 1.518, 0.52
STEP = WAVELENGTH / (8 * NA)


def test_a_grid_used_again_gives_what_a_single_call_gives():
    grid = PupilGrid(NA, INDEX, WAVELENGTH, STEP, 96)
    grid.intensity(0.3)
    np.testing.assert_array_equal(grid.intensity(0.8), pupil_intensity(NA, INDEX, WAVELENGTH, STEP, 96, 0.8))


def test_a_soft_rim_draws_the_airy_pattern_on_a_coarse_grid():
    at = np.arange(1, 20) * STEP
    phase = 2 * np.pi * NA * at / WAVELENGTH
    expected = (2 * special.j1(phase) / phase) ** 2
    errors = []
    for soft in (False, True):
        rows = [
            PupilGrid(NA, INDEX, WAVELENGTH, STEP, size, soft_rim=soft).intensity()[0]
            for size in range(180, 190)
        ]
        errors.append(max(np.abs(row[1:20] / row[0] - expected).max() for row in rows))
    assert errors[1] < 1e-3
    assert errors[1] < errors[0] / 3


@pytest.mark.parametrize("changes", [{"soft_rim": True}, {"apodised": True}, {"rim_na": 1.0}])
def test_the_light_is_the_same_at_every_defocus_whatever_the_rim(changes):
    grid = PupilGrid(NA, INDEX, WAVELENGTH, STEP, 128, **changes)
    assert [grid.intensity(z).sum() for z in (0.0, 0.9)] == pytest.approx([1.0, 1.0], rel=1e-12)


def test_real_weights_leave_above_and_below_focus_alike():
    grid = PupilGrid(NA, INDEX, WAVELENGTH, STEP, 128, apodised=True)
    assert np.abs(grid.intensity(0.6) - grid.intensity(-0.6)).max() < 1e-12


def test_a_narrower_rim_is_a_smaller_na():
    narrow = PupilGrid(NA, INDEX, WAVELENGTH, STEP, 128, rim_na=0.9).intensity(0.5)
    np.testing.assert_allclose(narrow, pupil_intensity(0.9, INDEX, WAVELENGTH, STEP, 128, 0.5), atol=1e-15)


def test_a_pupil_wider_than_the_medium_is_refused():
    with pytest.raises(
        InputError, match=r"The NA is 1\.4, but must be below the refractive index, which is 1\.33"
    ):
        check_optics(1.4, 1.33)
