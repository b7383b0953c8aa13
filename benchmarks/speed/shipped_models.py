"""Every shipped model from file to file, against the bare tiled network, in one run.

The share says what reading, normalisation, registration and writing leave of the network's own rate.

    python -m benchmarks.speed.shipped_models [--side 1024] [--pairs 3]
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import write_image
from napari_restoration.core.progress import run
from napari_restoration.core.tiling import iter_tiled_inference
from napari_restoration.models.loader import load_model
from napari_restoration.models.registry import list_models
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.restore_file import iter_restore_file
from napari_restoration.tasks.settings import RestoreSettings


def scene(side, frames):
    rng = np.random.default_rng(0)
    shape = (frames, side, side) if frames else (side, side)
    return rng.poisson(50, shape).astype(np.uint16)


def bare(model, image, tile):
    halo = model.card.halo
    task = iter_tiled_inference(
        image,
        model.predict,
        tile=tile,
        halo=(halo, halo),
        scale=model.card.scale,
        size_multiple=model.card.size_multiple,
    )
    started = time.perf_counter()
    run(task)
    return time.perf_counter() - started


def measure(model_id, side, pairs, folder):
    model = load_model(model_id, "cpu")
    pixels = scene(side, model.card.frames)
    axes = "TYX" if model.card.frames else "YX"
    source = folder / f"{model_id}.tif"
    image = CalibratedImage(pixels, axes, {"Y": 0.1, "X": 0.1})
    write_image(source, image)
    tile = run(prepare(image, model)).tile
    normalised = pixels.astype(np.float32) / 50
    batch = normalised[:, None] if model.card.frames else normalised[None]
    bare(model, batch[..., :256, :256].copy(), tile)
    times, shares = [], []
    for number in range(pairs):
        alone = bare(model, batch, tile)
        started = time.perf_counter()
        settings = RestoreSettings(tile=tile[0], device="cpu")
        run(iter_restore_file(source, folder / f"{model_id}-{number}.ome.tif", model, settings))
        times.append((alone, time.perf_counter() - started))
        shares.append(alone / times[-1][1])
    alone, whole = (statistics.median(column) for column in zip(*times, strict=True))
    return f"| {model_id} | {tile[0]} | {alone:.2f} | {whole:.2f} | {statistics.median(shares):.3f} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    print(f"One {options.side} x {options.side} plane (bursts: the card's number of frames).\n")
    print("| model | tile | bare network, s | file to file, s | share of the bare rate |")
    print("| --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for model_id in list_models(classical=False):
            print(measure(model_id, options.side, options.pairs, Path(folder)))
    print(f"\n{torch.get_num_threads()} threads, torch {torch.__version__}.")


if __name__ == "__main__":
    main()
