"""The combined map: the least of the qualities, each held against good restorations, and then held against them itself.

``T = min(q_data, q_null, q_unc, q_ens)`` as in `core.evidence.combine`, but of calibrated qualities: with the raw ones
the parts' units decide, not the evidence. The least of several is small by chance more often than one of them, so it is
calibrated once more: T below 0.01 is reached by one pixel in a hundred of good restorations.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from napari_restoration.core.evidence import Trust, combine
from napari_restoration.tasks.trust_calibration import Calibration
from napari_restoration.tasks.trust_scores import PlaneEvidence

Plane = npt.NDArray[np.float32]

COMBINED = "combined"
"""Name under which the least quality itself is calibrated, as ``-log10``."""

_MADE_OF = {
    "data": ("data", "signed"),
    "null": ("null",),
    "uncertainty": ("uncertainty",),
    "disagreement": ("views", "frames"),
}
_WITHOUT_CAMERA = ("error",)
_SMALLEST = 1e-6


def qualities_of(evidence: PlaneEvidence, calibration: Calibration) -> dict[str, Plane]:
    """Calibrated qualities by part; parts of which no score was calibrated are left out.

    Without a camera the fitted error takes the place of data consistency.
    """
    found: dict[str, Plane] = {}
    for part, names in _MADE_OF.items():
        if part == "data" and not any(name in evidence.scores for name in names):
            names = _WITHOUT_CAMERA
        each = [
            quality
            for name in names
            if name in evidence.scores
            and (quality := calibration.quality(name, evidence.scores[name])) is not None
        ]
        if each:
            found[part] = np.asarray(np.minimum.reduce(each))
    return found


def combined_score(trust: Trust) -> Plane:
    """The score of the combined map, ``-log10`` of the least quality."""
    return np.asarray(-np.log10(np.maximum(trust.trust, _SMALLEST)), dtype=np.float32)


def combine_evidence(evidence: PlaneEvidence, calibration: Calibration) -> Trust | None:
    """Combine what was gathered; None where nothing was.

    Returns
    -------
    Trust or None
        See `core.evidence.combine`; with the calibration of the least quality, where it was measured.
    """
    qualities = qualities_of(evidence, calibration)
    if not qualities:
        return None
    trust = combine(qualities)
    anew = calibration.quality(COMBINED, combined_score(trust))
    return trust if anew is None else replace(trust, trust=anew)
