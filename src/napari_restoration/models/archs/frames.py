"""Exchange between the frames of a burst: maxima, which do not depend on the frames' order."""

from __future__ import annotations

import torch
from torch import Tensor


def frame_max(x: Tensor, frames: int) -> Tensor:
    """Largest value over the frames: (B * frames, C, H, W) -> (B, C, H, W)."""
    return _bursts(x, frames).amax(dim=1).movedim(-1, 1)


def frame_pool(x: Tensor, frames: int) -> Tensor:
    """Concatenate each frame with the maximum over its burst: (B * frames, C, H, W) -> (B * frames, 2C, H, W).

    The only exchange between frames: it does not depend on their order.
    """
    bursts = _bursts(x, frames)
    pooled = bursts.amax(dim=1, keepdim=True).expand_as(bursts)
    return torch.cat([bursts, pooled], dim=-1).flatten(0, 1).movedim(-1, 1)


def _bursts(x: Tensor, frames: int) -> Tensor:
    # (B, frames, H, W, C): with the channels last in memory nothing downstream has to be copied.
    bursts: Tensor = x.movedim(1, -1).unflatten(0, (-1, frames))
    return bursts
