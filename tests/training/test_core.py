from __future__ import annotations

import copy
import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from napari_restoration.core.errors import RestorationError
from napari_restoration.models.archs import build, geometry
from napari_restoration.training.core import Core
from napari_restoration.training.losses import combine
from napari_restoration.training.method_recipes import method_recipe
from napari_restoration.training.recipe import Recipe

BDU = {"arch": "bdu", "arch_args": {"first": 4, "growth": 2, "layers": 1, "depth": 1, "dropout": 0.3}}
C2F = {"arch": "c2f", "arch_args": {"base": 4, "depth": 2, "levels": 2}}
L1 = {"losses": {"l1": 1.0}}


def _batch(number: int, *, frames: int = 0, side: int = 16) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(number)
    shape = (2, frames, 1, side, side) if frames else (2, 1, side, side)
    return torch.rand(shape, generator=draws), torch.rand((2, 1, side, side), generator=draws)


def _twenty_plain_steps(recipe: Recipe, frames: int) -> dict[str, Tensor]:
    """Twenty steps of one network written down without the core: AdamW, clipping, moving average, own dropout."""
    settings = recipe.training
    torch.manual_seed(recipe.seed)
    state = torch.get_rng_state()
    network = build(recipe.arch, **recipe.arch_args)
    shape = geometry(recipe.arch, **recipe.arch_args)
    if not shape.burst:
        network.to(memory_format=torch.channels_last)
    averaged = copy.deepcopy(network).state_dict()
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=0.0)
    network.train()
    for number in range(20):
        given, target = _batch(number, frames=frames)
        if not shape.burst:
            given = given.contiguous(memory_format=torch.channels_last)
        torch.set_rng_state(state)
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bf16"):
            prediction = network(given)
        state = torch.get_rng_state()
        loss, _ = combine(settings.losses, prediction, target, laplace=shape.laplace_scale)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip_norm)
        optimizer.step()
        decay = min(settings.ema_decay, (2 + number) / (11 + number))
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                averaged[name].lerp_(value.detach(), 1 - decay)
            else:
                averaged[name].copy_(value)
    return averaged


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(
    ("changes", "losses", "frames"),
    [
        ({}, {"laplace_nll": 1.0, "l1": 20.0}, 0),
        (BDU, {"l1": 1.0, "ssim": 0.5, "gradient": 0.3}, 3),
        (C2F, {"content": 1.0}, 0),
    ],
    ids=["care", "bdu", "c2f"],
)
def test_one_network_learns_to_the_bits_of_plain_torch(
    changes: dict, losses: dict, frames: int, precision: str, tiny_recipe
) -> None:
    recipe = tiny_recipe(training={"losses": losses, "precision": precision}, **changes)
    with torch.random.fork_rng():
        expected = _twenty_plain_steps(recipe, frames)
    core = Core(recipe)
    for number in range(20):
        torch.rand(1)  # whatever else draws from the global generator must not matter
        core.step(_batch(number, frames=frames), 1.0)
    found = core.averaged.state_dict()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_a_checkpoint_of_another_network_is_refused(tiny_recipe) -> None:
    other = Core(tiny_recipe(arch_args={"base": 8, "depth": 1}))
    with pytest.raises(RestorationError, match="another network"):
        Core(tiny_recipe()).load(other.tensors(), other.state())


def test_a_batch_that_is_not_finite_changes_nothing_not_even_running_statistics(tiny_recipe) -> None:
    core = Core(tiny_recipe(training={"losses": {"content": 1.0}}, **C2F))
    core.step(_batch(0), 1.0)
    before = {name: tensor.clone() for name, tensor in core.tensors().items()}
    bad = torch.full((2, 1, 16, 16), float("nan"))
    outcome = core.step((bad, bad), 1.0)
    assert math.isnan(outcome.total)
    assert "not finite" in outcome.fault
    after = core.tensors()
    assert "network.generator.levels.0.encoder.0.0.norm.running_mean" in before
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_loss_far_out_of_line_changes_nothing(tiny_recipe) -> None:
    core = Core(tiny_recipe(training={"losses": {"l1": 1.0}, "learning_rate": 1e-6}))
    given, target = _batch(0)
    for _ in range(20):
        assert not core.step((given, target), 1.0).fault
    before = {name: tensor.clone() for name, tensor in core.restoring.state_dict().items()}
    assert "times the usual" in core.step((given, target + 1e4), 1.0).fault
    assert all(torch.equal(before[name], t) for name, t in core.restoring.state_dict().items())


def test_the_average_follows_the_weights(tiny_recipe) -> None:
    core = Core(tiny_recipe(training={"ema_decay": 0.0}))
    core.step(_batch(0), 1.0)
    for name, tensor in core.restoring.state_dict().items():
        torch.testing.assert_close(core.averaged.state_dict()[name], tensor)


def test_frozen_norms_keep_the_mean_statistics_of_many_patches(tiny_recipe) -> None:
    core = Core(tiny_recipe(training={"losses": {"content": 1.0}}, **C2F))
    batches = [(torch.rand(4, 1, 16, 16) + n, torch.rand(4, 1, 16, 16)) for n in range(3)]
    core.freeze_norms(batches)
    norms = [m for m in core.restoring.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [norm.running_var.clone() for norm in norms]
    # The finest level's first norm sees the mean of the convolved inputs, whatever was there before.
    first = core.restoring.levels[0].encoder[0][0]
    expected = torch.stack([first.conv(given).mean(dim=(0, 2, 3)) for given, _ in batches]).mean(dim=0)
    torch.testing.assert_close(first.norm.running_mean, expected, rtol=1e-4, atol=1e-5)
    core.step(batches[0], 1.0)
    assert all(torch.equal(one, norm.running_var) for one, norm in zip(before, norms, strict=True))


def test_fixed_norms_keep_the_statistics_that_training_starts_with_but_learn_their_gains(tiny_recipe) -> None:
    core = Core(tiny_recipe(training={"losses": {"content": 1.0}, "norms": "fixed"}, **C2F))
    norm = next(m for m in core.restoring.modules() if isinstance(m, nn.BatchNorm2d))
    mean, gain = norm.running_mean.clone(), norm.weight.detach().clone()
    core.step((torch.rand(4, 1, 16, 16) + 3, torch.rand(4, 1, 16, 16)), 1.0)
    assert torch.equal(norm.running_mean, mean)
    assert not torch.equal(norm.weight, gain)


def test_frozen_norms_do_not_depend_on_anyones_random_numbers(tiny_recipe) -> None:
    found = []
    for seed in (1, 2):
        core = Core(tiny_recipe(training=L1, **BDU))
        torch.manual_seed(seed)
        core.freeze_norms([_batch(number, frames=2) for number in range(2)])
        found.append(core.averaged.state_dict())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_out_of_memory_halves_the_batch_and_keeps_its_slope(tiny_recipe, monkeypatch) -> None:
    recipe = tiny_recipe(training=L1)
    whole, halved = Core(recipe), Core(recipe)
    whole.step(_batch(0), 1.0)
    objective = halved.method.objective

    def short_of_memory(player, part, engine, phase):
        if len(part.given) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return objective(player, part, engine, phase)

    monkeypatch.setattr(halved.method, "objective", short_of_memory)
    outcome = halved.step(_batch(0), 1.0)
    assert "2 parts" in outcome.notices[0]
    assert halved.parts == 2
    for name, tensor in whole.restoring.state_dict().items():
        torch.testing.assert_close(halved.restoring.state_dict()[name], tensor, rtol=1e-4, atol=1e-6)


def test_a_single_patch_that_is_too_large_for_the_memory_is_named(tiny_recipe, monkeypatch) -> None:
    core = Core(tiny_recipe(training=L1))

    def without_memory(*_: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(core.method, "objective", without_memory)
    with pytest.raises(RestorationError, match=r"training\.patch"):
        core.step(_batch(0), 1.0)


def test_the_features_that_come_with_the_package_need_no_file() -> None:
    recipe = method_recipe("comi", "tiny")
    method = replace(recipe.method, feature_args={}, feature_weights="file")
    losses = {"lsgan": 1e-3, "perceptual": 1.0, "cycle": 1.0}
    core = Core(replace(recipe, method=method, training=replace(recipe.training, losses=losses)))
    given, target = _batch(1, side=32)
    assert core.step((given, target), 1.0).losses["perceptual"] > 0
