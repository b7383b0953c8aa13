"""Score shipped models and classical baselines: ``python -m benchmarks.quality --help``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from benchmarks.quality import cases
from benchmarks.quality.baselines import enlarge, methods_for, tune
from benchmarks.quality.cases import Example, Plane
from benchmarks.quality.report import markdown
from benchmarks.quality.scores import Score, read_scores, score_example, write_scores

_HERE = Path(__file__).resolve().parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Score, write ``scores.csv``, ``baselines.csv`` and ``results.md``."""
    options = _options(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    cached, every = options.out / "baselines.csv", options.out / "scores.csv"
    kept = read_scores(cached) if cached.is_file() else []
    baselines = [s for s in kept if options.reuse_baselines or s.task not in options.task]
    old = read_scores(every) if options.keep and every.is_file() else []
    models = {_key(score): score for score in old if score.role == "model"}
    for task in options.task:
        for scored, tuning in image_sets(task, options.data):
            done = {(score.task, score.kind, score.level) for score in baselines}
            if (task, scored[0].kind, scored[0].level) not in done:
                baselines += _score_baselines(scored, tuning)
                # Written after every level: whoever stops the run goes on from there with --reuse-baselines.
                write_scores(cached, sorted(baselines, key=_order))
            for model in [] if options.baselines_only else _models(task, options.models):
                models |= {_key(score): score for score in score_model(model, scored)}
                write_scores(every, sorted([*baselines, *models.values()], key=_order))
    write_scores(every, sorted([*baselines, *models.values()], key=_order))
    # From the file, so that report and cards count wins on the same rounded values.
    (options.out / "results.md").write_text(markdown(read_scores(every), _command()), encoding="utf-8")
    return 0


def _key(score: Score) -> tuple[str, str, str, str]:
    return score.method, score.kind, score.level, score.file


def _order(score: Score) -> tuple[int, bool, str, int]:
    levels = (*cases.LEVELS, "real")
    return cases.TASKS.index(score.task), score.kind != "val", score.kind, levels.index(score.level)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    folder = os.environ.get("NAPARI_RESTORATION_DATA") or _HERE.parents[1].parent / "shared" / "data"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--task", nargs="+", choices=cases.TASKS, default=list(cases.TASKS))
    parser.add_argument("--models", nargs="*", help="model ids or folders; default: all shipped for the task")
    parser.add_argument("--data", type=Path, default=Path(folder), help="folder with index.csv")
    parser.add_argument("--out", type=Path, default=_HERE, help="where results go")
    parser.add_argument(
        "--reuse-baselines", action="store_true", help="keep the levels that baselines.csv has"
    )
    parser.add_argument("--baselines-only", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep model scores of earlier runs")
    return parser.parse_args(arguments)


def image_sets(task: str, data: Path) -> list[tuple[list[Example], list[Example]]]:
    """Images to score, level by level, each with those that the baselines are tuned on."""
    scored, tuning = (cases.degraded(task, data, tuning=choice) for choice in (False, True))
    sets = [
        ([e for e in scored if e.level == level], [e for e in tuning if e.level == level])
        for level in cases.LEVELS
    ]
    for pairs in cases.REAL_PAIRS:
        if pairs.task == task:
            sets.append((cases.real(pairs, data), cases.real(pairs, data, tuning=True)))
    return sets


def _score_baselines(examples: Sequence[Example], tuning: Sequence[Example]) -> list[Score]:
    task, real = examples[0].task, examples[0].level == "real"
    results = [
        score_example(example, plain_input(example), role="input", method="input") for example in examples
    ]
    for method in methods_for(task, known_camera=not real):
        start = time.perf_counter()
        settings, best = tune(method, tuning, affine=real)
        results += [
            score_example(
                example, method(example, settings), role=method.role, method=method.name, settings=settings
            )
            for example in examples
        ]
        _say(
            f"{task} {examples[0].kind} {examples[0].level} {method.name} {settings}: "
            f"{best:.2f} dB on the tuning images, {time.perf_counter() - start:.0f} s"
        )
    return results


def plain_input(example: Example) -> Plane:
    """The input as it is: of a burst the middle frame, enlarged to the grid of the truth if coarser."""
    middle = example.input if example.input.ndim == 2 else example.input[len(example.input) // 2]
    return enlarge(middle, example, {})


def _models(task: str, wanted: Sequence[str] | None) -> list[str]:
    from napari_restoration.models.registry import find_card, list_models

    if wanted is None:
        return list_models(task, classical=False)
    return [model for model in wanted if find_card(model)[0].task == task]


def restored_by(model: Any, example: Example) -> Plane:
    """The example's input restored through the same engine as everybody's images."""
    import napari_restoration as nr

    axes = "TYX" if example.input.ndim == 3 else "YX"
    image = nr.CalibratedImage(example.input, axes, name=Path(example.name).stem)
    return np.asarray(nr.restore(image, model=model).image.data).reshape(example.target.shape)


def score_model(model: str, examples: Sequence[Example]) -> list[Score]:
    """Score one model on images of its task."""
    from napari_restoration.models.any_model import load_model
    from napari_restoration.models.registry import find_card

    name = find_card(model)[0].id
    start = time.perf_counter()
    loaded = load_model(model)
    results = [
        score_example(example, restored_by(loaded, example), role="model", method=name)
        for example in examples
    ]
    images = f"{len(examples)} images {examples[0].kind} {examples[0].level}"
    _say(f"{model}: {images} in {time.perf_counter() - start:.0f} s")
    return results


def _command() -> str:
    return "python -m benchmarks.quality " + " ".join(sys.argv[1:])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
