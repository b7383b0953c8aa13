"""Crops of one image: input, shipped model, tuned model, target."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from benchmarks.fine_tuning.scoring import Restored
from benchmarks.quality.pictures import sharpest_window, stack_strips, strip

_SIDE = 96
_MOST_IMAGES = 3


def save_picture(path: Path, images: Sequence[Restored]) -> None:
    """One row for each of a few images, at their windows of most contrast; grey levels fitted to the target's."""
    from napari_restoration.core import metrics

    path.parent.mkdir(parents=True, exist_ok=True)
    picked = np.linspace(0, len(images) - 1, min(_MOST_IMAGES, len(images))).round().astype(int)
    rows = []
    for number in picked:
        image = images[number]
        window = sharpest_window(image.target, _SIDE)
        panels = []
        for caption, plane in (("input", image.input), ("shipped", image.shipped), ("tuned", image.tuned)):
            gain, offset = metrics.fit_affine(plane, image.target)
            fitted = gain * plane + offset
            score = metrics.psnr(fitted, image.target, data_range=float(np.ptp(image.target)))
            panels.append((f"{caption} {score:.1f} dB", fitted[window]))
        panels.append((f"target, {image.name}"[:34], image.target[window]))
        rows.append(strip(panels, image.target[window], side=224))
    stack_strips(rows).save(path, optimize=True)
