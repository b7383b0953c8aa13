import json
import shutil
from pathlib import Path

import pytest

from napari_restoration.cli import main
from napari_restoration.models.registry import list_models, user_models_folder


@pytest.fixture
def user_model(model_folder: Path, user_dirs: Path) -> Path:
    """The tiny model among the user's own."""
    folder = user_models_folder() / "tiny"
    shutil.copytree(model_folder, folder)
    return folder


def test_list_names_every_model_with_its_task_and_what_it_does(
    user_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list_models()
    assert any(line.split(maxsplit=2) == ["tiny", "denoise", "A tiny network for tests."] for line in lines)


@pytest.mark.parametrize(("task", "expected"), [("denoise", True), ("deblur", False)])
def test_list_can_be_limited_to_a_task(
    task: str, expected: bool, user_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "list", "--task", task, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert all(model["task"] == task for model in told["models"])
    assert ("tiny" in [model["id"] for model in told["models"]]) is expected


def test_a_damaged_model_of_the_user_is_left_out_and_said(
    user_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (user_model / "card.json").write_text("{")
    assert main(["models", "list"]) == 0
    captured = capsys.readouterr()
    assert "tiny" not in captured.out
    assert str(user_model) in captured.err


def test_show_as_json_is_the_card(model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", str(model_folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    card = json.loads((model_folder / "card.json").read_text())
    assert told == {**card, "weights_path": str(model_folder / "weights.safetensors")}


def test_show_tells_training_data_scores_and_weights(
    user_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "show", "tiny"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("tiny: Tiny\nA tiny network for tests.\n")
    for part in ("random numbers", "BSD-3-Clause", "31.25", "receptive field", "weights.safetensors"):
        assert part in shown


def test_an_unknown_model_exits_2_and_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "nonesuch", "--json"]) == 2
    captured = capsys.readouterr()
    assert "nonesuch" in json.loads(captured.out)["error"]
    assert captured.err.count("\n") == 1


def test_a_classical_method_is_shown_with_its_parameters(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", "classical-richardson-lucy"]) == 0
    shown = capsys.readouterr().out
    assert "iterations:     20 (1 to 500)" in shown
    assert "gaussian or microscope" in shown
    assert "the image's own" in shown
    assert "weights" not in shown
    assert main(["models", "show", "classical-richardson-lucy", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["parameters"]["sigma_px"]["default"] == 1.5
    assert "weights_sha256" not in told
