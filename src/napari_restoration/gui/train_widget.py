"""The Train widget: choose images, a network and a time; see it learn; use the new model in Restore."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QApplication, QSizePolicy, QVBoxLayout, QWidget

from napari_restoration.core.errors import RestorationError
from napari_restoration.gui._remembered import recall
from napari_restoration.gui._train_form import TrainForm
from napari_restoration.gui._train_orders import make_job
from napari_restoration.gui._train_preparer import TrainPreparer
from napari_restoration.gui._train_session import TrainSession
from napari_restoration.gui._training_panel import TrainingPanel
from napari_restoration.gui._unfinished_runs import UnfinishedRuns
from napari_restoration.gui._workers import RunningTask
from napari_restoration.gui.restore_widget import RestoreWidget

if TYPE_CHECKING:
    import napari.viewer

    from napari_restoration.tasks.train_order import UnfinishedRun
    from napari_restoration.tasks.train_reports import ModelWritten, TrainingResult

_MOST_REMEMBERED = 20


class TrainWidget(QWidget):
    """Trains models on the user's own images. Opening it loads neither torch nor a model.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        The viewer it works on.
    """

    def __init__(self, napari_viewer: napari.viewer.Viewer) -> None:
        super().__init__()
        self._viewer = napari_viewer
        self._own_runs: list[str] = []  # in folders that the person chose
        self.form = form = TrainForm(napari_viewer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(form)
        # napari pushes panels upwards that do not ask for the room; this one scrolls and takes it.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.panel = TrainingPanel(napari_viewer, self)
        self.unfinished = UnfinishedRuns(self)
        form.add_on_top(self.unfinished)
        form.add_on_top(self.panel)
        self.panel.hide()
        self.preparer = TrainPreparer(form, self._choices, self)
        self.session = TrainSession(self.panel, self)
        self._restore_choices(recall("train"))
        self._connect()
        self._on_theme_changed()
        self._show_unfinished()

    @property
    def running(self) -> RunningTask | None:
        """The check, the preparation or the training that runs."""
        return self.preparer.running or self.session.running

    def choose(self, layer: Any) -> None:
        """Learn from a layer, as a menu or a script would say."""
        sources = self.form.sources
        if sources.is_good:
            sources.good.tick_only(layer)
            return
        sources.choose("layers")
        sources.pairs.choose_input(layer)

    def check(self) -> None:
        """Look for what is wrong with the pairs."""
        if self.running is None:
            self.preparer.check()

    def train(self) -> None:
        """Check the images and, if nothing is wrong with them, train."""
        if self.running is None:
            self.preparer.prepare()

    def cancel(self) -> None:
        """Stop a check or a preparation; save and end a training."""
        self.preparer.cancel()
        self.session.end()

    def resume(self, run: Path) -> None:
        """Go on with a run that was stopped."""
        if self.running is not None:
            return
        known = {one.folder: one for one in self._find_unfinished()}.get(run)
        if known is None or known.is_locked:
            self._show_unfinished()
            self.preparer.tell_error(
                f"{run} cannot go on now: it is gone, or something trains into it already."
            )
            return
        self._train(["--resume", str(run)], run=run, title=known.model, minutes=known.minutes)

    def discard(self, run: Path) -> None:
        """Delete a run that was stopped."""
        from napari_restoration.tasks.train_order import discard_run

        try:
            discard_run(run)
        except RestorationError as error:
            self.preparer.tell_error(str(error))
        self._show_unfinished()

    def restore_with(self, model: str) -> None:
        """Open Restore with a model chosen."""
        from napari_restoration.gui._commands import open_restore_widget
        from napari_restoration.models.registry import find_card

        try:
            card = find_card(model)[0]
        except RestorationError as error:
            self.preparer.tell_error(str(error))
            return
        open_restore_widget(self._viewer).choose(task=card.task, model=card.id)

    def copy_command(self) -> None:
        """Copy the command line that does what Train does."""
        form = self.form
        try:
            job = make_job(form, None)
        except RestorationError as error:
            self.preparer.tell_error(str(error))
            return
        form.copied_run = job.order.name, job.order.run
        command = job.order.command()
        if (clipboard := QApplication.clipboard()) is not None:
            clipboard.setText(command)
        form.advanced.show_command(command)
        is_written = job.source.folder is None or job.preset is not None
        words = " It names files of the run, which Train writes when it is pressed." if is_written else ""
        form.message.show_text(f"The command is copied.{words}")

    def showEvent(self, event: QShowEvent | None) -> None:
        """Offer what has come meanwhile: presets, models, unfinished runs."""
        super().showEvent(event)
        if self.running is None:
            self.form.sources.good.refresh_presets()
            self.form.start.refresh()
            self._show_unfinished()

    def _connect(self) -> None:
        form, session = self.form, self.session
        form.check_button.clicked.connect(self.check)
        form.train_button.clicked.connect(self.train)
        form.advanced.copy_clicked.connect(self.copy_command)
        self.preparer.finished.connect(self._on_prepared)
        self.panel.restore_clicked.connect(self.restore_with)
        self.unfinished.resume_clicked.connect(self.resume)
        self.unfinished.discard_clicked.connect(self.discard)
        session.model_written.connect(self._on_model_written)
        session.trained.connect(self._on_trained)
        session.failed.connect(self.preparer.tell_error)
        session.finished.connect(self._on_session_finished)
        self._viewer.events.theme.connect(self._on_theme_changed)

    def _on_prepared(self) -> None:
        if self.preparer.ready is None:
            return
        order, source = self.preparer.ready
        self._own_runs = self._runs()
        self.form.advanced.run.line.clear()  # the next run needs another folder
        self._train(
            order.arguments(),
            run=order.run,
            title=order.name,
            minutes=None if order.epochs is not None else order.minutes,
            scale_um=source.pixel_size_um,
        )

    def _train(
        self,
        arguments: list[str],
        *,
        run: Path,
        title: str,
        minutes: float | None,
        scale_um: float | None = None,
    ) -> None:
        self.form.message.clear()
        self.form.set_training(True)
        self.unfinished.hide()
        self.panel.show()
        self.session.start(arguments, run=run, title=title, minutes=minutes, scale_um=scale_um)
        self.form.scroll_area.ensureWidgetVisible(self.panel)

    def _on_model_written(self, report: ModelWritten) -> None:
        if not report.final:
            self._refresh_models(report.model, is_chosen=False)

    def _on_trained(self, result: TrainingResult) -> None:
        self._refresh_models(result.model)

    def _refresh_models(self, model: str, *, is_chosen: bool = True) -> None:
        """List a new model in every Restore panel of the viewer and choose it for its task; the task stays."""
        from napari_restoration.models.registry import find_card

        try:
            task = find_card(model)[0].task
        except RestorationError:
            return  # it is in the run's folder alone
        for widget in self._viewer.window.dock_widgets.values() if hasattr(self._viewer, "window") else ():
            if not isinstance(widget, RestoreWidget):
                continue
            if is_chosen:
                widget.form.models.prefer(task, model)
            else:
                widget.form.models.refresh()

    def _on_session_finished(self) -> None:
        self.form.set_training(False)
        self.form.start.refresh()
        self.form.forget_name()
        self._show_unfinished()

    def _find_unfinished(self) -> list[UnfinishedRun]:
        from napari_restoration.tasks.train_order import unfinished_runs

        return unfinished_runs(Path(run) for run in self._own_runs)

    def _show_unfinished(self) -> None:
        self.unfinished.show_runs(self._find_unfinished())

    def _on_theme_changed(self, event: Any = None) -> None:
        self.form.follow_theme(self._viewer.theme)

    def _runs(self) -> list[str]:
        """Folders of runs that the person chose, with the one that is chosen now."""
        chosen = self.form.advanced.folders()[1]
        return [*([str(chosen)] if chosen is not None else []), *self._own_runs][:_MOST_REMEMBERED]

    def _choices(self) -> dict[str, Any]:
        return {**self.form.choices(), "runs": self._runs()}

    def _restore_choices(self, choices: dict[str, Any]) -> None:
        self.form.restore_choices(choices)
        if isinstance(runs := choices.get("runs"), list):
            self._own_runs = [str(run) for run in runs]
