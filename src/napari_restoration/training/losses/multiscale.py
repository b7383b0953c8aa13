"""Losses on the outputs of a coarse-to-fine network."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from napari_restoration.training.losses._common import (
    ErrorKind,
    in_full_precision,
    need_choice,
    need_same_shape,
)


@in_full_precision
def content(predictions: Sequence[Tensor], target: Tensor, *, error: ErrorKind = "l1") -> Tensor:
    """Sum over the scales of a coarse-to-fine network of the mean absolute (or squared) error.

    ``predictions`` runs from fine to coarse, each ``(B, C, H, W)`` of half the size of the one before; the
    target's pyramid is made by 2 x 2 means. All scales weigh the same.
    Source: "Defocus deblur microscopy via feature interactive coarse-to-fine network", equation 5, which
    prints a square where the text prefers the absolute value.
    """
    need_choice(error, ("l1", "l2"), "error")
    distance = F.l1_loss if error == "l1" else F.mse_loss
    need_same_shape(predictions[0], target)
    total = distance(predictions[0], target)
    for prediction in predictions[1:]:
        target = F.avg_pool2d(target, 2)
        need_same_shape(prediction, target, ("coarser prediction", "target's mean"))
        total = total + distance(prediction, target)
    return total
