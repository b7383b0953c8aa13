"""``napari-restoration pairs``: examine training pairs, write mended ones, make those of bursts."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from napari_restoration.cli import bursts, options
from napari_restoration.cli.messages import BAD_INPUT, DONE, print_json, show
from napari_restoration.core.errors import InputError

if TYPE_CHECKING:
    from napari_restoration.cli.options import Commands
    from napari_restoration.core.progress import Task
    from napari_restoration.tasks.pair_doctor import Found, PairReport
    from napari_restoration.tasks.pair_fix import FixReport

T = TypeVar("T")

_EXAMPLES = """\
  pairs in folders 'input' and 'target' of one folder, or in two folders:
    napari-restoration pairs check cells/
    napari-restoration pairs check low/ high/
  against validation pairs that must not show the same:
    napari-restoration pairs check cells/ --val held_out/
  write pairs without the faults that can be mended, and see what was done:
    napari-restoration pairs check cells/ --fix cells_mended/ --json
"""
_MARKS = {"error": "!", "warning": "?", "note": "-"}


def add_command(commands: Commands) -> None:
    """Add the command and its arguments."""
    parser = options.add_parser(
        commands,
        "pairs",
        summary="examine training pairs, mend them, make bursts",
        description="Training pairs: a bad and a good image of the same place each.",
        examples=_EXAMPLES,
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = options.add_parser(
        actions,
        "check",
        summary="examine pairs, and mend them",
        description="Examine training pairs: names, shapes, shift, saturation, exchanged or equal images, brightness, "
        "copies and\nleaks into validation. Lines are marked ! (must not be trained on), ? (a fault), - (a note) and > "
        "(what to do).\nThe exit status is 2 if an error is left.",
        examples=_EXAMPLES,
    )
    check.set_defaults(run=run)
    check.add_argument("input", type=Path, metavar="DIR|INPUT", help="folder of pairs, or of the inputs")
    check.add_argument("target", type=Path, nargs="?", metavar="TARGET", help="folder of the targets")
    check.add_argument(
        "--suffixes",
        nargs=2,
        metavar=("IN", "OUT"),
        help="how names of inputs and targets end, in one folder",
    )
    check.add_argument("--val", type=Path, metavar="DIR", help="validation pairs that must not show the same")
    check.add_argument(
        "--axes", type=options.axes, help="meaning of the axes, as TZYX, if the files' are wrong"
    )
    check.add_argument(
        "--shift", type=options.above_zero, metavar="PX", help="shift from which on to warn (default: 0.5)"
    )
    check.add_argument("--fix", type=Path, metavar="OUT", help="write mended pairs into this new folder")
    check.add_argument(
        "--fixes",
        metavar="A,B",
        help="what to mend, out of leave_out, crop, fill, swap, register, fit (default: leave_out,crop,fill,register)",
    )
    options.add_json(check)
    bursts.add_action(actions)


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out.

    Returns
    -------
    int
        Exit status: 2 if a pair must not be trained on and nothing was mended.
    """
    from napari_restoration.tasks.pair_doctor import PairLimits, find_pairs, iter_check_pairs
    from napari_restoration.tasks.pair_fix import USUAL_FIXES, iter_fix_pairs

    if arguments.fixes is not None and arguments.fix is None:
        raise InputError("--fixes says what to mend, but not where to: add --fix OUT.")
    suffixes = tuple(arguments.suffixes) if arguments.suffixes else None
    found = find_pairs(arguments.input, arguments.target, suffixes=suffixes, axes=arguments.axes)
    held: Found | None = None if arguments.val is None else find_pairs(arguments.val, axes=arguments.axes)
    limits = PairLimits() if arguments.shift is None else PairLimits(shift_px=arguments.shift)
    report: PairReport = driven(iter_check_pairs(found, validation=held, limits=limits), arguments.input.name)
    fixed: FixReport | None = None
    if arguments.fix is not None:
        fixes = USUAL_FIXES if arguments.fixes is None else tuple(arguments.fixes.split(","))
        fixed = driven(iter_fix_pairs(report, arguments.fix, fixes=fixes), arguments.fix.name)
    if arguments.json:
        print_json({**report.to_dict(), "fixed": fixed.to_dict() if fixed is not None else None})
    else:
        show(_as_lines(report, fixed))
    return BAD_INPUT if report.has_errors and fixed is None else DONE


def driven(task: Task[T], name: str) -> T:
    """Run a task under a progress bar."""
    from napari_restoration.cli.bar import ProgressBar
    from napari_restoration.cli.degrade_files import report_to
    from napari_restoration.core import progress

    with ProgressBar(1) as bar, closing(task):
        bar.begin(name)
        return progress.run(task, lambda one: report_to(bar, one))


def _as_lines(report: PairReport, fixed: FixReport | None) -> str:
    lines: list[str] = []
    for one in report.findings:
        where = f"{one.pair}: " if one.pair else ""
        mended = f" ({one.fix})" if one.fix else ""
        lines += [f"{_MARKS[one.severity]} {where}{one.words}", f"    > {one.advice}{mended}"]
    lines.append(f"{len(report.usable)} of {len(report.pairs)} pairs can be trained on as they are.")
    if fixed is not None:
        lines.append(f"{len(fixed.written)} pairs are in {fixed.folder}, {len(fixed.mended)} of them mended.")
    return "\n".join(lines)
