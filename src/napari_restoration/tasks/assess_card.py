"""Scores of an assessment as the card of the model keeps them."""

from __future__ import annotations

import statistics
from typing import Any

from napari_restoration.tasks.assessment import Assessment, ImageScores

_SYNTHETIC = "val"
_REAL = "held out"
_FITTED = "held out, after the best gain and offset"


def scores_for_card(found: Assessment, *, real: bool) -> dict[str, Any]:
    """Scores on held-out images, in the form of shipped cards; empty if nothing was assessed.

    Parameters
    ----------
    found : Assessment
    real : bool
        The inputs were measured, not degraded by a program.

    Returns
    -------
    dict
        For ``ModelCard.scores``. The baseline is the model before, if there is one.
    """
    if not found.images:
        return {}
    name = _FITTED if found.affine else _REAL if real else _SYNTHETIC
    suffix = "_affine" if found.affine else ""
    level: dict[str, Any] = {"images": len(found.images)}
    for metric in ("psnr", "ssim"):
        if entry := _means(found, metric):
            level[metric + suffix] = entry
    return {"assessment": found.words, name: {"all": level}}


def _means(found: Assessment, metric: str) -> dict[str, Any]:
    after = _values(found.images, f"{metric}_after")
    if not after:
        return {}
    entry: dict[str, Any] = {"model": _rounded(after)}
    if len(after) > 1:
        entry["model_sd"] = round(statistics.stdev(after), 4)
    if given := _values(found.images, f"{metric}_input"):
        entry["input"] = _rounded(given)
    if before := _values(found.images, f"{metric}_before"):
        entry |= {
            "best_baseline": _rounded(before), "best_baseline_name": found.before_model or "model before",
            "wins_over_baseline": sum(one > other for one, other in zip(after, before, strict=True)),
        }  # fmt: skip
    return entry


def _values(images: tuple[ImageScores, ...], name: str) -> list[float]:
    values = [getattr(one, name) for one in images]
    # All images or none: means over different images do not compare.
    return [] if any(value is None for value in values) else values


def _rounded(values: list[float]) -> float:
    return round(statistics.fmean(values), 4)
