"""ROC-AUC of every map for every kind of made-up structure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmarks.trust.judged import OF_THE_NETWORK, Judged
from benchmarks.trust.plants import KINDS, Mask, plant
from scipy import ndimage
from scipy.stats import rankdata

from napari_restoration.core.evidence import combine, disagreement
from napari_restoration.core.evidence.planes import display_range
from napari_restoration.tasks.trust_calibration import STRONG_THRESHOLD, THRESHOLD, calibration_of
from napari_restoration.tasks.trust_combined import combine_evidence
from napari_restoration.tasks.trust_scores import PlaneEvidence

# Of the contrast: an error that counts as made up, and one that does not.
_WRONG, _RIGHT = 0.10, 0.03
_FEWEST = 50
PLAIN = "plain minimum"
COMBINED = "combined"
STRONG = "combined, strongly"
NOTHING = "nothing planted"


@dataclass(frozen=True, kw_only=True)
class Row:
    """How well one map found one thing in one image.

    Attributes
    ----------
    task, images, level, image, kind, score
        What was asked.
    auc
        Area under the ROC curve over pixels; NaN where nothing was wrong.
    found, false
        Share of the wrong and of the right pixels that are marked; only for maps with a threshold.
    """

    task: str
    images: str
    level: str
    image: str
    kind: str
    score: str
    auc: float
    found: float
    false: float


def planted_rows(judged: Judged, foreign: npt.NDArray[np.float64], seed: int) -> Iterator[Row]:
    """Plant every kind of structure into one restoration, and score the maps."""
    contrast = display_range(judged.restored.astype(np.float32))
    everywhere = np.isfinite(judged.restored)
    yield from _rows(judged, judged.evidence, judged.restored, NOTHING, ~everywhere, everywhere)
    for number, kind in enumerate(KINDS):
        planted = plant(kind, judged.restored, contrast, foreign, np.random.default_rng([seed, number]))
        if planted is None or not planted.wrong.any():
            continue
        evidence = judged.with_planted(planted.image)
        # Turned copies and the network's own scale never see what is planted afterwards.
        for row in _rows(judged, evidence, planted.image, kind, planted.wrong, planted.right):
            if row.score not in OF_THE_NETWORK:
                yield row


def error_rows(judged: Judged, kind: str) -> Iterator[Row]:
    """Score the maps on what the restoration itself got wrong, by its truth."""
    truth = np.asarray(judged.example.target, dtype=np.float64)
    contrast = display_range(truth.astype(np.float32))
    error = np.abs(ndimage.gaussian_filter(judged.restored - truth, 1.0)) / contrast
    wrong, right = error > _WRONG, error < _RIGHT
    if min(wrong.sum(), right.sum()) >= _FEWEST:
        yield from _rows(judged, judged.evidence, judged.restored, kind, wrong, right)


def _rows(
    judged: Judged, evidence: PlaneEvidence, image: npt.NDArray[Any], kind: str, wrong: Mask, right: Mask
) -> Iterator[Row]:
    example = judged.example
    calibration = calibration_of(judged.judge.restorer.model.card)
    assert calibration is not None  # written by --calibrate
    maps = dict(evidence.scores)
    marked: dict[str, Mask] = {}
    for name, score in evidence.scores.items():
        quality = calibration.quality(name, score)
        if quality is not None:
            marked[name] = quality < THRESHOLD
    trust = combine_evidence(evidence, calibration)
    if trust is not None:
        maps[COMBINED] = -trust.trust
        marked[COMBINED] = trust.trust < THRESHOLD
        maps[STRONG], marked[STRONG] = maps[COMBINED], trust.trust < STRONG_THRESHOLD
    plain = _plain_minimum(judged, evidence, image)
    maps[PLAIN], marked[PLAIN] = -plain, plain < 0.05
    for name, score in maps.items():
        known = np.isfinite(score)
        hits = marked.get(name)
        yield Row(
            task=example.task, images=example.kind, level=example.level, image=example.name, kind=kind, score=name,
            auc=area(score[wrong & known], score[right & known]),
            found=float(hits[wrong].mean()) if hits is not None and wrong.any() else float("nan"),
            false=float(hits[right].mean()) if hits is not None and right.any() else float("nan"),
        )  # fmt: skip


def _plain_minimum(
    judged: Judged, evidence: PlaneEvidence, image: npt.NDArray[Any]
) -> npt.NDArray[np.float32]:
    """The least of the uncalibrated qualities: two-sided p-value, null share, interval, divergence."""
    found: dict[str, npt.NDArray[np.float32]] = {}
    if "residual" in evidence.layers:
        residual = evidence.layers["residual"][:: judged.judge.restorer.model.card.scale]
        residual = residual[:, :: judged.judge.restorer.model.card.scale]
        found["data"] = _two_sided(residual)
    if "null" in evidence.scores:
        found["null"] = 1 - evidence.scores["null"]
    if "uncertainty" in evidence.scores:
        found["uncertainty"] = np.clip(1 - evidence.scores["uncertainty"], 0, 1)
    if judged.views:
        found["disagreement"] = disagreement(judged.views).quality
    if not found:
        return np.ones(image.shape, np.float32)
    return combine(found).trust


def _two_sided(residual: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    from scipy.special import gammainc

    count = 15.0**2
    square = ndimage.uniform_filter(np.nan_to_num(residual) ** 2, 15)
    below = gammainc(count / 2, count * square / 2)
    return np.asarray(np.minimum(1, 2 * np.minimum(below, 1 - below)), dtype=np.float32)


def area(wrong: npt.NDArray[np.floating], right: npt.NDArray[np.floating]) -> float:
    """Chance that a wrong pixel has the higher score than a right one, ties counting half; NaN without either."""
    if not wrong.size or not right.size:
        return float("nan")
    ranks = rankdata(np.concatenate([wrong, right]))
    return float((ranks[: wrong.size].sum() - wrong.size * (wrong.size + 1) / 2) / (wrong.size * right.size))
