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
from napari_restoration.training.recipe_data import PairSettings, PhantomSettings, SourceSettings

Task = Literal["denoise", "deblur", "refocus", "superres"]
Schedule = Literal["cosine", "step", "constant"]
Precision = Literal["fp32", "bf16"]
LossName = Literal["l1", "gradient", "ssim", "laplace_nll", "content"]

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """How the weights are fitted.

    Parameters
    ----------
    steps : int
        Optimizer steps in all, unless a time budget decides.
    steps_per_epoch : int
        Steps between two validations (and checkpoints).
    batch_size, patch, field_size : int
        Patches in a batch; side of an input patch; side of the degraded field that patches are cut from
        and whose percentiles normalise them (all in input pixels).
    patches_per_field : int
        Patches cut from one degraded field.
    learning_rate, weight_decay, warmup_steps, schedule
        Adam's rate, decoupled decay, linear warm-up and the curve after it.
    ema_decay : float
        Decay of the moving average of the weights that is validated and shipped; 0 switches it off.
    clip_norm : float
        Largest gradient norm; 0 switches clipping off.
    precision : {"fp32", "bf16"}
        Arithmetic of the forward pass in training (bf16 by autocast); validation is always fp32.
    frozen_share : float
        Last share of the training in which batch norms keep fixed statistics, measured over many patches.
        Those of small batches differ from what a whole image is restored with.
    losses : mapping of str to float
        Weights of the losses, summed.
    validation_share, validation_patches
        Share of each group's images held out, and the number of fixed patches cut from them.
    """

    steps: int = 2000
    steps_per_epoch: int = 100
    batch_size: int = 8
    patch: int = 64
    field_size: int = 192
    patches_per_field: int = 4
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    warmup_steps: int = 50
    schedule: Schedule = "cosine"
    ema_decay: float = 0.995
    clip_norm: float = 1.0
    precision: Precision = "fp32"
    frozen_share: float = 0.0
    losses: Mapping[str, float] = field(default_factory=lambda: {"l1": 1.0})
    validation_share: float = 0.1
    validation_patches: int = 32

    def __post_init__(self) -> None:
        for name in (
            "steps",
            "steps_per_epoch",
            "batch_size",
            "patch",
            "patches_per_field",
            "validation_patches",
        ):
            need(getattr(self, name) >= 1, f"training.{name}", getattr(self, name), "at least 1")
        need(self.field_size >= self.patch, "training.field_size", self.field_size, "at least training.patch")
        need(
            0 < self.learning_rate <= 1, "training.learning_rate", self.learning_rate, "above 0 and at most 1"
        )
        need(self.weight_decay >= 0, "training.weight_decay", self.weight_decay, "at least 0")
        need(0 <= self.ema_decay < 1, "training.ema_decay", self.ema_decay, "from 0 to below 1")
        need(0 <= self.frozen_share < 1, "training.frozen_share", self.frozen_share, "from 0 to below 1")
        need(self.clip_norm >= 0, "training.clip_norm", self.clip_norm, "at least 0")
        need(
            0 < self.validation_share <= 0.5,
            "training.validation_share",
            self.validation_share,
            "in (0, 0.5]",
        )
        choice(self.schedule, Schedule, "training.schedule")
        choice(self.precision, Precision, "training.precision")
        need(bool(self.losses), "training.losses", dict(self.losses), "one loss at least")
        for name, weight in self.losses.items():
            choice(name, LossName, "training.losses")
            need(weight > 0, f"training.losses.{name}", weight, "above 0")


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

    def __post_init__(self) -> None:
        choice(self.task, Task, "task")
        need(bool(self.sources or self.pairs or self.phantoms), "sources", (), "one group of images at least")
        need(self.seed >= 0, "seed", self.seed, "at least 0")
        need(0 <= self.smooth <= 4, "smooth", self.smooth, "from 0 to 4")
        for name, value in self.degradation.items():
            low, high = value if isinstance(value, tuple) else (value, value)
            need(math.isfinite(low) and low <= high, f"degradation.{name}", value, "a number or [low, high]")

    @property
    def scale(self) -> int:
        """Output pixels for each input pixel along an axis."""
        return 2 if self.task == "superres" else 1

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain values that JSON and TOML can hold."""
        plain: dict[str, Any] = asdict(self)
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
