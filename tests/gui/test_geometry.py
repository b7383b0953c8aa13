"""A result covers the same rectangle of the world as its source."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from napari.layers import Image

from napari_restoration.gui._geometry import place_result


def add(placement, data):
    return Image(placement.fit(data), multiscale=False, **placement.geometry)


# napari's own remark about slicing rotated volumes.
pytestmark = pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")


@st.composite
def placed_layers(draw):
    """A layer of 2 or 3 axes anywhere in the world: scaled, rotated, sheared, with an affine on top."""
    ndim = draw(st.integers(2, 3))
    number = st.floats(-3, 3)
    options = {
        "scale": [draw(st.floats(0.05, 5)) for _ in range(ndim)],
        "translate": [draw(number) for _ in range(ndim)],
    }
    if draw(st.booleans()):
        angle = draw(st.floats(-90, 90))
        options["rotate"] = angle if ndim == 2 else (angle, draw(st.floats(-40, 40)), 5.0)
    if draw(st.booleans()):
        options["shear"] = [draw(st.floats(-0.5, 0.5)) for _ in range(1 if ndim == 2 else 3)]
    if draw(st.booleans()):
        affine = np.eye(ndim + 1)
        affine[:ndim, -1] = [draw(number) for _ in range(ndim)]
        affine[-3, -2] = draw(st.floats(-0.3, 0.3))
        options["affine"] = affine
    return Image(np.zeros((3, 6, 8)[-ndim:]), **options)


@settings(max_examples=40, deadline=None)
@given(layer=placed_layers(), factor=st.sampled_from([1, 2, 3, Fraction(1, 2)]))
def test_a_finer_or_coarser_result_overlays_its_source_exactly(layer, factor):
    axes = "TYX"[-layer.ndim :]
    placement = place_result(layer, axes, axes, scale=factor, spatial="YX")
    shape = [int(n * factor) if axis in "YX" else n for n, axis in zip(layer.data.shape, axes, strict=True)]
    result = add(placement, np.zeros(shape))
    steps = np.array([float(factor) if axis in "YX" else 1 for axis in axes])
    for pixel in np.random.default_rng(0).uniform(-1, 9, (5, layer.ndim)):
        fine = (pixel + 0.5) * steps - 0.5
        np.testing.assert_allclose(result.data_to_world(fine), layer.data_to_world(pixel), atol=1e-9)
    np.testing.assert_allclose(result._extent_augmented.world, layer._extent_augmented.world, atol=1e-9)
    assert result.units == layer.units
    assert result.axis_labels == layer.axis_labels


@settings(max_examples=20, deadline=None)
@given(layer=placed_layers(), factor=st.sampled_from([1, Fraction(1, 2)]))
def test_frames_gained_come_first_and_each_lies_on_the_source(layer, factor):
    axes = "ZYX"[-layer.ndim :]
    placement = place_result(layer, axes, f"T{axes}", scale=factor, spatial="YX")
    shape = [int(n * factor) if axis in "YX" else n for n, axis in zip(layer.data.shape, axes, strict=True)]
    result = add(placement, np.zeros((4, *shape)))
    assert result.axis_labels == ("T", *layer.axis_labels)
    assert [str(unit) for unit in result.units] == ["pixel"] + [str(unit) for unit in layer.units]
    steps = np.array([float(factor) if axis in "YX" else 1 for axis in axes])
    for frame in (0, 3):
        position = result.data_to_world((frame, *(0.5 * steps - 0.5)))
        assert position[0] == pytest.approx(frame)
        np.testing.assert_allclose(position[1:], layer.data_to_world([0] * layer.ndim), atol=1e-9)


def test_time_points_that_became_one_plane_leave_no_axis_behind():
    layer = Image(np.zeros((5, 6, 8)), scale=(2, 0.1, 0.1), translate=(7, 1, 2), units=("s", "um", "um"))
    placement = place_result(layer, "TYX", "YX", scale=1, spatial="YX")
    result = add(placement, np.zeros((6, 8)))
    assert result.ndim == 2
    np.testing.assert_allclose(result.scale, (0.1, 0.1))
    np.testing.assert_allclose(result.translate, (1, 2))
    assert [str(unit) for unit in result.units] == ["micrometer", "micrometer"]


def test_time_points_in_the_middle_stay_as_one_pixel_that_spans_them_all():
    layer = Image(np.zeros((4, 5, 6, 8)), scale=(1, 2, 0.1, 0.1), translate=(0, 10, 0, 0))
    placement = place_result(layer, "ZTYX", "ZYX", scale=1, spatial="YX")
    result = add(placement, np.zeros((4, 6, 8)))
    assert result.data.shape == (4, 1, 6, 8)
    for t in range(5):
        position = result.world_to_data(layer.data_to_world((1, t, 0, 0)))
        assert round(position[1]) == 0
        np.testing.assert_allclose(position[[0, 2, 3]], (1, 0, 0), atol=1e-9)


def test_a_lost_axis_that_is_rotated_into_others_is_kept():
    layer = Image(np.zeros((5, 6, 8)), rotate=(20, 30, 10))
    placement = place_result(layer, "TYX", "YX", scale=1, spatial="YX")
    result = add(placement, np.zeros((6, 8)))
    assert result.data.shape == (1, 6, 8)
    np.testing.assert_allclose(result.data_to_world((0, 3, 4)), layer.data_to_world((2, 3, 4)), atol=1e-9)


def test_a_preview_lies_on_its_plane_and_region():
    layer = Image(np.zeros((5, 40, 50)), scale=(2, 0.1, 0.1), translate=(3, 1, 2))
    placement = place_result(
        layer, "TYX", "TYX", scale=2, spatial="YX", array_axes="YX", start={"Y": 10, "X": 20}, at={"T": 3}
    )
    values = np.zeros((8, 12))
    result = add(placement, values)
    assert result.data.shape == (1, 8, 12)
    assert np.shares_memory(result.data, values)
    # The fine pixel whose centre is (0, 0) is the first quarter of the coarse pixel (10, 20).
    np.testing.assert_allclose(
        result.data_to_world((0, 0, 0)), layer.data_to_world((3, 9.75, 19.75)), atol=1e-9
    )


@pytest.mark.parametrize(("axes", "shape"), [("XTY", (3, 2, 4)), ("YXT", (4, 3, 2))])
def test_a_preview_follows_an_unusual_order_of_axes(axes, shape):
    layer = Image(np.zeros(shape), rgb=False)
    placement = place_result(layer, axes, axes, scale=1, spatial="YX", array_axes="YX", at={"T": 1})
    values = np.arange(12.0).reshape(4, 3)
    shown = add(placement, values).data
    assert shown.shape == tuple(1 if axis == "T" else n for axis, n in zip(axes, shape, strict=True))
    index = tuple({"Y": 2, "X": 1, "T": 0}[axis] for axis in axes)
    assert shown[index] == values[2, 1]


def test_a_colour_result_stays_in_colour():
    layer = Image(np.zeros((2, 30, 32, 3), np.uint8), rgb=True, scale=(1, 0.5, 0.5))
    placement = place_result(layer, "TYXS", "TYXS", scale=2, spatial="YX")
    result = add(placement, np.zeros((2, 60, 64, 3), np.uint8))
    assert result.rgb
    np.testing.assert_allclose(result.scale, (1, 0.25, 0.25))
    np.testing.assert_allclose(result.translate, (0, -0.125, -0.125))


def test_of_a_multiscale_layer_the_full_resolution_counts():
    fine = np.zeros((5, 64, 64))
    layer = Image([fine, fine[:, ::2, ::2]], multiscale=True, scale=(1, 0.2, 0.2))
    placement = place_result(layer, "TYX", "TYX", scale=1, spatial="YX")
    np.testing.assert_allclose(placement.geometry["scale"], layer.scale)
