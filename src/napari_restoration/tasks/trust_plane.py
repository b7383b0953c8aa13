"""Gather the evidence for one plane: restore copies of it, simulate it, compare."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Progress
from napari_restoration.core.tiling import Float
from napari_restoration.tasks.block_input import statistics_key
from napari_restoration.tasks.layout import Block
from napari_restoration.tasks.trust_calibration import Calibration
from napari_restoration.tasks.trust_measurement import Blur, Camera, Fit, fit
from napari_restoration.tasks.trust_members import iter_left_out, iter_network, iter_views, usable_views
from napari_restoration.tasks.trust_scores import Gathering, PlaneEvidence, standard_residual
from napari_restoration.tasks.trust_settings import TrustSettings

if TYPE_CHECKING:
    from napari_restoration.core.normalize import Percentiles
    from napari_restoration.tasks.blocks import BlockRestorer

_FEWEST_FRAMES = 3


@dataclass(eq=False)
class PlaneJudge:
    """Gathers the evidence for planes of one image that was restored by one model.

    Parameters
    ----------
    restorer : BlockRestorer
        Of the restoration that is judged.
    others : sequence of BlockRestorer
        Other models, prepared for the same image.
    camera : mapping
        For each `statistics_key` the camera, or None and why it is not known.
    blur : Blur
        Between restoration and raw image.
    calibration : Calibration or None
        For the Laplace scale.
    settings : TrustSettings
        The user's choices.
    """

    restorer: BlockRestorer
    others: Sequence[BlockRestorer]
    cameras: dict[Any, tuple[Camera | None, str]]
    blur: Blur
    calibration: Calibration | None
    settings: TrustSettings

    def iter_judge(
        self, block: Block, restored: npt.NDArray[Any] | None
    ) -> Generator[Progress, None, tuple[PlaneEvidence, npt.NDArray[np.float64]]]:
        """Judge one plane.

        Parameters
        ----------
        block : Block
            Which one.
        restored : ndarray, optional
            ``(Y, X)``, the restored plane in the raw image's grey levels; the network's result if not given.

        Yields
        ------
        Progress
            After each tile of the network, without numbers.

        Returns
        -------
        evidence : PlaneEvidence
            See there.
        restored : ndarray
            The plane that was judged.
        """
        restorer, key = self.restorer, statistics_key(block.sources[0])
        percentiles = restorer.percentiles[key]
        frames, missing = restorer.input.read(block, percentiles)
        raw = _undone(frames.mean(axis=0)[0] if frames.ndim == 4 else frames[0], percentiles[0])
        if missing is not None:
            raw[missing] = np.nan
        values = yield from iter_network(restorer, frames, key)
        plane = _undone(values[0], percentiles[0]) if restored is None else restored.astype(np.float64)
        gathering = Gathering(raw, plane, restorer.model.card.scale)
        if not percentiles[0].has_contrast or not np.isfinite(plane).any():
            for part in ("data", "null", "uncertainty", "disagreement"):
                gathering.why_not[part] = "the image has no contrast"
            return gathering.finished(), plane
        way = fit(raw, plane, self.blur, gathering.scale)
        yield from self._residual(gathering, way, frames, block)
        gathering.fitted_error()
        self._laplace(gathering, values, percentiles[0])
        yield from self._members(gathering, frames, values, block)
        return gathering.finished(), plane

    def _residual(
        self, gathering: Gathering, way: Fit, frames: Float, block: Block
    ) -> Generator[Progress, None, None]:
        key = statistics_key(block.sources[0])
        single, why_not = self.cameras[key]
        if single is None:
            gathering.why_not["data"] = why_not
            gathering.why_not["null"] = why_not
            return
        count = len(frames) if frames.ndim == 4 else 1
        camera = single.of_mean(count)
        repeat = None
        if self.settings.repeat:
            repeat = yield from self._repeat(gathering, way, single, frames, block)
        gathering.residual(camera, way, repeat)
        gathering.null_space(way, camera.noise_variance_adu(way(gathering.restored)))

    def _repeat(
        self, gathering: Gathering, way: Fit, camera: Camera, frames: Float, block: Block
    ) -> Generator[Progress, None, npt.NDArray[np.float32]]:
        """Restore a simulated raw image of the restoration, and return its residual."""
        key = statistics_key(block.sources[0])
        percentiles = self.restorer.percentiles[key][0]
        expected = np.nan_to_num(way(gathering.restored), nan=percentiles.low)
        light = camera.electrons(expected)
        rng = np.random.default_rng([self.settings.seed, *block.index.values()])
        count = len(frames) if frames.ndim == 4 else 1
        exposures = np.stack([camera.expose(light, rng) for _ in range(count)])
        shown = percentiles.normalize(exposures)[:, None]
        values = yield from iter_network(self.restorer, shown if frames.ndim == 4 else shown[0], key)
        again = _undone(values[0], percentiles)
        raw = exposures.mean(axis=0)
        try:
            anew = fit(raw, again, Blur(kernel=way.kernel, words=""), gathering.scale)
        except InputError:
            anew = way
        found: npt.NDArray[np.float32] = standard_residual(raw, again, camera.of_mean(count), anew).z
        return found

    def _laplace(self, gathering: Gathering, values: Float, percentiles: Percentiles) -> None:
        if not self.restorer.model.card.laplace_scale:
            gathering.why_not["uncertainty"] = "the model does not state its uncertainty"
            return
        if self.restorer.settings.passes > 1:
            gathering.why_not["uncertainty"] = (
                "after several passes the network speaks of its own result only"
            )
            return
        factor = 1.0 if self.calibration is None else self.calibration.laplace_factor
        span = percentiles.high - percentiles.low
        gathering.laplace(np.maximum(values[1], 0) * span * factor)

    def _members(
        self, gathering: Gathering, frames: Float, values: Float, block: Block
    ) -> Generator[Progress, None, None]:
        restorer, key = self.restorer, statistics_key(block.sources[0])
        percentiles = restorer.percentiles[key][0]
        views = usable_views(restorer, self.settings.views)
        if views:
            found = yield from iter_views(restorer, frames, key, values, views)
            gathering.members("views", [_undone(plane, percentiles) for plane in found])
        else:
            gathering.why_not["disagreement"] = "turned copies were not asked for"
        if self.settings.frames and frames.ndim == 4 and len(frames) >= _FEWEST_FRAMES:
            found = yield from iter_left_out(restorer, frames, key)
            gathering.members("frames", [_undone(plane, percentiles) for plane in found])
        if self.others:
            planes = [_undone(values[0], percentiles)]
            for other in self.others:
                own = other.percentiles[key]
                shown, _ = other.input.read(block, own)
                result = yield from iter_network(other, shown, key)
                planes.append(_undone(result[0], own[0]))
            gathering.members("models", planes)


def _undone(plane: npt.NDArray[Any], percentiles: Percentiles) -> npt.NDArray[np.float64]:
    return percentiles.undo(np.asarray(plane, dtype=np.float32))
