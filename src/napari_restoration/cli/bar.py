"""One progress bar over all files and tiles of a command."""

from __future__ import annotations

import sys
from typing import Any, Self

from napari_restoration.cli.messages import say
from napari_restoration.core.progress import Notice, Progress, TileDone

_FORMAT = "{desc} {percentage:3.0f}% |{bar}| {elapsed}<{remaining}{postfix}"


class ProgressBar:
    """Shows how far a command has come, on standard error.

    On a terminal it is one bar in which every file counts the same and advances with its tiles. Elsewhere, in a
    log or a pipe, there is no bar and `line` speaks alone.

    Parameters
    ----------
    files : int
        Number of files.

    Attributes
    ----------
    tiles_done : bool
        Whether a tile of the present file is finished.
    notices : list of str
        What the user was told about the present file.
    """

    def __init__(self, files: int) -> None:
        from tqdm import tqdm

        self._files = files
        self._finished = 0
        self._name = ""
        self.tiles_done = False
        self.notices: list[str] = []
        self._bar: Any = tqdm(
            total=files,
            bar_format=_FORMAT,
            disable=not sys.stderr.isatty(),
            file=sys.stderr,
            dynamic_ncols=True,
            leave=False,
        )

    @property
    def is_drawn(self) -> bool:
        """Whether there is a terminal that shows the bar."""
        return not self._bar.disable

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def begin(self, name: str) -> None:
        """Start the next file."""
        self._name, self.tiles_done, self.notices = name, False, []
        position = f"{self._finished + 1}/{self._files} " if self._files > 1 else ""
        self._bar.set_description_str(f"{position}{name}", refresh=False)
        self._bar.set_postfix_str("", refresh=True)

    def report(self, progress: Progress) -> None:
        """Take one report of the present file's task."""
        if isinstance(progress, Notice):
            self.note(progress.message)
        elif isinstance(progress, TileDone):
            self.tiles_done = True
            self.advance(progress.done, progress.total, f"tile {progress.done} of {progress.total}")
        elif progress.message:
            self._bar.set_postfix_str(progress.message, refresh=True)

    def advance(self, done: int, total: int, text: str) -> None:
        """Move the bar to this share of the present file."""
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(self._finished + min(done / max(total, 1), 1.0) - self._bar.n)

    def note(self, message: str) -> None:
        """Show a notice about the present file, once."""
        if message and message not in self.notices:
            self.notices.append(message)
            self.line(f"{self._name}: {message}")

    def end(self, line: str) -> None:
        """Finish the present file and say what became of it."""
        self._finished += 1
        self._bar.update(self._finished - self._bar.n)
        self.line(line)

    def line(self, text: str) -> None:
        """Write a line without tearing the bar."""
        if self._bar.disable:
            say(text)
        else:
            self._bar.write(text, file=sys.stderr)
