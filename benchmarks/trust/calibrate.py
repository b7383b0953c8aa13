"""Measure how suspicious good restorations look, and how well the stated uncertainty fits the errors.

Scores come from the images that baselines are tuned on; the Laplace factor from validation images, which the network
has not seen, each covered with the factor of all the others.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from benchmarks.quality.cases import Example, degraded
from benchmarks.trust.judged import judge_example

from napari_restoration.core.evidence import calibration_factor, combine, coverage_curve
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.models.any_model import load_model
from napari_restoration.tasks import trust_calibration
from napari_restoration.tasks.block_input import statistics_key
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.settings import RestoreSettings
from napari_restoration.tasks.trust_combined import COMBINED, combined_score, qualities_of
from napari_restoration.tasks.trust_members import iter_network

HERE = Path(__file__).resolve().parent
STORED = HERE.parents[1] / "src" / "napari_restoration" / "models" / trust_calibration.FILE_NAME
MODELS = {
    "denoise": "denoise-care",
    "refocus": "refocus-c2f",
    "superres": "superres-x2",
    "deblur": "deblur-burst",
}
# The null share of a dim image is high everywhere, which says that it is noisy, not that it was made up: the limits
# are those of the images with the highest shares.
_OVER_IMAGES = {"null": 0.9}
# At most so many pixels of a plane.
_PIXELS = 20_000

Columns = dict[str, list[npt.NDArray[np.float32]]]


def one_level_each(examples: Sequence[Example]) -> list[Example]:
    """Of each image one of its levels, in turn."""
    files = list(dict.fromkeys(example.name for example in examples))
    by_file = [[example for example in examples if example.name == file] for file in files]
    return [same[number % len(same)] for number, same in enumerate(by_file)]


def calibrate_task(task: str, data: Path) -> dict[str, list[float]]:
    """Quantiles of every score over good restorations of the tuning images."""
    model = load_model(MODELS[task], "cpu")
    examples = degraded(task, data, tuning=True)
    # A burst takes half a minute.
    examples = one_level_each(examples) if task == "deblur" else examples
    columns: Columns = {}
    kept = []
    for number, example in enumerate(examples):
        evidence = judge_example(example, model).evidence
        kept.append(evidence)
        rng = np.random.default_rng(number)
        for name, plane in evidence.scores.items():
            columns.setdefault(name, []).append(_drawn(plane, rng))
        print(f"{task} {number + 1}/{len(examples)}", file=sys.stderr)
    limits = {name: _quantiles(drawn, _OVER_IMAGES.get(name, 0.5)) for name, drawn in columns.items()}
    first = trust_calibration.Calibration(
        source=MODELS[task],
        is_own=True,
        scores={n: tuple(v) for n, v in limits.items()},
        chance={},
        laplace={},
    )
    rng = np.random.default_rng(0)
    least = [_drawn(combined_score(combine(qualities_of(one, first))), rng) for one in kept]
    return {**limits, COMBINED: _quantiles(least)}


def laplace(data: Path) -> dict[str, Any]:
    """Calibrate the Laplace scale of the denoising network; also writes ``coverage.csv``."""
    model = load_model(MODELS["denoise"], "cpu")
    errors: list[npt.NDArray[np.float64]] = []
    scales: list[npt.NDArray[np.float64]] = []
    levels: list[str] = []
    for example in degraded("denoise", data):
        image = CalibratedImage(example.input, "YX", name=example.name)
        restorer = run(prepare(image, model, RestoreSettings(device="cpu", tile=256))).restorer
        block = restorer.layout.blocks[0]
        key = statistics_key(block.sources[0])
        percentiles = restorer.percentiles[key]
        frames, _ = restorer.input.read(block, percentiles)
        values = run(iter_network(restorer, frames, key))
        truth = percentiles[0].normalize(example.target)
        errors.append((values[0] - truth).astype(np.float64))
        scales.append(np.maximum(values[1], 1e-6).astype(np.float64))
        levels.append(example.level)
    names = [example.name for example in degraded("denoise", data)]
    ratio = np.array([calibration_factor(e, b) for e, b in zip(errors, scales, strict=True)])
    factor = float(ratio.mean())
    # Each image with the factor of all images but the three versions of itself.
    held_out = [float(ratio[[other != name for other in names]].mean()) for name in names]
    rows = []
    for level in (*dict.fromkeys(levels), "all"):
        chosen = [i for i, one in enumerate(levels) if level in (one, "all")]
        error = np.concatenate([errors[i].ravel() for i in chosen])
        before = coverage_curve(error, np.concatenate([scales[i].ravel() for i in chosen]))
        after = coverage_curve(error, np.concatenate([scales[i].ravel() * held_out[i] for i in chosen]))
        for p, b, a in zip(before.nominal, before.covered, after.covered, strict=True):
            rows.append([level, len(chosen), f"{p:.2f}", f"{b:.4f}", f"{a:.4f}"])
    with (HERE / "coverage.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["level", "images", "promised", "covered_before", "covered_after"])
        writer.writerows(rows)
    kept = [[float(row[2]), float(row[4])] for row in rows if row[0] == "all"]
    return {
        "factor": round(factor, 4),
        "factor_sd_between_images": round(float(ratio.std(ddof=1)), 4),
        "images": len(set(names)),
        "coverage": kept,
        "command": "python -m benchmarks.trust --calibrate",
    }


def calibrate(data: Path, tasks: Sequence[str]) -> None:
    """Measure and store everything; the tasks that are not named stay as they are."""
    known: dict[str, Any] = (
        json.loads(STORED.read_text(encoding="utf-8"))["models"] if STORED.is_file() else {}
    )
    for task in tasks:
        entry: dict[str, Any] = {"chance": known.get(MODELS[task], {}).get("chance", {})}
        if task == "denoise":
            entry["laplace"] = laplace(data)
            # The factor is part of the score that is calibrated next.
            _store({**known, MODELS[task]: {**entry, "scores": {}}})
        entry["scores"] = calibrate_task(task, data)
        known[MODELS[task]] = entry
        _store(known)


def store_chance(found: Mapping[str, Mapping[str, float]]) -> None:
    """Add to each task how much of good validation images is marked."""
    known = json.loads(STORED.read_text(encoding="utf-8"))["models"]
    for task, chance in found.items():
        known[MODELS[task]]["chance"] = dict(chance)
    _store(known)


def _store(models: Mapping[str, Any]) -> None:
    content = {"version": 1, "levels": list(trust_calibration.LEVELS), "models": models}
    STORED.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    trust_calibration._stored.cache_clear()


def _drawn(plane: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    finite = plane[np.isfinite(plane)]
    return finite if finite.size <= _PIXELS else rng.choice(finite, _PIXELS, replace=False)


def _quantiles(drawn: Sequence[npt.NDArray[np.float32]], over_images: float = 0.5) -> list[float]:
    """Of each image the scores that a share of its pixels exceeds, and of these the median over images.

    Pooled pixels would let the one or two images set the limits in which the network does contradict its data.
    """
    levels = 1 - np.asarray(trust_calibration.LEVELS)
    each = np.stack([np.quantile(plane, levels) for plane in drawn])
    return [float(f"{value:.6g}") for value in np.quantile(each, over_images, axis=0)]
