"""Losses on edges and local structure; the planes of a volume are compared one by one."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_restoration.core.errors import InputError
from napari_restoration.training.losses._common import (
    in_full_precision,
    need_choice,
    need_same_shape,
    planes,
)

Edges = Literal["plain", "prewitt"]


@in_full_precision
def gradient(
    prediction: Tensor, target: Tensor, *, edges: Edges = "plain", pixel_weight: float = 0.1
) -> Tensor:
    """``pixel_weight * mean|e| + mean(|Dx e| + |Dy e|)`` of the error ``e``.

    Source: "TEM image restoration from fast image streams"; the weights are those of `methods.md` 1.3.

    Parameters
    ----------
    prediction, target : Tensor
        ``(B, C, H, W)`` or ``(B, C, Z, Y, X)`` of one shape, at least 3 pixels high and wide for Prewitt.
    edges : {"plain", "prewitt"}
        Differences of neighbours, or Prewitt's 3 x 3 filters divided by 6. Both give 1 on a ramp of slope 1.
    pixel_weight : float
        Weight of the mean absolute error, which the differences leave free by a constant.
    """
    need_same_shape(prediction, target)
    need_choice(edges, ("plain", "prewitt"), "edges")
    error = prediction - target
    if edges == "plain":
        across = (error[..., 1:] - error[..., :-1]).abs().mean()
        down = (error[..., 1:, :] - error[..., :-1, :]).abs().mean()
    else:
        across, down = (edge.abs().mean() for edge in _prewitt(error))
    return pixel_weight * error.abs().mean() + across + down


@in_full_precision
def ssim(prediction: Tensor, target: Tensor, *, data_range: float = 1.0) -> Tensor:
    """``1 - SSIM`` with an 11 x 11 Gaussian window of sigma 1.5 (Wang 2004), without padding.

    Images smaller than the window get the largest odd window that fits. Values span ``data_range``.
    """
    need_same_shape(prediction, target)
    prediction, target = planes(prediction), planes(target)
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


@in_full_precision
def l1_ssim(prediction: Tensor, target: Tensor, *, data_range: float = 1.0) -> Tensor:
    """``mean|e| + (1 - SSIM)``: structure by SSIM, brightness pinned by the mean absolute error.

    Source: "TEM image restoration from fast image streams", read as `methods.md` 1.3 does.
    """
    structure = ssim(prediction, target, data_range=data_range)
    return F.l1_loss(prediction, target) + structure


def _prewitt(error: Tensor) -> tuple[Tensor, Tensor]:
    if min(error.shape[-2:]) < 3:
        height, width = error.shape[-2:]
        raise InputError(f"The patch has {height} x {width} pixels; Prewitt's filters need 3 x 3 at least.")
    step = torch.tensor([-1.0, 0.0, 1.0], dtype=error.dtype, device=error.device)
    across = step.expand(3, 3) / 6
    single = error.reshape(-1, 1, *error.shape[-2:])
    return F.conv2d(single, across[None, None]), F.conv2d(single, across.T[None, None].contiguous())


def _gaussian_window(size: int, channels: int, like: Tensor) -> Tensor:
    size -= 1 - size % 2
    x = torch.arange(size, dtype=like.dtype, device=like.device) - size // 2
    line = torch.exp(-(x**2) / (2 * 1.5**2))
    line = line / line.sum()
    return torch.outer(line, line).expand(channels, 1, size, size).contiguous()
