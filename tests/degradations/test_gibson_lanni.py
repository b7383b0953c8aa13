import numpy as np
import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.gibson_lanni import Layers, best_focus_um
from napari_restoration.degradations.gibson_lanni_blur import GibsonLanniBlur
from napari_restoration.degradations.objective import Objective, objective_psf, objective_psf_stack
from napari_restoration.degradations.psf_stack import defoci_um

OIL, WATER, WAVELENGTH = 1.518, 1.33, 0.52


def layers(depth_um=0.0, specimen=WATER, **changes):
    return Layers(specimen_index=specimen, depth_um=depth_um, design_index=OIL, **changes)


def objective(given, na=1.2):
    return Objective(na=na, index=OIL, wavelength_um=WAVELENGTH, layers=given)


@pytest.mark.parametrize("defocus_um", [0.0, 0.8])
def test_matched_layers_at_no_depth_give_the_debye_psf(defocus_um):
    plain = objective_psf(objective(None), 0.1, defocus_um, half_width_px=20)
    layered = objective_psf(objective(layers(specimen=OIL)), 0.1, defocus_um, half_width_px=20)
    np.testing.assert_allclose(layered, plain, atol=1e-4 * plain.max())


def test_with_matched_indices_the_stage_reads_the_depth():
    assert best_focus_um(layers(7.0, OIL), 1.2, OIL, WAVELENGTH) == pytest.approx(7.0, abs=1e-3)


def test_at_low_na_the_stage_moves_by_the_paraxial_ratio_of_the_indices():
    assert best_focus_um(layers(20.0), 0.2, OIL, WAVELENGTH) == pytest.approx(20.0 * OIL / WATER, rel=0.01)


def test_at_high_na_an_emitter_in_water_under_oil_is_in_focus_further_along_than_the_paraxial_ratio():
    focus = [best_focus_um(layers(depth), 1.2, OIL, WAVELENGTH) for depth in (5.0, 10.0)]
    assert 1.0 < focus[0] / (5.0 * OIL / WATER) < 1.15
    assert focus[1] / focus[0] == pytest.approx(2.0, rel=0.05)


def test_an_emitter_in_a_denser_medium_is_in_focus_earlier():
    assert best_focus_um(layers(10.0, 1.56), 0.8, OIL, WAVELENGTH) < 10.0


def test_the_same_light_passes_at_every_focus():
    grid = objective(layers(10.0)).grid(0.05, 4.0, 2.0)
    assert [grid.intensity(z).sum() for z in (-2.0, 0.0, 0.7)] == pytest.approx([1.0] * 3, rel=1e-12)


def test_a_stack_is_brightest_in_its_middle_and_not_symmetric():
    stack = objective_psf_stack(objective(layers(10.0)), 0.1, 0.2, 14, half_width_px=30)
    on_axis = stack[:, 30, 30]
    assert np.argmax(on_axis) == 14
    # At a larger nominal depth the outer zones still come to focus; nearer than the paraxial focus nothing does.
    assert on_axis[-8:].sum() > 2 * on_axis[:8].sum()


def test_depth_under_a_mismatch_lowers_the_peak():
    peaks = [
        objective_psf(objective(layers(depth)), 0.1, half_width_px=15).max() for depth in (0.0, 5.0, 20.0)
    ]
    assert peaks == sorted(peaks, reverse=True)


def test_a_thick_coverslip_blurs_in_air_but_hardly_under_oil_of_nearly_its_index():
    def peak(index, glass_um):
        given = Layers(specimen_index=WATER, design_index=index, coverslip_um=glass_um)
        dry = Objective(na=0.75, index=index, wavelength_um=WAVELENGTH, layers=given)
        return objective_psf(dry, 0.1, half_width_px=15).max()

    assert peak(1.0, 200.0) < 0.8 * peak(1.0, 170.0)
    assert peak(OIL, 200.0) > 0.99 * peak(OIL, 170.0)


def test_an_na_above_the_specimens_index_loses_the_rays_beyond_it():
    grid = objective(layers(0.0), na=1.4).grid(0.04, 3.0, 0.0)
    narrow = Objective(na=1.33, index=OIL, wavelength_um=WAVELENGTH, layers=layers(0.0)).grid(0.04, 3.0, 0.0)
    np.testing.assert_allclose(grid.intensity()[0, :20], narrow.intensity()[0, :20], rtol=0.01, atol=1e-5)


@pytest.mark.parametrize(
    ("na", "specimen", "depth_um", "index", "glass_um"),
    [(0.8, 1.33, 5.0, 1.515, 170.0), (1.4, 1.515, 0.0, 1.515, 170.0), (1.2, 1.33, 5.0, 1.515, 175.0),
     (1.4, 1.33, 2.0, 1.515, 170.0), (1.2, 1.38, 10.0, 1.50, 170.0)],
)  # fmt: skip
def test_stacks_agree_with_psfmodels(na, specimen, depth_um, index, glass_um):
    psfmodels = pytest.importorskip("psfmodels")
    wavelength, pixel, half, glass_index = 0.55, 0.08, 25, 1.5255
    given = Layers(specimen_index=specimen, depth_um=depth_um, design_index=1.515, coverslip_um=glass_um)
    ours = objective_psf_stack(
        Objective(na=na, index=index, wavelength_um=wavelength, layers=given),
        pixel,
        0.2,
        8,
        half_width_px=half,
    )
    # Its stage has its zero elsewhere (F. Aguet's convention).
    zero = depth_um * (index / specimen - 1.0)
    focus = best_focus_um(given, na, index, wavelength)
    theirs = psfmodels.scalar_psf(
        np.array([focus - defocus - zero for defocus in defoci_um(0.2, 8)]), nx=2 * half + 1, dxy=pixel, pz=depth_um,
        wvl=wavelength, normalize=False,
        params={"NA": na, "ng0": glass_index, "ng": glass_index, "ni0": 1.515, "ni": index, "ns": specimen,
                "ti0": 150.0, "tg": glass_um, "tg0": 170.0},
    )  # fmt: skip
    theirs = theirs / theirs.sum()
    assert np.abs(ours - theirs).max() < 0.015 * theirs.max()
    assert np.abs(ours - theirs).sum() < 0.02


@pytest.mark.parametrize("z_step_um", [None, 0.3])
def test_the_steps_kernel_has_the_reach_it_tells(z_step_um):
    step = GibsonLanniBlur(z_step_um=z_step_um)
    kernel = step.kernel()
    assert tuple(length // 2 for length in kernel.shape) == step.reach_px()
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    assert np.unravel_index(kernel.argmax(), kernel.shape) == step.reach_px()


def test_the_step_tells_the_nominal_depth_of_focus():
    assert GibsonLanniBlur(depth_um=10.0, na=0.3).focus_um() == pytest.approx(11.4, abs=0.1)


def test_an_na_above_an_index_is_refused_by_the_indexs_name():
    with pytest.raises(InputError, match=r"below the coverslip index, which is 1\.4"):
        GibsonLanniBlur(na=1.45, coverslip_index=1.4)
    with pytest.raises(InputError, match="refractive index"):
        GibsonLanniBlur(na=1.4, index=1.33)
