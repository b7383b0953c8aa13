"""Measuring how much of its surroundings a tile needs with given weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.tiling import round_up

if TYPE_CHECKING:
    from napari_restoration.models.loader import RestorationModel

Float = NDArray[np.float32]
CANDIDATES = (8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
_CORE = 32


def measure_halo(
    model: RestorationModel,
    tolerance: float = 1e-3,
    candidates: Sequence[int] = CANDIDATES,
    *,
    image: Float | None = None,
    seed: int = 0,
) -> tuple[int, float]:
    """Find the smallest halo whose tiles differ from the whole image by at most `tolerance`.

    The weights of a trained network look less far than its layers could. A core in the middle of an image is
    restored with everything in reach around it, then again from windows cut to each halo.

    Parameters
    ----------
    model
        The loaded model; its card's own `halo` and `seam_error` are not used.
    tolerance
        Largest accepted difference, in units of the normalised range (the two percentiles are 0 and 1).
    candidates
        Halos to try, in input pixels; each is rounded up to the size multiple.
    image
        Normalised image or burst to measure on, (N, [T,] C, [Z,] Y, X), at least as large as the core and the
        receptive field on both sides; by default drawn: smooth structures, bright spots and noise.
    seed
        Seed of the drawn image.

    Returns
    -------
    halo : int
        A multiple of the size multiple; the receptive field, rounded up, if no candidate is good enough.
    seam_error : float
        Largest difference that was seen with this halo; 0 with the receptive field.

    Raises
    ------
    ValueError
        The image is too small, or the network looks at the whole image, so that no halo makes tiles exact.
    """
    card = model.card
    if card.whole_image:
        raise ValueError(
            f"{card.id} normalises by statistics of the whole image: it has no halo to be measured"
        )
    multiple = card.size_multiple
    reach = round_up(card.receptive_field, multiple)
    core = round_up(_CORE, multiple)
    side = core + 2 * reach
    if image is None:
        image = _drawn(model, side, np.random.default_rng(seed))
    if min(image.shape[-card.ndim :]) < side:
        raise ValueError(f"the image measures {image.shape[-card.ndim :]}, needed are {side} pixels a side")
    whole = _restored_core(model, image, core, reach)
    for halo in sorted({round_up(candidate, multiple) for candidate in candidates}):
        if halo >= reach:
            break
        cut = _window(image, reach - halo, core + 2 * halo, card.ndim)
        error = float(np.abs(_restored_core(model, cut, core, halo) - whole).max())
        if error <= tolerance:
            return halo, error
    return reach, 0.0


def _window(array: Float, start: int, side: int, ndim: int) -> Float:
    inside = (slice(start, start + side),) * ndim
    return array[(slice(None),) * (array.ndim - ndim) + inside]


def _restored_core(model: RestorationModel, window: Float, core: int, halo: int) -> Float:
    scale = model.card.scale
    return _window(model.predict(window), halo * scale, core * scale, model.card.ndim)


def _drawn(model: RestorationModel, side: int, rng: np.random.Generator) -> Float:
    from scipy.ndimage import gaussian_filter

    card = model.card
    leading = (2,) if card.frames is None else (2, card.frames)
    shape = (*leading, card.in_channels, *(side,) * card.ndim)
    image = 0.05 * rng.standard_normal(shape)
    for width in (1.0, 3.0, 8.0):
        smooth = gaussian_filter(rng.standard_normal(shape[-card.ndim :]), width, mode="wrap")
        image += 0.15 * smooth / smooth.std()
    spots = gaussian_filter((rng.random(shape[-card.ndim :]) < 0.002).astype(float), 1.2, mode="wrap")
    drawn: Float = (0.3 + image + 2 * spots / max(spots.max(), 1e-9)).astype(np.float32)
    return drawn
