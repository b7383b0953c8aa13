"""What all networks have in common before torch is loaded: checked settings and the geometry they imply."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """What a caller must know about a network to feed it and to read its output.

    Parameters
    ----------
    ndim
        Number of spatial axes, 2 (Y, X) or 3 (Z, Y, X).
    in_channels, out_channels
        Channels of the input and of the restored image.
    laplace_scale
        The output has ``2 * out_channels`` channels: the means, then the Laplace scales.
    burst
        The input has a frame axis before its channels, the output has not.
    scale
        Output pixels an input pixel, per axis.
    size_multiple
        Input sizes must be multiples of this.
    receptive_field
        Half receptive field r in input pixels: no output pixel looks further than r pixels away.
    whole_image
        The network normalises by statistics of the whole image it is given (InstanceNorm): what it makes of a
        pixel depends on all others, `receptive_field` speaks of its convolutions alone, and no halo makes tiles
        exact.
    """

    ndim: int = 2
    in_channels: int
    out_channels: int
    laplace_scale: bool = False
    burst: bool = False
    scale: int = 1
    size_multiple: int
    receptive_field: int
    whole_image: bool = False


class CheckedSettings:
    """Base of all settings: checks each field against the limits that stand beside its default.

    Cards come from strangers, and one that asks for a million blocks must fail before anything is built.
    """

    def __post_init__(self) -> None:
        """Raise ValueError, naming the setting, for a value of the wrong type or outside its limits."""
        for entry in fields(self):  # type: ignore[arg-type]
            value = getattr(self, entry.name)
            if "choices" in entry.metadata:
                choices = entry.metadata["choices"]
                if type(value) is not type(choices[0]) or value not in choices:
                    raise ValueError(f"{entry.name} is {value!r}, known are {', '.join(map(repr, choices))}")
                continue
            low, high = entry.metadata["limits"]
            numeric = isinstance(value, int) or (
                isinstance(value, float) and isinstance(entry.default, float)
            )
            if isinstance(value, bool) or not numeric or not low <= value <= high:
                raise ValueError(f"{entry.name} is {value!r}, it must be a number from {low} to {high}")


class ArchSettings(CheckedSettings):
    """Base of the restoration networks' settings, which imply a geometry."""

    @property
    @abstractmethod
    def geometry(self) -> Geometry:
        """What these settings mean for a caller."""


def number(default: int | float, lowest: int | float, highest: int | float) -> Any:
    """A dataclass field with a default and limits; whole numbers only if the default is whole."""
    return field(default=default, metadata={"limits": (lowest, highest)})


def choice(default: Any, *others: Any) -> Any:
    """A dataclass field with a default and its alternatives."""
    return field(default=default, metadata={"choices": (default, *others)})
