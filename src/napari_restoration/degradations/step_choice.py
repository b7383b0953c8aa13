"""One step of a preset: its values, the fields that vary, and whether it is on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import Quantity, quantities
from napari_restoration.degradations.base import Step
from napari_restoration.degradations.steps import step_from_dict
from napari_restoration.degradations.varied import Range, Varied

Setting = float | int | bool | str | None | Range

FROM_THE_IMAGE = ("pixel_size_um", "z_step_um")
"""Fields that no preset sets, as they are the image's."""


@dataclass(frozen=True, kw_only=True)
class StepChoice:
    """One step of a preset.

    Attributes
    ----------
    step
        The step with the values used where nothing is drawn.
    ranges
        Fields that are drawn when pairs are written.
    enabled
        A step that is off is kept, but has no effect.
    """

    step: Step
    ranges: Mapping[str, Range] = field(default_factory=dict)
    enabled: bool = True

    def __post_init__(self) -> None:
        meanings = quantities(self.step)
        known = [entry.name for entry in dataclasses.fields(self.step)]
        for name in self.ranges:
            if name not in known:
                raise InputError(_no_field(self.step, name))
            _refuse_from_the_image(self.step, name)
            _require_number(self.step, name)
        ranges = {name: _with_meaning(given, meanings.get(name)) for name, given in self.ranges.items()}
        object.__setattr__(self, "ranges", ranges)
        object.__setattr__(self, "step", _with_whole_numbers(self.step))
        Varied(step=self.step, ranges=self.ranges)  # refuses values that are not allowed

    def to_dict(self) -> dict[str, Any]:
        """Return kind, fields but those of the image, ranges and whether the step is on, as JSON-ready values."""
        ranges = {name: dataclasses.asdict(given) for name, given in self.ranges.items()}
        values = {name: value for name, value in self.step.to_dict().items() if name not in FROM_THE_IMAGE}
        return {**values, "ranges": ranges, "enabled": self.enabled}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build a step of a preset from `to_dict`'s values; fields that are left out keep their defaults.

        A range may also be a pair ``[low, high]``.

        Raises
        ------
        InputError
            Naming the step and the field.
        """
        if not isinstance(values, Mapping):
            raise InputError(
                f"A step of the preset is {values!r}, but must be an object with its kind and fields."
            )
        fields = {name: value for name, value in values.items() if name not in ("ranges", "enabled")}
        step = step_from_dict(fields)
        if isinstance(step, Varied):
            raise InputError("A step of a preset names what varies under 'ranges'.")
        ranges = values.get("ranges", {})
        if not isinstance(ranges, Mapping):
            raise InputError(f"The ranges of the step {step.kind!r} are {ranges!r}, but must be an object.")
        read = {name: as_range(step, name, given) for name, given in ranges.items()}
        return cls(step=step, ranges=read, enabled=_switch(step, values.get("enabled", True)))

    def with_settings(self, settings: Mapping[str, Setting]) -> StepChoice:
        """Return the step with fields set, all at once, as one alone may not be allowed beside the others' old values.

        A field that is given a range has the range's middle as its value. The name ``"enabled"`` switches the step.
        """
        known = {entry.name for entry in dataclasses.fields(self.step)}
        ranges = {name: given for name, given in self.ranges.items() if name not in settings}
        values: dict[str, Any] = {}
        enabled = self.enabled
        for name, value in settings.items():
            if name == "enabled":
                enabled = _switch(self.step, value)
            elif name not in known:
                raise InputError(_no_field(self.step, name))
            elif name in FROM_THE_IMAGE:
                _refuse_from_the_image(self.step, name)
            elif isinstance(value, Range):
                _require_number(self.step, name)
                ranges[name], values[name] = value, middle(value)
            else:
                values[name] = value
        return StepChoice(step=replace(self.step, **values), ranges=ranges, enabled=enabled)


def as_range(step: Step | type[Step], name: str, given: Any) -> Range:
    """Make a pair or an object a range; its spacing, where not given, follows the meaning of the field.

    Raises
    ------
    InputError
        If it is neither.
    """
    meaning = quantities(step).get(name)
    spacing: Literal["linear", "log", "integer"] = "linear"
    if meaning is not None and meaning.form == "whole":
        spacing = "integer"
    elif meaning is not None and meaning.logarithmic:
        spacing = "log"
    try:
        if isinstance(given, Mapping):
            return Range(**{"spacing": spacing, **given})
        low, high = given
        is_log = spacing == "log" and low > 0
        return Range(low=low, high=high, spacing=spacing if is_log or spacing != "log" else "linear")
    except (TypeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"The range of {step.kind}.{name} is {given!r}, but must be a pair of numbers, the lower one first."
        ) from error


def middle(given: Range) -> float | int:
    """Return the value in the middle of a range, the geometric mean of one with log spacing."""
    if given.spacing == "integer":
        return round((given.low + given.high) / 2)
    if given.spacing == "log":
        return float((given.low * given.high) ** 0.5)
    return (given.low + given.high) / 2


def _no_field(step: Step, name: str) -> str:
    known = ", ".join(entry.name for entry in dataclasses.fields(step))
    return f"The step {step.kind!r} has no field {name!r}; its fields are {known}."


def _refuse_from_the_image(step: Step, name: str) -> None:
    if name in FROM_THE_IMAGE:
        raise InputError(
            f"{step.kind}.{name} is the same for all steps and comes from the image: leave it out."
        )


def _require_number(step: Step, name: str) -> None:
    meaning = quantities(step).get(name)
    if meaning is not None and meaning.form not in ("number", "whole"):
        raise InputError(
            f"{step.kind}.{name} ({meaning.label}) is no number and cannot have a range: give one value."
        )


def _switch(step: Step, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InputError(f"The step {step.kind!r} has 'enabled' {value!r}, but it must be true or false.")
    return value


def _with_whole_numbers(step: Step) -> Step:
    """JSON and typed text may say 2.0 for a count that must be 2."""
    values = {
        name: getattr(step, name) for name, meaning in quantities(step).items() if meaning.form == "whole"
    }
    changed = {name: int(value) for name, value in values.items() if isinstance(value, float)}
    return replace(step, **changed) if changed else step


def _with_meaning(given: Range, meaning: Quantity | None) -> Range:
    """Only whole numbers may be drawn for a count, whatever the spacing says."""
    if meaning is None or meaning.form != "whole" or given.spacing == "integer":
        return given
    if given.low != int(given.low) or given.high != int(given.high):
        raise InputError(
            f"The range of {meaning.label} is {given.low:g} to {given.high:g}, but must be between whole numbers."
        )
    return replace(given, spacing="integer")
