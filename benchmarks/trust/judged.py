"""Restore an example, gather the evidence, and do it again with something planted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmarks.quality.cases import Example

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.tasks.block_input import statistics_key
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.settings import RestoreSettings
from napari_restoration.tasks.trust_judge import make_judge
from napari_restoration.tasks.trust_members import iter_network, iter_views, usable_views
from napari_restoration.tasks.trust_plane import PlaneJudge
from napari_restoration.tasks.trust_scores import PlaneEvidence
from napari_restoration.tasks.trust_settings import TrustSettings

# A plant changes neither what the network makes of turned copies nor its Laplace scale.
OF_THE_NETWORK = ("views", "frames", "uncertainty")


@dataclass(eq=False)
class Judged:
    """One example with its restoration and what speaks against it."""

    example: Example
    judge: PlaneJudge
    restored: npt.NDArray[np.float64]
    evidence: PlaneEvidence
    views: list[npt.NDArray[np.float32]]

    def with_planted(self, planted: npt.NDArray[np.float64]) -> PlaneEvidence:
        """The evidence against another image in the restoration's place."""
        judge = replace(self.judge, settings=replace(self.judge.settings, views=0, frames=False))
        block = judge.restorer.layout.blocks[0]
        found, _ = run(judge.iter_judge(block, planted))
        kept = {name: self.evidence.scores[name] for name in OF_THE_NETWORK if name in self.evidence.scores}
        return replace(found, scores={**found.scores, **kept})


def judge_example(
    example: Example,
    model: Any,
    *,
    parameters: Mapping[str, Any] | None = None,
    settings: TrustSettings | None = None,
    with_views: bool = False,
) -> Judged:
    """Restore with a loaded model, an id or a folder, and judge the result as a user would, the camera unknown."""
    image = CalibratedImage(example.input, "TYX" if example.input.ndim == 3 else "YX", name=example.name)
    restore = RestoreSettings(device="cpu", parameters=dict(parameters or {}), tile=256)
    restoration = run(prepare(image, model, restore))
    judge = run(make_judge(restoration, settings or TrustSettings()))
    evidence, restored = run(judge.iter_judge(restoration.layout.blocks[0], None))
    return Judged(example, judge, restored, evidence, _views(judge) if with_views else [])


def _views(judge: PlaneJudge) -> list[npt.NDArray[np.float32]]:
    """Results of the turned copies, which the evidence only keeps the spread of."""
    restorer = judge.restorer
    block = restorer.layout.blocks[0]
    key = statistics_key(block.sources[0])
    frames, _ = restorer.input.read(block, restorer.percentiles[key])
    first = run(iter_network(restorer, frames, key))
    return run(iter_views(restorer, frames, key, first, usable_views(restorer, judge.settings.views)))
