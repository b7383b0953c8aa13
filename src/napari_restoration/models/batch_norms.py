"""Which networks have batch norms, told from a card alone: without torch, without the weights."""

from __future__ import annotations

from napari_restoration.models.card import ModelCard

_ALWAYS = frozenset({"bdu", "bu", "c2f", "deblurgan-v2"})
_BY_CHOICE = frozenset({"unet256"})


def has_batch_norms(card: ModelCard) -> bool:
    """Whether a model's network holds batch norms, whose running statistics `Adaptation` can move.

    Parameters
    ----------
    card : ModelCard
        Of a network or of a classical method, which has none.
    """
    if card.arch in _BY_CHOICE:
        return bool(card.arch_args.get("norm", "batch") == "batch")
    return card.arch in _ALWAYS
