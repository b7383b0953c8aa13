"""Ranges of values, and steps whose fields are drawn from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.base import Float, Step

_SPACINGS = ("linear", "log", "integer")


@dataclass(frozen=True, kw_only=True)
class Range:
    """Values from which one is drawn.

    Attributes
    ----------
    low, high
        Limits, both included.
    spacing
        ``"linear"``, ``"log"`` (even over decades, ``low > 0``) or ``"integer"``.
    """

    low: float
    high: float
    spacing: Literal["linear", "log", "integer"] = "linear"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            raise InputError(
                f"A range from {self.low:g} to {self.high:g} has no end: give two finite numbers."
            )
        if self.high < self.low:
            raise InputError(
                f"A range from {self.low:g} to {self.high:g} is empty: give the lower limit first."
            )
        if self.spacing not in _SPACINGS:
            raise InputError(f"The spacing of a range is {self.spacing!r}, but must be one of {_SPACINGS}.")
        if self.spacing == "log" and self.low <= 0:
            raise InputError(f"A range with log spacing must start above 0, not at {self.low:g}.")

    def draw(self, rng: np.random.Generator) -> float | int:
        """Draw one value."""
        if self.spacing == "integer":
            return int(rng.integers(int(self.low), int(self.high) + 1))
        if self.spacing == "log":
            return float(np.exp(rng.uniform(np.log(self.low), np.log(self.high))))
        return float(rng.uniform(self.low, self.high))


@dataclass(frozen=True, kw_only=True)
class Varied:
    """A step whose fields are drawn anew for each image.

    Attributes
    ----------
    step
        The step that holds the fields that do not vary.
    ranges
        The fields that do, each with its `Range`.
    """

    kind: ClassVar[str] = "varied"

    step: Step
    ranges: Mapping[str, Range] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = {entry.name for entry in fields(self.step)}
        for name, given in self.ranges.items():
            if name not in known:
                raise InputError(f"The step {self.step.kind!r} has no field {name!r} to vary.")
            # Both ends must be allowed; what lies between them then is as well.
            replace(self.step, **{name: _typed(given, given.low)})
            replace(self.step, **{name: _typed(given, given.high)})

    @property
    def stage(self) -> int:
        """Place of the step in the light path."""
        return self.step.stage

    def __call__(self, image: Float, rng: np.random.Generator) -> Float:
        """Draw the fields, then degrade."""
        return self.realise(rng)(image, rng)

    def draw(self, rng: np.random.Generator) -> Step:
        """Return the step with drawn fields; what each image of its own draws, such as a path, is still open."""
        drawn: dict[str, Any] = {name: self.ranges[name].draw(rng) for name in sorted(self.ranges)}
        return replace(self.step, **drawn)

    def realise(self, rng: np.random.Generator) -> Step:
        """Return the step with drawn fields and everything else drawn."""
        return self.draw(rng).realise(rng)

    def reach_px(self) -> tuple[int, ...]:
        """Return the largest reach over the ends of the ranges."""
        ends = [
            {
                name: _typed(given, end)
                for name, given in self.ranges.items()
                for end in [getattr(given, side)]
            }
            for side in ("low", "high")
        ]
        reaches = [replace(self.step, **values).reach_px() for values in ends]
        return tuple(max(pair) for pair in zip(*reaches, strict=True))

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape that the step without variation gives."""
        return self.step.output_shape(shape)

    def expectation(self, image: Float) -> Float:
        """Refuse: there is no expectation before the draw."""
        raise InputError("The step's fields are not drawn yet: call realise(rng) first.")

    def target(self, image: Float) -> Float:
        """Refuse: there is no target before the draw."""
        raise InputError("The step's fields are not drawn yet: call realise(rng) first.")

    def to_dict(self) -> dict[str, Any]:
        """Return the step and its ranges as JSON-ready values."""
        ranges = {
            name: {"low": given.low, "high": given.high, "spacing": given.spacing}
            for name, given in self.ranges.items()
        }
        return {"kind": self.kind, "step": self.step.to_dict(), "ranges": ranges}


def bare(step: Step | Varied) -> Step:
    """Return the step itself, without its ranges."""
    return step.step if isinstance(step, Varied) else step


def _typed(given: Range, value: float) -> float | int:
    return int(value) if given.spacing == "integer" else float(value)
