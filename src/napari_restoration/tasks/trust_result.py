"""What judging a restoration hands out: maps on the restoration's grid, figures, and words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress
from napari_restoration.core.provenance import Provenance
from napari_restoration.tasks.layout import Block

TRUST = "trust"
DATA = "data consistency"
RESIDUAL = "residual"
NULL = "null-space share"
ERROR = "fitted error"
LAPLACE = "laplace scale"

LAYERS: Mapping[str, str] = {
    TRUST: "0 to 1: how many pixels of good restorations are at least as suspicious; below 0.01 a place is marked.",
    DATA: "0 to 1, as trust: of what the raw image says alone.",
    RESIDUAL: "Raw image minus what the camera would record of the result, in standard deviations of the noise.",
    NULL: "0 to 1: share of the detail that lies beyond what the raw image can hold.",
    ERROR: "Raw image minus the blurred and scaled result, in grey levels; needs no numbers of the camera.",
    LAPLACE: "The network's own error as a Laplace scale in grey levels, calibrated; 95 % lie within 3 times it.",
    "disagreement of views": "Standard deviation of the results of turned and mirrored copies, in grey levels.",
    "disagreement of frames": "Standard deviation of the results with each frame left out, in grey levels.",
    "disagreement of models": "Standard deviation of the results of several models, in grey levels.",
}
"""Maps in the order in which they are shown, with what their values mean."""


@dataclass(frozen=True, kw_only=True)
class TrustProgress(Progress):
    """A tile of one of the restorations that trust needs."""


@dataclass(frozen=True, kw_only=True)
class TrustDone(Progress):
    """The maps of one plane, name to ``(Y, X)`` float32; maps that could not be had there are NaN."""

    block: Block
    maps: Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class TrustSummary:
    """How much of an image is marked; shares are of finite pixels, in [0, 1].

    Attributes
    ----------
    threshold
        Trust below which a place is marked.
    share
        Marked pixels of all; NaN if there is no combined map.
    strong_share
        Pixels of all that are marked strongly, see `trust_calibration.STRONG_THRESHOLD`.
    structure_share
        Marked pixels of those with structure; NaN if there is none.
    by_part
        Marked pixels of all by the part that decides: "data", "null", "uncertainty", "disagreement".
    chance_median, chance_p95
        Share marked in restorations of the benchmark's images, nothing planted; NaN if not measured.
    chance_strong
        Median share that is marked strongly in these.
    is_own
        Whether the model itself was calibrated, or another one of its task.
    noise_is_sure
        Whether the camera was given, or estimated without anything that spoils it.
    """

    threshold: float
    share: float
    strong_share: float
    structure_share: float
    by_part: Mapping[str, float]
    chance_median: float
    chance_p95: float
    chance_strong: float
    is_own: bool
    noise_is_sure: bool = True


@dataclass(frozen=True, kw_only=True)
class TrustReport:
    """What is known when all planes are judged.

    Attributes
    ----------
    summary
        See there.
    words
        One sentence for people.
    figures
        Means over planes: rse, rsp, mean_square, expected_mean_square, whiteness, null_share, blur_sigma_px, ...
    why_not
        Part to the reason why it could not be had.
    notices
        What was assumed, in sentences.
    provenance
        How the maps were made.
    """

    summary: TrustSummary
    words: str
    figures: Mapping[str, float]
    why_not: Mapping[str, str]
    notices: tuple[str, ...]
    provenance: Provenance

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready values; what is not a number is None."""
        one = self.summary
        return {
            "words": self.words,
            "threshold": one.threshold,
            "share": _number(one.share),
            "strong_share": _number(one.strong_share),
            "structure_share": _number(one.structure_share),
            "by_part": {name: _number(value) for name, value in one.by_part.items()},
            "chance": {"median": _number(one.chance_median), "p95": _number(one.chance_p95)},
            "calibrated_for_this_model": one.is_own,
            "noise_is_sure": one.noise_is_sure,
            "figures": {name: _number(value) for name, value in self.figures.items()},
            "not_had": dict(self.why_not),
            "notices": list(self.notices),
        }


@dataclass(frozen=True, kw_only=True)
class TrustResult:
    """Maps of a whole image with their report.

    Attributes
    ----------
    maps
        Name, see `LAYERS`, to an image with the restoration's axes and calibration, float32.
    report
        See there.
    """

    maps: Mapping[str, CalibratedImage]
    report: TrustReport = field(repr=False)

    @property
    def words(self) -> str:
        """The sentence."""
        return self.report.words


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
