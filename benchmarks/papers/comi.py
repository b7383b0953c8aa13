"""Refocusing with critics: COMI with and without pairs against Pix2Pix, CycleGAN, DeblurGAN and plain regression."""

from __future__ import annotations

from benchmarks.papers import c2f
from benchmarks.papers.common import Experiment, Variant

PAPER = "Correction of out-of-focus microscopic images by deep learning"

_RESNET = {"maps": 16, "blocks": 3}

EXPERIMENTS = (
    Experiment(
        name="comi",
        paper=PAPER,
        question="The paper ranks COMI above DeblurGAN-v2, DeblurGAN, Pix2Pix and CycleGAN in PSNR, SSIM and "
        "correlation.",
        variants=(
            Variant(
                name="regression", method="comi", preset="default", small=_RESNET, arch={"clamp": False},
                training={"losses": {"l1": 1.0}}, method_changes={"kind": "regression"},
            ),
            Variant(name="COMI, default", method="comi", preset="default", small=_RESNET, arch={"clamp": False}),
            Variant(name="Pix2Pix", method="pix2pix", small={"base": 16, "depth": 4}),
            Variant(
                name="CycleGAN", method="cyclegan", small=_RESNET,
                arch={"residual": False, "clamp": False, "upsampling": "transposed"},
            ),
            Variant(
                name="COMI, unpaired", method="comi-unpaired", preset="default", small=_RESNET,
                arch={"clamp": False},
            ),
            Variant(
                name="COMI, weights of the text", method="comi", small=_RESNET, features=True,
                arch={"clamp": False, "upsampling": "transposed"},
            ),
            Variant(
                name="COMI, weights of the code", method="comi", small=_RESNET, features=True,
                arch={"clamp": False, "upsampling": "nearest_conv"},
                training={"losses": {"lsgan": 0.001, "perceptual": 1.0, "cycle": 1.0}},
            ),
            Variant(
                name="DeblurGAN", method="deblurgan", small=_RESNET, features=True, arch={"clamp": False},
            ),
        ),
        small={"batch_size": 2, "patch": 96, "field_size": 160, "patches_per_field": 2, "validation_patches": 16},
        sources=c2f.SOURCES,
        examples=c2f.examples,
        credits=c2f.CREDITS,
    ),
)  # fmt: skip
