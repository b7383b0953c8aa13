"""Checks of a recipe's values, each with one sentence that names the field."""

from __future__ import annotations

from typing import Any, get_args

from napari_restoration.core.errors import InputError


def need(condition: bool, name: str, value: object, wanted: str) -> None:
    """Raise InputError unless the condition holds."""
    if not condition:
        raise InputError(f"The recipe's {name} is {value!r} but must be {wanted}.")


def choice(value: object, kind: Any, name: str) -> None:
    """Raise InputError unless the value is one of a ``Literal`` type's."""
    if value not in get_args(kind):
        raise InputError(f"The recipe's {name} is {value!r}; choose one of {', '.join(get_args(kind))}.")
