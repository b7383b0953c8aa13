"""Every method with its smallest networks: what training promises, promised by each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from napari_restoration.core.errors import InputError
from napari_restoration.training.checkpoint import read_checkpoint
from napari_restoration.training.core import Core
from napari_restoration.training.method_recipes import list_methods, method_recipe
from napari_restoration.training.patches import Batch
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.report import EpochReport
from napari_restoration.training.run import TrainingRun

METHODS = list_methods()
REGRESSION = [name for name in METHODS if method_recipe(name).method.kind == "regression"]


def _tiny(name: str, **training: object) -> Recipe:
    recipe = method_recipe(name, "tiny")
    return replace(recipe, training=replace(recipe.training, **training))  # type: ignore[arg-type]


def _pair(recipe: Recipe) -> Batch:
    """One smooth pair of images: the input is blurred, or coarser, or a burst of the same."""
    side, scale = recipe.training.patch, recipe.scale
    rng = np.random.default_rng(3)
    sharp = ndimage.gaussian_filter(rng.random((2, side * scale, side * scale)), (0, 2, 2))
    sharp = (sharp - sharp.min()) / np.ptp(sharp)
    given = ndimage.gaussian_filter(sharp, (0, 1, 1))[:, ::scale, ::scale]
    target, blurred = (torch.from_numpy(x.astype(np.float32))[:, None] for x in (sharp, given))
    burst = recipe.task == "deblur"
    return (blurred[:, None].repeat(1, 3, 1, 1, 1) if burst else blurred), target


def _finished(run: TrainingRun) -> None:
    for _ in run.epochs():
        pass


def _state(folder: Path) -> dict[str, Tensor]:
    return read_checkpoint(folder).tensors


@pytest.mark.parametrize("name", METHODS)
def test_a_few_steps_lower_what_the_restoring_network_minimises(name: str) -> None:
    # Of the first phase where there are two; critics would move the goal.
    recipe = _tiny(name, learning_rate=2e-4, betas=(0.5, 0.9))
    core = Core(replace(recipe, method=replace(recipe.method, critic_learning_rate=1e-9)))
    batch = _pair(recipe)
    totals = [core.step(batch, 1.0).total for _ in range(6)]
    assert all(math.isfinite(total) for total in totals)
    assert totals[-1] < totals[0]


@pytest.mark.parametrize("name", [n for n in METHODS if n not in REGRESSION])
def test_a_few_steps_lower_what_the_critic_minimises(name: str) -> None:
    recipe = _tiny(name, betas=(0.5, 0.9))
    core = Core(replace(recipe, method=replace(recipe.method, critic_learning_rate=2e-4, critic_repeats=1)))
    core.enter_phase(1.0)
    batch = _pair(recipe)
    for player in core.method.players(core.phase):
        if player.name == "generator":
            for group in core.optimizers["generator"].param_groups:
                group["lr"] = 0.0
    losses = [core.step(batch, 1.0).losses for _ in range(8)]
    assert losses[-1]["critic"] < losses[0]["critic"]


@pytest.mark.parametrize("name", [n for n in METHODS if n not in REGRESSION])
def test_each_player_moves_its_own_weights_alone(name: str) -> None:
    recipe = _tiny(name)
    core = Core(recipe)
    core.enter_phase(1.0)
    for player in core.method.players(core.phase):
        before = {k: [p.clone() for p in n.parameters()] for k, n in core.networks.items()}
        core.method.begin()
        if player.name != "generator":
            core.step(_pair(recipe), 0.0)  # the critic needs images of a generator that stands still
            before = {k: [p.clone() for p in n.parameters()] for k, n in core.networks.items()}
        core._turn(player, core.place(_pair(recipe)), 1.0)
        for key, network in core.networks.items():
            moved = any(not torch.equal(a, b) for a, b in zip(before[key], network.parameters(), strict=True))
            assert moved == (key in player.networks), (player.name, key)


@pytest.fixture
def run_of(images_dir: Path, tmp_path: Path) -> Callable[..., TrainingRun]:
    """Starts a run of a recipe on the small data folder."""

    def start(recipe: Recipe, folder: str) -> TrainingRun:
        return TrainingRun.create(tmp_path / folder, recipe, images_dir)

    return start


@pytest.mark.parametrize("name", METHODS)
def test_a_resumed_run_ends_with_the_same_bits_as_an_unbroken_one(
    name: str, run_of: Callable[..., TrainingRun], tmp_path: Path
) -> None:
    recipe = _tiny(name, steps=6, steps_per_epoch=2, schedule="plateau", patience=1)
    # The second of the two phases begins at step 3, inside an epoch.
    _finished(run_of(recipe, "unbroken"))
    broken = run_of(recipe, "broken").epochs()
    while not isinstance(next(broken), EpochReport):
        pass
    broken.close()
    torch.rand(3)  # whatever else draws from the global generator must not matter
    resumed = TrainingRun.resume(tmp_path / "broken")
    assert resumed.step == 2
    _finished(resumed)
    first, second = _state(tmp_path / "unbroken"), _state(tmp_path / "broken")
    assert first.keys() == second.keys()
    assert [key for key in first if not torch.equal(first[key], second[key])] == []


def test_automatic_weights_are_learnt_and_resumed(run_of: Callable[..., TrainingRun], tmp_path: Path) -> None:
    recipe = _tiny("comi", steps=4, steps_per_epoch=2)
    recipe = replace(recipe, method=replace(recipe.method, automatic_weights=True))
    run = run_of(recipe, "run").epochs()
    while not isinstance(next(run), EpochReport):
        pass
    run.close()
    _finished(TrainingRun.resume(tmp_path / "run"))
    _finished(run_of(recipe, "unbroken"))
    first, second = _state(tmp_path / "run"), _state(tmp_path / "unbroken")
    assert [key for key in first if not torch.equal(first[key], second[key])] == []
    start = -math.log(2 * recipe.training.losses["cycle"])
    assert float(first["network.weights.s.cycle"]) != pytest.approx(start, abs=1e-6)
    assert "network.weights.s.lsgan" not in first


def test_unpaired_training_never_shows_two_sides_of_one_field(
    images_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_restoration.training.data import RunData
    from napari_restoration.training.fields import field_of_view

    batches = RunData(_tiny("comi-unpaired"), images_dir).batches()
    sides = [{field_of_view(item.name) for item in maker._maker._items} for maker in (
        batches._given, batches._wanted)]  # fmt: skip
    assert sides[0]
    assert sides[1]
    assert not sides[0] & sides[1]
    given, target = batches.batch(0)
    assert given.shape == target.shape


def test_a_second_phase_brings_the_critic_in(run_of: Callable[..., TrainingRun]) -> None:
    run = run_of(_tiny("rrdb", steps=4, steps_per_epoch=2), "run")
    reports = [report for report in run.epochs() if isinstance(report, EpochReport)]
    assert [report.phase for report in reports] == [0, 1]
    assert set(reports[0].losses) == {"l1"}
    assert set(reports[1].losses) == {"l1", "perceptual", "ragan", "critic"}
    assert reports[1].best  # the scores of the phases do not compare


def test_features_without_a_file_are_refused_with_the_option_that_names_it() -> None:
    with pytest.raises(InputError, match="--features FILE"):
        Core(method_recipe("comi", "paper"))


@pytest.mark.parametrize("name", METHODS)
def test_the_finished_model_restores_through_the_restoration_task(
    name: str, images_dir: Path, tmp_path: Path
) -> None:
    from napari_restoration.core.progress import run as drive
    from napari_restoration.tasks.restore import restore
    from napari_restoration.tasks.train import iter_train

    def recipe_file() -> Path:
        from napari_restoration.training.recipe import recipe_to_toml

        # One epoch of one step: what is learnt is not the question here.
        path = tmp_path / "recipe.toml"
        path.write_text(recipe_to_toml(_tiny(name, steps=1, steps_per_epoch=1)), encoding="utf-8")
        return path

    card = drive(iter_train(recipe_file(), images_dir, tmp_path / "run", assess=False)).card
    assert card.id == f"{name}-tiny"
    image = np.random.default_rng(0).random((3, 40, 40) if card.frames else (40, 40), dtype=np.float32)
    result = restore(image, tmp_path / "run" / "model", axes="TYX" if card.frames else "YX")
    restored = np.asarray(result.image.data)
    assert restored.shape[-2:] == (40 * card.scale, 40 * card.scale)
    assert np.isfinite(restored).all()
