"""The classical methods that every model has to beat, each tuned for its task and level.

A method takes one scored image and its settings, and returns a plane on the grid of the truth.
Richardson-Lucy is given the true blur kernel and the stabilised denoisers the true camera, which no model
gets: the bar is meant to be high.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from benchmarks.quality.cases import Camera, Example, Plane
from scipy import ndimage, signal
from skimage import filters, registration, restoration, transform

from napari_restoration.core import metrics
from napari_restoration.models.classical.richardson_lucy import RichardsonLucy

Settings = Mapping[str, Any]
Step = Callable[[Plane, Example, Settings], Plane]

# Steps of a quarter to a half: neighbours on the grid differ by about 0.1 dB near the optimum.
_SIGMAS = (0.5, 0.7, 0.9, 1.1, 1.4, 1.8, 2.3, 3.0, 4.0)
_STRENGTHS = (0.4, 0.6, 0.8, 1.0, 1.4)
_WEIGHTS = (0.3, 0.5, 0.8, 1.2, 1.8, 2.7, 4.0, 6.0)
_ITERATIONS = (1, 2, 3, 5, 8, 12, 20, 35, 60)


@dataclass(frozen=True)
class Method:
    """A classical method: steps applied in turn, and the settings to try for each name.

    ``role`` is "baseline" for the usual methods and "combination" for deconvolution with denoising before or
    after it.
    """

    name: str
    steps: tuple[Step, ...]
    grid: Mapping[str, Sequence[Any]]
    role: str = "baseline"

    def choices(self) -> Iterator[dict[str, Any]]:
        """Every combination of settings."""
        for values in itertools.product(*self.grid.values()):
            yield dict(zip(self.grid, values, strict=True))

    def __call__(self, example: Example, settings: Settings) -> Plane:
        """Restore one example to the grid of its truth."""
        plane = frame_mean(example, registered=settings.get("registered", False))
        for step in self.steps:
            plane = step(plane, example, settings)
        return plane


def methods_for(task: str, *, known_camera: bool = True) -> list[Method]:
    """The methods that make sense for a task; without a known camera, those that need none."""
    denoisers = _denoisers(known_camera)
    unsharp = Method("unsharp mask", (_unsharp,), {"radius": (1.0, 2.0, 4.0), "amount": (0.3, 0.7, 1.5)})
    deconvolutions = _deconvolutions() if known_camera and task != "denoise" else []
    if task == "deblur":
        blind = [Method("", (), {}), *denoisers, unsharp]
        return [_of_frame_mean(method) for method in (*blind, *deconvolutions)] + _joint_deconvolutions()
    if task == "superres":
        methods = [_enlarging(method) for method in (*denoisers, unsharp, *deconvolutions)]
        return [Method("bicubic", (enlarge,), {}), *methods]
    return [*denoisers, unsharp, *deconvolutions]


def _denoisers(known_camera: bool) -> list[Method]:
    stabilised = (False, True) if known_camera else (False,)
    # The noise of stored 8-bit pairs is correlated, which the estimate from single pixels cannot see.
    strengths, excess = (_STRENGTHS, (1.0,)) if known_camera else ((0.8, 1.4, 2.0, 3.0), (1.0, 2.2))
    means = {"strength": strengths, "excess": excess, "stabilised": stabilised}
    return [
        Method("Gaussian", (_gaussian,), {"sigma": _SIGMAS}),
        Method("non-local means", (_local_means,), means),
        Method("total variation", (_variation,), {"weight": _WEIGHTS, "stabilised": stabilised}),
    ]


def _deconvolutions() -> list[Method]:
    counts = _ITERATIONS[1:]
    smoothed = {"sigma": (0.5, 0.9, 1.4, 2.0), "iterations": counts}
    cleaned = {"weight": (0.3, 0.6, 1.2, 2.4), "stabilised": (True,), "iterations": counts}
    polished = {"iterations": (5, 12, 20, 35, 60), "weight": (0.5, 1.2, 2.7, 6.0), "stabilised": (False,)}
    return [
        Method("Richardson-Lucy", (_deconvolve,), {"iterations": _ITERATIONS}),
        Method("Gaussian, Richardson-Lucy", (_gaussian, _deconvolve), smoothed, "combination"),
        Method("total variation, Richardson-Lucy", (_variation, _deconvolve), cleaned, "combination"),
        Method("Richardson-Lucy, total variation", (_deconvolve, _variation), polished, "combination"),
    ]


def _joint_deconvolutions() -> list[Method]:
    counts = (2, 3, 5, 8, 12, 20)
    polished = {"iterations": counts, "weight": (0.5, 1.2, 2.7, 6.0), "stabilised": (False,)}
    steps = (_deconvolve_frames, _variation)
    return [
        Method("joint Richardson-Lucy", (_deconvolve_frames,), {"iterations": counts}),
        Method("joint Richardson-Lucy, total variation", steps, polished, "combination"),
    ]


def _of_frame_mean(method: Method) -> Method:
    # The true kernels already hold the shifts, so deconvolution takes the frames as they came.
    registered = {} if _deconvolve in method.steps else {"registered": (True, False)}
    name = f"frame mean, {method.name}".rstrip(", ")
    return replace(method, name=name, grid={**method.grid, **registered})


def tune(
    method: Method, examples: Sequence[Example], *, affine: bool = False
) -> tuple[dict[str, Any], float]:
    """Settings with the best mean PSNR over the examples, and that PSNR; `affine`: after gain and offset."""
    best: tuple[dict[str, Any], float] = ({}, -np.inf)
    for settings in method.choices():
        mean = float(np.mean([_psnr(method(example, settings), example, affine) for example in examples]))
        if mean > best[1]:
            best = (settings, mean)
    return best


def _psnr(plane: Plane, example: Example, affine: bool) -> float:
    gain, offset = metrics.fit_affine(plane, example.target) if affine else (1.0, 0.0)
    return metrics.psnr(gain * plane + offset, example.target, data_range=example.data_range)


def frame_mean(example: Example, *, registered: bool) -> Plane:
    """The input plane; of a burst the mean, after registration to the middle frame if wanted."""
    if example.input.ndim == 2:
        return example.input.astype(np.float64)
    return _registered_mean(example) if registered else example.input.mean(axis=0, dtype=np.float64)


@functools.lru_cache(maxsize=256)
def _registered_mean(example: Example) -> Plane:
    frames = example.input.astype(np.float64)
    # Shot noise would otherwise dominate the high frequencies that fix the shift.
    smooth = [ndimage.gaussian_filter(frame, 1.5) for frame in frames]
    moved = []
    for frame, soft in zip(frames, smooth, strict=True):
        shift, _, _ = registration.phase_cross_correlation(
            smooth[len(frames) // 2], soft, upsample_factor=20, normalization=None
        )
        # A shift of more than the search allows is a failure of registration, not a motion of the stage.
        usable = np.max(np.abs(shift)) < 16
        moved.append(ndimage.shift(frame, shift, order=3, mode="nearest") if usable else frame)
    return np.asarray(np.mean(moved, axis=0))


def enlarge(plane: Plane, example: Example, settings: Settings) -> Plane:
    """Bicubic interpolation to the grid of the truth; a plane that is there already stays."""
    if plane.shape == example.target.shape:
        return plane
    size = example.target.shape
    return np.asarray(
        transform.resize(plane, size, order=3, mode="symmetric", clip=False, anti_aliasing=False)
    )


def _enlarging(method: Method) -> Method:
    """The method for a coarser input: bicubic enlargement after denoising; deconvolution enlarges by itself."""
    if _deconvolve in method.steps:
        return method
    steps = (enlarge, *method.steps) if method.steps == (_unsharp,) else (*method.steps, enlarge)
    return replace(method, name=f"{method.name}, bicubic", steps=steps)


def _gaussian(plane: Plane, example: Example, settings: Settings) -> Plane:
    return np.asarray(ndimage.gaussian_filter(plane, settings["sigma"]))


def _unsharp(plane: Plane, example: Example, settings: Settings) -> Plane:
    return np.asarray(
        filters.unsharp_mask(plane, settings["radius"], settings["amount"], preserve_range=True), np.float64
    )


def _local_means(plane: Plane, example: Example, settings: Settings) -> Plane:
    def denoise(flat: Plane) -> Plane:
        noise = noise_level(flat) * settings["excess"]
        return np.asarray(
            restoration.denoise_nl_means(
                flat,
                patch_size=5,
                patch_distance=7,
                h=settings["strength"] * noise,
                sigma=noise,
                fast_mode=True,
                preserve_range=True,
            )
        )

    return _on_flat_noise(denoise, plane, example, settings["stabilised"])


def _variation(plane: Plane, example: Example, settings: Settings) -> Plane:
    def denoise(flat: Plane) -> Plane:
        # The weight acts relative to the noise, so that one value serves images of any brightness.
        noise = noise_level(flat)
        scaled = (flat / noise).astype(np.float32)  # half the time of float64
        result = restoration.denoise_tv_chambolle(scaled, weight=settings["weight"], eps=1e-4)
        return np.asarray(result * noise)

    return _on_flat_noise(denoise, plane, example, settings["stabilised"])


def _deconvolve(plane: Plane, example: Example, settings: Settings) -> Plane:
    return _sharpened(plane[None], example, settings["iterations"])


def _deconvolve_frames(plane: Plane, example: Example, settings: Settings) -> Plane:
    return _sharpened(example.input.astype(np.float64), example, settings["iterations"])


def _sharpened(frames: Plane, example: Example, iterations: int) -> Plane:
    sharp = _deconvolution(example, _Frames(frames, hash(frames.tobytes()))).after(iterations)
    return sharp if example.target_psf is None else _same(sharp, example.target_psf)


def _same(plane: Plane, kernel: Plane) -> Plane:
    """Convolution of the plane's own size; border pixels are repeated outwards."""
    width = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = np.pad(plane, [(w, w) for w in width], mode="edge")
    return np.asarray(signal.fftconvolve(padded, kernel, mode="valid"))


@dataclass(frozen=True)
class _Frames:
    """Frames that can be remembered by their content."""

    frames: Plane = field(compare=False)
    content: int


# Tuning asks for one iteration count after the other on all images; each goes on where the last one ended.
@functools.lru_cache(maxsize=64)
def _deconvolution(example: Example, given: _Frames) -> RichardsonLucy:
    if example.psf is None or example.camera is None:
        raise ValueError(f"Richardson-Lucy needs the blur kernels and the camera of {example.name}.")
    camera, frames = example.camera, given.frames
    kernels = example.psf if len(frames) == len(example.psf) else example.psf.mean(0, keepdims=True)
    return RichardsonLucy(
        frames,
        kernels,
        offset=camera.offset,
        # Read noise acts like further electrons with as much shot noise (Snyder et al., 1993).
        extra=camera.read_noise**2 / camera.gain,
        factor=example.target.shape[0] // frames.shape[1],
    )


def noise_level(plane: Plane) -> float:
    """Standard deviation of the noise, from the median of a kernel that ignores planes and slopes."""
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6
    size = float(np.median(np.abs(ndimage.convolve(plane, kernel, mode="reflect"))))
    return max(size / 0.6745, 1e-3 * float(np.std(plane)), 1e-12)


def _on_flat_noise(
    denoise: Callable[[Plane], Plane], plane: Plane, example: Example, stabilised: bool
) -> Plane:
    if not stabilised:
        return denoise(plane)
    if example.camera is None:
        raise ValueError(f"Stabilising the noise needs the camera of {example.name}.")
    frames = example.input.shape[0] if example.input.ndim == 3 else 1
    return unstabilise(denoise(stabilise(plane, example.camera, frames)), example.camera, frames)


def stabilise(plane: Plane, camera: Camera, frames: int = 1) -> Plane:
    """Generalised Anscombe transform: shot and read noise become noise of standard deviation 1."""
    electrons = (plane - camera.offset) * camera.gain * frames
    return 2 * np.sqrt(np.maximum(electrons + 3 / 8 + frames * camera.read_noise**2, 0))


def unstabilise(flat: Plane, camera: Camera, frames: int = 1) -> Plane:
    """Inverse of `stabilise` that is nearly free of bias (closed form of Makitalo and Foi, 2013)."""
    d = np.maximum(flat, 1.0)
    root = np.sqrt(3 / 2)
    electrons = d**2 / 4 + root / (4 * d) - 11 / (8 * d**2) + 5 * root / (8 * d**3) - 1 / 8
    electrons = np.maximum(electrons - frames * camera.read_noise**2, 0)
    return electrons / (camera.gain * frames) + camera.offset
