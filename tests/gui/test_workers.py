"""Long work in a thread: every way it can end."""

import subprocess
import sys
import threading
import time
import warnings

import pytest
from qtpy.QtWidgets import QWidget

from napari_restoration.core.progress import Progress, TileDone
from napari_restoration.gui._workers import start_task


class Panel(QWidget):
    """Records what it is told, and in which thread."""

    def __init__(self):
        super().__init__()
        self.calls, self.reports, self.threads = [], [], set()

    def start(self, task):
        self.running = start_task(
            task,
            self,
            on_report=self.on_report,
            on_done=self.on_done,
            on_error=self.on_error,
            on_cancel=self.on_cancel,
            on_finished=self.on_finished,
        )
        return self.running

    def on_report(self, reports):
        self.reports.append(reports)
        self.threads.add(threading.current_thread())

    def on_done(self, result):
        self.calls.append(("done", result))

    def on_error(self, error):
        self.calls.append(("error", error))

    def on_cancel(self):
        self.calls.append(("cancel", None))

    def on_finished(self):
        self.calls.append(("finished", None))
        self.running = None


@pytest.fixture
def panel(qtbot):
    panel = Panel()
    qtbot.addWidget(panel)
    return panel


def count_to(total, pause=0.0, log=None):
    try:
        for done in range(1, total + 1):
            time.sleep(pause)
            yield Progress(done=done, total=total)
        return total
    finally:
        if log is not None:
            log.append("closed")


def over(panel):
    return lambda: panel.running is None


def test_reports_and_result_arrive_in_the_main_thread_in_order(panel, qtbot):
    panel.start(count_to(50))
    qtbot.waitUntil(over(panel))
    assert [report.done for reports in panel.reports for report in reports] == list(range(1, 51))
    assert panel.calls == [("done", 50), ("finished", None)]
    assert panel.threads == {threading.main_thread()}


def test_tiles_are_shown_at_most_ten_times_a_second(panel, qtbot):
    def tiles():
        for done in range(300):
            time.sleep(0.001)
            yield TileDone(done=done, total=300, region=())

    started = time.monotonic()
    panel.start(tiles())
    qtbot.waitUntil(over(panel))
    # The first is shown at once, and what is left when the task ends is not held back.
    assert len(panel.reports) <= (time.monotonic() - started) * 10 + 2


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA out of memory"), ValueError("bad"), MemoryError(), KeyError(1)]
)
def test_an_exception_of_any_type_is_handed_over_and_ends_the_run(panel, qtbot, error):
    def task():
        yield Progress(done=1, total=2)
        raise error

    panel.start(task())
    qtbot.waitUntil(over(panel))
    assert panel.calls == [("error", error), ("finished", None)]
    assert len(panel.reports) == 1


def test_cancel_stops_after_the_current_step_and_closes_the_task(panel, qtbot):
    log = []
    running = panel.start(count_to(1000, pause=0.02, log=log))
    qtbot.waitUntil(lambda: bool(panel.reports))
    running.cancel()
    asked = time.monotonic()
    assert running.wait(5)
    assert time.monotonic() - asked < 0.2
    qtbot.waitUntil(over(panel))
    assert panel.calls == [("cancel", None), ("finished", None)]
    assert log == ["closed"]


def test_a_panel_taken_out_of_its_dock_cancels_its_run(panel, qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    panel.setParent(parent)
    panel.start(count_to(1000, pause=0.01))
    panel.setParent(None)
    qtbot.waitUntil(over(panel))
    assert panel.calls[0] == ("cancel", None)


def test_a_panel_that_is_destroyed_stops_its_run(qtbot):
    panel, log = Panel(), []
    running = panel.start(count_to(1000, pause=0.01, log=log))
    future = running._future
    panel.deleteLater()
    qtbot.waitUntil(future.done)
    assert log == ["closed"]


def test_a_warning_in_the_thread_reaches_pythons_own_hook(panel, qtbot):
    def task():
        warnings.warn("pixels are missing", UserWarning, stacklevel=1)
        yield Progress(done=1, total=1)

    def run():
        panel.start(task())
        qtbot.waitUntil(over(panel))

    with pytest.warns(UserWarning, match="pixels are missing"):
        run()


def test_the_interpreter_exits_within_one_step_of_a_running_task(tmp_path):
    script = tmp_path / "quit.py"
    script.write_text(
        """
import sys, time
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication, QWidget
from napari_restoration.core.progress import Progress
from napari_restoration.gui._workers import RunningTask
def task():
    try:
        for done in range(10_000):
            time.sleep(0.02)
            yield Progress(done=done, total=10_000)
    finally:
        print("closed")
application = QApplication(sys.argv)
panel = QWidget()
running = RunningTask(task(), panel)
QTimer.singleShot(200, application.quit)
application.exec()
""",
        encoding="utf-8",
    )
    started = time.monotonic()
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "closed\n", "")
    assert time.monotonic() - started < 10
