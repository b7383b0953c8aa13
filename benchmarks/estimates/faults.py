"""Images with one known fault each, made from sharp and clean originals, and a few with two."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.estimates.sharp_images import DATA, drawings, softened
from numpy.typing import NDArray

from napari_restoration.degradations.convolution import convolve
from napari_restoration.degradations.motion import motion_kernel
from napari_restoration.degradations.noise import Camera
from napari_restoration.degradations.optics import OpticalBlur
from napari_restoration.degradations.paths import linear_path
from napari_restoration.training.sources import as_truth, mean_bin, read_plane
from napari_restoration.training.validation import read_definition

DEFINITION = Path(__file__).resolve().parents[1] / "recipes" / "validation.toml"
SIDE = 512
SEED = 31
# Electrons: read noise, and the share of the peak that is everywhere.
_READ_NOISE, _BACKGROUND = 1.5, 0.03
_OPTICS = {"na": 0.75, "index": 1.0, "wavelength_um": 0.52, "pixel_size_um": 0.2, "integrate": False}

Plane = NDArray[Any]
Rng = np.random.Generator


@dataclass(frozen=True, kw_only=True, eq=False)
class Spoiled:
    """An image with a known fault: what was done in words, and the file it was made from."""

    file: str
    group: str
    fault: str
    done: str
    plane: Plane


def originals(use: str) -> Iterator[tuple[str, str, Plane]]:
    """File, group, and object in 0..1: the middle 512 x 512 pixels of the scored or the tuning files."""
    values = read_definition(DEFINITION)
    for group, own in values["files"].items():
        for entry in own["use" if use == "val" else "tuning"]:
            image = read_plane(DATA / entry["file"], entry.get("plane"))
            truth = as_truth(image, factor=entry["bin"], smooth=values["smooth"], black=own["black"])
            yield entry["file"], group, middle(truth)


def middle(plane: Plane) -> Plane:
    """The middle 512 x 512 pixels, or what there is of them."""
    top, left = (max(0, (length - SIDE) // 2) for length in plane.shape)
    return plane[top : top + SIDE, left : left + SIDE]


def spoiled(use: str) -> Iterator[Spoiled]:
    """Every fault on every original; always the same images."""
    for file, group, truth in originals(use):
        for fault, make in FAULTS.items():
            for repeat in range(REPEATS.get(fault, 1)):
                rng = np.random.default_rng([SEED, zlib.crc32(f"{file} {fault}".encode()), repeat])
                plane, done = make(truth, rng)
                yield Spoiled(file=file, group=group, fault=fault, done=done, plane=plane)
    yield from _undersampled_drawings(use)


def detected(truth: Plane, peak: float, rng: Rng, *, gain: float = 0.5, bits: int = 16) -> Plane:
    """What a camera with an offset of 100 makes of an object in 0..1."""
    camera = Camera(
        read_noise_electrons=_READ_NOISE, gain_electrons_per_adu=gain, offset_adu=100.0, bits=bits
    )
    electrons = peak * (np.asarray(truth, dtype=np.float32) + _BACKGROUND)
    return camera(electrons, rng).astype(np.uint16)


def blur_kernel(rng: Rng) -> tuple[Plane, str]:
    """A Gaussian of 2.5 to 6 px, or a pupil out of focus with the same second moment."""
    sigma = float(rng.uniform(2.5, 6.0))
    if rng.random() < 0.5:
        from napari_restoration.degradations.psf import gaussian_psf

        return gaussian_psf(sigma, integrate=False), f"Gaussian of {sigma:.1f} px"
    # A disc of radius r has a standard deviation of r / 2 along each axis.
    slope = _OPTICS["na"] / np.sqrt(_OPTICS["index"] ** 2 - _OPTICS["na"] ** 2)
    defocus = 2 * sigma * _OPTICS["pixel_size_um"] / slope
    kernel = OpticalBlur(model="debye", defocus_um=defocus, **_OPTICS).kernel()
    return kernel, f"pupil {defocus:.1f} um out of focus, about {sigma:.1f} px"


def moved(truth: Plane, rng: Rng) -> tuple[Plane, str]:
    """Straight, even motion by 5 to 20 px in any direction."""
    length, angle = float(rng.uniform(5, 20)), float(rng.uniform(0, np.pi))
    kernel = motion_kernel(linear_path(length, angle))
    return convolve(truth, kernel), f"motion of {length:.1f} px at {np.degrees(angle):.0f} degrees"


def _clean(truth: Plane, rng: Rng) -> tuple[Plane, str]:
    peak = float(rng.uniform(2000, 8000))
    return detected(truth, peak, rng), f"peak {peak:.0f}"


def _noisy(truth: Plane, rng: Rng) -> tuple[Plane, str]:
    peak = float(np.exp(rng.uniform(np.log(10), np.log(60))))
    return detected(truth, peak, rng), f"peak {peak:.0f}"


def _blurred(truth: Plane, rng: Rng, peak: float = 1000.0) -> tuple[Plane, str]:
    kernel, done = blur_kernel(rng)
    return detected(convolve(truth, kernel), peak, rng), f"{done}, peak {peak:.0f}"


def _moved(truth: Plane, rng: Rng, peak: float = 500.0) -> tuple[Plane, str]:
    plane, done = moved(truth, rng)
    return detected(plane, peak, rng), f"{done}, peak {peak:.0f}"


def _saturated(truth: Plane, rng: Rng) -> tuple[Plane, str]:
    share = float(rng.uniform(0.03, 0.10))
    top = float(np.quantile(truth, 1 - share)) + _BACKGROUND
    return detected(truth, 2000.0, rng, gain=2000.0 * top / 3995.0, bits=12), f"{100 * share:.1f} % saturated"


def _empty(truth: Plane, rng: Rng) -> tuple[Plane, str]:
    level = float(rng.uniform(0, 50))
    return detected(np.full(truth.shape, level), 1.0, rng), f"{level:.0f} electrons everywhere"


def _coarse(truth: Plane, rng: Rng) -> tuple[Plane, str]:
    factor = min(int(rng.integers(3, 5)), min(truth.shape) // 32)
    if rng.random() < 0.5:
        small, how = mean_bin(truth, factor), f"{factor} x {factor} pixels averaged"
    else:
        small, how = truth[::factor, ::factor], f"every {factor}th pixel kept"
    return detected(small, 1000.0, rng), f"{how}, peak 1000"


def _constant(truth: Plane, rng: Rng) -> tuple[Plane, str]:
    level = int(rng.integers(0, 4096))
    return np.full(truth.shape, level, dtype=np.uint16), f"all pixels {level}"


def _blurred_and_noisy(truth: Plane, rng: Rng) -> tuple[Plane, str]:
    return _blurred(truth, rng, float(np.exp(rng.uniform(np.log(10), np.log(60)))))


def _moved_and_noisy(truth: Plane, rng: Rng) -> tuple[Plane, str]:
    return _moved(truth, rng, float(np.exp(rng.uniform(np.log(10), np.log(60)))))


FAULTS: dict[str, Callable[[Plane, Rng], tuple[Plane, str]]] = {
    "none": _clean,
    "noise": _noisy,
    "blur": _blurred,
    "motion": _moved,
    "saturated": _saturated,
    "empty": _empty,
    "undersampled": _coarse,
    "constant": _constant,
    "blur and noise": _blurred_and_noisy,
    "motion and noise": _moved_and_noisy,
}
REPEATS = {"none": 2, "noise": 3, "blur": 4, "motion": 4, "blur and noise": 2, "motion and noise": 2}
MIXED = ("blur and noise", "motion and noise")


def _undersampled_drawings(use: str) -> Iterator[Spoiled]:
    """Drawings finer than the pixels, whose aliasing is sure."""
    rng = np.random.default_rng([SEED, len(use)])
    for name, drawing in drawings(rng).items():
        if name not in ("points", "filaments", "granules"):
            continue
        for sigma in (12**-0.5, 0.4):
            truth = softened(drawing, sigma)
            truth = truth / float(np.percentile(truth[truth > 0], 99))
            yield Spoiled(
                file=f"drawing of {name}", group="drawing", fault="undersampled",
                done=f"sharper than a pixel ({sigma:.1f} px), peak 1000", plane=detected(truth, 1000.0, rng),
            )  # fmt: skip
