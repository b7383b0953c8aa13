"""Axes are checked, guessed and said in words."""

import dask.array
import numpy as np
import pytest
import torch

from napari_restoration.core.axes import check_axes, describe_axes, guess_axes
from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage


@pytest.mark.parametrize(
    ("shape", "labels", "rgb", "axes"),
    [
        ((64, 64), None, False, "YX"),
        ((20, 64, 64), None, False, "TYX"),
        ((3, 64, 64), None, False, "CYX"),
        ((64, 64, 3), None, True, "YXS"),
        ((5, 9, 64, 64), None, False, "TZYX"),
        ((5, 2, 64, 64), None, False, "TCYX"),
        ((2, 3, 4, 64, 64), None, False, "TZCYX"),
        ((9, 64, 64), ("z", "-2", "-1"), False, "ZYX"),
        ((64, 64, 9), ("y", "x", "t"), False, "YXT"),
        ((20, 64, 64), ("-3", "-2", "-1"), False, "TYX"),
        ((7, 9, 64, 64), ("z", "time", "y", "x"), False, "ZTYX"),
    ],
)
def test_axes_are_guessed_from_shape_and_labels(shape, labels, rgb, axes):
    assert guess_axes(shape, labels, rgb=rgb) == axes


@pytest.mark.parametrize(
    ("axes", "shape", "part"),
    [
        ("YX", (2, 3, 4), "3 dimensions"),
        ("QYX", (2, 3, 4), "unknown"),
        ("YYX", (2, 3, 4), "twice"),
        ("TZX", (2, 3, 4), "lack Y or X"),
        ("YXS", (2, 3, 5), "RGB"),
    ],
)
def test_wrong_axes_are_refused_with_the_reason(axes, shape, part):
    with pytest.raises(InputError, match=part):
        check_axes(axes, shape, "cells")


def test_shapes_are_said_in_words():
    assert describe_axes("TYX", (20, 1024, 512)) == "20 time points of 1024 x 512"
    assert describe_axes("TZCYX", (1, 5, 2, 8, 9)) == "1 time point of 5 planes of 2 channels of 8 x 9"
    assert describe_axes("YXS", (8, 9, 3)) == "8 x 9 in colour"


@pytest.mark.parametrize(
    ("data", "fix"),
    [
        (np.zeros((4, 4), bool), "astype"),
        (np.zeros((4, 4), complex), "abs"),
        (np.full((4, 4), None), "numbers"),
        (np.full((4, 4), "a"), "numbers"),
    ],
)
def test_values_that_are_no_intensities_are_refused_with_their_conversion(data, fix):
    with pytest.raises(InputError, match=fix):
        CalibratedImage(data, "YX", name="cells")


def test_empty_images_are_refused_and_masked_pixels_become_missing():
    with pytest.raises(InputError, match="empty"):
        CalibratedImage(np.zeros((0, 4)), "YX")
    masked = np.ma.masked_equal(np.array([[1, 2], [3, 4]], np.uint16), 3)
    image = CalibratedImage(masked, "yx")
    assert image.axes == "YX"
    assert np.isnan(image.data[1, 0])
    assert CalibratedImage([[1, 2], [3, 4]], "YX").shape == (2, 2)


def test_masked_chunks_of_a_lazy_array_become_missing_and_stay_lazy():
    masked = np.ma.masked_equal(np.arange(16, dtype=np.uint16).reshape(4, 4), 6)
    image = CalibratedImage(dask.array.from_array(masked, chunks=2), "YX")
    assert isinstance(image.data, dask.array.Array)
    assert image.dtype == np.float32
    np.testing.assert_array_equal(np.asarray(image.data), np.ma.filled(masked.astype(np.float32), np.nan))


def test_tensors_are_taken_and_ragged_lists_refused():
    assert CalibratedImage(torch.zeros(4, 5), "YX").dtype == np.float32
    with pytest.raises(InputError, match="'rows' cannot be made an array"):
        CalibratedImage([[1, 2], [3]], "YX", name="rows")
