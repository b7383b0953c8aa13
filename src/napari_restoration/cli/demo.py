"""``napari-restoration demo``: the main job on a sample stack."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from napari_restoration.cli import options
from napari_restoration.cli.messages import DONE, say

if TYPE_CHECKING:
    from napari_restoration.cli.options import Commands

_EXAMPLES = """\
  in napari, or headless where there is no display:
    napari-restoration demo
  headless, for one task, into a folder of your choice:
    napari-restoration demo --headless --task superres -o demo/
"""
_FOLDER = "napari-restoration-demo"
# A display that does not answer, or a missing system library, ends the process that opens a window there.
_OPEN_WINDOW = "from qtpy.QtWidgets import QApplication; QApplication([])"
_INVISIBLE = ("offscreen", "minimal")


def add_command(commands: Commands) -> None:
    """Add the command and its arguments."""
    parser = options.add_parser(
        commands,
        "demo",
        summary="restore a sample stack in napari, or headless",
        description="Open napari on a sample stack and restore it there. Without a display the sample is restored "
        "headless: the result is written as TIFF, and a picture shows it before and after.",
        examples=_EXAMPLES,
    )
    parser.set_defaults(run=run)
    parser.add_argument("--headless", action="store_true", help="do not open napari")
    parser.add_argument(
        "-o", "--output", metavar="DIR", help=f"folder for a headless result (default: a new {_FOLDER})"
    )
    parser.add_argument(
        "--task", choices=options.TASKS, default="deblur", help="what to show (default: deblur)"
    )
    options.add_overwrite(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out.

    Returns
    -------
    int
        Exit status.
    """
    from napari_restoration.tasks.prepare import choose_model

    choose_model(None, arguments.task)  # without a model nothing is opened and no folder is made
    if not arguments.headless:
        problem = _window_problem()
        if problem is None:
            # By name: the command line works without napari, and nothing else in it may need a window.
            import_module("napari_restoration.gui.demo").open_demo(arguments.task)
            return DONE
        say(f"{problem} The sample is restored headless.")
    _restore_headless(arguments)
    return DONE


def _restore_headless(arguments: argparse.Namespace) -> None:
    from napari_restoration.cli.bar import ProgressBar
    from napari_restoration.cli.outputs import make_folder
    from napari_restoration.core import progress
    from napari_restoration.tasks.demo import iter_demo

    folder = _unused_folder() if arguments.output is None else Path(arguments.output)
    make_folder(folder)
    with ProgressBar(1) as bar:
        bar.begin(f"{arguments.task} sample")
        with closing(iter_demo(arguments.task, folder, overwrite=arguments.overwrite)) as task:
            result = progress.run(task, bar.report)
        bar.end(result.summary)
    say(f"Restored stack: {result.restored.resolve()}")
    say(f"Before and after: {result.picture.resolve()}")


def _unused_folder() -> Path:
    """The demo writes beside earlier demos, never over them."""
    folder, number = Path(_FOLDER), 1
    while folder.exists():
        number += 1
        folder = Path(f"{_FOLDER}-{number}")
    return folder


def _window_problem() -> str | None:
    """Why no window can be opened, or None if one can."""
    if os.environ.get("QT_QPA_PLATFORM", "").split(":")[0] in _INVISIBLE:
        return "Qt is told to draw no windows (QT_QPA_PLATFORM)."
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return "There is no display."
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _OPEN_WINDOW], capture_output=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return "The display does not answer."
    if probe.returncode == 0:
        return None
    return "napari cannot open a window here: the display does not answer, or a library of Qt is missing."
