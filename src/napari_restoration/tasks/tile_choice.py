"""How large the tiles of a run are: measured once for a model on a device, capped by free memory.

On a CPU the best tile is a question of cache, on a GPU of keeping it busy; neither follows from the model's
size, so a few candidates are timed and the fastest is remembered.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import OutputError, TileTooLarge
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.core.memory import free_memory_bytes
from napari_restoration.core.tiling import SMALLEST_TILE, round_up
from napari_restoration.models.classical.catalogue import is_classical

if TYPE_CHECKING:
    from pathlib import Path

    from napari_restoration.models.any_model import AnyModel
    from napari_restoration.models.card import ModelCard

logger = logging.getLogger(__name__)

_CPU_CANDIDATES = (128, 192, 256, 384, 512)
_GPU_CANDIDATES = (512, 1024, 2048)
_USUAL = {"cpu": 256, "other": 1024}
# Fewer pixels than this are done before a measurement would have paid.
_WORTH_MEASURING_PIXELS = 8 * 1024**2
_MEASURING_BUDGET_S = 4.0
# Cores much smaller than their halo spend the time on overlap.
_CORE_TO_HALO = 3
# Of the paper whose networks see whole images (COMI), where a card does not say.
_USUAL_TRAINING_SIZE = 512


def choose_tile(
    model: AnyModel, spatial: Sequence[int], halo: int, frames: int, work_pixels: int
) -> tuple[int, ...]:
    """Choose the side of the kept core along each spatial axis.

    Parameters
    ----------
    model : AnyModel
        Loaded, on its device.
    spatial : sequence of int
        Spatial shape of one block in pixels.
    halo : int
        Margin of a tile in pixels.
    frames : int
        Frames that enter the network together.
    work_pixels : int
        Pixels of the whole run; small runs are not measured for.

    Returns
    -------
    tuple of int
        Multiples of the model's size multiple, spread evenly so that no sliver is left at the end.
    """
    card, multiple = model.card, model.card.size_multiple

    def fits(*sides: int) -> bool:
        return _fits(model, sides, spatial, halo, frames)

    side = _usual_side(model, halo)
    fitting = [one for one in _candidates(model, halo) if fits(*(one,) * len(spatial))]
    if card.whole_image:
        whole = tuple(round_up(length, multiple) for length in spatial)
        if fits(*whole):
            return whole
        # What the network sees is then as large as what it was trained on, if the overlap leaves anything of it.
        side = max((card.training_size or _USUAL_TRAINING_SIZE) - 2 * halo, halo)
    elif fitting:
        side = min(side, fitting[-1])
        measurable = len(spatial) == 2 and not is_classical(card)
        if measurable and len(fitting) > 1 and max(spatial) > fitting[0]:
            known = _remembered(model, frames)
            if known in fitting:
                side = int(known)
            elif work_pixels > _WORTH_MEASURING_PIXELS:
                side = _measured(model, fitting, halo, frames)
                _remember(model, frames, side)
    tile = tuple(_even_side(length, round(length / side), multiple) for length in spatial)
    while not fits(*tile):
        # Even tiles may be half as large again as was asked for; where memory is short they must not be.
        tile = tuple(_even_side(length, ceil(length / side), multiple) for length in spatial)
        if side <= SMALLEST_TILE:
            break
        side = max(SMALLEST_TILE, side // 2)
    return tile


def whole_image_notice(card: ModelCard, tile: Sequence[int], spatial: Sequence[int]) -> str:
    """What the user must know where a network that should see the whole image sees tiles; else empty."""
    if not card.whole_image or all(side >= length for side, length in zip(tile, spatial, strict=True)):
        return ""
    sides = " x ".join(map(str, tile))
    judges = "fits its result" if is_classical(card) else "judges contrast"
    return (
        f"{card.title} {judges} by the whole image, but saw tiles of {sides} pixels with {card.halo} around them: "
        "brightness may differ a little between tiles; restore a smaller region to avoid it."
    )


def _even_side(length: int, pieces: int, multiple: int) -> int:
    return ceil(length / max(1, pieces) / multiple) * multiple


def _candidates(model: AnyModel, halo: int) -> list[int]:
    sides = _CPU_CANDIDATES if model.device == "cpu" else _GPU_CANDIDATES
    return [side for side in sides if side >= _CORE_TO_HALO * halo] or [sides[-1]]


def _usual_side(model: AnyModel, halo: int) -> int:
    usual = _USUAL["cpu" if model.device == "cpu" else "other"]
    return max(usual, _candidates(model, halo)[0])


def _fits(model: AnyModel, sides: Sequence[int], spatial: Sequence[int], halo: int, frames: int) -> bool:
    seen = (min(side + 2 * halo, length) for side, length in zip(sides, spatial, strict=True))
    # Activations on a GPU are bounded by back-off from the failed tile; its free memory is not asked for.
    needed = 0 if model.device != "cpu" else model.estimate_bytes((frames, model.card.in_channels, *seen))
    return needed <= free_memory_bytes() // 2


def _measured(model: AnyModel, sides: Sequence[int], halo: int, frames: int) -> int:
    """The side with the most kept pixels a second."""
    rng = np.random.default_rng(0)
    started = time.perf_counter()
    best, best_rate = sides[0], 0.0
    usual = _usual_side(model, halo)
    for side in sorted(sides, key=lambda one: abs(one - usual)):
        if time.perf_counter() - started > _MEASURING_BUDGET_S:
            break
        frame_axis = (frames,) if model.card.frames is not None else ()
        shape = (1, *frame_axis, model.card.in_channels, side + 2 * halo, side + 2 * halo)
        batch = rng.random(shape, dtype=np.float32)
        try:
            # The first run of a shape prepares it; it counts only where a second one would take too long.
            seconds = _timed(model, batch)
            if time.perf_counter() - started < _MEASURING_BUDGET_S:
                seconds = _timed(model, batch)
        except TileTooLarge:
            continue
        rate = side * side / seconds
        # Timings scatter; a larger tile has to be clearly faster to be worth its memory.
        if rate > best_rate * 1.03:
            best, best_rate = side, rate
    return best


def _timed(model: AnyModel, batch: npt.NDArray[np.float32]) -> float:
    before = time.perf_counter()
    model.predict(batch)
    return time.perf_counter() - before


def _store() -> Path:
    from platformdirs import user_cache_path

    return user_cache_path("napari-restoration") / "tiles.json"


def _key(model: AnyModel, frames: int) -> str:
    import torch

    return "|".join(
        (
            model.card.weights_sha256[:16],
            model.device,
            model.precision,
            f"frames {frames}",
            f"threads {torch.get_num_threads()}",
            f"torch {torch.__version__}",
        )
    )


def _remembered(model: AnyModel, frames: int) -> int | None:
    try:
        side = json.loads(_store().read_bytes()).get(_key(model, frames))
    except (OSError, ValueError, AttributeError):
        return None
    return side if isinstance(side, int) else None


def _remember(model: AnyModel, frames: int, side: int) -> None:
    try:
        known = json.loads(_store().read_bytes())
    except (OSError, ValueError):
        known = {}
    known = known if isinstance(known, dict) else {}
    known[_key(model, frames)] = side
    try:
        _store().parent.mkdir(parents=True, exist_ok=True)
        write_bytes_atomically(_store(), json.dumps(known, indent=1).encode())
    except (OSError, OutputError) as error:
        # Only speed is lost: the next run measures again.
        logger.info("The tile size could not be remembered: %s", error)
