"""Sum up planes as they are judged: maps to show, shares, means of figures, and the record."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_restoration.core.evidence import structure_mask
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.provenance import Provenance, software_versions
from napari_restoration.tasks.trust_calibration import STRONG_THRESHOLD, THRESHOLD
from napari_restoration.tasks.trust_combined import combine_evidence, qualities_of
from napari_restoration.tasks.trust_members import usable_views
from napari_restoration.tasks.trust_plane import PlaneJudge
from napari_restoration.tasks.trust_result import (
    DATA,
    ERROR,
    LAPLACE,
    LAYERS,
    NULL,
    RESIDUAL,
    TRUST,
    TrustReport,
    TrustSummary,
)
from napari_restoration.tasks.trust_scores import PlaneEvidence
from napari_restoration.tasks.trust_words import missing_words, trust_words

if TYPE_CHECKING:
    from napari_restoration.tasks.restoration import Restoration

Plane = npt.NDArray[np.float32]

_FEWEST_FRAMES = 3


class Gathered:
    """What is known of the planes so far.

    Parameters
    ----------
    judge : PlaneJudge
        Who judges them.
    """

    def __init__(self, judge: PlaneJudge) -> None:
        self._judge = judge
        self._names = self.names(judge)
        self._figures: dict[str, list[float]] = {}
        self._why_not: dict[str, str] = {}
        self._lacking: dict[str, int] = {}
        self._planes = 0
        self._marked: dict[str, int] = {}
        self._known = self._strong = self._structure = self._marked_structure = 0

    @staticmethod
    def names(judge: PlaneJudge) -> tuple[str, ...]:
        """Maps that this restoration can have, in the order of `LAYERS`."""
        kernel, card = judge.blur.kernel, judge.restorer.model.card
        found = {TRUST, DATA, RESIDUAL, ERROR}
        found |= {NULL} if kernel is None or kernel.size > 1 or card.scale > 1 else set()
        found |= {LAPLACE} if card.laplace_scale and judge.restorer.settings.passes == 1 else set()
        found |= {"disagreement of views"} if usable_views(judge.restorer, judge.settings.views) else set()
        found |= {"disagreement of frames"} if _left_out(judge) else set()
        found |= {"disagreement of models"} if judge.others else set()
        return tuple(name for name in LAYERS if name in found)

    @property
    def runs(self) -> int:
        """How often the network is run on each plane."""
        judge = self._judge
        views = max(len(usable_views(judge.restorer, judge.settings.views)) - 1, 0)
        own = 1 + judge.settings.repeat + views + _left_out(judge)
        return own * judge.restorer.settings.passes + len(judge.others)

    def add(self, evidence: PlaneEvidence, restored: npt.NDArray[np.float64]) -> dict[str, Plane]:
        """Count one plane in, and return its maps.

        Parameters
        ----------
        evidence : PlaneEvidence
            Of the plane.
        restored : ndarray
            ``(Y, X)``.
        """
        for name, value in evidence.figures.items():
            self._figures.setdefault(name, []).append(value)
        for part, why in evidence.why_not.items():
            self._why_not.setdefault(part, why)
            self._lacking[part] = self._lacking.get(part, 0) + 1
        self._planes += 1
        maps = {name: np.full(restored.shape, np.nan, np.float32) for name in self._names}
        maps |= {name: plane for name, plane in evidence.layers.items() if name in maps}
        calibration = self._judge.calibration
        if calibration is None:
            return maps
        qualities = qualities_of(evidence, calibration)
        if "data" in qualities:
            maps[DATA] = qualities["data"]
        trust = combine_evidence(evidence, calibration)
        if trust is None:
            return maps
        maps[TRUST] = trust.trust
        marked = trust.trust < THRESHOLD  # NaN is not
        structure = structure_mask(np.asarray(restored, dtype=np.float32))
        known = np.isfinite(trust.trust)
        self._known += int(known.sum())
        self._strong += int((trust.trust < STRONG_THRESHOLD).sum())
        self._structure += int((structure & known).sum())
        self._marked_structure += int((structure & marked).sum())
        for number, part in enumerate(trust.parts):
            count = int((marked & (trust.cause == number)).sum())
            self._marked[part] = self._marked.get(part, 0) + count
        return maps

    def report(self, restoration: Restoration, restored: CalibratedImage) -> TrustReport:
        """Everything in numbers and words."""
        summary = self._summary()
        why_not = {part: self._where(part) + why for part, why in self._why_not.items()}
        notices = [*self._assumed(), *missing_words(why_not)]
        return TrustReport(
            summary=summary,
            words=trust_words(summary),
            figures={name: float(np.mean(values)) for name, values in self._figures.items()},
            why_not=why_not,
            notices=tuple(notices),
            provenance=self._provenance(restoration, restored, notices),
        )

    def _where(self, part: str) -> str:
        lacking = self._lacking[part]
        return "" if lacking == self._planes else f"on {lacking} of {self._planes} planes, "

    def _summary(self) -> TrustSummary:
        calibration, total = self._judge.calibration, self._known
        chance = {} if calibration is None else calibration.chance
        return TrustSummary(
            threshold=THRESHOLD,
            share=sum(self._marked.values()) / total if total else float("nan"),
            strong_share=self._strong / total if total else float("nan"),
            structure_share=self._marked_structure / self._structure if self._structure else float("nan"),
            by_part={part: count / total for part, count in self._marked.items()} if total else {},
            chance_median=float(chance.get("median", float("nan"))),
            chance_p95=float(chance.get("p95", float("nan"))),
            chance_strong=float(chance.get("strong_median", float("nan"))),
            is_own=calibration is not None and calibration.is_own,
            noise_is_sure=all(camera.is_reliable for camera, _ in self._judge.cameras.values() if camera),
        )

    def _assumed(self) -> list[str]:
        found = [self._judge.blur.words]
        found += list(dict.fromkeys(camera.words for camera, _ in self._judge.cameras.values() if camera))
        if "noise_corrected_by" in self._figures:
            factor = float(np.mean(self._figures["noise_corrected_by"]))
            found.append(
                f"The noise is {factor:.2f} times the estimated one: places are held against the rest of the image."
            )
        calibration = self._judge.calibration
        if calibration is not None and not calibration.is_own:
            found.append(
                f"This model was not calibrated itself: its maps are held against those of {calibration.source}."
            )
        if self._judge.others:
            found.append("Disagreement of models is shown, but is no part of the combined map.")
        return found

    def _provenance(
        self, restoration: Restoration, restored: CalibratedImage, notices: list[str]
    ) -> Provenance:
        model = self._judge.restorer.model
        record = restored.metadata.get("provenance")
        return Provenance(
            task="trust",
            created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
            software=software_versions(),
            device=model.device,
            precision=model.precision,
            inputs=[{"name": restoration.image.name, "sha256": self._judge.restorer.reader.sha256()}],
            model={
                "id": model.card.id,
                "arch": model.card.arch,
                "weights_sha256": model.card.weights_sha256,
            },
            settings=self._judge.settings.to_dict(),
            seed=self._judge.settings.seed,
            parents=[record] if isinstance(record, dict) else [],
            notices=notices,
        )


def _left_out(judge: PlaneJudge) -> int:
    """Restorations with one frame left out, for each plane."""
    frames = max(len(block.sources) for block in judge.restorer.layout.blocks)
    is_used = judge.settings.frames and judge.restorer.model.card.frames is not None
    return frames if is_used and frames >= _FEWEST_FRAMES else 0
