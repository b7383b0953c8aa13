"""What comes before a training: pairs are checked, findings shown, and the run's folder filled."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, Signal
from qtpy.QtWidgets import QWidget

from napari_restoration.core.errors import RestorationError
from napari_restoration.core.progress import Notice, Progress, Task
from napari_restoration.gui._error_words import error_words
from napari_restoration.gui._message import in_panel_words
from napari_restoration.gui._remembered import remembering
from napari_restoration.gui._train_form import TrainForm
from napari_restoration.gui._train_orders import make_job, source_of
from napari_restoration.gui._train_runs import (
    Checked,
    Prepared,
    TrainJob,
    TrainSource,
    check,
    left_errors,
    prepare,
)
from napari_restoration.gui._workers import RunningTask, start_task

if TYPE_CHECKING:
    from napari_restoration.tasks.train_order import TrainOrder


class TrainPreparer(QObject):
    """Checks and prepares in a thread; whether training may start is decided here.

    Parameters
    ----------
    form : TrainForm
        The controls.
    choices : callable
        Gives what is to be remembered.
    owner : QWidget
        The widget in the dock; when it goes, the work stops.
    """

    finished = Signal()

    def __init__(self, form: TrainForm, choices: Callable[[], dict[str, Any]], owner: QWidget) -> None:
        super().__init__(owner)
        self._form, self._choices, self._owner = form, choices, owner
        self.running: RunningTask | None = None
        self.ready: tuple[TrainOrder, TrainSource] | None = None
        """What training is to start with when `finished` is emitted."""
        self._checked: Checked | None = None
        self._job: TrainJob | None = None
        form.progress.cancel_clicked.connect(self.cancel)
        form.sources.changed.connect(self._on_source_changed)
        form.doctor.changed.connect(self._tell_left)

    def check(self) -> None:
        """Look for what is wrong with the pairs."""
        self._start(self._check_task, "Looking at the pairs", self._on_checked)

    def prepare(self) -> None:
        """Check the images and put all that the training needs into its folder."""
        self._start(self._prepare_task, "Preparing", self._on_prepared)

    def cancel(self) -> None:
        """Stop after the current pair."""
        if self.running is not None:
            self.running.cancel()
            self._form.progress.show_cancelling()

    def tell_error(self, text: str) -> None:
        """Say what went wrong, in the panel and as napari does."""
        from napari.utils.notifications import show_error

        text = in_panel_words(text)
        self._form.message.show_text(text, "error")
        show_error(text)

    def _start(self, make: Callable[[], Task[Any]], doing: str, on_done: Callable[[Any], None]) -> None:
        form = self._form
        form.message.clear()
        form.advanced.show_command("")
        self.ready = None
        try:
            task = make()
        except RestorationError as error:
            self.tell_error(str(error))
            return
        form.set_running(True)
        form.progress.step = "pair"
        form.progress.cancel_button.setToolTip("Stop after the current pair. Nothing is kept.")
        form.progress.start(doing)
        self.running = start_task(
            remembering(task, self._choices(), "train"),
            self._owner,
            on_report=self._on_reports,
            on_done=on_done,
            on_error=self._on_error,
            on_cancel=self._on_cancel,
            on_finished=self._on_finished,
        )

    def _check_task(self) -> Task[Checked]:
        return check(source_of(self._form))

    def _prepare_task(self) -> Task[Prepared]:
        self._job = make_job(self._form, self._checked)
        return prepare(self._job)

    def _on_reports(self, reports: list[Progress]) -> None:
        if self.running is None or self.running.is_cancelled:
            return
        report = reports[-1]
        if report.total and not isinstance(report, Notice):
            doing = "Writing" if report.message.startswith(("Writing", "Wrote")) else "Looking at the pairs"
            self._form.progress.advance(report, doing)
        elif report.message and not isinstance(report, Notice):
            self._form.progress.announce(report.message)

    def _on_checked(self, checked: Checked) -> None:
        self._show(checked)
        if not checked.report.findings:
            count = len(checked.report.pairs)
            words = "1 pair is checked" if count == 1 else f"{count} pairs are checked"
            self._form.message.show_text(f"{words}: nothing is wrong.")

    def _on_prepared(self, prepared: Prepared) -> None:
        if prepared.checked is not None:
            self._show(prepared.checked)
        if prepared.order is not None and self._job is not None:
            self.ready = (prepared.order, self._job.source)

    def _show(self, checked: Checked) -> None:
        self._checked = checked
        self._form.doctor.show_report(checked.report)
        self._tell_left()
        self._form.show_findings()

    def _tell_left(self) -> None:
        """Say why training does not start, where errors are left."""
        form, report = self._form, self._form.doctor.report
        left = left_errors(report, form.doctor.fixes) if report is not None else []
        if left:
            what = "an error" if len(left) == 1 else f"{len(left)} errors"
            can = "choose how to fix it" if len(left) == 1 else "choose how to fix them"
            if not all(one.fix for one in left):
                can = "remove these pairs, or take the images again"
            form.message.show_text(f"Training cannot start with {what} in the pairs: {can}.", "error")
        elif form.message.kind == "error":
            form.message.clear()

    def _on_source_changed(self) -> None:
        """Findings about other pairs are gone with them."""
        if self._checked is None or self.running is not None:
            return
        try:
            if self._checked.source.is_same(source_of(self._form)):
                return
        except RestorationError:
            pass
        self._checked = None
        self._form.doctor.clear()
        self._form.message.clear()

    def _on_error(self, error: BaseException) -> None:
        memory = "The memory does not suffice for these images: cut the stacks into parts."
        self.tell_error(error_words(error, "Preparing", memory=memory))

    def _on_cancel(self) -> None:
        self._form.message.show_text("Cancelled. Nothing was written.")

    def _on_finished(self) -> None:
        self.running = None
        self._form.progress.finish()
        self._form.set_running(False)
        self.finished.emit()
