"""Error of the motion estimate, and how often it sees a motion that is not there.

python -m benchmarks.estimates.motion [--use val|train]
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from benchmarks.estimates.sharp_images import (
    Plane,
    camera,
    drawings,
    electrons,
    parallel_fibres,
    real_planes,
    soften,
    softened,
    stripes,
)

from napari_restoration.degradations.convolution import convolve
from napari_restoration.degradations.estimates.motion import classify_blur, estimate_motion
from napari_restoration.degradations.motion import motion_kernel
from napari_restoration.degradations.paths import curved_path, linear_path, random_walk_path

HERE = Path(__file__).resolve().parent
PEAKS = (20, 100, 1000)
LENGTHS = (3, 5, 8, 12, 16, 25)
BLURS = (0.0, 1.0, 2.0, 4.0)
OTHER_PATHS = ("curved 0.5 rad", "curved 1 rad", "random walk")
SEED = 20


@dataclass(frozen=True, kw_only=True)
class Result:
    """One estimate: ``length_px`` and ``angle_rad`` are the true ones, of the straight line with the same extent."""

    image: str
    motion: str
    peak: int
    blur_px: float
    length_px: float
    angle_rad: float
    estimated_px: float
    estimated_rad: float
    strength: float
    is_reliable: bool
    kind: str
    seconds: float

    @property
    def relative(self) -> float:
        return self.estimated_px / self.length_px - 1.0

    @property
    def turned_deg(self) -> float:
        apart = abs(self.estimated_rad - self.angle_rad) % math.pi
        return math.degrees(min(apart, math.pi - apart))


def measure(use: str) -> Iterator[Result]:
    rng = np.random.default_rng(SEED)
    for name, plane in real_planes(use).items():
        for peak in PEAKS:
            sharp = electrons(plane, peak)
            for blur in BLURS:
                soft = soften(sharp, blur)
                yield result(camera(soft, rng), image=name, motion="none", peak=peak, blur_px=blur)
            for length in LENGTHS:
                yield moved(sharp, linear_path(length, rng.uniform(0, np.pi)), rng, name, "straight", peak)
            for kind in OTHER_PATHS:
                yield moved(sharp, other_path(kind, rng), rng, name, kind, peak)
    yield from without_motion(rng)


def other_path(kind: str, rng: np.random.Generator) -> Plane:
    """Draw a path of 12 px along itself."""
    angle = rng.uniform(0, np.pi)
    if kind == "random walk":
        return random_walk_path(12.0, rng, angle_rad=angle)
    return curved_path(12.0, angle, float(kind.split()[1]))


def without_motion(rng: np.random.Generator) -> Iterator[Result]:
    """Drawings whose spectra are uneven without any motion."""
    drawn: dict[str, Callable[[], Plane]] = {
        "fibres": lambda: parallel_fibres(rng),
        "few fibres": lambda: parallel_fibres(rng, 12, 0.02),
        "stripes 8 px": lambda: stripes(rng, 8.0),
        "stripes 15 px": lambda: stripes(rng, 15.0),
    }
    for name, draw in drawn.items():
        for repeat in range(3):
            drawing = draw()
            for peak in PEAKS:
                for blur in (0.7, 1.5, 3.0):
                    image = camera(electrons(softened(drawing, blur), peak), rng)
                    yield result(
                        image, image=f"{name} {repeat}", motion=f"none, {name}", peak=peak, blur_px=blur
                    )
    for name, drawing in drawings(rng).items():
        for peak in PEAKS:
            for blur in (0.7, 1.5, 3.0):
                image = camera(electrons(softened(drawing, blur), peak), rng)
                yield result(image, image=name, motion="none, drawings", peak=peak, blur_px=blur)


def moved(sharp: Plane, path: Plane, rng: np.random.Generator, image: str, motion: str, peak: int) -> Result:
    blurred = convolve(sharp, motion_kernel(path))
    length, angle = extent(path)
    return result(
        camera(blurred, rng), image=image, motion=motion, peak=peak, length_px=length, angle_rad=angle
    )


def extent(path: Plane) -> tuple[float, float]:
    """Length and angle of the straight even path with the same second moment along its longest direction."""
    variances, axes = np.linalg.eigh(np.cov(path.T, bias=True))
    y, x = axes[:, -1]
    return float(np.sqrt(12 * variances[-1])), float(np.arctan2(y, x) % np.pi)


def result(
    plane: Plane,
    *,
    image: str,
    motion: str,
    peak: int,
    blur_px: float = 0.0,
    length_px: float = 0.0,
    angle_rad: float = 0.0,
) -> Result:
    start = time.perf_counter()
    found = estimate_motion(plane)
    seconds = time.perf_counter() - start
    return Result(
        image=image,
        motion=motion,
        peak=peak,
        blur_px=blur_px,
        length_px=length_px,
        angle_rad=angle_rad,
        estimated_px=found.length_px,
        estimated_rad=found.angle_rad,
        strength=found.strength,
        is_reliable=found.is_reliable,
        kind=classify_blur(plane).kind,
        seconds=seconds,
    )


def markdown(results: list[Result], use: str) -> str:
    with_motion = [r for r in results if r.length_px > 0]
    parts = [INTRODUCTION.format(use=use, count=len({r.image for r in results if r.image.endswith(".tif")}))]
    parts.append(
        "## Straight, even motion\n\n" + _motion_table([r for r in with_motion if r.motion == "straight"])
    )
    other = [r for r in with_motion if r.motion != "straight"]
    parts.append(OTHER + _motion_table(other))
    parts.append(FALSE_ALARMS + _alarm_table([r for r in results if r.length_px == 0]))
    kinds = ("sharp", "defocus", "motion", "unknown")
    rows = []
    for title, own in _kinds(results):
        shares = [f"{100 * np.mean([r.kind == kind for r in own]):.0f} %" for kind in kinds]
        rows.append([title, str(len(own)), *shares])
    parts.append("## What the blur is taken for\n\n" + _table(["images", "n", *kinds], rows))
    seconds = float(np.median([r.seconds for r in results]))
    busy = "on one core of a machine with other work"
    parts.append(f"Median time of `estimate_motion` for one image: {1000 * seconds:.0f} ms, {busy}.\n")
    return "\n".join(parts)


INTRODUCTION = """# Motion estimate

Made by

```bash
python -m benchmarks.estimates.motion --use {use}
```

{count} *{use}* images (middle 512 x 512) moved along paths of random direction, with shot noise of the given peak
(electrons, 99.9th percentile) and 1.5 electrons of read noise. *Reported*: share in which the estimate calls itself
reliable; only these are acted on. Errors are over reported ones: median / 90th percentile of the absolute length and
angle errors, and the median of the signed length error (bias). *Wrong*: reported, but off by more than 25 % in length
or 10 degrees. *Right, reported or not*: within these limits. Thresholds were chosen on *train* images.
"""
OTHER = """## Paths that are not straight

12 px along the path. The true length and angle are those of the straight, even path with the same standard
deviation along the longest direction.

"""
FALSE_ALARMS = """## No motion

Share of images without motion in which one is reported. Real images are blurred further by a Gaussian of this
width; drawings have it as their whole sharpness. Fibres run along one direction, stripes are periodic like
sarcomeres.

"""


def _motion_table(results: list[Result]) -> str:
    header = [
        "motion",
        "peak",
        "n",
        "reported",
        "length error px",
        "length error %",
        "bias %",
        "angle error deg",
    ]
    header += ["wrong", "right, reported or not"]
    rows = []
    groups = sorted(
        {(r.motion, round(r.length_px) if r.motion == "straight" else 0, r.peak) for r in results}
    )
    for motion, length, peak in groups:
        own = [
            r
            for r in results
            if (r.motion, r.peak) == (motion, peak) and (not length or round(r.length_px) == length)
        ]
        seen = [r for r in own if r.is_reliable]
        title = f"{length} px" if length else motion
        row = [title, str(peak), str(len(own)), f"{100 * len(seen) / len(own):.0f} %"]
        if seen:
            row += [
                _two([abs(r.estimated_px - r.length_px) for r in seen], 2),
                _two([100 * abs(r.relative) for r in seen], 1),
                f"{np.median([100 * r.relative for r in seen]):+.1f}",
                _two([r.turned_deg for r in seen], 1),
                f"{100 * np.mean([not _right(r) for r in seen]):.0f} %",
            ]
        else:
            row += ["", "", "", "", ""]
        rows.append([*row, f"{100 * np.mean([_right(r) for r in own]):.0f} %"])
    return _table(header, rows)


def _alarm_table(results: list[Result]) -> str:
    rows = []
    for motion, blur in sorted({(r.motion, r.blur_px) for r in results}):
        row = [motion, f"{blur:g}"]
        for peak in PEAKS:
            own = [r.is_reliable for r in results if (r.motion, r.blur_px, r.peak) == (motion, blur, peak)]
            row.append(f"{sum(own)} of {len(own)}")
        rows.append(row)
    return _table(["images", "blur px", *(f"peak {peak}" for peak in PEAKS)], rows)


def _kinds(results: list[Result]) -> Iterator[tuple[str, list[Result]]]:
    real = [r for r in results if r.motion == "none"]
    for blur in BLURS:
        yield f"no motion, blurred by {blur:g} px", [r for r in real if r.blur_px == blur]
    for length in LENGTHS:
        own = [r for r in results if r.motion == "straight" and round(r.length_px) == length]
        yield f"straight motion of {length} px", own


def _right(r: Result) -> bool:
    return abs(r.relative) <= 0.25 and r.turned_deg <= 10.0


def _two(values: list[float], digits: int) -> str:
    return f"{np.median(values):.{digits}f} / {np.percentile(values, 90):.{digits}f}"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--use", choices=("val", "train"), default="val")
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    results = list(measure(arguments.use))
    with open(arguments.out / "motion.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(Result)])
        for r in results:
            writer.writerow([f"{v:.4g}" if isinstance(v, float) else v for v in asdict(r).values()])
    (arguments.out / "motion.md").write_text(markdown(results, arguments.use))


if __name__ == "__main__":
    main()
