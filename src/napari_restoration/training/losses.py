"""Losses, each a scalar mean that is logged under its name.

Predictions and targets are ``(B, C, H, W)`` in normalised units. A network that predicts a Laplace scale
gives it as the last half of its channels; every loss but `laplace_nll` looks at the mean alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

Prediction = Tensor | Sequence[Tensor]


def l1(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error."""
    return F.l1_loss(prediction, target)


def gradient(prediction: Tensor, target: Tensor) -> Tensor:
    """``0.1 mean|e| + mean(|Dx e| + |Dy e|)`` with plain differences.

    Source: "TEM image restoration from fast image streams"; the weights are those of `methods.md` 1.3.
    """
    error = prediction - target
    across = (error[..., 1:] - error[..., :-1]).abs().mean()
    down = (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    return 0.1 * error.abs().mean() + across + down


def ssim(prediction: Tensor, target: Tensor, *, data_range: float = 1.0) -> Tensor:
    """``1 - SSIM`` with an 11 x 11 Gaussian window of sigma 1.5 (Wang 2004), without padding.

    Images smaller than the window get the largest odd window that fits.
    """
    channels = target.shape[1]
    window = _gaussian_window(min(11, target.shape[-1], target.shape[-2]), channels, target)

    def local_mean(x: Tensor) -> Tensor:
        return F.conv2d(x, window, groups=channels)

    mean_p, mean_t = local_mean(prediction), local_mean(target)
    var_p = local_mean(prediction * prediction) - mean_p * mean_p
    var_t = local_mean(target * target) - mean_t * mean_t
    covariance = local_mean(prediction * target) - mean_p * mean_t
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_p * mean_t + c1) / (mean_p * mean_p + mean_t * mean_t + c1)
    structure = (2 * covariance + c2) / (var_p + var_t + c2)
    return 1 - (luminance * structure).mean()


def laplace_nll(prediction: Tensor, target: Tensor) -> Tensor:
    """Negative log-likelihood ``mean(|mu - y| / b + log(2 b))``.

    ``prediction`` holds the channels of ``mu`` and after them those of the positive scale ``b``.
    Source: "Semi-Synthetic Test Data Generation and Content-aware Image Restoration".
    """
    mean, scale = prediction.chunk(2, dim=1)
    return ((mean - target).abs() / scale + torch.log(2 * scale)).mean()


def content(predictions: Sequence[Tensor], target: Tensor) -> Tensor:
    """Sum over the scales of a coarse-to-fine network of the mean absolute error.

    ``predictions`` runs from fine to coarse, each half the size of the one before; the target's pyramid is
    made by 2 x 2 means. Source: "Defocus deblur microscopy via feature interactive coarse-to-fine network".
    """
    total = F.l1_loss(predictions[0], target)
    for prediction in predictions[1:]:
        target = F.avg_pool2d(target, 2)
        total = total + F.l1_loss(prediction, target)
    return total


_PLAIN: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"l1": l1, "gradient": gradient, "ssim": ssim}


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
    """
    scales = [prediction] if isinstance(prediction, Tensor) else list(prediction)
    scales = [s.float() for s in scales]
    finest = scales[0]
    mean = finest[:, : target.shape[1]] if laplace else finest
    parts: dict[str, Tensor] = {}
    for name in weights:
        if name == "laplace_nll":
            parts[name] = laplace_nll(finest, target)
        elif name == "content":
            parts[name] = content(scales, target)
        else:
            parts[name] = _PLAIN[name](mean, target)
    total = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
    return total, {name: float(part.detach()) for name, part in parts.items()}


def _gaussian_window(size: int, channels: int, like: Tensor) -> Tensor:
    size -= 1 - size % 2
    x = torch.arange(size, dtype=like.dtype, device=like.device) - size // 2
    line = torch.exp(-(x**2) / (2 * 1.5**2))
    line = line / line.sum()
    return torch.outer(line, line).expand(channels, 1, size, size).contiguous()
