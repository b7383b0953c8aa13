"""Train MicroFeat, or go on with a training that was stopped.

    python -m benchmarks.microfeat.train --data ../shared/data --out runs/microfeat --minutes 60

The folder of the run is resumed if it holds one. Nothing but files marked `train` reaches a weight.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from napari_restoration.training.microfeat import CONFIG, MicroFeatRun
from napari_restoration.training.microfeat_recipe import read_microfeat_recipe

RECIPE = Path(__file__).resolve().parents[1] / "recipes" / "microfeat.toml"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--recipe", type=Path, default=RECIPE)
    parser.add_argument("--minutes", type=float, help="budget of time; without it the recipe's steps")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if (args.out / CONFIG).exists():
        run = MicroFeatRun.resume(args.out)
    else:
        run = MicroFeatRun.create(
            args.out, read_microfeat_recipe(args.recipe), args.data, minutes=args.minutes
        )
    for row in run.epochs():
        print(" ".join(f"{name}={value:.4g}" for name, value in row.items()), flush=True)


if __name__ == "__main__":
    main()
