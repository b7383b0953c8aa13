"""``results.md`` from the two tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from benchmarks.fine_tuning.rows import ImageRow, RunRow, read_rows
from benchmarks.fine_tuning.sets import find_set, pair_sets

_HEAD = "| set | model | pairs | steps | seed | images | input | shipped | tuned | gain dB | worst, best | better |"
_HEAD += " gain SSIM | best at |"


def write_report(tables: Path) -> None:
    """Write ``results.md`` around what ``words.md`` says; a set counts as failed where the mean gain is not above 0."""
    runs = read_rows(tables / "runs.csv", RunRow)
    scores = read_rows(tables / "scores.csv", ImageRow)
    recipes = list(dict.fromkeys(row.recipe for row in runs))
    words = tables / "words.md"
    parts = [words.read_text(encoding="utf-8").rstrip()] if words.exists() else ["# Fine-tuning"]
    for recipe in sorted(recipes):
        parts.append(f"## Recipe: {recipe}\n\n{_table(recipe, runs, scores)}")
    parts.append("## What is new in the scored images\n\n" + _unseen())
    (tables / "results.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _table(recipe: str, runs: Sequence[RunRow], scores: Sequence[ImageRow]) -> str:
    order = [one.name for one in pair_sets()]
    own = sorted(
        (row for row in runs if row.recipe == recipe), key=lambda r: (order.index(r.set), r.steps, r.seed)
    )
    lines = [_HEAD, "|---|" + "---|" * (_HEAD.count("|") - 2)]
    for row in own:
        lines.append(_line(row, [image for image in scores if image.key == row.key]))
    failed = [
        f"{row.set} (seed {row.seed}, {row.steps} steps)"
        for row in own
        if np.mean([image.gain_db for image in scores if image.key == row.key]) <= 0
    ]
    lines += ["", f"Failed (mean gain not above 0): {', '.join(failed) or 'none'}."]
    return "\n".join(lines)


def _line(row: RunRow, images: Sequence[ImageRow]) -> str:
    gains = np.array([image.gain_db for image in images])
    ssim = np.array([image.gain_ssim for image in images])
    means = [np.mean([getattr(i, f"psnr_{name}") for i in images]) for name in ("input", "shipped", "tuned")]
    cells = [
        row.set, find_set(row.set).model, row.train_pairs, row.steps, row.seed, len(images),
        *(f"{mean:.2f}" for mean in means), f"**{gains.mean():+.2f}** ± {gains.std(ddof=1):.2f}",
        f"{gains.min():+.2f}, {gains.max():+.2f}", f"{(gains > 0).sum()}/{len(gains)}",
        f"{ssim.mean():+.4f} ± {ssim.std(ddof=1):.4f}", row.best_step,
    ]  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _unseen() -> str:
    return "\n".join(f"- {one.name}: {one.unseen}." for one in pair_sets())
