"""Motion blur: a path of the stage during the exposure, and the kernels it leaves.

A kernel is the time spent at each place of a path, so a path that lingers weighs more there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import quantity
from napari_restoration.degradations.base import Float, Step
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

_MOST_POSITIONS = 50_000_000
# A normal draw beyond this many standard deviations comes once in 10^11.
_FARTHEST_RESIDUAL = 7.0


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
        Shape ``(S,)``, time spent at each position (dwell), none negative; equal by default.
    half_width_px
        Pixels on each side of the middle; by default just enough.
    offset_px
        Where the centroid lies instead of the middle (y, x): what a registration left over.

    Returns
    -------
    ndarray
        Shape ``(2 * half + 1, 2 * half + 1)``, no negative value, unit sum.

    Raises
    ------
    InputError
        If the path or the weights are no path, or the kernel does not hold the path.
    """
    if not len(path) or not np.isfinite(path).all():
        raise InputError("The path has no position, or one that is not a number: nothing can move along it.")
    share = np.full(len(path), 1.0) if weights is None else np.asarray(weights, dtype=float)
    if share.shape != (len(path),) or not (np.isfinite(share) & (share >= 0)).all() or not share.any():
        raise InputError(
            f"The dwell weights need one number for each of the {len(path)} positions, none negative and not all 0."
        )
    share = share / share.sum()
    at = path - share @ path + np.asarray(offset_px)
    # A path that does not move is exactly one point, rounding apart.
    at = np.where(np.abs(at) < 1e-9, 0.0, at)
    need = int(np.ceil(np.abs(at).max()))
    half = need if half_width_px is None else half_width_px
    if half < need:
        raise InputError(
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
        raise InputError(f"A path of {len(path)} positions cannot be cut into {frames} frames.")
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
        Direction, 0 along x and pi / 2 along y (down); drawn when ``None``.
    turn_rad
        By how much a curved path turns from its start to its end.
    persistence
        Share of the velocity that a random walk keeps from one of 100 steps to the next:
        ``v <- persistence * v + noise``.
    vibration_px, vibration_periods
        Amplitude of a vibration along a drawn direction, and its periods a frame.
    frames
        Number of frames T; adds a leading axis of that length. ``None`` blurs the image itself.
    registered
        True: frames lie on each other but for ``residual_px``. False: each keeps its displacement
        along the path relative to the middle frame, and so does its target.
    path_seed
        Seed of the path; `realise` draws it where it is ``None``.
    """

    kind: ClassVar[str] = "motion_blur"
    title: ClassVar[str] = "Motion blur"
    stage: ClassVar[int] = 3

    path: Literal["linear", "curved", "random_walk"] = quantity(
        "random_walk", "path",
        choices={"linear": "straight", "curved": "curved", "random_walk": "irregular, as a stage drifts"},
        help="Shape of the stage's way during the exposure.",
    )  # fmt: skip
    length_px: float = quantity(
        8.0, "path length", "px", low=0.0, high=1e4, help="Way of the stage during one frame; 0 is no motion."
    )
    angle_rad: float | None = quantity(
        None, "direction", "rad", low=-2 * np.pi, high=2 * np.pi, none_means="drawn",
        help="Direction of the motion: 0 is to the right, a quarter turn is down.",
    )  # fmt: skip
    turn_rad: float = quantity(
        0.5, "turn", "rad", low=-2 * np.pi, high=2 * np.pi, advanced=True,
        help="By how much a curved path changes its direction; 0 is straight.",
    )  # fmt: skip
    persistence: float = quantity(
        0.95, "persistence", low=0.0, high=0.9999, advanced=True,
        help="How much of its speed and direction an irregular path keeps at each of 100 steps: near 1 it is smooth.",
    )  # fmt: skip
    vibration_px: float = quantity(
        0.0, "vibration", "px", low=0.0, high=1e3,
        help="Amplitude of a shaking stage: half of the way from one turning point to the other.",
    )  # fmt: skip
    vibration_periods: float = quantity(
        3.0, "vibrations a frame", low=0.0, high=1e3, advanced=True,
        help="How often the stage shakes to and fro during one frame.",
    )  # fmt: skip
    frames: int | None = quantity(
        None, "frames", form="whole", low=1, high=10_000, none_means="one image",
        help="Frames of a burst, taken one after another along the same path.",
    )  # fmt: skip
    registered: bool = quantity(
        True, "frames aligned", form="switch",
        help="Whether the frames were shifted onto each other; if not, each keeps its place along the path.",
    )  # fmt: skip
    residual_px: float = quantity(
        0.5, "alignment error", "px", low=0.0, high=1e3,
        help="Shift that aligning leaves on each frame but the middle one, as a standard deviation on each axis.",
    )  # fmt: skip
    path_seed: int | None = quantity(
        None, "seed of the path", form="whole", low=0, high=2**32 - 1, none_means="drawn", advanced=True,
        help="Number that repeats a drawn path.",
    )  # fmt: skip

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
            raise InputError("The path is not drawn yet: call realise(rng) first.")
        rng = np.random.default_rng(self.path_seed)
        frames = self.frames or 1
        return burst_kernels(
            self._whole_path(frames, rng), frames, rng, self.residual_px if self.registered else 0.0
        )

    def reach_px(self) -> tuple[int, int]:
        """Return how far light is moved from where it belongs, without making the kernels.

        Once the path is drawn (`realise`) this is its own reach; before, it holds any draw. Kernels are squares with
        the larger of both numbers on each side; frames that are not registered are displaced besides, which counts.

        Returns
        -------
        tuple of int
            Pixels along (Y, X).
        """
        frames, moved = self.frames or 1, self.frames is not None and not self.registered
        residual = _FARTHEST_RESIDUAL * self.residual_px if self.registered and frames > 1 else 0.0
        if self.path_seed is None:
            farthest = int(np.ceil(self._longest_way(frames, moved) + 2 * self.vibration_px + residual))
            return farthest, farthest
        pieces = np.array_split(self._whole_path(frames, np.random.default_rng(self.path_seed)), frames)
        middle = pieces[frames // 2].mean(axis=0)
        ways = [np.abs(piece - (middle if moved else piece.mean(axis=0))).max(axis=0) for piece in pieces]
        down, right = np.ceil(np.max(ways, axis=0) - 1e-9 + residual)
        return int(down), int(right)

    def _longest_way(self, frames: int, moved: bool) -> float:
        """Return the way from the centroid of a frame to its end, or from the middle frame's to the end of all."""
        if self.path == "random_walk":
            # Its speed varies. Of 16,800 paths of 1 to 100 frames none went more than 1.6 lengths from a frame's
            # centroid, and none can go farther than all of its length.
            return self.length_px * (frames if moved else min(frames, 2))
        return self.length_px * (frames // 2 + 0.5 if moved else 0.5)

    def _positions(self, frames: int) -> int:
        length = self.length_px * frames
        swings = self.vibration_periods * frames
        # Sixteen positions a swing are enough for up to a pixel; wider ones need theirs along the whole way.
        if self.vibration_px > 1:
            length += 4 * self.vibration_px * swings
        positions = max(samples_of_length(length), frames * 8, int(16 * swings))
        if positions > _MOST_POSITIONS:
            raise InputError(
                f"The path of all {frames} frames is {length:.3g} px long, too long to follow: shorten it."
            )
        return positions

    def _whole_path(self, frames: int, rng: np.random.Generator) -> Path:
        length = self.length_px * frames
        angle = float(rng.uniform(0.0, 2.0 * np.pi)) if self.angle_rad is None else self.angle_rad
        samples = self._positions(frames)
        if self.path == "linear":
            path = linear_path(length, angle, samples)
        elif self.path == "curved":
            path = curved_path(length, angle, self.turn_rad, samples)
        else:
            path = random_walk_path(
                length, rng, angle_rad=angle, persistence=self.persistence, samples=samples
            )
        if self.vibration_px > 0:
            across, phase = rng.uniform(0.0, 2.0 * np.pi, 2)
            path = add_vibration(path, self.vibration_px, self.vibration_periods * frames, across, phase)
        return path
