from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_restoration.core import metrics
from napari_restoration.training import losses


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 1, 24, 24, generator=generator), torch.rand(2, 1, 24, 24, generator=generator)


@pytest.mark.parametrize("name", ["l1", "gradient", "ssim"])
def test_the_loss_of_a_perfect_prediction_is_zero(name: str, pair) -> None:
    _, target = pair
    assert float(getattr(losses, name)(target, target)) == pytest.approx(0, abs=1e-6)


def test_the_gradient_loss_of_a_constant_error_is_a_tenth_of_it(pair) -> None:
    _, target = pair
    assert float(losses.gradient(target + 0.5, target)) == pytest.approx(0.05, rel=1e-4)


def test_the_ssim_loss_is_one_minus_the_metric(pair) -> None:
    prediction, target = (t[:1] for t in pair)
    expected = 1 - metrics.ssim(prediction[0, 0].numpy(), target[0, 0].numpy(), data_range=1.0)
    assert float(losses.ssim(prediction, target)) == pytest.approx(expected, abs=1e-5)


def test_the_best_laplace_scale_is_the_mean_error() -> None:
    error = torch.tensor([0.1, 0.5, 0.9]).reshape(1, 1, 1, 3)
    scales = torch.linspace(0.05, 2, 400)
    values = [
        float(
            losses.laplace_nll(
                torch.cat([torch.zeros_like(error), torch.full_like(error, float(b))], 1), error
            )
        )
        for b in scales
    ]
    assert float(scales[int(np.argmin(values))]) == pytest.approx(0.5, abs=0.01)


def test_the_likelihoods_gradient_in_the_mean_is_the_sign_over_the_scale() -> None:
    mean = torch.tensor([[[[0.2, 0.8]]]], requires_grad=True)
    scale = torch.tensor([[[[0.5, 0.25]]]])
    losses.laplace_nll(torch.cat([mean, scale], dim=1), torch.full((1, 1, 1, 2), 0.5)).backward()
    assert mean.grad is not None
    np.testing.assert_allclose(mean.grad.numpy().ravel(), [-1 / 0.5 / 2, 1 / 0.25 / 2], rtol=1e-6)


def test_the_content_loss_adds_the_error_of_every_scale() -> None:
    target = torch.zeros(1, 1, 8, 8)
    scales = [torch.full((1, 1, 8, 8), 0.1), torch.full((1, 1, 4, 4), 0.2), torch.full((1, 1, 2, 2), 0.3)]
    assert float(losses.content(scales, target)) == pytest.approx(0.6)


def test_losses_are_summed_by_weight_and_reported_by_name(pair) -> None:
    prediction, target = pair
    total, parts = losses.combine({"l1": 2.0, "gradient": 0.5}, prediction, target, laplace=False)
    assert float(total) == pytest.approx(2 * parts["l1"] + 0.5 * parts["gradient"], rel=1e-6)


def test_plain_losses_look_at_the_mean_of_a_probabilistic_prediction(pair) -> None:
    prediction, target = pair
    both = torch.cat([prediction, torch.ones_like(prediction)], dim=1)
    total, _ = losses.combine({"l1": 1.0}, both, target, laplace=True)
    assert float(total) == pytest.approx(float(losses.l1(prediction, target)))
