"""Forward models: degradation steps in a row, saved and drawn as one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, Literal, Self

import numpy as np

from napari_restoration.degradations.base import Float, Step
from napari_restoration.degradations.motion import MotionBlur
from napari_restoration.degradations.noise import Camera, GaussianNoise
from napari_restoration.degradations.optics import GaussianBlur, OpticalBlur
from napari_restoration.degradations.sampling import Binning, Exposure, ToPhotons

STEPS: dict[str, type[Step]] = {
    step.kind: step
    for step in (ToPhotons, Exposure, GaussianBlur, OpticalBlur, MotionBlur, Binning, Camera, GaussianNoise)
}
"""Every kind of step; a new one is one class and one entry here."""


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
        if self.high < self.low:
            raise ValueError(
                f"A range from {self.low:g} to {self.high:g} is empty: give the lower limit first."
            )
        if self.spacing == "log" and self.low <= 0:
            raise ValueError(f"A range with log spacing must start above 0, not at {self.low:g}.")

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
        for name in self.ranges:
            if name not in known:
                raise ValueError(f"The step {self.step.kind!r} has no field {name!r} to vary.")

    @property
    def stage(self) -> int:
        """Place of the step in the light path."""
        return self.step.stage

    def __call__(self, image: Float, rng: np.random.Generator) -> Float:
        """Draw the fields, then degrade."""
        return self.realise(rng)(image, rng)

    def realise(self, rng: np.random.Generator) -> Step:
        """Return the step with drawn fields."""
        drawn: dict[str, Any] = {name: self.ranges[name].draw(rng) for name in sorted(self.ranges)}
        return replace(self.step, **drawn).realise(rng)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape that the step without variation gives."""
        return self.step.output_shape(shape)

    def expectation(self, image: Float) -> Float:
        """Refuse: there is no expectation before the draw."""
        raise ValueError("The step's fields are not drawn yet: call realise(rng) first.")

    def target(self, image: Float) -> Float:
        """Refuse: there is no target before the draw."""
        raise ValueError("The step's fields are not drawn yet: call realise(rng) first.")

    def to_dict(self) -> dict[str, Any]:
        """Return the step and its ranges as JSON-ready values."""
        ranges = {
            name: {"low": given.low, "high": given.high, "spacing": given.spacing}
            for name, given in self.ranges.items()
        }
        return {"kind": self.kind, "step": self.step.to_dict(), "ranges": ranges}


@dataclass(frozen=True)
class Degraded:
    """One draw of a forward model.

    Attributes
    ----------
    input
        The degraded image, float32.
    target
        The sharp, noise-free image in the input's units.
    model
        The forward model as drawn; ``model.to_dict()`` is the record of every draw but the pixels'
        noise, which the generator's seed repeats.
    """

    input: Float
    target: Float
    model: ForwardModel


@dataclass(frozen=True)
class ForwardModel:
    """Degradation steps applied one after another.

    Attributes
    ----------
    steps
        Applied in this order; see `in_light_path_order`.
    """

    kind: ClassVar[str] = "forward_model"

    steps: tuple[Step | Varied, ...] = ()

    @classmethod
    def in_light_path_order(cls, *steps: Step | Varied) -> Self:
        """Order the steps as light meets them: exposure, optics, motion, pixels, camera."""
        return cls(tuple(sorted(steps, key=lambda step: step.stage)))

    def __call__(self, image: Float, rng: np.random.Generator) -> Float:
        """Degrade ``image``, shape ``(..., Y, X)``; all draws come from ``rng``."""
        return self.degrade(image, rng).input

    def degrade(self, image: Float, rng: np.random.Generator) -> Degraded:
        """Draw the parameters, then return the degraded image, its target and what was drawn."""
        drawn = self.realise(rng)
        degraded = _as_float(image)
        for step in drawn.steps:
            degraded = step(degraded, rng)
        return Degraded(np.asarray(degraded), drawn.target(image), drawn)

    def realise(self, rng: np.random.Generator) -> ForwardModel:
        """Draw every random parameter."""
        return ForwardModel(tuple(step.realise(rng) for step in self.steps))

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of the degraded image for an image of ``shape``."""
        for step in self.steps:
            shape = step.output_shape(shape)
        return shape

    def expectation(self, image: Float) -> Float:
        """Return the degraded image without its noise."""
        result = _as_float(image)
        for step in self.steps:
            result = step.expectation(result)
        return result

    def target(self, image: Float) -> Float:
        """Return the sharp, noise-free image in the units of the degraded one."""
        result = _as_float(image)
        for step in self.steps:
            result = step.target(result)
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return the steps as JSON-ready values."""
        return {"kind": self.kind, "steps": [step.to_dict() for step in self.steps]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build the forward model from `to_dict`'s values.

        Raises
        ------
        ValueError
            If a kind of step or a field is unknown.
        """
        return cls(tuple(_step_from_dict(step) for step in values["steps"]))


def _step_from_dict(values: Mapping[str, Any]) -> Step | Varied:
    kind = values.get("kind")
    if kind == Varied.kind:
        step = _step_from_dict(values["step"])
        if isinstance(step, Varied):
            raise ValueError("A varied step cannot hold another varied step.")
        return Varied(step=step, ranges={name: Range(**given) for name, given in values["ranges"].items()})
    if kind not in STEPS:
        raise ValueError(f"There is no degradation {kind!r}; known are {', '.join(sorted(STEPS))}.")
    return STEPS[kind].from_dict(values)


def _as_float(image: Float) -> Float:
    return image if image.dtype == np.float64 else np.asarray(image, dtype=np.float32)
