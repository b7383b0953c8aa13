"""What every degradation step promises, and the fields all steps share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import check_quantities, quantities

Float = NDArray[np.floating[Any]]
"""Images are floats with the plane on the last two axes: ``(..., Y, X)``."""


class Degradation(Protocol):
    """One step from a good image towards a bad one.

    A step is an immutable value. Its parameters say what it does; everything that is drawn comes
    from the generator handed to the call.
    """

    @property
    def kind(self) -> str:
        """Name of the step in saved forward models."""
        ...

    def __call__(self, image: Float, rng: np.random.Generator) -> Float:
        """Degrade ``image``, shape ``(..., Y, X)``; the input is left untouched."""
        ...

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape that the call returns for an image of ``shape``."""
        ...

    def expectation(self, image: Float) -> Float:
        """Return the mean of what the call draws: blur, scaling and binning, but no noise."""
        ...

    def target(self, image: Float) -> Float:
        """Return the sharp, noise-free image in the units of the degraded one."""
        ...

    def realise(self, rng: np.random.Generator) -> Degradation:
        """Draw every random parameter and return the step with those values fixed."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Return the step as JSON-ready values, with its ``kind``."""
        ...


@dataclasses.dataclass(frozen=True, kw_only=True)
class Step:
    """Defaults for a step that keeps the shape and has no random parameter.

    Fields are declared with `core.quantity.quantity`, which holds their units and limits; a value outside them is
    refused when the step is made.

    Attributes
    ----------
    kind
        Name in saved forward models.
    title
        Name for people, a few words.
    stage
        Place in the light path, see `STAGES`; `ForwardModel.in_light_path_order` sorts by it.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    stage: ClassVar[int]

    def __post_init__(self) -> None:
        """Refuse values outside their limits."""
        check_quantities(self)

    def __call__(self, image: Float, rng: np.random.Generator) -> Float:
        """Degrade ``image``; a step without noise returns its expectation."""
        return self.expectation(image)

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return ``shape``: most steps keep it."""
        return shape

    def reach_px(self) -> tuple[int, ...]:
        """How far a pixel's value depends on its neighbours, along the last axes, in pixels; known before any work."""
        return ()

    def expectation(self, image: Float) -> Float:
        """Return ``image``: the identity, which steps with a mean effect replace."""
        return image

    def target(self, image: Float) -> Float:
        """Return ``image``: blur and noise leave the target alone; steps that rescale replace this."""
        return image

    def realise(self, rng: np.random.Generator) -> Step:
        """Return the step itself: it has nothing to draw."""
        return self

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"kind": ..., field: value, ...}``."""
        return {"kind": self.kind, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build the step from `to_dict`'s values.

        Raises
        ------
        InputError
            If a field is unknown or its value not allowed.
        """
        given = {name: value for name, value in values.items() if name != "kind"}
        known = {field.name for field in dataclasses.fields(cls)}
        unknown = sorted(set(given) - known)
        if unknown:
            names = ", ".join(sorted(known))
            raise InputError(f"The step {cls.kind!r} has no field {unknown[0]!r}; its fields are {names}.")
        for name, meaning in quantities(cls).items():
            # JSON does not tell 2.0 from 2.
            if meaning.form == "whole" and isinstance(given.get(name), float) and given[name].is_integer():
                given[name] = int(given[name])
        return cls(**given)


STAGES = {
    "object": 0,  # cleaning of the good image, and its grey levels as photons
    "exposure": 1,
    "optics": 2,
    "motion": 3,
    "sampling": 4,
    "camera": 5,
    "storage": 6,
}
"""The light path: object, exposure and background, optics, motion, pixels, camera, file."""


def require_range(name: str, value: float, low: float, high: float = np.inf) -> None:
    """Raise `InputError` unless ``low <= value <= high`` and the value is finite or ``high`` is not.

    Parameters
    ----------
    name
        The field as the user knows it, with its unit.
    """
    if not (low <= value <= high) or np.isnan(value):
        limits = f"at least {low:g}" if np.isinf(high) else f"between {low:g} and {high:g}"
        raise InputError(f"{name} is {value:g}, but must be {limits}.")
