"""How well a microscope is matched from its images: ``python -m benchmarks.estimates.match``."""

from __future__ import annotations

import argparse
import csv
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.estimates.objects import CleanObject, clean_objects

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.degradations.presets import Preset
from napari_restoration.tasks.degrade import DegradeSettings, degrade
from napari_restoration.tasks.likeness import compare_likeness
from napari_restoration.tasks.match import Match, MatchSettings, iter_match
from napari_restoration.tasks.presets import find_preset, with_steps

_HERE = Path(__file__).resolve().parent
_PIXEL_UM = 0.1
_BASE = "widefield-20x"
_OFFSET = 100.0
_PHOTONS = (30.0, 100.0, 300.0, 1000.0)
_BLURS: tuple[dict[str, Any], ...] = (
    {"kind": "gaussian_blur", "sigma_px": 1.0},
    {"kind": "gaussian_blur", "sigma_px": 2.5},
    {"kind": "optical_blur", "defocus_um": 1.0},
    {"kind": "optical_blur", "defocus_um": 2.5},
    {"kind": "optical_blur", "defocus_um": 5.0},
    {"kind": "motion_blur", "path": "linear", "length_px": 8.0, "vibration_px": 0.0},
)
_SAME, _OTHER, _NONE = "same field", "another field", "none"

_INTRODUCTION = """# Match my microscope

Made by

```bash
python -m benchmarks.estimates.match
```

{count} objects (phantoms, and `train` and `val` images smoothed and binned until their own noise is gone) are cut into
two halves (512 x 256 pixels, a few smaller) of 0.1 um a pixel. The left one is degraded: 30 to 1000 photons, a Gaussian
blur of 1 or 2.5 px, or an objective (NA {na:g}, {wavelength:g} um) 1, 2.5 or 5 um out of focus, or a motion of 8 px in
any direction with a blur of 0.7 px; a background of 2 % of the peak; a camera with 0.25 to 2 electrons a grey level, 1
to 4 electrons of read noise, an offset of 100 and 16 bits. The preset `{base}` is then matched to it three times, the
offset given: with the sharp left half as good image, with the right half, and with none. All matches are in
`match.csv`.

Errors are absolute values, median and 90th percentile over all trials, reliable or not; *rel.*: share that is called
reliable. *inside*: share of the reliable defoci whose true value lies in the stated interval, whose margins were chosen
on these trials. *found*: share of the motions that are called reliable; only those have errors. *peak*: photons that
are filled in, against the true ones. *distance*: of the matched synthetic image to the real one (0: equal histograms
and spectra); *unmatched*: of what the preset makes as it is shipped, at the true photons and camera; *yardstick*:
of one half of the real image to the other.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write ``match.csv`` and ``match.md``."""
    folder = os.environ.get("NAPARI_RESTORATION_DATA") or _HERE.parents[1].parent / "shared" / "data"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimates.match", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(folder), help="folder with index.csv")
    parser.add_argument("--out", type=Path, default=_HERE, help="where results go")
    parser.add_argument("--objects", type=int, default=16, help="how many objects")
    options = parser.parse_args(arguments)
    objects = clean_objects(options.data)[: options.objects]
    rows = [row for number, one in enumerate(objects) for row in _trials(one, number)]
    with open(options.out / "match.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _tidy(value) for name, value in row.items()} for row in rows)
    objective = _objective()
    text = _INTRODUCTION.format(
        count=len(objects), na=objective["na"], wavelength=objective["wavelength_um"], base=_BASE
    )
    (options.out / "match.md").write_text(text + _tables(rows), encoding="utf-8")
    return 0


def _objective() -> dict[str, Any]:
    steps = find_preset(_BASE).to_dict()["steps"]
    return next(entry for entry in steps if entry["kind"] == "optical_blur")


def _trials(one: CleanObject, number: int) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(number)
    middle = one.plane.shape[1] // 2
    left, right = (
        CalibratedImage(
            np.asarray(half, np.float32), "YX", name=name, pixel_size_um={"Y": _PIXEL_UM, "X": _PIXEL_UM}
        )
        for half, name in ((one.plane[:, :middle], "left"), (one.plane[:, middle:], "right"))
    )
    for index, blur in enumerate(_BLURS):
        truth = {
            "photons": _PHOTONS[(number + index) % len(_PHOTONS)], "gain": float(2 ** rng.uniform(-2, 1)),
            "read_noise": float(rng.uniform(1, 4)), "angle_rad": float(rng.uniform(0, math.pi)),
        }  # fmt: skip
        preset = _truth(blur, truth)
        bad = degrade(left, preset, DegradeSettings(seed=100 * number + index)).image
        bad = bad.replace(name="bad", metadata={})
        for good, kind in ((left, _SAME), (right, _OTHER), (None, _NONE)):
            row = {"object": one.name, "own_blur_px": one.blur_px, "good": kind, "blur": _name(blur), **truth}
            yield row | _measure(bad, good, preset, blur, truth, one.blur_px)


def _truth(blur: dict[str, Any], truth: dict[str, float]) -> Preset:
    base = find_preset(_BASE)
    filled = dict(blur)
    extra = []
    if blur["kind"] == "optical_blur":
        filled = {**_objective(), **blur, "ranges": {}, "enabled": True}
    elif blur["kind"] == "motion_blur":
        filled["angle_rad"] = truth["angle_rad"]
        extra = [{"kind": "gaussian_blur", "sigma_px": 0.7}]
    steps = [
        {"kind": "to_photons", "peak_photons": truth["photons"], "low_value": 0.0, "high_value": 1.0},
        {"kind": "exposure", "background_photons": 0.02 * truth["photons"]},
        *extra,
        filled,
        {"kind": "camera", "gain_electrons_per_adu": truth["gain"], "read_noise_electrons": truth["read_noise"],
         "offset_adu": _OFFSET, "bits": 16},
    ]  # fmt: skip
    return with_steps(base, steps, "light_path")


def _measure(
    bad: CalibratedImage, good: CalibratedImage | None, preset: Preset, blur: dict[str, Any],
    truth: dict[str, float], own_px: float,
) -> dict[str, Any]:  # fmt: skip
    names = ("gain", "peak", "offset", "sigma", "defocus", "length", "angle")
    empty: dict[str, Any] = {f"{name}_error": "" for name in names}
    empty |= {f"{name}_reliable": "" for name in ("gain", "blur", "defocus", "motion")}
    empty["defocus_inside"] = ""
    empty |= {"distance": "", "unmatched": "", "yardstick": "", "refused": ""}
    try:
        found: Match = run(iter_match(bad, good, find_preset(_BASE), MatchSettings(offset_adu=_OFFSET)))
    except InputError as error:
        return {**empty, "refused": str(error)}
    table = {one.name: one for one in found.estimates}
    row = dict(empty)
    gain = table["gain"].value
    if gain is not None:
        row["gain_error"] = abs(gain / truth["gain"] - 1)
        if good is not None:
            peak = next(one.step for one in found.preset.steps if one.step.kind == "to_photons").peak_photons
            # Filled in for the range from dark to bright of this good image; the truth is for 0 to 1.
            low, high = np.percentile(good.data, (0.5, 99.9))
            row["peak_error"] = abs(peak / (truth["photons"] * (high - low)) - 1)
    if blur["kind"] == "gaussian_blur":
        true_px = math.hypot(blur["sigma_px"], own_px if good is None else 0.0)
        row["sigma_error"] = abs((table["blur"].value or 0.0) - true_px)
    elif blur["kind"] == "optical_blur" and "defocus" in table:
        defocus = table["defocus"]
        row["defocus_error"] = abs(defocus.value - blur["defocus_um"])
        row["defocus_reliable"] = defocus.is_reliable
        if defocus.is_reliable:
            row["defocus_inside"] = defocus.low <= blur["defocus_um"] <= defocus.high
    elif blur["kind"] == "motion_blur" and table["motion_length"].is_reliable:
        turn = math.radians(table["motion_direction"].value) - truth["angle_rad"]
        row["length_error"] = abs(table["motion_length"].value - blur["length_px"])
        row["angle_error"] = math.degrees(abs((turn + math.pi / 2) % math.pi - math.pi / 2))
    row |= {f"{name}_reliable": table[key].is_reliable for name, key in
            (("gain", "gain"), ("blur", "blur"), ("motion", "motion_length"))}  # fmt: skip
    row |= {"distance": found.comparison.distance, "yardstick": found.comparison.yardstick}
    if good is not None:
        try:
            row["unmatched"] = compare_likeness(found.comparison.real, _unmatched(good, truth)).distance
        except InputError:
            return row  # the preset's own blur reaches farther than a small field
    return row


def _unmatched(good: CalibratedImage, truth: dict[str, float]) -> Any:
    """What the preset makes with its own blur, but the true light and camera."""
    preset = find_preset(_BASE).with_settings({
        "to_photons.peak_photons": truth["photons"], "to_photons.low_value": 0.0, "to_photons.high_value": 1.0,
        "exposure.background_photons": 0.02 * truth["photons"], "camera.gain_electrons_per_adu": truth["gain"],
        "camera.read_noise_electrons": truth["read_noise"], "camera.offset_adu": _OFFSET,
    })  # fmt: skip
    return degrade(good, preset, DegradeSettings(seed=9)).image.data


def _tables(rows: list[dict[str, Any]]) -> str:
    parts = ["\n## Errors by the good image\n\n" + _table(rows, "good", (_SAME, _OTHER, _NONE))]
    parts.append(
        "## Errors by photons, with a good image\n\n" + _table(_with_good(rows), "photons", _PHOTONS)
    )
    names = [_name(blur) for blur in _BLURS]
    parts.append(
        "## Errors by blur, good image of the same field\n\n"
        + _table(_of(rows, "good", _SAME), "blur", names)
    )
    parts.append(
        "## Errors by blur, good image of another field\n\n"
        + _table(_of(rows, "good", _OTHER), "blur", names)
    )
    parts.append("## Errors by blur, no good image\n\n" + _table(_of(rows, "good", _NONE), "blur", names))
    return "\n".join(parts)


def _table(rows: list[dict[str, Any]], by: str, values: Sequence[Any]) -> str:
    head = [by, "n", "gain %", "rel.", "peak %", "blur px", "rel.", "defocus um", "rel.", "inside",
            "motion px", "direction deg", "found",
            "distance", "unmatched", "yardstick"]  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for value in values:
        some = _of(rows, by, value)
        moving = [row for row in some if row["blur"].startswith("motion")]
        cells = [
            f"{value:g}" if isinstance(value, float) else value, str(len(some)),
            _two(some, "gain_error", 100, ".1f"), _share(some, "gain_reliable"), _two(some, "peak_error", 100, ".0f"),
            _two(some, "sigma_error", 1, ".2f"), _share(some, "blur_reliable"), _two(some, "defocus_error", 1, ".2f"),
            _share(some, "defocus_reliable"), _share(some, "defocus_inside"),
            _two(some, "length_error", 1, ".1f"), _two(some, "angle_error", 1, ".0f"),
            _share(moving, "motion_reliable"),
            _two(some, "distance", 1, ".2f"), _two(some, "unmatched", 1, ".2f"), _two(some, "yardstick", 1, ".2f"),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _two(rows: list[dict[str, Any]], name: str, factor: float, form: str) -> str:
    values = [factor * row[name] for row in rows if row[name] != ""]
    if not values:
        return "–"
    write: Callable[[float], str] = lambda value: format(value, form)  # noqa: E731
    return f"{write(float(np.median(values)))}, {write(float(np.percentile(values, 90)))}"


def _share(rows: list[dict[str, Any]], name: str) -> str:
    values = [bool(row[name]) for row in rows if row[name] != ""]
    return f"{100 * np.mean(values):.0f} %" if values else "–"


def _of(rows: list[dict[str, Any]], name: str, value: Any) -> list[dict[str, Any]]:
    return [row for row in rows if row[name] == value]


def _with_good(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["good"] != _NONE]


def _name(blur: dict[str, Any]) -> str:
    if blur["kind"] == "gaussian_blur":
        return f"Gaussian {blur['sigma_px']:g} px"
    if blur["kind"] == "optical_blur":
        return f"defocus {blur['defocus_um']:g} um"
    return f"motion {blur['length_px']:g} px"


def _tidy(value: Any) -> Any:
    return f"{value:.4g}" if isinstance(value, float) else value


if __name__ == "__main__":
    raise SystemExit(main())
