"""``napari-restoration pairs bursts``: training pairs of bursts from a stream and sharp images."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from napari_restoration.cli import options
from napari_restoration.cli.messages import DONE, FAILED, print_json, show

if TYPE_CHECKING:
    from napari_restoration.cli.options import Commands

_EXAMPLES = """\
  grey level 400 lies between metal bars and specimen, 9000 above the brightest specimen:
    napari-restoration pairs bursts stream.tif sharp_*.tif -o bursts/ --window 400 9000
  a second stream into the same folder:
    napari-restoration pairs bursts stream2.tif sharp2_*.tif -o bursts/ --window 400 9000
  tiles without metal bars:
    napari-restoration pairs bursts stream.tif sharp_*.tif -o tiles/ --window 400 9000 --tile 256
"""


def add_action(actions: Commands) -> None:
    """Add the action and its arguments."""
    parser = options.add_parser(
        actions,
        "bursts",
        summary="make training pairs from a stream of frames and sharp images",
        description="For each sharp image the frames that show its place are found in the stream, registered to it, "
        "and\nall are cropped to what they have in common. A sharp image with finer pixels is binned to the stream's.",
        examples=_EXAMPLES,
    )
    parser.set_defaults(run=run)
    parser.add_argument("stream", type=Path, metavar="STREAM", help="frames of a moving stage, along T")
    parser.add_argument(
        "sharp", nargs="+", metavar="SHARP", help="sharp images of places in it; * and ? are expanded"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="new folder, or one of bursts to add to",
    )
    parser.add_argument(
        "--window", type=float, nargs=2, required=True, metavar=("LOW", "HIGH"),
        help="grey levels that become 0 and 1: LOW just above metal bars, HIGH just above the brightest specimen; one "
        "for all that is trained on together",
    )  # fmt: skip
    parser.add_argument(
        "--frames", type=options.positive, default=5, metavar="N", help="frames of a burst (default: 5)"
    )
    parser.add_argument("--rigid", action="store_true", help="let frames turn, too")
    parser.add_argument(
        "--tile", type=options.positive, metavar="N", help="cut into tiles of N pixels that hold no metal bar"
    )
    parser.add_argument(
        "--upper-half",
        action="store_true",
        help="tiles of the upper half only, if sharp images overlap by half",
    )
    parser.add_argument(
        "--axes", type=options.axes, help="meaning of the stream's axes, as TYX, if its file is wrong"
    )
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry the action out.

    Returns
    -------
    int
        Exit status: 1 if a sharp image was left out.
    """
    from napari_restoration.cli.pairs import driven
    from napari_restoration.tasks.burst_preparation import BurstSettings, iter_prepare_bursts

    low, high = arguments.window
    settings = BurstSettings(
        low=low, high=high, frames=arguments.frames, motion="rigid" if arguments.rigid else "translation",
        tile_px=arguments.tile, upper_half=arguments.upper_half,
    )  # fmt: skip
    task = iter_prepare_bursts(
        options.as_paths(arguments.sharp), arguments.stream, arguments.output, settings, axes=arguments.axes
    )
    report = driven(task, arguments.stream.name)
    if arguments.json:
        print_json(report.to_dict())
    else:
        what = "tile of a burst|tiles of bursts" if arguments.tile else "burst|bursts"
        made = _counted(len(report.written), what)
        less = _counted(len(report.left_out), "sharp image was left out|sharp images were left out")
        show(f"{made} in {report.folder}." + (f" {less}." if report.left_out else ""))
    return FAILED if report.left_out else DONE


def _counted(count: int, words: str) -> str:
    one, many = words.split("|")
    return f"{count} {one if count == 1 else many}"
