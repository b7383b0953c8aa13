"""Error of the blur estimates from one plane and from two.

python -m benchmarks.estimates.blur [--use val|train]
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
from benchmarks.estimates.edge_reblur import edge_blur
from benchmarks.estimates.sharp_images import (
    Plane,
    camera,
    drawings,
    electrons,
    middle_of,
    real_planes,
    soften,
    softened,
)
from scipy import optimize

from napari_restoration.degradations.convolution import convolve
from napari_restoration.degradations.estimates.blur import (
    BlurEstimate,
    estimate_blur,
    estimate_blur_between,
)
from napari_restoration.degradations.psf import debye_psf

HERE = Path(__file__).resolve().parent
PEAKS = (20, 100, 1000)
SIGMAS = (0.0, 1.0, 2.0, 3.0, 4.0, 6.0)
DRAWN_SIGMAS = (0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
# NA 0.8 in air at 0.5 um, pixels of 0.2 um.
DEFOCI_UM = (0.0, 0.5, 1.0, 1.6)
SEED = 10


@dataclass(frozen=True, kw_only=True)
class Result:
    """One estimate: ``true_px`` as each part of the report defines it, ``added_px`` the blur put on."""

    part: str
    image: str
    peak: int
    added_px: float
    true_px: float
    estimated_px: float
    low_px: float
    high_px: float
    is_reliable: bool
    seconds: float

    @property
    def error(self) -> float:
        return self.estimated_px - self.true_px


def measure(use: str) -> Iterator[Result]:
    rng = np.random.default_rng(SEED)
    kernels = [debye_psf(0.8, 1.0, 0.5, 0.2, defocus) for defocus in DEFOCI_UM]
    widths = [closest_gaussian(kernel) for kernel in kernels]
    for name, plane in real_planes(use).items():
        for peak in PEAKS:
            sharp = electrons(plane, peak)
            own = estimate_blur(sharp).sigma_px
            for sigma in SIGMAS:
                soft = soften(sharp, sigma)
                yield one("Gaussian", name, peak, sigma, math.hypot(own, sigma), camera(soft, rng))
                yield from two(sharp, soft, name, peak, sigma, rng)
            for kernel, sigma in zip(kernels, widths, strict=True):
                soft = convolve(sharp, kernel)
                yield one("defocus", name, peak, sigma, math.hypot(own, sigma), camera(soft, rng))
    for name, drawing in drawings(rng).items():
        for sigma in DRAWN_SIGMAS:
            for peak in PEAKS:
                image = camera(electrons(softened(drawing, sigma), peak), rng)
                yield one("drawings", name, peak, sigma, sigma, image)
                yield timed(lambda a=image: rival(a), "edges", name, peak, sigma, sigma)


def two(
    sharp: Plane, soft: Plane, name: str, peak: int, sigma: float, rng: np.random.Generator
) -> Iterator[Result]:
    """The same field, moved by a few pixels; and the left and the right half as two fields."""
    bad, good = camera(soft, rng), camera(sharp, rng)
    moved = np.roll(bad, (2, -3), axis=(0, 1))
    half = sharp.shape[1] // 2
    pairs = {"same field": (moved, good), "two fields": (bad[:, :half], good[:, half : 2 * half])}
    for part, (first, second) in pairs.items():
        yield timed(lambda a=first, b=second: estimate_blur_between(a, b), part, name, peak, sigma, sigma)


def rival(plane: Plane) -> BlurEstimate:
    """The edge re-blur method, which knows no interval."""
    found = edge_blur(plane)
    return BlurEstimate(sigma_px=found, low_px=found, high_px=found, is_reliable=True, words="")


def closest_gaussian(kernel: Plane) -> float:
    """Standard deviation of the Gaussian of unit sum closest to a kernel, by least squares."""
    half = kernel.shape[0] // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]

    def misfit(sigma: float) -> float:
        gaussian = np.exp(-(y**2 + x**2) / (2 * sigma**2))
        return float(np.sum((kernel - gaussian / gaussian.sum()) ** 2))

    return float(optimize.minimize_scalar(misfit, bounds=(0.3, half / 2), method="bounded").x)


def one(part: str, name: str, peak: int, added: float, true: float, plane: Plane) -> Result:
    return timed(lambda: estimate_blur(plane), part, name, peak, added, true)


def timed(
    estimate: Callable[[], BlurEstimate], part: str, name: str, peak: int, added: float, true: float
) -> Result:
    start = time.perf_counter()
    found = estimate()
    return Result(
        part=part,
        image=name,
        peak=peak,
        added_px=added,
        true_px=true,
        estimated_px=found.sigma_px,
        low_px=found.low_px,
        high_px=found.high_px,
        is_reliable=found.is_reliable,
        seconds=time.perf_counter() - start,
    )


INTRODUCTION = """# Blur estimates

Made by

```bash
python -m benchmarks.estimates.blur --use {use}
```

{count} *{use}* images (middle 512 x 512), blurred further and detected with shot noise of the given peak (electrons,
99.9th percentile) and 1.5 electrons of read noise. All widths are standard deviations in pixels. *Reported*: share in
which the estimate calls itself reliable; errors are over these: median (bias), median absolute and 90th percentile of
the absolute error in px, and the latter two in % of the true width (of 1 px, where it is less). *All, p90*: the same
percentile with the unreliable ones. *Within*: share of reported ones whose interval holds the true width. The
model's constants were chosen on *train* images.
"""
PARTS = {
    "Gaussian": """## One plane, real images, Gaussian blur

A real image is not perfectly sharp, and how soft it is nobody knows. The true width is taken to be
`sqrt(own^2 + added^2)`, where `own` is what the same estimator finds in the image before blur and noise are
added; so these rows show that added blur is found, not that `own` is right. The drawings below show that.
Files with recorded noise of their own count it as structure.
""",
    "defocus": """## One plane, real images, defocus

Debye model, NA 0.8 in air, 0.5 um, pixels of 0.2 um, out of focus by 0, 0.5, 1 and 1.6 um. The added width is that
of the Gaussian closest to the kernel (least squares); the true width as above.
""",
    "drawings": """## One plane, drawings of known sharpness

Cells, nuclei, granules, points and filaments drawn on a four times finer grid. The true width is that of the Gaussian
blur and the pixels together; granules and filaments have no width of their own but that of the drawing.
""",
    "edges": """## The same drawings by the re-blurring of edges

The other candidate: ratio of the gradients of the strongest edges before and after a further blur, smoothed first
where there is noise. It has no interval. It was not chosen: it takes curved edges, filaments and points for sharper
than they are.
""",
    "same field": """## Two images of the same field

A good and a bad exposure, the bad one blurred and moved by (2, -3) px. The true width is that of the added blur.
""",
    "two fields": """## Two fields of one sample

The left half is blurred, the right half is the good image. The true width is that of the added blur.
""",
}


def markdown(results: list[Result], use: str) -> str:
    names = {r.image for r in results if r.image.endswith(".tif")}
    text = [INTRODUCTION.format(use=use, count=len(names))]
    for part, words in PARTS.items():
        own = [r for r in results if r.part == part]
        text.append(f"{words}\n{_error_table(own)}")
        seconds = float(np.median([r.seconds for r in own]))
        text.append(f"Median time: {1000 * seconds:.0f} ms, on one core of a machine with other work.\n")
    text.append(f"{REAL}\n{real_defocus()}")
    return "\n".join(text)


def _error_table(results: list[Result]) -> str:
    header = [
        "added px",
        "peak",
        "n",
        "reported",
        "bias",
        "median",
        "p90",
        "median %",
        "p90 %",
        "all, p90",
        "within",
    ]
    lines = [header, ["---"] * len(header)]
    groups = [(added, peak) for added in sorted({r.added_px for r in results}) for peak in PEAKS]
    for added, peak in [*groups, *((None, peak) for peak in PEAKS)]:
        own = [r for r in results if r.peak == peak and added in (None, r.added_px)]
        seen = [r for r in own if r.is_reliable]
        row = [
            "all" if added is None else f"{added:.2g}",
            str(peak),
            str(len(own)),
            f"{100 * len(seen) / len(own):.0f} %",
        ]
        row += _errors(seen) if seen else [""] * 5
        row.append(f"{np.percentile([abs(r.error) for r in own], 90):.2f}")
        row.append(
            f"{100 * np.mean([r.low_px <= r.true_px <= r.high_px for r in seen]):.0f} %" if seen else ""
        )
        lines.append(row)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _errors(results: list[Result]) -> list[str]:
    signed = np.array([r.error for r in results])
    share = 100 * np.abs(signed) / np.maximum([r.true_px for r in results], 1.0)
    widths = [
        f"{np.median(signed):+.2f}",
        f"{np.median(abs(signed)):.2f}",
        f"{np.percentile(abs(signed), 90):.2f}",
    ]
    return [*widths, f"{np.median(share):.0f}", f"{np.percentile(share, 90):.0f}"]


def real_defocus() -> str:
    """Table of a real focal series, whose blur nobody knows."""
    folder = "pairs/dfnn_defocus_microtubules"
    focused = middle_of(f"{folder}/target/cell11_ON1.tif")
    lines = [["out of focus um", "one plane px", "beyond the focused plane px"], ["---"] * 3]
    lines.append(["0", _with_limits(estimate_blur(focused)), ""])
    for step in (-7, -5, -4, -2, 2, 4, 5, 7):
        plane = middle_of(f"{folder}/input/cell11_defocus{step / 10:+.1f}um.tif")
        between = estimate_blur_between(plane, focused)
        lines.append([f"{step / 10:+.1f}", _with_limits(estimate_blur(plane)), _with_limits(between)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _with_limits(found: BlurEstimate) -> str:
    return f"{found.sigma_px:.1f} ({found.low_px:.1f} to {found.high_px:.1f})" + (
        "" if found.is_reliable else " ?"
    )


REAL = """## A real focal series

`pairs/dfnn_defocus_microtubules` (training file, not used to choose anything), against its focused plane `ON1`.
**Not verifiable**: nobody measured the blur. `?` marks what is called unreliable. One plane alone does not tell that it
is out of focus here, presumably because other parts of the thick cell are in focus: the finest detail decides.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--use", choices=("val", "train"), default="val")
    parser.add_argument("--out", type=Path, default=HERE, help="folder of blur.md and blur.csv")
    arguments = parser.parse_args()
    results = list(measure(arguments.use))
    with open(arguments.out / "blur.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(Result)])
        for r in results:
            writer.writerow([f"{v:.4g}" if isinstance(v, float) else v for v in asdict(r).values()])
    (arguments.out / "blur.md").write_text(markdown(results, arguments.use))


if __name__ == "__main__":
    main()
