"""What speaks against a restored plane, in numbers that grow with suspicion, before they are held against good images.

Each score has a unit of its own; `trust_calibration` turns them into qualities that can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_restoration.core.evidence import (
    certainty,
    data_consistency,
    error_map,
    noise_to_signal,
    null_space_share,
)
from napari_restoration.core.evidence.planes import WINDOW, display_range, local_mean
from napari_restoration.core.evidence.signed import signed_means
from napari_restoration.core.nonfinite import enlarge
from napari_restoration.tasks.trust_measurement import Camera, Fit

Plane = npt.NDArray[np.float32]

# What a simulated residual leaves is averaged over this many windows' widths, so that its own chance plays no part.
_EXPECTED_WINDOW = 2 * WINDOW + 1
_LEAST_EXPECTED = 0.02
# An estimated camera whose noise is off by more, as a variance, tells nothing.
_MOST_OFF = 16.0
_AS_GOOD = 1.25


@dataclass(frozen=True, kw_only=True, eq=False)
class PlaneEvidence:
    """Scores, layers and figures of one plane. Everything lies on the restoration's grid.

    Attributes
    ----------
    scores
        Name to ``(Y, X)``, float32, higher is worse: "data" (log10 of the residual's mean square over what is
        expected), "signed" (signed mean of the residual, in expected standard deviations), "error" (log10 of the
        fitted error over its median), "null" (share), "uncertainty" (width of the 95 % interval over the contrast),
        "views", "frames" and "models" (standard deviation of the members over the contrast).
    layers
        Name to ``(Y, X)``, float32, for showing: see `trust_result.LAYERS`.
    figures
        Name to number.
    why_not
        Part to the reason why it could not be had.
    """

    scores: Mapping[str, Plane]
    layers: Mapping[str, Plane]
    figures: Mapping[str, float]
    why_not: Mapping[str, str] = field(default_factory=dict)


@dataclass(eq=False)
class Gathering:
    """Evidence of one plane as it is gathered; see `PlaneEvidence`.

    Parameters
    ----------
    raw : ndarray
        ``(y, x)``, grey levels, NaN where missing; of a burst the mean of its aligned frames.
    restored : ndarray
        ``(Y, X)``, the raw image's grey levels.
    """

    raw: npt.NDArray[np.float64]
    restored: npt.NDArray[np.float64]
    scale: int
    scores: dict[str, Plane] = field(default_factory=dict)
    layers: dict[str, Plane] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    why_not: dict[str, str] = field(default_factory=dict)

    def finished(self) -> PlaneEvidence:
        """All that was gathered."""
        return PlaneEvidence(
            scores=self.scores, layers=self.layers, figures=self.figures, why_not=self.why_not
        )

    def residual(self, camera: Camera, way: Fit, repeat: npt.NDArray[np.float32] | None) -> None:
        """Hold the raw image against what the camera would have recorded of the restoration.

        Parameters
        ----------
        camera : Camera
            Of the raw image (of the mean of its frames).
        way : Fit
            From the restoration to the raw image.
        repeat : ndarray, optional
            z of a simulated raw image that was restored in the same way, see `standard_residual`.
        """
        found = standard_residual(self.raw, self.restored, camera, way)
        valid = np.isfinite(found.z)
        expected = np.ones_like(found.mean_square)
        if repeat is not None:
            smooth = local_mean(repeat.astype(np.float64) ** 2, np.isfinite(repeat), _EXPECTED_WINDOW)[0]
            expected = np.maximum(np.nan_to_num(smooth, nan=1.0), _LEAST_EXPECTED).astype(np.float32)
        ratio = found.mean_square / expected
        off = float(np.median(ratio[valid]))
        self.figures |= {
            "mean_square": found.overall_mean_square,
            "expected_mean_square": float(expected[valid].mean()),
            "whiteness": float(np.nanmax(np.abs(found.autocorrelation))),
        }
        if not camera.is_given:
            if not 1 / _MOST_OFF <= off <= _MOST_OFF:
                self.why_not["data"] = (
                    f"the estimated noise is wrong by a factor of {max(off, 1 / off) ** 0.5:.1f}: "
                    "give the camera's numbers"
                )
                return
            if not 1 / _AS_GOOD <= off <= _AS_GOOD:
                # Places are then compared with the rest of the image, not with the camera.
                ratio, self.figures["noise_corrected_by"] = ratio / off, off**0.5
            else:
                off = 1.0
        else:
            off = 1.0
        signed = signed_means((found.z / np.float32(off**0.5)).astype(np.float32), repeat).strongest
        self.scores["data"] = self._fine(np.log10(np.maximum(ratio, 1e-6)))
        self.scores["signed"] = self._fine(np.abs(signed))
        self.layers["residual"] = self._fine(found.z)

    def fitted_error(self) -> None:
        """Map the error of the blurred and scaled restoration; needs no camera."""
        found = error_map(self.raw, self.restored, scale=self.scale)
        valid = np.isfinite(found.error)
        square = local_mean(found.error.astype(np.float64) ** 2, valid, WINDOW)[0]
        middle = float(np.median(square[valid]))
        self.layers["fitted error"] = self._fine(found.error)
        self.scores["error"] = self._fine(np.log10(np.maximum(square, 1e-12) / max(middle, 1e-12)))
        self.figures |= {"rse": found.rse, "rsp": found.rsp, "blur_sigma_px": found.sigma_px}

    def null_space(self, way: Fit, noise_variance: float) -> None:
        """Map the share of detail that the raw image cannot hold."""
        if way.is_sharp:
            self.why_not["null"] = (
                "no blur lies between the result and the raw image, so that nothing is lost"
            )
            return
        if not (noise_variance > 0 and way.gain > 0):
            self.why_not["null"] = "the noise is not known, or the result does not resemble the raw image"
            return
        finite = self.restored[np.isfinite(self.restored)]
        if not finite.size or np.ptp(finite) == 0:
            self.why_not["null"] = "the result has no contrast"
            return
        eps = noise_to_signal(self.restored, noise_variance / way.gain**2)
        found = null_space_share(self.restored, way.kernel, eps, scale=self.scale)
        self.scores["null"] = self.layers["null-space share"] = found.share
        self.figures["null_share"] = found.overall_share

    def laplace(self, scale: npt.NDArray[Any]) -> None:
        """Take the network's own statement; `scale` is b in grey levels, calibrated, ``(Y, X)``."""
        self.layers["laplace scale"] = np.asarray(scale, dtype=np.float32)
        self.scores["uncertainty"] = np.asarray(1 - certainty(self.restored, scale), dtype=np.float32)

    def members(self, kind: str, planes: Sequence[npt.NDArray[Any]]) -> None:
        """Compare restorations that ought to agree; the planes are ``(Y, X)`` in grey levels."""
        stack = np.stack([np.asarray(plane, dtype=np.float32) for plane in planes])
        spread = (stack - stack[0]).std(axis=0, dtype=np.float64).astype(np.float32)
        contrast = display_range(np.asarray(self.restored, dtype=np.float32))
        self.layers[f"disagreement of {kind}"] = spread
        share = spread / np.float32(contrast) if contrast > 0 else np.zeros_like(spread)
        share[~np.isfinite(self.restored)] = np.nan
        self.scores[kind] = share
        self.figures[f"{kind}_sd"] = float(np.sqrt(np.nanmean(spread.astype(np.float64) ** 2)))

    def _fine(self, plane: npt.NDArray[Any]) -> Plane:
        return np.asarray(enlarge(np.asarray(plane, dtype=np.float32), self.scale))


def standard_residual(raw: npt.NDArray[Any], restored: npt.NDArray[Any], camera: Camera, way: Fit) -> Any:
    """Data consistency of grey levels; see `core.evidence.data_consistency`."""
    return data_consistency(
        camera.electrons(raw),
        restored,
        lambda plane: camera.electrons(way(plane)),
        read_noise_electrons=camera.read_noise_electrons,
    )
