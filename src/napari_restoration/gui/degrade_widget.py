"""The Degrade widget: choose a good image and a microscope, see what it makes of it, keep it, write training pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent
from qtpy.QtGui import QHideEvent, QShowEvent
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.core.errors import RestorationError
from napari_restoration.core.progress import Notice, Progress, Task
from napari_restoration.gui._degrade_form import DegradeForm
from napari_restoration.gui._degrade_live import add_result
from napari_restoration.gui._degrade_look import LiveLook
from napari_restoration.gui._degrade_orders import make_order, make_pairs_order
from napari_restoration.gui._degrade_runs import Made, run_apply, run_pairs
from napari_restoration.gui._error_words import error_words
from napari_restoration.gui._match_panel import MatchPanel
from napari_restoration.gui._message import in_panel_words
from napari_restoration.gui._remembered import recall, remembering
from napari_restoration.gui._workers import RunningTask, start_task

if TYPE_CHECKING:
    import napari.viewer
    from napari.layers import Image

    from napari_restoration.degradations.presets import Preset
    from napari_restoration.tasks.pairs import PairsReport


class DegradeWidget(QWidget):
    """Degrades image layers by the physics of a microscope.

    Further panels find their place with ``form.add_section(title, widget)``; a preset that one of them has found is
    shown by `take_preset`.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it works on.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self.form = DegradeForm(napari_viewer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        # napari pushes panels upwards that do not ask for the room; this one scrolls and takes it.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.running: RunningTask | None = None
        self._source: Image | None = None
        self._folder = ""
        self._done = 0
        self._is_hidden = False
        form = self.form
        form.restore_choices(recall("degrade"))
        self.look = LiveLook(napari_viewer, form, self)
        self.match = MatchPanel(napari_viewer, form.presets.value, owner=self)
        self.match_section = form.add_section("Match my microscope…", self.match)
        self.match.preset_found.connect(self.take_preset)
        form.apply_button.clicked.connect(self.apply)
        form.pairs.write_clicked.connect(self.write_pairs)
        form.progress.cancel_clicked.connect(self.cancel)
        napari_viewer.events.theme.connect(self._on_theme_changed)
        self._on_theme_changed()

    @property
    def layer(self) -> Image | None:
        """The layer to degrade."""
        return self.form.layer_combo.layer

    def choose(self, layer: Any = None, preset: str | None = None) -> None:
        """Set the image and the preset, as a menu or a script would; what is not given stays."""
        if layer is not None:
            self.form.layer_combo.choose(layer)
        if preset is not None:
            self.form.presets.choose(preset)
            self.form.changed.emit()

    def take_preset(self, preset: Preset) -> None:
        """Show a preset that another panel has found, such as a match to the user's own images."""
        self.form.presets.set_value(preset)
        self.form.changed.emit()

    def apply(self) -> None:
        """Degrade the whole image into new layers."""
        self._start(self._apply_task, "Preparing", "Stop after the current plane. Nothing is kept.")

    def write_pairs(self) -> None:
        """Write training pairs into the chosen folder."""
        self._start(self._pairs_task, "Preparing", "Stop after the current pair. Whole pairs stay.")

    def cancel(self) -> None:
        """Stop after the current step."""
        if self.running is not None:
            self.running.cancel()
            self.form.progress.show_cancelling()

    def event(self, event: QEvent | None) -> bool:
        """Leave no preview behind when the panel is taken out of its dock, which closes and destroys nothing."""
        is_handled = super().event(event)
        if event is not None and event.type() == QEvent.Type.ParentChange:
            self.look.set_open(self.parent() is not None)
        return is_handled

    def hideEvent(self, event: QHideEvent | None) -> None:
        """Work for nobody behind another panel."""
        super().hideEvent(event)
        self._is_hidden = True
        self._hold_or_release()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Catch up."""
        super().showEvent(event)
        self._is_hidden = False
        self._hold_or_release()

    def _hold_or_release(self) -> None:
        self.look.set_held(self._is_hidden or self.running is not None)

    def _start(self, make: Callable[[], Task[Any]], doing: str, if_cancelled: str) -> None:
        if self.running is not None:
            return
        try:
            task = make()
        except RestorationError as error:
            self._tell_error(str(error))
            return
        form = self.form
        form.message.clear()
        form.set_running(True)
        form.progress.cancel_button.setToolTip(if_cancelled)
        form.progress.start(doing)
        self._done = 0
        self.look.begin_run()
        self.running = start_task(
            remembering(task, form.choices(), "degrade"),
            self,
            on_report=self._on_reports,
            on_done=self._on_done,
            on_error=self._on_error,
            on_cancel=self._on_cancel,
            on_finished=self._on_finished,
        )
        self._hold_or_release()

    def _apply_task(self) -> Task[Made]:
        from napari_restoration.tasks.degrade import plan_degrade

        order = make_order(self.form, self.look.degrading)
        plan = plan_degrade(order.image, order.preset, order.settings)
        self.form.progress.step = "volume" if plan.is_volume else "plane"
        self._source, self._folder = self.layer, ""
        return run_apply(order)

    def _pairs_task(self) -> Task[PairsReport]:
        order = make_pairs_order(self._viewer, self.form)
        self.form.progress.step = "pair"
        self._source, self._folder = None, str(order.folder)
        return run_pairs(order)

    def _on_reports(self, reports: list[Progress]) -> None:
        counted = [report for report in reports if report.total and not isinstance(report, Notice)]
        if counted:
            self._done = counted[-1].done
        if self.running is None or self.running.is_cancelled:
            return
        if counted:
            self.form.progress.advance(counted[-1], "Writing" if self._folder else "Degrading")
        elif reports[-1].message and not isinstance(reports[-1], Notice):
            self.form.progress.announce(reports[-1].message)

    def _on_done(self, result: Made | PairsReport) -> None:
        if not isinstance(result, Made):
            done = (
                f"Wrote {len(result.pairs)} {_pairs(len(result.pairs))} into {result.folder}: input/ and target/, "
                f"every draw in {result.record.name}."
            )
            self._tell_end(done, result.notices)
            return
        if self._source is not None:
            self.look.end_with_result()
            with self.form.layer_combo.pinned():
                add_result(self._viewer, self._source, result)
        self._tell_end(f"Degraded in {result.seconds:.1f} s.", result.result.notices)

    def _tell_end(self, done: str, notices: tuple[str, ...]) -> None:
        self.form.message.show_text(" ".join([done, *notices]), "warning" if notices else "info")

    def _on_cancel(self) -> None:
        text = "Cancelled."
        if self._folder:
            kept = f"{self._done} whole {_pairs(self._done)}" if self._done else "No pair"
            text = f"Cancelled. {kept} {'is' if self._done < 2 else 'are'} in {self._folder}."
        self.form.message.show_text(text)

    def _on_error(self, error: BaseException) -> None:
        memory = "The memory does not suffice for the result: cut the stack into parts."
        self._tell_error(error_words(error, "Degrading", memory=memory))

    def _on_finished(self) -> None:
        self.running = None
        self._source = None
        self.form.progress.finish()
        self.form.set_running(False)
        self._hold_or_release()

    def _on_theme_changed(self, event: Any = None) -> None:
        self.form.follow_theme(self._viewer.theme)

    def _tell_error(self, text: str) -> None:
        from napari.utils.notifications import show_error

        text = in_panel_words(text)
        self.form.message.show_text(text, "error")
        show_error(text)


def _pairs(count: int) -> str:
    return "pair" if count == 1 else "pairs"
