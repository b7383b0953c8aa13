"""Cards say what is wrong with them, and lose nothing."""

import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.models.tiny_models import tiny_card

from napari_restoration.core.errors import ModelError
from napari_restoration.models.card import ModelCard
from napari_restoration.models.card_fields import CHECKS


def test_every_field_has_a_check() -> None:
    assert set(CHECKS) == {entry.name for entry in fields(ModelCard)}


def test_a_card_survives_json() -> None:
    card = tiny_card("bdu", pixel_size_um=(0.05, 0.3), scores={"psnr": {"input": 20.5}}, seed=2**40)
    assert ModelCard.from_dict(json.loads(card.to_json())) == card


def test_unknown_fields_are_kept() -> None:
    values = {**tiny_card("care").to_dict(), "doi": "10.1/abc", "links": [{"a": [1, 2]}]}
    card = ModelCard.from_dict(values)
    assert card.extra == {"doi": "10.1/abc", "links": [{"a": [1, 2]}]}
    assert card.to_dict() == values


def deep(levels: int) -> dict[str, Any]:
    return {"x": deep(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "../../etc/passwd"),
        ("id", ""),
        ("id", 7),
        ("task", "enhance"),
        ("task", ["deblur"]),
        ("arch_args", [1]),
        ("arch_args", {"base": math.nan}),
        ("weights_file", "../other.safetensors"),
        ("weights_file", "weights.pt"),
        ("weights_file", "/tmp/weights.safetensors"),
        ("weights_sha256", "abc"),
        ("weights_bytes", -1),
        ("ndim", 4),
        ("in_channels", 0),
        ("in_channels", 1.0),
        ("laplace_scale", 1),
        ("frames", 9),
        ("frames", True),
        ("scale", 0),
        ("size_multiple", 10**6),
        ("halo", -1),
        ("halo", "32"),
        ("receptive_field", 1e308),
        ("seam_error", math.inf),
        ("whole_image", 1),
        ("training_size", 0),
        ("low_percentile", 99.9),
        ("high_percentile", 101),
        ("normalizer", "zscore"),
        ("pixel_size_um", [0.1]),
        ("pixel_size_um", [0.2, 0.1]),
        ("pixel_size_um", [1e308, 1e308]),
        ("trained_on", "everything"),
        ("trained_on", ["everything"]),
        ("seed", -1),
        ("scores", {"psnr": math.inf}),
        ("scores", deep(50)),
        ("domain", {1: 2}),
        ("license", None),
        ("title", "x" * 10_001),
    ],
)
def test_a_bad_value_is_refused_by_its_fields_name(name: str, value: Any) -> None:
    values = {**tiny_card("care").to_dict(), name: value}
    with pytest.raises(ModelError, match=name):
        ModelCard.from_dict(values)


def test_a_halo_below_the_field_needs_its_measured_error() -> None:
    with pytest.raises(ModelError, match="seam_error"):
        tiny_card("care", halo=4)
    assert tiny_card("care", halo=4, seam_error=2e-4).halo == 4


def test_a_network_of_whole_images_needs_an_overlap_but_no_measured_error() -> None:
    with pytest.raises(ModelError, match=r"halo.*at least 96"):
        tiny_card("resnet", halo=95)
    card = tiny_card("deblurgan-v2", halo=96)
    assert card.receptive_field > card.halo
    assert ModelCard.from_dict(card.to_dict()) == card


def test_missing_fields_are_all_named() -> None:
    values = tiny_card("care").to_dict()
    del values["halo"], values["task"]
    with pytest.raises(ModelError, match=r"card\.json lacks task, halo"):
        ModelCard.from_dict(values, source="card.json")


def test_a_newer_format_asks_for_an_update() -> None:
    with pytest.raises(ModelError, match=r"version 2.*update"):
        ModelCard.from_dict({**tiny_card("care").to_dict(), "version": 2})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[1, 2]",
        '"card"',
        '{"id": NaN}',
        "[" * 100_000,
        " " * (2**20 + 1),
    ],
    ids=["empty", "cut", "list", "text", "NaN", "nested", "huge"],
)
def test_an_unreadable_file_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ModelError, match=r"card\.json"):
        ModelCard.from_file(path)


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "card.json"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ModelError, match=r"card\.json"):
        ModelCard.from_file(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        ModelCard.from_file(tmp_path / "card.json")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(name=st.sampled_from([entry.name for entry in fields(ModelCard)]), value=json_values)
def test_any_value_makes_a_card_or_one_sentence(name: str, value: Any) -> None:
    values = {**tiny_card("care").to_dict(), name: value}
    try:
        card = ModelCard.from_dict(values)
    except ModelError as error:
        message = str(error)
    else:
        message = f"{name} {json.loads(card.to_json())}"
    assert name in message
