"""Restoring with the weights of a run, and the numbers that come of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage

from napari_restoration.models.archs import build, geometry
from napari_restoration.training.recipe import Recipe

Float = npt.NDArray[np.float32]
Restore = Callable[[Float], Float]

_PERCENTILES = (2.0, 99.8)
_BLOCK = 128
_LEVELS = 4


def restorer(recipe: Recipe, weights: Path, device: str) -> Restore:
    """A function from an input ``(Y, X)`` or ``(T, Y, X)`` to the restored plane, whole and in the input's units."""
    from safetensors.torch import load_file

    shape = geometry(recipe.arch, **recipe.arch_args)
    network = build(recipe.arch, **recipe.arch_args)
    network.load_state_dict(load_file(weights))
    network.to(device).eval()

    @torch.no_grad()
    def restore(given: Float) -> Float:
        low, high = np.percentile(given, _PERCENTILES)
        spread = max(float(high - low), 1e-6)
        height, width = given.shape[-2:]
        right, below = (-n % shape.size_multiple for n in (width, height))
        edges = [(0, 0)] * (given.ndim - 2) + [(0, below), (0, right)]
        scaled = np.pad(((given - low) / spread).astype(np.float32), edges, mode="reflect")
        tensor = torch.from_numpy(scaled)
        tensor = tensor[None, :, None] if shape.burst else tensor[None, None]
        output = network(tensor.to(device))
        plane = (output[0] if isinstance(output, tuple) else output)[0, 0].cpu().numpy()
        plane = plane[: height * shape.scale, : width * shape.scale]
        return np.asarray(plane * spread + low, dtype=np.float32)

    return restore


def grid_energy(residuals: Sequence[Float]) -> float:
    """How far peaks at Nyquist / 2^k stand out of the power of what is wrong, in decibels.

    The power spectra of 128 x 128 blocks are averaged. At ``(f, 0)``, ``(0, f)`` and ``(f, f)``, with f = 1/2, 1/4,
    1/8 and 1/16 cycles a pixel, the bin is compared with the median of those up to 5 bins around; the largest
    ratio counts. White noise gives up to 2 dB.
    """
    power = np.zeros((_BLOCK, _BLOCK))
    window = np.outer(np.hanning(_BLOCK), np.hanning(_BLOCK))
    for plane in residuals:
        for y in range(0, plane.shape[0] - _BLOCK + 1, _BLOCK):
            for x in range(0, plane.shape[1] - _BLOCK + 1, _BLOCK):
                block = plane[y : y + _BLOCK, x : x + _BLOCK].astype(np.float64)
                block = (block - block.mean()) / max(float(block.std()), 1e-12)
                power += np.abs(np.fft.fft2(block * window)) ** 2
    largest = 0.0
    for level in range(_LEVELS):
        bin_ = _BLOCK // 2 >> level
        for y, x in ((bin_, 0), (0, bin_), (bin_, bin_)):
            largest = max(largest, float(power[y, x]) / _around(power, y, x))
    return 10 * math.log10(largest) if largest > 0 else math.nan


def _around(power: npt.NDArray[np.float64], y: int, x: int) -> float:
    offsets = range(-5, 6)
    values = [
        power[(y + dy) % _BLOCK, (x + dx) % _BLOCK]
        for dy in offsets
        for dx in offsets
        # The window spreads a peak over the next two bins, and the axes hold the image's own edges.
        if max(abs(dy), abs(dx)) > 2 and ((y + dy) % _BLOCK, (x + dx) % _BLOCK) != (0, 0)
    ]
    return float(np.median(values))


def noise_probe(frames: int = 0, seed: int = 0) -> Float:
    """An empty field with camera noise alone, and one bright disc in a corner by which it is normalised."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:256, :256]
    expected = np.where((y - 40) ** 2 + (x - 40) ** 2 < 28**2, 60.0, 6.0)
    electrons = rng.poisson(expected, (max(frames, 1), 256, 256)) + 1.5 * rng.standard_normal((256, 256))
    given = (electrons / 0.5 + 100).astype(np.float32)
    return given if frames else given[0]


def invented_texture(restored: Float, given: Float) -> float:
    """Structure of 5 to 30 pixels in the empty part, as a share of what the noise itself has there.

    Standard deviation of a difference of Gaussians (1.5 and 5 input pixels) far from the disc; for a burst that of
    the mean of its frames is the measure. 0 is a clean field, 1 is noise as it was, more is amplified.
    """
    mean = given.mean(axis=0) if given.ndim == 3 else given
    ratio = restored.shape[-1] // mean.shape[-1]
    return _texture(restored, ratio) / max(_texture(mean, 1), 1e-12)


def _texture(plane: Float, ratio: int) -> float:
    fine, coarse = (ndimage.gaussian_filter(plane.astype(np.float64), s * ratio) for s in (1.5, 5.0))
    return float((fine - coarse)[112 * ratio :, 112 * ratio :].std())
