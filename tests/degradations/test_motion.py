import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.convolution import convolve_frames
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


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("length_px", -1.0),
        ("length_px", float("nan")),
        ("angle_rad", float("inf")),
        ("path", "zigzag"),
        ("persistence", 1.0),
        ("vibration_px", float("nan")),
        ("frames", 0),
        ("frames", 2.5),
        ("path_seed", -1),
    ],
)
def test_a_setting_outside_its_limits_is_refused(field, value):
    with pytest.raises(InputError, match="but must be"):
        MotionBlur(**{field: value})


def test_a_path_with_a_position_that_is_no_number_is_refused():
    with pytest.raises(InputError, match="not a number"):
        motion_kernel(np.array([[0.0, np.nan], [1.0, 1.0]]))


@pytest.mark.parametrize("weights", [np.ones(3), np.zeros(8), np.arange(8.0) - 1.0, np.full(8, np.nan)])
def test_dwell_weights_that_are_none_are_refused(weights):
    with pytest.raises(InputError, match="one number for each of the 8 positions"):
        motion_kernel(linear_path(1.0), weights)


def test_equal_dwell_weights_are_no_weights():
    path = curved_path(12.0, 1.0, 2.0)
    np.testing.assert_allclose(motion_kernel(path, np.full(len(path), 0.3)), motion_kernel(path), atol=1e-15)


def test_the_velocity_of_a_random_walk_forgets_itself_as_slowly_as_its_persistence():
    pairs = []
    for seed in range(150):
        path = random_walk_path(100.0, np.random.default_rng(seed), persistence=0.8, samples=1000)
        # Ten positions a step of the walk: two of them within one step give its velocity.
        velocity = (path[7::10] - path[2::10])[10:]
        pairs.append([(velocity[1:] * velocity[:-1]).sum(), (velocity[:-1] ** 2).sum()])
    after, before = np.sum(pairs, axis=0)
    assert after / before == pytest.approx(0.8, abs=0.03)


def test_a_vibration_adds_half_of_its_amplitude_squared_to_the_second_moment():
    path = add_vibration(linear_path(0.0, samples=4000), 6.0, 5.0, 0.0)
    _, _, right = moments(motion_kernel(path))
    along = (motion_kernel(path) * right**2).sum()
    assert along == pytest.approx(6.0**2 / 2, abs=0.26)


@pytest.mark.parametrize("amplitude", [0.8, 3.0, 20.0])
def test_a_vibration_leaves_no_gap_in_its_kernel(amplitude):
    blur = MotionBlur(path="linear", length_px=0.0, vibration_px=amplitude, path_seed=2)
    kernel = blur.kernels()[0][0]
    reach = int(amplitude / 2)
    middle = kernel.shape[0] // 2
    rows, columns = (kernel.sum(axis=axis)[middle - reach : middle + reach + 1] for axis in (1, 0))
    # Along the steeper of both axes the path passes every pixel.
    assert max(rows.min(), columns.min()) > 0.2 * kernel.max()


def test_a_path_too_long_to_follow_is_refused_before_any_work():
    blur = MotionBlur(length_px=1e4, frames=10_000, path_seed=0)
    with pytest.raises(InputError, match="too long to follow"):
        blur.kernels()


@pytest.mark.parametrize("path", ["linear", "curved", "random_walk"])
@pytest.mark.parametrize(("frames", "registered"), [(None, True), (4, True), (4, False)])
def test_the_reach_holds_the_kernels_and_is_told_before_they_are_made(path, frames, registered):
    blur = MotionBlur(path=path, length_px=14.0, vibration_px=1.5, frames=frames, registered=registered)
    for seed in range(8):
        drawn = blur.realise(np.random.default_rng(seed))
        kernels, _ = drawn.kernels()
        down, right = drawn.reach_px()
        middle = kernels.shape[-1] // 2
        used = np.argwhere(kernels > 0)[:, 1:] - middle
        assert np.abs(used[:, 0]).max() <= down <= blur.reach_px()[0]
        assert np.abs(used[:, 1]).max() <= right <= blur.reach_px()[1]
        if frames is None:
            assert max(down, right) == middle


@pytest.mark.parametrize("path", ["linear", "curved", "random_walk"])
def test_the_reach_holds_the_way_of_frames_that_are_not_registered(path):
    blur = MotionBlur(path=path, length_px=10.0, frames=5, registered=False)
    point = np.pad([[1.0]], 90)
    for seed in range(4):
        drawn = blur.realise(np.random.default_rng(seed))
        kernels, displacements = drawn.kernels()
        assert (np.abs(displacements).max(axis=0) < drawn.reach_px()).all()
        frames = convolve_frames(ndimage.gaussian_filter(point, 2.0), kernels, displacements)
        rows, columns = (frames.max(axis=axes) > 0.02 * frames.max() for axes in ((0, 2), (0, 1)))
        for seen, reach, bound in zip((rows, columns), drawn.reach_px(), blur.reach_px(), strict=True):
            assert np.abs(np.flatnonzero(seen) - 90).max() <= reach + 6
            assert reach <= bound


def test_the_reach_of_a_straight_path_is_half_of_its_length_along_it():
    assert MotionBlur(path="linear", length_px=21.0, angle_rad=0.0, path_seed=0).reach_px() == (0, 11)
    assert MotionBlur(length_px=0.0).reach_px() == (0, 0)


def test_motion_keeps_the_light_and_a_constant():
    blur = MotionBlur(length_px=9.0, vibration_px=0.5, frames=3, path_seed=3)
    np.testing.assert_allclose(blur.expectation(np.full((30, 40), 7.0)), 7.0, rtol=1e-12)
    kernels, _ = blur.kernels()
    image = np.random.default_rng(0).random((48, 56))
    frames = convolve_frames(image, kernels, boundary="circular")
    np.testing.assert_allclose(frames.sum(axis=(1, 2)), image.sum(), rtol=1e-12)
