import csv
import shlex
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.cli import main
from napari_restoration.models.registry import find_card
from napari_restoration.tasks.assess import read_assessment

RECIPE = """
id = "made"
title = "Made"
description = "Made by a test."
task = "denoise"
arch = "care"
arch_args = { base = 2, depth = 1, kernel = 3 }
seed = 5
degradation = { photons = [20.0, 200.0] }

[[sources]]
match = "cells/*"

[training]
steps = 2
steps_per_epoch = 1
batch_size = 2
patch = 16
field_size = 32
patches_per_field = 2
warmup_steps = 1
validation_patches = 2
losses = { laplace_nll = 1.0 }
"""


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """A command that trains a tiny model in a second."""
    columns = ["file", "modality", "structure", "licence", "use", "pair", "pixel_size_um", "source"]
    (tmp_path / "images" / "cells").mkdir(parents=True)
    with (tmp_path / "images" / "index.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, columns, restval="")
        table.writeheader()
        for number in range(3):
            name = f"cells/{number}.tif"
            image = np.random.default_rng(number).integers(0, 1000, (48, 48))
            tifffile.imwrite(tmp_path / "images" / name, image.astype(np.uint16))
            table.writerow({"file": name, "licence": "MIT", "use": "train", "source": "a test"})
    (tmp_path / "recipe.toml").write_text(RECIPE)
    recipe, images, run = (str(tmp_path / name) for name in ("recipe.toml", "images", "run"))
    return ["train", "--recipe", recipe, "--data", images, "--out", run]


def test_a_recipe_becomes_a_model_that_restores(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--seed", "9"]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert sum(line.startswith("step ") for line in lines) == 2
    model = tmp_path / "run" / "model"
    assert lines[-1] == f"made is trained: {model}"
    assert find_card(model)[0].seed == 9
    image = str(tmp_path / "images" / "cells" / "0.tif")
    assert main(["restore", image, "-o", str(tmp_path / "out.tif"), "--model", str(model)]) == 0


def test_a_method_is_picked_by_name(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["--method", "care", "--size", "tiny", "--minutes", "0.001"]
    assert main(["train", *chosen, *arguments[3:]]) == 0
    assert "care-tiny is trained" in capsys.readouterr().err
    assert find_card(tmp_path / "run" / "model")[0].training["steps"] >= 1


def test_what_befalls_a_run_is_told_on_the_terminal(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from napari_restoration.training.standing import Standing

    write = Standing.write
    failed: list[bool] = []

    def full_once(self: Standing, folder: Path) -> None:
        failed.append(True)
        if len(failed) == 1:
            raise OSError(28, "No space left on device")
        write(self, folder)

    monkeypatch.setattr(Standing, "write", full_once)
    assert main(arguments) == 0
    assert "The checkpoint was not written" in capsys.readouterr().err
    assert (tmp_path / "run" / "best.safetensors").exists()


def test_an_interrupted_run_says_how_to_go_on_and_does(
    arguments: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from napari_restoration.training.run import TrainingRun

    save = TrainingRun.save

    def save_and_interrupt(self: TrainingRun, **how: bool) -> None:
        save(self, **how)
        raise KeyboardInterrupt

    arguments[-1] = str(tmp_path / "my run")
    with monkeypatch.context() as patched:
        patched.setattr(TrainingRun, "save", save_and_interrupt)
        assert main(arguments) == 130
    resume = ["train", "--resume", str(tmp_path / "my run")]
    assert shlex.join(resume) in capsys.readouterr().err
    assert main(resume) == 0
    assert "step 2" in capsys.readouterr().err
    assert find_card(tmp_path / "my run" / "model")[0].id == "made"


def test_what_was_interrupted_before_it_began_cannot_go_on(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("napari_restoration.training.run.TrainingRun.create", interrupted)
    assert main(arguments) == 130
    assert "--resume" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        (["--recipe", "r.toml", "--data", "d"], "--out"),
        (["--resume", "run", "--minutes", "3", "--seed", "1"], "--minutes, --seed"),
        (["--resume", "absent"], "absent"),
        (["--recipe", "absent.toml", "--data", "d", "--out", "run"], "absent.toml"),
        (["--recipe", "r.toml", "--size", "tiny", "--data", "d", "--out", "run"], "--size"),
        (["--data", "d", "--out", "run"], "--task"),
        (["--task", "denoise", "--out", "run"], "--pairs"),
        (["--task", "denoise", "--pairs", "d", "--preset", "tem-stream", "--out", "run"], "--clean"),
        (["--task", "denoise", "--pairs", "absent", "--out", "run"], "absent"),
        (["--from", "absent", "--pairs", "d", "--out", "run"], "absent"),
        (["--task", "denoise", "--data", "d", "--val", "v", "--out", "run"], "--val"),
        (["--method", "magic", "--data", "d", "--out", "run"], "bdu-uc-ssim"),
        (["--method", "comi", "--size", "paper", "--data", "d", "--out", "run"], "--features FILE"),
        (["--resume", "run", "--tensorboard"], "--tensorboard"),
        (
            ["--resume", "run", "--no-check", "--no-assess", "--install", "--name", "n"],
            "--name, --no-check, --no-assess",
        ),
        (["--task", "denoise", "--pairs", "d", "--out", "run", "--name", "my cells"], "my cells"),
        (
            ["--task", "denoise", "--pairs", "d", "--out", "run", "--name", "denoise-care", "--install"],
            "--name",
        ),
    ],
)
def test_wrong_arguments_exit_2_with_one_line(
    changed: list[str],
    named: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["train", *changed]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert named in captured.err
    assert not list(tmp_path.iterdir())


def _pairs(folder: Path, number: int, first: int = 0) -> Path:
    for side in ("input", "target"):
        (folder / side).mkdir(parents=True, exist_ok=True)
        for one in range(first, first + number):
            image = ndimage.gaussian_filter(np.random.default_rng(one).random((64, 64)), 2) * 100
            noise = np.random.default_rng([one, 1]).normal(0, 1 if side == "input" else 0.05, image.shape)
            tifffile.imwrite(folder / side / f"cell{one}.tif", (image + noise).astype(np.float32))
    return folder


def test_pairs_train_a_tasks_usual_method_for_some_epochs_scored_on_other_pairs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs, others = str(_pairs(tmp_path / "pairs", 3)), str(_pairs(tmp_path / "val", 2, first=7))
    chosen = [
        "--task",
        "denoise",
        "--size",
        "tiny",
        "--pairs",
        pairs,
        "--val",
        others,
        "--out",
        str(tmp_path / "run"),
    ]
    assert main(["train", *chosen, "--epochs", "1", "--patch", "16", "--batch", "2", "--metric", "psnr"]) == 0
    card = find_card(tmp_path / "run" / "model")[0]
    assert card.training["steps"] == 10
    assert card.trained_on[0]["name"].endswith("pairs")
    run = [
        "train",
        "--from",
        str(tmp_path / "run"),
        "--size",
        "tiny",
        "--pairs",
        pairs,
        "--out",
        str(tmp_path / "two"),
    ]
    assert main([*run, "--epochs", "1", "--patch", "16"]) == 0
    card = find_card(tmp_path / "two" / "model")[0]
    assert card.training["started_from"]["id"] == "care-tiny"


def test_pairs_that_do_not_fit_are_told_in_one_line_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = _pairs(tmp_path / "pairs", 3)
    (pairs / "target" / "cell1.tif").unlink()
    tifffile.imwrite(pairs / "input" / "cell2.tif", np.zeros((40, 48), np.float32))
    assert main(["train", "--task", "denoise", "--pairs", str(pairs), "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "cell1.tif" in error
    assert "cell2.tif" in error
    assert not (tmp_path / "run").exists()


def test_a_model_is_named_and_installed_and_it_is_said_whether_it_helped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = _pairs(tmp_path / "pairs", 5)
    chosen = ["--task", "denoise", "--size", "tiny", "--pairs", str(pairs), "--out", str(tmp_path / "run")]
    asked = ["--name", "my-cells", "--install", "--leave-out", "cell4.tif", "--epochs", "1", "--patch", "16"]
    assert main(["train", *chosen, *asked]) == 0
    *_, words, last = capsys.readouterr().err.splitlines()
    found = read_assessment(tmp_path / "run")
    assert found is not None
    assert words == found.words
    assert last.startswith("my-cells is trained: ")
    card = find_card("my-cells")[0]
    assert card.trained_on[0]["files"] == 8
    assert (
        main(
            ["restore", str(pairs / "input" / "cell0.tif"), "-o", str(tmp_path / "o.tif"), "--model", card.id]
        )
        == 0
    )
