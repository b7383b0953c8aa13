"""Pictures of before, restored and truth: ``python -m benchmarks.quality.pictures --help``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from benchmarks.quality import cases
from benchmarks.quality.cases import Plane
from PIL import Image, ImageDraw, ImageFont

from napari_restoration.core import metrics

_HERE = Path(__file__).resolve().parent
_GAP = 6
_CAPTION = 22


def strip(
    panels: Sequence[tuple[str, Plane]], reference: Plane | None = None, side: int = 256
) -> Image.Image:
    """Planes side by side under one grey scale, each with its caption.

    Parameters
    ----------
    panels : sequence of (caption, plane)
        Planes (Y, X); each is shown in `side` x `side` pixels, enlarged without smoothing.
    reference : ndarray, optional
        The plane whose 0.5th and 99.8th percentile become black and white; each plane's own without one.
    side : int
        Side of a panel in pixels.

    Returns
    -------
    PIL.Image.Image
        Grey picture, panels from left to right.
    """
    picture = Image.new("L", (len(panels) * (side + _GAP) - _GAP, side + _CAPTION), 255)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(size=13)
    for index, (caption, plane) in enumerate(panels):
        left = index * (side + _GAP)
        grey = Image.fromarray(_grey(plane, plane if reference is None else reference))
        picture.paste(grey.resize((side, side), Image.Resampling.NEAREST), (left, _CAPTION))
        draw.text((left + 2, 3), caption, fill=0, font=font)
    return picture


def stack_strips(strips: Sequence[Image.Image]) -> Image.Image:
    """Strips one below the other."""
    width = max(one.width for one in strips)
    picture = Image.new("L", (width, sum(one.height + _GAP for one in strips) - _GAP), 255)
    top = 0
    for one in strips:
        picture.paste(one, (0, top))
        top += one.height + _GAP
    return picture


def sharpest_window(truth: Plane, side: int) -> tuple[slice, slice]:
    """The window of the truth with the largest standard deviation, on a grid of half windows."""
    best, place = -1.0, (0, 0)
    steps = [range(0, max(length - side, 0) + 1, max(side // 2, 1)) for length in truth.shape]
    for y in steps[0]:
        for x in steps[1]:
            contrast = float(np.std(truth[y : y + side, x : x + side]))
            if contrast > best:
                best, place = contrast, (y, x)
    return slice(place[0], place[0] + side), slice(place[1], place[1] + side)


def _grey(plane: Plane, reference: Plane) -> npt.NDArray[np.uint8]:
    low, high = np.percentile(reference[np.isfinite(reference)], (0.5, 99.8))
    scaled = (np.nan_to_num(plane.astype(np.float64)) - low) / max(high - low, 1e-12)
    return np.asarray(np.round(np.clip(scaled, 0, 1) * 255), dtype=np.uint8)


def main(arguments: Sequence[str] | None = None) -> int:
    """Restore some validation images with one model and save one picture of them."""
    from benchmarks.quality.__main__ import plain_input, restored_by

    folder = os.environ.get("NAPARI_RESTORATION_DATA") or _HERE.parents[1].parent / "shared" / "data"
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.pictures", description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--level", choices=cases.LEVELS, default="medium")
    parser.add_argument("--count", type=int, default=3, help="number of images, evenly spaced over the set")
    parser.add_argument(
        "--side", type=int, default=128, help="side of the shown window in pixels of the truth"
    )
    parser.add_argument("--data", type=Path, default=Path(folder))
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args(arguments)
    from napari_restoration.models.registry import find_card

    task = find_card(options.model)[0].task
    examples = [e for e in cases.degraded(task, options.data) if e.level == options.level]
    picked = [examples[i] for i in np.linspace(0, len(examples) - 1, options.count).round().astype(int)]
    strips = []
    for example in picked:
        window = sharpest_window(example.target, options.side)
        given, restored = plain_input(example), restored_by(options.model, example)
        scores = [metrics.psnr(p, example.target, data_range=example.data_range) for p in (given, restored)]
        panels = [
            (f"input {scores[0]:.1f} dB", given[window]),
            (f"restored {scores[1]:.1f} dB", restored[window]),
            ("truth", example.target[window]),
        ]
        strips.append(strip(panels, example.target[window]))
    stack_strips(strips).save(options.output, optimize=True)
    print(f"{options.output}: {', '.join(example.name for example in picked)}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
