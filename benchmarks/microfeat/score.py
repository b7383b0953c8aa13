"""Score the shipped MicroFeat on `val` files, beside random weights of the same layout and plain baselines.

    python -m benchmarks.microfeat.score --data ../shared/data [--ship] [--reuse]

Writes scores.json beside this file; `python -m benchmarks.microfeat.report` makes tables of it. With ``--ship`` the
scores also go into features.json. With ``--reuse`` those of random networks and baselines, which other weights of
MicroFeat do not change, are taken from scores.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.microfeat.distances import (
    FeatureDistances,
    changes,
    crops,
    order,
    reference_of,
    tabulate_layers,
)
from benchmarks.microfeat.probes import network_features, probe, score, spectrum_features
from benchmarks.microfeat.ship import write_entry
from benchmarks.microfeat.train import RECIPE
from safetensors.torch import load_file

from napari_restoration.models.archs.features import FeatureNetwork, MicroFeatTrainer, build_features
from napari_restoration.models.feature_weights import shipped_features, shipped_file
from napari_restoration.training.microfeat_patches import PatchMaker, Samples, draw_labelled, load_labelled
from napari_restoration.training.microfeat_recipe import MicroFeatRecipe, read_microfeat_recipe

HERE = Path(__file__).parent
RANDOM_SEEDS = (101, 102, 103)
TRAIN_PATCHES, VAL_PATCHES = 2000, 1000
LAYERS = (("conv3_3", False, "l2"), ("conv3_4", True, "l1"))
"""As two of the five papers compare features: squares behind the activation, absolute values before it."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv")
    parser.add_argument("--ship", action="store_true", help="put the scores into features.json")
    parser.add_argument("--reuse", action="store_true", help="take other networks' scores from scores.json")
    args = parser.parse_args()
    recipe = read_microfeat_recipe(RECIPE)
    networks: dict[str, FeatureNetwork] = {"MicroFeat": build_features("microfeat")}
    known = json.loads((HERE / "scores.json").read_text(encoding="utf-8")) if args.reuse else {}
    for seed in () if known else RANDOM_SEEDS:
        torch.manual_seed(seed)
        networks[f"random {seed}"] = build_features("microfeat", None)
    found = {
        "command": "python -m benchmarks.microfeat.score --data ../shared/data",
        "tasks": known.get("tasks", {}) | tasks(recipe, args.data, networks),
        "distances": known.get("distances", {}) | distances(recipe, args.data, networks),
    }
    (HERE / "scores.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    entry = shipped_features("microfeat")
    if args.ship and entry is not None:
        write_entry(replace(entry, scores=found))


def tasks(recipe: MicroFeatRecipe, data: Path, networks: dict[str, FeatureNetwork]) -> dict[str, Any]:
    """The network's own tasks: its heads, linear maps on its features, on random ones, on a power spectrum."""
    seen_maker = PatchMaker(recipe, load_labelled(recipe, data, "train") + draw_labelled(recipe), stream=2)
    val = load_labelled(recipe, data, "val")
    seen, new = seen_maker.batch(0, TRAIN_PATCHES), PatchMaker(recipe, val, stream=3).batch(0, VAL_PATCHES)
    classes = len(recipe.classes)
    found: dict[str, Any] = {
        "train_patches": TRAIN_PATCHES,
        "val_patches": VAL_PATCHES,
        "val_files": len(val),
        "val_classes": sorted({recipe.classes[image.kind].name for image in val}),
        "chance": {"accuracy": 1 / classes, **constant(seen, new)},
    }
    spectra = [spectrum_features(samples) for samples in (seen, new)]
    found["power spectrum, linear"] = asdict(probe(spectra[0], seen, spectra[1], new, classes))
    for name, network in networks.items():
        maps = [network_features(network, samples) for samples in (seen, new)]
        found[f"{name}, linear"] = asdict(probe(maps[0], seen, maps[1], new, classes))
        if name == "MicroFeat":
            kinds, measures = heads(network, maps[1], classes)
            found["MicroFeat, its heads"] = asdict(score(kinds, measures, new))
            found["recall"] = recall(recipe, kinds, new)
        print(name, flush=True)
    return found


def constant(seen: Samples, new: Samples) -> dict[str, float]:
    """Errors of saying the training patches' median of everything."""
    said = np.broadcast_to(np.median(seen.measures, axis=0), new.measures.shape)
    errors = np.median(np.abs(said - new.measures), axis=0)
    return {"blur_error": float(np.exp(errors[0])), "photon_error": float(10 ** errors[1])}


def heads(network: FeatureNetwork, maps: np.ndarray, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """What the heads say that lie in the shipped file beside the weights."""
    entry = shipped_features("microfeat")
    assert entry is not None
    state = load_file(shipped_file(entry))
    trainer = MicroFeatTrainer(network, classes)
    own = {k.removeprefix("heads."): v.float() for k, v in state.items() if k.startswith("heads.")}
    trainer.load_state_dict(own, strict=False)
    network.freeze()
    with torch.no_grad():
        mean = torch.from_numpy(maps)
        return trainer.kind(mean).argmax(1).numpy(), trainer.measures(mean).numpy()


def recall(recipe: MicroFeatRecipe, kinds: np.ndarray, labels: Samples) -> dict[str, float]:
    """Share of right patches in each class."""
    return {
        recipe.classes[kind].name: round(float(np.mean(kinds[labels.kinds == kind] == kind)), 3)
        for kind in np.unique(labels.kinds)
    }


def distances(recipe: MicroFeatRecipe, data: Path, networks: dict[str, FeatureNetwork]) -> dict[str, Any]:
    """How the perceptual distance orders changes of `val` crops."""
    clean = crops(load_labelled(recipe, data, "val"))
    versions = [changes(crop, np.random.default_rng([7, n])) for n, crop in enumerate(clean)]
    reference = reference_of(versions)
    found: dict[str, Any] = {"crops": len(clean)}
    found["l1"] = asdict(order(reference.l1, reference))
    found["1 - SSIM"] = asdict(order(reference.ssim, reference))
    for name, network in networks.items():
        for layer, tables in tabulate_layers(FeatureDistances(network, LAYERS), versions).items():
            found[f"{name}, {layer}"] = asdict(order(tables, reference))
        print(name, flush=True)
    return found


if __name__ == "__main__":
    main()
