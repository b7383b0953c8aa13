"""Runs that can be gone on with."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from qtpy.QtCore import Qt

from napari_restoration.gui._unfinished_runs import UnfinishedRuns, day_in_words, describe
from napari_restoration.tasks import train_order
from napari_restoration.tasks.train_order import UnfinishedRun

LEFT = Qt.MouseButton.LeftButton
NOW = datetime(2026, 5, 10, 9, 0)


def run_of(name="my-cells", **changes):
    values = {
        "started": NOW - timedelta(days=1), "steps": 120, "minutes_done": 2.04, "minutes": 5.0, "is_locked": False,
        **changes,
    }  # fmt: skip
    return UnfinishedRun(folder=Path("/runs") / name, model=name, **values)


@pytest.fixture
def runs(qtbot):
    """An empty list."""
    widget = UnfinishedRuns()
    qtbot.addWidget(widget)
    return widget


def test_without_runs_nothing_is_seen(runs, monkeypatch):
    assert runs.isHidden()
    monkeypatch.setattr(train_order, "unfinished_runs", lambda: [run_of()])
    runs.refresh()
    assert not runs.isHidden()
    monkeypatch.setattr(train_order, "unfinished_runs", list)
    runs.refresh()
    assert runs.isHidden()


def test_a_run_is_gone_on_with(runs, qtbot):
    runs.show_runs([run_of()], NOW)
    row = runs.rows[0]
    assert row.words.text() == "my-cells, 2 of 5 min done, yesterday"
    with qtbot.waitSignal(runs.resume_clicked) as clicked:
        qtbot.mouseClick(row.resume_button, LEFT)
    assert clicked.args == [Path("/runs/my-cells")]


def test_discarding_asks_first(runs, qtbot):
    runs.show_runs([run_of()], NOW)
    row = runs.rows[0]
    discarded = []
    runs.discard_clicked.connect(discarded.append)
    qtbot.mouseClick(row.discard_button, LEFT)
    assert row.words.text() == "Delete my-cells with all that it has learned?"
    assert not row.resume_button.isVisibleTo(row)
    qtbot.mouseClick(row.keep_button, LEFT)
    assert row.words.text().startswith("my-cells, 2 of 5")
    assert row.resume_button.isVisibleTo(row)
    assert discarded == []
    qtbot.mouseClick(row.discard_button, LEFT)
    qtbot.mouseClick(row.delete_button, LEFT)
    assert discarded == [Path("/runs/my-cells")]


def test_the_newest_three_are_shown_and_none_that_is_being_trained(runs):
    runs.show_runs([run_of(f"run-{i}", is_locked=i == 0) for i in range(6)], NOW)
    assert [row.words.text().split(",")[0] for row in runs.rows] == ["run-1", "run-2", "run-3"]
    assert runs.more.text() == "and 2 older ones"
    runs.show_runs([run_of(is_locked=True)], NOW)
    assert runs.isHidden()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"minutes": None, "steps": 1}, "my-cells, 1 step done, yesterday"),
        ({"minutes_done": 0.0}, "my-cells, 0 of 5 min done, yesterday"),
        ({"minutes_done": 12.3, "minutes": 60.0}, "my-cells, 12 of 60 min done, yesterday"),
    ],
)
def test_a_run_is_described(changes, words):
    assert describe(run_of(**changes), NOW) == words


@pytest.mark.parametrize(
    ("days", "words"), [(0, "today"), (1, "yesterday"), (3, "3 days ago"), (30, "2026-04-10")]
)
def test_days_are_said_as_a_person_would(days, words):
    assert day_in_words(NOW - timedelta(days=days), NOW) == words
