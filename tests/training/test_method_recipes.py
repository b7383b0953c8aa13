from __future__ import annotations

from pathlib import Path

import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.models.archs import build_empty, geometry
from napari_restoration.models.archs.critics import CRITICS
from napari_restoration.training.data import check_fit
from napari_restoration.training.method_recipes import SIZES, list_methods, method_recipe
from napari_restoration.training.recipe import read_recipe, recipe_to_toml

# Published sizes with one channel, from each method's paper.
PAPER_PARAMETERS = {
    "bu": 16_103_585,
    "bdu-t": 1_400_449,
    "bdu-uc": 1_400_449,
    "bdu-uc-ssim": 1_400_449,
    "c2f": 2_568_580,
    "care": 922_977,
    "care-probabilistic": 923_010,
    "comi": 11_365_633,
    "comi-unpaired": 11_365_633,
    "cyclegan": 11_365_633,
    "deblurgan": 11_365_633,
    "deblurgan-v2": 2_106_049,
    "rrdb": 16_621_825,
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", list_methods())
def test_each_recipe_is_valid_and_its_network_takes_its_patches(name: str, size: str, tmp_path: Path) -> None:
    recipe = method_recipe(name, size)
    check_fit(recipe)
    (tmp_path / "again.toml").write_text(recipe_to_toml(recipe), encoding="utf-8")
    assert read_recipe(tmp_path / "again.toml") == recipe
    network = build_empty(recipe.arch, **recipe.arch_args)
    parameters = sum(p.numel() for p in network.parameters())
    assert parameters == PAPER_PARAMETERS.get(name, parameters) or size != "paper"
    assert parameters < 700_000 or size != "tiny"


@pytest.mark.parametrize("size", ["default", "tiny"])
@pytest.mark.parametrize("name", list_methods())
def test_batch_norms_see_more_than_one_value_of_each_patch(name: str, size: str) -> None:
    recipe = method_recipe(name, size)
    network = build_empty(recipe.arch, **recipe.arch_args)
    if any(type(module).__name__.startswith("BatchNorm") for module in network.modules()):
        assert recipe.training.patch >= 2 * geometry(recipe.arch, **recipe.arch_args).size_multiple


@pytest.mark.parametrize("name", list_methods())
def test_our_own_recipes_need_no_file_of_features(name: str) -> None:
    for size in ("default", "tiny"):
        recipe = method_recipe(name, size)
        assert not {"perceptual", "texture"} & set(recipe.training.losses) or (
            recipe.method.feature_weights == "drawn"
        )


@pytest.mark.parametrize("name", [n for n in list_methods() if method_recipe(n).method.kind != "regression"])
@pytest.mark.parametrize("size", SIZES)
def test_the_critics_can_judge_the_patches(name: str, size: str) -> None:
    from napari_restoration.models.archs import resolve
    from napari_restoration.training.methods.critics import Judge

    recipe = method_recipe(name, size)
    judge = Judge(recipe, geometry(recipe.arch, **recipe.arch_args))
    _, settings = resolve(CRITICS, "Critic", recipe.method.critic, judge._args)
    side = recipe.training.patch * recipe.scale
    smallest = getattr(settings, "smallest_side", None) or settings.side
    assert side >= smallest


def test_an_unknown_method_or_size_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="bdu-uc-ssim"):
        method_recipe("magic")
    with pytest.raises(InputError, match="paper, default, tiny"):
        method_recipe("c2f", "huge")
