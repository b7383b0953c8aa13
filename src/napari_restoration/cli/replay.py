"""``napari-restoration replay``: make a recorded result again, and say whether it is the same."""

from __future__ import annotations

import argparse
from contextlib import closing
from typing import TYPE_CHECKING

from napari_restoration.cli import options
from napari_restoration.cli.messages import DONE, FAILED, print_json

if TYPE_CHECKING:
    from napari_restoration.cli.options import Commands

_EXAMPLES = """\
  from a restored file, whose input lies where it did:
    napari-restoration replay sharp.tif -o again.tif
  from a saved record, with an input that was moved:
    napari-restoration replay record.json -o again.ome.tif --input day1/cell.tif
  a degraded image, noise included:
    napari-restoration replay bad.tif -o again.tif --json
"""


def add_command(commands: Commands) -> None:
    """Add the command and its arguments."""
    parser = options.add_parser(
        commands,
        "replay",
        summary="make a recorded result again, bit for bit",
        description="Make a restored or degraded image again from the record that its file carries, with the same\n"
        "model, settings, tiles and intensities, and say whether the result is equal, bit for bit. The pixels of the\n"
        "input and the model's weights must be those of the record. Exit status 1 if the result is another one.",
        examples=_EXAMPLES,
    )
    parser.set_defaults(run=run)
    parser.add_argument(
        "record", metavar="RESULT|JSON", help="a restored or degraded file, or its record as JSON"
    )
    parser.add_argument("-o", "--output", required=True, help="the new file (.tif, .ome.tif, .ome.zarr)")
    parser.add_argument(
        "--input",
        metavar="FILE",
        help="the input (default: where the record says, then beside the record, then here)",
    )
    parser.add_argument(
        "--model", metavar="ID|PATH", help="the model, if it has another id now or lies in a folder"
    )
    options.add_json(parser)
    options.add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out.

    Returns
    -------
    int
        Exit status: 0 if the result is equal or there is nothing to compare with, 1 if it differs.
    """
    from napari_restoration.cli.bar import ProgressBar
    from napari_restoration.core import progress
    from napari_restoration.tasks.replay import iter_replay

    task = iter_replay(
        arguments.record,
        arguments.output,
        source=arguments.input,
        model=arguments.model,
        overwrite=arguments.overwrite,
    )
    with ProgressBar(1) as bar, closing(task):
        bar.begin(arguments.record)
        report = progress.run(task, bar.report)
        for notice in report.get("notices", ()):
            bar.note(notice)
        bar.end(f"{arguments.output}: {report['words']}")
    if arguments.json:
        print_json(report)
    return FAILED if report["equal"] is False else DONE
