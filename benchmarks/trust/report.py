"""The tables and pictures of the trust maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from benchmarks.trust import coverage
from benchmarks.trust.roc import COMBINED, NOTHING, PLAIN, Row

_SCORES = ("data", "signed", "error", "null", "views", "uncertainty", COMBINED, PLAIN)
_TITLES = {
    "data": "mean square", "signed": "signed mean", "error": "fitted error", "null": "null share",
    "views": "turned copies", "uncertainty": "Laplace", COMBINED: "combined", PLAIN: "plain minimum",
}  # fmt: skip


def write(rows: Sequence[Row], folder: Path) -> None:
    """Write ``table.md`` and ``coverage.svg`` beside the stored numbers."""
    text = ["# ROC-AUC of the trust maps", ""]
    groups = [
        (task, is_real) for task in dict.fromkeys(row.task for row in rows) for is_real in (False, True)
    ]
    for task, is_real in groups:
        chosen = [row for row in rows if row.task == task and (row.level == "real") == is_real]
        if chosen:
            text += _table(task, is_real, chosen)
    (folder / "table.md").write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")
    if (folder / "coverage.csv").is_file():
        coverage.draw(folder / "coverage.csv", folder / "coverage.svg")


def _table(task: str, is_real: bool, rows: Sequence[Row]) -> list[str]:
    images = len({row.image for row in rows})
    lines = [
        f"## {task}, {'real raw images' if is_real else 'degraded validation images'} ({images})",
        "",
        "Mean over images; in brackets, of the combined map, the share of wrong pixels that it marks.",
        "",
        "| made up | n | " + " | ".join(_TITLES[name] for name in _SCORES) + " |",
        "|---|---|" + "---|" * len(_SCORES),
    ]
    for kind in dict.fromkeys(row.kind for row in rows):
        if kind == NOTHING:
            continue
        same = [row for row in rows if row.kind == kind]
        lines.append(f"| {kind} | {len({row.image for row in same})} | {_cells(same)} |")
    quiet = [row.false for row in rows if row.kind == NOTHING and row.score == COMBINED]
    plain = [row.false for row in rows if row.kind == NOTHING and row.score == PLAIN]
    if quiet and plain:
        lines += [
            "",
            f"Marked though nothing was planted: combined map median {100 * np.median(quiet):.1f} %, mean "
            f"{100 * np.mean(quiet):.1f} %, 95th percentile {100 * np.percentile(quiet, 95):.1f} %; plain minimum "
            "below 0.05: "
            f"median {100 * np.median(plain):.1f} %, 95th percentile {100 * np.percentile(plain, 95):.1f} %.",
        ]
    return [*lines, ""]


def _cells(rows: Sequence[Row]) -> str:
    cells = []
    for name in _SCORES:
        values = [row.auc for row in rows if row.score == name and np.isfinite(row.auc)]
        cell = f"{np.mean(values):.2f}" if values else "-"
        if name == COMBINED and values:
            cell += f" ({100 * np.nanmean([row.found for row in rows if row.score == name]):.0f} %)"
        cells.append(cell)
    return " | ".join(cells)
