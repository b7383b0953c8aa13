import io
import sys

import pytest

from napari_restoration.cli.bar import ProgressBar
from napari_restoration.core.progress import Notice, Progress, TileDone


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def tile(done: int, total: int) -> TileDone:
    return TileDone(done=done, total=total, region=())


def restore_two_files(bar: ProgressBar) -> None:
    for name in ("a.tif", "b.tif"):
        bar.begin(name)
        bar.report(Progress(done=0, total=1, message="Loading"))
        bar.report(tile(1, 2))
        bar.report(Notice(done=1, total=2, message="1 missing pixel"))
        bar.report(tile(2, 2))
        bar.end(f"{name} done")


def test_away_from_a_terminal_only_notices_and_one_line_a_file_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ProgressBar(2) as bar:
        restore_two_files(bar)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "a.tif: 1 missing pixel",
        "a.tif done",
        "b.tif: 1 missing pixel",
        "b.tif done",
    ]


def test_on_a_terminal_one_bar_runs_over_all_files(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with ProgressBar(2) as bar:
        restore_two_files(bar)
    shown = terminal.getvalue()
    assert "1/2 a.tif   0%" in shown
    assert "2/2 b.tif  50%" in shown
    assert shown.count("b.tif done\n") == 1


def test_a_notice_that_is_told_twice_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar(1) as bar:
        bar.begin("a.tif")
        bar.note("on the CPU")
        bar.note("on the CPU")
    assert capsys.readouterr().err == "a.tif: on the CPU\n"
