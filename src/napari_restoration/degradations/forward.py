"""Forward models: degradation steps in a row, saved and drawn as one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Self

import numpy as np

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.base import STAGES, Float, Step
from napari_restoration.degradations.steps import step_from_dict
from napari_restoration.degradations.varied import Varied, bare


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

    @classmethod
    def in_paper_order(cls, *steps: Step | Varied) -> Self:
        """Order the steps as the semi-synthetic paper does: exposure comes last and leaves the noise's share alone.

        Minimum filter, PSF, Poisson and Gaussian noise, then the random intensity factor, which in this order does
        not change the signal-to-noise ratio.
        """
        last = STAGES["storage"] + 1
        return cls(tuple(sorted(steps, key=lambda step: last if _is_exposure(step) else step.stage)))

    def draw(self, rng: np.random.Generator) -> ForwardModel:
        """Draw the fields that vary; what each image draws for itself, such as a path of motion, stays open."""
        return ForwardModel(
            tuple(step.draw(rng) if isinstance(step, Varied) else step for step in self.steps)
        )

    def calibrated(self, pixel_size_um: float | None, z_step_um: float | None = None) -> ForwardModel:
        """Give every step that depends on it the size of the pixels it works on.

        Parameters
        ----------
        pixel_size_um
            Size of a pixel of the image to degrade, in um; after a binning step it is larger.
        z_step_um
            Distance of its planes, to blur in three dimensions; ``None`` blurs plane by plane.

        Raises
        ------
        InputError
            If a step needs the pixel size and it is not known.
        """
        factor, steps = 1, []
        for step in self.steps:
            inner = bare(step)
            if _needs_pixel_size(inner):
                if pixel_size_um is None:
                    raise InputError(
                        f"The step {inner.title!r} needs the pixel size, which the image does not tell: "
                        "set it in micrometres."
                    )
                sizes = {"pixel_size_um": pixel_size_um * factor, "z_step_um": z_step_um}
                known = {entry.name for entry in fields(inner)}
                inner = replace(inner, **{name: size for name, size in sizes.items() if name in known})
                step = replace(step, step=inner) if isinstance(step, Varied) else inner
            factor *= _binning(inner)
            steps.append(step)
        return ForwardModel(tuple(steps))

    def at_wavelength(self, wavelength_um: float) -> ForwardModel:
        """Return the forward model for another colour of light, in um; steps without a wavelength stay."""
        return ForwardModel(
            tuple(
                replace(step, wavelength_um=wavelength_um) if hasattr(step, "wavelength_um") else step  # type: ignore[call-arg]
                for step in self.steps
            )
        )

    @property
    def binning(self) -> int:
        """How many pixels of the image, along Y and X, become one."""
        return math.prod(_binning(bare(step)) for step in self.steps)

    @property
    def target_scale(self) -> int:
        """Pixels of the target for each of the degraded image, along Y and X."""
        fine = (step for step in map(bare, self.steps) if getattr(step, "target_grid", "") == "fine")
        return math.prod(_binning(step) for step in fine)

    @property
    def bits(self) -> int | None:
        """Bit depth of the degraded image; ``None`` if its values are not whole numbers."""
        bits: int | None = None
        for step in map(bare, self.steps):
            if step.stage < STAGES["storage"]:
                bits = getattr(step, "bits", None) if step.kind == "camera" else None
        return bits

    @property
    def needs_pixel_size(self) -> bool:
        """Whether a step depends on the pixel size."""
        return any(_needs_pixel_size(bare(step)) for step in self.steps)

    def reach_px(self) -> tuple[int, int, int]:
        """How far, along Z, Y and X, a pixel of the degraded image depends on the image, in pixels of the image."""
        total, factor = [0, 0, 0], 1
        for step in self.steps:
            reach = step.reach_px()
            for axis, length in zip((2, 1, 0), reversed(reach), strict=False):
                total[axis] += length * (factor if axis else 1)
            factor *= _binning(bare(step))
        return total[0], total[1], total[2]

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
        InputError
            If a kind of step or a field is unknown.
        """
        return cls(tuple(step_from_dict(step) for step in values["steps"]))


def _as_float(image: Float) -> Float:
    return image if image.dtype == np.float64 else np.asarray(image, dtype=np.float32)


def _is_exposure(step: Step | Varied) -> bool:
    return bare(step).kind == "exposure"


def _binning(step: Step) -> int:
    return int(getattr(step, "factor", 1)) if step.kind == "binning" else 1


def _needs_pixel_size(step: Step) -> bool:
    return any(entry.name == "pixel_size_um" for entry in fields(step))
