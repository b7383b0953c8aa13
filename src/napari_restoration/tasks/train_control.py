"""Wishes to a training in another process: words that are written to it, a word a line."""

from __future__ import annotations

from collections.abc import Iterable

from napari_restoration.training.control import TrainingControl, TrainingSaved

PAUSE, GO, STOP, EXPORT, QUIT = "pause", "go", "stop", "export", "quit"

__all__ = ["EXPORT", "GO", "PAUSE", "QUIT", "STOP", "TrainingControl", "TrainingSaved", "follow", "new_words"]


def follow(lines: Iterable[str], control: TrainingControl) -> None:
    """Pass words on to a control until there are no more; then whoever sent them is gone, and training must quit.

    Parameters
    ----------
    lines : iterable of str
        ``pause``, ``go``, ``stop``, ``export`` or ``quit``; others are passed over.
    control : TrainingControl
    """
    wishes = {
        PAUSE: control.pause, GO: control.go_on, STOP: control.stop, EXPORT: control.export, QUIT: control.quit,
    }  # fmt: skip
    for line in lines:
        if wish := wishes.get(line.strip()):
            wish()
    control.quit()


def new_words(control: TrainingControl, told: set[str]) -> list[str]:
    """Words for what is wished and was not told yet; ``told`` is brought up to date."""
    words = [EXPORT] if control.take_export() else []
    if control.is_paused != (PAUSE in told):
        words.append(PAUSE if control.is_paused else GO)
        told.symmetric_difference_update({PAUSE})
    for word, wished in ((STOP, control.is_stopping), (QUIT, control.is_quitting)):
        if wished and word not in told:
            words.append(word)
            told.add(word)
    return words
