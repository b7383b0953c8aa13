"""Did a training help? Restore held-out images with the model before and the model after, and compare."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_restoration.core.errors import ModelError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Notice, Progress, Task
from napari_restoration.tasks.assess_card import scores_for_card
from napari_restoration.tasks.assess_examples import Crops
from napari_restoration.tasks.assess_images import Float, HeldOut, has_measured_inputs, held_out_images
from napari_restoration.tasks.assess_scores import as_picture, gains, judge, structured
from napari_restoration.tasks.assess_verdict import BLOCK_SIDES, Compared, conclude
from napari_restoration.tasks.assessment import (
    EXAMPLES,
    Assessment,
    Examples,
    ImageScores,
    read_assessment,
    read_examples,
    write_assessment,
    write_examples,
)

if TYPE_CHECKING:
    from napari_restoration.models.any_model import AnyModel
    from napari_restoration.models.card import ModelCard
    from napari_restoration.training.run_config import RunConfig

__all__ = ["Assessment", "Examples", "ImageScores", "iter_assess", "read_assessment", "read_examples"]

_MOST_FRAMES = 8


def iter_assess(run_folder: str | Path, *, device: str = "cpu", most_images: int = 16) -> Task[Assessment]:
    """Compare the exported model of a run with the one before it on the images that the run held out.

    Both restore the same images, cut to at most 512 x 512 pixels where they are larger, as the Restore widget
    would. The model before is the one that training started from, else the shipped one of the task.

    Parameters
    ----------
    run_folder : path
        A finished run with its folder ``model``.
    device : str
        Where to restore.
    most_images : int
        Images at most; as many fields of view as possible.

    Yields
    ------
    Progress
        By image, and after each tile.
    Notice
        If the model that training started from is gone.

    Returns
    -------
    Assessment
        Also written to the run, as ``assessment.json``; crops to look at are in ``assessment.safetensors``. The mean
        scores go into the card of the model.

    Raises
    ------
    ModelError
        If the run has no model yet.
    InputError
        If images are missing or do not fit together any more.
    """
    from napari_restoration.models.registry import find_card
    from napari_restoration.tasks.train import MODEL_FOLDER
    from napari_restoration.training.export import record_scores
    from napari_restoration.training.run_config import RunConfig

    folder = Path(run_folder)
    config = RunConfig.read(folder)
    yield Progress(done=0, total=1, message="looking for held-out images")
    card = find_card(folder / MODEL_FOLDER)[0]
    images = held_out_images(config.recipe, config.material, most_images)
    crops = Crops(images, config.recipe.scale)
    models: dict[str, AnyModel] = {}
    if images:
        models = yield from _load(config, card, folder / MODEL_FOLDER, device)
    compared = yield from _compare_all(images, models, crops)
    found = conclude(
        compared, before=models["before"].card.id if "before" in models else None, after=card.id,
        affine=any(one.affine for one in images),
        parts=any(one.is_part for one in images), known=_known(images, config),
        untouched=config.start is not None and card.training.get("best_step") == 0,
        steps=int(card.training.get("steps", 1)),
    )  # fmt: skip
    _write(folder, found, crops.examples())
    record_scores(folder / MODEL_FOLDER, scores_for_card(found, real=has_measured_inputs(config.material)))
    yield Progress(done=len(images), total=len(images), message=f"assessed: {found.verdict}")
    return found


def _load(
    config: RunConfig, card: ModelCard, model: Path, device: str
) -> Generator[Progress, None, dict[str, AnyModel]]:
    """The models that are compared, by ``"before"`` and ``"after"``."""
    from napari_restoration.models.any_model import load_known

    models: dict[str, AnyModel] = {}
    name, before, gone = _before(config, card)
    if gone:
        yield Notice(done=0, total=1, message=gone)
    if before is not None:
        models["before"] = load_known(before, name, device)
    models["after"] = load_known(card, model, device)
    return models


def _compare_all(
    images: list[HeldOut], models: dict[str, AnyModel], crops: Crops
) -> Generator[Progress, None, list[Compared]]:
    affine, sides = any(one.affine for one in images), _block_sides(images)
    compared: list[Compared] = []
    for number, one in enumerate(images):
        yield Progress(done=number, total=len(images), message=f"comparing on {one.name}")
        with closing(_compare(one, models, affine, sides, crops)) as watched:
            try:
                while True:
                    next(watched)
                    yield Progress(done=number, total=len(images))
            except StopIteration as end:
                compared += [end.value] if end.value is not None else []
    return compared


def _known(images: list[HeldOut], config: RunConfig) -> int:
    """How many of the images the model before was trained on, as far as its card tells."""
    from napari_restoration.training.start import find_start, seen_by

    if config.start is None:
        return 0
    try:
        seen = frozenset(seen_by(find_start(config.start[0])[0]))
    except ModelError:
        return 0  # it is gone, and was said to be
    return sum(one.is_among(seen) for one in images)


def _write(folder: Path, found: Assessment, examples: Examples | None) -> None:
    # Crops of an earlier assessment must not stand beside this one.
    (folder / EXAMPLES).unlink(missing_ok=True)
    write_assessment(folder, found)
    if examples is not None:
        write_examples(folder, examples)


def _before(config: RunConfig, after: ModelCard) -> tuple[str, ModelCard | None, str]:
    """How the model before is named, its card, and what to tell."""
    from napari_restoration.models.registry import default_model
    from napari_restoration.training.start import find_start

    name = config.start[0] if config.start is not None else default_model(config.recipe.task)
    try:
        card, weights = find_start(name)
    except ModelError as error:
        return name, None, f"The new model is compared with the input alone: {error}"
    fits = (card.ndim, card.in_channels, card.out_channels, card.scale) == (2, 1, 1, after.scale)
    if not fits or (after.frames is not None and card.frames is None):
        return name, None, ""
    return str(weights.parent) if (weights.parent / "card.json").is_file() else name, card, ""


def _block_sides(images: list[HeldOut]) -> tuple[int, ...]:
    least = min((min(one.shape) for one in images), default=0)
    return tuple(side for side in BLOCK_SIDES if side <= least) or (least,)


def _compare(
    one: HeldOut, models: dict[str, AnyModel], affine: bool, sides: tuple[int, ...], crops: Crops
) -> Generator[Progress, None, Compared | None]:
    """Restore and score one image; None if its target is constant."""
    given, target = one.read()
    if not np.ptp(target) > 0 or not np.ptp(given) > 0:
        return None
    frames = models["after"].card.frames
    if given.ndim == 3:
        most = min(len(given), frames or 1, _MOST_FRAMES)
        first = (len(given) - most) // 2
        given = given[first : first + most]
    restored: dict[str, Float] = {}
    for name, model in models.items():
        restored[name] = yield from _restored(one.name, given, model)
    shape = (int(target.shape[0]), int(target.shape[1]))
    picture = as_picture(given, shape)
    judged = {name: judge(values, target, affine=affine) for name, values in restored.items()}
    judged["input"] = judge(picture, target, affine=affine)
    base = judged.get("before", judged["input"])
    scale = one.recipe.scale
    blocks = {
        side: gains(base.error, judged["after"].error, structured(target, side * scale, side * scale), side * scale)
        for side in sides
    }  # fmt: skip
    crops.add(one.name, given, target, restored, (base.error, judged["after"].error))
    scores: dict[str, Any] = {}
    for name, value in judged.items():
        scores |= {f"psnr_{name}": value.psnr, f"ssim_{name}": value.ssim}
    return Compared(scores=ImageScores(name=one.name, field=one.field, **scores), blocks=blocks)


def _restored(name: str, given: Float, model: AnyModel) -> Generator[Progress, None, Float]:
    from napari_restoration.tasks.prepare import prepare

    image = CalibratedImage(given, "TYX" if given.ndim == 3 else "YX", name=name)
    restoration = yield from prepare(image, model)
    result = yield from restoration.iter_run()
    values = np.asarray(result.image.data, dtype=np.float32)
    return values.reshape(values.shape[-2:])
