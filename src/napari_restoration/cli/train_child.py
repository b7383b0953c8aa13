"""``napari-restoration train --reports``: what another program that started the training reads and writes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from typing import TextIO

from napari_restoration.cli.messages import DONE, INTERRUPTED, exit_code, is_foreseen, sentence
from napari_restoration.core.progress import Progress, Task
from napari_restoration.tasks.train_control import TrainingControl, TrainingSaved, follow
from napari_restoration.tasks.train_end import is_first_process
from napari_restoration.tasks.train_reports import Failed, Trained, TrainingResult, to_line

_NICE = 5


def run_reporting(make_task: Callable[[TrainingControl], Task[TrainingResult]]) -> int:
    """Train, with one JSON object a line on standard output, and words on standard input, until that ends.

    Parameters
    ----------
    make_task : callable
        Makes the task that follows a control.

    Returns
    -------
    int
        Exit status.
    """
    _leave_room()
    control = TrainingControl()
    if not is_first_process():  # of several: another one speaks and listens
        return _run(make_task(control), lambda _: None)
    # Ctrl-C in the terminal of the program that started this one is for that program.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    words, reports = _own_pipes()
    if words is not None:
        lines = _lines(words)
        threading.Thread(target=follow, args=(lines, control), name="wishes", daemon=True).start()

    def send(report: Progress) -> None:
        # Whoever reads is gone: save and end.
        try:
            reports.write(to_line(report) + "\n")
            reports.flush()
        except (OSError, ValueError):
            control.quit()

    send(Progress(done=0, total=0, message="loading"))
    return _run(make_task(control), send)


def _run(task: Task[TrainingResult], send: Callable[[Progress], None]) -> int:
    with closing(task):
        try:
            while True:
                send(next(task))
        except StopIteration as end:
            result: TrainingResult = end.value
            send(Trained(done=result.steps, total=result.steps, result=result))
            return DONE
        except TrainingSaved as saved:
            send(Failed.of(saved, str(saved)))
            return INTERRUPTED
        except Exception as error:  # noqa: BLE001 - the last stop: the other program gets a sentence
            if not is_foreseen(error):
                traceback.print_exc()
            send(Failed.of(error, sentence(error)))
            return exit_code(error)


def _own_pipes() -> tuple[int | None, TextIO]:
    """Standard input, if there is one, and output for this protocol alone.

    What libraries print goes to standard error. Nothing else may hold standard input while a thread waits for it:
    on Windows loading a library that looks at it would hang.
    """
    sys.stdout.flush()
    reports = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    try:
        words = os.dup(0)
    except OSError:
        return None, reports
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return words, reports


def _lines(descriptor: int) -> Iterator[str]:
    """Lines as they come. A buffered reader in a waiting thread would end the interpreter with an error."""
    rest = b""
    with suppress(OSError):
        while chunk := os.read(descriptor, 4096):
            *whole, rest = (rest + chunk).split(b"\n")
            yield from (line.decode("utf-8", "replace") for line in whole)


def _leave_room() -> None:
    """Windows and other programs go first where the computer is busy."""
    import psutil

    with suppress(psutil.Error, OSError):
        process = psutil.Process()
        # Windows has classes instead of numbers.
        below = getattr(psutil, "BELOW_NORMAL_PRIORITY_CLASS", None)
        process.nice(below if below is not None else max(_NICE, process.nice()))
