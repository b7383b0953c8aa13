"""Batches of patches made on the fly; a batch depends on the seed and its number alone.

That is what makes a resumed run see the same data: nothing about the order has to be stored but the step.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_restoration.core.errors import InputError
from napari_restoration.training.fields import Field, FieldMaker
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.sfm import FrequencyMasking
from napari_restoration.training.training_settings import TrainingSettings, Turns

_MOST_MISSES = 1000

Float = NDArray[np.float32]
Batch = tuple[Tensor, Tensor]

TRAINING_STREAM, VALIDATION_STREAM, STATISTICS_STREAM, OTHER_STREAM = 0, 1, 2, 3
"""Numbers that keep the draws of one seed apart; the last is for the targets of unpaired training."""


class BatchMaker:
    """Cuts, turns and stacks patches from fields.

    Parameters
    ----------
    recipe : Recipe
        Sizes and degradation.
    maker : FieldMaker
        Where fields come from.
    stream : int
        Keeps training and validation draws apart under one seed. Frequencies are masked and intensities changed
        in training alone.
    """

    def __init__(self, recipe: Recipe, maker: FieldMaker, *, stream: int = 0) -> None:
        self._recipe = recipe
        self._maker = maker
        self._stream = stream
        self._masks = stream == TRAINING_STREAM

    def batch(self, number: int) -> Batch:
        """The batch of this number: input ``(B, [T,] 1, H, W)`` and target ``(B, 1, H*s, W*s)``, float32."""
        recipe = self._recipe
        rng = np.random.default_rng([recipe.seed, 2, self._stream, number])
        frames = _frames(recipe, rng)
        inputs: list[Float] = []
        targets: list[Float] = []
        misses = 0
        while len(inputs) < recipe.training.batch_size:
            field = self._maker.make(rng, frames=frames)
            if (side := min(field.input.shape[-2:])) < recipe.training.patch:
                misses += 1
                if misses > _MOST_MISSES:
                    raise InputError(
                        f"The recipe's training.patch is {recipe.training.patch} pixels, but images of the training "
                        f"data have {side} or so; make the patch smaller."
                    )
                continue
            wanted = min(recipe.training.patches_per_field, recipe.training.batch_size - len(inputs))
            for _ in range(wanted):
                cut = cut_patch(field, recipe.training.patch, recipe.scale, rng)
                given, target = augment(*cut, recipe.training, rng, masks=self._masks)
                inputs.append(given)
                targets.append(target)
        # (B, H, W) -> (B, 1, H, W); (B, T, H, W) -> (B, T, 1, H, W)
        stacked = np.stack(inputs)
        stacked = stacked[:, :, None] if stacked.ndim == 4 else stacked[:, None]
        return torch.from_numpy(stacked), torch.from_numpy(np.stack(targets)[:, None])


class UnpairedBatchMaker:
    """Inputs of some fields and targets of others: what is blurred in one is not what is sharp in the other.

    Parameters
    ----------
    given, wanted : BatchMaker
        Where inputs and targets come from; of different fields of view, and of different streams.
    """

    def __init__(self, given: BatchMaker, wanted: BatchMaker) -> None:
        self._given, self._wanted = given, wanted

    def batch(self, number: int) -> Batch:
        """As `BatchMaker.batch`, but the target is not that of the input."""
        return self._given.batch(number)[0], self._wanted.batch(number)[1]


def prefetch(
    maker: BatchMaker | UnpairedBatchMaker, numbers: Iterator[int], *, ahead: int = 3
) -> Generator[Batch, None, None]:
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


def augment(
    given: Float, target: Float, settings: TrainingSettings, rng: np.random.Generator, *, masks: bool = True
) -> tuple[Float, Float]:
    """A patch and its target, turned, and where ``masks`` is set with other intensities and a band left out.

    Parameters
    ----------
    given, target : ndarray
        ``(..., Y, X)``; both are turned alike.
    settings : TrainingSettings
        ``turns``, ``intensity``, ``intensity_shift``, ``masking``.
    rng : numpy.random.Generator
    masks : bool
    """
    given, target = _turned(given, target, settings.turns, rng)
    if not masks:
        return given, target
    if settings.intensity != (1.0, 1.0) or settings.intensity_shift:
        factor = np.float32(rng.uniform(*settings.intensity))
        shift = np.float32(rng.uniform(-settings.intensity_shift, settings.intensity_shift))
        given, target = given * factor + shift, target * factor + shift
    if settings.masking:
        mask = FrequencyMasking(share=settings.masking, mode=settings.masked_band)
        masked, _ = mask(given, target, rng)
        given = np.asarray(masked, dtype=np.float32)
    return given, target


def _turned(given: Float, target: Float, turns: Turns, rng: np.random.Generator) -> tuple[Float, Float]:
    if turns == "none":
        return np.ascontiguousarray(given), np.ascontiguousarray(target)
    if turns == "flips":
        axes = tuple(axis for axis in (-2, -1) if rng.integers(2))
        return np.ascontiguousarray(np.flip(given, axes)), np.ascontiguousarray(np.flip(target, axes))
    quarters, flip = int(rng.integers(4)), bool(rng.integers(2))
    pair = []
    for image in (given, target):
        image = np.rot90(image, quarters, axes=(-2, -1))
        pair.append(np.ascontiguousarray(image[..., ::-1] if flip else image))
    return pair[0], pair[1]


def _frames(recipe: Recipe, rng: np.random.Generator) -> int | None:
    frames = recipe.degradation.get("frames")
    if frames is None:
        return None
    low, high = frames if isinstance(frames, tuple) else (frames, frames)
    return int(rng.integers(int(low), int(high) + 1))
