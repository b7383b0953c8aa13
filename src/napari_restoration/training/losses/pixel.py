"""Losses on single pixels."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from napari_restoration.training.losses._common import (
    Reduction,
    difference,
    in_full_precision,
    need_same_shape,
    reduced,
)


@in_full_precision
def l1(prediction: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Mean absolute error.

    Parameters
    ----------
    prediction, target : Tensor
        ``(B, C, H, W)`` or ``(B, C, Z, Y, X)`` of one shape.
    reduction : {"mean", "sum"}
        ``"sum"`` adds over the pixels and averages over images and channels, as the released code of
        "Microscopy Image Restoration using Deep Learning on W2S" does: H * W times the mean.

    Returns
    -------
    Tensor
        A scalar in the units of the images.
    """
    need_same_shape(prediction, target)
    if reduction == "mean":
        return F.l1_loss(prediction, target)
    return reduced(difference(prediction, target, "l1"), reduction)


@in_full_precision
def l2(prediction: Tensor, target: Tensor, *, reduction: Reduction = "mean") -> Tensor:
    """Mean squared error; parameters as in `l1`, the result in squared units."""
    need_same_shape(prediction, target)
    return reduced(difference(prediction, target, "l2"), reduction)
