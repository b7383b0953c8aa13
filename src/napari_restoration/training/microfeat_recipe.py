"""The recipe of MicroFeat's training as readable data: classes, patches, degradation, optimizer."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from napari_restoration.core.errors import InputError
from napari_restoration.training.limits import choice, need
from napari_restoration.training.recipe_data import Black

S = TypeVar("S")
Interval = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class ClassSettings:
    """One kind of picture that the network learns to name.

    Parameters
    ----------
    name
        What is seen and how.
    modalities, structures
        Patterns of the columns of the same names in ``index.csv``; a file belongs to the first class that
        matches both. Empty where the class has drawn specimens alone.
    bins, black
        How a file becomes a truth, as in `napari_restoration.training.recipe_data.SourceSettings`.
    phantoms
        Drawings of `napari_restoration.training.phantoms` that are mixed in.
    scored
        Its ``val`` files show what its ``train`` files do not.
    """

    name: str
    modalities: tuple[str, ...] = ()
    structures: tuple[str, ...] = ()
    bins: tuple[int, ...] = (1,)
    black: Black = "percentile"
    phantoms: tuple[str, ...] = ()
    scored: bool = True

    def __post_init__(self) -> None:
        need(bool(self.name), "classes.name", self.name, "a name")
        need(bool(self.bins) and all(1 <= b <= 8 for b in self.bins), "classes.bins", self.bins, "of 1 to 8")
        choice(self.black, Black, "classes.black")
        files = bool(self.modalities) and bool(self.structures)
        need(files or bool(self.phantoms), "classes", self.name, "given files or drawn specimens")


@dataclass(frozen=True, kw_only=True)
class PatchSettings:
    """Sizes, and how grey levels are mapped.

    Parameters
    ----------
    side, field
        Sides in pixels of a patch, and of the larger region that is degraded and normalised as one.
    per_field
        Patches cut from a region.
    percentiles_low, percentiles_high
        Ranges of the percentiles of the region that become 0 and 1.
    phantom_side, phantom_count
        Drawn specimens: pixels on a side, and number of drawings of a kind.
    """

    side: int = 64
    field: int = 160
    per_field: int = 4
    percentiles_low: Interval = (1.0, 3.0)
    percentiles_high: Interval = (99.5, 99.9)
    phantom_side: int = 384
    phantom_count: int = 4

    def __post_init__(self) -> None:
        need(8 <= self.side <= 512, "patches.side", self.side, "from 8 to 512")
        need(self.side <= self.field <= 2048, "patches.field", self.field, "from patches.side to 2048")
        need(1 <= self.per_field <= 64, "patches.per_field", self.per_field, "from 1 to 64")
        _interval(self.percentiles_low, "patches.percentiles_low", 0.0, 50.0)
        _interval(self.percentiles_high, "patches.percentiles_high", 50.0, 100.0)
        need(32 <= self.phantom_side <= 4096, "patches.phantom_side", self.phantom_side, "from 32 to 4096")
        need(1 <= self.phantom_count <= 100, "patches.phantom_count", self.phantom_count, "from 1 to 100")


@dataclass(frozen=True, kw_only=True)
class DegradationSettings:
    """What spoils a sharp region; each range is drawn from once for a region.

    Parameters
    ----------
    sigma_px
        Standard deviation of the blur on each axis, in pixels, evenly in the logarithm.
    disc_share
        Share of the blurs that are discs of that standard deviation; the others are Gaussians.
    photons
        Electrons expected at the region's 99.9th percentile above the background, evenly in the logarithm.
    background
        Electrons everywhere as a share of ``photons``.
    read_noise
        Electrons rms.
    """

    sigma_px: Interval = (0.3, 6.0)
    disc_share: float = 0.35
    photons: Interval = (10.0, 30000.0)
    background: Interval = (0.01, 0.3)
    read_noise: Interval = (0.5, 3.0)

    def __post_init__(self) -> None:
        _interval(self.sigma_px, "degradation.sigma_px", 0.05, 50.0)
        need(0 <= self.disc_share <= 1, "degradation.disc_share", self.disc_share, "from 0 to 1")
        _interval(self.photons, "degradation.photons", 1.0, 1e6)
        _interval(self.background, "degradation.background", 0.0, 10.0)
        _interval(self.read_noise, "degradation.read_noise", 0.0, 100.0)


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """The optimizer, and what each of the three tasks weighs.

    Parameters
    ----------
    steps
        Length of the training where no time is given.
    steps_per_epoch
        Steps between two checkpoints.
    batch_size, learning_rate, warmup_steps, weight_decay, clip_norm
        Of AdamW; the rate falls as a cosine to one hundredth.
    ema_decay
        Of the moving average of the weights, which is what ships.
    label_smoothing
        Of the cross entropy.
    blur_weight, photon_weight
        Of the errors of the logarithms of blur and photons (smooth L1).
    precision
        "fp32", or "bf16" for products of matrices alone.
    divide
        Divides the numbers of maps; for tests.
    """

    steps: int = 12000
    steps_per_epoch: int = 100
    batch_size: int = 16
    learning_rate: float = 5e-4
    warmup_steps: int = 300
    weight_decay: float = 1e-3
    clip_norm: float = 1.0
    ema_decay: float = 0.998
    label_smoothing: float = 0.05
    blur_weight: float = 2.0
    photon_weight: float = 2.0
    precision: Literal["fp32", "bf16"] = "fp32"
    divide: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "steps_per_epoch", "batch_size"):
            need(getattr(self, name) >= 1, f"training.{name}", getattr(self, name), "at least 1")
        need(0 < self.learning_rate <= 1, "training.learning_rate", self.learning_rate, "above 0, at most 1")
        need(self.warmup_steps >= 0, "training.warmup_steps", self.warmup_steps, "at least 0")
        need(self.weight_decay >= 0, "training.weight_decay", self.weight_decay, "at least 0")
        need(self.clip_norm > 0, "training.clip_norm", self.clip_norm, "above 0")
        need(0 <= self.ema_decay < 1, "training.ema_decay", self.ema_decay, "from 0 to below 1")
        need(
            0 <= self.label_smoothing < 1,
            "training.label_smoothing",
            self.label_smoothing,
            "from 0 to below 1",
        )
        for name in ("blur_weight", "photon_weight"):
            need(getattr(self, name) >= 0, f"training.{name}", getattr(self, name), "at least 0")
        choice(self.precision, Literal["fp32", "bf16"], "training.precision")


@dataclass(frozen=True, kw_only=True)
class MicroFeatRecipe:
    """All that decides what MicroFeat learns.

    Parameters
    ----------
    id
        Name of the weights.
    seed
        Decides the first weights and every patch.
    smooth
        Gaussian in pixels that takes the remaining noise out of a source.
    exclude
        Patterns of files that are never read.
    classes, patches, degradation, training
        See there.
    """

    id: str
    seed: int = 0
    smooth: float = 0.6
    exclude: tuple[str, ...] = ()
    classes: tuple[ClassSettings, ...]
    patches: PatchSettings = field(default_factory=PatchSettings)
    degradation: DegradationSettings = field(default_factory=DegradationSettings)
    training: FitSettings = field(default_factory=FitSettings)

    def __post_init__(self) -> None:
        need(self.seed >= 0, "seed", self.seed, "at least 0")
        need(0 <= self.smooth <= 4, "smooth", self.smooth, "from 0 to 4")
        names = [c.name for c in self.classes]
        need(len(set(names)) == len(names) >= 2, "classes", names, "two or more of different names")

    def to_dict(self) -> dict[str, Any]:
        """The recipe as plain values that JSON and TOML can hold."""
        plain: dict[str, Any] = asdict(self)
        return plain

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> MicroFeatRecipe:
        """Build and check a recipe.

        Raises
        ------
        InputError
            A field is unknown, missing, or outside its limits; the message names it.
        """
        known = dict(values)
        known["classes"] = tuple(_build(ClassSettings, c, "classes") for c in known.get("classes", ()))
        known["patches"] = _build(PatchSettings, known.get("patches", {}), "patches")
        known["degradation"] = _build(DegradationSettings, known.get("degradation", {}), "degradation")
        known["training"] = _build(FitSettings, known.get("training", {}), "training")
        return _build(cls, known, "recipe")


def read_microfeat_recipe(path: str | Path) -> MicroFeatRecipe:
    """Read a recipe of MicroFeat from a TOML file.

    Raises
    ------
    InputError
        The file is absent, no TOML, or holds a wrong value.
    """
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"The recipe {path} cannot be read ({error}); give a TOML recipe file.") from error
    return MicroFeatRecipe.from_dict(values)


def _interval(value: Interval, name: str, lowest: float, highest: float) -> None:
    wanted = f"[low, high] from {lowest:g} to {highest:g}"
    need(len(value) == 2 and lowest <= value[0] <= value[1] <= highest, name, value, wanted)


def _build(kind: type[S], values: Mapping[str, Any], where: str) -> S:
    known = {f.name: f for f in fields(cast(Any, kind))}
    if unknown := sorted(set(values) - set(known)):
        raise InputError(
            f"The recipe has an unknown field {where}.{unknown[0]}; known are {', '.join(known)}."
        )
    for name, f in known.items():
        if f.default is MISSING and f.default_factory is MISSING and name not in values:
            raise InputError(f"The recipe lacks the field {where}.{name}; add it.")
    try:
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})
    except TypeError as error:
        raise InputError(f"A field of the recipe's {where} has the wrong type ({error}).") from error
