"""Models are found by id or folder, and a damaged one never takes the others with it."""

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_restoration.core.errors import ModelError
from napari_restoration.models import registry
from napari_restoration.models.any_model import load_model
from napari_restoration.models.archs import ARCHITECTURES
from napari_restoration.models.card import TASKS

SaveTiny = Callable[..., Path]


@pytest.fixture(autouse=True)
def nothing_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cards.json").write_text('{"version": 1, "models": []}')
    monkeypatch.setattr(registry, "SHIPPED_CARDS", tmp_path / "cards.json")


@pytest.fixture
def user_models(user_dirs: Path) -> Path:
    folder = registry.user_models_folder()
    assert folder.is_relative_to(user_dirs)
    folder.mkdir(parents=True)
    return folder


def test_a_users_model_is_listed_under_its_task(user_models: Path, save_tiny: SaveTiny) -> None:
    save_tiny("care", folder=user_models / "tiny-care")
    assert registry.list_models(classical=False) == ["tiny-care"]
    assert registry.list_models("denoise", classical=False) == ["tiny-care"]
    assert registry.list_models("deblur", classical=False) == []
    assert registry.default_model("denoise") == "tiny-care"


def test_a_model_is_found_by_id_folder_and_card(user_models: Path, save_tiny: SaveTiny) -> None:
    folder = save_tiny("care", folder=user_models / "tiny-care")
    expected = registry.find_card("tiny-care")
    assert expected[1] == folder / "weights.safetensors"
    assert registry.find_card(folder) == expected
    assert registry.find_card(str(folder)) == expected
    assert registry.find_card(folder / "card.json") == expected


def test_a_damaged_model_is_left_out_aloud(
    user_models: Path, save_tiny: SaveTiny, caplog: pytest.LogCaptureFixture
) -> None:
    save_tiny("care", folder=user_models / "tiny-care")
    (user_models / "broken").mkdir()
    (user_models / "broken" / "card.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert registry.list_models(classical=False) == ["tiny-care"]
    assert "broken" in caplog.text


def test_a_damaged_model_says_what_is_wrong_when_asked_for(user_models: Path) -> None:
    (user_models / "broken").mkdir()
    (user_models / "broken" / "card.json").write_text('{"id": "broken"}')
    with pytest.raises(ModelError, match="lacks title"):
        registry.find_card("broken")


def test_classical_methods_stand_after_the_networks_of_every_task_and_are_no_default(
    user_models: Path, save_tiny: SaveTiny
) -> None:
    save_tiny("care", folder=user_models / "tiny-care")
    for task in TASKS:
        networks = registry.list_models(task, classical=False)
        methods = registry.list_models(task)[len(networks) :]
        assert methods
        assert all(name.startswith("classical-") for name in methods)
        assert registry.list_models(task) == networks + methods
    assert registry.default_model("denoise") == "tiny-care"


def test_a_folder_cannot_pass_for_a_classical_method(user_models: Path, save_tiny: SaveTiny) -> None:
    folder = save_tiny("care", folder=user_models / "a", id="classical-median")
    assert registry.find_card("classical-median")[0].arch == "classical"
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps({**card, "arch": "classical"}))
    with pytest.raises(ModelError, match="names no network"):
        registry.find_card(folder)


def test_an_id_belongs_to_one_model(
    user_models: Path, save_tiny: SaveTiny, caplog: pytest.LogCaptureFixture
) -> None:
    save_tiny("care", folder=user_models / "a")
    save_tiny("care", folder=user_models / "b")
    assert registry.list_models(classical=False) == ["tiny-care"]
    assert registry.find_card("tiny-care")[1].parent.name == "a"
    assert "is taken" in caplog.text


def test_a_misspelt_id_gets_a_suggestion(user_models: Path, save_tiny: SaveTiny) -> None:
    save_tiny("care", folder=user_models / "tiny-care")
    with pytest.raises(ModelError, match="did you mean 'tiny-care'"):
        registry.find_card("tiny-acre")


def test_what_is_no_model_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no card\.json"):
        registry.find_card(tmp_path)
    (tmp_path / "model.pt").write_bytes(b"PK")
    with pytest.raises(ModelError, match="give the folder"):
        registry.find_card(tmp_path / "model.pt")
    with pytest.raises(ModelError, match="known are classical-frame-mean"):
        registry.find_card("nothing")


def test_unknown_tasks_name_the_known_ones() -> None:
    with pytest.raises(ModelError, match="deblur, refocus, superres, denoise"):
        registry.list_models("enhance")


def test_a_task_without_a_model_says_so() -> None:
    with pytest.raises(ModelError, match="no model for the task 'deblur'"):
        registry.default_model("deblur")


@pytest.mark.parametrize("content", ["", "[]", '{"models": []}', '{"version": 1, "models": {}}'])
def test_damaged_shipped_cards_ask_for_a_new_installation(content: str) -> None:
    registry.SHIPPED_CARDS.write_text(content)
    with pytest.raises(ModelError, match=r"cards\.json"):
        registry.list_models()


def test_cards_are_read_without_torch() -> None:
    code = (
        "import sys; from napari_restoration.models import card, registry, store\n"
        "from napari_restoration.models.archs import presets; registry.list_models()\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


class TestShipped:
    """The models that come with the package."""

    @pytest.fixture(autouse=True)
    def real_cards(self, nothing_shipped: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registry, "SHIPPED_CARDS", Path(registry.__file__).with_name("cards.json"))

    def test_each_states_where_it_comes_from(self) -> None:
        for card in registry.read_shipped():
            assert card.arch in ARCHITECTURES
            assert card.license
            assert card.recipe
            assert card.scores
            assert card.trained_on
            assert all(data.get("name") and data.get("licence") for data in card.trained_on), card.id

    def test_each_loads(self) -> None:
        for name in registry.list_models():
            assert load_model(name, device="cpu").card.id == name

    def test_files_and_cards_match_and_stay_small(self) -> None:
        listed = json.loads(registry.SHIPPED_CARDS.read_text())["models"]
        files = {path.name: path.stat().st_size for path in registry.SHIPPED_WEIGHTS.glob("*.safetensors")}
        assert {entry["weights_file"]: entry["weights_bytes"] for entry in listed} == files
        assert all(size <= 8e6 for size in files.values())
        assert sum(files.values()) <= 40e6
