"""Markdown tables of what was measured."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence

from benchmarks.quality.scores import Mean, Score, best_baseline, mean_scores, wins

_PLAIN = ("psnr", "ssim")
_AFFINE = ("psnr_affine", "ssim_affine")

_INTRODUCTION = """# Restoration quality

Made by

```bash
{command}
```

PSNR (dB) and SSIM as mean ± standard deviation over images, data range = maximum minus minimum of the truth.
*val*: the validation files of the data folder, degraded with the fixed seeds of
`benchmarks/recipes/validation.toml`; no model trained on them. *eval-only* and *train*: real pairs, in scores
after the best gain and offset (affine), as input and target are not on one scale; models may have trained on
those marked *train*. Every baseline is tuned for each task and level on training images (real pairs: on other
pairs of the set, or on the scored ones where a set is too small), and Richardson-Lucy is given the true blur
kernel. The *best baseline* is the best on the scored images themselves, for each metric on its own. *Wins*:
images on which the model scores above that baseline.
"""


def markdown(scores: Sequence[Score], command: str) -> str:
    """The whole report: per task a table of models, then one of all baselines with their settings."""
    parts = [_INTRODUCTION.format(command=command)]
    for task in dict.fromkeys(score.task for score in scores):
        own = [score for score in scores if score.task == task]
        parts.append(f"## {task}\n\n{summary(own)}\n")
        parts.append(f"### {task}: all methods\n\n{details(own)}\n")
    return "\n".join(parts)


def summary(scores: Sequence[Score]) -> str:
    """One row for each set of images, level and model, beside the input and the best baselines."""
    header = (
        "images", "level", "n", "method", "PSNR", "input", "best baseline", "gain", "wins",
        "SSIM", "input", "best baseline", "gain", "wins",
    )  # fmt: skip
    rows: list[Sequence[str]] = []
    for kind, level, own in _blocks(scores, overall=True):
        names = _PLAIN if kind == "val" else _AFFINE
        means = mean_scores(own)
        models = [mean for mean in means if mean.role == "model"]
        given = next(mean for mean in means if mean.role == "input")
        if not models:
            best = [_baseline_cells(own, given, metric) for metric in names]
            rows.append(
                [kind, level, str(given.count), "(no model yet)", "", *best[0], "", "", "", *best[1], "", ""]
            )
        for model in models:
            cells = [_model_cells(own, model, given, metric) for metric in names]
            rows.append([kind, level, str(model.count), f"**{model.method}**", *cells[0], *cells[1]])
    return table(header, rows)


def details(scores: Sequence[Score]) -> str:
    """One row for each set of images, level and method."""
    header = ("images", "level", "method", "settings", "PSNR", "SSIM", "PSNR affine", "SSIM affine", "PCC")
    rows = []
    for kind, level, own in _blocks(scores, overall=False):
        for mean in sorted(
            mean_scores(own), key=lambda mean: -mean.mean["psnr" if kind == "val" else "psnr_affine"]
        ):
            setting = next(score.settings for score in own if score.method == mean.method)
            name = f"**{mean.method}**" if mean.role == "model" else mean.method
            values = [_plus_minus(mean, metric) for metric in (*_PLAIN, *_AFFINE, "pcc")]
            if kind != "val":
                values[:2] = ["", ""]
            rows.append([kind, level, name, _readable(setting), *values])
    return table(header, rows)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _blocks(scores: Sequence[Score], *, overall: bool) -> list[tuple[str, str, list[Score]]]:
    blocks = []
    for kind in dict.fromkeys(score.kind for score in scores):
        own = [score for score in scores if score.kind == kind]
        levels = list(dict.fromkeys(score.level for score in own))
        blocks += [(kind, level, [score for score in own if score.level == level]) for level in levels]
        if overall and len(levels) > 1:
            blocks.append((kind, "all", own))
    return blocks


def _model_cells(scores: Sequence[Score], model: Mean, given: Mean, metric: str) -> list[str]:
    best = best_baseline(scores, metric)
    gain = model.mean[metric] - best.mean[metric]
    digits = _digits(metric)
    return [
        _plus_minus(model, metric),
        *_baseline_cells(scores, given, metric),
        f"{gain:+.{digits}f}",
        f"{wins(model, best, metric)}/{model.count}",
    ]


def _baseline_cells(scores: Sequence[Score], given: Mean, metric: str) -> list[str]:
    best = best_baseline(scores, metric)
    digits = _digits(metric)
    return [f"{given.mean[metric]:.{digits}f}", f"{best.mean[metric]:.{digits}f} ({best.method})"]


def _plus_minus(mean: Mean, metric: str) -> str:
    digits = _digits(metric)
    if math.isnan(mean.mean[metric]):
        return "-"
    return f"{mean.mean[metric]:.{digits}f} ± {mean.spread[metric]:.{digits}f}"


def _digits(metric: str) -> int:
    return 2 if metric.startswith("psnr") else 3


def _readable(settings: str) -> str:
    values = json.loads(settings) if settings else {}
    return ", ".join(f"{name} {value}" for name, value in values.items())
