"""``napari-restoration restore``: one file, or many with one progress bar."""

from __future__ import annotations

import argparse
import time
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.cli import options, restore_trust
from napari_restoration.cli.batch import run_batch

if TYPE_CHECKING:
    from napari_restoration.cli.bar import ProgressBar
    from napari_restoration.cli.options import Commands
    from napari_restoration.cli.outputs import Job
    from napari_restoration.tasks.settings import RestoreSettings

_EXAMPLES = """\
  one stack; the burst's frames become one sharp plane:
    napari-restoration restore burst.tif -o sharp.tif --task deblur
  a folder of stacks, with figures for a script:
    napari-restoration restore day1/*.tif -o restored/ --task denoise --json > figures.json
  a channel of an unlabelled stack, with a model of your own:
    napari-restoration restore a.tif -o b.ome.tif --model my_model/ --axes ZCYX --channel 1
  without a network, undoing a Gaussian blur:
    napari-restoration restore a.tif -o b.tif --model classical-richardson-lucy --parameter sigma_px=2
  with maps of where not to trust the result:
    napari-restoration restore a.tif -o b.tif --task denoise --trust b-trust.tif
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
    parser.add_argument(
        "--axes", type=options.axes, help="meaning of the axes, as TZYX, if the file's is wrong"
    )
    _add_settings(parser)
    restore_trust.add_arguments(parser)
    options.add_json(parser)
    options.add_overwrite(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    # Settings that are not given are left out, so that every default stands in RestoreSettings alone.
    chosen = parser.add_argument_group("settings").add_argument
    unset = argparse.SUPPRESS
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
    chosen(
        "--passes",
        type=options.positive,
        default=unset,
        metavar="N",
        help="apply the network N times, 1 to 3, each time to its own result (default: 1); single images, same size",
    )
    chosen(
        "--adapt",
        action="store_true",
        default=unset,
        help="move the network's batch norms to each image's intensities first; it made shipped models worse",
    )
    chosen(
        "--parameter",
        dest="parameters",
        action="append",
        default=unset,
        metavar="NAME=VALUE",
        help="a parameter of a classical method, as `models show ID` lists them; may be given several times",
    )


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out.

    Returns
    -------
    int
        Exit status. Of several inputs: 0 if all are done, 1 if only some, 2 if none because of the input.
    """
    from napari_restoration.models.classical.catalogue import method_with, typed_parameters
    from napari_restoration.models.registry import find_card
    from napari_restoration.tasks.applicable import check_applicable
    from napari_restoration.tasks.prepare import choose_model
    from napari_restoration.tasks.settings import RestoreSettings

    model = choose_model(arguments.model, arguments.task)
    card, _ = find_card(model)
    names = {field.name for field in fields(RestoreSettings)}
    given = {key: value for key, value in vars(arguments).items() if key in names}
    if "parameters" in given:
        given["parameters"] = typed_parameters(card, given["parameters"])
    settings = RestoreSettings(**given)
    # Refused before any file is opened.
    method_with(card, settings.parameters)
    check_applicable(card, settings)
    trusting = restore_trust.Trusting(arguments, card)
    work = _Restoring(model, settings, trusting, axes=arguments.axes, overwrite=arguments.overwrite)
    return run_batch(arguments, card.id, work, check=trusting.check)


class _Restoring:
    """What is done to each file."""

    done = "restored"

    def __init__(
        self,
        model: str | Path,
        settings: RestoreSettings,
        trusting: restore_trust.Trusting,
        *,
        axes: str | None,
        overwrite: bool,
    ) -> None:
        self._model: Any = model
        self._settings = settings
        self._trusting = trusting
        self._axes = axes
        self._overwrite = overwrite

    def prepare(self, bar: ProgressBar) -> None:
        """Load the model once for all files."""
        from napari_restoration.core.progress import Progress
        from napari_restoration.models.any_model import load_model

        bar.report(Progress(done=0, total=1, message="Loading the model"))
        self._model = load_model(self._model, self._settings.device, self._settings.precision)

    def __call__(self, job: Job, bar: ProgressBar) -> tuple[dict[str, Any], str]:
        """Restore one file."""
        from napari_restoration.core import progress
        from napari_restoration.tasks.restore_file import iter_restore_file

        started = time.monotonic()
        if self._trusting.is_wanted and isinstance(self._model, str | Path):
            self.prepare(bar)  # once for both
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
        if self._trusting.is_wanted:
            report["trust"] = self._trusting(job, self._model, self._settings, bar)
        seconds = time.monotonic() - started
        return report, f"{job.source} -> {job.target} ({seconds:.1f} s on {report['device']})"
