"""What a user can choose about a restoration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from napari_restoration.core.errors import InputError

Frames = Literal["auto", "all"] | int
Precision = Literal["fp32", "bf16", "fp16"]
OutputType = Literal["float32", "same"]

MOST_FRAMES = 8
MOST_PASSES = 3


@dataclass(frozen=True, kw_only=True)
class RestoreSettings:
    """Choices for one restoration; every default stands here and nowhere else.

    Parameters
    ----------
    frames : "auto", "all" or int
        For burst models. ``"auto"``: up to 8 frames give one sharp plane, a longer stack keeps its time axis and
        each plane comes from a centred window of the model's number of frames. ``"all"``: one plane from all
        frames, at most 8. A number: a centred window of that many.
    register : bool
        Align the frames of a burst before restoring them.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
    tile : int, optional
        Side of the kept core of a tile in pixels; measured for model and device if not given.
    precision : "fp32", "bf16" or "fp16"
        Arithmetic of the network.
    dtype : "float32" or "same"
        Type of the result; ``"same"`` rounds and clips to the input's type.
    channel : int, optional
        Restore only this channel, counted from 0.
    parameters : mapping
        Parameters of a classical method by name, as ``napari-restoration models show ID`` lists them; what is not
        given keeps its default. Networks have none.
    passes : int
        How often the network is applied, 1 to 3: from the second time on to its own result, normalised anew.
        Only networks of single images that keep the number of pixels.
    adapt : bool
        Move the running statistics of the network's batch norms to this image first, by 20 forward passes over
        patches of it. Only networks with batch norms.

    Raises
    ------
    InputError
        If a value is out of range.
    """

    frames: Frames = "auto"
    register: bool = True
    device: str = "auto"
    tile: int | None = None
    precision: Precision = "fp32"
    dtype: OutputType = "float32"
    channel: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)
    passes: int = 1
    adapt: bool = False

    def __post_init__(self) -> None:
        for name in ("frames", "tile", "channel", "passes"):
            object.__setattr__(self, name, _plain_number(getattr(self, name)))
        if self.frames not in ("auto", "all") and not (isinstance(self.frames, int) and self.frames >= 1):
            raise InputError(
                f"frames is {self.frames!r}: use 'auto', 'all' or a number from 1 to {MOST_FRAMES}."
            )
        if isinstance(self.frames, int) and self.frames > MOST_FRAMES:
            raise InputError(f"frames is {self.frames}: burst models take at most {MOST_FRAMES} frames.")
        if self.tile is not None and not (isinstance(self.tile, int) and self.tile >= 1):
            raise InputError(f"tile is {self.tile!r}: use a side in pixels, such as 256, or leave it out.")
        if self.precision not in get_args(Precision):
            raise InputError(f"precision is {self.precision!r}: use one of {', '.join(get_args(Precision))}.")
        if self.dtype not in get_args(OutputType):
            raise InputError(f"dtype is {self.dtype!r}: use one of {', '.join(get_args(OutputType))}.")
        if self.channel is not None and not (isinstance(self.channel, int) and self.channel >= 0):
            raise InputError(f"channel is {self.channel!r}: channels are counted from 0.")
        if not isinstance(self.parameters, Mapping):
            raise InputError(f"parameters is {self.parameters!r}: give a mapping of names to values.")
        if not (isinstance(self.passes, int) and 1 <= self.passes <= MOST_PASSES):
            raise InputError(f"passes is {self.passes!r}: use a number from 1 to {MOST_PASSES}.")
        if not isinstance(self.adapt, bool):
            raise InputError(f"adapt is {self.adapt!r}: use True or False.")
        kept = {str(name): _plain_number(value) for name, value in self.parameters.items()}
        object.__setattr__(self, "parameters", kept)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for the provenance."""
        return asdict(self)


def _plain_number(value: Any) -> Any:
    """Numbers of numpy as Python's own, so that settings can be compared and recorded."""
    return value.item() if isinstance(value, np.integer | np.floating) else value
