"""Training recipes: everything that decides what a model learns, as readable data.

A recipe is a TOML file and a frozen dataclass. Ranges are written ``[low, high]``; each field checks its
limits when the recipe is built, so that a wrong value is named before any training starts.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from napari_restoration.core.errors import InputError
from napari_restoration.training.limits import choice, need
from napari_restoration.training.method_settings import MethodSettings, check_losses
from napari_restoration.training.recipe_data import PairSettings, PhantomSettings, SourceSettings
from napari_restoration.training.training_settings import LATER, TrainingSettings

__all__ = ["MethodSettings", "Recipe", "Task", "TrainingSettings", "read_recipe", "recipe_to_toml"]

Task = Literal["denoise", "deblur", "refocus", "superres"]

S = TypeVar("S")


Range = float | tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One model: what it is, what it sees, how it is fitted.

    Parameters
    ----------
    id, title, description, task
        As they will stand in the model card.
    arch, arch_args
        Network by its name in ``ARCHITECTURES`` and its arguments.
    seed : int
        Decides the split, the first weights and every patch.
    smooth : float
        Gaussian in pixels that takes the remaining noise out of a source.
    sources, pairs, phantoms
        Groups of sharp images, of real pairs and of drawn specimens.
    degradation : mapping
        Settings of `napari_restoration.training.simulate`, each a number or a range ``(low, high)``.
    training : TrainingSettings
    method : MethodSettings
        Which networks learn from each other; one network on pairs unless said otherwise.
    """

    id: str
    title: str
    description: str
    task: Task
    arch: str
    arch_args: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    smooth: float = 0.6
    sources: tuple[SourceSettings, ...] = ()
    pairs: tuple[PairSettings, ...] = ()
    phantoms: tuple[PhantomSettings, ...] = ()
    degradation: Mapping[str, Range] = field(default_factory=dict)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    method: MethodSettings = field(default_factory=MethodSettings)

    def __post_init__(self) -> None:
        choice(self.task, Task, "task")
        need(bool(self.sources or self.pairs or self.phantoms), "sources", (), "one group of images at least")
        need(self.seed >= 0, "seed", self.seed, "at least 0")
        need(0 <= self.smooth <= 4, "smooth", self.smooth, "from 0 to 4")
        for name, value in self.degradation.items():
            low, high = value if isinstance(value, tuple) else (value, value)
            need(math.isfinite(low) and low <= high, f"degradation.{name}", value, "a number or [low, high]")
        check_losses(self.method, self.training.losses)
        if self.method.kind != "regression" and set(self.training.losses) & {"ragan", "ragan_ls"}:
            size = self.training.batch_size
            need(size >= 2, "training.batch_size", size, "2 or more, as the critic compares within a batch")

    @property
    def scale(self) -> int:
        """Output pixels for each input pixel along an axis."""
        return 2 if self.task == "superres" else 1

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain values that JSON and TOML can hold.

        Settings that came later are left out where they have their default, so that runs of before go on.
        """
        plain: dict[str, Any] = asdict(self)
        training = plain["training"]
        plain["training"] = {k: v for k, v in training.items() if k not in LATER or v != LATER[k]}
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """Build and check a recipe.

        Raises
        ------
        InputError
            If a field is unknown, missing, or outside its limits; the message names it.
        """
        known = dict(values)
        known["sources"] = tuple(_build(SourceSettings, s, "sources") for s in known.get("sources", ()))
        known["pairs"] = tuple(_build(PairSettings, s, "pairs") for s in known.get("pairs", ()))
        known["phantoms"] = tuple(_build(PhantomSettings, s, "phantoms") for s in known.get("phantoms", ()))
        known["training"] = _build(TrainingSettings, known.get("training", {}), "training")
        known["method"] = _build(MethodSettings, known.get("method", {}), "method")
        ranges = known.get("degradation", {})
        known["degradation"] = {k: _tupled(v) for k, v in ranges.items()}
        return _build(cls, known, "recipe")


def read_recipe(path: str | Path) -> Recipe:
    """Read a recipe from a TOML file.

    Raises
    ------
    InputError
        If the file is absent, no TOML, or holds a wrong value.
    """
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"The recipe {path} cannot be read ({error}); give a TOML recipe file.") from error
    return Recipe.from_dict(values)


def recipe_to_toml(recipe: Recipe) -> str:
    """The recipe as TOML text that `read_recipe` reads back to an equal recipe."""
    import tomli_w

    return tomli_w.dumps(_without_none(recipe.to_dict()))


def _build(kind: type[S], values: Mapping[str, Any], where: str) -> S:
    known = {f.name: f for f in fields(cast(Any, kind))}
    unknown = sorted(set(values) - set(known))
    if unknown:
        raise InputError(
            f"The recipe has an unknown field {where}.{unknown[0]}; known are {', '.join(known)}."
        )
    for name, f in known.items():
        if f.default is MISSING and f.default_factory is MISSING and name not in values:
            raise InputError(f"The recipe lacks the field {where}.{name}; add it.")
    try:
        return kind(**{k: _tupled(v) for k, v in values.items()})
    except TypeError as error:
        raise InputError(f"A field of the recipe's {where} has the wrong type ({error}).") from error


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_none(v) for k, v in value.items() if v is not None}
    return [_without_none(v) for v in value] if isinstance(value, tuple | list) else value
