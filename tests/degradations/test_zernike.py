import numpy as np
import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.zernike import noll_orders, spread_waves, zernike


def disc(points=500):
    at = (np.arange(points) + 0.5) * 2 / points - 1
    y, x = np.meshgrid(at, at, indexing="ij")
    inside = x * x + y * y <= 1
    return x[inside], y[inside]


def test_the_polynomials_are_orthonormal_on_the_disc():
    x, y = disc()
    values = np.array([zernike(noll, x, y) for noll in range(1, 29)])
    # The pixelated rim of 500 points across leaves a few times 1e-3.
    np.testing.assert_allclose(values @ values.T / x.size, np.eye(28), atol=3e-3)


def test_the_orders_follow_nolls_table():
    table = [
        (0, 0),
        (1, 1),
        (1, -1),
        (2, 0),
        (2, -2),
        (2, 2),
        (3, -1),
        (3, 1),
        (3, -3),
        (3, 3),
        (4, 0),
        (4, 2),
    ]
    assert [noll_orders(noll) for noll in range(1, 13)] == table


def test_common_polynomials_have_their_textbook_form():
    x, y = np.random.default_rng(0).uniform(-0.7, 0.7, (2, 50))
    squared = x * x + y * y
    np.testing.assert_allclose(zernike(2, x, y), 2 * x, atol=1e-12)
    np.testing.assert_allclose(zernike(3, x, y), 2 * y, atol=1e-12)
    np.testing.assert_allclose(zernike(6, x, y), np.sqrt(6) * (x * x - y * y), atol=1e-12)
    np.testing.assert_allclose(zernike(8, x, y), np.sqrt(8) * (3 * squared - 2) * x, atol=1e-12)
    np.testing.assert_allclose(zernike(11, x, y), np.sqrt(5) * (6 * squared**2 - 6 * squared + 1), atol=1e-12)


def test_a_tilt_spreads_rays_by_its_slope():
    assert spread_waves(((2, 0.5),)) == pytest.approx(1.0, rel=1e-6)


def test_a_noll_index_of_zero_is_refused():
    with pytest.raises(InputError, match="Noll index is 0"):
        noll_orders(0)
