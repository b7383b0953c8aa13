import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from napari_restoration.degradations.convolution import convolve, convolve_frames


@settings(max_examples=30, deadline=None)
@given(
    rows=st.integers(1, 20),
    columns=st.integers(1, 20),
    half=st.tuples(st.integers(0, 6), st.integers(0, 6)),
    seed=st.integers(0, 2**16),
)
def test_a_circular_convolution_keeps_the_sum(rows, columns, half, seed):
    rng = np.random.default_rng(seed)
    image = rng.random((rows, columns))
    kernel = rng.random((2 * half[0] + 1, 2 * half[1] + 1))
    kernel /= kernel.sum()
    assert convolve(image, kernel, "circular").sum() == pytest.approx(image.sum(), rel=1e-10)


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    half=st.integers(0, 15),
    seed=st.integers(0, 2**16),
)
def test_a_constant_stays_constant_under_reflection(shape, half, seed):
    kernel = np.random.default_rng(seed).random((2 * half + 1, 2 * half + 1))
    kernel /= kernel.sum()
    np.testing.assert_allclose(convolve(np.full(shape, 7.0), kernel), 7.0, rtol=1e-10)


@pytest.mark.parametrize(("boundary", "mode"), [("reflect", "mirror"), ("circular", "wrap")])
def test_it_agrees_with_direct_convolution(boundary, mode):
    rng = np.random.default_rng(1)
    image, kernel = rng.random((23, 30)), rng.random((7, 11))
    expected = ndimage.convolve(image, kernel, mode=mode)
    np.testing.assert_allclose(convolve(image, kernel, boundary), expected, rtol=1e-10)


def test_a_volume_is_convolved_with_a_volume_kernel():
    rng = np.random.default_rng(2)
    image, kernel = rng.random((9, 12, 10)), rng.random((3, 5, 3))
    expected = ndimage.convolve(image, kernel, mode="mirror")
    np.testing.assert_allclose(convolve(image, kernel), expected, rtol=1e-10)


def test_leading_axes_are_looped_over():
    rng = np.random.default_rng(3)
    image, kernel = rng.random((2, 3, 12, 10)), rng.random((3, 5))
    np.testing.assert_allclose(convolve(image, kernel)[1, 2], convolve(image[1, 2], kernel), rtol=1e-10)


def test_float32_stays_float32():
    image = np.random.default_rng(4).random((64, 64), dtype=np.float32)
    kernel = np.ones((9, 9)) / 81
    result = convolve(image, kernel)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, convolve(image.astype(np.float64), kernel), atol=1e-6)


def test_an_even_kernel_is_refused():
    with pytest.raises(ValueError, match="odd lengths"):
        convolve(np.ones((8, 8)), np.ones((2, 3)))


def test_a_kernel_with_too_many_axes_is_refused():
    with pytest.raises(ValueError, match="needs an image with at least as many"):
        convolve(np.ones((8, 8)), np.ones((3, 3, 3)))


def test_each_frame_is_convolved_with_its_own_kernel():
    rng = np.random.default_rng(5)
    image, kernels = rng.random((20, 17)), rng.random((3, 5, 5))
    frames = convolve_frames(image, kernels)
    for frame, kernel in zip(frames, kernels, strict=True):
        np.testing.assert_allclose(frame, convolve(image, kernel), rtol=1e-10)


def test_a_displacement_of_whole_pixels_moves_the_image():
    image = np.random.default_rng(6).random((40, 30))
    moved = convolve_frames(image, np.ones((1, 1, 1)), np.array([[3.0, -2.0]]))[0]
    np.testing.assert_allclose(moved[5:-5, 5:-5], image[2:-8, 7:-3], atol=1e-9)
