"""``napari-restoration degrade``: bad images made from good ones, training pairs, and the presets for both."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from napari_restoration.cli import options
from napari_restoration.cli.messages import DONE, print_json, show
from napari_restoration.core.errors import InputError

if TYPE_CHECKING:
    from napari_restoration.cli.options import Commands

_EXAMPLES = """\
  which instruments there are, and one of them as a file to edit:
    napari-restoration degrade --list
    napari-restoration degrade --show widefield-20x > mine.json
  one image, as a dim and defocused one, with the sharp image it should be restored to:
    napari-restoration degrade cell.tif -o bad.tif --preset widefield-20x --level hard --target good.tif
  a burst of 7 frames with a longer path of motion:
    napari-restoration degrade cell.tif -o burst.tif --preset tem-stream --frames 7 --set motion_blur.length_px=15
  training pairs: 20 randomised copies of each image at each level, 256 pixels wide:
    napari-restoration degrade good/*.tif --preset mine.json --pairs pairs/ --count 20 --patch 256
"""

# Options that belong to one of the two results only.
_OF_IMAGES = ("output", "target", "level", "vary")
_OF_PAIRS = ("count", "levels", "patch")


def add_command(commands: Commands) -> None:
    """Add the command and its arguments."""
    parser = options.add_parser(
        commands,
        "degrade",
        summary="make bad images from good ones, or training pairs",
        description="Degrade good images as a microscope would, by the physics of a preset: light, blur, motion, "
        "pixels, camera. With --pairs, write randomised training pairs.",
        examples=_EXAMPLES,
    )
    parser.set_defaults(run=run)
    parser.add_argument("input", nargs="*", metavar="INPUT", help="good image")
    parser.add_argument(
        "-o", "--output", help="file (.tif, .ome.tif, .ome.zarr), or a folder for several inputs"
    )
    parser.add_argument("--preset", metavar="NAME|FILE.json", help="a preset from --list, or one's own file")
    parser.add_argument(
        "--axes", type=options.axes, help="meaning of the axes, as ZYX, if the file's is wrong"
    )
    _add_settings(parser.add_argument_group("settings").add_argument)
    _add_pairs(parser.add_argument_group("training pairs").add_argument)
    about = parser.add_argument_group("presets").add_argument
    about("--list", action="store_true", help="list the presets")
    about("--show", metavar="NAME", help="print a preset as JSON, which --preset takes as a file")
    options.add_json(parser)
    options.add_overwrite(parser)


def _add_settings(chosen: Any) -> None:
    chosen(
        "--set",
        action="extend",
        nargs="+",
        default=[],
        metavar="STEP.FIELD=VALUE",
        help="change the preset: a value, none, on, off, or a range low..high to draw from; "
        "step.enabled=off leaves a step out",
    )
    chosen("--level", help="the preset at this level of difficulty, as mild, medium or hard")
    chosen("--frames", type=options.positive, metavar="N", help="make a burst of N frames of each image")
    chosen("--vary", action="store_true", help="draw the fields that have a range (default: their middle)")
    chosen("--seed", type=options.counted, default=0, metavar="S", help="of everything drawn (default: 0)")
    chosen("--pixel-size", type=options.above_zero, metavar="UM", help="if the file has none or a wrong one")
    chosen("--z-step", type=options.above_zero, metavar="UM", help="distance of planes, likewise")
    chosen(
        "--volume",
        action=argparse.BooleanOptionalAction,
        help="blur in 3D, or plane by plane (default: 3D if the distance of planes is known and no step has a defocus)",
    )
    chosen(
        "--target", metavar="TARGET", help="write the sharp image in the same units too; a folder for several"
    )


def _add_pairs(chosen: Any) -> None:
    chosen("--pairs", metavar="DIR", help="write DIR/input, DIR/target and DIR/pairs.json with every draw")
    chosen(
        "--count", type=options.positive, metavar="N", help="copies of each image at each level (default: 4)"
    )
    chosen(
        "--levels",
        metavar="L,L|none",
        help="levels of difficulty (default: all of the preset); none: its own ranges",
    )
    chosen("--patch", type=options.positive, metavar="N", help="random cut-outs N pixels wide (default: all)")


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out.

    Returns
    -------
    int
        Exit status.
    """
    if arguments.list or arguments.show is not None:
        return _tell_presets(arguments)
    _check(arguments)
    if arguments.pairs is not None:
        from napari_restoration.cli.degrade_pairs import run_pairs

        return run_pairs(arguments)
    from napari_restoration.cli.degrade_files import run_files

    return run_files(arguments)


def _check(arguments: argparse.Namespace) -> None:
    """Refuse arguments that do not belong together, which argparse cannot express."""
    pairs = arguments.pairs is not None
    missing = [
        name
        for name, given in (
            ("INPUT", arguments.input),
            ("--preset (see --list)", arguments.preset),
            ("-o OUTPUT or --pairs DIR", pairs or arguments.output),
        )
        if not given
    ]
    if missing:
        raise InputError(f"degrade needs {' and '.join(missing)}.")
    extra = [f"--{name}" for name in (_OF_IMAGES if pairs else _OF_PAIRS) if getattr(arguments, name)]
    if extra:
        where = "with --pairs" if pairs else "without --pairs"
        instead = {"--level": " (use --levels)", "--levels": " (use --level)"}.get(extra[0], "")
        raise InputError(f"{', '.join(extra)} has no meaning {where}: leave it out{instead}.")


def _tell_presets(arguments: argparse.Namespace) -> int:
    from napari_restoration.tasks.presets import find_preset, is_shipped, list_presets, preset_text

    if arguments.show is not None:
        show(preset_text(find_preset(arguments.show)))
        return DONE
    presets = list_presets()
    if arguments.json:
        entries = [
            {
                "id": one.id, "title": one.title, "task": one.task, "description": one.description,
                "levels": list(one.levels), "steps": [choice.step.kind for choice in one.steps],
                "shipped": is_shipped(one.id),
            }
            for one in presets
        ]  # fmt: skip
        print_json({"presets": entries})
        return DONE
    width = max(len(one.id) for one in presets)
    lines = [
        f"{one.id:{width}}  {one.task:8}  {one.title}\n{'':{width}}  {one.description}" for one in presets
    ]
    show("\n".join(lines))
    return DONE
