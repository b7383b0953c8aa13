"""``napari-restoration train``: make a model, fine-tune one, or go on with a training run."""

from __future__ import annotations

import argparse
import shlex
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_restoration.cli import options
from napari_restoration.cli.messages import DONE, INTERRUPTED, say
from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Notice
from napari_restoration.tasks.train import SIZES, TASK_METHODS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_restoration.cli.bar import ProgressBar
    from napari_restoration.cli.options import Commands
    from napari_restoration.core.progress import Progress, Task
    from napari_restoration.tasks.train_control import TrainingControl
    from napari_restoration.tasks.train_reports import TrainingResult

_EXAMPLES = """\
  napari-restoration train --task denoise --pairs pairs/ --out run/ --minutes 60
  napari-restoration train --task refocus --clean good/ --preset widefield-20x --out run/ --epochs 50
  napari-restoration train --from denoise-care --pairs pairs/ --out run/ --minutes 10 --name my-cells --install
  napari-restoration train --recipe recipe.toml --data images/ --out run/
  napari-restoration train --resume run/
"""

_FOLDERS: Mapping[str, Literal["index", "pairs", "clean"]] = {
    "data": "index",
    "pairs": "pairs",
    "clean": "clean",
}
_CHANGES = ("epochs", "patch", "batch_size", "learning_rate", "metric", "early_stopping")
_OPTIONS = (
    "preset", "pixel_size_um", "axes", "size", "minutes", "seed", "device", "devices", "features", "backbone",
    "tensorboard", "name", "leave_out", "check", "assess", "install",
)  # fmt: skip
_NAMES = {
    "validation": "val", "pixel_size_um": "pixel-size", "batch_size": "batch", "learning_rate": "learning-rate",
    "early_stopping": "early-stopping", "start": "from", "leave_out": "leave-out", "check": "no-check",
    "assess": "no-assess",
}  # fmt: skip


def add_command(commands: Commands) -> None:
    """Add the command and its arguments."""
    parser = options.add_parser(
        commands,
        "train",
        summary="train a model from pairs or good images, or go on with one",
        description="Train a model, fine-tune one, or go on with a run that was stopped. "
        "The finished model is the folder `model` of the run.",
        examples=_EXAMPLES,
    )
    parser.set_defaults(run=run)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--task", choices=TASK_METHODS, help="what to learn, with its usual method")
    which.add_argument(
        "--method", metavar="NAME", help="a method by name, such as c2f or comi; a wrong name lists all"
    )
    which.add_argument("--recipe", type=Path, metavar="FILE", help="what to learn, a TOML file")
    which.add_argument("--resume", type=Path, metavar="RUN", help="go on with this run")
    parser.add_argument(
        "--from", dest="start", metavar="ID|PATH", help="model or run whose weights training starts from"
    )
    parser.add_argument(
        "--size", choices=SIZES,
        help="size of the method: the published one, ours (default), or the smallest for a trial",
    )  # fmt: skip
    _add_images(parser)
    _add_settings(parser)
    _add_model(parser)


def _add_images(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("images")
    where = group.add_mutually_exclusive_group()
    where.add_argument("--pairs", type=Path, metavar="DIR", help="folder of pairs, in `input` and `target`")
    where.add_argument(
        "--clean", type=Path, metavar="DIR", help="folder of good images that --preset degrades"
    )
    where.add_argument("--data", type=Path, metavar="DIR", help="folder of images with their index.csv")
    group.add_argument(
        "--val", dest="validation", type=Path, metavar="DIR",
        help="folder like that of --pairs or --clean for validation (default: some fields of view are held out)",
    )  # fmt: skip
    group.add_argument("--preset", metavar="NAME", help="what degrades the good images: a preset or its file")
    group.add_argument(
        "--pixel-size", dest="pixel_size_um", type=options.above_zero, metavar="UM",
        help="of good images that do not tell it",
    )  # fmt: skip
    group.add_argument("--axes", type=options.axes, help="meaning of the files' axes, if they do not say it")
    group.add_argument(
        "--leave-out", nargs="+", action="extend", metavar="NAME",
        help="pairs or images that are not used, by file name",
    )  # fmt: skip
    group.add_argument(
        "--no-check", dest="check", action="store_false", default=None,
        help="do not look at the pairs before training",
    )  # fmt: skip


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("training")
    group.add_argument("--out", type=Path, metavar="RUN", help="folder of the run, new or empty")
    budget = group.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=options.above_zero, metavar="M", help="time budget")
    budget.add_argument(
        "--epochs", type=options.positive, metavar="N", help="budget of epochs (default: the method's)"
    )
    group.add_argument("--patch", type=options.positive, metavar="N", help="side of the patches in pixels")
    group.add_argument(
        "--batch", dest="batch_size", type=options.positive, metavar="N", help="patches a step"
    )
    group.add_argument(
        "--learning-rate", type=options.above_zero, metavar="R",
        help="instead of the method's, or of that of fine-tuning",
    )  # fmt: skip
    group.add_argument(
        "--metric", choices=("loss", "psnr", "ssim", "mae"), help="what decides which weights are best"
    )
    group.add_argument(
        "--early-stopping",
        type=options.counted,
        metavar="N",
        help="end after N epochs without a better metric",
    )
    group.add_argument("--seed", type=options.counted, metavar="S", help="instead of the method's")
    group.add_argument("--device", metavar="cpu|cuda[:N]|mps", help="where to train (default: cpu)")
    group.add_argument(
        "--devices", type=int, choices=range(1, 65), metavar="N",
        help="how many GPUs (or, with cpu, processes) train together",
    )  # fmt: skip
    group.add_argument(
        "--features", type=Path, metavar="FILE",
        help="local file of VGG-19's ImageNet weights, for losses on features",
    )  # fmt: skip
    group.add_argument(
        "--backbone", type=Path, metavar="FILE",
        help="local file of ImageNet weights of the network's frozen part",
    )  # fmt: skip
    group.add_argument(
        "--tensorboard", action="store_true", default=None, help="write a log for TensorBoard as well"
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the model")
    group.add_argument("--name", metavar="ID", help="id and title of the model (default: the method's)")
    group.add_argument(
        "--install", action="store_true", default=None,
        help="copy the finished model to your models, so that it is found by its name",
    )  # fmt: skip
    group.add_argument(
        "--no-assess", dest="assess", action="store_false", default=None,
        help="do not compare the model with the one before on the images held out",
    )  # fmt: skip
    group.add_argument(
        "--reports", action="store_true",
        help="for other programs: JSON lines on standard output; pause, go, stop, export and quit on standard input",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out.

    Returns
    -------
    int
        Exit status.
    """
    if arguments.reports:
        from napari_restoration.cli.train_child import run_reporting

        return run_reporting(lambda control: _task(arguments, control))
    from napari_restoration.cli.bar import ProgressBar
    from napari_restoration.core import progress

    folder: Path = arguments.resume or arguments.out or Path()
    task = _task(arguments)
    with ProgressBar(1) as bar, closing(task):
        bar.begin(folder.name)
        try:
            result = progress.run(task, lambda report: _show(bar, report))
        except KeyboardInterrupt:
            begun = (folder / "config.json").exists()
            way = f"go on with: napari-restoration train --resume {shlex.quote(str(folder))}"
            say(f"Interrupted; {way if begun else 'no training had begun yet.'}")
            return INTERRUPTED
        if result.assessment is not None:
            bar.line(result.assessment.words)
        bar.end(f"{result.model} is trained: {result.folder}")
    return DONE


def _task(arguments: argparse.Namespace, control: TrainingControl | None = None) -> Task[TrainingResult]:
    """The training; with a control other programs watch it, so that it shows live crops."""
    from napari_restoration.tasks.train import iter_resume, iter_train

    _check(arguments)
    live = control is not None
    if arguments.resume is not None:
        return (yield from iter_resume(arguments.resume, control=control, live=live))
    source = next(name for name in _FOLDERS if getattr(arguments, name) is not None)
    chosen = _given(arguments, (*_OPTIONS, "method", "task", "start", "validation"))
    return (
        yield from iter_train(
            arguments.recipe, getattr(arguments, source), arguments.out, kind=_FOLDERS[source],
            changes=_given(arguments, _CHANGES), control=control, live=live, **chosen,
        )
    )  # fmt: skip


def _given(arguments: argparse.Namespace, names: Iterable[str]) -> dict[str, Any]:
    found = {name: getattr(arguments, name) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _check(arguments: argparse.Namespace) -> None:
    if arguments.resume is not None:
        fresh = _given(arguments, ("start", *_FOLDERS, "validation", "out", *_OPTIONS, *_CHANGES))
        if fresh:
            extra = ", ".join(f"--{_NAMES.get(name, name)}" for name in fresh)
            raise InputError(f"A resumed run keeps its own settings: leave {extra} out.")
        return
    if arguments.size is not None and arguments.recipe is not None:
        raise InputError("A recipe has one size: leave --size out, or name a --method.")
    if not _given(arguments, ("recipe", "method", "task", "start", "preset")):
        raise InputError("A new run needs --task, --method, --recipe or --from as well.")
    if not _given(arguments, _FOLDERS):
        raise InputError("A new run needs --pairs, --clean or --data as well.")
    if arguments.out is None:
        raise InputError("A new run needs --out as well.")
    if (arguments.clean is None) != (arguments.preset is None):
        raise InputError("--clean and --preset belong together: good images and what degrades them.")
    if arguments.validation is not None and arguments.data is not None:
        raise InputError("--val goes with --pairs or --clean; of --data a share is held out.")


def _show(bar: ProgressBar, report: Progress) -> None:
    from napari_restoration.tasks.train_reports import EpochReport

    if isinstance(report, Notice):
        bar.note(report.message)
        return
    if report.total:
        bar.advance(report.done, report.total, report.message or f"step {report.done}")
    else:
        bar.report(report)
    if isinstance(report, EpochReport) and not bar.is_drawn:
        bar.line(report.message)
