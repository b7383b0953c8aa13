"""Presets: the degradation steps of an instrument with the ranges its images cover, as data that users edit and save.

A preset is JSON. Each step names its kind and those fields that differ from the defaults; ``ranges`` says which of
them vary, and between what; ``levels`` shift values and ranges for milder and harder sets of training pairs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, get_args

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import quantities
from napari_restoration.degradations.base import Step
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.steps import step_from_dict
from napari_restoration.degradations.varied import Range, Varied

Order = Literal["light_path", "paper", "as_listed"]
Setting = float | int | bool | str | None | Range

LEVELS = ("mild", "medium", "hard")


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
        Varied(step=self.step, ranges=self.ranges)  # refuses unknown fields and values that are not allowed
        meanings = quantities(self.step)
        for name in self.ranges:
            if name in meanings and meanings[name].form not in ("number", "whole"):
                raise InputError(f"{meanings[name].label.capitalize()} is no number and cannot have a range.")

    def to_dict(self) -> dict[str, Any]:
        """Return kind, fields, ranges and whether the step is on, as JSON-ready values."""
        ranges = {name: dataclasses.asdict(given) for name, given in self.ranges.items()}
        return {**self.step.to_dict(), "ranges": ranges, "enabled": self.enabled}

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
        return cls(step=step, ranges=read, enabled=bool(values.get("enabled", True)))

    def with_setting(self, name: str, value: Setting) -> StepChoice:
        """Return the step with a field set, or with a range for it; the field then is the range's middle."""
        others = {field_name: given for field_name, given in self.ranges.items() if field_name != name}
        if isinstance(value, Range):
            varied = replace(self, ranges={**others, name: value})
            return replace(varied, step=replace(self.step, **{name: middle(value)}))
        if name not in {entry.name for entry in dataclasses.fields(self.step)}:
            known = ", ".join(entry.name for entry in dataclasses.fields(self.step))
            raise InputError(f"The step {self.step.kind!r} has no field {name!r}; its fields are {known}.")
        return replace(self, step=replace(self.step, **{name: value}), ranges=others)


@dataclass(frozen=True, kw_only=True)
class Preset:
    """The degradation of an instrument.

    Attributes
    ----------
    id, title, description
        Name in commands, name for people, and a sentence on what the figures stand for.
    task
        The restoration such pairs train: ``"deblur"``, ``"refocus"``, ``"superres"`` or ``"denoise"``.
    steps
        In the order they are shown.
    order
        ``"light_path"`` sorts the steps as light meets them, ``"paper"`` puts the exposure last, ``"as_listed"``
        applies them as they stand.
    levels
        For each level of difficulty, settings that replace those of the steps: ``"kind.field"`` to value or range.
    channel_wavelengths_um
        Wavelengths of red, green and blue light for the samples of a colour image, in um; empty where all
        channels share the steps' own.
    """

    id: str
    title: str
    description: str = ""
    task: str = "denoise"
    steps: tuple[StepChoice, ...] = ()
    order: Order = "light_path"
    levels: Mapping[str, Mapping[str, Setting]] = field(default_factory=dict)
    channel_wavelengths_um: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.order not in get_args(Order):
            raise InputError(
                f"The order of the steps is {self.order!r}, but must be one of {get_args(Order)}."
            )
        for level in self.levels:
            self.at_level(level)

    def forward_model(self, *, varied: bool = False) -> ForwardModel:
        """Return the steps that are on, in order.

        Parameters
        ----------
        varied
            Whether fields with a range are to be drawn; else each step has its own values.
        """
        on = [choice for choice in self.steps if choice.enabled]
        steps = [Varied(step=c.step, ranges=c.ranges) if varied and c.ranges else c.step for c in on]
        if self.order == "light_path":
            return ForwardModel.in_light_path_order(*steps)
        return ForwardModel.in_paper_order(*steps) if self.order == "paper" else ForwardModel(tuple(steps))

    def at_level(self, level: str) -> Preset:
        """Return the preset with the settings of a level.

        Raises
        ------
        InputError
            If the preset has no such level.
        """
        if level not in self.levels:
            known = ", ".join(self.levels) or "none"
            raise InputError(f"The preset {self.id!r} has no level {level!r}; it has: {known}.")
        return replace(self, levels={}).with_settings(self.levels[level])

    def with_settings(self, settings: Mapping[str, Setting]) -> Preset:
        """Return the preset with some settings replaced.

        Parameters
        ----------
        settings
            ``"kind.field"`` to a value or `Range`; where a kind occurs twice, ``"kind#2.field"`` is the second.
            ``"kind.enabled"`` switches a step.

        Raises
        ------
        InputError
            Naming what is unknown, or the value that is not allowed.
        """
        steps = list(self.steps)
        for address, value in settings.items():
            index, name = self._find(address)
            if name == "enabled":
                steps[index] = replace(steps[index], enabled=bool(value))
            else:
                steps[index] = steps[index].with_setting(name, value)
        return replace(self, steps=tuple(steps))

    def to_dict(self) -> dict[str, Any]:
        """Return the preset as JSON-ready values."""
        levels = {
            level: {address: _plain(value) for address, value in settings.items()}
            for level, settings in self.levels.items()
        }
        return {
            "id": self.id, "title": self.title, "description": self.description, "task": self.task,
            "order": self.order, "channel_wavelengths_um": list(self.channel_wavelengths_um),
            "steps": [choice.to_dict() for choice in self.steps], "levels": levels,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, values: Any) -> Self:
        """Build a preset from `to_dict`'s values.

        Raises
        ------
        InputError
            Naming what is missing, unknown or not allowed.
        """
        if not isinstance(values, Mapping):
            raise InputError(f"A preset is an object with an id and steps, not {type(values).__name__}.")
        known = {entry.name for entry in dataclasses.fields(cls)}
        for name in ("id", "title", "steps"):
            if name not in values:
                raise InputError(f"The preset {values.get('id', '')!r} lacks {name!r}.")
        for name in values:
            if name not in known:
                raise InputError(
                    f"The preset {values['id']!r} has no field {name!r}; there are {sorted(known)}."
                )
        if not isinstance(values["steps"], list):
            raise InputError(f"The steps of the preset {values['id']!r} must be a list.")
        bare = cls(**{
            **{name: values[name] for name in known & set(values) - {"levels"}},
            "steps": tuple(StepChoice.from_dict(entry) for entry in values["steps"]),
            "channel_wavelengths_um": tuple(values.get("channel_wavelengths_um", ())),
        })  # fmt: skip
        levels = {level: bare._read(settings) for level, settings in values.get("levels", {}).items()}
        return replace(bare, levels=levels)

    def _read(self, settings: Mapping[str, Any]) -> dict[str, Setting]:
        read: dict[str, Setting] = {}
        for address, value in settings.items():
            index, name = self._find(address)
            is_range = isinstance(value, Mapping | list | tuple)
            read[address] = as_range(self.steps[index].step, name, value) if is_range else value
        return read

    def _find(self, address: str) -> tuple[int, str]:
        """Index of the step and name of the field that an address means."""
        place, _, name = address.partition(".")
        kind, _, number = place.partition("#")
        same = [i for i, choice in enumerate(self.steps) if choice.step.kind == kind]
        position = int(number) - 1 if number.isdigit() else 0
        if not name or not 0 <= position < len(same):
            known = ", ".join(_unique(choice.step.kind for choice in self.steps))
            raise InputError(
                f"{address!r} names no step of the preset {self.id!r}: write step.field, with a step out of {known}."
            )
        return same[position], name


def as_range(step: Step, name: str, given: Any) -> Range:
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


def _plain(value: Setting) -> Any:
    return dataclasses.asdict(value) if isinstance(value, Range) else value


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
