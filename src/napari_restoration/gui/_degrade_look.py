"""What the panel shows while settings and view change: preview, pictures, and what will be made, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QWidget

from napari_restoration.core.errors import InputError, RestorationError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import Progress, Task
from napari_restoration.gui._degrade_live import DegradePreview
from napari_restoration.gui._degrade_orders import image_of, make_order, missing_lengths
from napari_restoration.gui._degrade_runs import (
    LARGEST_PREVIEW_PX,
    Pictured,
    Region,
    Seen,
    middle_part,
    run_look,
)
from napari_restoration.gui._error_words import error_words
from napari_restoration.gui._latest_task import LatestTask
from napari_restoration.gui._layers import file_problem, guess_layer_axes
from napari_restoration.gui._message import Kind, in_panel_words
from napari_restoration.gui._view import shown_index, visible_region

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_restoration.gui._degrade_form import DegradeForm
    from napari_restoration.tasks.degrade import Degrading

_RESTING = "Comes back with the next change."
_UPDATING = "Updating …"
_SLOW_MS = 400
_PLACE_EVENTS = ("data", "scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")


class LiveLook(QObject):
    """Follows the controls and the view.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    form : DegradeForm
        The controls.
    panel : QWidget
        Whose end ends it all.
    """

    def __init__(self, viewer: ViewerModel, form: DegradeForm, panel: QWidget) -> None:
        super().__init__(panel)
        self._viewer, self._form = viewer, form
        self.degrading: Degrading | None = None
        """The last preparation; its measured grey levels serve the next one."""
        self.preview = DegradePreview(viewer)
        self._listened: Image | None = None
        self._settings = 0  # counts changes that concern the whole result
        self._told = self._pictured = self._contrast = -1  # the count that each was last done for
        self._looked: tuple[Any, ...] = ()  # what is shown: settings, layer, plane and region
        self._looking: tuple[Any, ...] = ()  # what is being made; it may be dropped
        self._is_resting = False
        self._is_open = True
        self._run_began_at = 0
        self._slow = QTimer(self)
        self._slow.setSingleShot(True)
        self._slow.setInterval(_SLOW_MS)
        self._slow.timeout.connect(self._on_slow)
        self.task = LatestTask(
            panel, self._make, on_report=self._on_reports, on_done=self._on_done, on_error=self._on_error
        )
        form.changed.connect(self.settings_changed)
        form.preview_box.toggled.connect(self._on_preview_toggled)
        form.layer_combo.layer_changed.connect(self._on_layer_changed)
        viewer.layers.events.removed.connect(self._on_layer_removed)
        for events in (viewer.scene.camera.events, viewer.dims.events):
            events.connect(self._on_view_moved)
        self._on_layer_changed()

    def settings_changed(self) -> None:
        """Show what the controls ask for now."""
        self._settings += 1
        self._is_resting = False
        self._show_image()
        self.task.ask()

    def set_open(self, is_open: bool) -> None:
        """Whether the panel is somewhere; a panel that is taken away leaves no preview behind."""
        if self._is_open == is_open:
            return
        self._is_open = is_open
        if not is_open:
            self.preview.remove()
        self._looked = ()
        self.task.ask()

    def set_held(self, is_held: bool) -> None:
        """Whether to wait, because something else runs or nobody looks."""
        if is_held:
            self.task.hold()
        else:
            self.task.release()

    def begin_run(self) -> None:
        """A whole run begins, with the settings as they are."""
        self._run_began_at = self._settings

    def end_with_result(self) -> None:
        """A result is about to be shown: it takes the preview's place until something changes."""
        if self._settings == self._run_began_at:
            self._is_resting = True
            self.preview.remove()
            self._looked = ()
            self._show_words(_RESTING if self._form.preview_box.isChecked() else "")

    def _make(self) -> Task[Degrading] | None:
        if not self._is_open:
            return None
        form, layer = self._form, self._form.layer_combo.layer
        try:
            order = make_order(form, self.degrading)
        except RestorationError as error:
            self._show_refusal(str(error), "error" if layer is not None else "info")
            return None
        form.pairs.show_preset(order.preset)
        form.calibration.mark(**missing_lengths(order.image, order.preset, order.settings))
        at, region = self._shown_part(order.image)
        looked = (self._settings, layer, at, region)
        if looked == self._looked:
            return None
        self._looking = looked
        if self.preview.source is not layer:
            self.preview.hide()
        if region is None:
            self.preview.hide()
            if self._told == self._settings == self._pictured:
                self._looked = looked
                return None
        wants = self._pictured != self._settings
        self._slow.start()
        return run_look(replace(order, at=at, region=region, wants_pictures=wants))

    def _shown_part(self, image: CalibratedImage) -> tuple[dict[str, int], Region | None]:
        """Plane and region of the preview; no region where there is to be none, with the reason in words."""
        layer = self._form.layer_combo.layer
        if layer is None or self._is_resting or not self._form.preview_box.isChecked():
            return {}, None
        at = shown_index(self._viewer, layer, image.axes)
        try:
            visible = visible_region(self._viewer, layer, image.axes)
        except InputError as error:
            self._show_words(str(error).replace(" and preview again", ""))
            return at, None
        region = middle_part(visible)
        size = f"{LARGEST_PREVIEW_PX} × {LARGEST_PREVIEW_PX}"
        self._show_words(
            "" if region == visible else f"The middle of what is visible, at most {size} pixels."
        )
        return at, region

    def _on_reports(self, reports: list[Progress]) -> None:
        layer = self._form.layer_combo.layer
        for report in reports:
            if isinstance(report, Seen) and layer is not None:
                with self._form.layer_combo.pinned():
                    self.preview.show(layer, report, keeps_contrast=self._contrast == self._settings)
                self._contrast = self._settings
            elif isinstance(report, Pictured):
                self._form.pictures.show_picture(report.picture)
                self._pictured = self._settings

    def _on_slow(self) -> None:
        if self.task.running is not None and self._looking[3] is not None:
            self._show_words(_UPDATING)

    def _on_done(self, degrading: Degrading) -> None:
        self._slow.stop()
        self.degrading, self._looked = degrading, self._looking
        layer = self._form.layer_combo.layer
        if self._told != self._settings and layer is not None:
            self._told = self._settings
            self._form.show_plan(f"Result: {degrading.plan.describe()}")
            notices = [*degrading.notices, file_problem(layer)]
            self._form.message.show_text(" ".join(filter(None, notices)), "warning")
        if self._looked[3:] != self._shown_part(degrading.plan.image)[1:]:
            self.task.ask()  # napari measures what is visible only when it draws

    def _on_error(self, error: BaseException) -> None:
        self._show_refusal(error_words(error, "The preview"), "error")

    def _show_refusal(self, text: str, kind: Kind) -> None:
        """Nothing can be made: say why, and show nothing that is not so."""
        self._slow.stop()
        self._told = self._settings
        self._pictured = -1
        self._looked = ()
        form = self._form
        if form.layer_combo.layer is None:
            self.preview.remove()
        else:
            self.preview.hide()
        form.pictures.show_picture(None)
        form.show_plan("")
        self._show_words("")
        # A length that only the user knows is a question, not a mistake.
        is_question = kind == "error" and form.calibration.is_marked
        form.message.show_text(in_panel_words(text), "warning" if is_question else kind)

    def _show_words(self, text: str) -> None:
        self._form.preview_words.setText(text)

    def _show_image(self) -> None:
        """Say what the axes mean and what is known of the pixels; what is wrong is said by the plan."""
        form = self._form
        try:
            image = image_of(form)
        except RestorationError:
            form.axes_row.show_problem()
            form.calibration.show_image(None)
            return
        form.axes_row.show_words(image.axes, image.shape)
        form.calibration.show_image(image)

    def _on_preview_toggled(self, is_on: bool) -> None:
        self._is_resting = False
        self._looked = ()
        if not is_on:
            self.preview.remove()
            self._show_words("")
        self.task.ask()

    def _on_view_moved(self, event: Any = None) -> None:
        if self._is_open and not self._is_resting and self._form.preview_box.isChecked():
            self.task.ask()

    def _on_layer_changed(self) -> None:
        layer = self._form.layer_combo.layer
        if self._listened is not None:
            for name in _PLACE_EVENTS:
                getattr(self._listened.events, name).disconnect(self._on_layer_edited)
        self._listened = layer
        self.degrading = None
        self._form.calibration.forget()
        guess = ""
        if layer is not None:
            for name in _PLACE_EVENTS:
                getattr(layer.events, name).connect(self._on_layer_edited)
            try:
                guess = guess_layer_axes(layer)
            except InputError:
                guess = ""  # the plan says what is wrong
        self._form.axes_row.show_guess(guess)
        self.settings_changed()

    def _on_layer_edited(self, event: Any = None) -> None:
        """The pixels, or where they lie, are other ones now."""
        self.degrading = None
        self.settings_changed()

    def _on_layer_removed(self, event: Any) -> None:
        if self.preview.layer is not None and event.value is self.preview.layer:
            # The preview was removed by hand. If its image goes too, that was not the point.
            QTimer.singleShot(0, self._switch_off)

    def _switch_off(self) -> None:
        layer = self._form.layer_combo.layer
        if layer is not None and layer in self._viewer.layers and not self.preview.is_there:
            self._form.preview_box.setChecked(False)
