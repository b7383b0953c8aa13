"""Mitochondria: a branched network of short, bending tubes that moves slowly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_restoration.degradations.convolution import convolve
from napari_restoration.degradations.phantom.drawing import (
    Field,
    Float32,
    Points,
    smooth_noise,
    splat_curves,
    to_photons,
    worm_like_curve,
)
from napari_restoration.degradations.phantom.filaments import labelling


@dataclass(frozen=True)
class _Tube:
    curve: Points
    weights: NDArray[np.float64]
    drift_um: NDArray[np.float64]
    bend_um: NDArray[np.float64]


def draw_mitochondria(
    field: Field,
    rng: np.random.Generator,
    *,
    peak_photons: float = 150.0,
    per_100_um2: float = 18.0,
    radius_um: float = 0.22,
    persistence_um: float = 3.5,
    cytosol: float = 0.03,
) -> Float32:
    """Draw the mitochondria of one cell, stained in their matrix; see `draw_moving_mitochondria`."""
    series = draw_moving_mitochondria(
        field,
        rng,
        times=1,
        peak_photons=peak_photons,
        per_100_um2=per_100_um2,
        radius_um=radius_um,
        persistence_um=persistence_um,
        cytosol=cytosol,
    )
    return np.asarray(series[0])


def draw_moving_mitochondria(
    field: Field,
    rng: np.random.Generator,
    *,
    times: int,
    step_um: float = 0.06,
    peak_photons: float = 150.0,
    per_100_um2: float = 18.0,
    radius_um: float = 0.22,
    persistence_um: float = 3.5,
    cytosol: float = 0.03,
) -> Float32:
    """Draw a time series of mitochondria that drift and bend.

    Parameters
    ----------
    field
        A thin field, shape ``(Y, X)``.
    times
        Number of time points T.
    step_um
        Typical motion of a mitochondrion from one time point to the next.
    peak_photons
        Photons a pixel in the brightest tubes.
    per_100_um2
        Mitochondria on 100 square micrometres.
    radius_um
        Mean radius of a tube.
    persistence_um
        Length over which a tube keeps its direction.
    cytosol
        Unbound stain, as a share of the peak.

    Returns
    -------
    ndarray
        Photons, float32, shape ``(T, Y, X)``.
    """
    if len(field.shape) != 2:
        raise ValueError(f"Mitochondria are drawn on a thin field (Y, X), not on a shape of {field.shape}.")
    tubes = _network(field, per_100_um2, persistence_um, step_um, rng)
    _, rows, columns = field.extent_um
    haze = np.exp(0.5 * smooth_noise(field, 0.15 * max(rows, columns), rng))
    ball = _ball_projection(radius_um / field.pixel_size_um)
    planes = []
    for time in range(times):
        sway = np.sin(0.35 * time)
        moved = [(tube.curve + time * tube.drift_um + sway * tube.bend_um, tube.weights) for tube in tubes]
        planes.append(convolve(splat_curves(field, moved), ball))
    stack = np.stack(planes)
    # Label saturates: crossing tubes add up less than twice.
    level = float(np.percentile(stack, 98))
    stack = level * np.tanh(stack / (1.6 * level))
    return to_photons(stack + cytosol * stack.max() * haze, peak_photons)


def _network(
    field: Field, per_100_um2: float, persistence_um: float, step_um: float, rng: np.random.Generator
) -> list[_Tube]:
    _, rows, columns = field.extent_um
    step = field.pixel_size_um / 3
    nucleus = np.array([0.0, rng.uniform(0.2, 0.8) * rows, rng.uniform(-0.1, 0.25) * columns])
    tubes: list[_Tube] = []
    for _ in range(max(1, round(per_100_um2 * rows * columns / 100))):
        start = _outside_nucleus(field, nucleus, rng)
        outward = np.arctan2(start[1] - nucleus[1], start[2] - nucleus[2])
        heading = outward + rng.normal(0.0, 0.7) + rng.choice([0.0, np.pi])
        trunk = worm_like_curve(start, heading, rng.gamma(2.2, 1.6) + 0.4, persistence_um, step, rng)
        drift = np.array([0.0, *rng.normal(0.0, step_um / 2, 2)])
        tubes.append(_tube(trunk, drift, step_um, rng))
        for _ in range(rng.poisson(0.25 * len(trunk) * step / 3)):
            knot = int(rng.integers(len(trunk)))
            turn = heading + rng.choice([-1.0, 1.0]) * rng.uniform(0.6, 1.4)
            branch = worm_like_curve(trunk[knot], turn, rng.gamma(2.0, 0.9) + 0.3, persistence_um, step, rng)
            tubes.append(_tube(branch, drift, step_um, rng))
    return tubes


def _tube(curve: Points, drift_um: NDArray[np.float64], step_um: float, rng: np.random.Generator) -> _Tube:
    grain = labelling(len(curve), 0.18, rng)
    slow = ndimage.gaussian_filter1d(rng.standard_normal(len(curve)), 25.0, mode="nearest")
    slow -= slow.mean()
    beads = np.exp(0.25 * slow / max(float(slow.std()), 0.05))
    along = np.linspace(0.0, np.pi, len(curve))
    direction = rng.normal(0.0, 2.0 * step_um, 2)
    bend = np.sin(along)[:, None] * np.array([0.0, *direction])
    return _Tube(curve, rng.lognormal(0.0, 0.2) * grain * beads, drift_um, bend)


def _outside_nucleus(
    field: Field, nucleus: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    _, rows, columns = field.extent_um
    hole = 0.17 * max(rows, columns)
    start = np.zeros(3)
    for _ in range(50):
        start = np.array([0.0, *(rng.uniform(-0.05, 1.05, 2) * (rows, columns))])
        distance = float(np.hypot(*(start - nucleus)[1:]))
        # The network is dense around the nucleus and thins out towards the cell's edge.
        if distance > hole and rng.uniform() < np.exp(-(distance - hole) / (0.45 * max(rows, columns))):
            break
    return start


def _ball_projection(radius_px: float) -> NDArray[np.float64]:
    # A ball swept along a curve is a tube; its projection is this kernel.
    half = int(np.ceil(radius_px)) + 1
    finer = 5
    at = (np.arange((2 * half + 1) * finer) - ((2 * half + 1) * finer - 1) / 2) / finer
    height = np.sqrt(np.clip(radius_px**2 - at[:, None] ** 2 - at[None, :] ** 2, 0.0, None))
    kernel = height.reshape(2 * half + 1, finer, 2 * half + 1, finer).sum(axis=(1, 3))
    return np.asarray(kernel / max(float(kernel.sum()), 1e-12))
