"""``napari-restoration models``: what models there are, and what is known about one."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from napari_restoration.cli import options
from napari_restoration.cli.messages import DONE, for_json, print_json, show

if TYPE_CHECKING:
    from napari_restoration.cli.options import Commands
    from napari_restoration.models.card import ModelCard

_LIST_EXAMPLES = """\
  napari-restoration models list
  napari-restoration models list --task deblur --json
"""
_SHOW_EXAMPLES = """\
  napari-restoration models show MODEL
  napari-restoration models show my_model/ --json
"""


# What a card says of weights and their training, which a classical method does not have.
_OF_NETWORKS = (
    "arch_args", "weights_file", "weights_sha256", "weights_bytes", "weights_path", "laplace_scale", "training_size",
    "trained_on", "recipe", "seed", "training", "domain", "license",
)  # fmt: skip


def add_command(commands: Commands) -> None:
    """Add the command and its two parts."""
    parser = options.add_parser(
        commands, "models", summary="list models, or show what is known about one", examples=_LIST_EXAMPLES
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    listing = options.add_parser(parts, "list", summary="list the models", examples=_LIST_EXAMPLES)
    listing.set_defaults(run=run_list)
    listing.add_argument("--task", choices=options.TASKS, help="only models of this task")
    options.add_json(listing)
    showing = options.add_parser(
        parts, "show", summary="show what is known about a model", examples=_SHOW_EXAMPLES
    )
    showing.set_defaults(run=run_show)
    showing.add_argument("model", metavar="ID|PATH", help="a model from `models list`, or a model's folder")
    options.add_json(showing)


def run_list(arguments: argparse.Namespace) -> int:
    """Carry ``models list`` out.

    Returns
    -------
    int
        Exit status.
    """
    from napari_restoration.models.registry import find_card, list_models

    cards = [find_card(model)[0] for model in list_models(arguments.task)]
    if arguments.json:
        kept = ("id", "task", "title", "description", "arch", "scale", "frames", "weights_bytes")
        print_json({"models": [{key: getattr(card, key) for key in kept} for card in cards]})
    elif cards:
        width = max(len(card.id) for card in cards)
        show("\n".join(f"{card.id:{width}}  {card.task:8}  {card.description}" for card in cards))
    else:
        show("There is no model" + (f" for {arguments.task}." if arguments.task else "."))
    return DONE


def run_show(arguments: argparse.Namespace) -> int:
    """Carry ``models show`` out.

    Returns
    -------
    int
        Exit status.
    """
    from napari_restoration.models.classical.catalogue import explained_parameters, is_classical
    from napari_restoration.models.registry import find_card

    card, weights = find_card(arguments.model)
    facts = {**card.to_dict(), "weights_path": str(weights)}
    if is_classical(card):
        facts = {key: value for key, value in facts.items() if key not in _OF_NETWORKS}
        facts["parameters"] = explained_parameters(card)
    if arguments.json:
        print_json(facts)
    else:
        show(_described(card, facts))
    return DONE


def _described(card: ModelCard, facts: Mapping[str, Any]) -> str:
    lines = [f"{card.id}: {card.title}", card.description, ""]
    apart = ("id", "title", "description", "parameters")
    for key, value in facts.items():
        if key not in apart:
            lines += _lines(key, for_json(value), 0)
    if "parameters" in facts:
        lines += ["parameters:", *(_parameter(name, one) for name, one in facts["parameters"].items())]
    return "\n".join(lines)


def _parameter(name: str, facts: Mapping[str, Any]) -> str:
    """A parameter on one line: its default, what is allowed, and what it means."""
    default = facts["none_means"] if facts["default"] is None else _plain(facts["default"])
    limits = f"{_plain(facts['low'])} to {_plain(facts['high'])}"
    allowed = " or ".join(facts["choices"]) or f"{limits} {facts['unit']}".strip()
    return f"  {name + ':':15} {default} ({allowed}{', none' * bool(facts['none_means'])}). {facts['help']}"


def _lines(name: str, value: Any, depth: int) -> Iterator[str]:
    """An entry of the card: plain values on its line, nested ones below it; empty ones are left out."""
    indent = "  " * depth
    title = name.replace("_", " ")
    if value in (None, "", [], {}):
        return
    if isinstance(value, Mapping):
        if all(not isinstance(entry, (Mapping, list)) for entry in value.values()) and len(value) <= 6:
            yield f"{indent}{title + ':':22} " + ", ".join(f"{k} {_plain(v)}" for k, v in value.items())
            return
        yield f"{indent}{title}:"
        for key, entry in value.items():
            yield from _lines(str(key), entry, depth + 1)
    elif isinstance(value, list) and any(isinstance(entry, (Mapping, list)) for entry in value):
        yield f"{indent}{title}:"
        for entry in value:
            yield f"{indent}  - " + (
                ", ".join(f"{k} {_plain(v)}" for k, v in entry.items())
                if isinstance(entry, Mapping)
                else _plain(entry)
            )
    else:
        yield f"{indent}{title + ':':22} {_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list):
        return " x ".join(_plain(entry) for entry in value)
    return str(value)
