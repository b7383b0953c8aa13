"""The kinds of degradation steps and the presets made of them, for forms and the command line."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_restoration.core.errors import InputError
from napari_restoration.core.quantity import Quantity, quantities
from napari_restoration.degradations.preset_store import (
    delete_preset,
    find_preset,
    is_shipped,
    list_presets,
    preset_text,
    save_preset,
)
from napari_restoration.degradations.presets import LEVELS, Order, Preset
from napari_restoration.degradations.step_choice import FROM_THE_IMAGE, Setting, StepChoice, as_range
from napari_restoration.degradations.steps import STEPS
from napari_restoration.degradations.varied import Range

__all__ = [
    "LEVELS",
    "StepKind",
    "delete_preset",
    "find_preset",
    "is_shipped",
    "list_presets",
    "parse_setting",
    "preset_text",
    "save_preset",
    "step_kinds",
    "with_frames",
    "with_steps",
    "with_typed_settings",
]


@dataclass(frozen=True, kw_only=True)
class StepKind:
    """What a form needs to know about a kind of step.

    Attributes
    ----------
    kind, title, help
        Name in presets, name for people, one sentence.
    stage
        Place in the light path.
    fields
        Meaning of each field that a person sets, in order.
    defaults
        The values of a new step, of all fields.
    """

    kind: str
    title: str
    help: str
    stage: int
    fields: Mapping[str, Quantity]
    defaults: Mapping[str, Any]


def step_kinds() -> list[StepKind]:
    """Return all kinds of steps in the order of the light path."""
    kinds = []
    for kind, step in STEPS.items():
        fields = {name: meaning for name, meaning in quantities(step).items() if name not in FROM_THE_IMAGE}
        kinds.append(
            StepKind(
                kind=kind,
                title=step.title,
                help=(step.__doc__ or "").strip().splitlines()[0],
                stage=step.stage,
                fields=fields,
                defaults={entry.name: entry.default for entry in dataclasses.fields(step)},
            )
        )
    return sorted(kinds, key=lambda one: one.stage)


def with_steps(preset: Preset, entries: Sequence[Mapping[str, Any]], order: Order) -> Preset:
    """Return a preset with other steps; its levels stay as far as they fit these steps.

    Parameters
    ----------
    preset : Preset
        Gives name, task and levels.
    entries : sequence of mapping
        Steps as in ``preset.to_dict()["steps"]``.
    order : str
        ``"light_path"``, ``"paper"`` or ``"as_listed"``.

    Raises
    ------
    InputError
        Naming the step and the field that is wrong.
    """
    steps = tuple(StepChoice.from_dict(entry) for entry in entries)
    changed = dataclasses.replace(preset, steps=steps, order=order, levels={})
    levels = {}
    for level, settings in preset.levels.items():
        fitting = {address: value for address, value in settings.items() if _fits(changed, address, value)}
        if fitting:
            levels[level] = fitting
    return dataclasses.replace(changed, levels=levels)


def parse_setting(preset: Preset, text: str) -> dict[str, Setting]:
    """Read ``step.field=value`` or ``step.field=low..high``.

    Parameters
    ----------
    preset : Preset
        The preset that is to be changed.
    text : str
        As typed; ``none`` is the absence of a value, ``on`` and ``off`` are switches.

    Returns
    -------
    dict
        For `Preset.with_settings`.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    address, equals, value = (part.strip() for part in text.partition("="))
    place, _, name = address.partition(".")
    if not equals or not place or not name:
        raise InputError(f"{text!r} is no setting: write step.field=value, such as optical_blur.na=0.75.")
    kind = place.partition("#")[0]
    if kind not in STEPS:
        raise InputError(
            f"{text!r}: there is no step {kind!r}; the steps of {preset.id!r} are {_kinds(preset)}."
        )
    if name in FROM_THE_IMAGE:
        option = name.removesuffix("_um").replace("_", "-")
        raise InputError(
            f"{text!r}: it is the same for all steps and comes from the image; use --{option} instead."
        )
    meaning = quantities(STEPS[kind]).get(name)
    if meaning is not None and meaning.form == "file":
        return {address: value}  # a path may hold two dots, or be a number
    if ".." in value:
        low, _, high = value.partition("..")
        return {address: as_range(STEPS[kind], name, (_number(text, low), _number(text, high)))}
    return {address: _value(value)}


def with_typed_settings(preset: Preset, texts: Sequence[str], *, drawn: bool) -> Preset:
    """Return the preset with settings as a person types them; see `parse_setting`.

    Parameters
    ----------
    preset : Preset
        What is changed. Where one of its levels says something else about the same field, the typed setting stands.
    texts : sequence of str
        ``step.field=value`` each.
    drawn : bool
        Whether fields with a range will be drawn; if not, a range is refused.

    Raises
    ------
    InputError
        Naming what is unknown, or the value that is not allowed.
    """
    of_step: dict[str, dict[str, Setting]] = {}
    for text in texts:
        for address, value in parse_setting(preset, text).items():
            if isinstance(value, Range) and not drawn:
                raise InputError(
                    f"{text!r} is a range, but nothing is drawn: give one value, or draw with --vary."
                )
            place, _, name = _canonical(address).partition(".")
            of_step.setdefault(place, {})[name] = value
    changed = dataclasses.replace(preset, levels={})
    for place, values in of_step.items():
        try:
            changed = changed.with_settings({f"{place}.{name}": value for name, value in values.items()})
        except InputError as error:
            said = ", ".join(text for text in texts if _canonical(text).startswith(f"{place}."))
            raise InputError(f"{said}: {error}") from error
    typed = {f"{place}.{name}" for place, values in of_step.items() for name in values}
    levels = {
        level: {address: value for address, value in given.items() if _canonical(address) not in typed}
        for level, given in preset.levels.items()
    }
    return dataclasses.replace(changed, levels=levels)


def with_frames(preset: Preset, frames: int) -> Preset:
    """Return the preset with bursts of so many frames.

    Raises
    ------
    InputError
        If no step of the preset makes bursts, with the presets that do.
    """
    makers = {kind.kind for kind in step_kinds() if "frames" in kind.fields}
    for choice in preset.steps:
        if choice.enabled and choice.step.kind in makers:
            return with_typed_settings(preset, [f"{choice.step.kind}.frames={frames}"], drawn=False)
    others = [one.id for one in list_presets() if makers & {choice.step.kind for choice in one.steps}]
    raise InputError(
        f"The preset {preset.id!r} has no step that makes bursts ({', '.join(sorted(makers))}), so it cannot have "
        f"{frames} frames: add one, or take a preset that has it, such as {', '.join(others)}."
    )


def _kinds(preset: Preset) -> str:
    return ", ".join(dict.fromkeys(choice.step.kind for choice in preset.steps))


def _canonical(address: str) -> str:
    """The first step of a kind has two addresses."""
    return address.replace("#1.", ".", 1)


def _fits(preset: Preset, address: str, value: Setting) -> bool:
    try:
        preset.with_settings({address: value})
    except InputError:
        return False
    return True


def _value(text: str) -> Setting:
    words: dict[str, Setting] = {"none": None, "on": True, "true": True, "off": False, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _number(setting: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{setting!r}: {text!r} is no number; a range is written low..high.") from None
