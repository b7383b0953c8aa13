"""Critics judge what they should, of the size they should."""

from typing import Any

import pytest
import torch

from napari_restoration.core.errors import InputError, ModelError
from napari_restoration.models.archs.critics import CRITICS, build_critic
from napari_restoration.models.archs.presets import CRITIC_PRESETS


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


def maps_of(scores: Any) -> tuple[torch.Tensor, ...]:
    return scores if isinstance(scores, tuple) else (scores,)


def tiny(name: str) -> torch.nn.Module:
    return build_critic(name, **CRITIC_PRESETS[name]["tiny"])


def shaken(critic: torch.nn.Module) -> torch.nn.Module:
    """With weights so wide that scores differ by more than rounding."""
    for parameter in critic.parameters():
        torch.nn.init.normal_(parameter, 0.0, 0.3)
    return critic.eval()


def images(name: str) -> torch.Tensor:
    return torch.rand(2, 1, 32, 32) if name == "vgg" else torch.rand(2, 1, 64, 64)


def test_every_critic_has_presets_and_the_default_is_no_larger_than_the_paper() -> None:
    assert set(CRITIC_PRESETS) == set(CRITICS)
    for name, presets in CRITIC_PRESETS.items():
        with torch.device("meta"):
            sizes = [
                sum(p.numel() for p in build_critic(name, **presets[size]).parameters())
                for size in ("tiny", "default", "paper")
            ]
        assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("name", list(CRITICS))
def test_a_step_tells_bright_images_from_dark_ones_better(name: str) -> None:
    critic = tiny(name).train()
    dark, bright = images(name), images(name) + 1

    def loss() -> torch.Tensor:
        return sum(
            (one - 1).square().mean() + other.square().mean()
            for one, other in zip(maps_of(critic(bright)), maps_of(critic(dark)), strict=True)
        )

    before = loss()
    before.backward()
    with torch.no_grad():
        for parameter in critic.parameters():
            assert parameter.grad is not None
            parameter.sub_(1e-3 * parameter.grad)
    assert loss().item() < before.item()


@pytest.mark.parametrize("norm", ["instance", "none"])
def test_the_slope_of_a_wasserstein_critic_can_be_trained(norm: str) -> None:
    critic = build_critic("patch", maps=4, halvings=2, norm=norm).double()
    x = torch.rand(2, 1, 32, 32, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(critic(x).mean(), x, create_graph=True)
    (slope.flatten(1).norm(dim=1) - 1).square().mean().backward()
    first = critic.body[0].conv.weight.grad
    assert first is not None
    assert float(first.abs().max()) > 0
    assert bool(torch.isfinite(first).all())


@pytest.mark.parametrize("name", list(CRITICS))
def test_weights_come_back_from_a_state_dict(name: str) -> None:
    one, other = shaken(tiny(name)), shaken(tiny(name))
    x = images(name)
    assert not torch.equal(maps_of(one(x))[0], maps_of(other(x))[0])
    other.load_state_dict(one.state_dict())
    for mine, yours in zip(maps_of(one(x)), maps_of(other(x)), strict=True):
        assert torch.equal(mine, yours)


@pytest.mark.parametrize("halvings", [1, 3])
def test_the_smallest_image_gives_one_score(halvings: int) -> None:
    critic = build_critic("patch", maps=2, halvings=halvings)
    side = critic.settings.smallest_side
    assert critic(torch.rand(1, 1, side, side)).shape == (1, 1, 1, 1)
    with pytest.raises(InputError, match=f"{side} pixels"):
        critic(torch.rand(1, 1, side - 1, side))


def test_scores_have_no_limit_but_the_released_critics_are_probabilities() -> None:
    patch, released = build_critic("patch", maps=4), build_critic("patch-released", maps=4, hidden=4).eval()
    for module, shift in ((patch.last, 50.0), (released.score[3], 50.0)):
        torch.nn.init.constant_(module.bias, shift)
    x = torch.rand(1, 1, 96, 96)
    with torch.no_grad():
        scores, probabilities = patch(x), released(x)
    assert float(scores.min()) > 10
    assert scores.shape == (1, 1, 10, 10)
    assert 0.9 < float(probabilities.min()) <= float(probabilities.max()) <= 1
    assert probabilities.shape == (1, 1, 4, 4)
    assert patch.gives_logits
    assert not released.gives_logits


def test_a_conditional_critic_judges_the_pair() -> None:
    critic = build_critic("patch", maps=4, channels=1, condition_channels=3)
    image, given = torch.rand(1, 1, 64, 64), torch.rand(1, 3, 64, 64)
    first = critic(image, given)
    assert not torch.equal(first, critic(image, torch.rand(1, 3, 64, 64)))
    assert not torch.equal(first, critic(torch.rand(1, 1, 64, 64), given))
    with pytest.raises(InputError, match="give both"):
        critic(image)
    with pytest.raises(InputError, match="condition_channels"):
        build_critic("patch", maps=4)(image, given)


def test_the_pair_of_critics_gives_both_maps() -> None:
    pair = build_critic("patch-pair", maps=2)
    patch, full = pair(torch.rand(1, 1, 128, 128))
    assert patch.shape == (1, 1, 14, 14)
    assert full.shape == (1, 1, 2, 2)


def test_a_patch_of_another_side_is_refused() -> None:
    critic = build_critic("vgg", maps=2, side=64)
    assert critic(torch.rand(2, 1, 64, 64)).shape == (2, 1)
    with pytest.raises(InputError, match="64 x 64"):
        critic(torch.rand(2, 1, 32, 32))


@pytest.mark.parametrize(
    ("name", "args", "named"),
    [
        ("pixel", {}, "patch-released"),
        ("patch", {"halvings": 9}, "halvings"),
        ("patch", {"depth": 3}, "condition_channels"),
        ("vgg", {"side": 100}, "multiple of 32"),
    ],
)
def test_a_wrong_setting_is_named(name: str, args: dict[str, Any], named: str) -> None:
    with pytest.raises(ModelError, match=named):
        build_critic(name, **args)
