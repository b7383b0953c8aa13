"""Tiled inference against the whole plane at once: time, peak memory and agreement, in one run.

The network is the depth-2 CARE U-Net with 3x3 kernels (0.33 M parameters), the plane 2048 x 2048. The baseline
is the plain way: the whole plane through the eager network, channels first. Both run in this process in turns;
peak memory is read in a fresh process each, over what the loaded network takes.

    python -m benchmarks.speed.tiled_against_whole [--side 2048] [--core 256] [--pairs 3]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch

from napari_restoration.core.memory import peak_memory_mb
from napari_restoration.core.progress import run
from napari_restoration.core.tiling import iter_tiled_inference
from napari_restoration.models.archs import build

DEPTH_TWO = {"depth": 2, "kernel": 3, "probabilistic": False}
HALO = 28


def network():
    torch.manual_seed(0)
    return build("care", **DEPTH_TWO).eval()


def whole_plane(model, image):
    with torch.inference_mode():
        return model(torch.from_numpy(image)[None]).numpy()[0]


def tiled(model, image, core):
    def predict(batch):
        with torch.inference_mode():
            tensor = torch.from_numpy(batch).to(memory_format=torch.channels_last)
            return model(tensor).contiguous().numpy()

    return run(iter_tiled_inference(image, predict, tile=(core, core), halo=(HALO, HALO), size_multiple=4))


def measure_memory(way, side, core):
    """Peak of a fresh process over its state with the network loaded and warm on a small plane, in MiB."""
    command = [sys.executable, "-m", "benchmarks.speed.tiled_against_whole", "--memory-of", way]
    command += ["--side", str(side), "--core", str(core)]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["mib"])


def report_memory(way, side, core):
    model = network()
    small = np.zeros((1, 64, 64), np.float32)
    image = np.random.default_rng(0).random((1, side, side), dtype=np.float32)
    whole_plane(model, small)
    before = peak_memory_mb()
    if way == "whole":
        whole_plane(model, image)
    else:
        tiled(model.to(memory_format=torch.channels_last), image, core)
    print(json.dumps({"mib": peak_memory_mb() - before}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--core", type=int, default=256)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--memory-of", choices=["whole", "tiled"])
    options = parser.parse_args()
    if options.memory_of:
        report_memory(options.memory_of, options.side, options.core)
        return
    image = np.random.default_rng(0).random((1, options.side, options.side), dtype=np.float32)
    plain, fast = network(), network().to(memory_format=torch.channels_last)
    whole_plane(plain, image[:, :512, :512])
    tiled(fast, image[:, :512, :512], options.core)
    ratios, times = [], {"whole": [], "tiled": []}
    for _ in range(options.pairs):
        started = time.perf_counter()
        reference = whole_plane(plain, image)
        times["whole"].append(time.perf_counter() - started)
        started = time.perf_counter()
        result = tiled(fast, image, options.core)
        times["tiled"].append(time.perf_counter() - started)
        ratios.append(times["tiled"][-1] / times["whole"][-1])
    error = float(np.abs(result - reference).max())
    print(f"| | whole plane, eager NCHW | tiled, core {options.core}, channels-last | ratio |")
    print("| --- | --- | --- | --- |")
    print(
        f"| seconds (median of {options.pairs} pairs) | {statistics.median(times['whole']):.2f} "
        f"| {statistics.median(times['tiled']):.2f} | {statistics.median(ratios):.2f} |"
    )
    memory = {way: measure_memory(way, options.side, options.core) for way in ("whole", "tiled")}
    print(
        f"| peak memory over the model's, MiB | {memory['whole']:.0f} | {memory['tiled']:.0f} "
        f"| {memory['tiled'] / memory['whole']:.3f} |"
    )
    print(f"\nLargest difference {error:.2e} at an output spread of {reference.std():.3f}.")
    print(f"{torch.get_num_threads()} threads, torch {torch.__version__}.")


if __name__ == "__main__":
    main()
