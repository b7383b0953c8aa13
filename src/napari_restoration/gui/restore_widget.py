"""The Restore widget: choose an image and a model, preview, restore, watch tiles arrive, cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_restoration.core.errors import InputError, RestorationError
from napari_restoration.core.progress import Notice, Progress, Task, TileDone
from napari_restoration.gui import _runs
from napari_restoration.gui._diagnosis import Diagnoser
from napari_restoration.gui._error_words import error_words
from napari_restoration.gui._form import RestoreForm
from napari_restoration.gui._layers import (
    file_problem,
    full_resolution,
    guess_layer_axes,
    is_restorable,
    layer_to_image,
)
from napari_restoration.gui._live import LivePreview, LiveResult
from napari_restoration.gui._look import scrolled
from napari_restoration.gui._remembered import recall, remembering
from napari_restoration.gui._trust_overlay import Restored, Trusted
from napari_restoration.gui._view import centre_of, drawn_region, shapes_layers, shown_index, visible_region
from napari_restoration.gui._workers import RunningTask, start_task
from napari_restoration.tasks.layout import plan_layout
from napari_restoration.tasks.results import Preview, PreviewTile, RestorationResult
from napari_restoration.tasks.trust_result import TrustProgress

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

    from napari_restoration.models.card import ModelCard
    from napari_restoration.tasks.restoration import Restoration


class RestoreWidget(QWidget):
    """Restores image layers. Opening it loads neither torch nor a model.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it works on.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.form = RestoreForm(napari_viewer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scrolled(self.form))
        self.running: RunningTask | None = None
        self.diagnoser = Diagnoser(self, self.form, napari_viewer)
        self._source: Image | None = None
        self._listened: Image | None = None
        self._restoration: Restoration | None = None
        self._result: LiveResult | None = None
        self._preview = LivePreview(napari_viewer)
        self._notices: list[str] = []
        self.form.restore_choices(recall("restore"))
        form = self.form
        form.layer_combo.layer_changed.connect(self._on_layer_changed)
        for part in (form.axes_row, form.models, form.parameters, form.frames_row, form.advanced):
            part.changed.connect(self._show_plan)
        form.preview_button.clicked.connect(self.preview)
        form.restore_button.clicked.connect(self.restore)
        form.progress.cancel_clicked.connect(self.cancel)
        napari_viewer.events.theme.connect(self._on_theme_changed)
        self._on_theme_changed()
        napari_viewer.layers.events.inserted.connect(self._on_layers_changed)
        napari_viewer.layers.events.removed.connect(self._on_layers_changed)
        self._on_layers_changed()
        self._on_layer_changed()

    @property
    def layer(self) -> Image | None:
        """The layer to restore."""
        return self.form.layer_combo.layer

    def choose(self, layer: Any = None, task: str | None = None, model: str | None = None) -> None:
        """Set the image, task and model, as a menu or a script would; what is not given stays."""
        if layer is not None:
            self.form.layer_combo.choose(layer)
        if task is not None:
            self.form.models.choose(task, model)

    def preview(self) -> None:
        """Restore what the canvas shows, or the drawn rectangle, in place."""
        self._start(is_preview=True)

    def restore(self) -> None:
        """Restore the whole image into a new layer."""
        self._start(is_preview=False)

    def cancel(self) -> None:
        """Stop after the current tile; finished tiles stay."""
        if self.running is not None:
            self.running.cancel()
            self.form.progress.show_cancelling()

    def _start(self, *, is_preview: bool) -> None:
        if self.running is not None or self.diagnoser.running is not None:
            return
        try:
            order = self._make_order(is_preview=is_preview)
        except RestorationError as error:
            self._tell_error(str(error))
            return
        self.form.message.clear()
        self.form.set_running(True)
        self.form.progress.start(_runs.LOADING_TORCH if _runs.needs_torch(order) else "Preparing")
        self._source, self._result, self._notices = self.layer, None, []
        run = _runs.run_preview if is_preview else self.form.trust.added_to(_runs.run_restore)
        task: Task[Any] = run(order)
        self.running = start_task(
            remembering(task, self.form.choices()),
            self,
            on_report=self._on_reports,
            on_done=self._on_done,
            on_error=self._on_error,
            on_cancel=self._on_cancel,
            on_finished=self._on_finished,
        )

    def _make_order(self, *, is_preview: bool) -> _runs.Order:
        layer, card = self._chosen()
        image = layer_to_image(layer, self.form.axes_row.override)
        settings = self.form.settings(layer, card)
        plan_layout(image, card, settings)
        region = None
        if is_preview:
            find = drawn_region if self.form.area.currentData() == "rectangle" else visible_region
            region = find(self._viewer, layer, image.axes)
        try:
            centre = centre_of(region or visible_region(self._viewer, layer, image.axes))
        except InputError:
            centre = None  # the layer is out of sight: any order will do
        at = shown_index(self._viewer, layer, image.axes)
        order = _runs.Order(image=image, card=card, settings=settings, at=at, centre=centre, region=region)
        return order.reuse(self._restoration)

    def _chosen(self) -> tuple[Image, ModelCard]:
        layer, card = self.layer, self.form.models.card
        if layer is None:
            raise InputError(
                "There is no image to restore: open one, or take one from File > Open Sample > Restoration."
            )
        if card is None:
            raise InputError(
                self.form.models.problem or "There is no model for this task: choose another task."
            )
        return layer, card

    def _on_layers_changed(self, event: Any = None) -> None:
        self.form.show_area(bool(shapes_layers(self._viewer)))
        self._let_go()
        if self.running is not None and self._result is not None and not self._result.is_shown:
            self.cancel()

    def _on_theme_changed(self, event: Any = None) -> None:
        self.form.follow_theme(self._viewer.theme)

    def _let_go(self) -> None:
        """Keep no pixels of a layer that has left the viewer."""
        if self._restoration is None or self.running is not None:
            return
        kept = self._restoration.image.data
        if not any(full_resolution(layer) is kept for layer in self._viewer.layers if is_restorable(layer)):
            self._restoration = None

    def _on_layer_changed(self) -> None:
        if self._listened is not None:
            self._listened.events.data.disconnect(self._on_data_replaced)
        self._listened = layer = self.layer
        if layer is not None:
            layer.events.data.connect(self._on_data_replaced)
            try:
                self.form.axes_row.show_guess(guess_layer_axes(layer))
            except InputError:
                self.form.axes_row.show_guess("")
        self._show_plan()

    def _on_data_replaced(self, event: Any = None) -> None:
        self._restoration = None
        self.diagnoser.forget()
        self._on_layer_changed()

    def _show_plan(self) -> None:
        """Say in words what the axes mean and what will be made, or what is wrong with the choice."""
        form, card = self.form, self.form.models.card
        form.offer_what_fits(card)
        form.plan_text.setText("")
        form.axes_row.show_problem()
        try:
            layer, card = self._chosen()
            image = layer_to_image(layer, self.form.axes_row.override)
            form.axes_row.show_words(image.axes, image.shape)
            form.advanced.offer_channels(image.size_of("C"))
            layout = plan_layout(image, card, self.form.settings(layer, card))
        except RestorationError as error:
            form.message.show_text(str(error), "info" if self.layer is None else "error")
            return
        form.plan_text.setText(layout.describe())
        form.domain.look_at(self, image, card, form.advanced.value()["channel"])
        if self.running is None:
            form.message.show_text(f"{file_problem(layer)} {form.models.problem}".strip(), "warning")

    def _on_reports(self, reports: list[Progress]) -> None:
        for report in reports:
            if isinstance(report, _runs.Ready):
                self._restoration = report.restoration
                if report.out is not None and self._source is not None and not self._is_cancelled():
                    with self.form.layer_combo.pinned():
                        self._result = LiveResult(self._viewer, self._source, report.restoration, report.out)
                report.is_shown.set()
            elif isinstance(report, Restored):
                self._on_done(report.result)
                self._preview.remove()
                self._result = None  # whole, whatever becomes of the maps
            elif isinstance(report, Notice):
                self._notices.append(report.message)
                self.form.message.show_text(" ".join(self._notices), "warning")
        if self._result is not None and any(isinstance(report, TileDone) for report in reports):
            self._result.show_tiles(reports)
            self._preview.remove()  # the result shows the same, from the middle of the view outwards
        previews = [report.preview for report in reports if isinstance(report, PreviewTile)]
        if previews and self._source is not None and self._restoration is not None:
            with self.form.layer_combo.pinned():
                self._preview.show_tiles(self._source, self._restoration, previews[-1])
        if not self._is_cancelled():
            self._show_progress(reports[-1])

    def _show_progress(self, report: Progress) -> None:
        if isinstance(report, TileDone) and report.total:
            self.form.progress.advance(report, "Restoring" if self._result is not None else "Preview")
        elif isinstance(report, TrustProgress):
            self.form.progress.advance(report, "Checking")
        elif report.message and not isinstance(report, Notice):
            self.form.progress.announce(report.message)

    def _is_cancelled(self) -> bool:
        return self.running is not None and self.running.is_cancelled

    def _on_done(self, result: RestorationResult | Preview | Trusted) -> None:
        if isinstance(result, Trusted):
            with self.form.layer_combo.pinned():
                self.form.trust.show_maps(self._viewer, self._source, result)
            return
        if isinstance(result, Preview):
            self._preview.finish()
            notices = self._restoration.notices if self._restoration is not None else []
            self.form.message.show_text(" ".join(notices), "warning")
            return
        if self._result is not None:
            self._result.finish(result)
        report = result.report
        done = f"Restored in {report['seconds']:.1f} s on {_runs.device_in_words(report['device'])}."
        told = " ".join([done, *result.notices])
        self.form.message.show_text(told, "warning" if result.notices else "info")

    def _on_cancel(self) -> None:
        self._keep_partial()
        kept = self._result is not None and self._result.is_shown
        self.form.message.show_text(
            "Cancelled. The finished tiles are in the layer marked (partial)." if kept else "Cancelled."
        )

    def _on_error(self, error: BaseException) -> None:
        self._keep_partial()
        rest = "your image is unchanged, so try another device or tile size under Advanced"
        self._tell_error(error_words(error, "Restoring", rest))

    def _keep_partial(self) -> None:
        if self._result is not None:
            self._result.keep_partial()

    def _on_finished(self) -> None:
        self.running = None
        self._source = self._result = None
        self._let_go()
        self.form.progress.finish()
        self.form.set_running(False)

    def _tell_error(self, text: str) -> None:
        from napari.utils.notifications import show_error

        self.form.message.show_text(text, "error")
        show_error(text)
