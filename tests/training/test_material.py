"""Training on a folder of pairs, and on good images that a preset degrades while they are drawn from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from scipy import ndimage

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.progress import Notice
from napari_restoration.core.progress import run as drive
from napari_restoration.degradations.preset_store import find_preset
from napari_restoration.training.checkpoint import read_checkpoint
from napari_restoration.training.data import RunData
from napari_restoration.training.material import Material
from napari_restoration.training.method_recipes import method_recipe
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.report import EpochReport
from napari_restoration.training.run import TrainingRun

L1 = {"losses": {"l1": 1.0}}
Write = Callable[..., Path]


def blobs(seed: int, side: int = 48) -> np.ndarray:
    image = ndimage.gaussian_filter(np.random.default_rng(seed).random((side, side)), 2)
    return (1000 * (image - image.min()) / np.ptp(image)).astype(np.float32)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, image: np.ndarray, **how: object) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, image, **how)
        return path

    return put


@pytest.fixture
def pairs(write: Write, tmp_path: Path) -> Path:
    """Four pairs of noisy and good images."""
    for number in range(4):
        good = blobs(number)
        noise = np.random.default_rng(50 + number).normal(0, 50, good.shape)
        write(f"pairs/input/cell{number}.tif", (good + noise).astype(np.float32))
        write(f"pairs/target/cell{number}.tif", good)
    return tmp_path / "pairs"


@pytest.fixture
def good(write: Write, tmp_path: Path) -> Path:
    for number in range(4):
        write(f"good/cell{number}.tif", blobs(number, 96).astype(np.uint16))
    return tmp_path / "good"


def tiny(name: str) -> Recipe:
    recipe = method_recipe(name, "tiny")
    return replace(
        recipe, training=replace(recipe.training, patch=16, field_size=32, steps=2, steps_per_epoch=1)
    )


def clean(folder: Path, preset: str, **more: object) -> Material:
    return Material(folder=folder, kind="clean", preset=find_preset(preset).to_dict(), **more)  # type: ignore[arg-type]


def finished(run: TrainingRun) -> list[str]:
    reports = list(run.epochs())
    assert any(isinstance(report, EpochReport) for report in reports)
    return [report.message for report in reports if isinstance(report, Notice)]


def test_a_folder_of_pairs_is_trained_on_and_resumed_to_the_same_bits(
    pairs: Path, tmp_path: Path, tiny_recipe
) -> None:
    material, recipe = Material(folder=pairs, kind="pairs"), tiny_recipe(training=L1)
    finished(TrainingRun.create(tmp_path / "unbroken", recipe, material))
    epochs = TrainingRun.create(tmp_path / "broken", recipe, material).epochs()
    next(epochs)
    epochs.close()
    resumed = TrainingRun.resume(tmp_path / "broken")
    assert resumed.step == 2
    finished(resumed)
    first, second = (read_checkpoint(tmp_path / name).tensors for name in ("unbroken", "broken"))
    assert [key for key in first if not torch.equal(first[key], second[key])] == []


def test_inputs_and_targets_of_pairs_are_of_one_place(pairs: Path, tiny_recipe) -> None:
    given, target = RunData(tiny_recipe(), Material(folder=pairs, kind="pairs")).batches().batch(0)
    for one, other in zip(given, target, strict=True):
        assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9


def test_targets_in_other_units_are_fitted_to_their_inputs(pairs: Path, write: Write, tiny_recipe) -> None:
    for number in range(4):
        write(f"pairs/target/cell{number}.tif", blobs(number) / 5000 - 3)
    given, target = RunData(tiny_recipe(), Material(folder=pairs, kind="pairs")).batches().batch(0)
    assert abs(float(given.mean() - target.mean())) < 0.05
    assert 0.7 < float(target.std() / given.std()) < 1.1


def test_what_is_left_out_is_neither_trained_on_nor_held_out(pairs: Path, good: Path, tiny_recipe) -> None:
    materials = (Material(folder=pairs, kind="pairs"), clean(good, "confocal-63x", pixel_size_um=0.1))
    for material in materials:
        data = RunData(tiny_recipe(), replace(material, leave_out=("cell1", "cell3.tif")))
        assert {name.split("#")[0] for name in data._train | data._held} == {"cell0.tif", "cell2.tif"}


def test_held_out_pairs_are_not_trained_on(pairs: Path, tiny_recipe) -> None:
    data = RunData(tiny_recipe(), Material(folder=pairs, kind="pairs"))
    assert data._train
    assert data._held
    assert not data._train & data._held


def test_a_validation_folder_is_checked_for_leaks_before_a_run_is_made(
    pairs: Path, write: Write, tmp_path: Path, tiny_recipe
) -> None:
    for side in ("input", "target"):
        write(f"val/{side}/cell0.tif", blobs(60 + (side == "input")))
    material = Material(folder=pairs, kind="pairs", validation=tmp_path / "val")
    assert RunData(tiny_recipe(), material)._held == {"validation/cell0.tif"}
    write("val/input/cell0.tif", tifffile.imread(pairs / "input/cell2.tif"))
    write("val/target/cell0.tif", tifffile.imread(pairs / "target/cell2.tif"))
    with pytest.raises(InputError, match="share fields of view"):
        TrainingRun.create(tmp_path / "run", tiny_recipe(training=L1), material)
    assert not (tmp_path / "run").exists()


def test_one_pair_alone_is_trained_on_and_said_to_be_checked_on_itself(
    write: Write, tmp_path: Path, tiny_recipe
) -> None:
    write("one/input/a.tif", blobs(1) + np.random.default_rng(0).normal(0, 30, (48, 48)).astype(np.float32))
    write("one/target/a.tif", blobs(1))
    run = TrainingRun.create(
        tmp_path / "run", tiny_recipe(training=L1), Material(folder=tmp_path / "one", kind="pairs")
    )
    assert any("one field of view" in words for words in finished(run))


@pytest.mark.parametrize(
    ("name", "image", "named"),
    [
        ("target/cell1.tif", np.zeros((48, 50), np.float32), "48 x 48 pixels and its target 48 x 50"),
        ("target/cell9.tif", np.zeros((48, 48), np.float32), "cell9.tif"),
        ("target/cell1.tif", np.full((48, 48), 7.0, np.float32), r"'cell1\.tif': its target is constant"),
        ("input/cell1.tif", np.full((48, 48), np.nan, np.float32), r"'cell1\.tif': its input is constant or"),
        ("input/cell1.tif", blobs(1), r"'cell1\.tif': input and target are equal"),
    ],
)
def test_pairs_that_teach_nothing_are_refused_by_name_and_nothing_is_started(
    name: str, image: np.ndarray, named: str, pairs: Path, write: Write, tmp_path: Path, tiny_recipe
) -> None:
    write(f"pairs/{name}", image)
    with pytest.raises(InputError, match=named):
        TrainingRun.create(tmp_path / "run", tiny_recipe(training=L1), Material(folder=pairs, kind="pairs"))
    assert not (tmp_path / "run").exists()


def test_missing_pixels_are_filled_and_told(pairs: Path, write: Write, tmp_path: Path, tiny_recipe) -> None:
    image = tifffile.imread(pairs / "input/cell1.tif")
    image[5:9, 7] = np.nan
    write("pairs/input/cell1.tif", image)
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(training=L1), Material(folder=pairs, kind="pairs"))
    said = finished(run)
    assert any("Missing pixels are filled" in words and "cell1.tif" in words for words in said)
    assert not any("left out" in words for words in said)


def test_a_patch_larger_than_an_image_is_refused_with_the_largest_that_fits(
    pairs: Path, tmp_path: Path, tiny_recipe
) -> None:
    recipe = tiny_recipe(training={**L1, "patch": 64, "field_size": 64})
    with pytest.raises(InputError, match="the largest that fits all is 48"):
        TrainingRun.create(tmp_path / "run", recipe, Material(folder=pairs, kind="pairs"))


def test_a_folder_that_cannot_be_written_is_named(pairs: Path, tmp_path: Path, tiny_recipe) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written to"):
        TrainingRun.create(
            tmp_path / "file" / "run", tiny_recipe(training=L1), Material(folder=pairs, kind="pairs")
        )


def test_bursts_give_as_many_frames_as_the_shortest_has(write: Write, tmp_path: Path) -> None:
    for number, frames in enumerate((4, 3, 5)):
        noise = np.random.default_rng(number).normal(0, 40, (frames, 48, 48))
        axes = {"imagej": True, "metadata": {"axes": "TYX"}}
        write(f"bursts/input/cell{number}.tif", (blobs(number) + noise).astype(np.float32), **axes)
        write(f"bursts/target/cell{number}.tif", blobs(number))
    data = RunData(tiny("bdu-uc"), Material(folder=tmp_path / "bursts", kind="pairs"))
    shapes = {tuple(data.batches().batch(number)[0].shape) for number in range(6)}
    assert shapes == {(2, 3, 1, 16, 16)}
    with pytest.raises(InputError, match="are bursts, but the network 'care' takes single images"):
        RunData(tiny("care"), Material(folder=tmp_path / "bursts", kind="pairs"))


@pytest.mark.parametrize(
    ("method", "preset", "size_um"),
    [("care", "semi-synthetic", 0.1), ("bdu-uc", "tem-stream", 0.1), ("rrdb", "widefield-sim-x2", 0.06)],
)
def test_good_images_are_degraded_by_the_steps_of_a_preset_while_they_are_drawn_from(
    method: str, preset: str, size_um: float, good: Path
) -> None:
    recipe = tiny(method)
    batches = RunData(recipe, clean(good, preset, pixel_size_um=size_um)).batches()
    given, target = batches.batch(3)
    side = 16 * recipe.scale
    assert target.shape == (2, 1, side, side)
    assert given.shape[-2:] == (16, 16)
    assert (given.ndim == 5) == (method == "bdu-uc")
    again = batches.batch(3)
    assert torch.equal(given, again[0])
    assert torch.equal(target, again[1])
    assert not torch.equal(given, batches.batch(4)[0])
    coarse = torch.nn.functional.avg_pool2d(target, recipe.scale)
    seen = given.mean(dim=1) if given.ndim == 5 else given
    assert np.corrcoef(seen.ravel(), coarse.ravel())[0, 1] > 0.3


def test_training_on_good_images_makes_a_model_that_tells_of_them(good: Path, tmp_path: Path) -> None:
    from napari_restoration.training.export import export_run

    finished(
        TrainingRun.create(tmp_path / "run", tiny("care"), clean(good, "semi-synthetic", pixel_size_um=0.1))
    )
    card = export_run(tmp_path / "run", tmp_path / "model")
    assert card.trained_on[0]["name"] == "good"
    assert "semi-synthetic" in card.trained_on[0]["source"]


def test_a_preset_that_does_not_fit_the_method_or_the_images_is_refused(good: Path) -> None:
    with pytest.raises(InputError, match="2 times as fine"):
        RunData(tiny("care"), clean(good, "widefield-sim-x2", pixel_size_um=0.1))
    with pytest.raises(InputError, match="only one of them is about bursts"):
        RunData(tiny("care"), clean(good, "tem-stream", pixel_size_um=0.1))
    with pytest.raises(InputError, match="pixel size"):
        RunData(tiny("care"), clean(good, "semi-synthetic"))


def test_a_constant_good_image_is_named(good: Path, write: Write) -> None:
    write("good/cell1.tif", np.full((96, 96), 5, np.uint16))
    with pytest.raises(InputError, match=r"cell1\.tif cannot be degraded"):
        RunData(tiny("care"), clean(good, "semi-synthetic", pixel_size_um=0.1))


def test_the_task_trains_on_pairs_and_the_card_says_what_it_started_from(pairs: Path, tmp_path: Path) -> None:
    from napari_restoration.tasks.train import iter_train

    few = {"patch": 16, "epochs": 1, "steps_per_epoch": 1}
    short: dict[str, Any] = {"kind": "pairs", "size": "tiny", "changes": few, "check": False, "assess": False}
    first = drive(iter_train(None, pairs, tmp_path / "first", task="denoise", **short)).card
    second = drive(iter_train(None, pairs, tmp_path / "second", start=tmp_path / "first", **short)).card
    assert second.id == f"{first.id}-tuned"
    assert second.training["started_from"]["id"] == first.id
    assert second.training["started_from"]["left_out"] == []
    assert len(second.trained_on) == 2
