"""Weights that training starts from: a model's, as far as they fit."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_restoration.core.errors import InputError
from napari_restoration.training.fields import FIXED_PERCENTILES
from napari_restoration.training.pairs.names import listed

if TYPE_CHECKING:
    from napari_restoration.models.card import ModelCard
    from napari_restoration.training.core import Core

_MODEL_OF_RUN = "model"


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What was taken over of a model.

    Attributes
    ----------
    model, sha256 : str
        Its id and the hash of its weights.
    count, left_out : int, tuple of str
        How many tensors were taken, and those of the new network that had to start from random values.
    trained_on : tuple of mapping
        What the model has seen.
    notices : tuple of str
        What the user must know.
    seen : tuple of str
        Hashes of the user's images that it was trained on, see `napari_restoration.training.seen`.
    """

    model: str
    sha256: str
    count: int
    left_out: tuple[str, ...]
    trained_on: tuple[Mapping[str, Any], ...]
    notices: tuple[str, ...]
    seen: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """For the card of the new model."""
        return {"started_from": {"id": self.model, "sha256": self.sha256, "left_out": list(self.left_out)}}


def find_start(model: str | Path) -> tuple[ModelCard, Path]:
    """Card and weights of a model by id, model folder or folder of a training run.

    Raises
    ------
    InputError
        If it is a classical method.
    ModelError
        If there is no such model.
    """
    from napari_restoration.models.classical.catalogue import is_classical
    from napari_restoration.models.registry import CARD_NAME, find_card

    inner = Path(model) / _MODEL_OF_RUN
    card, path = find_card(inner if (inner / CARD_NAME).is_file() else model)
    if is_classical(card):
        raise InputError(f"{card.id!r} has no weights to start from; name a network.")
    return card, path


def seen_by(card: ModelCard) -> tuple[str, ...]:
    """Hashes of the user's images that a model was trained on, as its card tells them."""
    seen = card.training.get("seen", ())
    return tuple(str(one) for one in seen) if isinstance(seen, (list, tuple)) else ()


def name_start(model: str | Path) -> tuple[str, str, str]:
    """The model as a run remembers it: absolute path or id, file of weights, SHA-256."""
    card, path = find_start(model)
    name = str(Path(model).resolve()) if Path(model).exists() else card.id
    return name, str(path.resolve()), hashlib.sha256(path.read_bytes()).hexdigest()


def begin_from(core: Core, model: str | Path) -> Taken:
    """Give the network that restores the weights of a model, all where the architecture is the same, else what fits.

    Raises
    ------
    InputError
        If the model has another architecture, or nothing fits.
    ModelError
        If there is no such model, or its file is damaged.
    """
    from napari_restoration.models.reading import read_network

    card, path = find_start(model)
    if card.arch != core.arch:
        raise InputError(
            f"The model {card.id!r} is of the architecture {card.arch!r} and the recipe of {core.arch!r}: start from a "
            "model of the same architecture, or choose its method."
        )
    given = read_network(card, path).state_dict()
    network = core.restoring
    state = network.state_dict()
    fitting = {k: v for k, v in given.items() if k in state and state[k].shape == v.shape}
    if not any(v.is_floating_point() and v.numel() > 1 for v in fitting.values()):
        raise InputError(
            f"No weights of {card.id!r} fit the recipe's network: choose its size as the model has it."
        )
    left_out = tuple(name for name in state if name not in fitting)
    network.load_state_dict({**state, **fitting})
    core.averaged.load_state_dict(network.state_dict())
    core.first = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
    notices = []
    if left_out:
        unused = [name for name in given if name not in fitting]
        notices.append(
            f"{len(fitting)} of {len(state)} tensors of {card.id} fit. Random at first are {listed(left_out)}; not "
            f"used are {listed(unused) or 'none'}."
        )
    usual = (FIXED_PERCENTILES[0][0], FIXED_PERCENTILES[1][0])
    if (card.low_percentile, card.high_percentile) != usual:
        notices.append(
            f"{card.id} takes the percentiles {card.low_percentile:g} and {card.high_percentile:g} as 0 and 1; from "
            f"now on they are {usual[0]:g} and {usual[1]:g}."
        )
    return Taken(
        model=card.id, sha256=card.weights_sha256, count=len(fitting), left_out=left_out,
        trained_on=tuple(card.trained_on), notices=tuple(notices),
        seen=seen_by(card),
    )  # fmt: skip
