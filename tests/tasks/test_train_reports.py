"""Reports as lines, and words as wishes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from napari_restoration.core.errors import InputError, OutputError, RestorationError
from napari_restoration.core.progress import Notice, Progress, TileDone
from napari_restoration.tasks.assess import Assessment, ImageScores
from napari_restoration.tasks.train_control import TrainingControl, TrainingSaved, follow, new_words
from napari_restoration.tasks.train_reports import (
    EpochReport,
    Failed,
    LiveReport,
    ModelWritten,
    Paused,
    Trained,
    TrainingResult,
    from_line,
    to_line,
)

COUNT = {"done": 3, "total": 9}
ASSESSMENT = Assessment(
    images=(ImageScores(name="ä", psnr_after=31.5),), verdict="better", words="It is better."
)
RESULT = TrainingResult(
    run=Path("runs/a b"),
    model="mine",
    folder=Path("models/mine"),
    steps=9,
    minutes=0.5,
    assessment=ASSESSMENT,
)
REPORTS = [
    Progress(**COUNT, message="ein Maß\nzwei"),
    Notice(**COUNT, message="careful"),
    EpochReport(
        **COUNT, train_loss=0.5, val_loss=0.25, val_psnr=31.125, val_ssim=0.75, val_mae=0.125, learning_rate=1e-3,
        minutes=0.5, best=True, losses={"l1": 0.1}, phase=1, dropped_steps=2,
    ),
    LiveReport(**COUNT, path=Path("runs/a b/live.safetensors"), step=3, minutes=0.5),
    Paused(**COUNT),
    ModelWritten(**COUNT, folder=Path("models/mine"), model="mine", final=True),
    Trained(**COUNT, result=RESULT),
    Trained(**COUNT, result=TrainingResult(run=Path("r"), model="m", folder=Path("f"), steps=1, minutes=0.1)),
    Failed(**COUNT, message="No.", kind="input"),
]  # fmt: skip


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
def test_a_report_becomes_one_line_of_json_and_the_same_report_again(report: Progress) -> None:
    line = to_line(report)
    assert "\n" not in line
    assert line.isascii()
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert from_line(line) == report


def test_numbers_that_are_not_finite_arrive_as_nan() -> None:
    epoch = EpochReport(
        **COUNT, train_loss=math.nan, val_loss=math.inf, val_psnr=30.0, val_ssim=0.5, val_mae=0.1, learning_rate=0.0,
        minutes=0.1, best=False, losses={"l1": math.nan},
    )  # fmt: skip
    back = from_line(to_line(epoch))
    assert isinstance(back, EpochReport)
    assert math.isnan(back.train_loss)
    assert math.isnan(back.val_loss)
    assert math.isnan(back.losses["l1"])


def test_other_reports_arrive_as_plain_progress() -> None:
    tile = TileDone(**COUNT, message="a tile", region=(slice(0, 3),))
    assert from_line(to_line(tile)) == Progress(**COUNT, message="a tile")


@pytest.mark.parametrize("line", ["", "Downloading", "[1, 2]", "3", '{"report": "unknown"}', '{"done": 1}'])
def test_what_a_library_printed_is_no_report(line: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|no report"):
        from_line(line)


@pytest.mark.parametrize(
    "error",
    [InputError("a"), OutputError("b"), TrainingSaved("c"), RestorationError("d"), ZeroDivisionError("e")],
)
def test_an_error_is_raised_again_as_what_it_was(error: Exception) -> None:
    report = from_line(to_line(Failed.of(error, "A sentence.")))
    assert isinstance(report, Failed)
    again = report.error()
    assert type(again) is (type(error) if isinstance(error, RestorationError) else RestorationError)
    assert str(again) == "A sentence."


def test_words_become_wishes_and_their_end_a_wish_to_quit() -> None:
    control = TrainingControl()
    follow(["pause\n", "nonsense\n", "export\n"], control)
    assert control.is_quitting
    assert not control.is_paused  # who quits does not wait
    assert control.take_export()
    assert not control.take_export()
    other = TrainingControl()
    follow(["pause", "go", "stop"], other)
    assert other.is_stopping


def test_each_wish_is_sent_once() -> None:
    control, told = TrainingControl(), set[str]()
    assert new_words(control, told) == []
    control.pause()
    control.export()
    assert new_words(control, told) == ["export", "pause"]
    assert new_words(control, told) == []
    control.go_on()
    assert new_words(control, told) == ["go"]
    control.pause()
    control.stop()
    assert new_words(control, told) == ["stop"]
    control.quit()
    assert new_words(control, told) == ["quit"]
    assert new_words(control, told) == []
