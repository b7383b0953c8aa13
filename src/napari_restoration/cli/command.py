"""The command ``napari-restoration``: its arguments, and what becomes of errors."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

from napari_restoration import __version__
from napari_restoration.cli import compare, degrade, demo, diagnose, models, pairs, replay, restore, train
from napari_restoration.cli.messages import (
    DONE,
    FAILED,
    INTERRUPTED,
    exit_code,
    is_foreseen,
    print_json,
    say,
    sentence,
)

_EPILOG = """\
examples:
  napari-restoration restore cell.tif -o cell_sharp.tif --task deblur
  napari-restoration restore day1/*.tif -o restored/ --task denoise --json
  napari-restoration degrade good.tif -o bad.tif --preset widefield-20x
  napari-restoration compare cell_sharp.tif truth.tif --before cell.tif
  napari-restoration diagnose cell.tif
  napari-restoration replay cell_sharp.tif -o again.tif
  napari-restoration models list
  napari-restoration demo

Every command has its own --help. Results go to files; progress and messages go to standard error.
Exit status: 0 done, 2 bad input or usage, 1 any other error, 130 interrupted.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; by default those of the process.

    Returns
    -------
    int
        Exit status: 0 done, 2 bad input or usage, 1 any other error, 130 interrupted.
    """
    # Before torch is loaded: OpenMP threads that spin collapse on busy cores.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        arguments = build_parser().parse_args(argv)
    except SystemExit as end:  # argparse has already said why
        return int(end.code or DONE)
    with _logging_as_wanted(arguments.debug):
        return _run(arguments)


def build_parser() -> argparse.ArgumentParser:
    """The arguments of all commands.

    Returns
    -------
    argparse.ArgumentParser
        Its result has ``run``, the function that carries the chosen command out.
    """
    parser = _Parser(
        prog="napari-restoration",
        description="Restore microscopy images: deblur, refocus, super-resolution and denoising; degrade good ones.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in (restore, degrade, compare, diagnose, models, demo, pairs, replay, train):
        module.add_command(commands)
    return parser


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and which takes ``--debug`` after the command as well."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        say(f"{self.prog}: {sentence(message)} See {self.prog} --help.")
        raise SystemExit(2)


def _run(arguments: argparse.Namespace) -> int:
    try:
        code: int = arguments.run(arguments)
    except KeyboardInterrupt:
        return _report(arguments, "Interrupted; no unfinished file was left behind.", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has closed it, as `head` does; Python must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:  # noqa: BLE001 - the last stop: the user reads a sentence, not a traceback
        if arguments.debug:
            traceback.print_exc()
        more = "" if is_foreseen(error) or arguments.debug else " Add --debug for details."
        return _report(arguments, sentence(error) + more, exit_code(error))
    return code


def _report(arguments: argparse.Namespace, message: str, code: int) -> int:
    say(f"napari-restoration: {message}")
    if getattr(arguments, "json", False):
        print_json({"error": message, "exit_code": code})
    return code


@contextmanager
def _logging_as_wanted(debug: bool) -> Iterator[None]:
    """Our own warnings are for the user; libraries' log lines are shown with ``--debug`` only."""
    import logging

    handlers: dict[str, logging.Handler] = {"": logging.NullHandler()}
    if debug:
        handlers[""] = logging.StreamHandler()
    else:
        handlers["napari_restoration"] = logging.StreamHandler()
        handlers["napari_restoration"].setLevel(logging.WARNING)
    for name, handler in handlers.items():
        logging.getLogger(name).addHandler(handler)
    try:
        yield
    finally:
        for name, handler in handlers.items():
            logging.getLogger(name).removeHandler(handler)
