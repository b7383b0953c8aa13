"""A restoration's trustworthiness in a sentence that is true."""

from __future__ import annotations

import math
from collections.abc import Mapping

from napari_restoration.tasks.trust_result import TrustSummary

_BECAUSE = {
    "data": "the raw image contradicts it",
    "null": "its detail is finer than the raw image can hold",
    "uncertainty": "the network itself is unsure",
    "disagreement": "the network makes something else of turned copies",
}
_PARTS = {
    "data": "data consistency",
    "null": "null-space share",
    "uncertainty": "the network's own uncertainty",
    "disagreement": "disagreement",
}
_UNSURE = "the noise could not be measured well, which can mark too much: give the camera's numbers"
# Times the median that counts as clearly more, and the least share that does.
_CLEARLY, _LEAST_STRONG = 2.0, 3e-4
# How much the data speak against a place, beside how unsure the network is of it.
_OF_THE_DATA = ("data", "null")


def trust_words(summary: TrustSummary) -> str:
    """Say how much of an image is marked, held against what is marked by chance.

    Parameters
    ----------
    summary : TrustSummary
        Of the whole image.

    Returns
    -------
    str
        One sentence.
    """
    if math.isnan(summary.share):
        return "There is no combined map: none of its parts could be had."
    marked, usual = _percent(summary.share), summary.chance_median
    if summary.share == 0:
        return "No place of this image is marked."
    if math.isnan(usual):
        return (
            f"{marked} of this image is marked; how much is marked in typical restorations was not measured."
        )
    if not stands_out(summary):
        return f"Nothing stands out: {marked} of this image is marked, typical restorations have {_percent(usual)}."
    main = max(summary.by_part, key=lambda part: summary.by_part[part])
    of_data = sum(share for part, share in summary.by_part.items() if part in _OF_THE_DATA)
    what = "not supported by the data" if of_data > summary.share / 2 else "uncertain"
    unsure = "" if summary.noise_is_sure or main not in _OF_THE_DATA else f"; {_UNSURE}"
    return (
        f"{marked} of this image is {what}; look at the marked places, most of all because {_BECAUSE[main]} "
        f"(typical restorations have {_percent(usual)} marked{unsure})."
    )


def stands_out(summary: TrustSummary) -> bool:
    """Whether clearly more is marked than in a typical restoration, or clearly more of it strongly."""
    if not summary.share > 0:
        return False
    more = summary.share > _CLEARLY * summary.chance_median
    return more or summary.strong_share > max(_CLEARLY * summary.chance_strong, _LEAST_STRONG)


def missing_words(why_not: Mapping[str, str]) -> tuple[str, ...]:
    """Which parts could not be had, and why, a sentence each."""
    return tuple(f"Without {_PARTS.get(part, part)}: {why}." for part, why in why_not.items())


def _percent(share: float) -> str:
    percent = 100 * share
    if percent < 0.05:
        return "less than 0.1 %"
    return f"{percent:.1f} %" if percent < 1.95 else f"{percent:.0f} %"
