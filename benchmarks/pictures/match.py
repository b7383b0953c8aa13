"""Real images beside matched synthetic ones: ``python -m benchmarks.pictures.match``.

Writes docs/images/match_*.png from `train` files of the data folder, and prints each distance.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from napari_restoration.core.io import read_image
from napari_restoration.core.progress import run
from napari_restoration.tasks.match import Match, MatchSettings, iter_match
from napari_restoration.tasks.presets import find_preset

_ROOT = Path(__file__).resolve().parents[2]
_SIDE, _GAP, _LINE = 256, 10, 20
_BLACK, _GREY, _REAL, _SYNTHETIC = (0, 0, 0), (120, 120, 120), (38, 110, 180), (200, 120, 0)
_SHOWN_PERCENTS = (0.5, 99.8)
_COLOURS = 64


@dataclass(frozen=True, kw_only=True)
class Case:
    """A bad image, perhaps a good one, the preset to begin with, and whose images they are."""

    name: str
    bad: str
    good: str | None
    preset: str
    pixel_um: float | None
    credit: str


_BIOSR = "BioSR (figshare 13264793), as redistributed in qiqi-lu/kernel-learning-deconvolution (MIT)"
_DFNN = "ZJUOPTKuangLab/DFNN (MIT)"
CASES = (
    Case(
        name="actin", bad="pairs/biosr_wf2sim/input/factin_1.tif", good="pairs/biosr_wf2sim/target/factin_1.tif",
        preset="widefield-sim-x2", pixel_um=0.0626, credit=_BIOSR,
    ),
    Case(
        name="microtubules", bad="pairs/biosr_wf2sim/input/microtubules_1.tif",
        good="pairs/biosr_wf2sim/target/microtubules_1.tif", preset="widefield-sim-x2", pixel_um=0.0626, credit=_BIOSR,
    ),
    Case(
        name="defocus", bad="pairs/dfnn_defocus_microtubules/input/cell11_defocus+0.7um.tif",
        good="pairs/dfnn_defocus_microtubules/target/cell11_ON1.tif", preset="semi-synthetic", pixel_um=None,
        credit=_DFNN,
    ),
    Case(name="shale", bad="em/serial/shale_serial.tif", good=None, preset="tem-stream", pixel_um=None,
         credit="bnsreenu/python_for_microscopists (MIT)"),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw the pictures that are asked for."""
    folder = os.environ.get("NAPARI_RESTORATION_DATA") or _ROOT.parent / "shared" / "data"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures.match", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(folder), help="folder with index.csv")
    parser.add_argument("--out", type=Path, default=_ROOT / "docs" / "images", help="where pictures go")
    parser.add_argument(
        "names", nargs="*", help=f"which; all by default: {', '.join(one.name for one in CASES)}"
    )
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    for case in CASES:
        if options.names and case.name not in options.names:
            continue
        good = None if case.good is None else read_image(options.data / case.good)
        settings = MatchSettings(pixel_size_um=case.pixel_um)
        found = run(iter_match(read_image(options.data / case.bad), good, find_preset(case.preset), settings))
        picture = draw(found, case)
        picture.quantize(_COLOURS, dither=Image.Dither.NONE).save(
            options.out / f"match_{case.name}.png", optimize=True
        )
        print(f"{case.name}: {found.comparison.words} {found.changes} {found.words}")
    return 0


def draw(found: Match, case: Case) -> Image.Image:
    """Real and synthetic image with one contrast, their histograms and their spectra."""
    comparison = found.comparison
    width = 4 * _SIDE + 5 * _GAP
    picture = Image.new("RGB", (width, _SIDE + 4 * _LINE + 2 * _GAP), (255, 255, 255))
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(size=13)
    low, high = (float(one) for one in np.nanpercentile(comparison.real, _SHOWN_PERCENTS))
    part = _brightest(comparison.real)
    for number, (plane, title) in enumerate(
        ((comparison.real, "real"), (comparison.synthetic, "synthetic, by the matched preset"))
    ):
        x = _GAP + number * (_SIDE + _GAP)
        pen.text((x, _GAP), title, fill=_BLACK, font=font)
        picture.paste(_grey(np.asarray(plane[part], np.float64), low, high), (x, _GAP + _LINE))
    shown = (
        ("share of the pixels", "grey level", comparison.levels, comparison.real_histogram,
         comparison.synthetic_histogram),
        ("power", "cycles per pixel", comparison.frequencies, comparison.real_power, comparison.synthetic_power),
    )  # fmt: skip
    for number, (up, across, x, real, synthetic) in enumerate(shown):
        left = _GAP + (2 + number) * (_SIDE + _GAP)
        pen.text((left, _GAP), up, fill=_BLACK, font=font)
        _legend(pen, left, font)
        _plot(pen, (left, _GAP + _LINE), x, (real, synthetic), across, font)
    pen.text((_GAP, _GAP + _SIDE + 2 * _LINE), comparison.words, fill=_BLACK, font=font)
    pen.text((_GAP, _GAP + _SIDE + 3 * _LINE), f"Real image: {case.credit}.", fill=_GREY, font=font)
    return picture


def _brightest(plane: npt.NDArray[np.generic]) -> tuple[slice, slice]:
    """The part of 256 pixels with the highest mean."""
    from scipy.ndimage import uniform_filter

    values = np.nan_to_num(np.asarray(plane, np.float64))
    mean = uniform_filter(values, _SIDE, mode="constant")
    at = np.unravel_index(int(mean.argmax()), mean.shape)
    top, left = (
        int(np.clip(middle - _SIDE // 2, 0, max(0, length - _SIDE)))
        for middle, length in zip(at, values.shape, strict=True)
    )
    return slice(top, top + _SIDE), slice(left, left + _SIDE)


def _grey(plane: npt.NDArray[np.float64], low: float, high: float) -> Image.Image:
    # Few steps of grey keep the file small.
    shares = np.clip((plane - low) / (high - low), 0, 1)
    return Image.fromarray((np.rint(shares * 47) / 47 * 255).astype(np.uint8)).convert("RGB")


def _legend(pen: ImageDraw.ImageDraw, left: int, font: ImageFont.ImageFont) -> None:
    at = left + _SIDE - 120
    for name, colour, width in (("real", _REAL, 46), ("synthetic", _SYNTHETIC, 74)):
        pen.text((at, _GAP), name, fill=colour, font=font)
        at += width


def _plot(
    pen: ImageDraw.ImageDraw, corner: tuple[int, int], x: npt.NDArray[np.float64],
    curves: Sequence[npt.NDArray[np.float64]], across: str, font: ImageFont.ImageFont,
) -> None:  # fmt: skip
    left, top = corner[0] + 34, corner[1]
    right, bottom = corner[0] + _SIDE, corner[1] + _SIDE
    seen = np.concatenate(curves)
    high = float(np.ceil(np.log10(seen.max())))
    low = max(float(np.floor(np.log10(seen[seen > 0].min()))), high - 8)
    pen.line([(left, top), (left, bottom), (right, bottom)], fill=_GREY)
    for exponent, y in ((high, top), (low, bottom - 14)):
        pen.text((corner[0], y), f"1e{exponent:.0f}", fill=_BLACK, font=font)
    for value, place, anchor in ((x[0], left, "la"), (x[-1], right, "ra")):
        pen.text((place, bottom + 3), f"{value:.3g}", fill=_BLACK, font=font, anchor=anchor)
    pen.text(((left + right) / 2, bottom + 3), across, fill=_BLACK, font=font, anchor="ma")
    for values, colour in zip(curves, (_REAL, _SYNTHETIC), strict=True):
        up = np.clip((np.log10(np.maximum(values, 10.0 ** (low - 1))) - low) / (high - low), 0, 1)
        places = left + (x - x[0]) / (x[-1] - x[0]) * (right - left)
        heights = bottom - up * (bottom - top)
        pen.line([(float(a), float(b)) for a, b in zip(places, heights, strict=True)], fill=colour, width=2)


if __name__ == "__main__":
    raise SystemExit(main())
