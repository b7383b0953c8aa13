"""Probabilistic CARE: regression against a predicted distribution, on real and on semi-synthetic noise."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
from benchmarks.papers.common import Experiment, Variant, middle
from benchmarks.quality.cases import Example, RealPairs, real

from napari_restoration.degradations.preset_store import find_preset
from napari_restoration.training.good_images import find_good_images, good_planes
from napari_restoration.training.material import Material
from napari_restoration.training.sources import fit_intensity, read_plane

PAPER = (
    "Semi-Synthetic Test Data Generation and Content-aware Image Restoration of Fluorescent Microscopy Images"
)

# Two couples of W2S fields overlap; each counts as one field.
_SAME_FIELD = {"057": "053", "079": "077"}
# No file tells the size of its pixels; that of the HeLa sample is in the index, the others are of the same order.
_PIXEL_UM = 0.1
_SEEDS = 3
_MITOCHONDRIA = ("fluorescence/mitochondria/BPAE_mito.tif", "fluorescence/cytoplasm/osteosarcoma_c0.tif")
_SCORED = "fluorescence/mitochondria/hela-cells_c1.tif"


def w2s_fields(data: Path) -> dict[str, list[str]]:
    """W2S files of channel 0 by what they are for; every fifth field is scored, every tenth of the rest checks."""
    names = sorted(path.name for path in (data / "pairs/w2s_denoise/input").glob("*_0.tif"))
    field = {name: _SAME_FIELD.get(name[:3], name[:3]) for name in names}
    fields = sorted(set(field.values()))
    scored, checks = set(fields[::5]), set(fields[1::10])
    return {
        "scored": [n for n in names if field[n] in scored],
        "validation": [n for n in names if field[n] in checks],
        "train": [n for n in names if field[n] not in scored | checks],
    }


def w2s_material(data: Path, folder: Path) -> Material:
    """Inputs as they are; targets are mapped to the scale of their inputs once, as that takes longer than training."""
    import tifffile

    for part in ("train", "validation"):
        for name in w2s_fields(data)[part]:
            given, target = (data / "pairs/w2s_denoise" / role / name for role in ("input", "target"))
            _link([given], folder / "w2s" / part / "input")
            fitted = folder / "w2s" / part / "target" / name
            if not fitted.exists():
                fitted.parent.mkdir(parents=True, exist_ok=True)
                beside = fitted.with_suffix(".new")
                tifffile.imwrite(beside, fit_intensity(read_plane(target), read_plane(given)))
                beside.replace(fitted)
    return Material(folder=folder / "w2s/train", kind="pairs", validation=folder / "w2s/validation")


def w2s_examples(data: Path) -> list[Example]:
    every = real(RealPairs(task="denoise", folder="w2s_denoise", use="eval-only"), data)
    wanted = set(w2s_fields(data)["scored"])
    return middle([one for one in every if Path(one.name).name in wanted], 256)


def mitochondria_material(data: Path, folder: Path) -> Material:
    _link([data / _MITOCHONDRIA[0]], folder / "mitochondria/train")
    _link([data / _MITOCHONDRIA[1]], folder / "mitochondria/validation")
    return Material(
        folder=folder / "mitochondria/train", kind="clean", validation=folder / "mitochondria/validation",
        preset=find_preset("semi-synthetic").to_dict(), pixel_size_um=_PIXEL_UM,
    )  # fmt: skip


def mitochondria_examples(data: Path) -> list[Example]:
    """One cell field that was not trained on, at three levels, three draws each."""
    found = find_good_images((data / _SCORED).parent)
    preset = find_preset("semi-synthetic")
    made = []
    for level in ("mild", "medium", "hard"):
        planes = good_planes(found.pairs, preset.at_level(level), pixel_size_um=_PIXEL_UM)
        plane = next(one for one in planes if one.name.startswith(Path(_SCORED).name))
        region = (slice(96, 352), slice(208, 464))
        for seed in range(_SEEDS):
            given, target = plane.degraded(region, np.random.default_rng([105, seed]))
            one = Example(
                task="denoise", level=level, name=f"{_SCORED}#{seed}", kind="val", input=given, target=target
            )
            made.append(replace(one))
    return made


def _link(sources: list[Path], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        if not (folder / source.name).exists():
            os.symlink(source.resolve(), folder / source.name)


# The paper's kernel and depth at half its width; the default's at the same width.
_PAPER = {"base": 16, "kernel": 5, "depth": 2}
_VARIANTS = (
    Variant(name="regression", method="care", small=_PAPER, arch={"probabilistic": False}),
    Variant(
        name="probabilistic", method="care-probabilistic", small=_PAPER, arch={"probabilistic": True}
    ),
    Variant(
        name="default", method="care", preset="default", small={"base": 16, "kernel": 3, "depth": 3},
        arch={"probabilistic": False},
    ),
    Variant(
        name="default, probabilistic", method="care-probabilistic", preset="default",
        small={"base": 16, "kernel": 3, "depth": 3}, arch={"probabilistic": True},
    ),
)  # fmt: skip
_SMALL = {"batch_size": 8, "patch": 32, "field_size": 160, "patches_per_field": 4, "validation_patches": 32}

# Targets have been fitted to their inputs already.
_FITTED: tuple[dict[str, object], ...] = ({"match": "*", "fit": False},)

EXPERIMENTS = (
    Experiment(
        name="care-w2s",
        paper=PAPER,
        question="Does the probabilistic network restore real noise as well as plain regression?",
        variants=tuple(replace(one, pairs=_FITTED) for one in _VARIANTS),
        small=_SMALL,
        steps=1000,
        examples=w2s_examples,
        material=w2s_material,
        credits="no picture: the images are for scores alone",
    ),
    Experiment(
        name="care-mitochondria",
        paper=PAPER,
        question="The same on good images of mitochondria that the preset semi-synthetic makes bad.",
        variants=_VARIANTS,
        small=_SMALL,
        steps=1000,
        examples=mitochondria_examples,
        material=mitochondria_material,
        credits="ImageJ sample HeLa cells, from BioImageAnalysisNotebooks (R. Haase), CC-BY-4.0",
    ),
)
