"""The methods of training: which networks there are, who plays in which order, and what each is judged by.

To add one, write a module here, add one line to `METHODS`, and its name to ``Kind`` of `MethodSettings`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from napari_restoration.training.methods.base import Files, Method, Part, Player
from napari_restoration.training.recipe import Recipe

__all__ = ["METHODS", "Files", "Method", "Part", "Player", "build_method"]

METHODS: Mapping[str, str] = {
    "regression": "napari_restoration.training.methods.regression:Regression",
    "two_phase": "napari_restoration.training.methods.conditional_gan:TwoPhase",
    "conditional_gan": "napari_restoration.training.methods.conditional_gan:ConditionalGAN",
    "comi": "napari_restoration.training.methods.two_way:TwoWay",
    "cycle": "napari_restoration.training.methods.two_way:TwoWay",
}
"""Methods by the recipe's ``method.kind``, as ``module:class``."""


def build_method(recipe: Recipe, files: Files | None = None) -> Method:
    """The method of a recipe.

    Parameters
    ----------
    recipe : Recipe
    files : Files, optional
        Local files of other people's weights.

    Raises
    ------
    InputError
        If a loss compares features and no file of their network is given.
    ModelError
        If a file holds other weights.
    """
    module, name = METHODS[recipe.method.kind].split(":")
    method: Method = getattr(import_module(module), name)(recipe, files or Files())
    return method
