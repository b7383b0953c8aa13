"""``napari-restoration train`` as a process of its own, driven like any other task."""

from __future__ import annotations

import os
import queue
import shlex
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from napari_restoration.core.errors import InputError, RestorationError
from napari_restoration.core.progress import Progress, Task
from napari_restoration.tasks.train_control import QUIT, TrainingControl, TrainingSaved, new_words
from napari_restoration.tasks.train_reports import Failed, Trained, TrainingResult, from_line

_SECONDS_BETWEEN_REPORTS = 0.5
_SECONDS_TO_SAVE = 20.0
_SECONDS_TO_LEAVE = 3.0  # while libraries and images are loaded there is nothing to save
_SECONDS_TO_DIE = 5.0
_BAD_USAGE = 2  # exit status of wrong arguments
_LAST_WORDS = 2000  # bytes of what a process that failed wrote to its standard error


def iter_train_command(
    arguments: Sequence[str], control: TrainingControl | None = None
) -> Task[TrainingResult]:
    """Run ``napari-restoration train`` with these arguments in a process of its own.

    The process has its own memory and interpreter lock. Where this one dies, the other one notices, saves and ends.

    Parameters
    ----------
    arguments : sequence of str
        What stands behind ``napari-restoration train``, without ``--reports``.
    control : TrainingControl, optional
        Its wishes are passed on.

    Yields
    ------
    Progress
        All that the process reports, see `napari_restoration.tasks.train.iter_train`, and twice a second at least
        something. A task that is closed asks the process to save and end, and waits for that, 20 seconds at most, or 3
        before training begins.

    Returns
    -------
    TrainingResult

    Raises
    ------
    InputError, OutputError, ModelError, RestorationError
        With the sentence that the process gave; also if it was killed.
    TrainingSaved
        If the control wished to quit.
    """
    child = _Child(arguments)
    done = total = 0
    told: set[str] = set()
    ends_by_itself = has_begun = False
    try:
        yield Progress(done=0, total=0, message="starting")
        while True:
            for word in new_words(control, told) if control is not None else ():
                child.tell(word)
            report = child.next_report(_SECONDS_BETWEEN_REPORTS)
            if report is None:
                if not child.has_ended():
                    yield Progress(done=done, total=total)
                    continue
                raise _died(child, arguments, asked_to_quit=QUIT in told)
            ends_by_itself = isinstance(report, (Trained, Failed))
            if isinstance(report, Trained):
                return report.result
            if isinstance(report, Failed):
                raise report.error()
            has_begun |= report.total > 0
            done, total = (report.done, report.total) if report.total else (done, total)
            yield report
    finally:
        child.close(wait=not ends_by_itself, has_begun=has_begun)


def command(arguments: Sequence[str]) -> list[str]:
    """The command line of the process, with this interpreter."""
    # -P: what lies in the present folder must not be imported in place of a library.
    return [_python(), "-P", "-m", "napari_restoration", "train", *arguments, "--reports"]


def run_folder(arguments: Sequence[str]) -> Path | None:
    """The folder that the arguments name for the run."""
    for number, word in enumerate(arguments):
        for option in ("--out", "--resume"):
            if word == option and number + 1 < len(arguments):
                return Path(arguments[number + 1])
            if word.startswith(f"{option}="):
                return Path(word.removeprefix(f"{option}="))
    return None


class _Child:
    """The process, its words to us in a queue, and ours to it."""

    def __init__(self, arguments: Sequence[str]) -> None:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        try:
            self._process = subprocess.Popen(
                command(arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors,
                env=environment, creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )  # fmt: skip
        except OSError as error:
            self._errors.close()
            raise RestorationError(
                f"The process that trains could not be started ({error}); run the command in a terminal."
            ) from error
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        # A thread reads, as a pipe can only be waited for without end on Windows.
        self._reader = threading.Thread(target=self._read, name="training-reports", daemon=True)
        self._reader.start()
        self._at_end = False
        self._patience = _SECONDS_TO_SAVE

    def tell(self, word: str) -> None:
        """Send a word; a process that is gone is noticed elsewhere."""
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):
            self._process.stdin.write(f"{word}\n".encode())
            self._process.stdin.flush()

    def next_report(self, seconds: float) -> Progress | None:
        """The next report; None if there is none within this time, or none any more."""
        while not self._at_end:
            try:
                line = self._lines.get(timeout=seconds)
            except queue.Empty:
                return None
            if line is None:
                self._at_end = True
            else:
                with suppress(ValueError):
                    return from_line(line.decode("utf-8", "replace"))
        return None

    def has_ended(self) -> bool:
        """Whether nothing more will come."""
        return self._at_end

    def last_words(self) -> tuple[int, str]:
        """Exit status, and the end of what it wrote to standard error."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_SECONDS_TO_DIE)
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _LAST_WORDS))
        text = self._errors.read().decode("utf-8", "replace").strip()
        return self._process.returncode or 0, text

    def close(self, *, wait: bool, has_begun: bool) -> None:
        """Let it save and end, but do not wait for ever; where it is done, it needs no one to wait for it."""
        self._patience = _SECONDS_TO_SAVE if has_begun else _SECONDS_TO_LEAVE
        self.tell(QUIT)
        if wait:
            self._end()
        else:
            threading.Thread(target=self._end, name="training-end", daemon=True).start()

    def _end(self) -> None:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(OSError):
            process.stdin.close()
        for seconds, more in (
            (self._patience, process.terminate), (_SECONDS_TO_DIE, process.kill), (_SECONDS_TO_DIE, None)
        ):  # fmt: skip
            try:
                process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                if more is not None:
                    more()
        self._reader.join(_SECONDS_TO_DIE)
        process.stdout.close()
        self._errors.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with suppress(OSError, ValueError):
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put(None)


def _died(child: _Child, arguments: Sequence[str], *, asked_to_quit: bool) -> RestorationError:
    """What to say of a process that ended without a last report."""
    status, text = child.last_words()
    if status == _BAD_USAGE and text:
        return InputError(text.splitlines()[-1].removeprefix("napari-restoration train: "))
    folder = run_folder(arguments)
    begun = folder is not None and (folder / "config.json").exists()
    way = (
        f"go on from its last checkpoint with: napari-restoration train --resume {shlex.quote(str(folder))}"
        if begun
        else "nothing was trained yet, start it again"
    )
    if asked_to_quit:
        return TrainingSaved(f"Training was ended; {way}")
    how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    said = f" Its last words: {' '.join(text.splitlines()[-3:])[-400:]}" if text else ""
    hint = " (often because memory ran out)" if status == -9 else ""
    return RestorationError(f"The process that trains {how}{hint}; {way}.{said}")


def _python() -> str:
    """The interpreter; an application that has napari inside may be started by another program."""
    if Path(sys.executable).stem.lower().startswith("python"):
        return sys.executable
    names = ("python.exe", "bin/python3", "bin/python")
    found = [
        path
        for base in (sys.prefix, sys.base_prefix)
        for name in names
        if (path := Path(base, name)).is_file()
    ]
    return str(found[0]) if found else sys.executable
