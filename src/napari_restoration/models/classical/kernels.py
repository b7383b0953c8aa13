"""Kernels of blurs: a Gaussian, and how wide any kernel is."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Plane: TypeAlias = npt.NDArray[np.floating[Any]]
Kernel: TypeAlias = npt.NDArray[np.floating[Any]]


def gaussian(sigma_px: float) -> Kernel:
    """Gaussian kernel of four standard deviations on each side, unit sum; 0 gives a point."""
    half = math.ceil(4 * sigma_px)
    profile = np.exp(-0.5 * (np.arange(-half, half + 1) / max(sigma_px, 1e-9)) ** 2)
    kernel = np.outer(profile, profile)
    return np.asarray(kernel / kernel.sum(), np.float32)


def width_px(kernel: Kernel) -> float:
    """The larger one of a kernel's standard deviations along Y and X."""
    total = float(kernel.sum())
    spreads = []
    for axis in (0, 1):
        profile = kernel.sum(1 - axis) / total
        place = np.arange(profile.size) - profile.size // 2
        spreads.append(float(profile @ place**2))
    return math.sqrt(max(spreads))
