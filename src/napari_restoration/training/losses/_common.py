"""What the losses share: full precision under autocast, checked shapes, planes of a volume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Literal, ParamSpec

import torch
from torch import Tensor

from napari_restoration.core.errors import InputError

Reduction = Literal["mean", "sum"]
ErrorKind = Literal["l1", "l2"]

P = ParamSpec("P")


def in_full_precision(loss: Callable[P, Tensor]) -> Callable[P, Tensor]:
    """Compute a loss outside autocast, in float32 or, for float64 tensors, in float64.

    Differences of nearly equal values, variances and logarithms lose their meaning in 8 or 11 bits.
    """

    @wraps(loss)
    def outside_autocast(*args: P.args, **kwargs: P.kwargs) -> Tensor:
        device = _device_type([*args, *kwargs.values()])
        wide: list[Any] = [_widened(value) for value in args]
        named: dict[str, Any] = {name: _widened(value) for name, value in kwargs.items()}
        with torch.autocast(device, enabled=False):
            return loss(*wide, **named)

    return outside_autocast


def need_same_shape(first: Tensor, second: Tensor, names: tuple[str, str] = ("prediction", "target")) -> None:
    """Refuse tensors that would be broadcast against each other and give a number that means nothing.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    if first.shape != second.shape:
        raise InputError(
            f"The {names[0]} has shape {tuple(first.shape)} and the {names[1]} {tuple(second.shape)}; "
            "a loss compares tensors of one shape."
        )


def need_choice(value: str, choices: Sequence[str], name: str) -> None:
    """Refuse an option that a loss does not know.

    Raises
    ------
    InputError
        If the value is none of the choices.
    """
    if value not in choices:
        raise InputError(f"The loss's {name} is {value!r}; choose one of {', '.join(choices)}.")


def reduced(error: Tensor, reduction: Reduction) -> Tensor:
    """Mean over everything, or sum over the pixels of each map and mean over images and channels."""
    need_choice(reduction, ("mean", "sum"), "reduction")
    return error.mean() if reduction == "mean" else error.flatten(2).sum(dim=2).mean()


def difference(first: Tensor, second: Tensor, kind: ErrorKind) -> Tensor:
    """Absolute (``"l1"``) or squared (``"l2"``) difference at every pixel."""
    need_choice(kind, ("l1", "l2"), "error")
    error = first - second
    return error.abs() if kind == "l1" else error.square()


def planes(image: Tensor) -> Tensor:
    """``(B, C, Z, Y, X)`` as ``(B * Z, C, Y, X)``; planes stay as they are."""
    return image if image.ndim == 4 else image.transpose(1, 2).flatten(0, 1)


def _widened(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
    if isinstance(value, list | tuple) and any(isinstance(item, Tensor) for item in value):
        return [_widened(item) for item in value]
    return value


def _device_type(values: Sequence[Any]) -> str:
    for value in values:
        if isinstance(value, Tensor):
            return value.device.type
        if isinstance(value, list | tuple) and value and isinstance(value[0], Tensor):
            return value[0].device.type
    return "cpu"
