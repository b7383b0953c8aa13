"""What may be asked of a model beyond restoring an image once; told from its card, before anything is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_restoration.core.errors import InputError
from napari_restoration.models.batch_norms import has_batch_norms
from napari_restoration.models.card import ModelCard
from napari_restoration.models.classical.catalogue import is_classical

if TYPE_CHECKING:
    from napari_restoration.tasks.settings import RestoreSettings


def why_no_passes(card: ModelCard) -> str:
    """Why a model cannot be applied to its own result: a clause without a full stop, empty if it can.

    A classical method undoes a blur or noise that its result no longer has; its strength and iterations are
    parameters. A result that is enlarged, or made of several frames, is no input of the same kind.
    """
    if is_classical(card):
        return f"{card.id} is no network: change its parameters instead of applying it again"
    if card.frames is not None:
        return f"{card.id} makes one plane of several frames, so it cannot be applied to its own result"
    if card.scale != 1:
        return f"{card.id} enlarges the image, so it is not made for its own result"
    if card.in_channels != card.out_channels:
        return (
            f"{card.id} makes {card.out_channels} channels of {card.in_channels}, so it cannot be applied to its own "
            "result"
        )
    return ""


def why_no_adaptation(card: ModelCard) -> str:
    """Why a model cannot be adapted to an image: a clause without a full stop, empty if it can."""
    return "" if has_batch_norms(card) else f"{card.id} has no batch norms that could be adapted to an image"


def check_applicable(card: ModelCard, settings: RestoreSettings) -> None:
    """Refuse passes and adaptation where a model has no use for them.

    Raises
    ------
    InputError
        One sentence that says why, and what to leave out.
    """
    if settings.passes > 1 and (why := why_no_passes(card)):
        raise InputError(f"{why}: leave passes at 1.")
    if settings.adapt and (why := why_no_adaptation(card)):
        raise InputError(f"{why}: leave adapt out.")
