"""``napari-restoration diagnose``: what is wrong with images, and which restoration fits."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.cli import options
from napari_restoration.cli.messages import (
    BAD_INPUT,
    DONE,
    FAILED,
    exit_code,
    print_json,
    say,
    sentence,
    show,
)

if TYPE_CHECKING:
    from napari_restoration.cli.options import Commands
    from napari_restoration.tasks.diagnose import Diagnosis

_EXAMPLES = """\
  what is wrong with the middle plane of a stack:
    napari-restoration diagnose cell.tif
  with a known objective, so that its blur is held against what the lens can do:
    napari-restoration diagnose cell.tif --pixel-size 0.108 --na 1.2 --wavelength 0.52
  one plane of many files, with figures for a script:
    napari-restoration diagnose day1/*.tif --position T=3,Z=5 --channel 1 --json > findings.json
"""
_MARKS = {"problem": "!", "note": "-", "good": "+"}


def add_command(commands: Commands) -> None:
    """Add the command and its arguments."""
    parser = options.add_parser(
        commands,
        "diagnose",
        summary="say what is wrong with an image, and which restoration fits",
        description="Say what is wrong with one plane of each image, with numbers: noise, blur, motion, saturation,\n"
        "coarse pixels, nothing in it. Lines are marked ! (a problem), - (a note), + (in order) and > (what to do).",
        examples=_EXAMPLES,
    )
    parser.set_defaults(run=run)
    parser.add_argument("input", nargs="+", metavar="INPUT", help="image file; raw grey levels tell most")
    parser.add_argument(
        "--axes", type=options.axes, help="meaning of the axes, as TZYX, if the file's is wrong"
    )
    parser.add_argument(
        "--channel", type=options.counted, metavar="N", help="which channel, from 0 (default: 0)"
    )
    parser.add_argument(
        "--position",
        type=_position,
        metavar="T=3,Z=5",
        default={},
        help="which plane, from 0 (default: the middle of each axis)",
    )
    parser.add_argument(
        "--pixel-size", type=options.above_zero, metavar="UM", help="if the file has none or a wrong one"
    )
    optics = parser.add_argument_group("optics, to hold the blur against what the lens can do")
    optics.add_argument(
        "--na", type=options.above_zero, metavar="X", help="numerical aperture of the objective"
    )
    optics.add_argument(
        "--wavelength", type=options.above_zero, metavar="UM", help="of the emitted light, as 0.52"
    )
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out.

    Returns
    -------
    int
        Exit status. Of several inputs: 0 if all are done, 1 if only some, 2 if none because of the input.
    """
    sources = options.as_paths(arguments.input)
    if len(sources) == 1:
        entry, found = _diagnosed(sources[0], arguments)
        if arguments.json:
            print_json(entry)
        else:
            show(_as_lines(found))
        return DONE
    return _run_many(sources, arguments)


def _run_many(sources: list[Path], arguments: argparse.Namespace) -> int:
    """All inputs one after the other; a bad one does not stop the others."""
    results: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    codes = []
    for source in sources:
        try:
            entry, found = _diagnosed(source, arguments)
        except Exception as error:
            if arguments.debug:
                raise
            codes.append(exit_code(error))
            failed.append({"input": str(source), "error": sentence(error)})
            say(f"{source}: not diagnosed. {sentence(error)}")
            continue
        results.append(entry)
        if not arguments.json:
            show(f"{source}:\n{_as_lines(found, indent='  ')}")
    if arguments.json:
        print_json({"results": results, "failed": failed})
    if not failed:
        return DONE
    say(f"{len(results)} of {len(sources)} files diagnosed, {len(failed)} not.")
    return BAD_INPUT if not results and set(codes) == {BAD_INPUT} else FAILED


def _diagnosed(source: Path, arguments: argparse.Namespace) -> tuple[dict[str, Any], Diagnosis]:
    from napari_restoration.core.io import read_image
    from napari_restoration.tasks.diagnose import diagnose

    image = read_image(source, axes=arguments.axes)
    if arguments.pixel_size is not None:
        sizes = {**image.pixel_size_um, "Y": arguments.pixel_size, "X": arguments.pixel_size}
        image = image.replace(pixel_size_um=sizes)
    channel = {} if arguments.channel is None else {"C": arguments.channel}
    at = {**arguments.position, **channel}
    found = diagnose(image, at=at, na=arguments.na, wavelength_um=arguments.wavelength)
    return {"input": str(source), **found.to_dict()}, found


def _as_lines(found: Diagnosis, indent: str = "") -> str:
    lines = [f"{_MARKS[one.severity]} {one.words}" for one in found.findings]
    advice = f"> {found.advice}" + (f" Model: {found.model}." if found.model is not None else "")
    return "\n".join(f"{indent}{line}" for line in [*lines, advice])


def _position(text: str) -> dict[str, int]:
    """``T=3,Z=5`` as axes and indices."""
    at: dict[str, int] = {}
    for part in text.split(","):
        axis, _, index = (piece.strip() for piece in part.partition("="))
        axis = axis.upper()
        if axis not in ("T", "Z", "C") or axis in at or not (index.isascii() and index.isdigit()):
            raise argparse.ArgumentTypeError(f"{text!r} is no position such as T=3,Z=5, counted from 0")
        at[axis] = int(index)
    return at
