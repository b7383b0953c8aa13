"""How suspicious good restorations look: measured on images that no score is taken of, stored beside the models' cards.

A score becomes a quality by asking how many pixels of a typical restoration are at least as suspicious: quality 0.01 is
reached by one pixel in a hundred (median over images). So parts with units of their own share one threshold.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.models.card import ModelCard

Plane = npt.NDArray[np.float32]

FILE_NAME = "trust.json"
THRESHOLD = 0.01
"""Quality below which a place is marked."""

STRONG_THRESHOLD = 0.0005
"""Quality below which a place is marked strongly: the rarest that was calibrated."""

LEVELS = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)
"""Shares of good pixels whose scores are stored."""

_LEAST = 1e-5
_DEFAULT_OF_TASK = {
    "denoise": "denoise-care",
    "refocus": "refocus-c2f",
    "superres": "superres-x2",
    "deblur": "deblur-burst",
}


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What good restorations of one model, or of its task, look like.

    Attributes
    ----------
    source
        Id of the model that was measured.
    is_own
        Whether that is the model asked for.
    scores
        Name to the score that a share of good pixels exceeds, one for each of `LEVELS`.
    chance
        Share of an image that is marked though nothing was planted, over scored images: "median" and "p95", and
        "strong_median" of the share that is marked strongly. Some of it is what the network does get wrong.
    laplace
        "factor" and how it was found; empty for models without a Laplace scale.
    """

    source: str
    is_own: bool
    scores: Mapping[str, tuple[float, ...]]
    chance: Mapping[str, float]
    laplace: Mapping[str, Any]

    @property
    def laplace_factor(self) -> float:
        """What the network's scales are multiplied by; 1 for a model that was not measured itself."""
        return float(self.laplace.get("factor", 1.0)) if self.is_own else 1.0

    def quality(self, name: str, score: Plane) -> Plane | None:
        """Share of good pixels that are at least as suspicious; None for a score that was not measured.

        Parameters
        ----------
        name : str
            Of the score.
        score : ndarray
            ``(Y, X)``, float32.

        Returns
        -------
        ndarray or None
            ``(Y, X)``, float32 in [0, 1]; NaN where the score is.
        """
        limits = self.scores.get(name)
        if limits is None:
            return None
        at, logs = _rising(limits)
        # Beyond the rarest level the last slope goes on; below the median all is good.
        slope = (logs[-1] - logs[-2]) / max(at[-1] - at[-2], 1e-12)
        quality = np.interp(score, at, logs)
        beyond = score > at[-1]
        quality[beyond] = logs[-1] + slope * (score[beyond] - at[-1])
        quality = np.exp(np.clip(quality, np.log(_LEAST), 0.0))
        quality[score <= at[0]] = 1.0
        quality[~np.isfinite(score)] = np.nan
        return np.asarray(quality, dtype=np.float32)


def calibration_of(card: ModelCard) -> Calibration | None:
    """The calibration of a model, else that of its task's shipped model; None if there is neither."""
    known = _stored()
    source = card.id if card.id in known else _DEFAULT_OF_TASK.get(card.task, "")
    entry = known.get(source)
    if entry is None:
        return None
    return Calibration(
        source=source,
        is_own=source == card.id,
        scores={name: tuple(values) for name, values in entry["scores"].items()},
        chance=entry["chance"],
        laplace=entry.get("laplace", {}),
    )


def _rising(limits: tuple[float, ...]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Scores that rise strictly, and the logarithms of their levels."""
    values = np.maximum.accumulate(np.asarray(limits, dtype=np.float64))
    values = values + np.arange(len(values)) * 1e-9 * max(1.0, float(np.abs(values).max()))
    return values, np.log(np.asarray(LEVELS))


@lru_cache(maxsize=1)
def _stored() -> Mapping[str, Any]:
    file = resources.files("napari_restoration.models").joinpath(FILE_NAME)
    if not file.is_file():
        return {}
    found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))["models"]
    return found
