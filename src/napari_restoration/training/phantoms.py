"""Drawn specimens as training sources: sharp by construction, and free of anybody's rights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.phantom.drawing import Field
from napari_restoration.degradations.phantom.em_section import draw_em_section
from napari_restoration.degradations.phantom.filaments import draw_actin, draw_microtubules
from napari_restoration.degradations.phantom.membranes import draw_membranes
from napari_restoration.degradations.phantom.mitochondria import draw_mitochondria
from napari_restoration.degradations.phantom.nuclei import draw_nuclei
from napari_restoration.training.recipe_data import Black, PhantomSettings, SourceSettings
from napari_restoration.training.sources import Float, Source

LICENCE = "BSD-3-Clause (drawn by this project)"
PHANTOM_PREFIX = "phantom/"

_DRAWERS: Mapping[str, Callable[[Field, np.random.Generator], Float]] = {
    "em_section": draw_em_section,
    "microtubules": draw_microtubules,
    "actin": draw_actin,
    "mitochondria": draw_mitochondria,
    "membranes": draw_membranes,
    "nuclei": draw_nuclei,
}


def draw_phantoms(groups: Sequence[PhantomSettings], seed: int) -> list[Source]:
    """Draw the phantoms of a recipe, always the same for a seed.

    Raises
    ------
    InputError
        If a kind is unknown.
    """
    found = []
    for number, group in enumerate(groups):
        if group.kind not in _DRAWERS:
            raise InputError(
                f"The recipe's phantoms.kind is {group.kind!r}; choose one of {', '.join(_DRAWERS)}."
            )
        # Transmitted electrons: what is dark is matter, not emptiness.
        black: Black = "zero" if group.kind == "em_section" else "percentile"
        name = f"{PHANTOM_PREFIX}{group.kind}@{group.pixel_size_um:g}um"
        settings = SourceSettings(match=f"{name}*", weight=group.weight, bins=(1,), black=black)
        for index in range(group.count):
            rng = np.random.default_rng([seed, 3, number, index])
            image = _DRAWERS[group.kind](Field((group.side, group.side), group.pixel_size_um), rng)
            found.append(Source(name=f"{name}-{index}x", licence=LICENCE, image=image, settings=settings))
    return found
