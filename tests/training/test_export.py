from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import run as drive
from napari_restoration.models.archs.presets import preset
from napari_restoration.models.loader import load_model
from napari_restoration.tasks.restore import restore
from napari_restoration.tasks.train import iter_resume, iter_train
from napari_restoration.training.domain import noise_level, radial_power
from napari_restoration.training.export import export_run, training_data
from napari_restoration.training.recipe import recipe_to_toml
from napari_restoration.training.recipe_data import PairSettings, PhantomSettings
from napari_restoration.training.report import EpochReport
from napari_restoration.training.run import TrainingRun


@pytest.fixture
def recipe_file(tmp_path: Path, tiny_recipe) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(recipe_to_toml(tiny_recipe()), encoding="utf-8")
    return path


def test_a_trained_model_can_be_loaded_and_run(recipe_file: Path, images_dir: Path, tmp_path: Path) -> None:
    reports = []
    card = drive(iter_train(recipe_file, images_dir, tmp_path / "run", assess=False), reports.append).card
    assert [r.done for r in reports if isinstance(r, EpochReport)] == [2, 4]
    model = load_model(tmp_path / "run" / "model", device="cpu")
    assert model.card == card
    restored = model.predict(np.random.default_rng(0).random((1, 1, 20, 23), dtype=np.float32))
    assert restored.shape == (1, 2, 20, 23)


def test_the_card_tells_data_licences_recipe_seed_and_training(
    recipe_file: Path, images_dir: Path, tmp_path: Path
) -> None:
    card = drive(iter_train(recipe_file, images_dir, tmp_path / "run", seed=9, assess=False)).card
    assert {(e["name"], e["licence"], e["files"]) for e in card.trained_on} == {
        ("cells", "MIT", 4),
        ("cells", "CC-BY-4.0", 2),
    }
    assert card.seed == 9
    assert card.recipe == "tiny.toml"
    assert card.training["steps"] == 4
    assert card.training["device"] == "cpu"
    assert set(card.domain) >= {"noise_level", "intensity_quantiles", "log10_radial_power"}


@pytest.mark.parametrize(
    ("arch", "changes"),
    [
        ("resnet", {}),
        ("deblurgan-v2", {"frames": 1}),
        ("unet256", {"depth": 3}),
        ("deepdeblur", {}),
    ],
)
def test_every_kind_of_network_is_trained_and_exported(
    arch: str, changes: dict[str, int], images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    settings = {"patch": 32, "losses": {"content": 1.0} if arch == "deepdeblur" else {"l1": 1.0}}
    recipe = tiny_recipe(settings, arch=arch, arch_args=preset(arch, "tiny", **changes))
    path = tmp_path / "tiny.toml"
    path.write_text(recipe_to_toml(recipe), encoding="utf-8")
    card = drive(iter_train(path, images_dir, tmp_path / "run", assess=False)).card
    whole = arch in ("resnet", "deblurgan-v2")
    assert card.whole_image == whole
    assert card.training_size == (32 if whole else None)
    assert (card.halo, card.seam_error) == (96, None) if whole else card.seam_error is not None
    restored = restore(np.random.default_rng(0).random((40, 50)), tmp_path / "run" / "model")
    assert restored.image.shape == (40, 50)
    assert restored.notices == ()


def test_a_finished_run_resumes_to_the_same_model(
    recipe_file: Path, images_dir: Path, tmp_path: Path
) -> None:
    first = drive(iter_train(recipe_file, images_dir, tmp_path / "run", assess=False)).card
    assert drive(iter_resume(tmp_path / "run")).card.weights_sha256 == first.weights_sha256


def test_a_run_without_a_finished_epoch_is_not_exported(
    images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    with pytest.raises(InputError, match="no finished epoch"):
        export_run(tmp_path / "run", tmp_path / "model")


def test_files_closed_to_training_are_not_named_as_training_data(images_dir: Path, tiny_recipe) -> None:
    recipe = tiny_recipe(
        pairs=(PairSettings(match="pairs/p/input/*"),), phantoms=(PhantomSettings(kind="nuclei", count=2),)
    )
    entries = training_data(recipe, images_dir)
    assert {e["licence"] for e in entries} == {"MIT", "CC-BY-4.0", "BSD-3-Clause (drawn by this project)"}
    names = [e["name"] for e in entries]
    assert "pairs/p/input" in names
    assert "pairs/p/target" in names
    assert "phantom/nuclei" in names


def test_the_noise_level_is_found_beside_structure() -> None:
    y, x = np.mgrid[:200, :200] / 30
    noisy = np.sin(y) + np.cos(x) + np.random.default_rng(0).normal(0, 0.05, (200, 200))
    assert noise_level(noisy) == pytest.approx(0.05, rel=0.05)


def test_the_power_of_a_stripe_pattern_is_in_its_ring() -> None:
    stripes = np.sin(2 * np.pi * 0.25 * np.arange(128))[None] * np.ones((128, 1))
    power = radial_power(stripes)
    assert power.sum() == pytest.approx(1)
    assert power[7:9].sum() > 0.95


def test_a_constant_image_has_no_power() -> None:
    assert radial_power(np.ones((32, 32))).sum() == 0
