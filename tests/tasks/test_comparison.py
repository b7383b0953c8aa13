"""Difference and ratio of two images, plane by plane, and grey levels that match."""

import numpy as np
import pytest
from skimage.transform import resize

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.tasks.comparison import (
    GreyMatch,
    compare_planes,
    match_grey_levels,
    spread_of,
    thinned_plane,
)
from napari_restoration.tasks.comparison_lattice import Lattice, laid_on

RNG = np.random.default_rng(0)
FINE = Lattice(((0.5, 0.0), (0.0, 0.5)), (-0.25, -0.25))


def image(data, axes, name="image"):
    return CalibratedImage(np.asarray(data), axes, name=name)


class Recorded:
    """An array that remembers what was read of it."""

    def __init__(self, data):
        self.data, self.shape, self.dtype, self.ndim = data, data.shape, data.dtype, data.ndim
        self.read = []

    def __getitem__(self, index):
        self.read.append(index)
        return self.data[index]


def test_a_difference_of_the_same_grid_is_what_numpy_says():
    a, b = RNG.integers(0, 60_000, (2, 3, 8, 9)).astype(np.uint16), RNG.random((2, 3, 8, 9))
    compared = compare_planes(
        image(a, "TZYX"), image(b, "TZYX"), "difference", lattices=(Lattice(), Lattice())
    )
    assert not compared.is_on_after
    np.testing.assert_allclose(compared.image.data.compute(), b - a, rtol=1e-6)


def test_nothing_is_read_before_a_plane_is_asked_for_and_then_only_that_plane():
    data = Recorded(RNG.random((5, 8, 8)))
    lazy = CalibratedImage(data, "ZYX")
    compared = compare_planes(lazy, lazy, "difference", lattices=(Lattice(), Lattice()))
    assert data.read == []
    np.asarray(compared.image.data[3])
    assert {index[0] for index in data.read} == {3}


def test_the_coarser_image_is_enlarged_as_scikit_image_does_it():
    coarse, fine = RNG.random((2, 20, 24)), RNG.random((2, 40, 48))
    compared = compare_planes(
        image(coarse, "ZYX"), image(fine, "ZYX"), "difference", lattices=(Lattice(), FINE)
    )
    enlarged = resize(coarse[1], (40, 48), order=3, mode="symmetric", clip=False, anti_aliasing=False)
    assert compared.is_on_after
    np.testing.assert_allclose(compared.image.data[1].compute(), fine[1] - enlarged, atol=1e-6)


def test_a_turned_lattice_gives_the_same_as_a_straight_one_where_it_is_not_turned():
    plane = RNG.random((12, 10))
    almost = Lattice(((0.5, 2e-6), (0.0, 0.5)), (-0.25, -0.25))
    np.testing.assert_allclose(
        laid_on(plane, Lattice(), almost, (24, 20)), laid_on(plane, Lattice(), FINE, (24, 20)), atol=1e-3
    )


def test_pixels_beyond_the_other_image_are_missing():
    part = laid_on(np.ones((4, 4)), Lattice(origin=(2.0, 2.0)), Lattice(), (8, 8))
    assert np.isfinite(part[2:6, 2:6]).all()
    assert np.isnan(part[:2]).all()
    assert np.isnan(part[:, 6:]).all()


def test_one_plane_stands_against_every_time_point_of_the_other():
    frames, plane = RNG.random((3, 8, 8)), RNG.random((8, 8))
    compared = compare_planes(
        image(frames, "TYX"), image(plane, "YX"), "difference", lattices=(Lattice(), Lattice())
    )
    assert compared.image.axes == "TYX"
    np.testing.assert_allclose(compared.image.data.compute(), plane - frames, atol=1e-6)
    the_other_way = compare_planes(
        image(plane, "YX"), image(frames, "TYX"), "difference", lattices=(Lattice(), Lattice())
    )
    np.testing.assert_allclose(the_other_way.image.data.compute(), frames - plane, atol=1e-6)


def test_axes_may_stand_in_another_order():
    a, b = RNG.random((8, 9)), RNG.random((9, 8))
    compared = compare_planes(image(b, "XY"), image(a, "YX"), "difference", lattices=(Lattice(), Lattice()))
    np.testing.assert_allclose(compared.image.data.compute(), a.T - b, atol=1e-6)


def test_a_ratio_is_missing_where_the_earlier_image_is_not_above_zero():
    compared = compare_planes(
        image([[2.0, 0.0], [-1.0, 4.0]], "YX"),
        image(np.ones((2, 2)), "YX"),
        "ratio",
        lattices=(Lattice(), Lattice()),
    )
    np.testing.assert_array_equal(compared.image.data.compute(), [[0.5, np.nan], [np.nan, 0.25]])


def test_a_match_finds_gain_and_offset_and_takes_the_difference_away():
    plane = RNG.random((64, 64))
    match = match_grey_levels(3 * plane + 10, plane)
    assert (match.gain, match.offset) == pytest.approx((3, 10))
    assert match.backward(match.forward_limits(0.2, 0.5)[1]) == pytest.approx(0.5)
    compared = compare_planes(
        image(3 * plane + 10, "YX"), image(plane, "YX"), "difference", lattices=(Lattice(),) * 2, match=match
    )
    np.testing.assert_allclose(compared.image.data.compute(), 0, atol=1e-6)


def test_a_plane_without_contrast_cannot_be_matched():
    with pytest.raises(InputError, match="second image has no contrast"):
        match_grey_levels(RNG.random((8, 8)), np.ones((8, 8)))


@pytest.mark.parametrize(("axes", "shape"), [("TYX", (3, 8, 8)), ("YXS", (8, 8, 3)), ("ZYX", (3, 8, 8))])
def test_images_that_do_not_fit_are_refused_before_anything_is_read(axes, shape):
    with pytest.raises(InputError, match=r"colour|time points|axes"):
        compare_planes(
            image(np.zeros((2, 8, 8)), "TYX"),
            image(np.zeros(shape), axes),
            "ratio",
            lattices=(Lattice(), Lattice()),
        )


def test_statistics_read_one_thinned_plane():
    data = Recorded(np.zeros((3, 4096, 16)))
    assert thinned_plane(CalibratedImage(data, "ZYX"), {"Z": 7}).shape == (1024, 16)
    assert data.read == [(2, slice(None, None, 4), slice(None, None, 1))]


def test_the_spread_around_the_middle_is_never_zero():
    assert spread_of(np.array([1.0, 1.0, np.nan]), 1.0) == 1.0
    assert spread_of(np.array([-2.0, 0.0, np.nan]), 0.0) == pytest.approx(2.0, rel=0.02)


def test_the_identity_changes_no_grey_level():
    assert GreyMatch().forward(np.array([1.0, 2.0])).tolist() == [1.0, 2.0]
