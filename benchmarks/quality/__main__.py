"""Score shipped models and classical baselines: ``python -m benchmarks.quality --help``."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
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
    cached = options.out / "baselines.csv"
    kept = read_scores(cached) if options.reuse_baselines and cached.is_file() else []
    baselines: list[Score] = [score for score in kept if score.task not in options.task]
    models: list[Score] = []
    for task in options.task:
        known = [score for score in kept if score.task == task]
        sets = _image_sets(task, options.data)
        baselines += known or [
            score for scored, tuning in sets for score in _score_baselines(task, scored, tuning)
        ]
        write_scores(cached, baselines)
        if not options.baselines_only:
            for model in _models(task, options.models):
                models += _score_model(model, [example for scored, _ in sets for example in scored])
    old = options.out / "scores.csv"
    if old.is_file():
        redone = {(score.task, score.method) for score in models}
        before = [s for s in read_scores(old) if s.role == "model" and (s.task, s.method) not in redone]
        models = [*(s for s in before if options.keep), *models]
    scores = sorted([*baselines, *models], key=lambda score: cases.TASKS.index(score.task))
    write_scores(old, scores)
    (options.out / "results.md").write_text(markdown(scores, _command()), encoding="utf-8")
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    folder = os.environ.get("NAPARI_RESTORATION_DATA") or _HERE.parents[1].parent / "shared" / "data"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--task", nargs="+", choices=cases.TASKS, default=list(cases.TASKS))
    parser.add_argument("--models", nargs="*", help="model ids or folders; default: all shipped for the task")
    parser.add_argument("--data", type=Path, default=Path(folder), help="folder with index.csv")
    parser.add_argument("--out", type=Path, default=_HERE, help="where results go")
    parser.add_argument(
        "--reuse-baselines", action="store_true", help="take baselines.csv where it has the task"
    )
    parser.add_argument("--baselines-only", action="store_true")
    parser.add_argument("--keep", action="store_true", help="keep the scores of models not scored this time")
    return parser.parse_args(arguments)


def _image_sets(task: str, data: Path) -> list[tuple[list[Example], list[Example]]]:
    sets = [(cases.degraded(task, data), cases.degraded(task, data, tuning=True))]
    for pairs in cases.REAL_PAIRS:
        if pairs.task == task:
            sets.append((cases.real(pairs, data), cases.real(pairs, data, tuning=True)))
    return sets


def _score_baselines(task: str, scored: Iterable[Example], tuning: Iterable[Example]) -> list[Score]:
    by_level: dict[str, list[Example]] = defaultdict(list)
    for example in scored:
        by_level[example.level].append(example)
    tuning_by_level: dict[str, list[Example]] = defaultdict(list)
    for example in tuning:
        tuning_by_level[example.level].append(example)
    results = []
    for level, examples in by_level.items():
        real = level == "real"
        results += [
            score_example(example, plain_input(example), role="input", method="input") for example in examples
        ]
        for method in methods_for(task, known_camera=not real):
            start = time.perf_counter()
            settings, best = tune(method, tuning_by_level[level], score="psnr_affine" if real else "psnr")
            results += [
                score_example(
                    example, method(example, settings), role="baseline", method=method.name, settings=settings
                )
                for example in examples
            ]
            _say(
                f"{task} {level} {method.name} {settings}: {best:.2f} dB on the tuning images, "
                f"{time.perf_counter() - start:.0f} s"
            )
    return results


def plain_input(example: Example) -> Plane:
    """The input as it is: of a burst the middle frame, enlarged to the grid of the truth if coarser."""
    middle = example.input if example.input.ndim == 2 else example.input[len(example.input) // 2]
    return enlarge(middle, example, {})


def _models(task: str, wanted: Sequence[str] | None) -> list[str]:
    from napari_restoration.models.registry import find_card, list_models

    if wanted is None:
        return list_models(task)
    return [model for model in wanted if find_card(model)[0].task == task]


def restored_by(model: Any, example: Example) -> Plane:
    """The example's input restored through the same engine as everybody's images."""
    import napari_restoration as nr

    axes = "TYX" if example.input.ndim == 3 else "YX"
    image = nr.CalibratedImage(example.input, axes, name=Path(example.name).stem)
    return np.asarray(nr.restore(image, model=model).image.data).reshape(example.target.shape)


def _score_model(model: str, examples: Sequence[Example]) -> list[Score]:
    from napari_restoration.models.loader import load_model
    from napari_restoration.models.registry import find_card

    name = find_card(model)[0].id
    start = time.perf_counter()
    loaded = load_model(model)
    results = [
        score_example(example, restored_by(loaded, example), role="model", method=name)
        for example in examples
    ]
    _say(f"{model}: {len(examples)} images in {time.perf_counter() - start:.0f} s")
    return results


def _command() -> str:
    return "python -m benchmarks.quality " + " ".join(sys.argv[1:])


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
