"""The verdict on whether a training helped, from made-up scores whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_restoration.tasks.assess_verdict import Compared, conclude, decide, p_words, signed_rank
from napari_restoration.tasks.assessment import Assessment, ImageScores


def compared(
    gains: list[float], *, blocks: dict[int, list[float]] | None = None, ssim: float = 0.0
) -> list[Compared]:
    """Images of one field each."""
    return [
        Compared(
            scores=ImageScores(
                name=f"cell{n}", field=f"cell{n}", psnr_input=20.0, psnr_before=30.0, psnr_after=30.0 + gain,
                ssim_input=0.5, ssim_before=0.8, ssim_after=0.8 + ssim,
            ),
            blocks=blocks or {},
        )
        for n, gain in enumerate(gains)
    ]  # fmt: skip


def verdict_of(gains: list[float], **more) -> Assessment:
    return conclude(compared(gains, **more), before="old", after="new", affine=False)


@pytest.mark.parametrize("fields", [6, 7, 12, 30])
def test_differences_that_are_noise_are_rarely_called_one_over_fields(fields: int) -> None:
    rng = np.random.default_rng(fields)
    called = [decide(own, own) != "no clear difference" for own in rng.normal(0, 0.5, (800, fields))]
    assert np.mean(called) < 0.07


@pytest.mark.parametrize("skewed", [False, True])
def test_differences_that_are_noise_are_rarely_called_one_over_blocks(skewed: bool) -> None:
    rng = np.random.default_rng(1)
    called = []
    for fields in (1, 2, 4):
        for _ in range(400):
            blocks = rng.normal(0, 0.5, (fields, 16))
            # Differences are skewed where a few blocks hold most of the structure.
            blocks = np.sign(blocks) * blocks**2 if skewed else blocks
            called.append(decide(blocks.ravel(), blocks.mean(1)) != "no clear difference")
    assert np.mean(called) < 0.06


def test_six_fields_that_agree_suffice_and_the_order_decides() -> None:
    gains = [0.2, 0.3, 0.25, 0.4, 0.15, 0.5]
    assert verdict_of(gains).verdict == "better"
    assert verdict_of([-gain for gain in gains]).verdict == "worse"
    assert verdict_of(gains).p_value == pytest.approx(2 / 2**6)


def test_models_that_are_equal_differ_by_nothing() -> None:
    found = verdict_of([0.0] * 8)
    assert (found.verdict, found.mean_gain_db, found.spread_db, found.p_value) == (
        "no clear difference",
        0,
        0,
        1,
    )
    assert "differs by less than 0.01 dB" in found.words


def test_less_than_a_tenth_of_a_decibel_is_no_difference_however_sure() -> None:
    found = verdict_of([0.05 + n / 1000 for n in range(12)])
    assert found.verdict == "no clear difference"
    assert found.p_value < 0.001
    assert "less than 0.1 dB is not counted" in found.words


def test_a_mean_that_one_field_makes_is_no_clear_difference() -> None:
    found = verdict_of([9.0, -0.1, -0.2, -0.3, -0.4, -0.5, -0.6, -0.7])
    assert found.verdict == "no clear difference"


def test_with_few_fields_blocks_are_tested_and_every_field_must_agree() -> None:
    blocks = {128: [0.5 + n / 100 for n in range(10)], 64: [0.5 + n / 100 for n in range(30)]}
    agreeing = verdict_of([0.6, 0.7, 0.5], blocks=blocks)
    assert (agreeing.verdict, agreeing.unit, agreeing.units, agreeing.fields) == ("better", "block", 30, 3)
    assert agreeing.mean_gain_db == pytest.approx(0.6)
    assert "30 blocks of 128 x 128 pixels" in agreeing.words
    split = verdict_of([0.9, 0.9, -0.1], blocks=blocks)
    assert split.verdict == "no clear difference"
    assert "point different ways" in split.words


def test_smaller_blocks_are_taken_where_there_are_few() -> None:
    blocks = {128: [0.5, 0.6], 96: [0.5] * 4, 64: [0.5 + n / 100 for n in range(9)]}
    assert verdict_of([0.6], blocks=blocks).units == 9


def test_images_of_one_field_count_once() -> None:
    images = compared([0.2, 0.4] * 6)
    same = [
        Compared(scores=ImageScores(**{**vars(one.scores), "field": f"cell{n // 2}"}), blocks={})
        for n, one in enumerate(images)
    ]
    found = conclude(same, before="old", after="new", affine=False)
    assert (found.units, found.fields, len(found.images)) == (6, 6, 12)
    assert found.spread_db == pytest.approx(0, abs=1e-9)


def test_too_few_blocks_for_the_test_are_called_that() -> None:
    found = verdict_of([2.0], blocks={64: [2.0, 2.1, 2.2]})
    assert found.verdict == "no clear difference"
    assert "fewer than 6 it cannot come out otherwise" in found.words


def test_ssim_that_moves_the_other_way_is_told() -> None:
    gains = [0.3 + n / 100 for n in range(8)]
    assert "but SSIM is 0.040 lower" in verdict_of(gains, ssim=-0.04).words
    assert "SSIM" not in verdict_of(gains, ssim=0.04).words


def test_without_a_model_before_the_input_is_compared_with() -> None:
    images = [
        Compared(
            scores=ImageScores(
                name=f"{n}", field=f"{n}", psnr_input=20.0, psnr_after=25.0 + n, ssim_input=0.5, ssim_after=0.9
            ),
            blocks={},
        )
        for n in range(6)
    ]  # fmt: skip
    found = conclude(images, before=None, after="new", affine=False)
    assert (found.verdict, found.mean_gain_db) == ("better", 7.5)
    assert "the input as it is" in found.words


def test_words_are_a_few_sentences_without_loose_ends() -> None:
    for gains in ([0.3] * 8, [-0.3] * 8, [0.3, -0.3] * 4, [0.0] * 8):
        words = verdict_of([g + n / 1000 for n, g in enumerate(gains)]).words
        assert 3 <= words.count(". ") + 1 <= 4
        assert words.endswith(".")
        assert "  " not in words
        assert "None" not in words


def test_the_test_is_that_of_wilcoxon_with_its_direction() -> None:
    from scipy import stats

    own = [0.3, -0.1, 0.5, 0.0, 0.7, 0.2, -0.15, 0.9]
    p, direction = signed_rank(own)
    assert p == pytest.approx(stats.wilcoxon([one for one in own if one]).pvalue)
    assert direction == 1
    assert signed_rank([-one for one in own])[1] == -1
    assert signed_rank([0.0, 0.0]) == (1.0, 0.0)


def test_p_is_printed_as_papers_do() -> None:
    assert [p_words(p) for p in (0.0004, 0.0312, 0.42)] == ["p < 0.001", "p = 0.031", "p = 0.42"]
