"""Markdown tables of what was measured."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence

from benchmarks.quality.scores import Mean, Score, best_of, mean_scores, wins

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
kernel. *Combinations* denoise before or after deconvolution with the true kernel: what somebody could reach who
knows the blur. The best baseline and combination are those with the best mean on the scored images themselves;
in the row *all* each level has its own. *Wins*: images on which the model scores above them.
"""


def markdown(scores: Sequence[Score], command: str) -> str:
    """The whole report: per task tables of models for PSNR and SSIM, then one of all methods."""
    parts = [_INTRODUCTION.format(command=command)]
    for task in dict.fromkeys(score.task for score in scores):
        own = [score for score in scores if score.task == task]
        parts.append(f"## {task}\n")
        parts += [f"### {task}: {metric.upper()}\n\n{summary(own, metric)}\n" for metric in ("psnr", "ssim")]
        parts.append(f"### {task}: all methods\n\n{details(own)}\n")
    return "\n".join(parts)


def summary(scores: Sequence[Score], metric: str) -> str:
    """One row for each set of images, level and model, beside the input and the best classical methods."""
    header = ["images", "level", "n", "method", "score", "input"]
    header += ["best baseline", "gain", "wins", "best combination", "gain", "wins"]
    rows: list[Sequence[str]] = []
    for kind, level, own in _blocks(scores, overall=True):
        name = metric if kind == "val" else metric + "_affine"
        means = mean_scores(own)
        given = next(mean for mean in means if mean.role == "input")
        for model in [mean for mean in means if mean.role == "model"] or [None]:
            rivals = [_rival(best_of(role, own, name), model, name) for role in ("baseline", "combination")]
            title = f"**{model.method}**" if model else "(no model yet)"
            score = _plus_minus(model, name) if model else ""
            start = [kind, level, str(given.count), title, score, f"{given.mean[name]:.{_digits(name)}f}"]
            rows.append(start + rivals[0] + rivals[1])
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


def _rival(best: Mean | None, model: Mean | None, metric: str) -> list[str]:
    if best is None:
        return ["", "", ""]
    digits = _digits(metric)
    score = f"{best.mean[metric]:.{digits}f} {best.method}"
    if model is None:
        return [score, "", ""]
    gain = model.mean[metric] - best.mean[metric]
    return [score, f"{gain:+.{digits}f}", f"{wins(model, best, metric)}/{model.count}"]


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
