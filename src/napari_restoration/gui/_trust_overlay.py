"""Where not to trust a result: the check box, the work behind it, and the maps as layers with a legend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Progress, Task
from napari_restoration.gui._geometry import place_result
from napari_restoration.gui._layers import METADATA_KEY
from napari_restoration.gui._message import small_text
from napari_restoration.gui._runs import Order, Ready

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_restoration.tasks.restoration import Restoration
    from napari_restoration.tasks.results import RestorationResult
    from napari_restoration.tasks.trust_result import TrustResult

_TIP = (
    "Afterwards checks the result against the raw image and restores turned copies of it, and marks what neither "
    "supports. Takes about ten times as long as restoring; the result is there before."
)
# Trust from 0 to twice the threshold below which a place counts as marked: red, amber, and nothing.
_STOPS = ((0.0, (0.90, 0.10, 0.10, 0.85)), (0.5, (1.0, 0.72, 0.10, 0.55)), (1.0, (1.0, 0.85, 0.30, 0.0)))
_OVERLAY_SHARE = 2.0
_OPACITY = 0.7
_RESIDUAL_LIMIT = 5.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Restored(Progress):
    """The result is whole; the trust maps are still to come."""

    result: RestorationResult


@dataclass(frozen=True, kw_only=True, eq=False)
class Trusted:
    """The trust maps of a result."""

    restoration: Restoration
    trust: TrustResult


class TrustRow(QWidget):
    """The check box, and below it the sentence and the legend once there are maps."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = QCheckBox("Show where not to trust it")
        self.box.setToolTip(_TIP)
        self.box.toggled.connect(self.changed)
        self.words = small_text()
        self.legend = _legend()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for part in (self.box, self.words, self.legend):
            layout.addWidget(part)
        self.clear()

    def clear(self) -> None:
        """No maps are shown."""
        self.words.setText("")
        self.words.hide()
        self.legend.hide()

    def choices(self) -> dict[str, Any]:
        """What is remembered."""
        return {"trust": self.box.isChecked()}

    def restore(self, choices: dict[str, Any]) -> None:
        """Take up a remembered choice."""
        self.box.setChecked(choices.get("trust") is True)

    def added_to(self, run: Callable[[Order], Task[RestorationResult]]) -> Callable[[Order], Task[Any]]:
        """What restores, and then makes the maps if the box is checked."""
        self.clear()
        return (lambda order: with_trust(run(order))) if self.box.isChecked() else run

    def show_maps(self, viewer: ViewerModel, source: Image | None, trusted: Trusted) -> None:
        """Add the maps as layers where their source lies, say the sentence, and show the legend."""
        assert source is not None  # a run keeps its source
        add_maps(viewer, source, trusted)
        report = trusted.trust.report
        self.words.setText(report.words)
        self.words.setToolTip("\n".join(report.notices))
        self.words.show()
        self.legend.show()


def with_trust(restoring: Task[RestorationResult]) -> Task[RestorationResult | Trusted]:
    """Restore, hand the result out, and judge it in the same thread.

    Parameters
    ----------
    restoring : generator
        As `run_restore`.

    Yields
    ------
    Progress
        Of both; between them `Restored`.

    Returns
    -------
    Trusted or RestorationResult
        The latter, with a notice, if there can be no maps of this image.
    """
    from napari_restoration.tasks.trust import check_restoration, iter_trust

    restoration: Restoration | None = None
    try:
        while True:
            try:
                report = next(restoring)
            except StopIteration as end:
                result: RestorationResult = end.value
                break
            if isinstance(report, Ready):
                restoration = report.restoration
            yield report
    finally:
        restoring.close()
    assert restoration is not None  # every restoration says that it is ready
    try:
        check_restoration(restoration)
    except InputError as error:
        return replace(result, notices=(*result.notices, str(error)))
    yield Restored(done=0, total=0, result=result)
    trust = yield from iter_trust(restoration.image, result, restoration)
    return Trusted(restoration=restoration, trust=trust)


def add_maps(viewer: ViewerModel, source: Image, trusted: Trusted) -> list[Image]:
    """Add each map as a layer where the result lies, hidden but for the combined one.

    Parameters
    ----------
    viewer : napari.Viewer
        Where they are added.
    source : napari.layers.Image
        The raw layer.
    trusted : Trusted
        The maps.

    Returns
    -------
    list of napari.layers.Image
        The combined map is the last, on top of all.
    """
    from napari_restoration.tasks.trust_result import LAYERS, TRUST

    restoration, maps = trusted.restoration, trusted.trust.maps
    placement = place_result(
        source,
        restoration.image.axes,
        restoration.layout.output_axes,
        scale=restoration.card.scale,
        spatial=restoration.layout.spatial,
    )
    active = viewer.layers.selection.active
    added = []
    for name in (*(one for one in maps if one != TRUST), TRUST):
        # They are looked at, not worked on: no panel offers them as an image.
        record = {**trusted.trust.report.provenance.to_dict(), "preview": True, "meaning": LAYERS[name]}
        added.append(
            viewer.add_image(
                placement.fit(maps[name].data),
                name=f"{maps[name].name.removesuffix(name)}({name})",
                metadata={METADATA_KEY: record},
                visible=name == TRUST,
                multiscale=False,
                **_look(name, np.asarray(maps[name].data), trusted.trust.report.summary.threshold),
                **placement.geometry,
            )
        )
    viewer.layers.selection.active = active
    return added


def _look(name: str, values: np.ndarray[Any, Any], threshold: float) -> dict[str, Any]:
    from napari.utils.colormaps import Colormap

    from napari_restoration.tasks.trust_result import DATA, NULL, RESIDUAL, TRUST

    if name == TRUST:
        colours = Colormap([colour for _, colour in _STOPS], name="trust", controls=[at for at, _ in _STOPS])
        return {
            "colormap": colours, "contrast_limits": (0.0, _OVERLAY_SHARE * threshold), "opacity": _OPACITY,
            "blending": "translucent",
        }  # fmt: skip
    if name == RESIDUAL:
        return {"colormap": "PiYG", "contrast_limits": (-_RESIDUAL_LIMIT, _RESIDUAL_LIMIT)}
    if name in (DATA, NULL):
        return {"colormap": "viridis", "contrast_limits": (0.0, 1.0)}
    # A few rows tell enough of what is only shown.
    finite = values[..., ::4, ::4][np.isfinite(values[..., ::4, ::4])]
    top = float(np.percentile(finite, 99.8)) if finite.size else 1.0
    return {"colormap": "inferno", "contrast_limits": (0.0, top if top > 0 else 1.0)}


def _legend() -> QWidget:
    """A bar in the overlay's colours, with words at both ends."""
    legend = QWidget()
    row = QHBoxLayout(legend)
    row.setContentsMargins(0, 0, 0, 0)
    stops = ", ".join(
        f"stop:{at} rgba({', '.join(str(round(255 * part)) for part in colour)})" for at, colour in _STOPS
    )
    bar = QFrame()
    bar.setFixedHeight(12)
    bar.setStyleSheet(
        f"QFrame {{ border: 1px solid rgba(128, 128, 128, 120); "
        f"background: qlineargradient(x1:0, y1:0, x2:1, y2:0, {stops}); }}"
    )
    for text, widget in (("not supported", None), ("", bar), ("no objection", None)):
        if widget is not None:
            row.addWidget(widget, 1)
        else:
            label = QLabel(text)
            label.setProperty("small", True)
            row.addWidget(label)
    legend.setToolTip(
        "Red: as suspicious as hardly any place of a typical restoration. Amber: as one place in a hundred. "
        "Uncoloured: nothing speaks against it, which does not prove that it is right."
    )
    return legend
