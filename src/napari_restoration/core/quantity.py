"""What a setting means to a person: its name, unit, limits and the sentence that explains it.

Settings are fields of frozen dataclasses. `quantity` declares one; forms, the command line and error messages
read the same declaration, so a limit or a unit stands in one place.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from napari_restoration.core.errors import InputError

_KEY = "quantity"

Form = Literal["number", "whole", "switch", "choice", "file"]


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """The meaning of one setting.

    Attributes
    ----------
    label
        A few words, as they stand before a field; errors begin with them.
    unit
        ``"um"``, ``"px"``, ``"e-"``, ``"rad"`` and the like; empty for pure numbers.
    form
        ``"number"``, ``"whole"`` (number), ``"switch"`` (true or false), ``"choice"`` or ``"file"``.
    low, high
        Limits, both included; ``None`` for none.
    help
        One sentence that explains the term.
    choices
        For a choice: each value and the words for it.
    none_means
        Words for the value ``None``; empty if ``None`` is refused.
    logarithmic
        Values span decades: a range is drawn evenly in the logarithm.
    advanced
        Rarely changed: forms may hide it.
    if_too_high
        A further sentence for an error about a value above ``high``, such as a unit that was mistaken.
    """

    label: str
    unit: str = ""
    form: Form = "number"
    low: float | None = None
    high: float | None = None
    help: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    none_means: str = ""
    logarithmic: bool = False
    advanced: bool = False
    if_too_high: str = ""

    def check(self, value: Any) -> None:
        """Refuse a value that the setting cannot have.

        Raises
        ------
        InputError
            One sentence that names the setting, the value and what is allowed.
        """
        if value is None:
            if not self.none_means:
                raise InputError(f"{self._named} is missing.")
        elif self.form == "choice":
            if not isinstance(value, str) or value not in self.choices:
                known = ", ".join(repr(choice) for choice in self.choices)
                raise InputError(f"{self._named} is {value!r}, but must be one of {known}.")
        elif self.form == "switch":
            if not isinstance(value, bool):
                raise InputError(f"{self._named} is {value!r}, but must be true or false.")
        elif self.form == "file":
            if not isinstance(value, str):
                raise InputError(f"{self._named} is {value!r}, but must be the name of a file.")
        else:
            self._check_number(value)

    @property
    def _named(self) -> str:
        return f"{self.label[0].upper()}{self.label[1:]}"

    def _check_number(self, value: Any) -> None:
        if isinstance(value, bool) or not hasattr(value, "__float__") or isinstance(value, str):
            raise InputError(f"{self._named} is {value!r}, but must be a number.")
        number = float(value)
        if self.form == "whole" and math.isfinite(number) and number != math.floor(number):
            raise InputError(f"{self._named} is {number:g}, but must be a whole number.")
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if math.isfinite(number) and low <= number <= high:
            return
        unit = f" {self.unit}" if self.unit else ""
        text = f"{self._named} is {number:g}{unit}, but must be {self._limits(low, high)}{unit}."
        if number > high and self.if_too_high:
            text = f"{text} {self.if_too_high}"
        raise InputError(text)

    @staticmethod
    def _limits(low: float, high: float) -> str:
        if math.isinf(high):
            return "a finite number" if math.isinf(low) else f"at least {low:g}"
        return f"at most {high:g}" if math.isinf(low) else f"between {low:g} and {high:g}"


def quantity(
    default: Any,
    label: str,
    unit: str = "",
    *,
    form: Form = "number",
    low: float | None = None,
    high: float | None = None,
    help: str = "",
    choices: Mapping[str, str] | None = None,
    none_means: str = "",
    logarithmic: bool = False,
    advanced: bool = False,
    if_too_high: str = "",
) -> Any:
    """Declare a dataclass field with its meaning; the arguments are those of `Quantity`.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Blur:
    ...     sigma_px: float = quantity(1.0, "standard deviation", "px", low=0.0, high=1e3)
    """
    meaning = Quantity(
        label=label, unit=unit, form="choice" if choices else form, low=low, high=high, help=help,
        choices=choices or {}, none_means=none_means, logarithmic=logarithmic, advanced=advanced,
        if_too_high=if_too_high,
    )  # fmt: skip
    return dataclasses.field(default=default, metadata={_KEY: meaning})


def quantities(owner: Any) -> dict[str, Quantity]:
    """Meanings of a dataclass's fields, by field name, in order; fields without one are left out.

    Parameters
    ----------
    owner : dataclass or instance
        Whose fields.
    """
    return {entry.name: entry.metadata[_KEY] for entry in dataclasses.fields(owner) if _KEY in entry.metadata}


def check_quantities(owner: Any) -> None:
    """Refuse an instance with a value outside its limits.

    Raises
    ------
    InputError
        About the first such field.
    """
    for name, meaning in quantities(owner).items():
        meaning.check(getattr(owner, name))
