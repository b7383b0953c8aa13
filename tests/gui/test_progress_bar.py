"""How far and how long still, in words."""

import pytest

from napari_restoration.core.progress import Progress
from napari_restoration.gui import _progress_bar
from napari_restoration.gui._progress_bar import ProgressBar, in_words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "about 1 s"),
        (7.4, "about 7 s"),
        (42, "about 40 s"),
        (100, "about 2 min"),
        (4800, "about 1 h 20 min"),
    ],
)
def test_durations_are_said_as_a_person_would(seconds, words):
    assert in_words(seconds) == words


def test_the_remaining_time_comes_from_the_tiles_so_far(qtbot, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(_progress_bar.time, "monotonic", lambda: now[0])
    bar = ProgressBar()
    qtbot.addWidget(bar)
    bar.start("Preparing")
    assert bar.text.text() == "Preparing …"
    for done in range(1, 5):
        now[0] = 2.0 * done
        bar.advance(Progress(done=done, total=14), "Restoring")
    assert bar.text.text() == "Restoring: 4 of 14 tiles, about 20 s left"
    assert bar.bar.value() == 4
    bar.finish()
    assert bar.isHidden()
