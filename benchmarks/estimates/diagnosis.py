"""How often a diagnosis names the fault that an image was given, and what it says about images as they are.

python -m benchmarks.estimates.diagnosis [--use val|train]
"""

from __future__ import annotations

import argparse
import csv
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from benchmarks.estimates.faults import FAULTS, MIXED, spoiled
from benchmarks.estimates.sharp_images import DATA

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import read_image
from napari_restoration.tasks.diagnose import Diagnosis, diagnose

HERE = Path(__file__).resolve().parent
SERIES = ("zstacks/fluorescence/microspheres_E07_s1.tif", "zstacks/fluorescence/microspheres_E07_s2.tif")
MAINS = ("good", "noise", "blur", "motion", "saturated", "undersampled", "empty", "constant")
TASKS = ("none", "denoise", "refocus", "deblur")
# The verdict and the task that are right; of two faults either is.
RIGHT = {
    "none": ("good",), "noise": ("noise",), "blur": ("blur",), "motion": ("motion",), "saturated": ("saturated",),
    "empty": ("empty",), "undersampled": ("undersampled",), "constant": ("constant",),
    "blur and noise": ("blur", "noise"), "motion and noise": ("motion", "noise"),
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Result:
    """One diagnosis: of which image, what was done to it, what was found, and the numbers it was judged by."""

    file: str
    group: str
    fault: str
    done: str
    main: str
    task: str
    blur_px: float
    motion_px: float
    times_noise: float
    seconds: float
    words: str


def measure(use: str) -> Iterator[Result]:
    """Diagnose all spoiled images."""
    for one in spoiled(use):
        image = CalibratedImage(one.plane, "YX", name=one.file)
        yield judged(image, one.file, one.group, one.fault, one.done)


def as_they_are() -> Iterator[Result]:
    """Diagnose the middle plane of all training and validation files, unchanged."""
    with open(DATA / "index.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["use"] in ("train", "val")]
    for row in rows:
        image = read_image(DATA / row["file"])
        if min(image.size_of("Y"), image.size_of("X")) >= 32:
            group = row["file"].split("/")[0]
            yield judged(image, row["file"], group, "as it is", row["use"])


def focal_series() -> Iterator[Result]:
    """Diagnose every plane of two series of beads, 5 um apart; plane 4 is in focus."""
    for name in SERIES:
        image = read_image(DATA / name)
        for z in range(image.size_of("Z")):
            yield judged(image, name, "series", "focal series", f"{z}", {"Z": z})


def judged(
    image: CalibratedImage, file: str, group: str, fault: str, done: str, at: dict[str, int] | None = None
) -> Result:
    """Diagnose one image."""
    start = time.perf_counter()
    found = diagnose(image, at=at)
    seconds = time.perf_counter() - start
    return Result(
        file=file, group=group, fault=fault, done=done, main=found.main, task=found.task or "none",
        blur_px=_value(found, "blur"), motion_px=_value(found, "motion"), times_noise=_value(found, "noise"),
        seconds=seconds, words=found.words,
    )  # fmt: skip


def _value(found: Diagnosis, kind: str) -> float:
    return next((float(one.value) for one in found.findings if one.kind == kind and one.value), float("nan"))


def markdown(
    results: Sequence[Result], originals: Sequence[Result], series: Sequence[Result], use: str
) -> str:
    """The report."""
    single = [fault for fault in FAULTS if fault not in MIXED]
    files = len({r.file for r in results if r.group != "drawing"})
    seconds = float(np.median([r.seconds for r in results if r.main not in ("empty", "constant")]))
    parts = [
        INTRODUCTION.format(use=use, files=files, count=len(results)),
        "## One fault\n\nColumns: the gravest problem that is named.\n",
        _confusion(results, single, MAINS, "main"),
        "Columns: the task that is advised.\n",
        _confusion(results, single, TASKS, "task"),
        "## Two faults\n\nEither name is right. Last column: both are among the findings, sure or possible.\n",
        _confusion(results, MIXED, MAINS, "main", last=_both_named),
        _confusion(results, MIXED, TASKS, "task"),
        CONFUSED,
        "## What was missed\n",
        _missed(results),
        SERIES_WORDS,
        _series(series),
        "## Images as they are\n\n" + AS_THEY_ARE.format(count=len(originals)),
        _by_folder(originals),
        _not_good(originals),
        f"Median time of a diagnosis of these images: {1000 * seconds:.0f} ms.\n",
    ]
    return "\n".join(parts)


INTRODUCTION = """# Diagnosis

Made by

```bash
python -m benchmarks.estimates.diagnosis --use {use}
```

{count} images with known faults, made from {files} sharp and clean originals of the *{use}* split (fluorescence,
bright field, STEM; prepared as in `benchmarks/recipes/validation.toml`, middle 512 x 512 pixels) by
`benchmarks/estimates/faults.py`: a camera with 1.5 electrons of read noise and a background of 3 % of the peak.
*None*: a peak of 2000 to 8000 electrons. *Noise*: 10 to 60. *Blur*: a Gaussian of 2.5 to 6 px, or a pupil out of
focus by as much, peak 1000. *Motion*: straight, 5 to 20 px, any direction, peak 500. *Saturated*: 3 to 10 % of the
pixels. *Empty*: camera noise on 0 to 50 electrons. *Undersampled*: 3 x 3 or 4 x 4 pixels averaged, or every third or
fourth kept, and drawings finer than a pixel, peak 1000. Thresholds were chosen on *train* images.
"""
CONFUSED = """## What is confused with what, and why

- *None* taken for *noise*: transmitted light whose structures are faint (two 81 x 81 images of yeast). The bright
  ground itself makes the shot noise, so even 6000 electrons leave structures less than 25 times above it. The same two
  images are *noise* when blurred or moved, and *empty* when dim: nothing above the noise is left to judge.
- *Noise* taken for *blur*: at some 20 electrons the noise hides the fine frequencies, and what is left looks soft.
- *Blur* taken for *good*: structures so soft or so regular (sarcomeres, round grains, lattices) that their spectrum
  says little. The findings then say that it may be blurred or cannot be told, and the advice is to judge by eye.
- *Motion* taken for *good* or *blur*: below about 9 px, and across samples of round grains, the dark lines in the
  spectrum that prove a motion are too few or drowned in noise. A motion is rather missed than invented: no image
  without one is called moved.
- *Motion and noise* is named *noise* more often than *motion*: noise drowns these lines first.
- *Undersampled* taken for *good*: averaging or dropping pixels of a smooth sample leaves little at the finest
  frequencies, so nothing false is in the image, or what is there is fine enough to look like correlated noise. Then it
  is only noted, as JPEG, resampled and sharpened images look the same. Do not rely on this verdict.
- Saturation, emptiness and constant planes are told almost always. One plane in a hundred without anything is not
  called empty, by design.
- Real images out of focus: beads more than 10 um from focus are called blurred, or possibly blurred, with a width that
  grows with the distance (below). Two kinds are not recognised. Compressed or demosaiced images
  (`brightfield/outoffocus_leishmania_*`): the traces of the processing are sharp themselves, so the diagnosis says that
  it cannot judge, and why. And haze: the microtubules 0.7 um from focus (`pairs/dfnn_*`) look soft to the eye, but
  their spectrum is that of the focused image times about a third from 0.06 to 0.2 cycles a pixel, a sharp part under a
  very soft one. A single width describes the sharp part, so they are called *good*, which is why a good finding speaks
  of the finest detail only.
"""
SERIES_WORDS = """## A real focal series

Fluorescent beads at 20x / 0.75, planes 5 um apart, pixels of 1.37 um (`zstacks/fluorescence/microspheres_*`).
"""
AS_THEY_ARE = """{count} *train* and *val* files, unchanged (middle plane, first channel). Nobody knows their
faults; the table says what a user would read.
"""


def _both_named(results: Sequence[Result]) -> str:
    named = [
        "noisy" in r.words and ("moved" if "motion" in r.fault else "blurred") in r.words for r in results
    ]
    return f"{sum(named)} of {len(named)}"


def _confusion(
    results: Sequence[Result], faults: Sequence[str], columns: Sequence[str], of: str, last: object = None
) -> str:
    rows = []
    for fault in faults:
        own = [r for r in results if r.fault == fault]
        counts = Counter(getattr(r, of) for r in own)
        row = [fault, str(len(own)), *(str(counts[column] or ".") for column in columns)]
        if of == "main":
            right = sum(counts[one] for one in RIGHT[fault])
            row.append(f"{100 * right / len(own):.0f} %")
        if callable(last):
            row.append(last(own))
        rows.append(row)
    header = ["made", "n", *columns, *(["right"] if of == "main" else []), *(["both named"] if last else [])]
    return _table(header, rows)


def _missed(results: Sequence[Result]) -> str:
    rows = [
        [r.fault, r.main, r.file.rpartition("/")[2], r.done, f"{r.blur_px:.1f}", f"{r.times_noise:.0f}"]
        for r in results
        if r.main not in RIGHT[r.fault] and r.fault != "undersampled"
    ]
    return _table(["made", "named", "file", "done", "blur px", "times noise"], rows)


def _series(series: Sequence[Result]) -> str:
    rows = []
    for plane in sorted({int(r.done) for r in series}):
        own = [r for r in series if int(r.done) == plane]
        told = [
            "blurred"
            if r.main == "blur"
            else "may be blurred"
            if "may be blurred" in r.words
            else "cannot be told"
            for r in own
        ]
        sharp = [
            "sharp" if "detail is sharp" in r.words or "looks sharp" in r.words else told[i]
            for i, r in enumerate(own)
        ]
        rows.append(
            [
                str(plane),
                f"{5 * abs(plane - 4)}",
                *(
                    f"{what}, {r.blur_px:.1f} px" if r.blur_px == r.blur_px else what
                    for what, r in zip(sharp, own, strict=True)
                ),
            ]
        )
    return _table(["plane", "um from focus", "field 1", "field 2"], rows)


def _by_folder(originals: Sequence[Result]) -> str:
    rows = []
    for group in sorted({r.group for r in originals}):
        own = Counter(r.main for r in originals if r.group == group)
        rows.append([group, str(own.total()), *(str(own[main] or ".") for main in MAINS)])
    total = Counter(r.main for r in originals)
    rows.append(["all", str(total.total()), *(str(total[main] or ".") for main in MAINS)])
    return _table(["folder", "n", *MAINS], rows)


def _not_good(originals: Sequence[Result]) -> str:
    rows = [[r.file, r.main, r.words] for r in originals if r.main != "good"]
    return _table(["file", "named", "words"], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> None:
    """Measure and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--use", choices=("val", "train"), default="val")
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    results, originals, series = list(measure(arguments.use)), list(as_they_are()), list(focal_series())
    with open(arguments.out / "diagnosis.csv", "w", newline="") as file:
        names = [field.name for field in fields(Result) if field.name != "seconds"]
        writer = csv.DictWriter(file, names, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        for r in [*results, *originals, *series]:
            writer.writerow({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in asdict(r).items()})
    (arguments.out / "diagnosis.md").write_text(markdown(results, originals, series, arguments.use))


if __name__ == "__main__":
    main()
