"""Motion blur: a path of the stage during the exposure, and the kernels it leaves.

A kernel is the time spent at each place of a path, so a path that lingers weighs more there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from napari_restoration.degradations.base import Float, Step, require_range
from napari_restoration.degradations.convolution import convolve, convolve_frames
from napari_restoration.degradations.paths import (
    Path,
    add_vibration,
    curved_path,
    linear_path,
    random_walk_path,
    samples_of_length,
)

Kernel = NDArray[np.float64]
PathShape = Literal["linear", "curved", "random_walk"]


def motion_kernel(
    path: Path,
    weights: NDArray[np.floating[Any]] | None = None,
    *,
    half_width_px: int | None = None,
    offset_px: tuple[float, float] = (0.0, 0.0),
) -> Kernel:
    """Return the blur kernel of a path, by bilinear splat, with its centroid in the middle.

    Parameters
    ----------
    path
        Shape ``(S, 2)``, positions (y, x) in pixels.
    weights
        Shape ``(S,)``, time spent at each position; equal by default.
    half_width_px
        Pixels on each side of the middle; by default just enough.
    offset_px
        Where the centroid lies instead of the middle (y, x): what a registration left over.

    Returns
    -------
    ndarray
        Shape ``(2 * half + 1, 2 * half + 1)``, no negative value, unit sum.
    """
    share = np.full(len(path), 1.0) if weights is None else np.asarray(weights, dtype=float)
    share = share / share.sum()
    at = path - share @ path + np.asarray(offset_px)
    # A path that does not move is exactly one point, rounding apart.
    at = np.where(np.abs(at) < 1e-9, 0.0, at)
    need = int(np.ceil(np.abs(at).max()))
    half = need if half_width_px is None else half_width_px
    if half < need:
        raise ValueError(
            f"A kernel with {half} px on each side is too small for this path; it needs {need} px."
        )
    low = np.floor(at).astype(int)
    part = at - low
    kernel = np.zeros((2 * half + 2, 2 * half + 2))
    for down in (0, 1):
        for right in (0, 1):
            weight = share * np.abs(1 - down - part[:, 0]) * np.abs(1 - right - part[:, 1])
            np.add.at(kernel, (low[:, 0] + half + down, low[:, 1] + half + right), weight)
    return np.asarray(kernel[:-1, :-1] / kernel.sum())


def burst_kernels(
    path: Path, frames: int, rng: np.random.Generator | None = None, residual_px: float = 0.0
) -> tuple[Kernel, NDArray[np.float64]]:
    """Cut one path into consecutive pieces: the kernels of the frames of a burst.

    Parameters
    ----------
    path
        Shape ``(S, 2)`` with ``S >= frames``, the path during the whole burst.
    frames
        Number of frames T.
    rng, residual_px
        Standard deviation, on each axis, of the shift that registration left on each frame.
        The middle frame, ``T // 2``, is the one the others are registered to: it has none.

    Returns
    -------
    kernels : ndarray
        Shape ``(T, h, w)``, each with its centroid in the middle but for the residual.
    displacements_px : ndarray
        Shape ``(T, 2)``, centroid of each piece (y, x) relative to the middle frame's, in pixels.
    """
    if frames < 1 or frames > len(path):
        raise ValueError(f"A path of {len(path)} positions cannot be cut into {frames} frames.")
    residuals = np.zeros((frames, 2))
    if residual_px > 0 and rng is not None:
        residuals = rng.normal(0.0, residual_px, (frames, 2))
        residuals[frames // 2] = 0.0
    pieces = np.array_split(path, frames)
    centroids = np.stack([piece.mean(axis=0) for piece in pieces])
    reaches = [np.abs(piece - c + r).max() for piece, c, r in zip(pieces, centroids, residuals, strict=True)]
    half = int(np.ceil(max(reaches)))
    kernels = [
        motion_kernel(piece, half_width_px=half, offset_px=(float(y), float(x)))
        for piece, (y, x) in zip(pieces, residuals, strict=True)
    ]
    return np.stack(kernels), centroids - centroids[frames // 2]


@dataclass(frozen=True, kw_only=True)
class MotionBlur(Step):
    """Motion of the stage during the exposure of one image or of a burst.

    Attributes
    ----------
    path
        ``"linear"``, ``"curved"`` (by ``turn_rad``) or ``"random_walk"``.
    length_px
        Path length in one frame, in pixels.
    angle_rad
        Direction, 0 along x; drawn when ``None``.
    vibration_px, vibration_periods
        Amplitude of a vibration across a drawn direction, and its periods a frame.
    frames
        Number of frames T; adds a leading axis of that length. ``None`` blurs the image itself.
    registered
        True: frames lie on each other but for ``residual_px``. False: each keeps its displacement
        along the path relative to the middle frame, and so does its target.
    path_seed
        Seed of the path; `realise` draws it where it is ``None``.
    """

    kind: ClassVar[str] = "motion_blur"
    stage: ClassVar[int] = 3

    path: PathShape = "random_walk"
    length_px: float = 8.0
    angle_rad: float | None = None
    turn_rad: float = 0.5
    persistence: float = 0.95
    vibration_px: float = 0.0
    vibration_periods: float = 3.0
    frames: int | None = None
    registered: bool = True
    residual_px: float = 0.5
    path_seed: int | None = None

    def __post_init__(self) -> None:
        require_range("The path length in pixels", self.length_px, 0.0, 1e4)
        require_range("The registration residual in pixels", self.residual_px, 0.0, 1e3)
        if self.frames is not None:
            require_range("The number of frames", self.frames, 1, 10_000)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape with the frames in front, if there are any."""
        return shape if self.frames is None else (self.frames, *shape)

    def realise(self, rng: np.random.Generator) -> MotionBlur:
        """Draw the seed of the path."""
        return self if self.path_seed is not None else replace(self, path_seed=int(rng.integers(2**32)))

    def __call__(self, image: Float, rng: np.random.Generator) -> Float:
        """Blur ``(..., Y, X)`` to ``(..., Y, X)``, or to ``(T, ..., Y, X)``."""
        return self.realise(rng).expectation(image)

    def expectation(self, image: Float) -> Float:
        """Blur along the path of ``path_seed``."""
        kernels, displacements = self.kernels()
        if self.frames is None:
            return convolve(image, kernels[0])
        return convolve_frames(image, kernels, None if self.registered else displacements)

    def target(self, image: Float) -> Float:
        """Return the image; for a burst that is not registered, one moved copy a frame."""
        if self.frames is None or self.registered:
            return image
        return convolve_frames(image, np.ones((self.frames, 1, 1)), self.kernels()[1])

    def kernels(self) -> tuple[Kernel, NDArray[np.float64]]:
        """Return kernels ``(T, h, w)`` and displacements ``(T, 2)`` in pixels, see `burst_kernels`."""
        if self.path_seed is None:
            raise ValueError("The path is not drawn yet: call realise(rng) first.")
        rng = np.random.default_rng(self.path_seed)
        frames = self.frames or 1
        return burst_kernels(
            self._whole_path(frames, rng), frames, rng, self.residual_px if self.registered else 0.0
        )

    def _whole_path(self, frames: int, rng: np.random.Generator) -> Path:
        length = self.length_px * frames
        angle = float(rng.uniform(0.0, 2.0 * np.pi)) if self.angle_rad is None else self.angle_rad
        samples = max(samples_of_length(length), frames * 8, int(16 * self.vibration_periods * frames))
        if self.path == "linear":
            path = linear_path(length, angle, samples)
        elif self.path == "curved":
            path = curved_path(length, angle, self.turn_rad, samples)
        elif self.path == "random_walk":
            path = random_walk_path(
                length, rng, angle_rad=angle, persistence=self.persistence, samples=samples
            )
        else:
            raise ValueError(f"The path is {self.path!r}, but must be 'linear', 'curved' or 'random_walk'.")
        if self.vibration_px > 0:
            across, phase = rng.uniform(0.0, 2.0 * np.pi, 2)
            path = add_vibration(path, self.vibration_px, self.vibration_periods * frames, across, phase)
        return path
