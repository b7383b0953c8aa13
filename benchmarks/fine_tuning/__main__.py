"""Fine-tune the shipped models on small sets of real pairs and score them: ``python -m benchmarks.fine_tuning --help``.

A training that is in the table is not done again, and one that was stopped goes on, so that the same command takes up
where it ended. ``results.md`` is made anew after each training.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.fine_tuning.report import write_report
from benchmarks.fine_tuning.rows import ImageRow, RunRow, add_rows, read_rows
from benchmarks.fine_tuning.sets import PairSet, find_set, pair_sets, write_folder

_HERE = Path(__file__).resolve().parent
_VALIDATIONS = 20


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    import torch

    torch.set_num_threads(options.threads)
    for name in options.set or [one.name for one in pair_sets()]:
        for seed in options.seed or [0]:
            _run(find_set(name), seed, options)
            write_report(options.tables)
    return 0


def five_minutes(model: str) -> int:
    """Steps that about five minutes on two cores have room for."""
    from napari_restoration.tasks.train_recipe import choose_recipe

    return choose_recipe(None, None, None, None, model).training.steps


def former_settings(model: str) -> dict[str, Any]:
    """What makes fine-tuning what it was: the method's own settings, at a tenth of its learning rate."""
    from napari_restoration.tasks.train_recipe import choose_recipe

    now = asdict(choose_recipe(None, None, None, None, model).training)
    method = {"denoise-care": "care-probabilistic", "refocus-c2f": "c2f", "superres-x2": "rrdb"}[model]
    before = asdict(choose_recipe(None, method, None, None, model).training)
    kept = ("steps", "steps_per_epoch", "losses")
    return {name: value for name, value in before.items() if value != now[name] and name not in kept}


def _run(chosen: PairSet, seed: int, options: argparse.Namespace) -> None:
    steps = options.steps or round(options.share * five_minutes(chosen.model))
    key = (chosen.name, options.recipe, steps, seed)
    if any(row.key == key for row in read_rows(options.tables / "runs.csv", RunRow)):
        return
    start = time.monotonic()
    folder = write_folder(chosen, options.data, options.out / "sets" / _label(chosen.name))
    out = options.out / "runs" / f"{_label(chosen.name)}_{options.recipe}_{steps}_{seed}"
    changes: dict[str, Any] = {"steps": steps, "steps_per_epoch": max(1, steps // _VALIDATIONS)}
    if options.recipe == "former":
        changes |= former_settings(chosen.model)
    best_step = _train(folder, out, chosen.model, seed, changes)
    _score(chosen, key, out, best_step, time.monotonic() - start, options)
    shutil.rmtree(out)


def _train(folder: Path, out: Path, model: str, seed: int, changes: Mapping[str, Any]) -> int:
    """Train as a user's command does, and return the step of the best weights."""
    from napari_restoration.core.progress import run
    from napari_restoration.models.registry import find_card
    from napari_restoration.tasks.train import iter_resume, iter_train

    if (out / "last.ckpt").exists():
        run(iter_resume(out))
    else:
        shutil.rmtree(out, ignore_errors=True)
        run(
            iter_train(
                None, folder, out, kind="pairs", start=model, seed=seed, changes=changes, check=False, assess=False
            )
        )  # fmt: skip
    return int(find_card(out / "model")[0].training["best_step"])


def _score(
    chosen: PairSet, key: tuple[str, str, int, int], out: Path, best_step: int, seconds: float,
    options: argparse.Namespace,
) -> None:  # fmt: skip
    from benchmarks.fine_tuning.pictures import save_picture
    from benchmarks.fine_tuning.scoring import restored_parts, scores_of

    images = restored_parts(chosen, out / "model", options.data)
    rows = scores_of(key, images)
    add_rows(options.tables / "scores.csv", rows)
    name, recipe, steps, seed = key
    row = RunRow(
        set=name, recipe=recipe, steps=steps, seed=seed, best_step=best_step, train_pairs=len(chosen.train),
        seconds=round(seconds),
    )  # fmt: skip
    add_rows(options.tables / "runs.csv", [row])
    folder = _HERE / "pictures" if chosen.may_show else options.out / "pictures"
    if recipe == "default" and seed == 0:
        save_picture(folder / f"{_label(name)}.png", images)
    _say(f"{name}, {recipe}, {steps} steps, seed {seed}: {_mean_gain(rows):+.2f} dB, best at {best_step}")


def _mean_gain(rows: Sequence[ImageRow]) -> float:
    return sum(row.gain_db for row in rows) / len(rows)


def _label(name: str) -> str:
    return name.replace(" ", "_")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    folder = os.environ.get("NAPARI_RESTORATION_DATA") or _HERE.parents[2] / "shared" / "data"
    names = [one.name for one in pair_sets()]
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fine_tuning", description=__doc__)
    parser.add_argument("--set", action="append", choices=names, help="one or more; all by default")
    parser.add_argument("--recipe", choices=("default", "former"), default="default")
    parser.add_argument("--share", type=float, default=1.0, help="of the steps of five minutes on two cores")
    parser.add_argument("--steps", type=int, help="instead of that share")
    parser.add_argument("--seed", action="append", type=int, help="one or more; 0 by default")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, default=Path(folder))
    parser.add_argument("--out", type=Path, default=Path("runs/fine_tuning"), help="folder of pairs and runs")
    parser.add_argument("--tables", type=Path, default=_HERE, help="folder of the tables and of results.md")
    return parser.parse_args(arguments)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
