"""``napari-restoration train``: make a model from a recipe, or go on with a training run."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from napari_restoration.cli import options
from napari_restoration.cli.messages import DONE, INTERRUPTED, say
from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Notice
from napari_restoration.tasks.train import PRESETS

if TYPE_CHECKING:
    from napari_restoration.cli.bar import ProgressBar
    from napari_restoration.cli.options import Commands
    from napari_restoration.core.progress import Progress

_EXAMPLES = """\
  napari-restoration train --method bdu-uc-ssim --data images/ --out run/ --minutes 60
  napari-restoration train --recipe recipe.toml --data images/ --out run/ --minutes 60
  napari-restoration train --resume run/
"""

_OPTIONS = ("preset", "minutes", "seed", "device", "devices", "features", "backbone", "tensorboard")


def add_command(commands: Commands) -> None:
    """Add the command and its arguments."""
    parser = options.add_parser(
        commands,
        "train",
        summary="train a model from a recipe",
        description="Train a model from a recipe, or go on with a run that was stopped. "
        "The finished model is the folder `model` of the run.",
        examples=_EXAMPLES,
    )
    parser.set_defaults(run=run)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--recipe", type=Path, metavar="FILE", help="what to learn, a TOML file")
    which.add_argument(
        "--method",
        metavar="NAME",
        help="what to learn, a method by name, such as c2f or comi; a wrong name lists all",
    )
    which.add_argument("--resume", type=Path, metavar="RUN", help="go on with this run")
    parser.add_argument(
        "--preset", default=None, choices=PRESETS,
        help="size of the method: the published one, ours (default), or the smallest for a trial",
    )  # fmt: skip
    parser.add_argument("--data", type=Path, metavar="DIR", help="folder of images with their index.csv")
    parser.add_argument("--out", type=Path, metavar="RUN", help="folder of the run, new or empty")
    parser.add_argument(
        "--minutes", type=options.above_zero, metavar="M", help="time budget (default: the recipe's steps)"
    )
    parser.add_argument("--seed", type=options.counted, metavar="S", help="instead of the recipe's")
    parser.add_argument(
        "--device", default=None, metavar="cpu|cuda[:N]|mps", help="where to train (default: cpu)"
    )
    parser.add_argument(
        "--devices", type=int, choices=range(1, 65), metavar="N",
        help="how many GPUs (or, with cpu, processes) train together",
    )  # fmt: skip
    parser.add_argument(
        "--features",
        type=Path,
        metavar="FILE",
        help="local file of VGG-19's ImageNet weights, for losses on features",
    )
    parser.add_argument(
        "--backbone",
        type=Path,
        metavar="FILE",
        help="local file of ImageNet weights of the network's frozen part",
    )
    parser.add_argument(
        "--tensorboard", action="store_true", default=None, help="write a log for TensorBoard as well"
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out.

    Returns
    -------
    int
        Exit status.
    """
    from napari_restoration.cli.bar import ProgressBar
    from napari_restoration.core import progress
    from napari_restoration.tasks.train import MODEL_FOLDER, iter_resume, iter_train

    _check(arguments)
    folder: Path = arguments.resume or arguments.out
    if arguments.resume is not None:
        task = iter_resume(arguments.resume)
    else:
        given = {key: getattr(arguments, key) for key in (*_OPTIONS, "method")}
        chosen = {key: value for key, value in given.items() if value is not None}
        task = iter_train(arguments.recipe, arguments.data, arguments.out, **chosen)
    with ProgressBar(1) as bar, closing(task):
        bar.begin(folder.name)
        try:
            card = progress.run(task, lambda report: _show(bar, report))
        except KeyboardInterrupt:
            say(f"Interrupted; go on with: napari-restoration train --resume {folder}")
            return INTERRUPTED
        bar.end(f"{card.id} is trained: {folder / MODEL_FOLDER}")
    return DONE


def _check(arguments: argparse.Namespace) -> None:
    fresh = ("data", "out", *_OPTIONS)
    if arguments.resume is not None:
        extra = [f"--{name}" for name in fresh if getattr(arguments, name) is not None]
        if extra:
            raise InputError(f"A resumed run keeps its own settings: leave {', '.join(extra)} out.")
        return
    if arguments.preset is not None and arguments.method is None:
        raise InputError("A recipe has one size: leave --preset out, or name a --method.")
    missing = [f"--{name}" for name in ("data", "out") if getattr(arguments, name) is None]
    if missing:
        raise InputError(f"A new run needs {' and '.join(missing)} as well.")


def _show(bar: ProgressBar, report: Progress) -> None:
    if isinstance(report, Notice):
        bar.note(report.message)
        return
    bar.advance(report.done, report.total, report.message or f"step {report.done}")
    if report.message and not bar.is_drawn:
        bar.line(report.message)
