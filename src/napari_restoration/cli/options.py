"""Arguments that several commands share, and the checks of their values."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_restoration.models.card import TASKS

if TYPE_CHECKING:
    Commands: TypeAlias = argparse._SubParsersAction[Any]

__all__ = [
    "TASKS",
    "above_zero",
    "add_json",
    "add_overwrite",
    "add_parser",
    "as_paths",
    "axes",
    "counted",
    "frames",
    "positive",
]


def add_parser(
    commands: Commands, name: str, *, summary: str, description: str = "", examples: str
) -> argparse.ArgumentParser:
    """Add a command whose help ends with examples.

    Parameters
    ----------
    commands : subparsers action
        The commands so far.
    name, summary : str
        The command and its line in the list of commands.
    description : str
        What stands above the arguments in its help; the summary by default.
    examples : str
        Lines that can be typed as they are.

    Returns
    -------
    argparse.ArgumentParser
        The command's own parser.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=description or f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # Suppressed, so that it does not undo a --debug that stands before the command.
    parser.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output")


def add_overwrite(parser: argparse.ArgumentParser) -> None:
    """Add ``--overwrite``."""
    parser.add_argument("--overwrite", action="store_true", help="replace an output that exists")


def positive(text: str) -> int:
    """A whole number of at least 1."""
    number = int(text) if text.isascii() and text.isdigit() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return number


def counted(text: str) -> int:
    """A whole number of at least 0."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, counted from 0")
    return int(text)


def axes(text: str) -> str:
    """Axes letters, in capitals."""
    return text.upper()


def frames(text: str) -> str | int:
    """``auto``, ``all`` or a number of frames."""
    if text in ("auto", "all"):
        return text
    try:
        return positive(text)
    except argparse.ArgumentTypeError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither auto nor all nor a number of frames") from None


def above_zero(text: str) -> float:
    """A finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def as_paths(names: list[str]) -> list[Path]:
    """Paths of the files named on the command line.

    A pattern that the shell has not replaced by names, as on Windows, is replaced here; one that matches
    nothing stays as it is and is reported as a missing file.
    """
    import glob

    paths: list[Path] = []
    for name in names:
        found = sorted(glob.glob(name)) if glob.has_magic(name) and not Path(name).exists() else []
        paths += [Path(entry) for entry in found] or [Path(name)]
    return paths
