"""The Compare widget: two layers by wipe, flicker, side by side, difference, along a line, and in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from qtpy.QtCore import QEvent
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.core.errors import InputError, RestorationError
from napari_restoration.core.progress import Progress, Task
from napari_restoration.gui._compare_adder import ResultAdder
from napari_restoration.gui._compare_contrast import Contrast, ContrastLink
from napari_restoration.gui._compare_form import CompareForm
from napari_restoration.gui._compare_lattice import look_at
from napari_restoration.gui._compare_numbers import NumbersPanel
from napari_restoration.gui._compare_pair import guess_pair
from napari_restoration.gui._compare_profile import ProfilePanel, no_pair
from napari_restoration.gui._compare_result_layers import Measured, run_match
from napari_restoration.gui._compare_views import Mode, Views
from napari_restoration.gui._error_words import error_words
from napari_restoration.gui._latest_task import LatestTask
from napari_restoration.gui._message import in_panel_words
from napari_restoration.gui._remembered import recall, remember
from napari_restoration.tasks.comparison import GreyMatch, Kind

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image


class CompareWidget(QWidget):
    """Compares two image layers. It changes nothing for good: leaving a mode or the panel restores the viewer.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it works on.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.views = Views(napari_viewer, self)
        self.contrast = ContrastLink(self)
        self.profile = ProfilePanel(napari_viewer, self.pair, self._match, owner=self)
        self.numbers = NumbersPanel(napari_viewer, self.pair, owner=self)
        self.form = CompareForm(napari_viewer, self.profile, self.numbers)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        # napari pushes panels upwards that do not ask for the room; this one scrolls and takes it.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.adder = ResultAdder(napari_viewer, self)
        self._mode: Mode = "off"
        self._contrast: Contrast = "own"
        self._started_match: tuple[Image, Image] | None = None
        self._is_chosen_by_user = False
        self._matching = LatestTask(
            self,
            self._make_match,
            on_report=self._on_report,
            on_done=self._on_matched,
            on_error=self._on_match_failed,
        )
        self.form.restore_choices(recall("compare"))
        self.views.set_interval(self.form.interval.value())
        self._connect()
        self._on_theme_changed()
        self._choose_default()

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is being computed."""
        idle = self.adder.running is None and self.numbers.running is None
        return idle and self._matching.is_at_rest and self.profile.is_at_rest

    def pair(self) -> tuple[Image, Image]:
        """The earlier and the later layer.

        Raises
        ------
        InputError
            If there are not two different ones.
        """
        before, after = self.form.before.layer, self.form.after.layer
        if before is None or after is None:
            raise no_pair()
        if before is after:
            raise InputError(f"{before.name!r} is both A and B: choose another layer for one of them.")
        return before, after

    def choose(self, before: Any = None, after: Any = None) -> None:
        """Set the layers, as a script would; what is not given stays."""
        for choice, layer in ((self.form.before, before), (self.form.after, after)):
            if layer is not None:
                choice.choose(layer)

    def show_mode(self, mode: Mode) -> None:
        """Look at the layers in another way."""
        self._mode = mode
        self._apply_mode()

    def set_contrast(self, contrast: Contrast) -> None:
        """Show both layers' brightness in another way."""
        self._contrast = contrast
        self.form.show_contrast(contrast)
        self._apply_contrast()

    def add(self, kind: Kind) -> None:
        """Add a difference or ratio layer."""
        try:
            self.adder.start(kind, self.pair(), self._match())
        except RestorationError as error:
            self._tell_error(str(error))

    def event(self, event: QEvent | None) -> bool:
        """Leave nothing behind when the panel is taken out of its dock, which closes and destroys nothing."""
        is_handled = super().event(event)
        if event is not None and event.type() == QEvent.Type.ParentChange and self.parent() is None:
            self._mode = "off"
            self._suspend()
            self.form.show_mode("off")
            self.profile.line.remove()
            self.profile.clear()
            remember("compare", self.form.choices())
        return is_handled

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Show the viewer as it was while another panel is in front."""
        super().hideEvent(event)
        self._suspend()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Go on where the panel was left."""
        super().showEvent(event)
        if self.views.mode != self._mode:
            self._apply_mode()
        self._apply_contrast()

    def _connect(self) -> None:
        form, viewer = self.form, self._viewer
        for choice in (form.before, form.after):
            choice.layer_changed.connect(self._on_pair_changed)
            choice.activated.connect(self._on_chosen_by_user)
        form.swap_button.clicked.connect(self._on_chosen_by_user)
        form.mode_chosen.connect(self.show_mode)
        form.contrast_chosen.connect(self.set_contrast)
        form.position_chosen.connect(self.views.set_position)
        form.interval.valueChanged.connect(self.views.set_interval)
        form.difference_button.clicked.connect(self._add_difference)
        form.ratio_button.clicked.connect(self._add_ratio)
        self.adder.made.connect(self._on_made)
        self.adder.told.connect(self._on_adder_told)
        self.adder.failed.connect(self._tell_error)
        self.adder.busy.connect(self._on_adder_busy)
        self.views.position_changed.connect(form.show_position)
        self.views.mode_changed.connect(self._on_mode_ended)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.events.theme.connect(self._on_theme_changed)

    def _apply_mode(self) -> None:
        try:
            pair = self.pair()
        except InputError:
            pair, self._mode = None, "off"
        self.views.show(self._mode, pair)
        self.form.show_mode(self._mode)
        if self._mode == "wipe":
            self.views.set_position(self.form.slider.value() / self.form.slider.maximum())
        if self.views.fades:
            self.form.say("The slider fades A into B: this version of napari does not let layers be cut.")

    def _apply_contrast(self) -> None:
        self.contrast.part()
        try:
            pair = self.pair()
        except InputError:
            return
        if self._contrast == "linked":
            if any(layer.rgb for layer in pair):
                self._refuse_contrast("Colour layers have no contrast limits to link.")
                return
            self.contrast.join(pair, GreyMatch())
        elif self._contrast == "matched":
            self._matching.ask()
        self.profile.update_profile()

    def _match(self) -> GreyMatch | None:
        return self.contrast.match if self._contrast == "matched" else None

    def _make_match(self) -> Task[GreyMatch] | None:
        if self._contrast != "matched":
            return None
        try:
            pair = self.pair()
            self._started_match = pair
            return run_match((look_at(self._viewer, pair[0]), look_at(self._viewer, pair[1])))
        except RestorationError as error:
            self._refuse_contrast(str(error))
            return None

    def _on_matched(self, match: GreyMatch) -> None:
        try:
            pair = self.pair()
        except InputError:
            return
        if self._contrast == "matched" and pair == self._started_match:
            self.contrast.join(pair, match)
            sign = "−" if match.offset < 0 else "+"
            self.form.message.show_text(
                f"Matched in the plane in view: B × {match.gain:.4g} {sign} {abs(match.offset):.4g} is on A's scale."
            )
            self.profile.update_profile()

    def _on_match_failed(self, error: BaseException) -> None:
        self._refuse_contrast(error_words(error, "Matching the contrast"))

    def _refuse_contrast(self, words: str) -> None:
        self._contrast = "own"
        self.form.show_contrast("own")
        self._tell_error(words)

    def _suspend(self) -> None:
        self.views.show("off", None)
        self.contrast.part()

    def _on_pair_changed(self) -> None:
        self.form.message.clear()
        try:
            self.pair()
        except InputError as error:
            self.form.set_usable(False)
            self.form.message.show_text(str(error))
        else:
            self.form.set_usable(True)
        self._apply_mode()
        self._apply_contrast()

    def _choose_default(self) -> None:
        pair = guess_pair(self._viewer)
        if pair is not None and (self.form.before.layer, self.form.after.layer) != pair:
            for choice, layer in ((self.form.before, pair[0]), (self.form.after, pair[1])):
                choice.blockSignals(True)
                choice.choose(layer)
                choice.blockSignals(False)
        self._on_pair_changed()

    def _on_inserted(self, event: Any = None) -> None:
        # Nothing is taken from under the eyes of somebody who compares, or has chosen.
        if self._mode == "off" and self._contrast == "own" and not self._is_chosen_by_user:
            self._choose_default()

    def _on_chosen_by_user(self, _index: Any = None) -> None:
        self._is_chosen_by_user = True

    def _on_mode_ended(self, mode: str) -> None:
        self._mode = cast(Mode, mode)
        self.form.show_mode(mode)

    def _on_theme_changed(self, event: Any = None) -> None:
        self.form.follow_theme(self._viewer.theme)

    def _add_difference(self) -> None:
        self.add("difference")

    def _add_ratio(self) -> None:
        self.add("ratio")

    def _on_report(self, reports: list[Progress]) -> None:
        pass  # both end within a second or so, and say so when they do

    def _on_made(self, made: Measured) -> None:
        self.show_mode("off")  # the new layer would be hidden
        self._is_chosen_by_user = True
        layer = self.adder.place(made)
        self.form.message.show_text(
            f"Added {layer.name!r}: orange where B is brighter, blue where it is darker, black where both agree."
        )

    def _on_adder_told(self, words: str) -> None:
        self.form.message.show_text(words)

    def _on_adder_busy(self, is_busy: bool) -> None:
        for button in (self.form.difference_button, self.form.ratio_button):
            button.setEnabled(not is_busy)

    def _tell_error(self, text: str) -> None:
        self.form.message.show_text(in_panel_words(text), "error")
