"""Turning a card and its weight file into a network, after checking that the two belong together."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from napari_restoration.core.errors import ModelError
from napari_restoration.models.archs import build_empty, geometry
from napari_restoration.models.card import ModelCard
from napari_restoration.models.store import check_header

if TYPE_CHECKING:
    from torch import nn


def broken_promise(card: ModelCard, name: str, found: object, truth: object) -> ModelError:
    """The error for a card that says something else than its network does."""
    return ModelError(
        f"The card of {card.id!r} gives {name} {found}, its network has {truth}; export the model again."
    )


def read_network(card: ModelCard, path: Path) -> nn.Module:
    """Build a card's network with the weights of a file.

    Returns
    -------
    torch.nn.Module
        On the CPU, in fp32, without gradients.

    Raises
    ------
    ModelError
        The card contradicts its architecture; the file is damaged, has another hash, does not fit or is not
        finite. The first three names of each kind of misfit are given.
    """
    import torch
    from safetensors.torch import load

    check_geometry(card)
    network = build_empty(card.arch, **card.arch_args)
    expected = network.state_dict()
    stored = {name: tensor.shape for name, tensor in check_header(path).items()}
    content = path.read_bytes() if path.stat().st_size == card.weights_bytes else b""
    if hashlib.sha256(content).hexdigest() != card.weights_sha256:
        raise ModelError(
            f"The weights {path} are not the file that the card of {card.id!r} describes (SHA-256 or size differ); "
            "install or export the model again."
        )
    _check_names_and_shapes(
        card, path, {name: tuple(tensor.shape) for name, tensor in expected.items()}, stored
    )
    state = {name: tensor.to(expected[name].dtype) for name, tensor in load(content).items()}
    for name, tensor in state.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"The weights {path} hold NaN or infinity in {name!r}; export the model again.")
    network.load_state_dict(state, strict=True, assign=True)
    return network.requires_grad_(False)


def check_geometry(card: ModelCard) -> None:
    """Raise ModelError where a card says something else than its architecture and settings imply."""
    truth = geometry(card.arch, **card.arch_args)
    promised = {
        "ndim": truth.ndim,
        "in_channels": truth.in_channels,
        "out_channels": truth.out_channels,
        "laplace_scale": truth.laplace_scale,
        "scale": truth.scale,
        "receptive_field": truth.receptive_field,
        "whole_image": truth.whole_image,
    }
    for name, value in promised.items():
        if getattr(card, name) != value:
            raise broken_promise(card, name, getattr(card, name), value)
    if card.size_multiple % truth.size_multiple:
        raise broken_promise(card, "size_multiple", card.size_multiple, truth.size_multiple)
    if (card.frames is not None) != truth.burst:
        raise broken_promise(card, "frames", card.frames, "a number" if truth.burst else None)


def _check_names_and_shapes(
    card: ModelCard, path: Path, expected: dict[str, tuple[int, ...]], stored: dict[str, tuple[int, ...]]
) -> None:
    missing = [name for name in expected if name not in stored]
    extra = [name for name in stored if name not in expected]
    misshaped = [
        f"{name} {stored[name]} instead of {shape}"
        for name, shape in expected.items()
        if stored.get(name, shape) != shape
    ]
    found = [
        f"{len(names)} {what} ({', '.join(name[:80] for name in names[:3])}{', ...' if len(names) > 3 else ''})"
        for what, names in (("missing", missing), ("extra", extra), ("misshaped", misshaped))
        if names
    ]
    if found:
        settings = ", ".join(f"{name}={value!r}" for name, value in card.arch_args.items())
        raise ModelError(
            f"The weights {path} do not fit {card.arch}({settings}): {'; '.join(found)} tensors; "
            "export the model again."
        )
