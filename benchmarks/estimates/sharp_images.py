"""Images to blur with a known blur: files of the data folder, and drawings whose sharpness is exactly known."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_restoration.core.io import read_image

Plane = npt.NDArray[np.float64]

DATA = Path(
    os.environ.get("NAPARI_RESTORATION_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)
SIDE = 512
# Focal series, blurred members of pairs and kernels are no sharp single images.
_LEFT_OUT = (
    "psf/",
    "zstacks/",
    "timelapse/",
    "pairs/dfnn",
    "pairs/biosr_wf2sim/input",
    "brightfield/outoffocus",
)
_FINER = 4
_READ_NOISE = 1.5


def real_planes(use: str) -> dict[str, Plane]:
    """Name -> middle 512 x 512 pixels; every validation file, of training files two of each series."""
    with open(DATA / "index.csv", newline="") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["use"] == use]
    names = [name for name in names if not name.startswith(_LEFT_OUT)]
    if use == "train":
        series: Counter[str] = Counter()
        kept = []
        for name in names:
            folder, _, last = name.rpartition("/")
            key = f"{folder}/{re.sub(r'[0-9_-].*', '', last)}"
            series[key] += 1
            if series[key] <= 2:
                kept.append(name)
        names = kept
    return {name: middle_of(name) for name in names}


def electrons(plane: Plane, peak: float, percentiles: Sequence[float] = (0.1, 99.9)) -> Plane:
    """Scale to a peak of so many electrons, on a background of 2 % of it."""
    low, high = np.percentile(plane, percentiles)
    return np.asarray(peak * (np.clip((plane - low) / max(high - low, 1e-9), 0.0, 3.0) + 0.02))


def camera(expected: Plane, rng: np.random.Generator) -> Plane:
    """Detect with shot noise and 1.5 electrons of read noise."""
    counts = rng.poisson(np.maximum(expected, 0.0))
    return np.asarray(counts + _READ_NOISE * rng.standard_normal(expected.shape))


def soften(plane: Plane, sigma_px: float) -> Plane:
    """Blur a camera image by a Gaussian."""
    return np.asarray(ndimage.gaussian_filter(plane, sigma_px, mode="reflect")) if sigma_px else plane


def drawings(rng: np.random.Generator) -> dict[str, Plane]:
    """Name -> drawing of perfect sharpness on a grid four times finer, ``(2048, 2048)``; see `softened`."""
    drawn = {
        "cells": _ellipses(15, 40, 60, rng),
        "nuclei": _ellipses(8, 14, 60, rng),
        "granules": _ellipses(2, 5, 300, rng),
        "points": _points(400, rng),
        "filaments": _filaments(60, None, rng),
    }
    return drawn


def parallel_fibres(rng: np.random.Generator, count: int = 60, spread_rad: float = 0.1) -> Plane:
    """Draw filaments that all run nearly along x: structure in one direction, without any motion."""
    return _filaments(count, spread_rad, rng)


def stripes(rng: np.random.Generator, period_px: float) -> Plane:
    """Draw soft stripes of one period with gaps and kinks, like the sarcomeres of a muscle."""
    size = SIDE * _FINER
    y, x = np.mgrid[:size, :size] / _FINER
    bend = ndimage.zoom(rng.normal(0.0, 2.0, (9, 9)), size / 9, order=3)[:size, :size]
    patches = ndimage.zoom(rng.normal(0.0, 1.0, (17, 17)), size / 17, order=1)[:size, :size] > 0
    return np.asarray((np.cos(2 * np.pi * (x + bend + 0.2 * y) / period_px) > 0.3) * patches, dtype=float)


def softened(drawing: Plane, sigma_px: float) -> Plane:
    """Blur a drawing by a Gaussian and integrate it over camera pixels: ``(512, 512)``.

    The pixel's own width, a variance of 1/12 px^2, is part of ``sigma_px``.
    """
    own = np.sqrt(max(sigma_px**2 - 1 / 12, 0.0)) * _FINER
    soft = ndimage.gaussian_filter(drawing, own, mode="reflect")
    return np.asarray(soft.reshape(SIDE, _FINER, SIDE, _FINER).mean(axis=(1, 3)))


def middle_of(name: str) -> Plane:
    """Middle 512 x 512 pixels of the first plane of a file of the data folder."""
    image = np.asarray(read_image(DATA / name, lazy=False).data)
    while image.ndim > 2:
        image = image[0]
    top, left = (max(0, (length - SIDE) // 2) for length in image.shape)
    return np.asarray(image[top : top + SIDE, left : left + SIDE], dtype=np.float64)


def _ellipses(least: float, most: float, count: int, rng: np.random.Generator) -> Plane:
    size = SIDE * _FINER
    image = np.zeros((size, size))
    for _ in range(count):
        middle, radius = rng.uniform(0, size, 2), rng.uniform(least, most) * _FINER
        aspect, turn = rng.uniform(0.6, 1.6), rng.uniform(0, np.pi)
        reach = int(2 * radius)
        rows = slice(max(0, int(middle[0]) - reach), int(middle[0]) + reach)
        columns = slice(max(0, int(middle[1]) - reach), int(middle[1]) + reach)
        part = image[rows, columns]
        y, x = np.indices(part.shape)
        y, x = y + rows.start - middle[0], x + columns.start - middle[1]
        ahead, aside = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
        inside = (ahead / aspect) ** 2 + (aside * aspect) ** 2 < radius**2
        part[inside] = 0.3 * part[inside] + rng.uniform(0.4, 1.0)
    return image


def _points(count: int, rng: np.random.Generator) -> Plane:
    image = np.zeros((SIDE * _FINER, SIDE * _FINER))
    places = rng.integers(0, len(image), (2, count))
    np.add.at(image, tuple(places), rng.uniform(0.3, 1.0, count))
    return image


def _filaments(count: int, spread_rad: float | None, rng: np.random.Generator) -> Plane:
    """Worm-like curves; with a spread, near the x axis all along."""
    size, steps = SIDE * _FINER, 8000
    image = np.zeros((size, size))
    for _ in range(count):
        if spread_rad is None:
            start, heading = rng.uniform(0, size, 2), rng.uniform(0, 2 * np.pi)
            turn = heading + np.cumsum(rng.normal(0.0, 0.004, steps))
        else:
            start = np.array([rng.uniform(0, size), -size / 4])
            turn = rng.normal(0.0, spread_rad) + np.cumsum(rng.normal(0.0, 0.001, steps))
        y = (start[0] + np.cumsum(0.5 * np.sin(turn))).astype(int)
        x = (start[1] + np.cumsum(0.5 * np.cos(turn))).astype(int)
        seen = (y >= 0) & (y < size) & (x >= 0) & (x < size)
        np.add.at(image, (y[seen], x[seen]), 1.0)
    return image
