"""A small data folder of drawn images, and recipes small enough to train in a second."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.training.recipe import Recipe, TrainingSettings
from napari_restoration.training.recipe_data import SourceSettings


@pytest.fixture
def images_dir(tmp_path: Path) -> Path:
    """Six training images in two groups, one validation image, one that must never be trained on, one pair."""
    folder = tmp_path / "images"
    rows = [(f"cells/a{n}.tif", "MIT", "train", "") for n in range(4)]
    rows += [
        ("cells/b_y0_x0.tif", "CC-BY-4.0", "train", ""),
        ("cells/b_y64_x0.tif", "CC-BY-4.0", "train", ""),
    ]
    rows += [("cells/val.tif", "MIT", "val", ""), ("cells/closed.tif", "unverified", "eval-only", "")]
    rows += [("pairs/p/input/1.tif", "MIT", "train", "p1"), ("pairs/p/target/1.tif", "MIT", "train", "p1")]
    rng = np.random.default_rng(0)
    for name, *_ in rows:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        blobs = ndimage.gaussian_filter(rng.random((96, 96)), 2)
        blobs = (blobs - blobs.min()) / np.ptp(blobs) * 1000
        tifffile.imwrite(folder / name, blobs.astype(np.uint16))
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(
            ["file", "modality", "structure", "licence", "use", "pair", "pixel_size_um", "source"]
        )
        for name, licence, use, pair in rows:
            writer.writerow(
                [name, 'widefield, "test"', "cells", licence, use, pair, "", f"github.com/a/b@c:{name}"]
            )
    return folder


@pytest.fixture
def tiny_recipe() -> Callable[..., Recipe]:
    """Makes a denoising recipe with a tiny network; arguments replace its fields or training settings."""

    def make(training: dict[str, Any] | None = None, **changes: Any) -> Recipe:
        settings = TrainingSettings(
            steps=4,
            steps_per_epoch=2,
            batch_size=2,
            patch=16,
            field_size=32,
            patches_per_field=2,
            warmup_steps=1,
            validation_patches=2,
            losses={"laplace_nll": 1.0},
        )
        recipe = Recipe(
            id="tiny",
            title="Tiny",
            description="A tiny model for tests.",
            task="denoise",
            arch="care",
            arch_args={"base": 4, "depth": 1, "kernel": 3},
            seed=5,
            sources=(SourceSettings(match="cells/*"),),
            degradation={"photons": (20.0, 200.0)},
            training=replace(settings, **(training or {})),
        )
        return replace(recipe, **changes)

    return make
