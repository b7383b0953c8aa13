"""The two things the panel lets the engine do, as tasks for the thread. Neither touches Qt or napari."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, Task
from napari_restoration.models.classical.catalogue import is_classical
from napari_restoration.tasks.settings import RestoreSettings

if TYPE_CHECKING:
    from napari_restoration.models.any_model import AnyModel
    from napari_restoration.models.card import ModelCard
    from napari_restoration.tasks.restoration import Restoration
    from napari_restoration.tasks.results import Preview, RestorationResult

_LONGEST_WAIT_S = 2.0
_FIRST_TILE = "Restoring the first tile"
LOADING_TORCH = "Loading PyTorch, once per session"


@dataclass(frozen=True, kw_only=True, eq=False)
class Order:
    """What is to be restored, and what is already prepared for it.

    Parameters
    ----------
    image : CalibratedImage
        The input.
    card : ModelCard
        The model.
    settings : RestoreSettings
        The user's choices.
    at : mapping of str to int
        The plane the user looks at.
    centre : tuple of float
        Where the user looks, ``(y, x)`` in input pixels.
    region : tuple of slice, optional
        For a preview, Y and X in input pixels.
    loaded : AnyModel, optional
        The model, if it is loaded already.
    prepared : Restoration, optional
        The preparation, if image, model and settings are those of an earlier one.
    """

    image: CalibratedImage
    card: ModelCard
    settings: RestoreSettings
    at: Mapping[str, int]
    centre: tuple[float, float] | None = None
    region: tuple[slice, slice] | None = None
    loaded: AnyModel | None = None
    prepared: Restoration | None = None

    def reuse(self, earlier: Restoration | None) -> Order:
        """Take over from an earlier run what still holds: its loaded model, its statistics."""
        if earlier is None or not self._has_model_of(earlier):
            return self
        prepared = earlier if self._has_image_of(earlier) and earlier.settings == self.settings else None
        return replace(self, loaded=earlier.restorer.model, prepared=prepared)

    def _has_model_of(self, earlier: Restoration) -> bool:
        return (
            (earlier.card.id, earlier.card.weights_sha256) == (self.card.id, self.card.weights_sha256)
            and earlier.settings.device == self.settings.device
            and earlier.settings.precision == self.settings.precision
        )

    def _has_image_of(self, earlier: Restoration) -> bool:
        image = earlier.image
        return (
            image.data is self.image.data
            and (image.axes, image.name) == (self.image.axes, self.image.name)
            and image.pixel_size_um == self.image.pixel_size_um
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Ready(Progress):
    """Everything is loaded; tiles follow.

    Parameters
    ----------
    restoration : Restoration
        To be kept for the next run.
    out : CalibratedImage, optional
        Where the tiles of a whole run arrive.
    is_shown : threading.Event
        To be set when `out` is a layer; the network waits for it, so that napari has the processor to itself
        for the tenth of a second that adding a layer takes.
    """

    restoration: Restoration
    out: CalibratedImage | None = None
    is_shown: threading.Event = field(default_factory=threading.Event)


def run_restore(order: Order) -> Task[RestorationResult]:
    """Restore the whole image; yields `Ready` before the first tile."""
    restoration = yield from _prepared(order)
    yield Progress(done=0, total=0, message="Making room for the result")
    out = restoration.empty_output()
    ready = Ready(done=0, total=0, message=_FIRST_TILE, restoration=restoration, out=out)
    yield ready
    ready.is_shown.wait(_LONGEST_WAIT_S)
    return (yield from restoration.iter_run(out, first=order.at, centre=order.centre))


def run_preview(order: Order) -> Task[Preview]:
    """Restore one region of one plane; yields `Ready` before the first tile."""
    restoration = yield from _prepared(order)
    yield Ready(done=0, total=0, message=_FIRST_TILE, restoration=restoration)
    assert order.region is not None  # set by whoever asks for a preview
    return (yield from restoration.iter_preview(order.at, order.region, order.centre))


def needs_torch(order: Order) -> bool:
    """Whether torch has to be imported first, which takes a second or more; classical methods do without."""
    loaded = order.loaded is not None or order.prepared is not None
    return not loaded and not is_classical(order.card) and "torch" not in sys.modules


def device_in_words(device: str) -> str:
    """A device as a person would call it."""
    return {"cpu": "the CPU", "mps": "the GPU (MPS)"}.get(device, f"the GPU ({device})")


def _prepared(order: Order) -> Task[Restoration]:
    if order.prepared is not None:
        return order.prepared
    from napari_restoration.tasks.prepare import prepare

    preparing = prepare(order.image, order.loaded or order.card.id, order.settings)
    while True:
        try:
            report = next(preparing)
        except StopIteration as end:
            restoration: Restoration = end.value
            return restoration
        if needs_torch(order) and report.done == 0:
            report = Progress(done=0, total=0, message=LOADING_TORCH)
        yield report
