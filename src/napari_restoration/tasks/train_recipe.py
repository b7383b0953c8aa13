"""The recipe of a training: from a file, a method's, the usual one of a task, or that of a model that is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import InputError

if TYPE_CHECKING:
    from napari_restoration.models.card import ModelCard
    from napari_restoration.training.recipe import Recipe

TASK_METHODS = {"denoise": "care", "deblur": "bdu-uc-ssim", "refocus": "c2f", "superres": "rrdb"}
"""The method that is taken where a task alone is named."""


def choose_recipe(
    path: str | Path | None, method: str | None, task: str | None, size: str | None, start: str | Path | None
) -> Recipe:
    """The recipe that a file, a method, a model to start from, or a task names; the first of these counts.

    With a model to start from, its own network is trained on by `napari_restoration.training.fine_tuning`, unless
    another `size` than "default" is named: then by the method's settings of that size. These and those of a file or a
    method keep all but a tenth of their learning rate, as weights that are good already move less.

    Raises
    ------
    InputError
        If none is given, both a file and a method are, or a name is unknown.
    """
    from napari_restoration.training.fine_tuning import fine_tuned, gentle
    from napari_restoration.training.method_recipes import method_recipe
    from napari_restoration.training.recipe import read_recipe
    from napari_restoration.training.start import find_start

    if path is not None and (method is not None or size is not None):
        raise InputError("A recipe has one method and one size: leave them out, or name no recipe.")
    if path is not None:
        recipe = read_recipe(path)
        return recipe if start is None else replace(recipe, training=gentle(recipe.training))
    if method is None and start is not None:
        recipe = _recipe_of(find_start(start)[0], size or "default")
        tuning = (
            fine_tuned(recipe.arch, recipe.training) if size in (None, "default") else gentle(recipe.training)
        )
        return replace(recipe, training=tuning)
    if method is None and task is None:
        raise InputError("Training needs a recipe, the name of a method, a task, or a model to start from.")
    if method is None and task not in TASK_METHODS:
        raise InputError(f"The task {task!r} is unknown; choose one of {', '.join(TASK_METHODS)}.")
    recipe = method_recipe(method if method is not None else TASK_METHODS[str(task)], size or "default")
    return recipe if start is None else replace(recipe, training=gentle(recipe.training))


def changed(recipe: Recipe, changes: Mapping[str, Any], *, seed: int | None) -> Recipe:
    """The recipe with other training settings.

    Parameters
    ----------
    recipe : Recipe
    changes : mapping
        Fields of `TrainingSettings`, and ``epochs``, which counts the recipe's epochs.
    seed : int or None
        None: the recipe's.
    """
    training, own = recipe.training, dict(changes)
    epochs = own.pop("epochs", None)
    known = {entry.name for entry in fields(training)}
    if unknown := sorted(set(own) - known):
        raise InputError(
            f"There is no training setting {unknown[0]!r}; known are {', '.join(sorted(known))}."
        )
    if "patch" in own:
        own.setdefault("field_size", max(training.field_size, own["patch"]))
    if epochs is not None:
        own["steps"] = int(epochs) * own.get("steps_per_epoch", training.steps_per_epoch)
    return replace(recipe, training=replace(training, **own), seed=recipe.seed if seed is None else seed)


def _recipe_of(card: ModelCard, size: str) -> Recipe:
    """A recipe for a model's own network: that of the usual method of its task, on pairs and without critics."""
    from napari_restoration.training.method_recipes import list_methods, method_recipe
    from napari_restoration.training.method_settings import MethodSettings

    usual = "care-probabilistic" if card.laplace_scale else TASK_METHODS[card.task]
    same = [
        name
        for name in dict.fromkeys([usual, *list_methods()])
        if (one := method_recipe(name)).arch == card.arch and (one.task == card.task)
    ]
    if not same:
        raise InputError(
            f"No method trains the network {card.arch!r} of {card.id!r} for {card.task!r}: name a recipe with --recipe."
        )
    recipe = method_recipe(same[0], size)
    if recipe.method.kind != "regression":
        losses = recipe.method.first_losses
        recipe = replace(recipe, method=MethodSettings(), training=replace(recipe.training, losses=losses))
    return replace(recipe, id=f"{card.id}-tuned", title=card.title, arch_args=dict(card.arch_args))
