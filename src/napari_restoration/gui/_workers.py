"""Long work in a thread, shown in the panel. The only place of the package that makes threads.

A plain thread instead of napari's ``thread_worker``, for three reasons: that one swallows a ``RuntimeError`` (which
is what torch raises when memory runs out), it replaces Python's warning hooks while it runs, which two overlapping
runs leave broken, and every worker stays referenced by its window. Here the thread never touches Qt: it puts
reports on a queue, and a timer of the main thread shows them: messages at once, tiles at most ten times a second.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer, Signal
from qtpy.QtWidgets import QWidget

from napari_restoration.core.progress import Progress, Task, TileDone

REFRESH_S = 0.1
_LOOK_MS = 20


class RunningTask(QObject):
    """A task that runs in a thread of its own and reports to the main thread.

    Exactly one of `returned`, `failed` and `cancelled` is emitted, and after it `finished`. The task is cancelled
    when `owner` leaves its dock or is destroyed, and when the interpreter ends.

    Parameters
    ----------
    task : generator
        Yields `Progress`, returns the result. It runs outside the main thread and must not touch Qt or napari.
    owner : QWidget
        The panel that shows it.
    """

    reported = Signal(object)
    """list of Progress since the last time; tiles alone at most ten times a second."""
    returned = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    finished = Signal()

    def __init__(self, task: Task[Any], owner: QWidget) -> None:
        super().__init__(owner)
        self._stop = threading.Event()
        self._reports: deque[Progress] = deque()
        self._is_over = False
        self._shown = 0.0
        # Stops the thread even when this object is gone, so the slot must not belong to it.
        owner.destroyed.connect(self._stop.set)
        owner.installEventFilter(self)
        self._owner = owner
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._show)
        self._future: Future[Any] = Future()
        # Not a daemon: Python joins it when it exits, and it ends then within one tile.
        threading.Thread(
            target=_work, args=(self._future, task, self._stop, self._reports), name="napari-restoration"
        ).start()
        self._timer.start()

    @property
    def is_running(self) -> bool:
        """Whether `finished` is still to come."""
        return not self._is_over

    @property
    def is_cancelled(self) -> bool:
        """Whether it was told to stop."""
        return self._stop.is_set()

    def cancel(self) -> None:
        """Stop after the current tile."""
        self._stop.set()

    def wait(self, seconds: float) -> bool:
        """Wait for the thread, without showing anything; true if it has ended."""
        end = time.monotonic() + seconds
        while not self._future.done() and time.monotonic() < end:
            time.sleep(0.005)
        return self._future.done()

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Cancel when the panel is taken out of its dock, which closes and destroys nothing."""
        if event is not None and event.type() == QEvent.Type.ParentChange and self._owner.parent() is None:
            self.cancel()
        return super().eventFilter(watched, event)

    def _show(self) -> None:
        is_done = self._future.done()  # asked first: nothing is reported after it
        if self._reports and (is_done or self._is_due()):
            self._shown = time.monotonic()
            self.reported.emit([self._reports.popleft() for _ in range(len(self._reports))])
        if is_done and not self._is_over:
            self._end()

    def _is_due(self) -> bool:
        # Each repaint of a layer costs some 30 ms where there is no GPU.
        if time.monotonic() - self._shown >= REFRESH_S:
            return True
        return any(not isinstance(report, TileDone) for report in tuple(self._reports))

    def _end(self) -> None:
        self._is_over = True
        self._timer.stop()
        self._owner.removeEventFilter(self)
        self._owner.destroyed.disconnect(self._stop.set)
        error = self._future.exception()
        if error is not None:
            self.failed.emit(error)
        elif self._future.result() is _CANCELLED:
            self.cancelled.emit()
        else:
            self.returned.emit(self._future.result())
        self.finished.emit()
        self.deleteLater()


def start_task(
    task: Task[Any],
    owner: QWidget,
    *,
    on_report: Callable[[list[Progress]], None],
    on_done: Callable[[Any], None],
    on_error: Callable[[BaseException], None],
    on_cancel: Callable[[], None],
    on_finished: Callable[[], None],
) -> RunningTask:
    """Start a task in a thread.

    Parameters
    ----------
    task : generator
        The work.
    owner : QWidget
        The panel; its callbacks must be bound methods of it, so that Qt drops them with it.
    on_report, on_done, on_error, on_cancel, on_finished : callable
        Connected to the signals of `RunningTask`.

    Returns
    -------
    RunningTask
        To cancel it.
    """
    running = RunningTask(task, owner)
    running.reported.connect(on_report)
    running.returned.connect(on_done)
    running.failed.connect(on_error)
    running.cancelled.connect(on_cancel)
    running.finished.connect(on_finished)
    return running


_CANCELLED = object()


def _work(future: Future[Any], task: Task[Any], stop: threading.Event, reports: deque[Progress]) -> None:
    """Pull a task until it ends or is stopped; what the thread runs."""
    try:
        future.set_result(_drive(task, stop, reports))
    except BaseException as error:  # noqa: BLE001 - whatever goes wrong is told by the panel, not lost in a thread
        future.set_exception(error)


def _drive(task: Task[Any], stop: threading.Event, reports: deque[Progress]) -> Any:
    try:
        # When Python exits it first marks the main thread as over, then joins this one: the last call to stop.
        while not stop.is_set() and threading.main_thread().is_alive():
            try:
                reports.append(next(task))
            except StopIteration as end:
                return end.value
        return _CANCELLED
    finally:
        task.close()
