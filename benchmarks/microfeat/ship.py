"""Put the weights of a MicroFeat training among those that the package ships, with an entry that says what they are.

    python -m benchmarks.microfeat.ship --run runs/microfeat --data ../shared/data

Each convolution is scaled so that its output has the standard deviation 1 over training patches, and the next one is
scaled back: what the network says stays the same, and a loss weighs all layers alike. The moving average of the
weights is stored in half precision if the three tasks' errors on `val` patches stay the
same to 1 %. The heads go into the same file, so that scores can be measured again; `build_features` leaves them.
`python -m benchmarks.microfeat.score --ship` puts the scores in.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save
from torch import Tensor

from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.core.provenance import software_versions
from napari_restoration.models.archs.features import MicroFeatTrainer
from napari_restoration.models.feature_weights import (
    FEATURE_WEIGHTS,
    MOST_BYTES,
    SHIPPED_FEATURES,
    FeatureWeights,
)
from napari_restoration.training.microfeat import MicroFeatRun, check, check_batches, new_trainer
from napari_restoration.training.microfeat_patches import PatchMaker, Samples, draw_labelled, load_labelled

MOST_LOST = 0.01
PATCHES_FOR_SCALE = 96


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--data", type=Path, required=True, help="folder with index.csv")
    args = parser.parse_args()
    run = MicroFeatRun.resume(args.run)
    images = load_labelled(run.recipe, args.data, "train") + draw_labelled(run.recipe)
    balance(run.averaged, PatchMaker(run.recipe, images, stream=4).batch(0, PATCHES_FOR_SCALE))
    half, lost = half_precision(run, args.data)
    print(f"Stored as {'float16' if half else 'float32'}: {lost}")
    content = save(weights_of(run, half))
    if len(content) > MOST_BYTES:
        raise SystemExit(f"The weights have {len(content)} bytes; at most {MOST_BYTES} ship.")
    name = f"{run.recipe.id}.safetensors"
    FEATURE_WEIGHTS.mkdir(exist_ok=True)
    write_bytes_atomically(FEATURE_WEIGHTS / name, content)
    write_entry(entry_of(run, args.data, name, content, lost))


def weights_of(run: MicroFeatRun, half: bool) -> dict[str, Any]:
    """Averaged weights under the names of `MicroFeat`, and the heads under ``heads.``."""
    found = {}
    for name, value in run.averaged.state_dict().items():
        array = value.contiguous().numpy()
        stored = array.astype(np.float16) if half and array.ndim >= 2 else array.astype(np.float32)
        if not np.isfinite(stored).all():
            raise SystemExit(f"{name} is not finite as {stored.dtype}.")
        # safetensors writes the memory as it lies.
        found[name.removeprefix("network.") if name.startswith("network.") else f"heads.{name}"] = (
            np.ascontiguousarray(stored)
        )
    return found


@torch.no_grad()
def balance(trainer: MicroFeatTrainer, samples: Samples) -> None:
    """Give each convolution's output the standard deviation 1; the heads say the same as before.

    Rectifiers and maxima let a positive factor through, so that it can be taken back one convolution later.
    """
    network, scale = trainer.network, 1.0
    for name in network.names:
        conv = network.convs[name]
        # What comes in is smaller by the factor of the convolution before.
        conv.weight.mul_(scale)
        spread = network.features(torch.from_numpy(samples.images), [name], before_act=True)[name].std()
        conv.weight.div_(spread)
        conv.bias.div_(spread)
        scale = float(spread)
    for head in (trainer.kind, trainer.measures):
        head.weight.mul_(scale)


def half_precision(run: MicroFeatRun, data: Path) -> tuple[bool, dict[str, list[float]]]:
    """Whether rounding to half precision changes the `val` errors by less than 1 %, and the errors of both."""
    batches = check_batches(run.recipe, load_labelled(run.recipe, data, "val"))
    rounded = new_trainer(run.recipe.training.divide, len(run.recipe.classes))
    state: dict[str, Tensor] = run.averaged.state_dict()
    rounded.load_state_dict({k: v.half().float() if v.ndim >= 2 else v for k, v in state.items()})
    with torch.no_grad():
        full, half = check(run.averaged, batches), check(rounded, batches)
    good = abs(full[0] - half[0]) <= MOST_LOST and all(
        abs(a - b) <= MOST_LOST * a for a, b in zip(full[1:], half[1:], strict=True)
    )
    return good, {"float32": [round(v, 5) for v in full], "float16": [round(v, 5) for v in half]}


def entry_of(
    run: MicroFeatRun, data: Path, name: str, content: bytes, lost: dict[str, list[float]]
) -> FeatureWeights:
    """What is known about the weights of a run."""
    files = [
        {"file": image.name, "licence": image.licence, "source": image.source}
        for image in load_labelled(run.recipe, data, "train")
    ]
    drawn = draw_labelled(run.recipe)
    for kind in dict.fromkeys(image.name.rsplit("-", 1)[0] for image in drawn):
        one = next(image for image in drawn if image.name.startswith(kind))
        files.append({"file": kind, "licence": one.licence, "source": one.source})
    settings = run.recipe.training
    return FeatureWeights(
        id=run.recipe.id,
        weights_file=name,
        weights_sha256=hashlib.sha256(content).hexdigest(),
        weights_bytes=len(content),
        settings={"last": "conv3_4", "divide": settings.divide, "low": 0.0, "high": 1.0},
        classes=tuple(c.name for c in run.recipe.classes),
        low_percentile=2.0,
        high_percentile=99.8,
        trained_on=tuple(files),
        recipe=f"{run.recipe.id}.toml",
        seed=run.recipe.seed,
        training={
            "steps": run.step,
            "patches": run.step * settings.batch_size,
            "minutes": round(run.elapsed, 1),
            "cpu_hours": round(run.cpu_seconds / 3600, 3),
            "device": "cpu",
            "stored": {"accuracy, error of ln blur, error of log10 photons": lost},
            "software": software_versions(),
        },
    )


def write_entry(entry: FeatureWeights) -> None:
    """Put an entry into ``features.json``; it replaces the one with the same id."""
    content = json.loads(SHIPPED_FEATURES.read_text(encoding="utf-8"))
    entries = {old["id"]: old for old in content["features"]}
    entries[entry.id] = asdict(entry)
    text = json.dumps({"version": 1, "features": list(entries.values())}, indent=1, ensure_ascii=False)
    write_bytes_atomically(SHIPPED_FEATURES, (text + "\n").encode())


if __name__ == "__main__":
    main()
