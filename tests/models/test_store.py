"""Weight files are checked before they are parsed, and written whole."""

import json
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.models.tiny_models import tiny_card

from napari_restoration.core.errors import ModelError, OutputError
from napari_restoration.models import registry
from napari_restoration.models.card import ModelCard
from napari_restoration.models.store import StoredTensor, check_header, save_model_folder, sha256_of, ship

SaveTiny = Callable[..., Path]


def write(path: Path, header: Any, content: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
    return path


def entry(start: int = 0, stop: int = 4, **changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [1], "data_offsets": [start, stop], **changes}


def test_a_header_gives_names_types_and_shapes(tmp_path: Path) -> None:
    save_model_folder(tmp_path / "m", tiny_card("care"), {"a": np.zeros((2, 3)), "b": np.zeros(4)}, half=True)
    assert check_header(tmp_path / "m" / "weights.safetensors") == {
        "a": StoredTensor("F16", (2, 3)),
        "b": StoredTensor("F32", (4,)),
    }


@pytest.mark.parametrize(
    ("header", "content", "reason"),
    [
        ({f"t{i}": entry(4 * i, 4 * i + 4) for i in range(10_001)}, b"\0" * 40_004, "10001 tensors"),
        (
            b'{"a":' + json.dumps(entry()).encode() + b',"a":' + json.dumps(entry()).encode() + b"}",
            b"\0" * 4,
            "twice",
        ),
        (b"{}" + b" " * 2**20, b"", "header has"),
        (b"{" * 100_000, b"", "not used"),
        (b"[]", b"", "no JSON object"),
        ({"a": entry()}, b"\0" * 3, "do not fill"),
        ({"a": entry()}, b"\0" * 5, "do not fill"),
        ({"a": entry(shape=[2**62, 2**62])}, b"", "no tensor"),
        ({"a": entry(shape=[-1])}, b"", "no tensor"),
        ({"a": entry(dtype="OBJECT")}, b"", "no tensor"),
        ({"a": entry(dtype=["F32"])}, b"", "no tensor"),
        ({"a": 3}, b"", "no tensor"),
    ],
    ids=range(12),
)
def test_a_hostile_header_is_refused(header: Any, content: bytes, reason: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=reason):
        check_header(write(tmp_path / "weights.safetensors", header, content))


def test_a_lying_header_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(struct.pack("<Q", 2**63) + b"{}")
    with pytest.raises(ModelError, match="header has"):
        check_header(path)


@pytest.mark.parametrize("content", [pickle.dumps({"a": 1}), b"PK\x03\x04" + b"\0" * 60])
def test_files_that_can_hold_code_are_called_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content + b"\0" * 16)
    with pytest.raises(ModelError, match="can contain code"):
        check_header(path)


@pytest.mark.parametrize("length", [0, 5, 8, 9])
def test_a_cut_file_is_refused(length: int, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes((struct.pack("<Q", 40) + b"{}")[:length])
    with pytest.raises(ModelError, match="not used as weights"):
        check_header(path)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="do not exist"):
        check_header(tmp_path / "weights.safetensors")


def test_kernels_are_halved_and_statistics_are_not(tmp_path: Path) -> None:
    state = {"kernel": np.full((2, 2), 0.1, np.float32), "variance": np.full(3, 1e6), "count": np.array(7)}
    save_model_folder(tmp_path / "m", tiny_card("care"), state, half=True)
    stored = load_file(tmp_path / "m" / "weights.safetensors")
    assert {name: value.dtype.str for name, value in stored.items()} == {
        "kernel": "<f2",
        "variance": "<f4",
        "count": "<i8",
    }
    assert stored["count"].shape == ()
    assert stored["variance"][0] == 1e6


def test_the_card_on_disk_describes_the_weights_beside_it(tmp_path: Path) -> None:
    card = save_model_folder(tmp_path / "m", tiny_card("care"), {"a": np.zeros((2, 2))})
    weights = tmp_path / "m" / "weights.safetensors"
    assert ModelCard.from_file(tmp_path / "m" / "card.json") == card
    assert card.weights_sha256 == sha256_of(weights)
    assert card.weights_bytes == weights.stat().st_size


@pytest.mark.parametrize(("value", "half"), [(np.nan, False), (np.inf, True), (1e6, True)])
def test_weights_that_are_not_finite_are_never_written(value: float, half: bool, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="'a' is not finite"):
        save_model_folder(tmp_path / "m", tiny_card("care"), {"a": np.full((2, 2), value)}, half=half)
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_replaced_only_when_allowed(tmp_path: Path) -> None:
    save_model_folder(tmp_path / "m", tiny_card("care"), {"a": np.zeros(2)})
    with pytest.raises(OutputError, match="exists"):
        save_model_folder(tmp_path / "m", tiny_card("care"), {"a": np.ones(2)})
    save_model_folder(tmp_path / "m", tiny_card("care"), {"a": np.ones(2)}, overwrite=True)
    assert load_file(tmp_path / "m" / "weights.safetensors")["a"].tolist() == [1, 1]


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty set of shipped models."""
    (tmp_path / "cards.json").write_text('{"version": 1, "models": []}')
    monkeypatch.setattr(registry, "SHIPPED_CARDS", tmp_path / "cards.json")
    monkeypatch.setattr(registry, "SHIPPED_WEIGHTS", tmp_path / "weights")
    return tmp_path


def test_a_shipped_model_is_listed_and_found(shipped: Path, save_tiny: SaveTiny) -> None:
    ship(save_tiny("care", half=True))
    card, weights = registry.find_card("tiny-care")
    assert registry.list_models("denoise", classical=False) == ["tiny-care"]
    assert weights == shipped / "weights" / "tiny-care.safetensors"
    assert sha256_of(weights) == card.weights_sha256


def test_shipping_again_replaces_the_card(shipped: Path, save_tiny: SaveTiny, tmp_path: Path) -> None:
    ship(save_tiny("care"))
    ship(save_tiny("bdu"))
    ship(save_tiny("care", half=True, title="Better", folder=tmp_path / "second"))
    assert registry.list_models(classical=False) == ["tiny-care", "tiny-bdu"]
    assert registry.find_card("tiny-care")[0].title == "Better"


def test_a_model_without_training_data_is_not_shipped(shipped: Path, save_tiny: SaveTiny) -> None:
    with pytest.raises(ModelError, match="training data"):
        ship(save_tiny("care", trained_on=()))
    assert registry.list_models(classical=False) == []


def test_weights_that_were_changed_are_not_shipped(shipped: Path, save_tiny: SaveTiny) -> None:
    folder = save_tiny("care")
    content = bytearray((folder / "weights.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "weights.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match="not the file"):
        ship(folder)
    assert registry.list_models(classical=False) == []
