"""Super-resolution x2: pixels alone, with features, and with features and a critic."""

from __future__ import annotations

from pathlib import Path

from benchmarks.papers.common import Experiment, Variant, middle
from benchmarks.quality.cases import Example, RealPairs, degraded, real

PAPER = "Microscopy Image Restoration using Deep Learning on W2S"

_RRDB = {"maps": 16, "growth": 8, "blocks": 2}
_REGRESSION = {"kind": "regression"}
_FACTIN = {"match": "pairs/biosr_wf2sim/input/factin*", "bin_input": 2, "fit": True}


def examples(data: Path) -> list[Example]:
    """Held-out fluorescence on a simulated microscope, and the two real BioSR pairs, their inputs binned 2 x 2."""
    kept = ("fluorescence/actin/", "fluorescence/mitochondria/", "fluorescence/lysosomes/")
    made = [one for one in degraded("superres", data) if one.name.startswith(kept)]
    pairs = RealPairs(task="superres", folder="biosr_wf2sim", use="train", bin_input=2)
    return [*made, *middle(real(pairs, data), 192)]


EXPERIMENTS = (
    Experiment(
        name="rrdb",
        paper=PAPER,
        question="The paper's PSNR and SSIM are best for pixels alone in two channels of three, and with features and "
        "a critic in one; both far above bicubic.",
        variants=(
            Variant(
                name="pixels", method="rrdb", small=_RRDB, training={"losses": {"l1": 1.0}},
                method_changes=_REGRESSION,
            ),
            Variant(
                name="pixels + features", method="rrdb", small=_RRDB, features=True,
                training={"losses": {"l1": 1.0, "perceptual": 0.0625}}, method_changes=_REGRESSION,
            ),
            Variant(name="pixels + features + critic", method="rrdb", small=_RRDB, features=True),
            Variant(name="default", method="rrdb", preset="default", small=_RRDB),
            Variant(
                name="pixels, real F-actin", method="rrdb", small=_RRDB, training={"losses": {"l1": 1.0}},
                method_changes=_REGRESSION, sources=(), pairs=(_FACTIN,),
            ),
        ),
        small={"batch_size": 4, "patch": 32, "field_size": 96, "patches_per_field": 2, "validation_patches": 16},
        sources=(
            {"match": "fluorescence/actin/*"}, {"match": "fluorescence/mitochondria/*"},
            {"match": "fluorescence/cytoplasm/osteosarcoma*"},
        ),
        examples=examples,
        credits="CellProfiler examples (BSD-3-Clause), ImageJ sample HeLa cells "
        "(BioImageAnalysisNotebooks, CC-BY-4.0), BioSR (figshare 13264793) from kernel-learning-deconvolution (MIT)",
    ),
)  # fmt: skip
