"""Train and score the variants of the papers' experiments: ``python -m benchmarks.papers --help``.

A run lives in a folder of its own and goes on where it was stopped; its rows are written when it is done. The same
command on a larger machine goes on with what is left. ``results.md`` is made anew after each run.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.papers.common import Experiment, Variant, examples_of, recipe_of
from benchmarks.papers.report import write_report
from benchmarks.papers.rows import ImageRow, RunRow, add_rows, read_rows
from benchmarks.papers.table import MODULES, experiments
from benchmarks.quality.cases import Example

_HERE = Path(__file__).resolve().parent


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    import torch

    torch.set_num_threads(options.threads)
    for experiment in experiments(options.paper):
        wanted = [one for one in experiment.variants if not options.variant or one.name in options.variant]
        if wanted:
            _score_inputs(experiment, options)
        for variant in wanted:
            _run(experiment, variant, options)
            write_report(options.tables)
    return 0


def _run(experiment: Experiment, variant: Variant, options: argparse.Namespace) -> None:
    budget = options.steps or experiment.steps
    key = (experiment.name, variant.name, options.scale, budget, options.seed)
    if any(row.key == key for row in read_rows(options.tables / "runs.csv", RunRow)):
        return
    from napari_restoration.models.feature_weights import FEATURE_WEIGHTS
    from napari_restoration.training.methods import Files
    from napari_restoration.training.run import CONFIG, TrainingRun

    start = time.monotonic()
    label = "".join(c if c.isalnum() else "-" for c in variant.name)
    folder = options.out / experiment.name / f"{label}_{options.scale}_{budget}_{options.seed}"
    try:
        if (folder / CONFIG).exists():
            run = TrainingRun.resume(folder)
        else:
            recipe = recipe_of(experiment, variant, scale=options.scale, steps=budget, seed=options.seed)
            files = Files(features=FEATURE_WEIGHTS / "microfeat.safetensors") if variant.features else None
            material = experiment.material(options.data, options.out / "material")
            run = TrainingRun.create(folder, recipe, material, device=options.device, files=files)
        best = _train(run, options.minutes)
    except (ValueError, RuntimeError) as error:
        # One run that fails is told and leaves the others their time.
        _say(f"{experiment.name}, {variant.name}: not run ({error})")
        return
    if best is None:
        _say(f"{experiment.name}, {variant.name}: {run.step} of {budget} steps; the same command goes on")
        return
    _score(experiment, variant, best, run, options)
    _say(f"{experiment.name}, {variant.name}: done in {time.monotonic() - start:.0f} s")


def _train(run, minutes: float | None) -> Path | None:  # type: ignore[no-untyped-def]
    """The best weights, or None where the time ran out first."""
    from napari_restoration.core.progress import Notice

    start = time.monotonic()
    steps = run.epochs()
    try:
        while True:
            report = next(steps)
            if isinstance(report, Notice):
                _say(f"  {report.message}")
            if minutes is not None and time.monotonic() - start > 60 * minutes and not run.finished:
                return None
    except StopIteration as end:
        return Path(end.value)
    finally:
        steps.close()


def _score(experiment: Experiment, variant: Variant, best: Path, run, options: argparse.Namespace) -> None:  # type: ignore[no-untyped-def]
    from benchmarks.papers.pictures import keep_for_picture
    from benchmarks.papers.scoring import grid_energy, invented_texture, noise_probe, restorer

    recipe = run.recipe
    restore = restorer(recipe, best, options.device)
    name = (experiment.name, variant.name, options.scale, recipe.training.steps, options.seed)
    images, residuals = [], []
    for example in examples_of(experiment, options.data, options.out):
        if variant.has_seen(example.name):
            continue
        restored = restore(example.input.astype("float32"))
        images.append(ImageRow.of(name, example, restored))
        residuals.append(restored - example.target)
        keep_for_picture(options.out, name, example, restored)
    probe = noise_probe(frames=5 if recipe.task == "deblur" else 0)
    add_rows(options.tables / "scores.csv", images)
    parameters = sum(p.numel() for p in run.core.restoring.parameters())
    shown = RunRow(
        experiment=experiment.name, variant=variant.name, scale=options.scale,
        steps=recipe.training.steps, seed=options.seed, parameters=parameters,
        seconds=round(60 * run.elapsed, 1), device=options.device,
        grid_db=round(grid_energy(residuals), 2),
        invented=round(invented_texture(restore(probe), probe), 3),
    )  # fmt: skip
    add_rows(options.tables / "runs.csv", [shown])


def _score_inputs(experiment: Experiment, options: argparse.Namespace) -> None:
    """What doing nothing gives: the input, the mean of a burst, or the input enlarged by cubic splines."""
    name = (experiment.name, "input", "small", 0, 0)
    rows = read_rows(options.tables / "scores.csv", ImageRow)
    if any(row.experiment == experiment.name and row.variant == "input" for row in rows):
        return
    add_rows(
        options.tables / "scores.csv",
        [
            ImageRow.of(name, one, plain_input(one))
            for one in examples_of(experiment, options.data, options.out)
        ],
    )


def plain_input(example: Example):  # type: ignore[no-untyped-def]
    from scipy import ndimage

    given = example.input.mean(axis=0) if example.input.ndim == 3 else example.input
    ratio = example.target.shape[-1] // given.shape[-1]
    if ratio == 1:
        return given
    return ndimage.zoom(given, ratio, order=3, mode="reflect", grid_mode=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    folder = os.environ.get("NAPARI_RESTORATION_DATA") or _HERE.parents[2] / "shared" / "data"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.papers", description=__doc__)
    parser.add_argument("--paper", action="append", choices=MODULES, help="one or more; all by default")
    parser.add_argument("--variant", action="append", help="names of variants; all by default")
    parser.add_argument("--scale", choices=("small", "paper"), default="small")
    parser.add_argument(
        "--steps", type=int, help="optimizer steps of each run; by default what the experiment says"
    )
    parser.add_argument(
        "--minutes", type=float, help="time for each run now; an unfinished one goes on next time"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, default=Path(folder))
    parser.add_argument("--out", type=Path, default=Path("runs/papers"), help="folders of the runs")
    parser.add_argument("--tables", type=Path, default=_HERE, help="folder of the tables and of results.md")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
