"""What a tooltip says about a model."""

from dataclasses import replace

from napari_restoration.gui._card_text import describe_card, describe_scores
from napari_restoration.models.card import ModelCard

CARD = ModelCard(
    id="mine", title="Mine", description="Removes <noise>.", task="denoise", arch="care", arch_args={},
    weights_bytes=1_500_000, halo=8, receptive_field=8, pixel_size_um=(0.05, 0.2),
    trained_on=({"name": "cells"}, {"name": "cells"}, {"name": "phantom"}),
)  # fmt: skip


def test_it_names_size_training_data_once_and_pixel_size():
    text = describe_card(CARD)
    assert "1.5 MB" in text
    assert "cells, phantom<" in text
    assert "50 to 200 nm" in text
    assert "Removes &lt;noise&gt;." in text


def test_scores_stand_beside_the_input_and_the_best_classical_method():
    level = {
        "images": 9,
        "psnr": {"model": 31.234, "input": 25, "best_baseline": 30.1, "best_baseline_name": "nlm"},
    }
    scores = {
        "command": "python -m x",
        "val": {"low": {}, "all": level},
        "w2s": {"only": {"ssim_affine": {"model": 0.9}}},
    }
    assert list(describe_scores(scores)) == [
        ("Validation images", "PSNR 31.23 dB (input 25.00 dB, nlm 30.10 dB)"),
        ("Real pairs, w2s", "SSIM 0.900"),
    ]
    assert "PSNR 31.23 dB" in describe_card(replace(CARD, scores=scores))


def test_scores_of_another_form_are_left_out():
    assert (
        list(
            describe_scores(
                {"psnr": 31.2, "val": {}, "x": {"all": 3}, "y": {"all": {"psnr": {"model": "?"}}}}
            )
        )
        == []
    )
