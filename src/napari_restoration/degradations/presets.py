"""Presets: the degradation steps of an instrument with the ranges its images cover, as data that users edit and save.

A preset is JSON. Each step names its kind and those fields that differ from the defaults; ``ranges`` says which of
them vary, and between what; ``levels`` shift values and ranges for milder and harder sets of training pairs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self, get_args

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.forward import ForwardModel
from napari_restoration.degradations.step_choice import Setting, StepChoice, as_range
from napari_restoration.degradations.varied import Range, Varied

Order = Literal["light_path", "paper", "as_listed"]

LEVELS = ("mild", "medium", "hard")

_TASKS = ("deblur", "refocus", "superres", "denoise")
_LIGHT_UM = (0.1, 2.0)


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
        for name in ("id", "title", "description"):
            if not isinstance(getattr(self, name), str):
                raise InputError(f"The {name} of a preset is {getattr(self, name)!r}, but must be text.")
        if not self.id.strip():
            raise InputError("The id of the preset is empty: give it a name.")
        for name, known in (("task", _TASKS), ("order", get_args(Order))):
            if getattr(self, name) not in known:
                raise InputError(
                    f"The {name} of the preset {self.id!r} is {getattr(self, name)!r}, but must be one of {known}."
                )
        self._check_wavelengths()
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
        found: dict[int, dict[str, Setting]] = {}
        for address, value in settings.items():
            index, name = self._find(address)
            found.setdefault(index, {})[name] = value
        steps = list(self.steps)
        for index, values in found.items():
            steps[index] = steps[index].with_settings(values)
        return replace(self, steps=tuple(steps))

    def without(self, kinds: Collection[str]) -> Preset:
        """Return the preset with all steps of some kinds switched off."""
        steps = [replace(one, enabled=False) if one.step.kind in kinds else one for one in self.steps]
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
        colours, levels = values.get("channel_wavelengths_um", []), values.get("levels", {})
        if not isinstance(colours, list):
            raise InputError(f"The colours' wavelengths of the preset {values['id']!r} must be a list.")
        if not (isinstance(levels, Mapping) and all(isinstance(one, Mapping) for one in levels.values())):
            raise InputError(f"The levels of the preset {values['id']!r} must be objects with settings.")
        bare = cls(**{
            **{name: values[name] for name in known & set(values) - {"levels"}},
            "steps": tuple(StepChoice.from_dict(entry) for entry in values["steps"]),
            "channel_wavelengths_um": tuple(colours),
        })  # fmt: skip
        return replace(bare, levels={level: bare._read(settings) for level, settings in levels.items()})

    def _check_wavelengths(self) -> None:
        low, high = _LIGHT_UM
        for one in self.channel_wavelengths_um:
            if isinstance(one, bool) or not isinstance(one, int | float) or not low <= one <= high:
                raise InputError(
                    f"A colour's wavelength of the preset {self.id!r} is {one!r}, but must be between {low:g} and "
                    f"{high:g} um: nanometres are a thousand times smaller."
                )

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


def _plain(value: Setting) -> Any:
    return dataclasses.asdict(value) if isinstance(value, Range) else value


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
