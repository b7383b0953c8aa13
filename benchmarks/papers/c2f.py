"""Coarse-to-fine refocusing: the number of levels, and how a coarser level's features reach the finer one."""

from __future__ import annotations

from pathlib import Path

from benchmarks.papers.common import Experiment, Variant, middle
from benchmarks.quality.cases import Example, RealPairs, degraded, real

PAPER = "Defocus deblur microscopy via feature interactive coarse-to-fine network"

SOURCES: tuple[dict[str, object], ...] = (
    {"match": "fluorescence/nuclei/*", "bins": [1, 2]},
    {"match": "fluorescence/actin/*", "bins": [1, 2]},
)
CREDITS = (
    "BBBC006 (microscopeimagequality, Apache-2.0), CellProfiler examples (BSD-3-Clause), ImageJ sample HeLa cells "
    "(BioImageAnalysisNotebooks, CC-BY-4.0)"
)


def examples(data: Path) -> list[Example]:
    """Nuclei and actin that were held out, in three defocuses, and the real focal series of another structure."""
    made = [
        one for one in degraded("refocus", data)
        if one.name.startswith(("fluorescence/nuclei/", "fluorescence/actin/"))
    ]  # fmt: skip
    pairs = RealPairs(task="refocus", folder="dfnn_defocus_microtubules", use="train", scored=(0, 2))
    return [*made, *middle(real(pairs, data), 256)]


def _levels(count: int, transfer: str) -> Variant:
    name = f"N={count}" if count == 1 else f"N={count}, {transfer}"
    return Variant(
        name=name, method="c2f", small={"base": 8, "depth": 4},
        arch={"levels": count, "transfer": transfer, "channels": 1},
    )  # fmt: skip


EXPERIMENTS = (
    Experiment(
        name="c2f",
        paper=PAPER,
        question="The paper's PSNR rises from N=1 to N=4, not at every distance; residual and concatenation are alike.",
        variants=(
            _levels(1, "residual"), _levels(2, "residual"), _levels(3, "residual"), _levels(4, "residual"),
            Variant(
                name="default", method="c2f", preset="default", small={"base": 8, "depth": 4}, arch={"levels": 3},
            ),
            _levels(2, "concat"), _levels(3, "concat"), _levels(4, "concat"),
            Variant(name="DeepDeblur", method="deepdeblur", small={"maps": 8, "blocks": 2}),
        ),
        small={"batch_size": 4, "patch": 96, "field_size": 160, "patches_per_field": 2, "validation_patches": 16},
        sources=SOURCES,
        examples=examples,
        credits=CREDITS,
    ),
)  # fmt: skip
