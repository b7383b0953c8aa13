"""What a training run did, in the words of a methods section; and the commands that repeat it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.tasks.assess_images import has_measured_inputs
from napari_restoration.tasks.assess_verdict import images_in_words, known_in_words, p_words
from napari_restoration.tasks.assessment import Assessment, ImageScores, read_assessment
from napari_restoration.tasks.train_command import command_of, resume_command

if TYPE_CHECKING:
    from napari_restoration.models.card import ModelCard
    from napari_restoration.training.recipe import Recipe
    from napari_restoration.training.run_config import RunConfig

__all__ = ["command_of", "methods_paragraph", "resume_command"]

_TASKS = {
    "denoise": "denoising", "deblur": "deblurring", "refocus": "refocusing", "superres": "super-resolution (x2)",
}  # fmt: skip
_METHODS = {
    "regression": "",
    "two_phase": " In the last {rest:.0%} of the training a critic took part.",
    "conditional_gan": " A critic was trained at the same time (conditional adversarial training).",
    "comi": " A second network for the way back and two critics were trained at the same time.",
    "cycle": " Inputs and targets of different fields of view were used, with a second network for the way back and "
    "two critics.",
}
_TURNS = {
    "all": "turned by multiples of 90 degrees and mirrored at random", "flips": "mirrored at random",
    "none": "used as they are",
}  # fmt: skip
_SCHEDULES = {
    "cosine": "falling to a hundredth along a cosine", "step": "halved four times", "constant": "kept constant",
    "linear_tail": "falling linearly to zero in the end", "exponential": "falling with each epoch",
    "milestones": "lowered in steps", "plateau": "lowered whenever the validation loss stood still",
}  # fmt: skip
_METRICS = {
    "loss": "loss", "psnr": "peak signal-to-noise ratio", "ssim": "structural similarity",
    "mae": "mean absolute error",
}  # fmt: skip


def methods_paragraph(run_folder: str | Path) -> str:
    """A paragraph for the methods section of a paper about the model of a finished run.

    Parameters
    ----------
    run_folder : path
        A run with its folder ``model``; without an assessment the paragraph says that there is none.

    Returns
    -------
    str
        Data, split, network, start, losses, optimizer, steps, seed, versions, scores and test.

    Raises
    ------
    InputError
        If the folder holds no training run.
    ModelError
        If its model is not written yet.
    """
    from napari_restoration.models.registry import find_card
    from napari_restoration.tasks.train_end import MODEL_FOLDER
    from napari_restoration.training.run_config import RunConfig

    folder = Path(run_folder)
    config = RunConfig.read(folder)
    card, weights = find_card(folder / MODEL_FOLDER)
    assessment = read_assessment(folder)
    return " ".join(
        [
            _network(card, weights), _start(card, config), *_data(card, config, assessment),
            *_fitting(card, config), _result(assessment),
        ]
    )  # fmt: skip


def _network(card: ModelCard, weights: Path) -> str:
    software = card.training.get("software", {})
    named = [f"{name} {software[name]}" for name in ("torch", "numpy", "python") if name in software]
    method = (card.citation[0].lower() + card.citation[1:].rstrip(".")) if card.citation else ""
    return (
        f"The model {card.id!r} for {_TASKS[card.task]} is a convolutional network of the architecture {card.arch} "
        f"with {_count_of_weights(weights):,} weights{f' ({method})' if method else ''}, trained with "
        f"napari-restoration {software.get('napari-restoration', 'of an unknown version')} ({', '.join(named)})."
    )


def _count_of_weights(path: Path) -> int:
    from napari_restoration.models.store import check_header

    statistics = ("running_mean", "running_var", "num_batches_tracked")
    return sum(
        _product(tensor.shape) for name, tensor in check_header(path).items() if not name.endswith(statistics)
    )


def _product(shape: Sequence[int]) -> int:
    count = 1
    for side in shape:
        count *= side
    return count


def _start(card: ModelCard, config: RunConfig) -> str:
    taken = card.training.get("started_from")
    if not taken:
        return "Training started from random weights."
    left_out = len(taken.get("left_out", ()))
    rest = f"; {left_out} of its tensors did not fit and were drawn at random instead" if left_out else ""
    digest = config.start[2] if config.start is not None else taken.get("sha256", "")
    return f"Training started from the weights of the model {taken['id']!r} (SHA-256 {digest[:16]}...){rest}."


def _data(card: ModelCard, config: RunConfig, assessment: Assessment | None) -> list[str]:
    material = config.material
    own = card.trained_on[0] if card.trained_on else {}
    name, files = own.get("name", material.folder.name), _counted(own.get("files", 0), "file")
    if material.leave_out:
        files += f"; {len(material.leave_out)} left out by name"
    if material.kind == "pairs":
        said = [
            f"It was trained on pairs of input and target images from {name!r} ({files}).",
            *_fit(config, assessment),
        ]
    elif material.kind == "clean":
        said = [_degradation(config, name, files)]
    else:
        said = [f"It was trained on what the recipe {config.recipe.id!r} names of {material.folder.name!r}."]
    return [*said, _split(config.recipe, config, assessment)]


def _fit(config: RunConfig, assessment: Assessment | None) -> list[str]:
    """What was done to the targets of pairs."""
    group = config.recipe.pairs[0] if config.recipe.pairs else None
    if assessment is not None and assessment.images:
        fitted = assessment.affine
    else:
        fitted = group.fit if group is not None else has_measured_inputs(config.material)
    said = (
        ["Each target was shifted onto its input by registration."]
        if group is not None and group.register
        else []
    )
    if fitted:
        said.append(
            "One gain and one offset for each target plane mapped its intensities to those of the input."
        )
    return said


def _degradation(config: RunConfig, name: str, files: str) -> str:
    from napari_restoration.degradations.presets import Preset
    from napari_restoration.degradations.varied import bare

    preset = Preset.from_dict(config.material.preset or {})
    steps = [bare(step).title.lower() for step in preset.forward_model(varied=True).steps]
    return (
        f"It was trained on sharp images from {name!r} ({files}), which were degraded by simulation during training "
        f"(preset {preset.title!r}; in this order: {', '.join(steps)}; parameters with a range were drawn anew each "
        "time)."
    )


def _split(recipe: Recipe, config: RunConfig, assessment: Assessment | None) -> str:
    material = config.material
    if material.validation is not None:
        return f"Images from a separate folder, {material.validation.name!r}, were held out of training."
    if assessment is not None and not assessment.images:
        return "No field of view was held out of training."
    if assessment is not None and assessment.parts:
        return (
            f"All images showed one field of view; the last {recipe.training.validation_share:.0%} of each along its "
            "longer side (a patch at least), and half a patch before it, were held out of training."
        )
    where = (
        " of each group of four or more"
        if material.kind == "index"
        else " (at least one)"
        if assessment is not None
        else " (at least one, if there were several)"
    )
    share = f"{recipe.training.validation_share:.0%} of the fields of view{where}"
    return f"{share}, drawn with the seed {recipe.seed}, were held out of training."


def _fitting(card: ModelCard, config: RunConfig) -> list[str]:
    recipe, training, done = config.recipe, config.recipe.training, card.training
    first = (
        f"Patches of {training.patch} x {training.patch} input pixels, {_TURNS[training.turns]}, in batches of "
        f"{training.batch_size}{f' on each of {config.devices} devices' if config.devices > 1 else ''}, were used to "
        f"minimise {_losses(recipe)} with {'AdamW' if training.weight_decay else 'Adam'}"
        f"{' (AMSGrad)' if training.amsgrad else ''}: learning rate {training.learning_rate:g}, "
        f"{_SCHEDULES[training.schedule]}"
    )
    extra = [f"decay rates {training.betas[0]:g} and {training.betas[1]:g}"]
    extra += [f"weight decay {training.weight_decay:g}"] if training.weight_decay else []
    extra += [f"warm-up over {training.warmup_steps} steps"] if training.warmup_steps > 1 else []
    extra += [f"gradient norm limited to {training.clip_norm:g}"] if training.clip_norm else []
    extra += (
        [f"moving average of the weights with decay {training.ema_decay:g}"] if training.ema_decay else []
    )
    extra += ["bfloat16 arithmetic in the forward pass"] if training.precision == "bf16" else []
    if training.intensity != (1.0, 1.0):
        extra += [
            f"intensities multiplied by factors from {training.intensity[0]:g} to {training.intensity[1]:g}"
        ]
    method = _METHODS[recipe.method.kind].format(rest=1 - recipe.method.first_share)
    best = done.get("best_step")
    kept = (
        "no later weights had a better one than those that training started from, which were kept"
        if best == 0 and config.start is not None
        else f"those of step {best} were kept"
    )
    return [
        f"{first}; {'; '.join(extra)}.{method}",
        f"Training took {done.get('steps')} steps in {done.get('minutes')} minutes"
        f"{f' (a budget of {config.minutes:g} minutes)' if config.minutes is not None else ''} on the device "
        f"{done.get('device')!r}, with the seed {recipe.seed}; of the weights after each epoch of "
        f"{training.steps_per_epoch} steps, judged by the {_METRICS[training.metric]} on validation patches, {kept}.",
    ]


def _losses(recipe: Recipe) -> str:
    from napari_restoration.training.loss_table import LOSSES

    def named(losses: Mapping[str, float]) -> str:
        parts = [f"{LOSSES[name].label} (weight {weight:g})" for name, weight in losses.items()]
        return " + ".join(parts) if len(parts) > 1 else LOSSES[next(iter(losses))].label

    method = recipe.method
    if method.kind == "two_phase":
        return f"first {named(method.first_losses)}, then {named(recipe.training.losses)},"
    learnt = " with learnt weights" if method.automatic_weights else ""
    return named(recipe.training.losses) + learnt


def _result(found: Assessment | None) -> str:
    if found is None:
        return "The model was not compared with another one on held-out images."
    if not found.images:
        return "For want of held-out images it was not compared with another model."
    plain = "after the gain and offset that fit best" if found.affine else "without any fit of intensities"
    where = images_in_words(found).rstrip(",")
    scores = [
        f"{title} {_mean(found.images, f'psnr_{key}')} dB and {_mean(found.images, f'ssim_{key}', 3)}"
        for key, title in (
            ("input", "inputs"), ("before", f"the model {found.before_model!r}"), ("after", "the new model"),
        )
        if all(getattr(one, f"psnr_{key}") is not None for one in found.images)
    ]  # fmt: skip
    said = (
        f"On {where} (the busiest parts of at most 512 x 512 pixels) mean peak signal-to-noise ratio and structural "
        f"similarity to the targets, {plain}, were for {'; for '.join(scores)}."
    )
    return " ".join(filter(None, [said, _test(found), known_in_words(found)]))


def _test(found: Assessment) -> str:
    if found.verdict == "not assessed" or found.mean_gain_db is None or found.p_value is None:
        return "That is too little for a test."
    base = f"the model {found.before_model!r}" if found.before_model else "the inputs"
    counted = (
        f"the means of {found.units} fields of view"
        if found.unit == "image"
        else f"{found.units} blocks of the images, which are not independent"
    )
    verdicts = {"better": "better", "worse": "worse", "no clear difference": "not clearly different"}
    return (
        f"The difference in peak signal-to-noise ratio to {base}, {_signed(found.mean_gain_db)} on average, was tested "
        f"by a two-sided Wilcoxon signed-rank test over {counted} (n = {found.units}, {p_words(found.p_value)}): the "
        f"new model is {verdicts[found.verdict]} (p < 0.05 and 0.1 dB at least were required). The held-out "
        f"{'parts' if found.parts else 'images'} had also decided which weights were kept."
    )


def _signed(gain: float) -> str:
    return f"{gain:+.2f} dB" if abs(gain) >= 0.005 else "less than 0.01 dB"


def _mean(images: Sequence[ImageScores], name: str, digits: int = 2) -> str:
    values = [value for one in images if (value := getattr(one, name)) is not None]
    return f"{sum(values) / len(values):.{digits}f}" if values else "(none)"


def _counted(number: Any, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
