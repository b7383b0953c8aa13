"""The likelihood of networks that predict a value and its uncertainty."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_restoration.training.losses._common import in_full_precision, need_same_shape


@in_full_precision
def laplace_nll(prediction: Tensor, target: Tensor) -> Tensor:
    """Negative log-likelihood ``mean(|mu - y| / b + log(2 b))``.

    ``prediction`` holds the channels of ``mu`` and after them those of the positive scale ``b``.
    At a fixed error the best ``b`` is the mean of ``|mu - y|``. The value may be negative.
    Source: "Semi-Synthetic Test Data Generation and Content-aware Image Restoration".
    """
    mean, scale = prediction.chunk(2, dim=1)
    need_same_shape(mean, target, ("mean", "target"))
    return ((mean - target).abs() / scale + torch.log(2 * scale)).mean()
