from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from napari_restoration.models.archs import build
from napari_restoration.training import losses


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


def test_no_error_at_scale_one_half_costs_nothing() -> None:
    # The density of a Laplace distribution at its centre is 1 / (2 b), here 1.
    mean = torch.zeros(1, 1, 2, 2)
    prediction = torch.cat([mean, torch.full_like(mean, 0.5)], dim=1)
    assert float(losses.laplace_nll(prediction, mean)) == 0
    assert float(losses.laplace_nll(prediction, mean + 1)) == pytest.approx(2)


def test_the_likelihood_of_a_fresh_network_is_finite(pair) -> None:
    network = build("care", probabilistic=True, base=8, kernel=3)
    value = losses.laplace_nll(network(pair[0]), pair[1])
    assert math.isfinite(float(value.detach()))
    value.backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
