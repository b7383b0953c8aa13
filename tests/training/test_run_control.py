"""Wishes while a run trains: pause, stop, export, quit; and what weights that it starts from are worth."""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from napari_restoration.core.errors import OutputError
from napari_restoration.core.progress import Notice, Progress
from napari_restoration.models.registry import find_card
from napari_restoration.training import interludes
from napari_restoration.training.checkpoint import read_checkpoint
from napari_restoration.training.control import TrainingControl, TrainingSaved
from napari_restoration.training.export import export_run
from napari_restoration.training.report import EpochReport, ModelWritten, Paused
from napari_restoration.training.run import BEST, HISTORY, TrainingRun

LONG = {"losses": {"l1": 1.0}, "steps": 100, "steps_per_epoch": 50}


def _drive(run: TrainingRun, control: TrainingControl, wish: Callable[[Progress], None]) -> list[Progress]:
    reports = []
    for report in run.epochs(control):
        reports.append(report)
        wish(report)
    return reports


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """A report after each step."""
    monkeypatch.setattr("napari_restoration.training.loop._SECONDS_BETWEEN_REPORTS", -1.0)


def test_stop_ends_the_epoch_at_once_with_its_validation_and_the_best_weights(
    images_dir: Path, tmp_path: Path, tiny_recipe, every_step: None
) -> None:
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(training=LONG), images_dir)
    control = TrainingControl()
    reports = _drive(run, control, lambda report: control.stop() if report.done == 3 else None)
    assert [r.done for r in reports if isinstance(r, EpochReport)] == [4]
    assert run.finished
    assert TrainingRun.resume(tmp_path / "run").finished
    assert export_run(tmp_path / "run", tmp_path / "model").training["steps"] == 4


@pytest.mark.parametrize("paused", [False, True])
def test_stop_before_the_first_step_takes_the_weights_as_they_are(
    paused: bool, images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(training=LONG), images_dir)
    control = TrainingControl()
    if paused:
        control.pause()
        reports = _drive(run, control, lambda _: control.stop())
        assert isinstance(reports[0], Paused)
    else:
        control.stop()
        reports = _drive(run, control, lambda _: None)
    assert [r.done for r in reports if isinstance(r, EpochReport)] == [0]
    assert export_run(tmp_path / "run", tmp_path / "model").training["train_loss"] is None


def test_stop_between_two_epochs_scores_nothing_twice(images_dir: Path, tmp_path: Path, tiny_recipe) -> None:
    run = TrainingRun.create(
        tmp_path / "run", tiny_recipe(training=LONG | {"steps_per_epoch": 2}), images_dir
    )
    control = TrainingControl()
    _drive(run, control, lambda report: control.stop() if isinstance(report, EpochReport) else None)
    assert [row["step"] for row in run.history] == [2]
    assert run.finished


def test_a_pause_waits_between_two_steps_and_the_budget_stands_still(
    images_dir: Path, tmp_path: Path, tiny_recipe, every_step: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interludes, "_SECONDS_BETWEEN_LOOKS", 0.4)
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(training=LONG), images_dir, minutes=0.02)
    control = TrainingControl()
    steps: list[int] = []

    def wish(report: Progress) -> None:
        if isinstance(report, Paused):
            steps.append(report.done)
            if len(steps) == 4:
                control.go_on()
        elif report.done == 2 and not steps:
            control.pause()

    _drive(run, control, wish)
    assert steps == [3, 3, 3, 3]
    # 1.2 of the budget of 1.2 seconds were waited for.
    assert run.step > 6
    assert run.elapsed < 0.06


def test_a_pause_changes_no_bit_and_a_run_closed_while_paused_goes_on_to_the_same(
    images_dir: Path, tmp_path: Path, tiny_recipe, every_step: None
) -> None:
    recipe = tiny_recipe(training={"losses": {"l1": 1.0}, "steps": 6, "steps_per_epoch": 3})
    for _ in TrainingRun.create(tmp_path / "unbroken", recipe, images_dir).epochs():
        pass
    control = TrainingControl()
    epochs = TrainingRun.create(tmp_path / "broken", recipe, images_dir).epochs(control)
    next(epochs)
    control.pause()
    assert isinstance(next(epochs), Paused)
    epochs.close()
    _drive(TrainingRun.resume(tmp_path / "broken"), TrainingControl(), lambda _: None)
    assert _differing(tmp_path / "unbroken", tmp_path / "broken") == []


@pytest.mark.parametrize(("when", "saved"), [(0, 0), (1, 2), (3, 3), (4, 5)])
def test_quit_saves_and_a_resumed_run_ends_with_the_same_bits(
    when: int, saved: int, images_dir: Path, tmp_path: Path, tiny_recipe, every_step: None
) -> None:
    recipe = tiny_recipe(training={"losses": {"l1": 1.0}, "steps": 6, "steps_per_epoch": 3})
    for _ in TrainingRun.create(tmp_path / "unbroken", recipe, images_dir).epochs():
        pass
    control = TrainingControl()
    run = TrainingRun.create(tmp_path / "broken", recipe, images_dir)
    if when == 0:
        control.quit()
    with pytest.raises(TrainingSaved, match=f"step {saved}; go on with: .* --resume"):
        _drive(run, control, lambda report: control.quit() if report.done == when else None)
    for _ in TrainingRun.resume(tmp_path / "broken").epochs():
        pass
    assert _differing(tmp_path / "unbroken", tmp_path / "broken") == []


def test_quit_on_a_full_disk_does_not_claim_to_have_saved(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(training=LONG), images_dir)
    monkeypatch.setattr(
        "napari_restoration.training.run.write_checkpoint",
        lambda *_, **__: (_ for _ in ()).throw(OSError("no room")),
    )
    control = TrainingControl()
    control.quit()
    with pytest.raises(OutputError, match="could not be saved: no room"):
        _drive(run, control, lambda _: None)


def test_a_model_can_be_exported_before_the_first_validation_and_training_goes_on_as_without(
    images_dir: Path, tmp_path: Path, tiny_recipe, every_step: None
) -> None:
    recipe = tiny_recipe(training={"losses": {"l1": 1.0}, "steps": 6, "steps_per_epoch": 3, "metric": "psnr"})
    for _ in TrainingRun.create(tmp_path / "unbroken", recipe, images_dir).epochs():
        pass
    control = TrainingControl()
    run = TrainingRun.create(tmp_path / "run", recipe, images_dir)
    reports = _drive(run, control, lambda report: control.export() if report.done == 1 else None)
    (written,) = (r for r in reports if isinstance(r, ModelWritten))
    assert written.folder == tmp_path / "run" / "exported-2"
    assert not written.final
    assert find_card(written.folder)[0].training["best_step"] == 2
    assert [row["step"] for row in run.history] == [2, 3, 6]
    first, second = (read_checkpoint(tmp_path / name).tensors for name in ("unbroken", "run"))
    learnt = [name for name in first if not name.startswith("best.")]
    assert [name for name in learnt if not torch.equal(first[name], second[name])] == []


def test_a_model_that_cannot_be_exported_costs_a_notice(
    images_dir: Path, tmp_path: Path, tiny_recipe, every_step: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_restoration.training.export.export_run", full)
    control = TrainingControl()
    control.export()
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    reports = _drive(run, control, lambda _: None)
    assert any("The model was not written" in r.message for r in reports if isinstance(r, Notice))
    assert run.finished


def test_wishes_come_from_any_thread_and_wake_a_pause_at_once(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interludes, "_SECONDS_BETWEEN_LOOKS", 60.0)
    control = TrainingControl()
    control.pause()
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    timer = threading.Timer(0.2, control.go_on)
    timer.start()
    reports = _drive(run, control, lambda _: None)
    assert sum(isinstance(r, Paused) for r in reports) == 1
    assert run.finished


@pytest.fixture
def base(images_dir: Path, tmp_path: Path, tiny_recipe) -> Path:
    """The model folder of a tiny network."""
    for _ in TrainingRun.create(tmp_path / "base", tiny_recipe(), images_dir).epochs():
        pass
    export_run(tmp_path / "base", tmp_path / "base" / "model")
    return tmp_path / "base" / "model"


def test_weights_that_training_makes_worse_are_handed_back_as_they_were(
    images_dir: Path, tmp_path: Path, tiny_recipe, base: Path
) -> None:
    # A rate that throws the network off.
    recipe = tiny_recipe(
        training={"learning_rate": 1.0, "ema_decay": 0.0, "clip_norm": 0.0, "warmup_steps": 0}
    )
    run = TrainingRun.create(tmp_path / "run", recipe, images_dir, start=base)
    start = {name: value.clone() for name, value in run.core.averaged.state_dict().items()}
    reports = list(run.epochs())
    scored = [r for r in reports if isinstance(r, EpochReport)]
    assert [(r.done, r.best) for r in scored] == [(0, True), (2, False), (4, False)]
    best = load_file(tmp_path / "run" / BEST)
    assert all(torch.equal(best[name], start[name]) for name in start)
    said = [r.message for r in reports if isinstance(r, Notice)]
    assert any("no epoch scored better than the weights of tiny" in words for words in said)
    card = export_run(tmp_path / "run", tmp_path / "model")
    assert card.training["best_step"] == 0
    assert "nothing better" in card.description
    with (tmp_path / "run" / HISTORY).open(newline="", encoding="utf-8") as stream:
        assert [(row["epoch"], row["step"]) for row in csv.DictReader(stream)] == [
            ("0", "0"),
            ("1", "2"),
            ("2", "4"),
        ]


def test_a_training_that_never_took_a_step_does_not_claim_to_have_tried(
    images_dir: Path, tmp_path: Path, tiny_recipe, base: Path
) -> None:
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir, start=base, minutes=1e-6)
    said = [r.message for r in run.epochs() if isinstance(r, Notice)]
    assert any("ended before its first step" in words for words in said)
    assert not any("no epoch scored better" in words for words in said)
    card = export_run(tmp_path / "run", tmp_path / "model")
    assert (card.training["steps"], card.training["best_step"]) == (0, 0)
    assert "nothing better" not in card.description


def test_better_weights_than_those_it_began_with_are_taken_without_a_word(
    images_dir: Path, tmp_path: Path, tiny_recipe, base: Path
) -> None:
    steps = {"steps": 60, "steps_per_epoch": 30, "learning_rate": 3e-3, "ema_decay": 0.8}
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(training=steps), images_dir, start=base)
    said = [r.message for r in run.epochs() if isinstance(r, Notice)]
    assert run.standing.best_step > 0
    assert not any("began with" in words for words in said)


def test_a_fine_tuning_that_was_closed_scores_its_start_once_and_ends_with_the_same_bits(
    images_dir: Path, tmp_path: Path, tiny_recipe, base: Path
) -> None:
    for _ in TrainingRun.create(tmp_path / "unbroken", tiny_recipe(), images_dir, start=base).epochs():
        pass
    epochs = TrainingRun.create(tmp_path / "broken", tiny_recipe(), images_dir, start=base).epochs()
    while not isinstance(next(epochs), EpochReport):
        pass
    epochs.close()
    resumed = TrainingRun.resume(tmp_path / "broken")
    for _ in resumed.epochs():
        pass
    assert [row["step"] for row in resumed.history] == [0, 2, 4]
    assert _differing(tmp_path / "unbroken", tmp_path / "broken") == []


def _differing(one: Path, other: Path) -> list[str]:
    first, second = (read_checkpoint(folder).tensors for folder in (one, other))
    return [name for name in first if not torch.equal(first[name], second[name])]
