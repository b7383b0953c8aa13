import numpy as np
import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence import assumed_scale, disagreement


def _exact(mu, b):
    """D of one pixel by a sum over many points around every member's peak."""
    steps = np.concatenate([-np.geomspace(40, 1e-4, 2000), [0], np.geomspace(1e-4, 40, 2000)])
    points = np.unique((mu[:, None] + b[:, None] * steps).ravel())
    density = np.mean(np.exp(-np.abs(points - mu[:, None]) / b[:, None]) / (2 * b[:, None]), axis=0)
    entropy = np.trapezoid(-density * np.log(np.maximum(density, 1e-300)), points)
    return (entropy - np.mean(1 + np.log(2 * b))) / np.log(len(mu))


@pytest.mark.parametrize("members", [2, 3, 8])
@pytest.mark.parametrize(
    ("spread", "ratio", "worst"), [(0.3, 1.1, 0.01), (1.5, 1.3, 0.01), (6, 2, 0.03), (40, 4, 0.05)]
)
def test_the_divergence_is_that_of_a_fine_integral(members, spread, ratio, worst):
    rng = np.random.default_rng(0)
    mu, b = rng.normal(500, spread, (members, 5, 8)), np.exp(rng.normal(0, np.log(ratio), (members, 5, 8)))
    found = disagreement(list(mu), list(b)).divergence.ravel()
    flat = zip(mu.reshape(members, -1).T, b.reshape(members, -1).T, strict=True)
    wrong = np.abs(found - [_exact(*pixel) for pixel in flat])
    assert wrong.max() < worst
    assert wrong.mean() < min(worst, 0.01)


@pytest.mark.parametrize("members", [2, 3, 8])
def test_identical_members_agree_and_distant_ones_do_not(members):
    mu = np.random.default_rng(1).normal(100, 30, (4, 5))
    b = np.random.default_rng(2).uniform(0.1, 50, (4, 5))
    same = disagreement([mu] * members, [b] * members)
    assert same.divergence.max() < 1e-5
    assert not same.epistemic.any()
    np.testing.assert_allclose(same.variance, 2 * b**2, rtol=1e-5)
    far = disagreement([mu + 1e4 * number for number in range(members)], [b] * members)
    assert far.divergence.min() > 0.99
    assert far.quality.max() < 0.01
    assert disagreement([mu] * members).divergence.max() < 1e-5


def test_the_variance_is_that_of_the_mixture():
    rng = np.random.default_rng(3)
    mu, b = [10.0, 13.0, 5.0], [1.0, 2.0, 0.5]
    draws = np.concatenate([rng.laplace(*pair, 200_000) for pair in zip(mu, b, strict=True)])
    found = disagreement([np.full((2, 2), value) for value in mu], [np.full((2, 2), value) for value in b])
    assert found.mean[0, 0] == pytest.approx(draws.mean(), abs=0.02)
    assert found.variance[0, 0] == pytest.approx(draws.var(), rel=0.01)
    assert found.aleatoric[0, 0] == pytest.approx(np.mean([2 * value**2 for value in b]), rel=1e-5)
    assert found.epistemic[0, 0] == pytest.approx(np.var(mu), rel=1e-5)


def test_an_equivariant_restoration_has_no_variance_under_turns():
    image = np.random.default_rng(4).random((24, 24)).astype(np.float32)
    equivariant = np.sqrt
    lopsided = lambda plane: plane + 0.1 * np.roll(plane, 1, axis=1)  # noqa: E731
    for restore, is_equal in ((equivariant, True), (lopsided, False)):
        views = [np.rot90(restore(np.rot90(image, turns)), -turns) for turns in range(4)]
        assert (disagreement(views).epistemic.max() == 0) == is_equal


def test_units_do_not_matter():
    rng = np.random.default_rng(5)
    mu, b = rng.normal(0, 1, (3, 8, 8)), rng.uniform(0.5, 1, (3, 8, 8))
    one = disagreement(list(mu), list(b)).divergence
    np.testing.assert_allclose(disagreement(list(1e-6 * mu), list(1e-6 * b)).divergence, one, atol=1e-5)
    np.testing.assert_allclose(disagreement(list(300 * mu + 7000), list(300 * b)).divergence, one, atol=2e-3)
    np.testing.assert_allclose(disagreement(list(mu[::-1]), list(b[::-1])).divergence, one, atol=1e-5)


def test_members_without_scales_are_told_apart_in_units_of_a_difference_that_matters():
    ramp = np.linspace(0, 1000, 4096).reshape(64, 64)
    members = [ramp, ramp + 5.0, ramp - 5.0]
    found = disagreement(members)
    contrast = np.percentile(ramp, 99.8) - np.percentile(ramp, 2)
    assert assumed_scale(members) == pytest.approx(0.1 * contrast / 5.9915, rel=1e-3)
    same = disagreement(members, assumed=assumed_scale(members))
    np.testing.assert_array_equal(found.divergence, same.divergence)
    assert found.aleatoric is None
    np.testing.assert_array_equal(found.variance, found.epistemic)
    noise = np.full((64, 64), 2.0)
    noise[:, 32:] = 200.0
    told = disagreement(members, assumed=assumed_scale(members, noise)).divergence
    assert told[:, :32].min() > 0.5
    assert told[:, 32:].max() < 0.01
    assert assumed_scale([np.ones((3, 3))] * 2) == 1.0


def test_missing_pixels_of_one_member_are_missing_in_all_maps():
    mu = np.random.default_rng(6).random((2, 5, 5))
    mu[1, 2, 3] = np.nan
    found = disagreement(list(mu), [np.ones((5, 5))] * 2)
    for plane in (found.mean, found.variance, found.divergence, found.quality):
        assert np.argwhere(np.isnan(plane)).tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("means", "scales", "settings", "words"),
    [
        ([np.ones((2, 2))], None, {}, "at least 2"),
        ([np.ones((2, 2)), np.ones((2, 3))], None, {}, "same grid"),
        ([np.ones((2, 2))] * 2, [np.ones((2, 2))], {}, "2 members but 1"),
        ([np.ones((2, 2))] * 2, [np.zeros((2, 2))] * 2, {}, "above 0"),
        ([np.ones((2, 2))] * 2, None, {"assumed": 0.0}, "above 0"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_sentence(means, scales, settings, words):
    with pytest.raises(InputError, match=words):
        disagreement(means, scales, **settings)
