import numpy as np
import pytest

from napari_restoration.degradations.phantom.drawing import (
    Field,
    smooth_noise,
    splat,
    splat_curves,
    to_photons,
    worm_like_curve,
)
from napari_restoration.degradations.phantom.em_section import draw_em_section
from napari_restoration.degradations.phantom.filaments import draw_actin, draw_microtubules
from napari_restoration.degradations.phantom.membranes import draw_membranes
from napari_restoration.degradations.phantom.mitochondria import draw_mitochondria, draw_moving_mitochondria
from napari_restoration.degradations.phantom.nuclei import draw_nuclei

FLUORESCENT = {
    "microtubules": (draw_microtubules, 0.1),
    "actin": (draw_actin, 0.1),
    "nuclei": (draw_nuclei, 0.4),
    "mitochondria": (draw_mitochondria, 0.1),
    "membranes": (draw_membranes, 0.3),
}
PHANTOMS = {**FLUORESCENT, "em section": (draw_em_section, 0.012)}


def drawn(name, seed, shape=(80, 112)):
    draw, pixel_size_um = PHANTOMS[name]
    return draw(Field(shape, pixel_size_um), np.random.default_rng(seed))


@pytest.mark.parametrize("name", PHANTOMS)
def test_a_phantom_is_finite_light_on_its_field(name):
    image = drawn(name, 1)
    assert image.shape == (80, 112)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert image.min() >= 0
    assert image.std() > 0.05 * image.mean()


@pytest.mark.parametrize("name", PHANTOMS)
def test_the_same_seed_draws_the_same_phantom(name):
    np.testing.assert_array_equal(drawn(name, 2), drawn(name, 2))
    assert not np.array_equal(drawn(name, 2), drawn(name, 3))


@pytest.mark.parametrize("name", FLUORESCENT)
def test_the_peak_holds_the_photons_asked_for(name):
    draw, pixel_size_um = FLUORESCENT[name]
    dim, bright = (
        draw(Field((80, 80), pixel_size_um), np.random.default_rng(4), peak_photons=peak)
        for peak in (50.0, 500.0)
    )
    np.testing.assert_allclose(bright, 10 * dim, rtol=1e-5)
    assert 50 <= dim.max() < 500


@pytest.mark.parametrize("draw", [draw_microtubules, draw_actin, draw_nuclei])
def test_a_volume_is_drawn_in_planes(draw):
    volume = draw(Field((5, 48, 40), 0.3, 1.5), np.random.default_rng(0))
    assert volume.shape == (5, 48, 40)
    assert volume.max() > 10 * np.median(volume) > 0


@pytest.mark.parametrize("draw", [draw_mitochondria, draw_membranes, draw_em_section])
def test_a_phantom_that_is_thin_refuses_a_volume(draw):
    with pytest.raises(ValueError, match=r"thin field \(Y, X\)"):
        draw(Field((3, 16, 16), 0.1), np.random.default_rng(0))


def test_mitochondria_move_a_little_from_one_time_to_the_next():
    series = draw_moving_mitochondria(Field((96, 96), 0.1), np.random.default_rng(5), times=4).astype(float)
    likeness = [np.corrcoef(series[0].ravel(), plane.ravel())[0, 1] for plane in series]
    assert likeness == sorted(likeness, reverse=True)
    assert 0.5 < likeness[-1] < likeness[1] < 0.999


def test_the_grid_bar_of_an_em_section_is_nearly_black():
    field = Field((96, 96), 0.012)
    without, with_bar = (
        draw_em_section(field, np.random.default_rng(6), electrons=100.0, grid_bar=bar)
        for bar in (False, True)
    )
    assert without.min() > 5
    assert 0.02 < (with_bar < 4).mean() < 0.5


def test_an_em_section_lets_no_more_through_than_arrives():
    section = draw_em_section(Field((96, 96), 0.012), np.random.default_rng(7), electrons=100.0)
    assert section.max() <= 100.0
    assert 50 < np.median(section) < 95


@pytest.mark.parametrize("name", PHANTOMS)
def test_a_tiny_field_is_drawn_too(name):
    assert drawn(name, 0, (3, 2)).shape == (3, 2)


def test_points_keep_their_weight_and_their_place():
    field = Field((20, 30), 0.5)
    image = splat(field, np.array([[0.0, 4.1, 7.3]]), np.array([2.0]))
    rows, columns = np.indices(field.shape)
    assert image.sum() == pytest.approx(2.0)
    assert (image * rows).sum() / 2 == pytest.approx(4.1 / 0.5 - 0.5)
    assert (image * columns).sum() / 2 == pytest.approx(7.3 / 0.5 - 0.5)


def test_points_outside_the_field_are_left_out():
    assert splat(Field((8, 8), 1.0), np.array([[0.0, 50.0, -3.0]]), np.array([1.0])).sum() == 0


def test_points_of_a_volume_are_spread_over_two_planes():
    image = splat(Field((4, 8, 8), 1.0, 2.0), np.array([[3.5, 4.5, 4.5]]), np.array([1.0]))
    np.testing.assert_allclose(image[:, 4, 4], [0.0, 0.75, 0.25, 0.0])


def test_no_curves_draw_nothing():
    assert not splat_curves(Field((8, 8), 1.0), []).any()


def test_a_curve_forgets_its_direction_over_the_persistence_length():
    persistence, step = 2.0, 0.02
    cosines = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        curve = worm_like_curve(np.zeros(3), 0.3, 4.0, persistence, step, rng)
        steps = np.diff(curve[:, 1:], axis=0) / step
        cosines.append((steps[20] * steps[120]).sum())
    # Over a length s the mean cosine is exp(-s / (2 P)); smoothing of the bends shortens s a little.
    assert np.mean(cosines) == pytest.approx(np.exp(-2.0 / (2 * persistence)), abs=0.09)


def test_a_stiff_curve_is_straight():
    curve = worm_like_curve(np.zeros(3), 0.0, 5.0, 1e6, 0.05, np.random.default_rng(0))
    np.testing.assert_allclose(curve[-1], [0.0, 0.0, 5.0], atol=0.02)


def test_smooth_noise_has_unit_variance_and_its_correlation_length():
    field = Field((256, 256), 0.1)
    noise = smooth_noise(field, 0.5, np.random.default_rng(0))
    assert noise.mean() == pytest.approx(0.0, abs=1e-9)
    assert noise.std() == pytest.approx(1.0)
    # White noise under a Gaussian of width s has the correlation exp(-d^2 / (4 s^2)) at distance d.
    assert (noise[:, 5:] * noise[:, :-5]).mean() == pytest.approx(np.exp(-0.25), abs=0.06)


def test_an_empty_field_has_no_photons():
    assert not to_photons(np.zeros((4, 4)), 100.0).any()


def test_a_field_with_four_axes_is_refused():
    with pytest.raises(ValueError, match=r"\(Y, X\) or \(Z, Y, X\)"):
        Field((2, 2, 8, 8), 0.1)
