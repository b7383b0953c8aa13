"""Losses, each a scalar mean that is logged under its name.

Predictions and targets are ``(B, C, H, W)`` in normalised units. A network that predicts a Laplace scale
gives it as the last half of its channels; every loss but `laplace_nll` looks at the mean alone.
What each name means to a person stands in `napari_restoration.training.loss_table`, which needs no torch.
"""

from __future__ import annotations

from napari_restoration.training.loss_table import LOSSES, LossMeaning
from napari_restoration.training.losses.adversarial import (
    ADVERSARIAL,
    AdversarialLoss,
    gradient_penalty,
    least_squares_critic,
    least_squares_generator,
    relativistic_critic,
    relativistic_generator,
    relativistic_least_squares_critic,
    relativistic_least_squares_generator,
    wasserstein_critic,
    wasserstein_generator,
)
from napari_restoration.training.losses.combined import Prediction, combine
from napari_restoration.training.losses.cycle import FakePool, cycle, identity
from napari_restoration.training.losses.laplace import laplace_nll
from napari_restoration.training.losses.multiscale import content
from napari_restoration.training.losses.perceptual import FeatureNetwork, gram, perceptual, texture
from napari_restoration.training.losses.pixel import l1, l2
from napari_restoration.training.losses.structure import gradient, l1_ssim, ssim
from napari_restoration.training.losses.weighting import HomoscedasticWeights

__all__ = [
    "ADVERSARIAL",
    "LOSSES",
    "AdversarialLoss",
    "FakePool",
    "FeatureNetwork",
    "HomoscedasticWeights",
    "LossMeaning",
    "Prediction",
    "combine",
    "content",
    "cycle",
    "gradient",
    "gradient_penalty",
    "gram",
    "identity",
    "l1",
    "l1_ssim",
    "l2",
    "laplace_nll",
    "least_squares_critic",
    "least_squares_generator",
    "perceptual",
    "relativistic_critic",
    "relativistic_generator",
    "relativistic_least_squares_critic",
    "relativistic_least_squares_generator",
    "ssim",
    "texture",
    "wasserstein_critic",
    "wasserstein_generator",
]
