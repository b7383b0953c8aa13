import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_restoration.degradations.motion import MotionBlur, burst_kernels, motion_kernel
from napari_restoration.degradations.paths import add_vibration, curved_path, linear_path, random_walk_path
from napari_restoration.degradations.psf import gaussian_psf


def paths():
    yield "linear", linear_path(9.0, 0.4)
    yield "curved", curved_path(12.0, 1.0, 2.0)
    yield "random walk", random_walk_path(20.0, np.random.default_rng(0))
    yield "vibrating", add_vibration(linear_path(9.0), 1.5, 3.0, 1.2)
    yield "still", linear_path(0.0)


def moments(kernel):
    half = kernel.shape[0] // 2
    at = np.arange(-half, half + 1)
    down, right = np.meshgrid(at, at, indexing="ij")
    return np.array([(kernel * down).sum(), (kernel * right).sum()]), down, right


@pytest.mark.parametrize(("name", "path"), list(paths()))
def test_a_motion_kernel_has_unit_sum_nothing_negative_and_its_centroid_in_the_middle(name, path):
    kernel = motion_kernel(path)
    assert kernel.min() >= 0
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(moments(kernel)[0], 0.0, atol=1e-9)


def test_no_motion_is_a_delta():
    np.testing.assert_array_equal(motion_kernel(linear_path(0.0), half_width_px=2), np.pad([[1.0]], 2))


@settings(max_examples=20, deadline=None)
@given(length=st.floats(10.0, 60.0), angle=st.floats(0.0, np.pi))
def test_a_straight_path_has_a_second_moment_of_its_length_squared_over_twelve(length, angle):
    kernel = motion_kernel(linear_path(length, angle))
    _, down, right = moments(kernel)
    along = (kernel * (down * np.sin(angle) + right * np.cos(angle)) ** 2).sum()
    # The bilinear splat adds up to a quarter of a square pixel on each axis.
    assert along == pytest.approx(length**2 / 12, abs=0.26)


def test_a_straight_path_along_x_stays_in_one_row():
    kernel = motion_kernel(linear_path(10.0, 0.0))
    assert kernel[kernel.shape[0] // 2].sum() == pytest.approx(1.0)


def test_an_arc_without_a_turn_is_straight():
    np.testing.assert_allclose(curved_path(8.0, 0.3, 0.0), linear_path(8.0, 0.3))


@pytest.mark.parametrize("turn", [-1.5, 0.2, 3.0])
def test_an_arc_has_its_length_and_its_turn(turn):
    path = curved_path(30.0, 0.7, turn)
    steps = np.diff(path, axis=0)
    assert np.hypot(*steps.T).sum() == pytest.approx(30.0, rel=0.01)
    heading = np.unwrap(np.arctan2(steps[:, 0], steps[:, 1]))
    assert abs(heading[-1] - heading[0]) == pytest.approx(abs(turn), rel=0.02)


def test_a_random_walk_has_its_length():
    path = random_walk_path(25.0, np.random.default_rng(3), samples=4000)
    assert np.hypot(*np.diff(path, axis=0).T).sum() == pytest.approx(25.0, rel=0.02)


def test_dwell_weights_move_the_light():
    path = linear_path(8.0, samples=64)
    lingering = np.where(np.arange(64) < 32, 3.0, 1.0)
    kernel = motion_kernel(path, lingering)
    _, _, right = moments(kernel)
    assert (kernel * right**3).sum() > 0.5


def test_a_kernel_window_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match="needs 5 px"):
        motion_kernel(linear_path(10.0), half_width_px=2)


def test_frames_of_a_burst_are_consecutive_pieces_of_one_path():
    kernels, displacements = burst_kernels(linear_path(20.0, 0.0), 5)
    assert kernels.shape[0] == 5
    np.testing.assert_allclose(displacements[:, 1], [-8, -4, 0, 4, 8], atol=1e-9)
    np.testing.assert_allclose(displacements[:, 0], 0.0, atol=1e-12)


def test_the_residual_of_a_registration_moves_all_frames_but_the_middle_one():
    kernels, _ = burst_kernels(linear_path(20.0, 0.0), 5, np.random.default_rng(0), 0.5)
    shifts = np.stack([moments(kernel)[0] for kernel in kernels])
    np.testing.assert_allclose(shifts[2], 0.0, atol=1e-9)
    assert np.abs(shifts[[0, 1, 3, 4]]).max(axis=1).min() > 0.01


def test_the_residual_has_its_standard_deviation():
    path = np.zeros((8000, 2))
    kernels, _ = burst_kernels(path, 2000, np.random.default_rng(1), 0.5)
    shifts = np.stack([moments(kernel)[0] for kernel in kernels])
    assert shifts.std() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(2 * shifts.size))


def test_more_frames_than_positions_are_refused():
    with pytest.raises(ValueError, match="cannot be cut into 9 frames"):
        burst_kernels(np.zeros((4, 2)), 9)


def test_no_motion_leaves_the_image_alone():
    image = np.random.default_rng(0).random((16, 16))
    blur = MotionBlur(length_px=0.0, path_seed=1)
    np.testing.assert_allclose(blur.expectation(image), image, atol=1e-12)


@pytest.mark.parametrize("path", ["linear", "curved", "random_walk"])
def test_a_burst_has_its_frames_in_front(path):
    image = np.random.default_rng(0).random((16, 20))
    blur = MotionBlur(path=path, frames=4, vibration_px=0.5)
    frames = blur(image, np.random.default_rng(1))
    assert frames.shape == blur.output_shape(image.shape) == (4, 16, 20)


def test_frames_that_are_not_registered_lie_on_their_targets():
    rng = np.random.default_rng(0)
    image = np.pad(gaussian_psf(2.0, 10), 22)
    blur = MotionBlur(path="linear", length_px=4.0, angle_rad=0.3, frames=3, registered=False).realise(rng)
    frames, targets = blur.expectation(image), blur.target(image)
    columns, rows = np.meshgrid(np.arange(65), np.arange(65))
    for frame, target in zip(frames, targets, strict=True):
        for at in (rows, columns):
            assert (frame * at).sum() == pytest.approx((target * at).sum(), abs=0.01)


def test_a_path_is_drawn_once_and_then_repeats():
    blur = MotionBlur(frames=3).realise(np.random.default_rng(5))
    np.testing.assert_array_equal(blur.kernels()[0], blur.realise(np.random.default_rng(6)).kernels()[0])


def test_kernels_before_the_draw_are_refused():
    with pytest.raises(ValueError, match=r"realise\(rng\)"):
        MotionBlur().kernels()


def test_a_negative_path_length_is_refused():
    with pytest.raises(ValueError, match="path length in pixels is -1"):
        MotionBlur(length_px=-1.0)
