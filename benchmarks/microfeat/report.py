"""Print the tables of results.md from scores.json.

python -m benchmarks.microfeat.report
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from benchmarks.microfeat.distances import HARMFUL, HARMLESS
from benchmarks.microfeat.score import HERE, LAYERS, RANDOM_SEEDS

Row = Mapping[str, Any]


def main() -> None:
    scores = json.loads((HERE / "scores.json").read_text(encoding="utf-8"))
    print(
        "\n\n".join([own_tasks(scores["tasks"]), orderings(scores["distances"]), shifts(scores["distances"])])
    )


def own_tasks(tasks: Row) -> str:
    """Accuracy and errors of the network's own tasks."""
    random = mean_of([tasks[f"random {seed}, linear"] for seed in RANDOM_SEEDS])
    names = ("chance", "power spectrum, linear", "MicroFeat, linear", "MicroFeat, its heads")
    rows = [(name, tasks[name]) for name in names]
    rows.insert(2, (f"random weights, linear (mean of {len(RANDOM_SEEDS)})", random))
    lines = [
        "| | right class | blur, factor | photons, factor | blur, r | photons, r |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in rows:
        r = [f"{row[k]:.2f}" if k in row else "-" for k in ("blur_correlation", "photon_correlation")]
        errors = f"{row['blur_error']:.2f} | {row['photon_error']:.2f}"
        lines.append(f"| {name} | {row['accuracy']:.1%} | {errors} | {r[0]} | {r[1]} |")
    return "\n".join(lines)


def orderings(distances: Row) -> str:
    """Rank correlations and shares of pairs in the right order."""
    columns = ("blur", "disc", "noise", "dominated", "agrees_ssim", "agrees_l1", "blur_to_noise")
    lines = [
        "| distance | blur, rho | disc, rho | noise, rho | both worse | as SSIM | as l1 | blur : noise |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in distance_rows(distances):
        lines.append(f"| {name} | " + " | ".join(f"{row[c]:.3f}" for c in columns) + " |")
    return "\n".join(lines)


def shifts(distances: Row) -> str:
    """Share of harmless changes that are nearer than a harmful one, for each harmless change."""
    lines = ["| distance | " + " | ".join(HARMLESS) + " | all |", "|---" * (len(HARMLESS) + 2) + "|"]
    for name, row in distance_rows(distances):
        shares = [np.mean([row["harmless"][f"{good} < {bad}"] for bad in HARMFUL]) for good in HARMLESS]
        lines.append(f"| {name} | " + " | ".join(f"{s:.1%}" for s in (*shares, np.mean(shares))) + " |")
    return "\n".join(lines)


def distance_rows(distances: Row) -> list[tuple[str, Row]]:
    """l1, SSIM, MicroFeat and the mean of the random networks, layer by layer."""
    rows = [("l1", distances["l1"]), ("1 - SSIM", distances["1 - SSIM"])]
    for layer, _, _ in LAYERS:
        rows.append((f"MicroFeat, {layer}", distances[f"MicroFeat, {layer}"]))
        random = [distances[f"random {seed}, {layer}"] for seed in RANDOM_SEEDS]
        rows.append((f"random weights, {layer}", mean_of(random)))
    return rows


def mean_of(rows: Sequence[Row]) -> dict[str, Any]:
    """The mean of each number, tables within included."""
    return {
        key: mean_of([row[key] for row in rows])
        if isinstance(value, dict)
        else float(np.mean([row[key] for row in rows]))
        for key, value in rows[0].items()
    }


if __name__ == "__main__":
    main()
