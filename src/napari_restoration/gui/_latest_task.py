"""The latest of many wishes: one task at a time, started when wishes pause, dropped when a newer one comes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QObject, QTimer
from qtpy.QtWidgets import QWidget

from napari_restoration.core.progress import Progress, Task
from napari_restoration.gui._workers import RunningTask, start_task

PAUSE_MS = 80


class LatestTask(QObject):
    """Runs what was wished last.

    Parameters
    ----------
    owner : QWidget
        The panel; its end ends the task.
    make : callable
        Makes the task when it is time; ``None`` if there is nothing to do.
    on_report, on_done, on_error : callable
        As those of `start_task`, but never called for a wish that is outdated.
    """

    def __init__(
        self,
        owner: QWidget,
        make: Callable[[], Task[Any] | None],
        *,
        on_report: Callable[[list[Progress]], None],
        on_done: Callable[[Any], None],
        on_error: Callable[[BaseException], None],
    ) -> None:
        super().__init__(owner)
        self._owner, self._make = owner, make
        self._callbacks = on_report, on_done, on_error
        self.running: RunningTask | None = None
        self._is_wished = False
        self._is_held = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PAUSE_MS)
        self._timer.timeout.connect(self._start)

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing runs and nothing is wished."""
        return self.running is None and not self._is_wished

    def ask(self) -> None:
        """Wish for the task, as things will stand after a short pause."""
        self._is_wished = True
        if self.running is not None:
            self.running.cancel()
        if not self._is_held:
            self._timer.start()

    def hold(self) -> None:
        """Start nothing until `release`; what runs is dropped and counts as wished again."""
        self._is_held = True
        self._timer.stop()
        if self.running is not None:
            self._is_wished = True
            self.running.cancel()

    def release(self) -> None:
        """Start again what was wished meanwhile."""
        self._is_held = False
        if self._is_wished:
            self._timer.start()

    def _start(self) -> None:
        if self.running is not None or self._is_held:
            return  # the end of what runs, or the release, comes back here
        self._is_wished = False
        task = self._make()
        if task is None:
            return
        self.running = start_task(
            task,
            self._owner,
            on_report=self._on_report,
            on_done=self._on_done,
            on_error=self._on_error,
            on_cancel=self._on_cancel,
            on_finished=self._on_finished,
        )

    @property
    def _is_outdated(self) -> bool:
        return self.running is None or self.running.is_cancelled

    def _on_report(self, reports: list[Progress]) -> None:
        if not self._is_outdated:
            self._callbacks[0](reports)

    def _on_done(self, result: Any) -> None:
        if not self._is_outdated:
            self._callbacks[1](result)

    def _on_error(self, error: BaseException) -> None:
        if not self._is_outdated:
            self._callbacks[2](error)

    def _on_cancel(self) -> None:
        pass  # a newer wish is on its way, or the panel is closed

    def _on_finished(self) -> None:
        self.running = None
        if self._is_wished and not self._timer.isActive():
            self._start()
