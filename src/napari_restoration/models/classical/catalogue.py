"""The classical methods that are offered: a table of names, their cards, and the check of their parameters.

To add a method, write one class and add one line to `ENTRIES`.
"""

from __future__ import annotations

import difflib
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import Quantity, quantities
from napari_restoration.models.card import ModelCard, read_card_json
from napari_restoration.models.classical import CLASSICAL, filters
from napari_restoration.models.classical import deconvolution as against_blur
from napari_restoration.models.classical.method import Method

SCORES = Path(__file__).with_name("scores.json")


@dataclass(frozen=True)
class Entry:
    """A method under the name, task and words by which it is offered."""

    id: str
    task: str
    method: type[Method]
    title: str
    description: str
    citation: str = ""


ENTRIES = (
    Entry(
        "classical-frame-mean", "deblur", against_blur.FrameMean, "Mean of the frames",
        "The mean of a burst's aligned frames: less noise, the blur stays.",
    ),
    Entry(
        "classical-richardson-lucy-burst", "deblur", against_blur.RichardsonLucyDeblur, "Richardson-Lucy",
        "Undoes a blur that you describe, on the mean of a burst's aligned frames.",
        "W. H. Richardson, JOSA 62 (1972) 55; L. B. Lucy, Astron. J. 79 (1974) 745; "
        "N. Dey et al., Microsc. Res. Tech. 69 (2006) 260",
    ),
    Entry(
        "classical-l0-burst", "deblur", against_blur.L0Deblur, "Sparse gradients (L0)",
        "Undoes a blur that you describe and keeps few, sharp edges, on the mean of a burst's aligned frames.",
        "L. Xu et al., ACM Trans. Graph. 30 (2011) 174",
    ),
    Entry(
        "classical-richardson-lucy", "refocus", against_blur.RichardsonLucyRefocus, "Richardson-Lucy",
        "Undoes a blur that you describe, for images with shot noise; never negative.",
        "W. H. Richardson, JOSA 62 (1972) 55; L. B. Lucy, Astron. J. 79 (1974) 745; "
        "N. Dey et al., Microsc. Res. Tech. 69 (2006) 260",
    ),
    Entry(
        "classical-l0", "refocus", against_blur.L0Refocus, "Sparse gradients (L0)",
        "Undoes a blur that you describe and keeps few, sharp edges.",
        "L. Xu et al., ACM Trans. Graph. 30 (2011) 174",
    ),
    Entry(
        "classical-wiener", "refocus", against_blur.Wiener, "Wiener filter",
        "Undoes a blur that you describe in one linear step.",
        "N. Wiener, Extrapolation, Interpolation, and Smoothing of Stationary Time Series (1949)",
    ),
    Entry(
        "classical-bicubic-x2", "superres", filters.Bicubic, "Bicubic x2",
        "Twice the pixels along Y and X by smooth interpolation: no new detail.",
    ),
    Entry(
        "classical-total-variation", "denoise", filters.TotalVariation, "Total variation",
        "Removes noise and keeps edges; fine texture becomes flat.",
        "A. Chambolle, J. Math. Imaging Vis. 20 (2004) 89",
    ),
    Entry(
        "classical-non-local-means", "denoise", filters.LocalMeans, "Non-local means",
        "Averages pixels whose surroundings look alike.",
        "A. Buades, B. Coll and J.-M. Morel, CVPR 2005, 60",
    ),
    Entry(
        "classical-gaussian", "denoise", filters.Gaussian, "Gaussian filter",
        "Averages neighbouring pixels: less noise, less detail.",
    ),
    Entry(
        "classical-median", "denoise", filters.Median, "Median filter",
        "Removes single wrong pixels and keeps edges.",
    ),
)  # fmt: skip
METHODS: Mapping[str, Entry] = {entry.id: entry for entry in ENTRIES}


def is_classical(card: ModelCard) -> bool:
    """Whether a card is that of a method without a network."""
    return card.arch == CLASSICAL


@functools.cache
def classical_cards() -> tuple[ModelCard, ...]:
    """The cards of all methods with their default parameters, in the order in which they are offered."""
    scores = read_card_json(SCORES) if SCORES.is_file() else {}
    cards = []
    for entry in ENTRIES:
        method = entry.method()
        sigma = method.own_sigma_px() or 0.0
        cards.append(card_of(entry, method, sigma, math.ceil(4 * sigma), scores.get(entry.id, {})))
    return tuple(cards)


def card_of(
    entry: Entry, method: Method, width_px: float, half_px: int, scores: Mapping[str, Any]
) -> ModelCard:
    """The card of a method with its parameters and the blur that it undoes; see `Method.reach`."""
    halo, field, seam = method.reach(width_px, half_px)
    low, high = method.percentiles
    return ModelCard(
        id=entry.id,
        title=entry.title,
        description=entry.description,
        task=entry.task,
        arch=CLASSICAL,
        arch_args={"method": type(method).__name__},
        frames=method.frames,
        scale=method.scale,
        halo=halo,
        receptive_field=field,
        seam_error=seam,
        whole_image=method.whole_image,
        normalizer=method.normalizer,
        low_percentile=low,
        high_percentile=high,
        scores=scores,
        citation=entry.citation,
    )


def parameters_of(card: ModelCard) -> dict[str, Quantity]:
    """The parameters of a method, by name in order; none for a network."""
    return quantities(METHODS[card.id].method) if is_classical(card) else {}


def default_values(card: ModelCard) -> dict[str, Any]:
    """The value of each parameter where nothing is chosen."""
    return METHODS[card.id].method().values() if is_classical(card) else {}


def explained_parameters(card: ModelCard) -> dict[str, dict[str, Any]]:
    """What is to be known of each parameter as plain values: default, unit, limits or choices, and a sentence."""
    defaults = default_values(card)
    return {
        name: {
            "default": defaults[name],
            "unit": meaning.unit,
            "low": meaning.low,
            "high": meaning.high,
            "choices": dict(meaning.choices),
            "none_means": meaning.none_means,
            "help": meaning.help,
        }
        for name, meaning in parameters_of(card).items()
    }


def shown_parameters(card: ModelCard, values: Mapping[str, Any]) -> list[str]:
    """Names of the parameters that mean something with the given values, as the kind of blur decides."""
    if not is_classical(card):
        return []
    needs = METHODS[card.id].method.shown_for
    return [
        name
        for name in parameters_of(card)
        if name not in needs or values.get(needs[name][0]) == needs[name][1]
    ]


def method_with(card: ModelCard, parameters: Mapping[str, Any]) -> Method | None:
    """The method of a card with chosen parameters; None for a network.

    Raises
    ------
    InputError
        A parameter that the method does not have or a value outside its limits; any parameter of a network.
    """
    known = parameters_of(card)
    for name in parameters:
        if name in known:
            continue
        if not known:
            raise InputError(f"{card.id} has no parameters: leave {name!r} out.")
        close = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(f"{card.id} has no parameter {name!r}; {hint}it has {', '.join(known)}.")
    if not is_classical(card):
        return None
    return METHODS[card.id].method(**{name: _plain(known[name], value) for name, value in parameters.items()})


def typed_parameters(card: ModelCard, texts: Sequence[str]) -> dict[str, Any]:
    """Read parameters that were typed as ``name=value``: numbers, words, ``none``, ``on`` and ``off``.

    Raises
    ------
    InputError
        A text without ``=``, a name given twice, or a value that is no number where one is needed.
    """
    meanings, typed = parameters_of(card), {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not value:
            raise InputError(
                f"The parameter {text!r} is not understood: write NAME=VALUE, such as sigma_px=2."
            )
        if name in typed:
            raise InputError(f"The parameter {name} is given twice: leave one of the two out.")
        typed[name] = _read(meanings[name], value) if name in meanings else value
    return typed


def _read(meaning: Quantity, text: str) -> Any:
    words = {"none": None, "on": True, "true": True, "off": False, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    if meaning.form not in ("number", "whole"):
        return text
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{meaning.label.capitalize()} is {text!r}, but must be a number.") from None


def _plain(meaning: Quantity, value: Any) -> Any:
    """Numbers as Python's own, whole ones as integers, so that they compare and are recorded alike."""
    meaning.check(value)
    if value is None or meaning.form not in ("number", "whole"):
        return value
    return int(value) if meaning.form == "whole" else float(value)
