"""Held-out crops that are restored again and again while a run trains, to look at; the training does not see them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_restoration.core.errors import OutputError
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.models.archs import geometry
from napari_restoration.training.patches import cut_patch
from napari_restoration.training.state import is_out_of_memory

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from napari_restoration.training.core import Core
    from napari_restoration.training.data import RunData
    from napari_restoration.training.recipe import Recipe

LIVE = "live.safetensors"
MOST_CROPS = 4
_LARGE, _SMALL = 192, 128
_SECONDS_BETWEEN = 3.0
_LONGEST_CROP_S = 0.1  # crops that take longer are made smaller
_LONGEST_ROUND_S = 0.5  # and of those that still take long there are fewer
_SHARE = 0.03  # of the time is spent here
_STREAM = 5


@dataclass(frozen=True, eq=False)
class _Crop:
    name: str
    input: NDArray[np.float32]
    target: NDArray[np.float32]

    def part(self, side: int, scale: int) -> _Crop:
        """Its middle."""
        y, x = ((n - side) // 2 for n in self.input.shape[-2:])
        fine = tuple(slice(first * scale, (first + side) * scale) for first in (y, x))
        return _Crop(self.name, self.input[..., y : y + side, x : x + side], self.target[fine])


class LiveWindow:
    """Restores fixed crops with the averaged weights, and writes them to a file, whole or not at all.

    Parameters
    ----------
    core : Core
    recipe : Recipe
    data : RunData
    folder : Path
        Of the run.

    Attributes
    ----------
    path : Path
        The file; `napari_restoration.tasks.train_reports.read_live` reads it.
    notices : list of str
        What the user must hear; emptied by who tells it.
    """

    def __init__(self, core: Core, recipe: Recipe, data: RunData, folder: Path) -> None:
        self.path, self.notices = folder / LIVE, list[str]()
        self._core, self._scale = core, recipe.scale
        self._crops = list(_crops(recipe, data))
        self._fitted = False
        self._told = self._broken = False
        self._soonest = self._soonest_of_epoch = 0.0

    def is_due(self, *, epoch_ends: bool = False) -> bool:
        """Whether new pictures are due now: after some seconds, and at the end of an epoch unless they take long."""
        if self._broken or not self._crops:
            return False
        return time.perf_counter() >= (self._soonest_of_epoch if epoch_ends else self._soonest)

    def show(self, step: int) -> bool:
        """Restore the crops with the weights as they are now; False where that or writing them fails."""
        start = time.perf_counter()
        try:
            if not self._fitted:
                self._fit()
            predictions = [self._restored(crop) for crop in self._crops]
            self._write(step, predictions)
            return True
        except (OutputError, OSError) as error:
            # Windows does not replace a file that is being read; the next picture comes soon.
            passing = isinstance(error.__cause__ or error, PermissionError)
            self._tell("" if passing else f"Live pictures are not shown ({error}); training goes on.")
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            self._broken = True
            self._tell("Memory is short, so that no live pictures are shown; training goes on.")
        finally:
            end = time.perf_counter()
            self._soonest_of_epoch = end + (end - start) / _SHARE
            self._soonest = max(self._soonest_of_epoch, end + _SECONDS_BETWEEN)
        return False

    def _tell(self, words: str) -> None:
        if words and not self._told:
            self._told = True
            self.notices.append(words)

    def _fit(self) -> None:
        """Smaller and fewer crops for slow networks, so that pictures stay live."""
        self._restored(self._crops[0])  # the first call of a network is slower
        start = time.perf_counter()
        self._restored(self._crops[0])
        seconds, side = time.perf_counter() - start, self._crops[0].input.shape[-1]
        if seconds > _LONGEST_CROP_S and side > _SMALL and not self._core.method.geometry.whole_image:
            small = (
                _SMALL // self._core.method.geometry.size_multiple * self._core.method.geometry.size_multiple
            )
            self._crops = [crop.part(small, self._scale) for crop in self._crops]
            seconds *= (small / side) ** 2
        count = int(np.clip(_LONGEST_ROUND_S / max(seconds, 1e-6), 1, MOST_CROPS))
        self._crops, self._fitted = self._crops[:count], True

    def _restored(self, crop: _Crop) -> NDArray[np.float32]:
        import torch

        self._core.averaged.eval()
        # (Y, X) -> (1, 1, Y, X); (T, Y, X) -> (1, T, 1, Y, X)
        given = torch.from_numpy(crop.input)[None, :, None] if crop.input.ndim == 3 else _one(crop.input)
        placed = self._core.place((given, _one(crop.target)))[0]
        with torch.no_grad():
            found: NDArray[np.float32] = self._core.averaged(placed)[0, 0].float().cpu().numpy()
        return found

    def _write(self, step: int, predictions: list[NDArray[np.float32]]) -> None:
        from safetensors.numpy import save

        middle = [c.input if c.input.ndim == 2 else c.input[len(c.input) // 2] for c in self._crops]
        arrays: dict[str, Any] = {
            "input": np.stack(middle), "prediction": np.stack(predictions),
            "target": np.stack([crop.target for crop in self._crops]),
        }  # fmt: skip
        names = json.dumps([crop.name for crop in self._crops])
        about = {"names": names, "step": str(step), "scale": str(self._scale)}
        write_bytes_atomically(self.path, save(arrays, about))


def _one(image: NDArray[np.float32]) -> torch.Tensor:
    import torch

    return torch.from_numpy(image)[None, None]


def _crops(recipe: Recipe, data: RunData) -> Iterator[_Crop]:
    """The same each time: from as many held-out images as possible, all of one size."""
    shape = geometry(recipe.arch, **recipe.arch_args)
    makers = data.held_out_apart(MOST_CROPS)
    fields = []
    for number in range(MOST_CROPS):
        # Of few images several parts are shown.
        name, maker = makers[number % len(makers)]
        fields.append((name, maker.make(np.random.default_rng([recipe.seed, _STREAM, number]))))
    side = min((min(field.input.shape[-2:]) for _, field in fields), default=0)
    side = recipe.training.patch if shape.whole_image else min(side, _LARGE)
    side = side // shape.size_multiple * shape.size_multiple
    shown: list[NDArray[np.float32]] = []
    for number, (name, field) in enumerate(fields):
        if 0 < side <= min(field.input.shape[-2:]):
            rng = np.random.default_rng([recipe.seed, _STREAM, number])
            given, target = (np.ascontiguousarray(part) for part in cut_patch(field, side, recipe.scale, rng))
            if not any(np.array_equal(target, other) for other in shown):
                shown.append(target)
                yield _Crop(name, given, target)
