"""Batches of patches made on the fly; a batch depends on the seed and its number alone.

That is what makes a resumed run see the same data: nothing about the order has to be stored but the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_restoration.training.fields import Field, FieldMaker
from napari_restoration.training.recipe import Recipe

Float = NDArray[np.float32]
Batch = tuple[Tensor, Tensor]


class BatchMaker:
    """Cuts, turns and stacks patches from fields.

    Parameters
    ----------
    recipe : Recipe
        Sizes and degradation.
    maker : FieldMaker
        Where fields come from.
    stream : int
        Keeps training and validation draws apart under one seed.
    """

    def __init__(self, recipe: Recipe, maker: FieldMaker, *, stream: int = 0) -> None:
        self._recipe = recipe
        self._maker = maker
        self._stream = stream

    def batch(self, number: int) -> Batch:
        """The batch of this number: input ``(B, [T,] 1, H, W)`` and target ``(B, 1, H*s, W*s)``, float32."""
        recipe = self._recipe
        rng = np.random.default_rng([recipe.seed, 2, self._stream, number])
        frames = _frames(recipe, rng)
        inputs: list[Float] = []
        targets: list[Float] = []
        while len(inputs) < recipe.training.batch_size:
            field = self._maker.make(rng, frames=frames)
            if min(field.input.shape[-2:]) < recipe.training.patch:
                continue
            wanted = min(recipe.training.patches_per_field, recipe.training.batch_size - len(inputs))
            for _ in range(wanted):
                given, target = _turn(*cut_patch(field, recipe.training.patch, recipe.scale, rng), rng)
                inputs.append(given)
                targets.append(target)
        # (B, H, W) -> (B, 1, H, W); (B, T, H, W) -> (B, T, 1, H, W)
        stacked = np.stack(inputs)
        stacked = stacked[:, :, None] if stacked.ndim == 4 else stacked[:, None]
        return torch.from_numpy(stacked), torch.from_numpy(np.stack(targets)[:, None])


def prefetch(maker: BatchMaker, numbers: Iterator[int], *, ahead: int = 3) -> Iterator[Batch]:
    """Yield batches in order, made in one background thread while the network works."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="patches") as pool:
        waiting: list[Future[Batch]] = []
        try:
            for number in numbers:
                waiting.append(pool.submit(maker.batch, number))
                if len(waiting) > ahead:
                    yield waiting.pop(0).result()
            while waiting:
                yield waiting.pop(0).result()
        finally:
            for future in waiting:
                future.cancel()


def cut_patch(field: Field, side: int, scale: int, rng: np.random.Generator) -> tuple[Float, Float]:
    """Cut a random square; seven times in ten the busiest of three, by the target's standard deviation."""
    candidates = 3 if rng.random() < 0.7 else 1
    found: list[tuple[float, Float, Float]] = []
    for _ in range(candidates):
        y, x = (int(rng.integers(0, n - side + 1)) for n in field.input.shape[-2:])
        target = field.target[y * scale : (y + side) * scale, x * scale : (x + side) * scale]
        found.append((float(target.std()), field.input[..., y : y + side, x : x + side], target))
    _, given, target = max(found, key=lambda f: f[0])
    return given, target


def _turn(given: Float, target: Float, rng: np.random.Generator) -> tuple[Float, Float]:
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    pair = []
    for image in (given, target):
        image = np.rot90(image, turns, axes=(-2, -1))
        pair.append(np.ascontiguousarray(image[..., ::-1] if flip else image))
    return pair[0], pair[1]


def _frames(recipe: Recipe, rng: np.random.Generator) -> int | None:
    frames = recipe.degradation.get("frames")
    if frames is None:
        return None
    low, high = frames if isinstance(frames, tuple) else (frames, frames)
    return int(rng.integers(int(low), int(high) + 1))
