"""Which recipe a training follows when it starts from a model."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_restoration.tasks.train_recipe import changed, choose_recipe
from napari_restoration.training.fine_tuning import fine_tuned
from napari_restoration.training.method_recipes import method_recipe
from napari_restoration.training.recipe import recipe_to_toml

SHIPPED = {
    "denoise-care": "care-probabilistic",
    "refocus-c2f": "c2f",
    "superres-x2": "rrdb",
    "deblur-burst": "bdu-uc-ssim",
}


@pytest.mark.parametrize(("model", "method"), SHIPPED.items())
def test_a_start_from_a_shipped_model_follows_the_settings_for_fine_tuning(model: str, method: str) -> None:
    recipe = choose_recipe(None, None, None, None, model)
    usual = method_recipe(method).training
    assert recipe.id == f"{model}-tuned"
    assert recipe.training.learning_rate < usual.learning_rate
    assert recipe.training.warmup_steps <= 50 < recipe.training.steps < usual.steps
    assert (recipe.training.norms, recipe.training.percentiles) == ("fixed", "image")
    assert recipe.training.frozen_share == 0


def test_the_default_size_is_fine_tuning_too() -> None:
    named, unnamed = (choose_recipe(None, None, None, size, "denoise-care") for size in ("default", None))
    assert named == unnamed


@pytest.mark.parametrize("size", ["paper", "tiny"])
def test_another_size_keeps_the_methods_settings_at_a_tenth_of_its_rate(size: str) -> None:
    training = choose_recipe(None, None, None, size, "refocus-c2f").training
    usual = method_recipe("c2f", size).training
    assert training.learning_rate == pytest.approx(usual.learning_rate / 10)
    kept = (
        "steps",
        "batch_size",
        "patch",
        "warmup_steps",
        "frozen_share",
        "norms",
        "percentiles",
        "schedule",
    )
    assert [getattr(training, name) for name in kept] == [getattr(usual, name) for name in kept]


def test_a_method_or_a_file_that_is_named_keeps_its_settings_at_a_tenth_of_its_rate(tmp_path: Path) -> None:
    usual = method_recipe("care-probabilistic")
    (tmp_path / "recipe.toml").write_text(recipe_to_toml(usual), encoding="utf-8")
    for chosen in (
        choose_recipe(None, "care-probabilistic", None, None, "denoise-care"),
        choose_recipe(tmp_path / "recipe.toml", None, None, None, "denoise-care"),
    ):
        assert chosen.training.learning_rate == pytest.approx(usual.training.learning_rate / 10)
        assert (chosen.training.norms, chosen.training.percentiles) == ("batch", "field")
        assert chosen.training.warmup_steps == usual.training.warmup_steps


def test_without_a_start_a_method_is_as_it_is() -> None:
    assert choose_recipe(None, "c2f", None, None, None) == method_recipe("c2f")


def test_explicit_settings_count_before_those_of_fine_tuning() -> None:
    former = {"learning_rate": 6e-5, "norms": "batch", "percentiles": "field", "warmup_steps": 500}
    recipe = changed(choose_recipe(None, None, None, None, "denoise-care"), former, seed=3)
    assert {name: getattr(recipe.training, name) for name in former} == former
    assert recipe.seed == 3


def test_a_network_that_was_not_measured_learns_at_a_tenth_of_its_methods_rate() -> None:
    usual = method_recipe("deepdeblur").training
    tuned = fine_tuned("deepdeblur", usual)
    assert tuned.learning_rate == pytest.approx(usual.learning_rate / 10)
    assert tuned.norms == "fixed"
