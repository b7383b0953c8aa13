from __future__ import annotations

import re
from pathlib import Path

import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.training.recipe import Recipe, read_recipe, recipe_to_toml

RECIPES = sorted((Path(__file__).parents[2] / "benchmarks" / "recipes").glob("*-*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_the_shipped_recipes_survive_a_round_trip_through_toml(path: Path, tmp_path: Path) -> None:
    recipe = read_recipe(path)
    again = tmp_path / "again.toml"
    again.write_text(recipe_to_toml(recipe), encoding="utf-8")
    assert read_recipe(again) == recipe


def test_a_recipe_survives_a_round_trip_through_plain_values(tiny_recipe) -> None:
    recipe = tiny_recipe()
    assert Recipe.from_dict(recipe.to_dict()) == recipe


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"task": "sharpen"}, "task"),
        ({"colour": "red"}, "recipe.colour"),
        ({"training": {"patch": 0}}, "training.patch"),
        ({"training": {"losses": {"magic": 1.0}}}, "training.losses"),
        ({"sources": [{"match": "a/*", "bins": [0]}]}, "sources.bins"),
        ({"phantoms": [{"kind": "nuclei", "count": 0}]}, "phantoms.count"),
        ({"degradation": {"photons": [500.0, 5.0]}}, "degradation.photons"),
    ],
)
def test_a_wrong_value_is_named(changes: dict, named: str, tiny_recipe) -> None:
    values = {**tiny_recipe().to_dict(), **changes}
    with pytest.raises(InputError, match=re.escape(named)):
        Recipe.from_dict(values)


def test_a_missing_field_is_named(tiny_recipe) -> None:
    values = tiny_recipe().to_dict()
    del values["arch"]
    with pytest.raises(InputError, match=r"recipe\.arch"):
        Recipe.from_dict(values)


def test_a_file_that_is_no_toml_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text("id = ", encoding="utf-8")
    with pytest.raises(InputError, match=re.escape("broken.toml")):
        read_recipe(path)


def test_settings_that_came_later_stand_in_a_recipe_only_where_they_are_used(tiny_recipe) -> None:
    before = tiny_recipe().to_dict()["training"]
    assert not {"norms", "percentiles"} & set(before)
    tuned = tiny_recipe(training={"norms": "fixed", "percentiles": "image"})
    assert {"norms", "percentiles"} <= set(tuned.to_dict()["training"])
    assert Recipe.from_dict(tuned.to_dict()) == tuned
