from __future__ import annotations

import math

import pytest
import torch

from napari_restoration.core.errors import InputError
from napari_restoration.training.losses import LOSSES, HomoscedasticWeights


def test_the_first_step_uses_the_weights_it_was_given() -> None:
    weighting = HomoscedasticWeights({"l1": 1.0, "perceptual": 0.0625}, fixed={"ragan": 0.0061})
    parts = {name: torch.tensor(2.0, requires_grad=True) for name in ("l1", "perceptual", "ragan")}
    weighting(parts).backward()
    slopes = {name: float(part.grad) for name, part in parts.items()}
    assert slopes == pytest.approx({"l1": 1.0, "perceptual": 0.0625, "ragan": 0.0061})
    assert weighting.weights() == pytest.approx(slopes)


def test_the_value_is_that_of_the_formula() -> None:
    weighting = HomoscedasticWeights({"l1": 2.0}, fixed={"ragan": 0.1})
    s = -math.log(4)
    expected = 0.5 * math.exp(-s) * 0.3 + 0.5 * s + 0.1 * 5
    value = weighting({"l1": torch.tensor(0.3), "ragan": torch.tensor(5.0)})
    assert float(value.detach()) == pytest.approx(expected)


def test_a_constant_loss_drives_the_noise_level_to_itself() -> None:
    weighting = HomoscedasticWeights({"l1": 1.0, "perceptual": 1.0}, fixed={"ragan": 0.5})
    constant = {"l1": torch.tensor(0.02), "perceptual": torch.tensor(7.0), "ragan": torch.tensor(1.0)}
    optimizer = torch.optim.Adam(weighting.parameters(), lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        weighting(constant).backward()
        optimizer.step()
    for name in ("l1", "perceptual"):
        assert math.exp(float(weighting.s[name].detach())) == pytest.approx(float(constant[name]), rel=1e-3)
    assert weighting.weights()["ragan"] == 0.5


def test_noise_levels_stay_within_their_limits_and_can_come_back() -> None:
    weighting = HomoscedasticWeights({"l1": 1.0})
    with torch.no_grad():
        weighting.s["l1"].fill_(-25.0)
    weighting({"l1": torch.tensor(1.0)}).backward()
    assert float(weighting.s["l1"].detach()) == -10
    assert float(weighting.s["l1"].grad) < 0  # downhill is up, to the level of the loss


def test_a_weight_and_a_loss_without_each_other_are_named() -> None:
    weighting = HomoscedasticWeights({"l1": 1.0}, fixed={"ragan": 1.0})
    with pytest.raises(InputError, match="'ragan'"):
        weighting({"l1": torch.tensor(1.0)})
    with pytest.raises(InputError, match="'ssim'"):
        weighting({name: torch.tensor(1.0) for name in ("l1", "ragan", "ssim")})


@pytest.mark.parametrize("weight", [0.0, -1.0, 1e9, math.nan])
def test_a_start_that_the_limits_cannot_hold_is_refused(weight: float) -> None:
    with pytest.raises(InputError, match="'l1'"):
        HomoscedasticWeights({"l1": weight})


def test_a_loss_cannot_have_two_kinds_of_weight() -> None:
    with pytest.raises(InputError, match="'l1'"):
        HomoscedasticWeights({"l1": 1.0}, fixed={"l1": 1.0})


def test_adversarial_losses_and_likelihoods_keep_fixed_weights() -> None:
    assert {name for name, meaning in LOSSES.items() if meaning.fixed_weight} == {
        "laplace_nll", "lsgan", "ragan", "ragan_ls", "wgan_gp",
    }  # fmt: skip
