"""The weighted sum of losses that one network is trained on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor

from napari_restoration.core.errors import InputError
from napari_restoration.training.losses.laplace import laplace_nll
from napari_restoration.training.losses.multiscale import content
from napari_restoration.training.losses.pixel import l1, l2
from napari_restoration.training.losses.structure import gradient, l1_ssim, ssim

Prediction = Tensor | Sequence[Tensor]

# By the names of `LOSSES`; those that need a critic, features or a second network are their method's to compute.
_OF_THE_MEAN: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = MappingProxyType(
    {
        "l1": l1,
        "l1_sum": partial(l1, reduction="sum"),
        "l2": l2,
        "gradient": gradient,
        "gradient_prewitt": partial(gradient, edges="prewitt"),
        "ssim": ssim,
        "l1_ssim": l1_ssim,
    }
)
_OF_ALL_SCALES: Mapping[str, Callable[[Sequence[Tensor], Tensor], Tensor]] = MappingProxyType(
    {"content": content, "content_l2": partial(content, error="l2")}
)


def combine(
    weights: Mapping[str, float], prediction: Prediction, target: Tensor, *, laplace: bool
) -> tuple[Tensor, dict[str, float]]:
    """Weighted sum of losses and the value of each.

    Parameters
    ----------
    weights : mapping of str to float
        Losses by name.
    prediction : Tensor or sequence of Tensor
        What the network returned: one tensor, or one for each scale from fine to coarse.
    target : Tensor
        ``(B, C, H, W)`` float32.
    laplace : bool
        Whether the last half of the prediction's channels is a Laplace scale.

    Returns
    -------
    tuple
        The scalar to minimise and the unweighted parts by name.

    Raises
    ------
    InputError
        If a loss is unknown, or needs more than a prediction and its target.
    """
    scales = [prediction] if isinstance(prediction, Tensor) else list(prediction)
    scales = [s.float() for s in scales]
    means = [s[:, : target.shape[1]] for s in scales] if laplace else scales
    parts: dict[str, Tensor] = {}
    for name in weights:
        if name == "laplace_nll":
            parts[name] = laplace_nll(scales[0], target)
        elif name in _OF_ALL_SCALES:
            parts[name] = _OF_ALL_SCALES[name](means, target)
        elif name in _OF_THE_MEAN:
            parts[name] = _OF_THE_MEAN[name](means[0], target)
        else:
            known = ", ".join([*_OF_THE_MEAN, *_OF_ALL_SCALES, "laplace_nll"])
            raise InputError(f"The loss {name!r} is none of a prediction and its target; known are {known}.")
    total = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
    return total, {name: float(part.detach()) for name, part in parts.items()}
