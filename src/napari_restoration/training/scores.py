"""Scores of a network on held-out patches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from napari_restoration.training.core import Core
from napari_restoration.training.loss_table import LOSSES
from napari_restoration.training.losses import l1, ssim
from napari_restoration.training.methods.objective import Weighing
from napari_restoration.training.patches import Batch
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.training_settings import RISING, Metric


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Means over the validation patches, data range 1 in normalised units.

    Attributes
    ----------
    loss : float
        The recipe's losses of prediction and target; the mean absolute error where it has none of these.
    psnr : float
        In dB, of the mean over patches.
    ssim, mae : float
    """

    loss: float
    psnr: float
    ssim: float
    mae: float

    def value(self, metric: Metric) -> float:
        """The score of this name."""
        return float(getattr(self, metric))


def is_better(metric: Metric, value: float, best: float | None) -> bool:
    """Whether a score beats the best so far; one that is not finite never beats one that is."""
    if best is None:
        return True
    if not math.isfinite(value):
        return False
    return value > best if metric in RISING else value < best


@torch.no_grad()
def validate(core: Core, recipe: Recipe, batches: Sequence[Batch]) -> Scores:
    """Scores of the averaged weights.

    Parameters
    ----------
    core : Core
    recipe : Recipe
        Its losses weigh the parts of `Scores.loss`. In evaluation a coarse-to-fine network gives its finest scale
        alone, so that its loss is smaller than in training.
    batches : sequence of Batch
    """
    core.averaged.eval()
    weights = _comparable(recipe.training.losses)
    weighing = Weighing(weights)
    losses, similar, errors, decibels = [], [], [], []
    for batch in batches:
        given, target = core.place(batch)
        prediction = core.averaged(given)
        parts = core.method.compared.parts(list(weights), prediction, target)
        losses.append(float(weighing.total(parts)))
        mean = prediction[:, : target.shape[1]]
        similar.append(1 - float(ssim(mean, target)))
        errors.append(float(l1(mean, target)))
        error = (mean - target).square().mean(dim=tuple(range(1, target.ndim)))
        decibels.append(-10 * torch.log10(error.clamp_min(1e-12)))
    count = len(batches)
    return Scores(
        loss=sum(losses) / count,
        psnr=float(torch.cat(decibels).mean()),
        ssim=sum(similar) / count,
        mae=sum(errors) / count,
    )


def _comparable(losses: Mapping[str, float]) -> dict[str, float]:
    needs = ("target", "scales", "laplace scale", "features")
    return {name: w for name, w in losses.items() if LOSSES[name].needs in needs} or {"l1": 1.0}
