"""``results.md`` from the two tables, with what was seen in the pictures from ``seen.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from benchmarks.papers.common import Experiment
from benchmarks.papers.rows import ImageRow, RunRow, read_rows
from benchmarks.papers.table import experiments
from benchmarks.quality.report import table

_HEAD = """# The papers' rankings on the nearest data there is

Made by

```bash
python -m benchmarks.papers --minutes 5            # --paper, --variant, --scale paper, --steps, --device cuda:0
python -m benchmarks.papers.pictures
```

**Budgets this small rank little.** At the scale *small* a network is narrow and learns for some hundred steps on
small patches, where the papers took 10 000 to 675 000; differences below the spread between seeds, which is not known
from one seed, mean nothing. All variants of an experiment have the same steps, patches, images and seed; losses, rates,
schedules and upsampling are those of the paper's recipe, or of ours in the rows *default*. Images of one field of view
are never on both sides.

PSNR (dB), SSIM and Pearson correlation: mean ± standard deviation over the n images; the data range is maximum minus
minimum of the truth. *real* and *W2S* images have no common scale with their truth: their PSNR and SSIM are taken
after the best gain and offset (affine). *gain*: mean ± standard deviation of the PSNR above that of the input of the
same image. *grid*: how far peaks at Nyquist / 2^k stand out of the spectrum of the error, in dB (here 0.5 to
1.7 for white noise, 0.9 to 2.3 for the inputs themselves). *seconds* are by the
clock, at the lowest priority of a busy machine, and say little about speed.
*invented*: structure of 5 to 30 pixels that appears in an empty, noisy field, as a share of what the noise has there
(0: clean; 1: as the noise was; above: amplified). Features are those of MicroFeat, as no other network is at hand.
"""

_SCALED = ("real",)


def write_report(folder: Path) -> None:
    """Write ``results.md`` into the folder of the tables."""
    runs = read_rows(folder / "runs.csv", RunRow)
    images = read_rows(folder / "scores.csv", ImageRow)
    parts = [_HEAD]
    for experiment in experiments():
        parts.append(_section(experiment, runs, images, folder))
    seen = folder / "seen.md"
    if seen.exists():
        parts.append(seen.read_text(encoding="utf-8"))
    parts.append(_missing(runs))
    (folder / "results.md").write_text("\n".join(parts), encoding="utf-8")


def _section(experiment: Experiment, runs: Sequence[RunRow], images: Sequence[ImageRow], folder: Path) -> str:
    own = sorted(
        (run for run in runs if run.experiment == experiment.name),
        key=lambda run: (run.scale, run.steps, run.seed),
    )
    lines = [f"## {experiment.name}", "", f'After "{experiment.paper}". {experiment.question}', ""]
    if not own:
        return "\n".join([*lines, "Nothing has run yet.", ""])
    header = ("variant", "scale", "steps", "seed", "parameters", "seconds", "device", "grid (dB)", "invented")
    lines += [table(header, [
        (r.variant, r.scale, str(r.steps), str(r.seed), f"{r.parameters:,}", f"{r.seconds:.0f}", r.device,
         f"{r.grid_db:.1f}", f"{r.invented:.2f}") for r in own
    ]), ""]  # fmt: skip
    scores = [row for row in images if row.experiment == experiment.name]
    for kind in dict.fromkeys(row.kind for row in scores):
        lines += [_scores(kind, own, [row for row in scores if row.kind == kind]), ""]
    if (folder / "pictures" / f"{experiment.name}.png").exists():
        lines += [
            f"![{experiment.name}](pictures/{experiment.name}.png)",
            "",
            f"Images: {experiment.credits}.",
            "",
        ]
    return "\n".join(lines)


def _scores(kind: str, runs: Sequence[RunRow], rows: Sequence[ImageRow]) -> str:
    affine = any(row.level in _SCALED for row in rows)
    before = {(row.image, row.level): row for row in rows if row.variant == "input"}
    header = (kind, "steps", "seed", "n", "PSNR", "gain", "SSIM", "PCC")
    lines = [("input", "", "", str(len(before)), *_cells(list(before.values()), before, affine))]
    for run in runs:
        found = [row for row in rows if row.key == run.key]
        if found:
            name = run.variant if run.scale == "small" else f"{run.variant} ({run.scale})"
            lines.append(
                (name, str(run.steps), str(run.seed), str(len(found)), *_cells(found, before, affine))
            )
    return table(header, lines)


def _cells(
    rows: Sequence[ImageRow], before: dict[tuple[str, str], ImageRow], affine: bool
) -> tuple[str, ...]:
    suffix = "_affine" if affine else ""
    values = {
        name: np.array([getattr(row, name + ("" if name == "pcc" else suffix)) for row in rows])
        for name in ("psnr", "ssim", "pcc")
    }
    gains = values["psnr"] - [getattr(before[row.image, row.level], "psnr" + suffix) for row in rows]
    return (
        _pm(values["psnr"], 2), "" if not gains.any() else _pm(gains, 2), _pm(values["ssim"], 3),
        _pm(values["pcc"], 3),
    )  # fmt: skip


def _pm(values: np.ndarray, digits: int) -> str:
    spread = f" ± {values.std(ddof=1):.{digits}f}" if len(values) > 1 else ""
    return f"{values.mean():.{digits}f}{spread}"


def _missing(runs: Sequence[RunRow]) -> str:
    done = {(run.experiment, run.variant) for run in runs}
    lines = [
        f"- {one.name}: {', '.join(left)}"
        for one in experiments()
        if (left := [f"*{v.name}*" for v in one.variants if (one.name, v.name) not in done])
    ]
    every = "\n".join(lines) or "Nothing."
    words = f"## Not run\n\nAt no number of steps:\n\n{every}\n"
    if any(run.scale == "paper" or run.seed for run in runs):
        return words
    return words + "\nNothing has run at the scale *paper* or with a second seed.\n"
