"""From a training run to a model folder: weights, and a card that says what they are and what they saw."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.core.files import write_bytes_atomically
from napari_restoration.training.domain import domain_statistics
from napari_restoration.training.material import Material, find_material
from napari_restoration.training.phantoms import LICENCE, PHANTOM_PREFIX
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.seen import seen_of
from napari_restoration.training.sources import read_index

if TYPE_CHECKING:
    from torch import Tensor, nn

    from napari_restoration.models.card import ModelCard
    from napari_restoration.training.data import RunData
    from napari_restoration.training.fields import FieldMaker
    from napari_restoration.training.run import TrainingRun

MOST_LOST_DB = 0.02
"""Half-precision storage is used where the PSNR on held-out images falls by less than this."""

_DOMAIN_FIELDS = 48
_NO_LICENCE = "not stated"
_COMMON_NAMES = frozenset({"pairs", "images", "data", "training"})
_CITATIONS: Mapping[str, str] = {
    "bu": "Method after: TEM image restoration from fast image streams.",
    "bdu": "Method after: TEM image restoration from fast image streams.",
    "resnet": "Method after: Correction of out-of-focus microscopic images by deep learning.",
    "unet256": "Method after: Image-to-image translation with conditional adversarial networks (Isola et al. 2017).",
    "deblurgan-v2": "Method after: DeblurGAN-v2: deblurring (orders-of-magnitude) faster and better (Kupyn et al. "
    "2019).",
    "deepdeblur": "Method after: Deep multi-scale convolutional neural network for dynamic scene deblurring (Nah et "
    "al. 2017).",
    "c2f": "Method after: Defocus deblur microscopy via feature interactive coarse-to-fine network.",
    "rrdb": "Method after: Microscopy Image Restoration using Deep Learning on W2S.",
    "care": "Method after: Semi-Synthetic Test Data Generation and Content-aware Image Restoration of "
    "Fluorescent Microscopy Images.",
}


def export_run(
    run_folder: str | Path,
    folder: str | Path,
    *,
    overwrite: bool = False,
    note: str = "",
    data: RunData | None = None,
) -> ModelCard:
    """Write the best weights of a run and their card as a model folder.

    Parameters
    ----------
    run_folder : path
        Folder of a training run with at least one finished epoch.
    folder : path
        The model folder to make: ``card.json`` and ``weights.safetensors``.
    overwrite : bool
        Replace a model folder that exists.
    note : str
        What else a reader of the card should know about this training.
    data : RunData, optional
        The run's images, where they are open already.

    Returns
    -------
    ModelCard
        The card as written.

    Raises
    ------
    InputError
        If the run has no best weights yet.
    """
    from napari_restoration.models.store import save_model_folder
    from napari_restoration.training.data import RunData
    from napari_restoration.training.run import BEST, TrainingRun

    run = TrainingRun.resume(Path(run_folder))
    if run.standing.weights is None and not (run.folder / BEST).exists():
        raise InputError(f"The training run {run_folder} has no finished epoch yet; let it train for longer.")
    weights, best_step = _best_weights(run)
    data = data or RunData(run.recipe, run.material)
    training, held_out = data.training(), data.held_out()
    lost_db = _half_precision_loss(run, held_out, weights)
    card = _card(run, training, weights, best_step)
    if note:
        card = replace(card, training={**card.training, "note": note})
    if not card.whole_image:
        card = _with_measured_halo(card, _network(run.recipe, weights))
    tensors = {name: tensor.numpy() for name, tensor in weights.items()}
    return save_model_folder(folder, card, tensors, half=lost_db < MOST_LOST_DB, overwrite=overwrite)


def record_scores(model_folder: str | Path, scores: Mapping[str, Any]) -> ModelCard:
    """Put measured scores into the card of a model folder, in place of those it has.

    Parameters
    ----------
    model_folder : path
        The folder; its weights stay as they are.
    scores : mapping
        By set of images, then by level of degradation or ``"all"``, then by metric: ``model``, ``input``,
        ``best_baseline`` and ``best_baseline_name``, as shipped cards have them.

    Returns
    -------
    ModelCard
        The card as written.

    Raises
    ------
    ModelError
        If there is no such model, or the scores are no JSON values.
    OutputError
        If the card cannot be written.
    """
    from napari_restoration.models.registry import CARD_NAME, find_card

    card, weights = find_card(Path(model_folder))
    card = replace(card, scores=dict(scores))
    write_bytes_atomically(weights.parent / CARD_NAME, card.to_json().encode())
    return card


def training_data(recipe: Recipe, material: Material | Path) -> list[dict[str, Any]]:
    """What a run reads, one entry for each folder and licence: name, licence, source, number of files."""
    if isinstance(material, Material) and material.kind != "index":
        what = (
            "pairs"
            if material.kind == "pairs"
            else f"good images, degraded by {(material.preset or {})['id']}"
        )
        images = [image for pair in find_material(material)[0].pairs for image in (pair.input, pair.target)]
        count = len({image.path or image.name for image in images})
        return [
            {"name": folder_name(material.folder), "licence": _NO_LICENCE, "source": what, "files": count}
        ]
    data_dir = material.folder if isinstance(material, Material) else material
    groups = [*(s.match for s in recipe.sources), *(p.match for p in recipe.pairs)]
    # The target of a pair is not matched by the input's pattern but is read as well.
    groups += [p.match.replace("/input/", "/target/") for p in recipe.pairs]
    entries: dict[tuple[str, str, str], int] = {}
    for row in read_index(data_dir):
        if row.use == "train" and any(fnmatchcase(row.file, match) for match in groups):
            key = (str(Path(row.file).parent.as_posix()), row.licence, row.source.split(":")[0])
            entries[key] = entries.get(key, 0) + 1
    named = [
        {"name": name, "licence": licence, "source": source, "files": count}
        for (name, licence, source), count in entries.items()
    ]
    drawn = {p.kind: p.count for p in recipe.phantoms}
    return named + [
        {
            "name": f"{PHANTOM_PREFIX}{kind}",
            "licence": LICENCE,
            "source": "drawn from the recipe's seed",
            "files": n,
        }
        for kind, n in drawn.items()
    ]


def folder_name(folder: Path) -> str:
    """A name that tells the images of one folder from those of others, where the last part of its path does not."""
    from napari_restoration.training.run_config import CONFIG

    common = folder.name.lower() in _COMMON_NAMES or (folder.parent / CONFIG).is_file()
    return f"{folder.parent.name}/{folder.name}" if common else folder.name


def _description(run: TrainingRun, best_step: int, seen: Sequence[Mapping[str, Any]]) -> str:
    """The recipe's, and what a user has trained it on and from what."""
    if run.taken is None and run.material.kind == "index":
        return run.recipe.description
    on = f"on {seen[0]['name']}" if run.material.kind != "index" and seen else "on its recipe's images"
    if run.taken is None:
        said = f"Trained {on}."
    elif not run.step:
        said = f"Fine-tuning {on} ended before its first step: these are the weights of {run.taken.model}."
    elif best_step == 0 and not run.taken.left_out:
        said = f"Fine-tuning {on} found nothing better than the weights of {run.taken.model}: these are they."
    else:
        said = f"Fine-tuned from {run.taken.model} {on}."
    return f"{run.recipe.description} {said}"


def _card(run: TrainingRun, training: FieldMaker, weights: Mapping[str, Tensor], best_step: int) -> ModelCard:
    from napari_restoration.core.provenance import software_versions
    from napari_restoration.models.archs import geometry
    from napari_restoration.models.card import WHOLE_IMAGE_OVERLAP, ModelCard

    recipe = run.recipe
    shape = geometry(recipe.arch, **recipe.arch_args)
    best = next(row for row in run.history if row["step"] == best_step)
    seen = training_data(recipe, run.material)
    frames = recipe.degradation.get("frames")
    most_frames = int(frames[1] if isinstance(frames, tuple) else frames) if frames is not None else None
    return ModelCard(
        id=recipe.id, title=recipe.title, description=_description(run, best_step, seen), task=recipe.task,
        arch=recipe.arch, arch_args=dict(recipe.arch_args),
        ndim=shape.ndim, in_channels=shape.in_channels, out_channels=shape.out_channels,
        laplace_scale=shape.laplace_scale, frames=most_frames if shape.burst else None, scale=shape.scale,
        size_multiple=shape.size_multiple, receptive_field=shape.receptive_field,
        halo=WHOLE_IMAGE_OVERLAP if shape.whole_image else shape.receptive_field,
        whole_image=shape.whole_image,
        training_size=recipe.training.patch if shape.whole_image else None,
        # What a user has added comes first: lists are cut at their end.
        trained_on=(*seen, *(run.taken.trained_on if run.taken is not None else ())),
        recipe=f"{recipe.id}.toml", seed=recipe.seed,
        training={
            "steps": run.step, "best_step": best_step, "minutes": round(run.elapsed, 1), "device": run.device,
            "train_loss": _finite(best["train_loss"]), "val_loss": best["val_loss"], "val_psnr_db": best["val_psnr"],
            "software": software_versions(), **(run.taken.to_dict() if run.taken is not None else {}),
            **_seen(run, training),
        },
        license="BSD-3-Clause" if run.material.kind == "index" else _NO_LICENCE,
        domain=domain_statistics(_inputs(recipe, training)), citation=_CITATIONS.get(recipe.arch, ""),
    )  # fmt: skip


def _seen(run: TrainingRun, training: FieldMaker) -> dict[str, list[str]]:
    """Of a user's own images; what comes with an index has its names in it."""
    own = () if run.material.kind == "index" else training.items
    seen = seen_of(own, run.taken.seen if run.taken is not None else ())
    return {"seen": seen} if seen else {}


def _inputs(recipe: Recipe, maker: FieldMaker) -> Iterable[Any]:
    for number in range(_DOMAIN_FIELDS):
        given = maker.make(np.random.default_rng([recipe.seed, 4, number])).input
        yield given if given.ndim == 2 else given[given.shape[0] // 2]


def _with_measured_halo(card: ModelCard, network: nn.Module) -> ModelCard:
    """The smallest halo whose seams stay under a thousandth of the range; the card's own is the safe one."""
    from napari_restoration.models.halo import measure_halo
    from napari_restoration.models.loader import RestorationModel

    halo, seam_error = measure_halo(RestorationModel(card, network))
    return replace(card, halo=halo, seam_error=float(f"{seam_error:.3g}"))


def _best_weights(run: TrainingRun) -> tuple[dict[str, Tensor], int]:
    from safetensors import safe_open

    from napari_restoration.training.run import BEST

    if run.standing.weights is not None and run.standing.unwritten:
        return run.standing.weights, run.standing.best_step
    with safe_open(run.folder / BEST, framework="pt") as file:
        step = int(file.metadata()["step"])
        return {name: file.get_tensor(name) for name in file.keys()}, step  # noqa: SIM118 (no mapping)


def _half_precision_loss(run: TrainingRun, held_out: FieldMaker, weights: Mapping[str, Tensor]) -> float:
    from napari_restoration.training.data import validation_batches
    from napari_restoration.training.scores import validate

    checks = validation_batches(run.recipe, held_out, run.recipe.training.validation_patches)
    core = run.core
    scores = []
    for half in (False, True):
        # As `save_model_folder` stores them: kernels in half precision, vectors as they are.
        stored = {k: v.half().float() if half and v.ndim >= 2 else v for k, v in weights.items()}
        core.averaged.load_state_dict(stored)
        scores.append(validate(core, run.recipe, checks).psnr)
    lost = scores[0] - scores[1]
    return lost if math.isfinite(lost) else math.inf


def _network(recipe: Recipe, weights: Mapping[str, Tensor]) -> nn.Module:
    from napari_restoration.models.archs import build

    network = build(recipe.arch, **recipe.arch_args)
    network.load_state_dict(dict(weights))
    return network.eval()


def _finite(value: float) -> float | None:
    """None for the training loss of weights that no step was taken with."""
    return value if math.isfinite(value) else None
