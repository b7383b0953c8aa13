"""A record in words says what it holds, and nothing that it does not."""

import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.models.registry import find_card
from napari_restoration.tasks.record_words import describe_record, is_whole, methods_paragraph, replay_command


@pytest.fixture
def record():
    """A record of the shipped burst model."""
    card = find_card("deblur-burst")[0]
    return {
        "task": "deblur", "created_utc": "2026-11-20T19:00:00+00:00", "device": "cpu", "precision": "fp32",
        "software": {"napari-restoration": "0.1.0", "torch": "2.13.0", "napari": "0.9"},
        "inputs": [{"name": "a.tif", "shape": [5, 9, 8], "dtype": "uint16", "axes": "TYX", "pixel_size_um": {"Y": 0.1},
                    "sha256": "f" * 64}],
        "model": {"id": card.id, "arch": card.arch, "weights_sha256": card.weights_sha256},
        "settings": {"tile": [64, 72], "halo": [32, 32], "register": False, "threads": 2},
        "normalization": [{"channel": 0, "low": 10, "high": 250.5}],
        "parents": [{"task": "denoise", "model": {"id": "denoise-care"}}],
    }  # fmt: skip


def test_the_paragraph_of_a_network_holds_model_weights_settings_and_versions(record):
    text = methods_paragraph(record)
    card = find_card("deblur-burst")[0]
    for part in (
        "'a.tif' (TYX 5 x 9 x 8, uint16, 0.1 um (Y)) was deblurred with napari-restoration 0.1.0 (torch 2.13.0)",
        card.weights_sha256, card.citation.rstrip("."), "percentiles 2 and 99.8) were 10 and 250.5",
        "frames auto, not aligned", "tiles of 64 x 72 pixels with 32 around them",
        "on the CPU, 2 threads, in single precision", "itself a result: denoised by denoise-care", "Made on 2026-11-20",
    ):  # fmt: skip
        assert part in text


def test_what_only_a_card_knows_is_not_said_of_other_weights(record):
    record["model"] = {**record["model"], "weights_sha256": "0" * 64}
    text = methods_paragraph(record)
    assert "BDU" not in text
    assert "percentiles" not in text
    assert "0" * 64 in text


def test_a_classical_method_has_parameters_and_no_torch(record):
    record["model"] = {"id": "classical-richardson-lucy", "arch": "classical", "weights_sha256": ""}
    record["settings"] = {"parameters": {"sigma_px": 1.5, "iterations": 20}}
    text = methods_paragraph(record)
    assert "by the method 'classical-richardson-lucy' (Richardson-Lucy; W. H. Richardson" in text
    assert "sigma_px = 1.5, iterations = 20" in text
    assert "torch" not in text
    assert ("Weights", "none") in describe_record(record)


def test_a_degraded_image_has_its_steps_and_seed(record):
    steps = [{"kind": "camera", "gain_electrons_per_adu": 2.0}]
    record |= {
        "task": "degrade",
        "model": {},
        "settings": {"model": {"steps": steps}},
        "seed": 7,
        "normalization": [],
    }
    assert "degraded on purpose" in methods_paragraph(record)
    assert dict(describe_record(record))["Settings"] == "camera (gain_electrons_per_adu = 2); seed 7"


def test_unfinished_records_and_damaged_ones_are_told_apart(record):
    assert is_whole(record)
    for change in ({"complete": False}, {"preview": True}, {"inputs": []}):
        assert not is_whole({**record, **change})
    with pytest.raises(InputError, match="field 'seed'"):
        methods_paragraph({**record, "seed": "one"})


def test_the_command_quotes_names_with_spaces():
    assert replay_command("a b.tif", "c.tif", "d e.tif") == (
        "napari-restoration replay 'a b.tif' -o c.tif --input 'd e.tif'"
    )
