from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import fft

from napari_restoration.core.errors import InputError
from napari_restoration.training.sfm import FrequencyMasking, draw_band, without_band


@pytest.fixture
def image() -> np.ndarray:
    return np.random.default_rng(1).random((3, 12, 16))


def cosine(i: int, j: int, height: int = 12, width: int = 16) -> np.ndarray:
    y, x = np.arange(height)[:, None] + 0.5, np.arange(width) + 0.5
    return np.cos(np.pi * i * y / height) * np.cos(np.pi * j * x / width)


@pytest.mark.parametrize(("low", "high"), [(5.0, 5.0), (7.0, 2.0), (3.1, 3.15), (30.0, 40.0)])
def test_an_empty_band_changes_nothing(low: float, high: float, image) -> None:
    np.testing.assert_array_equal(without_band(image, low, high), image)


def test_what_lies_in_the_band_is_gone_and_the_rest_stays() -> None:
    inside, outside = cosine(3, 4), cosine(6, 8)  # radii 5 and 10
    np.testing.assert_allclose(without_band(0.5 + inside + outside, 4.9, 5.1), 0.5 + outside, atol=1e-12)
    # Both radii of a band are left in.
    np.testing.assert_allclose(without_band(inside + outside, 5.0, 10.0), inside + outside, atol=1e-12)


def test_the_whole_spectrum_but_the_mean_can_go(image) -> None:
    cleared = without_band(image, 0.0, math.hypot(12, 16))
    expected = np.broadcast_to(image.mean(axis=(-2, -1), keepdims=True), image.shape)
    np.testing.assert_allclose(cleared, expected, atol=1e-12)


def test_all_frames_lose_the_same_band(image) -> None:
    spectrum = np.abs(fft.dctn(without_band(image, 4.0, 9.0), axes=(-2, -1), norm="ortho"))
    radius = np.hypot(np.arange(12)[:, None], np.arange(16))
    band = (radius > 4) & (radius < 9)
    assert spectrum[:, band].max() < 1e-12
    assert (spectrum[:, ~band] > 1e-6).all()


def test_type_and_input_are_kept(image) -> None:
    single = image.astype(np.float32)
    before = single.copy()
    assert without_band(single, 2.0, 9.0).dtype == np.float32
    np.testing.assert_array_equal(single, before)


def test_random_bands_are_two_sorted_uniform_radii(random_bands: Callable[[str], np.ndarray]) -> None:
    bands = random_bands("random") / math.hypot(30, 40)
    assert (bands[:, 0] <= bands[:, 1]).all()
    # Order statistics of two uniform numbers: 1/3 and 2/3, standard deviation 0.236 each.
    np.testing.assert_allclose(bands.mean(axis=0), [1 / 3, 2 / 3], atol=5 * 0.236 / math.sqrt(4000))


def test_targeted_bands_lie_around_the_finest_detail(random_bands: Callable[[str], np.ndarray]) -> None:
    bands = random_bands("targeted") / math.hypot(30, 40)
    np.testing.assert_allclose(bands.mean(axis=1), 0.85)
    half = (bands[:, 1] - bands[:, 0]) / 2
    assert math.sqrt((half**2).mean()) == pytest.approx(0.15, rel=0.06)


@pytest.fixture
def random_bands() -> Callable[[str], np.ndarray]:
    def draw(mode: str) -> np.ndarray:
        rng = np.random.default_rng(2)
        return np.array([draw_band((30, 40), rng, mode) for _ in range(4000)])

    return draw


def test_half_of_the_inputs_are_masked_and_no_target(image) -> None:
    masking, rng = FrequencyMasking(), np.random.default_rng(3)
    before = image.copy()
    changed = 0
    for _ in range(400):
        given, target = masking(image, image, rng)
        assert target is image
        changed += not np.array_equal(given, image)
    np.testing.assert_array_equal(image, before)
    # 400 even draws: standard deviation 10; a few bands hold no index.
    assert 140 < changed < 250


def test_the_seed_decides_and_the_share_does_not_move_later_draws(image) -> None:
    def after(share: float) -> tuple[np.ndarray, float]:
        rng = np.random.default_rng(4)
        given, _ = FrequencyMasking(share=share, mode="targeted")(image, image, rng)
        return given, float(rng.random())

    np.testing.assert_array_equal(after(1.0)[0], after(1.0)[0])
    assert after(1.0)[1] == after(0.0)[1]
    assert not np.array_equal(after(1.0)[0], after(0.0)[0])


@pytest.mark.parametrize(("settings", "named"), [({"share": 1.5}, "1.5"), ({"mode": "soft"}, "soft")])
def test_settings_outside_their_limits_are_named(settings: dict, named: str) -> None:
    with pytest.raises(InputError, match=named):
        FrequencyMasking(**settings)


@pytest.mark.parametrize("wrong", [np.zeros(8), np.zeros((8, 8), np.uint16)])
def test_integers_and_lines_are_refused(wrong: np.ndarray) -> None:
    with pytest.raises(InputError, match=str(wrong.dtype)):
        without_band(wrong, 1.0, 2.0)
