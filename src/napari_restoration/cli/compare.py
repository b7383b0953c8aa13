"""``napari-restoration compare``: how close a restored image is to a reference."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from napari_restoration.cli import options
from napari_restoration.cli.messages import DONE, print_json, show

if TYPE_CHECKING:
    from napari_restoration.cli.options import Commands

_EXAMPLES = """\
  napari-restoration compare restored.tif truth.tif
  napari-restoration compare restored.tif truth.tif --before input.tif --json
"""

_SCORES = (
    ("psnr", "PSNR (dB)"),
    ("ssim", "SSIM"),
    ("pcc", "correlation"),
    ("mae", "MAE"),
    ("nrmse", "NRMSE"),
)


def add_command(commands: Commands) -> None:
    """Add the command and its arguments."""
    parser = options.add_parser(
        commands,
        "compare",
        summary="score a restored image against a reference",
        description="Score a restored image against a reference, plane by plane; printed are means over planes. "
        "Beside each score stands the one after the best gain and offset.",
        examples=_EXAMPLES,
    )
    parser.set_defaults(run=run)
    parser.add_argument("restored", metavar="RESTORED", help="image to judge")
    parser.add_argument("reference", metavar="REFERENCE", help="what it should look like")
    parser.add_argument("--before", metavar="INPUT", help="what it was restored from, scored beside it")
    parser.add_argument(
        "--data-range",
        type=options.above_zero,
        metavar="L",
        help="intensity range for PSNR and SSIM (default: maximum minus minimum of the reference)",
    )
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Carry the command out.

    Returns
    -------
    int
        Exit status.
    """
    from napari_restoration.core.io import read_image
    from napari_restoration.tasks.compare import compare

    result = compare(
        read_image(arguments.restored),
        read_image(arguments.reference),
        None if arguments.before is None else read_image(arguments.before),
        arguments.data_range,
    )
    if arguments.json:
        print_json(result)
    else:
        show(_as_table(result))
    return DONE


def _as_table(result: dict[str, Any]) -> str:
    columns = [("restored", result)]
    if "before" in result:
        columns.insert(0, ("before", result["before"]))
    head = "".join(f"{name:>12}{'fitted':>12}" for name, _ in columns)
    lines = [
        f"{result['restored']} against {result['reference']}: mean of {result['planes']} plane(s), "
        f"data range {result['data_range']:g}",
        f"{'':14}{head}",
    ]
    for key, title in _SCORES:
        values = "".join(
            f"{_figure(scores[key]):>12}{_figure(scores[f'{key}_affine']):>12}" for _, scores in columns
        )
        lines.append(f"{title:14}{values}")
    if result["identical_planes"]:
        lines.append(
            f"{result['identical_planes']} plane(s) are identical to the reference: PSNR infinite, not counted."
        )
    if result["nonfinite_pixels"]:
        lines.append(f"{result['nonfinite_pixels']} missing pixel(s): their planes have no scores.")
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
