from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.training.simulate import draw, simulate

LENS = {"na": 0.5, "refractive_index": 1.0, "wavelength_um": 0.52, "pixel_size_um": 0.65}
SETTINGS = {
    "denoise": {"photons": 50.0},
    "deblur": {"photons": 50.0, "frames": 3.0, "path_px": 6.0, "shift_px": 0.3, "mtf_sigma_px": 0.5},
    "refocus": {"photons": 50.0, "z_um": 4.0, **LENS},
    "superres": {"photons": 50.0, **LENS, "na": 1.4, "refractive_index": 1.518, "pixel_size_um": 0.1},
}


@pytest.fixture
def truth() -> np.ndarray:
    image = ndimage.gaussian_filter(np.random.default_rng(3).random((48, 40)), 2)
    return ((image - image.min()) / np.ptp(image)).astype(np.float32)


@pytest.mark.parametrize("task", SETTINGS)
def test_the_same_seed_gives_the_same_measurement(task: str, truth) -> None:
    first, second = (simulate(task, truth, SETTINGS[task], np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first.input, second.input)
    np.testing.assert_array_equal(first.target, second.target)


@pytest.mark.parametrize("task", SETTINGS)
def test_the_true_blur_is_a_kernel_of_unit_sum_with_a_middle(task: str, truth) -> None:
    made = simulate(task, truth, SETTINGS[task], np.random.default_rng(7))
    for kernel in made.psf:
        assert kernel.sum() == pytest.approx(1, abs=1e-6)
        assert all(n % 2 == 1 for n in kernel.shape)


def test_shapes_follow_the_task(truth) -> None:
    made = {task: simulate(task, truth, SETTINGS[task], np.random.default_rng(7)) for task in SETTINGS}
    shapes = {task: (m.input.shape, m.target.shape) for task, m in made.items()}
    assert shapes["denoise"] == shapes["refocus"] == ((48, 40), (48, 40))
    assert shapes["deblur"] == ((3, 48, 40), (48, 40))
    assert shapes["superres"] == ((24, 20), (48, 40))
    assert len(made["deblur"].psf) == 3


@pytest.mark.parametrize("task", SETTINGS)
def test_many_photons_leave_the_target_in_the_inputs_units(task: str, truth) -> None:
    """Blur keeps the mean, so without noise the means of input and target agree."""
    numbers = {**SETTINGS[task], "photons": 1e6, "read_noise": 0.0}
    made = simulate(task, np.pad(truth, 20)[:88, :80], numbers, np.random.default_rng(7))
    assert made.input.mean() == pytest.approx(made.target.mean(), rel=2e-3)


def test_shot_noise_has_the_variance_of_its_electrons() -> None:
    flat = np.ones((200, 200), dtype=np.float32)
    numbers = {"photons": 40.0, "background": 0.0, "read_noise": 3.0, "gain": 0.5, "offset": 100.0}
    made = simulate("denoise", flat, numbers, np.random.default_rng(1))
    assert made.input.mean() == pytest.approx(100 + 40 / 0.5, rel=0.01)
    assert made.input.var() == pytest.approx((40 + 9) / 0.25, rel=0.05)


def test_defocus_can_be_given_as_a_blur_width(truth) -> None:
    by_width = {**SETTINGS["refocus"], "defocus_sigma_px": 2.0}
    psf = simulate("refocus", truth, by_width, np.random.default_rng(1)).psf[0]
    at = np.arange(len(psf)) - len(psf) // 2
    assert np.sqrt(psf.sum(axis=0) @ at**2) == pytest.approx(2.0, rel=0.15)


def test_a_range_is_drawn_within_its_ends_and_a_number_is_kept() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        numbers = draw({"photons": (5.0, 500.0), "frames": (3.0, 5.0), "z_um": 2.0}, rng)
        assert 5 <= numbers["photons"] <= 500
        assert numbers["frames"] in (3, 4, 5)
        assert numbers["z_um"] == 2.0


def test_photons_are_drawn_evenly_in_the_logarithm() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw({"photons": (1.0, 100.0)}, rng)["photons"] for _ in range(2000)]
    assert np.median(drawn) == pytest.approx(10, rel=0.15)


def test_a_missing_setting_and_an_unknown_task_are_named(truth) -> None:
    with pytest.raises(InputError, match="photons"):
        simulate("denoise", truth, {}, np.random.default_rng(0))
    with pytest.raises(InputError, match="sharpen"):
        simulate("sharpen", truth, {}, np.random.default_rng(0))
