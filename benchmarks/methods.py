"""What each method of training does with its smallest networks, measured; writes ``benchmarks/methods.md``.

``python -m benchmarks.methods`` takes some minutes on two CPU cores. Every figure comes from a real run:

- parameters of the published network as its paper gives them, against those that are built;
- one step on one batch lowers what the restoring network minimises on that batch (critics stand still);
- one pair is learnt by heart, in the time that is given to each method; without pairs the way back must give the
  input again;
- a run is stopped after its second step, resumed, and compared bit by bit with an unbroken one;
- its model is saved, loaded, and restores an image through the restoration task.
"""

from __future__ import annotations

import argparse
import csv
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from scipy import ndimage

from napari_restoration.models.archs import build, geometry
from napari_restoration.tasks.restore import restore
from napari_restoration.training.checkpoint import read_checkpoint
from napari_restoration.training.core import Core
from napari_restoration.training.export import export_run
from napari_restoration.training.method_recipes import list_methods, method_recipe
from napari_restoration.training.patches import Batch
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.report import EpochReport
from napari_restoration.training.run import TrainingRun

OUTPUT = Path(__file__).with_suffix(".md")
GOAL_DB = 35.0
Published = tuple[str, dict[str, Any], int]

_RESNET: Published = ("resnet", {}, 11_365_633)
_BDU: dict[str, Any] = {"upsampling": "nearest_conv"}
SPECIFIED: dict[str, Published] = {
    "bu": ("bu", {}, 16_103_585),
    "bdu-t": ("bdu", {"upsampling": "transposed"}, 1_400_449),
    "bdu-uc": ("bdu", _BDU, 1_400_449),
    "bdu-uc-ssim": ("bdu", _BDU, 1_400_449),
    "c2f": ("c2f", {"channels": 2, "levels": 4}, 2_569_512),
    "care": ("care", {"probabilistic": False}, 922_977),
    "care-probabilistic": ("care", {}, 923_010),
    "comi": _RESNET,
    "comi-unpaired": _RESNET,
    "cyclegan": ("resnet", {"channels": 3}, 11_378_179),
    "deblurgan": ("resnet", {"channels": 3}, 11_378_179),
    "deblurgan-v2": ("deblurgan-v2", {}, 2_106_049),
    "deepdeblur": ("deepdeblur", {"channels": 3}, 11_721_321),
    "pix2pix": ("unet256", {"in_channels": 3, "out_channels": 3}, 54_413_955),
    "rrdb": ("rrdb", {}, 16_621_825),
}
"""Network, settings and number of parameters of the published method, with the paper's own channels."""


def parameters(network: torch.nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(weights.numel() for weights in network.parameters())


def tiny(name: str, **training: object) -> Recipe:
    """A method's smallest recipe; networks that critics do not judge get smaller patches."""
    recipe = method_recipe(name, "tiny")
    multiple = geometry(recipe.arch, **recipe.arch_args).size_multiple
    if recipe.method.kind == "regression":
        training.setdefault("patch", max(16, 2 * multiple))
    return replace(recipe, training=replace(recipe.training, **training))  # type: ignore[arg-type]


def one_pair(recipe: Recipe) -> Batch:
    """One smooth pair, twice where critics compare within a batch: blurred, coarser, or a burst of the blurred."""
    side, scale = recipe.training.patch, recipe.scale
    sharp = ndimage.gaussian_filter(
        np.random.default_rng(3).random((1, side * scale, side * scale)), (0, 2, 2)
    )
    sharp = (sharp - sharp.min()) / np.ptp(sharp)
    given = ndimage.gaussian_filter(sharp, (0, 1, 1))[:, ::scale, ::scale]
    copies = 2 if {"ragan", "ragan_ls"} & set(recipe.training.losses) else 1
    target, blurred = (
        torch.from_numpy(x.astype(np.float32))[:, None].repeat(copies, 1, 1, 1) for x in (sharp, given)
    )
    return (blurred[:, None].repeat(1, 3, 1, 1, 1) if recipe.task == "deblur" else blurred), target


def one_step(name: str) -> tuple[float, float]:
    """What the restoring network minimises on a batch, before and after one step on it, with equal dropout."""
    recipe = tiny(name, learning_rate=2e-5, betas=(0.5, 0.9), warmup_steps=1)
    core = Core(replace(recipe, method=replace(recipe.method, critic_learning_rate=1e-12)))
    batch = one_pair(recipe)
    random = {name: state.clone() for name, state in core.tensors().items() if name.startswith("rng.")}
    before = core.step(batch, 1.0).total
    core.load({**core.tensors(), **random}, core.state())
    return before, core.step(batch, 1.0).total


def by_heart(name: str, seconds: float) -> tuple[float, int]:
    """The best PSNR in dB of a pair that is all there is, and the step that gave it."""
    unpaired = method_recipe(name).method.unpaired
    recipe = tiny(name, learning_rate=2e-3, ema_decay=0.9, clip_norm=1.0)
    if recipe.arch == "bdu":
        recipe = replace(recipe, arch_args={**recipe.arch_args, "dropout": 0.0})
    core = Core(recipe)
    given, target = one_pair(recipe)
    best, at, step, start = 0.0, 0, 0, time.process_time()
    # Time of the processors, so that a computer that is busy with other work measures the same.
    seconds *= torch.get_num_threads()
    while best <= GOAL_DB and (used := (time.process_time() - start) / seconds) < 1:
        core.step((given, target), 1.0 if used < 0.4 else 0.3 if used < 0.7 else 0.05)
        step += 1
        if step % 20:
            continue
        with torch.no_grad():
            image, wanted = core.averaged.eval()(given), target
            if unpaired:
                image, wanted = core.networks["back"].eval()(image), given
        found = float(-10 * torch.log10((image[:, :1] - wanted).square().mean()))
        best, at = max((best, at), (found, step))
    return best, at


def images(folder: Path) -> Path:
    """Eight drawn images with their index."""
    rows = []
    for number in range(8):
        blobs = ndimage.gaussian_filter(np.random.default_rng(number).random((96, 96)), 2)
        tifffile.imwrite(
            folder / f"{number}.tif", (1000 * (blobs - blobs.min()) / np.ptp(blobs)).astype(np.uint16)
        )
        rows.append({"file": f"{number}.tif", "licence": "BSD-3-Clause", "use": "train", "source": "drawn"})
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, ["file", "licence", "use", "pair", "source"], restval="")
        table.writeheader()
        table.writerows(rows)
    return folder


def stopped_and_resumed(name: str, data: Path, folder: Path) -> tuple[int, int]:
    """Tensors of the checkpoint that differ from those of an unbroken run, and all tensors."""
    recipe = tiny(name, steps=4, steps_per_epoch=2, patch=method_recipe(name, "tiny").training.patch)
    for _ in TrainingRun.create(folder / "unbroken", recipe, data).epochs():
        pass
    epochs = TrainingRun.create(folder / "broken", recipe, data).epochs()
    while not isinstance(next(epochs), EpochReport):
        pass
    epochs.close()
    for _ in TrainingRun.resume(folder / "broken").epochs():
        pass
    first, second = (read_checkpoint(folder / run).tensors for run in ("unbroken", "broken"))
    different = [key for key in first if key not in second or not torch.equal(first[key], second[key])]
    return len(different), len(first)


def saved_and_used(data: Path, folder: Path) -> str:
    """Shape of an image before and after the exported model restored it."""
    card = export_run(folder / "broken", folder / "model")
    shape = (3, 40, 48) if card.frames else (40, 48)
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    result = np.asarray(restore(image, folder / "model", axes="TYX" if card.frames else "YX").image.data)
    assert np.isfinite(result).all()
    return f"{' x '.join(map(str, shape))} to {' x '.join(map(str, result.shape))}"


def rows(names: list[str], seconds: float) -> Iterator[list[str]]:
    """A row of the table for each method."""
    for name in names:
        arch, args, wanted = SPECIFIED[name]
        built = parameters(build(arch, **args))
        small = method_recipe(name, "tiny")
        before, after = one_step(name)
        decibels, step = by_heart(name, seconds)
        with tempfile.TemporaryDirectory() as temporary:
            data = Path(temporary) / "images"
            data.mkdir()
            different, tensors = stopped_and_resumed(name, images(data), Path(temporary))
            used = saved_and_used(data, Path(temporary))
        yield [
            f"`{name}`", f"{wanted:,}", f"{built:,}", f"{parameters(build(small.arch, **small.arch_args)):,}",
            f"{before:.5g} to {after:.5g}", f"{decibels:.1f} ({step})", f"{different} of {tensors}", used,
        ]  # fmt: skip


HEAD = """# Methods of training, measured

`python -m benchmarks.methods`, {machine}, torch {torch}, {minutes:.1f} minutes. The smallest networks (`--size tiny`)
on drawn images; parameters of the published networks with the channels of their papers.

- One step: what the restoring network minimises on one batch before and after a step on it, critics standing still.
- By heart: best PSNR of the averaged weights in dB on the one pair trained on, with all the method's own losses and
  critics (`rrdb`: of its first phase; the `bdu` methods without dropout), and the step that gave it. The goal is
  {goal:g} dB; each method has {seconds:g} seconds of the processors, over which the learning rate falls, so that the
  steps depend on the computer.
  `comi-unpaired` and `cyclegan` never see a pair: theirs is the input after the way there and back. `comi` missed the
  goal in one run of 120 seconds, which stays longer at the high rate.
- Resumed: tensors of the last checkpoint, those of optimizers and random generators included, that differ from those
  of an unbroken run.
- Restores: the exported model, through the restoration task; sizes before and after.

| method | parameters in the paper | built | tiny | one step | by heart, dB (step) | resumed: different | restores |
|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="for learning one pair by heart, each method"
    )
    parser.add_argument("--methods", nargs="*", default=list_methods())
    parser.add_argument("--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    start = time.perf_counter()
    lines = []
    for row in rows(options.methods, options.seconds):
        lines.append(f"| {' | '.join(row)} |")
        print(lines[-1], flush=True)
    head = HEAD.format(
        machine=f"{platform.machine()}, {torch.get_num_threads()} threads", torch=torch.__version__, goal=GOAL_DB,
        seconds=options.seconds, minutes=(time.perf_counter() - start) / 60,
    )  # fmt: skip
    options.output.write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
