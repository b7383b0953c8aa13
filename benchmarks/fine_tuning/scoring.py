"""Images that were not trained on, restored whole by the shipped and by the tuned model, and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from benchmarks.fine_tuning.rows import ImageRow
from benchmarks.fine_tuning.sets import PairSet, Part, Plane, read_part
from scipy import ndimage


@dataclass(frozen=True, eq=False, kw_only=True)
class Restored:
    """Planes on the target's pixels; the input enlarged by cubic splines where the model enlarges."""

    name: str
    input: Plane
    shipped: Plane
    tuned: Plane
    target: Plane


def restored_parts(chosen: PairSet, tuned: Path, data: Path) -> list[Restored]:
    """Every part that is scored, through the same code as a user's images."""
    return [_restored(chosen, part, tuned, data) for part in chosen.test]


def scores_of(key: tuple[str, str, int, int], images: list[Restored]) -> list[ImageRow]:
    """One row for each image; its data range is that of its target."""
    rows = []
    for image in images:
        found = {name: _scores(getattr(image, name), image.target) for name in ("input", "shipped", "tuned")}
        values = {
            f"{metric}_{name}": round(both[i], 5)
            for i, metric in enumerate(("psnr", "ssim")) for name, both in found.items()
        }  # fmt: skip
        rows.append(
            ImageRow(set=key[0], recipe=key[1], steps=key[2], seed=key[3], image=image.name, **values)
        )
    return rows


def _restored(chosen: PairSet, part: Part, tuned: Path, data: Path) -> Restored:
    from napari_restoration.tasks.restore import restore

    given, target = read_part(chosen, part, data)
    planes = [
        np.asarray(restore(given, model, axes="YX", device="cpu").image.data, dtype=np.float32)
        for model in (chosen.model, tuned)
    ]
    ratio = target.shape[-1] // given.shape[-1]
    shown = given if ratio == 1 else ndimage.zoom(given, ratio, order=3, mode="reflect", grid_mode=True)
    return Restored(name=part.name, input=shown, shipped=planes[0], tuned=planes[1], target=target)


def _scores(plane: Plane, target: Plane) -> tuple[float, float]:
    from napari_restoration.core import metrics

    values = metrics.score(plane, target, data_range=float(np.ptp(target)))
    return values["psnr_affine"], values["ssim_affine"]
