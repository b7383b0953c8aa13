from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from napari_restoration.core.errors import InputError
from napari_restoration.training import losses
from napari_restoration.training.losses import ADVERSARIAL


@pytest.fixture
def logits() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return torch.randn(4, 1, generator=generator), torch.randn(4, 1, generator=generator)


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(6)


@pytest.mark.parametrize(("kind", "expected"), [("ragan", 2 * math.log(2)), ("ragan_ls", 1.0)])
def test_equal_logits_leave_a_relativistic_game_undecided(kind: str, expected: float) -> None:
    same = torch.full((4, 1), 0.7)
    game = ADVERSARIAL[kind]
    assert float(game.critic(same, same)) == pytest.approx(expected)
    assert float(game.generator(same, same)) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_a_game_says_whether_its_generator_looks_at_real_images(kind: str, logits) -> None:
    real, fake = logits
    game = ADVERSARIAL[kind]
    moved = float(game.generator(real + 1, fake)) != float(game.generator(real, fake))
    assert moved == game.real_in_generator


@pytest.mark.parametrize("kind", ["ragan", "ragan_ls"])
def test_the_generator_plays_the_critics_game_with_the_sides_exchanged(kind: str, logits) -> None:
    real, fake = logits
    game = ADVERSARIAL[kind]
    assert float(game.generator(real, fake)) == pytest.approx(float(game.critic(fake, real)))


@pytest.mark.parametrize("kind", ["ragan", "ragan_ls", "wgan_gp"])
def test_a_constant_added_to_all_logits_changes_no_critics_loss(kind: str, logits) -> None:
    real, fake = logits
    critic = ADVERSARIAL[kind].critic
    assert float(critic(real + 3, fake + 3)) == pytest.approx(float(critic(real, fake)), rel=1e-5)


def test_relativistic_cross_entropy_is_that_of_the_printed_formula(logits) -> None:
    real, fake = (x.double() for x in logits)
    above, below = torch.sigmoid(real - fake.mean()), torch.sigmoid(fake - real.mean())
    expected = -(above.log().mean() + (1 - below).log().mean())
    assert float(losses.relativistic_critic(real, fake)) == pytest.approx(float(expected))


def test_relativistic_cross_entropy_of_huge_logits_is_finite() -> None:
    real, fake = torch.full((2, 1), -1e4), torch.full((2, 1), 1e4)
    assert float(losses.relativistic_critic(real, fake)) == pytest.approx(4e4)
    assert float(losses.relativistic_generator(real, fake)) == pytest.approx(0)


def test_relativistic_squares_are_those_of_the_printed_formula(logits) -> None:
    real, fake = logits
    expected = ((real - fake.mean() - 1) ** 2).mean() / 2 + ((fake - real.mean() + 1) ** 2).mean() / 2
    assert float(losses.relativistic_least_squares_critic(real, fake)) == pytest.approx(float(expected))


@pytest.mark.parametrize("kind", ["ragan", "ragan_ls"])
def test_a_relativistic_game_refuses_a_single_logit(kind: str) -> None:
    one = torch.zeros(1, 1)
    with pytest.raises(InputError, match="batch of 2"):
        ADVERSARIAL[kind].critic(one, one)
    patches = torch.zeros(1, 1, 3, 3)
    assert math.isfinite(float(ADVERSARIAL[kind].critic(patches, patches)))


def test_least_squares_reward_one_for_real_and_zero_for_generated() -> None:
    one, zero, half = (torch.full((2, 1, 3, 3), value) for value in (1.0, 0.0, 0.5))
    assert float(losses.least_squares_critic(one, zero)) == 0
    assert float(losses.least_squares_critic(half, half)) == pytest.approx(0.25)
    assert float(losses.least_squares_critic(zero, one)) == pytest.approx(1)
    assert float(losses.least_squares_generator(one, zero)) == pytest.approx(1)
    assert float(losses.least_squares_generator(zero, one)) == 0


def test_wasserstein_losses_are_differences_of_means() -> None:
    real, fake = torch.tensor([[1.0], [3.0]]), torch.tensor([[-1.0], [0.0]])
    assert float(losses.wasserstein_critic(real, fake)) == pytest.approx(-2.5)
    assert float(losses.wasserstein_generator(real, fake)) == pytest.approx(0.5)
    assert [kind for kind, game in ADVERSARIAL.items() if game.penalised] == ["wgan_gp"]


@pytest.mark.parametrize(("length", "expected"), [(1.0, 0.0), (3.0, 40.0), (0.0, 10.0)])
def test_the_penalty_of_a_linear_critic_is_ten_times_its_slopes_distance_from_one(
    length: float, expected: float, rng
) -> None:
    critic = nn.Sequential(nn.Flatten(), nn.Linear(2 * 4 * 4, 1))
    with torch.no_grad():
        weight = torch.randn(1, 32, generator=rng)
        critic[1].weight.copy_(length * weight / weight.norm())
    real, fake = torch.rand(3, 2, 4, 4, generator=rng), torch.rand(3, 2, 4, 4, generator=rng)
    penalty = losses.gradient_penalty(critic, real, fake, generator=rng)
    assert float(penalty.detach()) == pytest.approx(expected, abs=1e-5)
    penalty.backward()
    assert torch.isfinite(critic[1].weight.grad).all()


def test_the_penalty_takes_the_mean_over_a_map_of_logits(rng) -> None:
    # The mean over 4 patches of 4 x the mean of a 2 x 2 patch: a slope of 1/4 at 16 pixels, so of length 1.
    def critic(x: torch.Tensor) -> torch.Tensor:
        return 4 * nn.functional.avg_pool2d(x, 2)

    real, fake = torch.rand(2, 1, 4, 4, generator=rng), torch.rand(2, 1, 4, 4, generator=rng)
    penalty = losses.gradient_penalty(critic, real, fake, generator=rng)
    assert float(penalty.detach()) == pytest.approx(0, abs=1e-6)


def test_the_penalty_is_measured_between_real_and_generated_images_by_the_seed(rng) -> None:
    seen = []

    def critic(x: torch.Tensor) -> torch.Tensor:
        seen.append(x.detach().clone())
        return x.flatten(1).mean(dim=1, keepdim=True)

    real, fake = torch.ones(5, 1, 2, 2), torch.zeros(5, 1, 2, 2)
    for _ in range(2):
        generator = torch.Generator().manual_seed(7)
        losses.gradient_penalty(critic, real, fake, generator=generator)
    torch.testing.assert_close(seen[0], seen[1], rtol=0, atol=0)
    shares = seen[0].flatten(1)
    assert (shares == shares[:, :1]).all()
    assert len(set(shares[:, 0].tolist())) == 5
    assert 0 < float(shares.min()) < float(shares.max()) < 1


def test_the_penalty_gives_no_gradient_to_the_images(rng) -> None:
    scale = torch.tensor(2.0, requires_grad=True)
    real, fake = (torch.rand(2, 1, 2, 2, generator=rng).requires_grad_() for _ in range(2))

    def critic(x: torch.Tensor) -> torch.Tensor:
        return scale * x.square().flatten(1).sum(dim=1, keepdim=True)

    losses.gradient_penalty(critic, real, fake, generator=rng).backward()
    assert scale.grad is not None
    assert real.grad is None
    assert fake.grad is None
