"""Scores of single images: making them, keeping them in CSV, and adding them up."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.quality.cases import Example, Plane

from napari_restoration.core import metrics

METRICS = tuple(name + suffix for suffix in ("", "_affine") for name in metrics.METRICS)


@dataclass(frozen=True, kw_only=True)
class Score:
    """One method on one image. ``role`` is ``input``, ``baseline``, ``combination`` or ``model``."""

    task: str
    kind: str
    level: str
    file: str
    role: str
    method: str
    settings: str = ""
    values: Mapping[str, float]


def score_example(
    example: Example, restored: Plane, *, role: str, method: str, settings: Mapping[str, Any] | None = None
) -> Score:
    """Score a restored plane against the example's truth, with the truth's own range."""
    values = metrics.score(restored, example.target, data_range=example.data_range)
    return Score(
        task=example.task,
        kind=example.kind,
        level=example.level,
        file=example.name,
        role=role,
        method=method,
        settings=json.dumps(settings) if settings else "",
        values=values,
    )


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write one row for each score."""
    names = [field.name for field in fields(Score) if field.name != "values"]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*names, *METRICS], lineterminator="\n")
        writer.writeheader()
        for score in scores:
            row = asdict(score)
            values = row.pop("values")
            writer.writerow({**row, **{name: f"{values[name]:.5g}" for name in METRICS}})


def read_scores(path: Path) -> list[Score]:
    """Read what `write_scores` wrote."""
    with path.open(newline="", encoding="utf-8") as stream:
        return [
            Score(
                values={name: float(row.pop(name)) for name in METRICS},
                **row,
            )
            for row in csv.DictReader(stream)
        ]


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A method's mean and spread over images, and the images' own values for counting wins."""

    role: str
    method: str
    count: int
    mean: Mapping[str, float]
    spread: Mapping[str, float]
    values: Mapping[str, Mapping[str, float]]


def mean_scores(scores: Sequence[Score]) -> list[Mean]:
    """Mean and standard deviation over images for each method, in order of first appearance."""
    means = []
    for role, method in dict.fromkeys((score.role, score.method) for score in scores):
        own = [score for score in scores if (score.role, score.method) == (role, method)]
        columns = {name: _finite(score.values[name] for score in own) for name in METRICS}
        means.append(
            Mean(
                role=role,
                method=method,
                count=len(own),
                mean={name: float(np.mean(c)) if c else math.nan for name, c in columns.items()},
                spread={
                    name: float(np.std(c, ddof=1)) if len(c) > 1 else math.nan for name, c in columns.items()
                },
                values={f"{score.level} {score.file}": score.values for score in own},
            )
        )
    return means


def best_of(role: str, scores: Sequence[Score], metric: str) -> Mean | None:
    """The method of a role with the best mean; over several levels, each level has its own best one.

    The choice is made on the very images that are scored, which favours these methods.
    """
    chosen: list[Score] = []
    names = []
    for level in dict.fromkeys(score.level for score in scores):
        at_level = [score for score in scores if score.level == level and score.role == role]
        if not at_level:
            return None
        best = max(mean_scores(at_level), key=lambda mean: mean.mean[metric])
        names.append(best.method)
        chosen += [score for score in at_level if score.method == best.method]
    unique = list(dict.fromkeys(names))
    name = unique[0] if len(unique) == 1 else "best of each level"
    merged = [Score(**{**_fields(score), "method": name}) for score in chosen]
    return mean_scores(merged)[0]


def wins(model: Mean, baseline: Mean, metric: str) -> int:
    """Number of images on which the model scores above the baseline."""
    return sum(values[metric] > baseline.values[key][metric] for key, values in model.values.items())


def _fields(score: Score) -> dict[str, Any]:
    return {field.name: getattr(score, field.name) for field in fields(score)}


def _finite(values: Iterable[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]
