"""What a run did in the words of a paper, and the commands that repeat it, from real runs of tiny networks."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.cli import main
from napari_restoration.core.errors import InputError, ModelError
from napari_restoration.core.progress import run as drive
from napari_restoration.gui._card_text import describe_card
from napari_restoration.models.registry import find_card
from napari_restoration.tasks import train
from napari_restoration.tasks.assess import read_assessment
from napari_restoration.tasks.train_words import command_of, methods_paragraph, resume_command
from napari_restoration.training.material import Material
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.recipe_data import SourceSettings
from napari_restoration.training.run_config import RunConfig


def blobs(seed: int, side: int = 64) -> np.ndarray:
    image = ndimage.gaussian_filter(np.random.default_rng(seed).random((side, side)), 2)
    return (1000 * (image - image.min()) / np.ptp(image)).astype(np.float32)


def write_pairs(folder: Path, fields: int, first: int = 0) -> Path:
    for part in ("input", "target"):
        (folder / part).mkdir(parents=True)
    for number in range(first, first + fields):
        good = blobs(number)
        noise = np.random.default_rng(50 + number).normal(0, 40, good.shape)
        tifffile.imwrite(folder / f"input/cell{number}.tif", (good + noise).astype(np.float32))
        tifffile.imwrite(folder / f"target/cell{number}.tif", 3 * good)
    return folder


FEW = {"patch": 16, "epochs": 1, "batch_size": 2}


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network trained on pairs, and fine-tuned on a part of them."""
    folder = tmp_path_factory.mktemp("tuned")
    pairs, others = write_pairs(folder / "mitochondria", 4), write_pairs(folder / "others", 7, 100)
    given: dict[str, Any] = {"kind": "pairs", "changes": FEW, "check": False}
    drive(
        train.iter_train(
            None, pairs, folder / "first", task="denoise", size="tiny", assess=False, name="coarse", **given
        )
    )
    drive(
        train.iter_train(
            None, pairs, folder / "run", start=folder / "first", size="tiny", validation=others, seed=7, name="fine",
            leave_out=["cell2.tif"], minutes=None, **given,
        )
    )  # fmt: skip
    return folder


def test_the_paragraph_on_fine_tuning_tells_all_that_a_reader_needs(tuned: Path) -> None:
    words = methods_paragraph(tuned / "run")
    found, (card, _) = read_assessment(tuned / "run"), find_card(tuned / "run" / "model")
    assert found.fields == 7
    for part in (
        "The model 'fine' for denoising", "architecture care with 20,953 weights", "napari-restoration 0.",
        f"torch {card.training['software']['torch']}", "started from the weights of the model 'coarse' (SHA-256 ",
        "pairs of input and target images from 'mitochondria' (6 files; 1 left out by name)",
        "One gain and one offset", "separate folder, 'others'", "16 x 16 input pixels", "batches of 2",
        "mean absolute error with Adam", "Training took 10 steps", "with the seed 7", "7 held-out images of 7 fields",
        "for the model 'coarse' ", f"n = 7, p = {found.p_value:.2f}" if found.p_value > 0.1 else "n = 7, p ",
        "two-sided Wilcoxon signed-rank test", "after the gain and offset that fit best",
    ):  # fmt: skip
        assert part in words
    assert "  " not in words
    assert "None" not in words
    assert "\n" not in words


def test_the_paragraph_on_a_run_from_scratch_without_assessment_claims_none(tuned: Path) -> None:
    words = methods_paragraph(tuned / "first")
    assert "started from random weights" in words
    assert "10% of the fields of view (at least one, if there were several), drawn with the seed 0" in words
    assert "One gain and one offset" in words
    assert words.endswith("The model was not compared with another one on held-out images.")


def test_the_paragraph_on_good_images_names_the_simulated_steps(tmp_path: Path) -> None:
    (tmp_path / "sharp").mkdir()
    for number in range(3):
        tifffile.imwrite(tmp_path / f"sharp/cell{number}.tif", blobs(number))
    drive(
        train.iter_train(
            None, tmp_path / "sharp", tmp_path / "run", kind="clean", preset="semi-synthetic", pixel_size_um=0.1,
            size="tiny", changes=FEW,
        )
    )  # fmt: skip
    words = methods_paragraph(tmp_path / "run")
    assert "sharp images from 'sharp' (3 files), which were degraded by simulation" in words
    assert "widefield blur, camera, gaussian noise" in words
    assert "without any fit of intensities" in words
    assert "One gain" not in words
    card = find_card(tmp_path / "run" / "model")[0]
    assert card.description.endswith("Trained on sharp.")
    assert card.license == "not stated"


def test_the_card_of_a_fine_tuned_model_reads_well(tuned: Path) -> None:
    card = find_card(tuned / "run" / "model")[0]
    text = describe_card(card)
    assert card.description.count("coarse") == 1
    assert "on mitochondria" in card.description
    assert card.trained_on[0] == {
        "name": "mitochondria", "licence": "not stated", "source": "pairs", "files": 6,
    }  # fmt: skip
    assert "Real pairs, held out, after the best gain and offset" in text
    assert "coarse " in text
    assert find_card(tuned / "first" / "model")[0].description.endswith("Trained on mitochondria.")


def test_a_folder_whose_name_says_nothing_is_called_with_the_one_above(tmp_path: Path) -> None:
    from napari_restoration.training.export import folder_name

    assert folder_name(tmp_path / "mito" / "pairs") == "mito/pairs"
    assert folder_name(tmp_path / "mito" / "good") == "good"
    (tmp_path / "mito" / "config.json").parent.mkdir()
    (tmp_path / "mito" / "config.json").write_text("{}", encoding="utf-8")
    assert folder_name(tmp_path / "mito" / "good") == "mito/good"


ASKED: list[dict[str, Any]] = [
    {"task": "denoise", "size": "tiny", "kind": "pairs", "minutes": 2.5},
    {
        "start": "denoise-care", "kind": "pairs", "validation": "/a/b c", "seed": 0, "name": "mine", "install": True,
        "leave_out": ["cell 1.tif", "b.tif"], "check": False,
        "changes": {"epochs": 3, "patch": 32, "learning_rate": 1e-05},
    },
    {
        "method": "c2f", "kind": "clean", "preset": "widefield-20x", "pixel_size_um": 0.325, "axes": "CYX",
        "device": "cuda:1", "devices": 2, "tensorboard": True, "assess": False,
        "changes": {"batch_size": 4, "metric": "ssim", "early_stopping": 5},
    },
    {"recipe": "/r.toml", "features": "/f.pth", "backbone": "/b.pth"},
    {"task": "denoise", "kind": "pairs", "leave_out": ["-a.tif", "b c.tif"], "check": False},
]  # fmt: skip


@pytest.mark.parametrize("asked", ASKED)
def test_the_command_asks_for_what_the_run_was_asked_for(
    asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Any] = []

    def record(*positional: Any, **named: Any) -> None:
        given.append((positional, named))
        raise InputError("That is all that is looked at.")

    folder = begin(tmp_path, {"data_dir": "/images/of mine", **asked})
    words = shlex.split(command_of(folder))
    monkeypatch.setattr(train, "iter_train", record)
    main(words[1:])
    (((recipe, data, out), named),) = given
    assert (recipe and str(recipe), str(data)) == (asked.get("recipe"), "/images/of mine")
    assert Path(out) == tmp_path / "run-again"
    plain = {
        name: str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value
        for name, value in named.items()
    }
    assert plain.pop("kind") == asked.get("kind", "index")
    for name, value in asked.items():
        if name not in ("kind", "recipe"):
            assert plain[name] == value


def begin(tmp_path: Path, asked: dict[str, Any]) -> Path:
    recipe = Recipe(
        id="a", title="A", description="A.", task="denoise", arch="care", sources=(SourceSettings(match="*"),)
    )
    config = RunConfig(recipe=recipe, material=Material(folder=tmp_path), files={}, asked=asked)
    config.begin(tmp_path / "run")
    return tmp_path / "run"


def test_settings_that_the_command_line_lacks_are_given_in_python(
    tuned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads((tuned / "run" / "config.json").read_text(encoding="utf-8"))
    config["asked"]["changes"]["steps_per_epoch"] = 5
    folder = tuned / "other"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    python, flag, code = shlex.split(command_of(folder))
    assert (python, flag) == ("python", "-c")
    given: list[Any] = []

    def record(*positional: Any, **named: Any) -> Any:
        given.append((positional, named))
        return iter(())

    monkeypatch.setattr(train, "iter_train", record)
    exec(code, {})
    ((positional, named),) = given
    assert positional == (None, str(tuned / "mitochondria"), str(tuned / "other-again"))
    assert named["changes"]["steps_per_epoch"] == 5
    assert named["seed"] == 7


def test_a_run_that_does_not_tell_its_command_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not tell the command"):
        command_of(begin(tmp_path, {}))


def test_the_command_to_go_on_names_the_run(tmp_path: Path) -> None:
    folder = begin(tmp_path, {})
    assert shlex.split(resume_command(folder)) == ["napari-restoration", "train", "--resume", str(folder)]


def test_a_folder_without_a_run_or_a_run_without_a_model_is_refused(tmp_path: Path) -> None:
    for words in (methods_paragraph, command_of, resume_command):
        with pytest.raises(InputError):
            words(tmp_path / "nothing")
    with pytest.raises(ModelError):
        methods_paragraph(begin(tmp_path, {}))
