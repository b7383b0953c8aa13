"""How well a camera is told from its images: ``python -m benchmarks.estimates.noise``."""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from benchmarks.estimates import spoiled
from benchmarks.estimates.cameras import BLURS, PEAKS, Trial, run_trials, write_trials
from benchmarks.estimates.objects import clean_objects

from napari_restoration.degradations.estimates.flaws import find_flaws
from napari_restoration.degradations.estimates.noise import estimate_camera

_HERE = Path(__file__).resolve().parent
_SIDES = (32, 64, 128, 256)
# Names of files, and what of the estimate can be held against something else.
_REAL = (
    (
        "pairs/dfnn_defocus_microtubules/input/cell11_defocus+0.1um.tif",
        "",
        "plausible: offset and gain as usual for an sCMOS camera",
    ),
    ("zstacks/fluorescence/dfnn_microtubules_cell11.tif", "", "same camera as the row above"),
    ("fluorescence/nuclei/bbbc006_a08.tif", "", "plausible; no reference"),
    ("pairs/w2s_denoise/input/001_0.tif", "pairs/w2s_denoise/target/001_0.tif", ""),
    ("pairs/w2s_denoise/input/041_0.tif", "pairs/w2s_denoise/target/041_0.tif", ""),
    ("pairs/w2s_denoise/input/061_0.tif", "pairs/w2s_denoise/target/061_0.tif", ""),
    ("pairs/w2s_denoise/input/061_1.tif", "pairs/w2s_denoise/target/061_1.tif", ""),
    ("timelapse/membrane_2d.tif", "", "contrast was stretched"),
    ("fluorescence/actin/kc167_POS002_R.tif", "", "8 bits, dark levels cut off"),
    ("em/stem/Pd1_y0_x0.tif", "", "from JPEG"),
    ("brightfield/worms_WT.tif", "", "from JPEG"),
    ("em/tem/hrtem_carbon.tif", "", "evenly bright"),
)

_INTRODUCTION = """# Noise estimates

Made by

```bash
python -m benchmarks.estimates.noise
```

Five phantoms, drawn without blur, and eleven real images (`train` and `val` files), smoothed by 1.6 px and binned
2 x 2, pass through a Gaussian blur and a camera with K (electrons a grey level) of 0.25 to 4, read noise of 0.5 to
8 electrons, an offset of 0, 100 or 400 (8 bits: 0 or 10) and 8, 12 or 16 bits, drawn at random with fixed seeds;
*peak* is the 99.9th percentile in electrons. Every row holds {objects} objects or as many as can have that blur.
All trials are in `noise.csv`. Errors are absolute values, relative to the truth where in %: median and 90th
percentile. *none*: share without a gain (not in the errors). *reliable*: share called reliable. *honest*: share of
the reliable ones whose true value lies in the stated interval (95 % is what it claims).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write ``noise.csv`` and ``noise.md``."""
    folder = os.environ.get("NAPARI_RESTORATION_DATA") or _HERE.parents[1].parent / "shared" / "data"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimates.noise", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(folder), help="folder with index.csv")
    parser.add_argument("--out", type=Path, default=_HERE, help="where results go")
    options = parser.parse_args(arguments)
    objects = clean_objects(options.data)
    trials = run_trials(objects)
    small = {side: run_trials(objects, side) for side in _SIDES}
    write_trials(options.out / "noise.csv", [*trials, *(trial for side in _SIDES for trial in small[side])])
    parts = [_INTRODUCTION.format(objects=len(objects)), *_camera_tables(trials, small)]
    parts += [
        "## Frames of a series\n\nSix frames of the phantoms without blur, K 0.5, read noise 2 electrons.\n"
    ]
    parts += [
        _table(
            ["series", "peak", "compared in time", "reliable", "K median", "K worst"], spoiled.frames(objects)
        )
    ]
    parts += [
        "## Processed images\n\nPeak 200 electrons, K 1, read noise 2, 8 bits, blur 1.5 px; *ratio*: estimated over "
        "true K (median).\n",
        _table(
            ["treatment", "unreliable", "ratio", "noise correlation", "range", "JPEG grid"],
            spoiled.processed(objects),
        ),
    ]
    parts += [*_flaw_tables(objects), _real(options.data), _speed(objects)]
    (options.out / "noise.md").write_text("\n".join(parts), encoding="utf-8")
    return 0


def _camera_tables(trials: Sequence[Trial], small: dict[int, list[Trial]]) -> list[str]:
    blurred = [trial for trial in trials if trial.blur_px >= 0.8]
    goal = [trial for trial in blurred if trial.peak >= 50 and trial.known_offset]
    parts = ["## Gain, offset known\n", "### By peak, blur 0.8 px and more\n"]
    parts.append(_gains(((f"{p:g}", _of(blurred, True, peak=p)) for p in PEAKS), "peak"))
    parts.append("### By blur, all peaks\n")
    parts.append(_gains(((f"{b:g}", _of(trials, True, blur_px=b)) for b in BLURS), "blur (px)"))
    parts.append("### By bits, peak 50 and more, blur 0.8 px and more\n")
    parts.append(_gains(((f"{b}", _of(goal, True, bits=b)) for b in (8, 12, 16)), "bits"))
    parts.append("### Summary, peak 50 and more, blur 0.8 px and more (goal: 15 % and 40 %)\n")
    everything = [("all", goal), ("reliable", [trial for trial in goal if trial.is_reliable])]
    parts.append(_gains(iter(everything), "trials"))
    parts.append("### By the image's side, blur 0.8 px and more, peak 50 and more, brightest part\n")
    sides = (
        (f"{s}", [t for t in small[s] if t.known_offset and t.blur_px >= 0.8 and t.peak >= 50])
        for s in _SIDES
    )
    parts.append(_gains(sides, "side (px)"))
    for known in (True, False):
        parts.append(
            f"## Read noise and offset, offset {'known' if known else 'not known'}, blur 0.8 px and more\n"
        )
        if not known:
            parts.append(
                "The offset is the darkest level by convention, so the read noise holds the shot noise of the "
                "object's own background; the intervals must hold the truth all the same.\n"
            )
        parts.append(_others(((f"{p:g}", _of(blurred, known, peak=p)) for p in PEAKS), known))
    return parts


def _of(trials: Iterable[Trial], known: bool, **fields: float) -> list[Trial]:
    return [
        trial
        for trial in trials
        if trial.known_offset is known
        and all(getattr(trial, name) == value for name, value in fields.items())
    ]


def _gains(groups: Iterable[tuple[str, list[Trial]]], title: str) -> str:
    rows = []
    for name, own in groups:
        reliable = [trial for trial in own if trial.is_reliable]
        rows.append([
            name, str(len(own)), *_spread([t.gain_error for t in own]), *_spread([t.gain_error for t in reliable]),
            _percent([t.gain_error is None for t in own]), _percent([t.is_reliable for t in own]),
            _percent([t.gain_within for t in reliable]), *_spread([t.peak_error for t in reliable]),
            _percent([t.peak_within for t in reliable]),
        ])  # fmt: skip
    header = [
        title,
        "n",
        "K",
        "p90",
        "K reliable",
        "p90",
        "none",
        "reliable",
        "honest",
        "peak",
        "p90",
        "honest",
    ]
    return _table(header, rows)


def _others(groups: Iterable[tuple[str, list[Trial]]], known: bool) -> str:
    rows = []
    for name, trials in groups:
        own = [trial for trial in trials if trial.is_reliable]
        reads = [abs(t.read_noise_error_electrons) for t in own if t.read_noise_error_electrons is not None]
        row = [name, str(len(own)), f"{np.median(reads):.2f}", f"{np.percentile(reads, 90):.2f}"]
        row.append(_percent([t.read_noise_within for t in own]))
        if not known:
            for field in ("offset_error_adu", "offset_error_sd"):
                values = [abs(getattr(trial, field)) for trial in own]
                row += [f"{np.median(values):.2f}", f"{np.percentile(values, 90):.2f}"]
            row.append(_percent([t.offset_within for t in own]))
        rows.append(row)
    header = ["peak", "n reliable", "read noise (e-)", "p90", "honest"]
    header += [] if known else ["offset (levels)", "p90", "offset (noise sd)", "p90", "honest"]
    return _table(header, rows)


def _flaw_tables(objects: Sequence[object]) -> list[str]:
    own: list = list(objects)
    return [
        "## Empty planes\n\n*False alarm*: planes of noise alone taken for planes with something in them (designed: "
        "1 %). *Found*: one Gaussian spot, standard deviation 1.5 px, of so many electrons at its top.\n",
        _table(["side", "noise", "n", "false alarm", "found: 2", "4", "8"], spoiled.emptiness()),
        "## Saturation and cut darkness\n",
        _table(
            [
                "true clipping",
                "saturation found",
                "share over true",
                "darkness found (of those with over 5 % at 0)",
            ],
            spoiled.clipping(own),
        ),
        "## Undersampling\n\nPhantoms by blur: how many are called undersampled, and the median of the signal power "
        "near 0.45 over that near 0.1 cycles a pixel. Only filaments have detail finer than a pixel to be lost.\n",
        _table(
            ["blur (px)", "peak 20", "share", "peak 200", "share", "peak 2000", "share"],
            spoiled.sampling(own),
        ),
    ]


def _real(data: Path) -> str:
    import tifffile

    rows = []
    for file, averaged, words in _REAL:
        found = estimate_camera(tifffile.imread(data / file))
        if averaged:
            clean = estimate_camera(tifffile.imread(data / averaged))
            ratio = (clean.peak_electrons or 0.0) / (found.peak_electrons or np.inf)
            words = f"mean of 400 exposures has {ratio:.0f} times the peak electrons (400 expected)"
        rows.append([
            file, *(_number(v) for v in (
                found.gain_electrons_per_adu, found.offset_adu, found.offset_interval_adu[0],
                found.read_noise_electrons, found.peak_electrons, found.noise_correlation,
            )), "yes" if found.is_reliable else "no", words,
        ])  # fmt: skip
    header = [
        "file",
        "K",
        "offset",
        "at least",
        "read noise (e-)",
        "peak (e-)",
        "correlation",
        "reliable",
        "remark",
    ]
    return (
        "## Real images\n\n**Not verifiable**: nobody recorded these cameras. The means of 400 exposures of W2S "
        "(8 bits, contrast stretched per image, so K is in that file's grey levels) must hold 400 times the "
        "electrons of one. *At least*: lower end of the offset's interval.\n\n" + _table(header, rows)
    )


def _speed(objects: Sequence[object]) -> str:
    clean: object = objects[0]
    image = np.random.default_rng(0).poisson(clean.blurred(1.5) * 200 + 100).astype(np.uint16)  # type: ignore[attr-defined]
    rows = []
    calls: tuple[tuple[str, Callable[[], object]], ...] = (
        ("estimate_camera", lambda: estimate_camera(image)),
        ("find_flaws", lambda: find_flaws(image)),
    )
    for name, call in calls:
        spent = []
        for _ in range(9):
            start = time.perf_counter()
            call()
            spent.append(time.perf_counter() - start)
        rows.append([name, f"{1e3 * np.median(spent):.0f} ms"])
    return "## Time for 512 x 512 pixels\n\nMedian of nine, on a shared machine with two cores.\n\n" + _table(
        ["call", "time"], rows
    )


def _spread(values: Sequence[float | None]) -> list[str]:
    sizes = [abs(value) for value in values if value is not None]
    return [f"{100 * f(sizes):.1f} %" if sizes else "" for f in (np.median, lambda v: np.percentile(v, 90))]


def _percent(values: Sequence[bool]) -> str:
    return f"{100 * np.mean(values):.0f} %" if values else ""


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(line) + " |" for line in (header, ["---"] * len(header), *rows)]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
