import numpy as np
import pytest
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.evidence import NO_CAUSE, Trust, combine, structure_mask, summarise


def test_the_least_quality_decides_and_is_named():
    data = np.array([[0.9, 0.1, np.nan]])
    null = np.array([[0.5, 0.8, 0.2]])
    found = combine({"null": null, "data": data})
    np.testing.assert_allclose(found.trust, [[0.5, 0.1, np.nan]], rtol=1e-6)
    assert found.parts == ("data", "null")
    assert found.cause.tolist() == [[1, 0, NO_CAUSE]]


def test_a_coarser_map_is_repeated_on_the_finer_grid():
    data = np.array([[0.1, 0.9]])
    null = np.full((2, 4), 0.5)
    np.testing.assert_allclose(
        combine({"data": data, "null": null}).trust, [[0.1, 0.1, 0.5, 0.5]] * 2, rtol=1e-6
    )


def test_structure_is_counted_apart_from_background():
    trust = np.full((10, 10), 0.9, dtype=np.float32)
    trust[:2] = 0.01
    trust[2, :5] = 0.03
    trust[9, :5] = np.nan
    cause = np.zeros((10, 10), dtype=np.uint8)
    cause[2] = 1
    cause[9, :5] = NO_CAUSE
    structure = np.zeros((10, 10), dtype=bool)
    structure[:4] = True
    found = summarise(Trust(trust, cause, ("data", "null")), structure, 0.05)
    assert found.share == pytest.approx(25 / 95)
    assert found.structure_share == pytest.approx(25 / 40)
    assert found.background_share == 0
    assert found.structure == pytest.approx(40 / 95)
    assert found.missing == pytest.approx(0.05)
    assert found.by_cause == pytest.approx({"data": 20 / 95, "null": 5 / 95})
    empty = summarise(Trust(trust, cause, ("data", "null")), np.zeros((5, 5), dtype=bool))
    assert np.isnan(empty.structure_share)


def test_what_cannot_be_combined_is_refused_in_one_sentence():
    good = np.full((2, 2), 0.5)
    trust = combine({"data": good})
    nothing = combine({"data": np.full((2, 2), np.nan)})
    for call, words in (
        (lambda: combine({}), "there is none"),
        (lambda: combine({"noise": good}), "'noise' is none of them"),
        (lambda: combine({"data": 2 * good + 0.5}), "between 0 and 1"),
        (lambda: combine({"data": good, "null": np.full((3, 2), 0.5)}), "whole factor"),
        (lambda: summarise(trust, np.ones((3, 3), dtype=bool)), "whole factor"),
        (lambda: summarise(trust, np.ones((2, 2), dtype=bool), 1.5), "threshold"),
        (lambda: summarise(nothing, np.ones((2, 2), dtype=bool)), "no finite pixel"),
    ):
        with pytest.raises(InputError, match=words):
            call()


@pytest.mark.parametrize("sign", [1, -1])
def test_structure_is_what_stands_out_from_the_background_bright_or_dark(sign):
    y, x = np.indices((200, 200))
    body = ndimage.gaussian_filter((np.hypot(y - 100, x - 100) < 40).astype(float), 2)
    image = 500 + sign * 300 * body + np.random.default_rng(0).normal(0, 2, body.shape)
    mask = structure_mask(image)
    distance = np.hypot(y - 100, x - 100)
    assert mask[distance < 42].all()
    assert not mask[distance > 56].any()
    image[0, :3] = np.nan
    image[100, 100] = np.inf
    assert not structure_mask(image)[0, :3].any()
    assert np.count_nonzero(structure_mask(image)) == np.count_nonzero(mask) - 1


def test_planes_without_contrast_have_no_structure_and_full_ones_nothing_else():
    assert not structure_mask(np.full((20, 20), 5.0)).any()
    assert not structure_mask(np.full((20, 20), np.nan)).any()
    noise = np.random.default_rng(1).normal(0, 1, (64, 64))
    assert not structure_mask(noise, least_contrast=10.0).any()
    texture = ndimage.gaussian_filter(np.random.default_rng(2).normal(size=(128, 128)), 3)
    assert structure_mask(texture).mean() > 0.99
