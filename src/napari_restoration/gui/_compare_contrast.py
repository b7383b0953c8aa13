"""The contrast of two layers that are compared: as it is, linked, or matched by percentiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from qtpy.QtCore import QObject

from napari_restoration.gui._compare_changes import is_same
from napari_restoration.tasks.comparison import GreyMatch

if TYPE_CHECKING:
    from napari.layers import Image

Limits = tuple[float, float]
Contrast = Literal["own", "linked", "matched"]


class ContrastLink(QObject):
    """Keeps the contrast limits of two layers together; letting go gives back the limits of before.

    Parameters
    ----------
    parent : QObject
        The panel.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._pair: tuple[Image, Image] | None = None
        self._before: dict[Image, tuple[Limits, Limits]] = {}
        self._ours: dict[Image, Limits] = {}
        self._is_busy = False
        self.match: GreyMatch | None = None
        """How grey levels of the later layer are brought to those of the earlier one, where contrast is kept so."""

    def join(self, pair: tuple[Image, Image], match: GreyMatch) -> None:
        """Keep the limits of two layers together from now on.

        Both begin with limits that leave nothing out that either showed before.

        Parameters
        ----------
        pair : tuple of napari.layers.Image
            The earlier and the later layer, not in colour.
        match : GreyMatch
            From grey levels of the later one to those of the earlier one; the identity links them.
        """
        self.part()
        self._pair, self.match = pair, match
        self._before = {one: (_limits(one), _range(one)) for one in pair}
        (low, high), later = pair[0].contrast_limits, pair[1].contrast_limits
        if match == GreyMatch():
            low, high = min(low, later[0]), max(high, later[1])
        self._set(low, high)
        for layer in pair:
            layer.events.contrast_limits.connect(self._on_limits)

    def part(self) -> None:
        """Let go; limits that the user has not set since are those of before."""
        if self._pair is not None:
            for layer in self._pair:
                layer.events.contrast_limits.disconnect(self._on_limits)
        for layer, (limits, wide) in self._before.items():
            if layer in self._ours and is_same(_limits(layer), self._ours[layer]):
                layer.contrast_limits = limits
                layer.contrast_limits_range = wide  # which limits beyond it have widened
        self._before, self._ours = {}, {}
        self._pair, self.match = None, None

    def _on_limits(self, event: Any) -> None:
        if self._is_busy or self._pair is None or self.match is None:
            return
        low, high = event.source.contrast_limits
        if event.source is self._pair[1]:
            low, high = self.match.forward_limits(low, high)
        self._set(low, high, moved=event.source)

    def _set(self, low: float, high: float, moved: Image | None = None) -> None:
        """Set limits on the earlier layer's scale; the layer that was moved has them already."""
        if self._pair is None or self.match is None:
            return
        before, after = self._pair
        wanted = [(before, (low, high)), (after, (self.match.backward(low), self.match.backward(high)))]
        self._is_busy = True
        try:
            for layer, limits in wanted:
                if layer is not moved and not is_same(_limits(layer), limits):
                    layer.contrast_limits = limits
                    self._ours[layer] = _limits(layer)
        finally:
            self._is_busy = False


def _limits(layer: Image) -> Limits:
    low, high = layer.contrast_limits
    return float(low), float(high)


def _range(layer: Image) -> Limits:
    low, high = layer.contrast_limits_range
    return float(low), float(high)
