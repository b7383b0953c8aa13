"""The methods that a user picks by name: recipes for any folder of sharp images, each in three sizes.

They lie in ``recipes/``, one file a method: what the sizes have in common, then the tables ``[paper]``,
``[default]`` and ``[tiny]``. The settings of networks and critics are the presets of these names.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_restoration.core.errors import InputError
from napari_restoration.models.archs.presets import CRITIC_PRESETS, PRESETS
from napari_restoration.training.recipe import Recipe

SIZES = ("paper", "default", "tiny")

_FOLDER = Path(__file__).parent / "recipes"
_TABLES = ("training", "method")


def list_methods() -> list[str]:
    """Names of the methods."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def method_recipe(name: str, size: str = "default") -> Recipe:
    """The recipe of a method in one size.

    Parameters
    ----------
    name : str
        As `list_methods` gives it.
    size : {"paper", "default", "tiny"}
        The published settings, ours, or the smallest for a trial.

    Raises
    ------
    InputError
        If there is no such method or size.
    """
    if name not in list_methods():
        raise InputError(f"The method {name!r} is unknown; choose one of {', '.join(list_methods())}.")
    if size not in SIZES:
        raise InputError(f"The preset {size!r} is unknown; choose one of {', '.join(SIZES)}.")
    values = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    sizes = {key: values.pop(key, {}) for key in SIZES}
    chosen: Mapping[str, Any] = sizes[size]
    arch_args = {
        **PRESETS[values["arch"]][size], **values.get("arch_args", {}), **chosen.get("arch_args", {})
    }  # fmt: skip
    tables = {key: {**values.get(key, {}), **chosen.get(key, {})} for key in _TABLES}
    method = tables["method"]
    if "critic" in method:
        method["critic_args"] = {**CRITIC_PRESETS[method["critic"]][size], **method.get("critic_args", {})}
    recipe_id = name if size == "default" else f"{name}-{size}"
    return Recipe.from_dict({**values, **tables, "id": recipe_id, "arch_args": arch_args})
