"""MicroFeat's training: what it may read, what its labels mean, and that a kill costs nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_restoration.core.errors import InputError, OutputError, RestorationError
from napari_restoration.training.checkpoint import read_checkpoint, write_checkpoint
from napari_restoration.training.microfeat import MicroFeatRun
from napari_restoration.training.microfeat_patches import PatchMaker, draw_labelled, load_labelled, spoil
from napari_restoration.training.microfeat_recipe import (
    DegradationSettings,
    MicroFeatRecipe,
    read_microfeat_recipe,
)

RECIPE = Path(__file__).parents[2] / "benchmarks" / "recipes" / "microfeat.toml"


def recipe(**training: Any) -> MicroFeatRecipe:
    fit = {"steps": 3, "steps_per_epoch": 1, "batch_size": 3, "warmup_steps": 1, "divide": 16, **training}
    return MicroFeatRecipe.from_dict(
        {
            "id": "tiny",
            "seed": 3,
            "classes": [
                {"name": "cells", "modalities": ["widefield*"], "structures": ["cells"], "bins": [1, 2]},
                {"name": "membranes", "phantoms": ["membranes"]},
            ],
            "patches": {"side": 24, "field": 48, "per_field": 1, "phantom_side": 64, "phantom_count": 2},
            "training": fit,
        }
    )


def last_tensors(folder: Path) -> dict[str, torch.Tensor]:
    return read_checkpoint(folder)[0]


def test_the_shipped_recipe_is_read_and_survives_plain_values() -> None:
    found = read_microfeat_recipe(RECIPE)
    assert found.id == "microfeat"
    assert len(found.classes) >= 10
    assert MicroFeatRecipe.from_dict(found.to_dict()) == found


@pytest.mark.parametrize(
    ("table", "field", "value"),
    [
        ("patches", "side", 4),
        ("patches", "percentiles_low", [3.0, 1.0]),
        ("degradation", "sigma_px", [0.0, 6.0]),
        ("degradation", "photons", [10.0]),
        ("training", "precision", "fp8"),
        ("training", "learning_rate", 0.0),
        ("training", "speed", 1),
    ],
)
def test_wrong_values_of_a_recipe_are_named(table: str, field: str, value: object) -> None:
    values = recipe().to_dict()
    values[table] = {**values[table], field: value}
    with pytest.raises(InputError, match=rf"{table}\.{field}"):
        MicroFeatRecipe.from_dict(values)


def test_a_recipe_has_two_classes_and_each_has_images() -> None:
    values = recipe().to_dict()
    with pytest.raises(InputError, match="classes"):
        MicroFeatRecipe.from_dict({**values, "classes": values["classes"][:1]})
    with pytest.raises(InputError, match="empty"):
        MicroFeatRecipe.from_dict({**values, "classes": [*values["classes"], {"name": "empty"}]})


def test_only_files_for_training_are_read_for_training(images_dir: Path) -> None:
    names = {image.name for image in load_labelled(recipe(), images_dir, "train")}
    assert {"cells/a0.tif", "cells/b_y0_x0.tif"} <= names
    assert not names & {"cells/val.tif", "cells/closed.tif"}
    assert [image.name for image in load_labelled(recipe(), images_dir, "val")] == ["cells/val.tif"]
    with pytest.raises(InputError, match="eval-only"):
        load_labelled(recipe(), images_dir, "eval-only")


def test_excluded_files_and_bins_that_leave_too_little_are_left_out(images_dir: Path) -> None:
    values = recipe().to_dict()
    values["exclude"] = ["cells/a*"]
    values["patches"]["side"] = 64
    values["patches"]["field"] = 64
    found = load_labelled(MicroFeatRecipe.from_dict(values), images_dir, "train")
    assert not any(image.name.startswith("cells/a") for image in found)
    # 96 pixels binned by 2 are 48.
    assert {len(image.truths) for image in found} == {1}


def test_a_batch_depends_on_seed_stream_and_number_alone(images_dir: Path) -> None:
    images = load_labelled(recipe(), images_dir, "train") + draw_labelled(recipe())
    maker = PatchMaker(recipe(), images)
    maker.batch(0)
    one, same = maker.batch(5, 12), PatchMaker(recipe(), images).batch(5, 12)
    np.testing.assert_array_equal(one.images, same.images)
    np.testing.assert_array_equal(one.measures, same.measures)
    assert not np.array_equal(one.images, PatchMaker(recipe(), images, stream=1).batch(5, 12).images)
    assert one.images.shape == (12, 1, 24, 24)
    assert one.images.dtype == np.float32
    assert set(one.kinds) == {0, 1}
    sigma, photons = np.exp(one.measures[:, 0]), 10 ** one.measures[:, 1]
    settings = recipe().degradation
    assert settings.sigma_px[0] * 0.999 <= sigma.min() < sigma.max() <= settings.sigma_px[1] * 1.001
    assert settings.photons[0] * 0.999 <= photons.min() < photons.max() <= settings.photons[1] * 1.001


def test_patches_without_any_image_are_refused() -> None:
    with pytest.raises(InputError, match="no image"):
        PatchMaker(recipe(), [])


@pytest.mark.parametrize("disc", [False, True])
def test_the_blur_has_the_standard_deviation_of_its_label(disc: bool) -> None:
    truth = np.zeros((65, 65), np.float32)
    truth[32, 32] = 1.0
    spot = spoil(truth, 3.0, np.inf, disc, DegradationSettings(), np.random.default_rng(0))
    along = spot.sum(0) / spot.sum()
    assert float(np.sqrt(np.sum(along * (np.arange(65) - 32) ** 2))) == pytest.approx(3.0, rel=0.04)


def test_the_noise_is_that_of_the_labels_photons() -> None:
    settings = DegradationSettings(background=(0.0, 0.0), read_noise=(0.0, 0.0))
    flat = spoil(np.ones((128, 128), np.float32), 0.0, 400.0, False, settings, np.random.default_rng(0))
    # Shot noise of 400 electrons: 5 % of the signal, which lies above the camera's offset of 100.
    assert float(flat.std() / (flat.mean() - 100)) == pytest.approx(0.05, rel=0.03)


def test_a_resumed_training_is_bit_equal_to_an_unbroken_one(images_dir: Path, tmp_path: Path) -> None:
    whole = MicroFeatRun.create(tmp_path / "whole", recipe(), images_dir)
    assert len(list(whole.epochs())) == 3
    broken = MicroFeatRun.create(tmp_path / "broken", recipe(), images_dir)
    next(broken.epochs())
    resumed = MicroFeatRun.resume(tmp_path / "broken")
    assert resumed.step == 1
    rows = list(resumed.epochs())
    assert [row["step"] for row in rows] == [2, 3]
    one, other = last_tensors(tmp_path / "whole"), last_tensors(tmp_path / "broken")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert list(MicroFeatRun.resume(tmp_path / "broken").epochs()) == []


def test_steps_move_the_weights_and_their_average_and_fill_the_history(
    images_dir: Path, tmp_path: Path
) -> None:
    run = MicroFeatRun.create(tmp_path / "run", recipe(), images_dir)
    before = {k: v.clone() for k, v in run.trainer.state_dict().items()}
    rows = list(run.epochs())
    assert not torch.equal(run.trainer.state_dict()["kind.weight"], before["kind.weight"])
    assert not torch.equal(run.averaged.state_dict()["kind.weight"], before["kind.weight"])
    assert all(np.isfinite(row["loss"]) and 0 <= row["val_accuracy"] <= 1 for row in rows)
    lines = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert len(lines) == 4
    assert run.cpu_seconds > 0


def test_a_time_budget_ends_the_training(images_dir: Path, tmp_path: Path) -> None:
    run = MicroFeatRun.create(tmp_path / "run", recipe(steps_per_epoch=50), images_dir, minutes=1e-6)
    assert [row["step"] for row in run.epochs()] == [1]
    with pytest.raises(InputError, match="above 0"):
        MicroFeatRun.create(tmp_path / "other", recipe(), images_dir, minutes=0)


def test_folders_that_hold_another_training_or_none_are_refused(images_dir: Path, tmp_path: Path) -> None:
    MicroFeatRun.create(tmp_path / "run", recipe(), images_dir)
    with pytest.raises(OutputError, match="already holds"):
        MicroFeatRun.create(tmp_path / "run", recipe(), images_dir)
    with pytest.raises(InputError, match="no training"):
        MicroFeatRun.resume(tmp_path / "nothing")
    write_checkpoint(tmp_path / "run", {"network.other": torch.zeros(2)}, {"step": 1})
    with pytest.raises(RestorationError, match="another training"):
        MicroFeatRun.resume(tmp_path / "run")
