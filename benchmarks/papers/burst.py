"""Bursts of a moving stage: transposed or nearest+convolution upsampling, gradient or SSIM loss, and the rivals."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from benchmarks.papers.common import Experiment, Variant
from benchmarks.quality.cases import Example, degraded

from napari_restoration.training.simulate import simulate
from napari_restoration.training.sources import as_truth, read_plane

PAPER = "TEM image restoration from fast image streams"

_STEM: dict[str, object] = {"match": "em/stem/*", "bins": [2, 3, 4]}
_SHALE: dict[str, object] = {"match": "em/serial/*", "bins": [2, 3]}
# Biological sections are for scores alone; half of them, evenly spaced.
_TEM = (
    "em/tem/vnc_stack1_00.tif", "em/tem/vnc_stack1_08.tif", "em/tem/vnc_stack1_16.tif",
    "em/tem/myelin_HPF4-416S1-3A-6500x-1.tif", "em/tem/myelin_HPF4-416S1-3A-6500x-7.tif",
    "em/tem/myelin_HPF4-416S2-5B-6500x-6.tif",
)  # fmt: skip
_MEDIUM = {
    "frames": 5.0, "path_px": 9.0, "shift_px": 0.5, "mtf_sigma_px": 0.6, "photons": 80.0, "background": 0.03,
    "read_noise": 2.0,
}  # fmt: skip


def examples(data: Path) -> list[Example]:
    """Nanoparticles that were held out, at two levels, and sections of tissue unlike anything trained on."""
    stem = [e for e in degraded("deblur", data) if e.name.startswith("em/stem/") and e.level != "mild"]
    return [*stem, *tissue(data)]


def tissue(data: Path) -> list[Example]:
    made = []
    for name in _TEM:
        truth = as_truth(read_plane(data / name), factor=2, smooth=0.6, black="zero")[64:320, 64:320]
        result = simulate("deblur", truth, _MEDIUM, np.random.default_rng([106, zlib.crc32(name.encode())]))
        made.append(
            Example(
                task="deblur", level="medium", name=name, kind="tissue (eval-only)", input=result.input,
                target=result.target,
            )
        )  # fmt: skip
    return made


# Dropout is the paper's; "small" has the width and depth of the shipped model.
_BDU = {"first": 16, "growth": 8, "layers": 2, "depth": 3}
_SMALL = {"batch_size": 4, "patch": 64, "field_size": 128, "patches_per_field": 2, "validation_patches": 16}

EXPERIMENTS = (
    Experiment(
        name="burst",
        paper=PAPER,
        question="The paper finds DeblurGAN-v2 < BU < BDU+T, BDU+UC <= BDU+UC+SSIM in SSIM, and a grid from "
        "transposed convolutions.",
        variants=(
            Variant(name="BU", method="bu", small={"first": 12, "upsampling": "transposed"}),
            Variant(name="BDU+T", method="bdu-t", small=_BDU, arch={"upsampling": "transposed"}),
            Variant(name="BDU+UC", method="bdu-uc", small=_BDU, arch={"upsampling": "nearest_conv"}),
            Variant(name="BDU+UC+SSIM", method="bdu-uc-ssim", small=_BDU, arch={"upsampling": "nearest_conv"}),
            Variant(
                name="default", method="bdu-uc-ssim", preset="default", small={**_BDU, "dropout": 0.0},
                arch={"upsampling": "nearest_conv"},
            ),
            Variant(
                name="DeblurGAN-v2", method="deblurgan-v2", small={"maps": 16, "divide": 4},
                training={"losses": {"l2": 0.5, "perceptual": 0.006, "ragan_ls": 0.01}}, features=True,
            ),
        ),
        small=_SMALL,
        sources=(_STEM,),
        examples=examples,
        credits="em/stem: STEM-Automated-Nanoparticle-Analysis-YOLOv8-SAM (ArdaGen), MIT",
    ),
    Experiment(
        name="burst-samples",
        paper=PAPER,
        question="The paper finds that a network trained on one kind of sample does worse on the other, and one "
        "trained on both nearly as well on each.",
        variants=tuple(
            Variant(
                name=name, method="bdu-uc-ssim", small=_BDU, arch={"upsampling": "nearest_conv"}, sources=sources
            )
            for name, sources in (
                ("nanoparticles", (_STEM,)), ("rock", (_SHALE,)), ("both", (_STEM, _SHALE)),
            )
        ),
        small=_SMALL,
        examples=examples,
        credits="em/stem: STEM-Automated-Nanoparticle-Analysis-YOLOv8-SAM (ArdaGen), MIT",
    ),
)  # fmt: skip
