"""One training to a folder, also when two begin at once."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from napari_restoration.core.errors import OutputError
from napari_restoration.training.lock import LOCK, only_training_in


def test_a_lock_that_is_just_being_filled_is_waited_for_and_respected(tmp_path: Path) -> None:
    with only_training_in(tmp_path):
        content = (tmp_path / LOCK).read_text(encoding="utf-8")
    (tmp_path / LOCK).touch()
    filling = threading.Timer(0.3, (tmp_path / LOCK).write_text, [content])
    filling.start()
    with pytest.raises(OutputError, match="is being trained into by process"), only_training_in(tmp_path):
        pass
    filling.join()
    assert (tmp_path / LOCK).exists()


def test_a_lock_that_was_never_filled_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / LOCK).touch()
    long_ago = time.time() - 60
    os.utime(tmp_path / LOCK, (long_ago, long_ago))
    with only_training_in(tmp_path) as taken_over:
        assert taken_over
    assert not (tmp_path / LOCK).exists()
