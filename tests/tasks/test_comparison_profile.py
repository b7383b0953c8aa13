"""Grey levels of two images along one line."""

import csv
import io

import numpy as np
import pytest

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.tasks.comparison_lattice import Lattice
from napari_restoration.tasks.comparison_profile import Look, iter_profile, profile_table


def ramp_look(shape, lattice, axes="YX", at=None, name="ramp"):
    """An image whose grey level is 100 y + x in world units, wherever its pixels lie."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    (a, b), (c, d) = lattice.matrix
    y = a * rows + b * columns + lattice.origin[0]
    x = c * rows + d * columns + lattice.origin[1]
    plane = 100 * y + x
    data = plane.T if axes == "XY" else plane
    return Look(CalibratedImage(data, axes, name=name), at or {}, lattice)


COARSE = Lattice(((0.2, 0.0), (0.0, 0.2)), (1.0, 2.0))
FINE = Lattice(((0.1, 0.0), (0.0, 0.1)), (0.95, 1.95))
TURNED = Lattice(((0.08, -0.06), (0.06, 0.08)), (1.0, 2.5))


def along(*looks, start=(2.0, 3.0), end=(3.0, 4.5), width=1):
    return run(iter_profile(looks, start, end, width_px=width, unit="um"))


@pytest.mark.parametrize("width", [1, 4, 5])
def test_layers_of_different_sampling_agree_on_one_line(width):
    profile = along(ramp_look((30, 40), COARSE), ramp_look((60, 80), FINE, "XY"), width=width)
    expected = 100 * profile.points[:, 0] + profile.points[:, 1]
    for values in profile.values:
        np.testing.assert_allclose(values, expected, rtol=1e-9)


def test_a_turned_layer_is_read_where_it_lies():
    profile = along(ramp_look((60, 80), TURNED), start=(2.5, 4.5), end=(3.5, 5.0))
    np.testing.assert_allclose(profile.values[0], 100 * profile.points[:, 0] + profile.points[:, 1])


def test_the_distance_is_in_world_units_and_samples_stand_a_fine_pixel_apart():
    profile = along(ramp_look((30, 40), COARSE), ramp_look((60, 80), FINE))
    assert profile.distance[-1] == pytest.approx(np.hypot(1.0, 1.5))
    assert np.diff(profile.distance) == pytest.approx(0.1, rel=0.05)


def test_beyond_the_edge_there_is_nothing():
    profile = along(ramp_look((10, 10), COARSE), start=(0.0, 2.4), end=(2.0, 2.4))
    inside = (profile.points[:, 0] >= 0.9) & (profile.points[:, 0] <= 2.9)
    np.testing.assert_array_equal(np.isfinite(profile.values[0]), inside)


def test_only_the_surroundings_of_the_line_are_read_in_the_plane_that_is_looked_at():
    read = []

    class Recorded:
        shape, dtype, ndim = (5, 1000, 1000), np.dtype("uint8"), 3

        def __getitem__(self, index):
            read.append(index)
            return np.zeros((5, 1000, 1000), np.uint8)[index]

    look = Look(CalibratedImage(Recorded(), "ZYX"), {"Z": 3}, Lattice())
    along(look, start=(10.0, 20.0), end=(15.0, 30.0))
    assert read == [(3, slice(10, 16), slice(20, 31))]


def test_the_table_has_distance_place_and_a_column_for_each_image():
    look = ramp_look((10, 10), COARSE, name="before, raw")
    profile = along(look, start=(1.0, 2.0), end=(1.0, 9.0))
    rows = list(csv.reader(io.StringIO(profile_table(profile))))
    assert rows[0] == ["distance_um", "y_um", "x_um", "before, raw"]
    assert rows[1] == ["0", "1", "2", "102"]
    assert rows[-1][-1] == ""
    assert len(rows) == len(profile.distance) + 1
