"""Match my microscope: estimate it from the user's own bad image, fill in the steps, and show how well they fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QPushButton, QVBoxLayout, QWidget

from napari_restoration.core.errors import InputError, RestorationError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress
from napari_restoration.gui._error_words import error_words
from napari_restoration.gui._geometry import place_result
from napari_restoration.gui._known_number import KnownNumber
from napari_restoration.gui._layer_choice import LayerChoice
from napari_restoration.gui._layers import METADATA_KEY, guess_layer_axes, layer_to_image
from napari_restoration.gui._look import ACCENT, PRIMARY, align_labels
from napari_restoration.gui._match_results import MatchResults
from napari_restoration.gui._message import Message, in_panel_words, small_text
from napari_restoration.gui._progress_bar import ProgressBar
from napari_restoration.gui._view import shown_index
from napari_restoration.gui._workers import RunningTask, start_task

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_restoration.degradations.presets import Preset
    from napari_restoration.tasks.match import Match, MatchSettings


class MatchPanel(QWidget):
    """Fits the chosen preset to a bad image.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers are offered, and whose shown plane is looked at.
    preset_of : callable
        Gives the preset to begin with, as the panel shows it.
    owner : QWidget, optional
        The widget in the dock; when it goes, the work stops.
    parent : QWidget, optional
        The section.
    """

    preset_found = Signal(object)
    """A `Preset` with the steps filled in, under the id of the one it began with."""

    def __init__(
        self,
        viewer: ViewerModel,
        preset_of: Callable[[], Preset],
        *,
        owner: QWidget | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._viewer, self._preset_of, self._owner = viewer, preset_of, owner or self
        self.running: RunningTask | None = None
        self.match: Match | None = None
        self._started: _Started | None = None
        self.bad = LayerChoice(viewer)
        self.bad.setToolTip("An image as your microscope delivers it; the plane in view is looked at.")
        self.good = LayerChoice(viewer, none_words="none")
        self.good.setToolTip(
            "A good image of a similar specimen, at the same pixel size. Without it, only light and noise are "
            "compared."
        )
        self.offset = KnownNumber("Grey level of your camera in the dark, if you know it.")
        self.read_noise = KnownNumber("Read noise of your camera in electrons, if you know it.")
        self.button = QPushButton("Match")
        self.button.setToolTip("Estimate camera, light, blur and motion, and fill them into the steps above.")
        self.button.setStyleSheet(PRIMARY)
        self.progress = ProgressBar()
        self.progress.set_accent(ACCENT)
        self.progress.cancel_button.setToolTip("Stop after the current estimate. The steps stay as they are.")
        self.message = Message()
        self.results = MatchResults()
        self._lay_out()
        self.button.clicked.connect(self.start)
        self.progress.cancel_clicked.connect(self.cancel)
        self.results.layers_button.clicked.connect(self.add_layer)

    def start(self) -> None:
        """Match the chosen images in a thread."""
        if self.running is not None:
            return
        from napari_restoration.tasks.match import iter_match

        self.message.clear()
        try:
            started, settings = self._ask(), self._settings()
        except RestorationError as error:
            self._tell_error(str(error))
            return
        self._started = started
        task = iter_match(
            started.image,
            started.good_image,
            started.preset,
            settings,
            at=started.at,
            good_at=started.good_at,
        )
        self.button.setEnabled(False)
        self.progress.start("Preparing")
        self.running = start_task(
            task,
            self._owner,
            on_report=self._on_reports,
            on_done=self._on_done,
            on_error=self._on_error,
            on_cancel=self._on_cancel,
            on_finished=self._on_finished,
        )

    def cancel(self) -> None:
        """Stop after the current estimate."""
        if self.running is not None:
            self.running.cancel()
            self.progress.step = "estimate"
            self.progress.show_cancelling()

    def add_layer(self) -> None:
        """Add the synthetic plane as a layer that lies on the bad one."""
        if self.match is None or self._started is None:
            return
        started, match = self._started, self.match
        real, synthetic = match.comparison.real, match.comparison.synthetic
        image, source = started.image, started.bad
        placement = place_result(
            source, image.axes, image.axes, scale=1, spatial="YX", array_axes="YX",
            start=dict(zip("YX", match.corner, strict=True)), at=started.at,
        )  # fmt: skip
        from napari_restoration.gui._degrade_runs import shown_limits

        limits = shown_limits(real)
        preset = match.preset
        with _unselected(self._viewer):
            self._viewer.add_image(
                placement.fit(synthetic),
                name=f"{image.name} [{preset.id}] synthetic",
                metadata={
                    METADATA_KEY: {"task": "degrade", "preset": preset.to_dict(), "matched_to": image.name}
                },
                multiscale=False,
                colormap=source.colormap,
                blending="translucent_no_depth",
                contrast_limits=list(limits),
                **placement.geometry,
            )
        source.visible = True
        source.contrast_limits = limits

    def _ask(self) -> _Started:
        bad, good = self.bad.layer, self.good.layer
        if bad is None:
            raise InputError("There is no bad image: open one that your microscope made.")
        if good is not None and good is bad:
            raise InputError(
                f"{bad.name!r} is both the bad and the good image: choose another good one, or none."
            )
        image, at = self._image_of(bad)
        good_image, good_at = (None, None) if good is None else self._image_of(good)
        return _Started(
            preset=self._preset_of(), bad=bad, image=image, at=at, good_image=good_image, good_at=good_at
        )

    def _image_of(self, layer: Image) -> tuple[CalibratedImage, dict[str, int]]:
        image = layer_to_image(layer, guess_layer_axes(layer))
        return image, shown_index(self._viewer, layer, image.axes)

    def _settings(self) -> MatchSettings:
        from napari_restoration.tasks.match import MatchSettings

        read_noise = self.read_noise.value("The known read noise")
        if read_noise is not None and read_noise < 0:
            raise InputError(f"The known read noise is {read_noise:g} e-, but must be at least 0 e-.")
        return MatchSettings(
            offset_adu=self.offset.value("The known offset"), read_noise_electrons=read_noise
        )

    def _on_reports(self, reports: list[Progress]) -> None:
        if self.running is not None and not self.running.is_cancelled:
            self.progress.announce(reports[-1].message)

    def _on_done(self, match: Match) -> None:
        if self._started is None:
            return
        self.match = match
        self.results.show_match(match)
        words = [match.changes, match.words]
        sure = all(one.is_reliable for one in match.estimates if one.name in ("gain", "blur"))
        self.message.show_text(" ".join(word for word in words if word), "info" if sure else "warning")
        self.preset_found.emit(match.preset)

    def _on_cancel(self) -> None:
        self.message.show_text("Cancelled. The steps are as they were.")

    def _on_error(self, error: BaseException) -> None:
        self._tell_error(error_words(error, "Matching", "the steps are as they were"))

    def _on_finished(self) -> None:
        self.running = None
        self.progress.finish()
        self.button.setEnabled(True)

    def _tell_error(self, text: str) -> None:
        self.message.show_text(in_panel_words(text), "error")

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setVerticalSpacing(5)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Bad image", self.bad)
        form.addRow("Good image", self.good)
        form.addRow("Offset", self.offset)
        form.addRow("Read noise", self.read_noise)
        align_labels([form])
        words = small_text()
        words.setText("Optional: a good image of a similar specimen, and what you know of your camera.")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(form)
        for part in (words, self.button, self.progress, self.message, self.results):
            layout.addWidget(part)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class _Started:
    """What a match was begun with: the viewer may change while it runs."""

    preset: Preset
    bad: Image
    image: CalibratedImage
    at: dict[str, int]
    good_image: CalibratedImage | None
    good_at: dict[str, int] | None


@contextmanager
def _unselected(viewer: ViewerModel) -> Iterator[None]:
    """Add a layer without selecting it: no panel takes it for the next image to work on."""
    selection = viewer.layers.selection
    chosen = set(selection)
    with selection.events.active.blocker():
        yield
        selection.clear()
        selection.update(chosen)
