"""``napari-restoration restore``: one file, or many with one progress bar."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.cli import options
from napari_restoration.cli.messages import (
    BAD_INPUT,
    DONE,
    FAILED,
    INTERRUPTED,
    exit_code,
    print_json,
    say,
    sentence,
)
from napari_restoration.cli.outputs import Failure, Job, is_folder, make_folder, plan_jobs, sort_out

if TYPE_CHECKING:
    from napari_restoration.cli.bar import ProgressBar
    from napari_restoration.cli.options import Commands
    from napari_restoration.tasks.settings import RestoreSettings

_EXAMPLES = """\
  one stack; the burst's frames become one sharp plane:
    napari-restoration restore burst.tif -o sharp.tif --task deblur
  a folder of stacks, with figures for a script:
    napari-restoration restore day1/*.tif -o restored/ --task denoise --json > figures.json
  a channel of an unlabelled stack, with a model of your own:
    napari-restoration restore a.tif -o b.ome.tif --model my_model/ --axes ZCYX --channel 1
"""


def add_command(commands: Commands) -> None:
    """Add the command and its arguments."""
    parser = options.add_parser(
        commands,
        "restore",
        summary="restore one or several images",
        description="Restore one or several images. The result keeps intensity scale, axes and pixel size.",
        examples=_EXAMPLES,
    )
    parser.set_defaults(run=run)
    parser.add_argument("input", nargs="+", metavar="INPUT", help="image file")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        help="file (.tif, .ome.tif, .ome.zarr), or a folder for several inputs",
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--task", choices=options.TASKS, help="use the default model of this task")
    which.add_argument("--model", metavar="ID|PATH", help="a model from `models list`, or a model's folder")
    # Settings that are not given are left out, so that every default stands in RestoreSettings alone.
    chosen = parser.add_argument_group("settings").add_argument
    unset = argparse.SUPPRESS
    parser.add_argument(
        "--axes", type=options.axes, help="meaning of the axes, as TZYX, if the file's is wrong"
    )
    chosen("--channel", type=options.counted, default=unset, metavar="N", help="only this channel, from 0")
    chosen(
        "--frames",
        type=options.frames,
        default=unset,
        metavar="auto|all|N",
        help="frames a burst model takes for each plane: auto (default) makes one plane of up to 8 frames and "
        "a sliding window over more; all makes one plane; N slides a window of N",
    )
    chosen(
        "--register",
        action=argparse.BooleanOptionalAction,
        default=unset,
        help="align the frames of a burst first (default: yes)",
    )
    chosen(
        "--device", default=unset, metavar="auto|cpu|cuda[:N]|mps", help="where to compute (default: auto)"
    )
    chosen(
        "--tile",
        type=options.positive,
        default=unset,
        metavar="N",
        help="tile side in pixels (default: measured)",
    )
    chosen("--precision", choices=("fp32", "bf16", "fp16"), default=unset, help="arithmetic (default: fp32)")
    chosen(
        "--dtype", choices=("float32", "same"), default=unset, help="type of the result (default: float32)"
    )
    options.add_json(parser)
    options.add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out.

    Returns
    -------
    int
        Exit status. Of several inputs: 0 if all are done, 1 if only some, 2 if none because of the input.
    """
    from napari_restoration.models.registry import find_card
    from napari_restoration.tasks.prepare import choose_model
    from napari_restoration.tasks.settings import RestoreSettings

    sources = options.as_paths(arguments.input)
    output = Path(arguments.output)
    folder = is_folder(arguments.output, len(sources))
    names = {field.name for field in fields(RestoreSettings)}
    settings = RestoreSettings(**{key: value for key, value in vars(arguments).items() if key in names})
    model = choose_model(arguments.model, arguments.task)
    card, _ = find_card(model)
    jobs = plan_jobs(sources, output, card.id, folder=folder)
    good, failed = sort_out(jobs, overwrite=arguments.overwrite, folder=folder)
    if failed and len(sources) == 1:
        raise failed[0].error
    if folder and good:
        make_folder(output)
    batch = _Batch(model, settings, arguments, len(jobs))
    for failure in failed:
        say(f"{failure.source}: not restored. {sentence(failure.error)}")
    batch.failed += failed
    code = batch.run(good)
    if len(sources) > 1:
        _summarise(batch, len(sources))
    if arguments.json:
        print_json(_as_json(batch, several=len(sources) > 1))
    return code


class _Batch:
    """The files of one command, restored one after the other; a bad one does not stop the others."""

    def __init__(
        self, model: str | Path, settings: RestoreSettings, arguments: argparse.Namespace, inputs: int
    ) -> None:
        self._model: Any = model
        self._settings = settings
        self._axes: str | None = arguments.axes
        self._overwrite: bool = arguments.overwrite
        self._debug: bool = arguments.debug
        self._inputs = inputs
        self.results: list[dict[str, Any]] = []
        self.failed: list[Failure] = []
        self.interrupted = False

    def run(self, jobs: Sequence[Job]) -> int:
        """Restore all files and tell the exit status."""
        from napari_restoration.cli.bar import ProgressBar
        from napari_restoration.core.progress import Progress
        from napari_restoration.models.loader import load_model

        with ProgressBar(len(jobs)) as bar:
            if len(jobs) > 1:
                bar.report(Progress(done=0, total=1, message="Loading the model"))
                self._model = load_model(self._model, self._settings.device, self._settings.precision)
            for job in jobs:
                bar.begin(job.source.name)
                try:
                    self._restore(job, bar)
                except KeyboardInterrupt:
                    if self._inputs == 1:
                        raise
                    self.interrupted = True
                    return INTERRUPTED
                except Exception as error:
                    if self._inputs == 1 or self._debug:
                        raise
                    code = exit_code(error, work_began=bar.tiles_done)
                    self.failed.append(Failure(job.source, error, code))
                    bar.end(f"{job.source}: not restored. {sentence(error)}")
        if not self.failed:
            return DONE
        none_by_input = not self.results and all(failure.code == BAD_INPUT for failure in self.failed)
        return BAD_INPUT if none_by_input else FAILED

    def _restore(self, job: Job, bar: ProgressBar) -> None:
        from napari_restoration.core import progress
        from napari_restoration.tasks.restore_file import iter_restore_file

        started = time.monotonic()
        task = iter_restore_file(
            job.source,
            job.target,
            self._model,
            self._settings,
            axes=self._axes,
            overwrite=self._overwrite,
        )
        with closing(task):
            report = progress.run(task, bar.report)
        for notice in report.get("notices", ()):
            bar.note(notice)
        self.results.append({"input": str(job.source), **report})
        seconds = time.monotonic() - started
        bar.end(f"{job.source} -> {job.target} ({seconds:.1f} s on {report['device']})")


def _summarise(batch: _Batch, inputs: int) -> None:
    done = len(batch.results)
    if batch.interrupted:
        say(f"Interrupted: {done} of {inputs} files restored; no unfinished file was left behind.")
    elif batch.failed:
        say(f"{done} of {inputs} files restored, {len(batch.failed)} not.")


def _as_json(batch: _Batch, *, several: bool) -> dict[str, Any]:
    if not several:
        return batch.results[0]
    failed = [{"input": str(one.source), "error": sentence(one.error)} for one in batch.failed]
    extra = {"interrupted": True} if batch.interrupted else {}
    return {"results": batch.results, "failed": failed, **extra}
