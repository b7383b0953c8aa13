import atexit
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import write_image
from napari_restoration.degradations.cleaning import MinimumFilter, Opening
from napari_restoration.degradations.confocal_blur import ConfocalBlur
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.gibson_lanni_blur import GibsonLanniBlur
from napari_restoration.degradations.measured_blur import MeasuredBlur
from napari_restoration.degradations.motion import MotionBlur
from napari_restoration.degradations.noise import Camera, GaussianNoise
from napari_restoration.degradations.optics import GaussianBlur, OpticalBlur
from napari_restoration.degradations.psf import gaussian_psf
from napari_restoration.degradations.sampling import Binning, Exposure, ToPhotons
from napari_restoration.degradations.steps import STEPS
from napari_restoration.degradations.storage import JpegCompression
from napari_restoration.degradations.varied import Range, Varied


def measured_blur():
    """A blur by the image of one bead, in a file that lives as long as the tests."""
    path = Path(tempfile.mkdtemp()) / "bead.tif"
    atexit.register(shutil.rmtree, path.parent, ignore_errors=True)
    bead = np.pad(1000.0 * gaussian_psf(2.0, 12) + 1.0, 10, constant_values=1.0)
    write_image(path, CalibratedImage(bead.astype(np.float32), "YX", pixel_size_um={"Y": 0.1, "X": 0.1}))
    return MeasuredBlur(path=str(path), pixel_size_um=0.1)


EVERY_STEP = [
    MinimumFilter(radius_px=1.0),
    Opening(radius_px=1.0),
    ToPhotons(peak_photons=80.0),
    Exposure(factor=0.7, background_photons=3.0),
    GaussianBlur(sigma_px=1.3),
    OpticalBlur(na=0.75, pixel_size_um=0.2, defocus_um=2.0),
    GibsonLanniBlur(pixel_size_um=0.2, depth_um=3.0),
    ConfocalBlur(pixel_size_um=0.1),
    measured_blur(),
    MotionBlur(length_px=6.0),
    MotionBlur(path="curved", length_px=6.0, frames=3, vibration_px=0.5),
    MotionBlur(path="linear", length_px=2.0, frames=3, registered=False),
    Binning(factor=2),
    Camera(read_noise_electrons=2.0, gain_electrons_per_adu=0.5, offset_adu=100.0, bits=16),
    GaussianNoise(sigma_of_peak=0.05),
    JpegCompression(quality=80, full_scale=1.0),
    Varied(step=GaussianBlur(), ranges={"sigma_px": Range(low=0.5, high=2.0)}),
]


def names(step):
    return step.kind


@pytest.fixture
def image():
    return np.random.default_rng(0).random((24, 32), dtype=np.float32)


def test_every_kind_of_step_is_tried():
    assert {step.kind for step in EVERY_STEP} - {"varied"} == set(STEPS)


@pytest.mark.parametrize("step", EVERY_STEP, ids=names)
def test_a_step_survives_json(step):
    model = ForwardModel((step,))
    assert ForwardModel.from_dict(json.loads(json.dumps(model.to_dict()))) == model


@pytest.mark.parametrize("step", EVERY_STEP, ids=names)
def test_the_same_seed_gives_the_same_image(step, image):
    first, second, other = (step(image, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, second)
    if (
        isinstance(step, MotionBlur | Camera | GaussianNoise | Varied)
        and getattr(step, "path", "") != "linear"
    ):
        assert not np.array_equal(first, other)


@pytest.mark.parametrize("step", EVERY_STEP, ids=names)
def test_the_output_shape_is_told_beforehand(step, image):
    assert step(image, np.random.default_rng(0)).shape == step.output_shape(image.shape)


@pytest.mark.parametrize("step", EVERY_STEP, ids=names)
def test_the_input_is_left_untouched(step, image):
    before = image.copy()
    step(image, np.random.default_rng(0))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("step", EVERY_STEP, ids=names)
def test_leading_axes_pass_through(step, image):
    stack = np.stack([image, image])
    rng = np.random.default_rng(0)
    assert step(stack, rng).shape == step.output_shape(stack.shape)


@pytest.mark.parametrize("step", EVERY_STEP, ids=names)
def test_the_expectation_is_free_of_noise(step, image):
    drawn = step.realise(np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.expectation(image), drawn.expectation(image))
    assert np.isfinite(drawn.expectation(image)).all()


def test_steps_are_put_in_the_order_of_the_light_path():
    steps = (Camera(), Binning(), MotionBlur(), GaussianBlur(), Exposure(), ToPhotons())
    ordered = ForwardModel.in_light_path_order(*steps)
    assert ordered.steps == steps[::-1]


def test_a_forward_model_without_steps_is_the_identity(image):
    np.testing.assert_array_equal(ForwardModel()(image, np.random.default_rng(0)), image)


def test_nothing_but_light_is_the_identity(image):
    model = ForwardModel.in_light_path_order(
        Exposure(),
        GaussianBlur(sigma_px=0.0),
        MotionBlur(length_px=0.0),
        Binning(factor=1),
        Camera(shot_noise=False),
    )
    np.testing.assert_allclose(model(image, np.random.default_rng(0)), image, atol=1e-6)


def test_the_target_is_sharp_and_in_the_inputs_units():
    image = np.zeros((64, 64))
    image[16:48, 16:48] = 1.0
    model = ForwardModel.in_light_path_order(
        ToPhotons(peak_photons=400.0),
        Exposure(factor=0.5, background_photons=10.0),
        GaussianBlur(sigma_px=2.0),
        Camera(gain_electrons_per_adu=0.5, offset_adu=100.0, read_noise_electrons=1.0),
    )
    degraded = model.degrade(image, np.random.default_rng(0))
    assert degraded.target[32, 32] == pytest.approx((400 * 0.5 + 10) / 0.5 + 100)
    assert degraded.target[15, 32] == pytest.approx(10 / 0.5 + 100)
    flat = np.s_[24:40, 24:40]
    assert degraded.input[flat].mean() == pytest.approx(degraded.target[flat].mean(), rel=0.02)


def test_a_draw_is_repeated_by_its_record(image):
    model = ForwardModel.in_light_path_order(
        ToPhotons(),
        Varied(step=OpticalBlur(), ranges={"defocus_um": Range(low=0.0, high=4.0)}),
        Varied(step=MotionBlur(frames=3), ranges={"length_px": Range(low=2.0, high=9.0, spacing="log")}),
    )
    degraded = model.degrade(image, np.random.default_rng(7))
    again = ForwardModel.from_dict(json.loads(json.dumps(degraded.model.to_dict())))
    np.testing.assert_array_equal(again(image, np.random.default_rng(8)), degraded.input)


def test_gaussian_blurs_in_a_row_add_their_variances():
    image = np.random.default_rng(0).random((64, 64))
    both = ForwardModel(
        (GaussianBlur(sigma_px=1.5, boundary="circular"), GaussianBlur(sigma_px=2.0, boundary="circular"))
    )
    one = GaussianBlur(sigma_px=2.5, boundary="circular")
    np.testing.assert_allclose(both.expectation(image), one.expectation(image), atol=1e-3)


@given(
    low=st.floats(0.1, 10.0),
    extent=st.floats(0.0, 50.0),
    spacing=st.sampled_from(["linear", "log"]),
    seed=st.integers(0, 99),
)
def test_a_draw_lies_within_its_range(low, extent, spacing, seed):
    drawn = Range(low=low, high=low + extent, spacing=spacing).draw(np.random.default_rng(seed))
    assert low * (1 - 1e-12) <= drawn <= (low + extent) * (1 + 1e-12)


def test_whole_numbers_are_drawn_with_both_limits():
    drawn = {Range(low=3, high=5, spacing="integer").draw(np.random.default_rng(seed)) for seed in range(40)}
    assert drawn == {3, 4, 5}


def test_an_empty_range_is_refused():
    with pytest.raises(ValueError, match="empty"):
        Range(low=2.0, high=1.0)


def test_a_log_range_from_zero_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        Range(low=0.0, high=1.0, spacing="log")


def test_a_field_that_the_step_lacks_cannot_vary():
    with pytest.raises(ValueError, match="no field 'sigma'"):
        Varied(step=GaussianBlur(), ranges={"sigma": Range(low=0.0, high=1.0)})


def test_a_step_that_is_not_drawn_has_no_target(image):
    with pytest.raises(ValueError, match=r"realise\(rng\)"):
        Varied(step=GaussianBlur()).target(image)


def test_an_unknown_step_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="no degradation 'glare'; known are binning, camera"):
        ForwardModel.from_dict({"steps": [{"kind": "glare"}]})


def test_an_unknown_field_is_named_with_the_known_ones():
    with pytest.raises(ValueError, match="no field 'sigma'; its fields are boundary, sigma_px"):
        ForwardModel.from_dict({"steps": [{"kind": "gaussian_blur", "sigma": 1}]})
