"""What others wish of a training while it runs."""

from __future__ import annotations

import threading

from napari_restoration.core.errors import RestorationError


class TrainingSaved(RestorationError):
    """Training was ended before its time; all of it is on the disk, and it can go on from there."""


class TrainingControl:
    """Wishes from any thread; the training looks at them between two of its steps.

    Who asks to stop or to quit is heard while training is paused as well.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._paused = self._stopping = self._quitting = self._export = False

    def pause(self) -> None:
        """Wait, until `go_on`; the budget of time stands still."""
        self._set("_paused", True)

    def go_on(self) -> None:
        """Train again after `pause`."""
        self._set("_paused", False)

    def stop(self) -> None:
        """End the training now, and make the model of the best weights."""
        self._set("_stopping", True)

    def export(self) -> None:
        """Write the best weights so far as a model, and train on."""
        self._set("_export", True)

    def quit(self) -> None:
        """Save and end, so that training can go on another time."""
        self._set("_quitting", True)

    @property
    def is_paused(self) -> bool:
        """Whether training should wait."""
        return self._paused and not self._stopping and not self._quitting

    @property
    def is_stopping(self) -> bool:
        """Whether training should end with the best weights it has."""
        return self._stopping

    @property
    def is_quitting(self) -> bool:
        """Whether training should save and end."""
        return self._quitting

    def take_export(self) -> bool:
        """Whether a model is wanted now; True once for each wish."""
        with self._changed:
            wanted, self._export = self._export, False
        return wanted

    def wait(self, seconds: float) -> None:
        """Sleep until a wish arrives, at most for so long."""
        with self._changed:
            self._changed.wait(seconds)

    def _set(self, name: str, value: bool) -> None:
        with self._changed:
            setattr(self, name, value)
            self._changed.notify_all()
