"""What can go wrong while a run trains, and what becomes of it."""

from __future__ import annotations

import csv
import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from napari_restoration.core.errors import InputError, OutputError, RestorationError
from napari_restoration.core.progress import Notice
from napari_restoration.training import checkpoint, run_config
from napari_restoration.training.checkpoint import LAST, read_checkpoint, write_checkpoint
from napari_restoration.training.core import Core
from napari_restoration.training.export import export_run
from napari_restoration.training.lock import LOCK
from napari_restoration.training.recipe import Recipe
from napari_restoration.training.report import EpochReport
from napari_restoration.training.run import BEST, HISTORY, TrainingRun

L1 = {"losses": {"l1": 1.0}}


def _said(run: TrainingRun) -> list[str]:
    return [report.message for report in run.epochs() if isinstance(report, Notice)]


def _state(folder: Path) -> dict[str, torch.Tensor]:
    return read_checkpoint(folder).tensors


def _poison(monkeypatch: pytest.MonkeyPatch, steps: set[int]) -> None:
    """The batches of these steps are NaN."""
    from napari_restoration.training.patches import BatchMaker

    batch = BatchMaker.batch

    def poisoned(self: BatchMaker, number: int):
        given, target = batch(self, number)
        return (given * float("nan") if self._stream == 0 and number in steps else given), target

    monkeypatch.setattr(BatchMaker, "batch", poisoned)


def test_single_steps_without_a_finite_loss_are_left_out_and_counted(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    _poison(monkeypatch, {1})
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(training=L1), images_dir)
    reports = list(run.epochs())
    assert [r.dropped_steps for r in reports if isinstance(r, EpochReport)] == [1, 0]
    assert any("Step 2 was left out" in r.message for r in reports if isinstance(r, Notice))
    with (tmp_path / "run" / HISTORY).open(newline="", encoding="utf-8") as stream:
        assert "Step 2 was left out" in next(csv.DictReader(stream))["notices"]


def test_a_run_that_diverges_goes_back_to_the_best_weights_at_half_the_rate(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    _poison(monkeypatch, {2, 3, 4})
    recipe = tiny_recipe(training={**L1, "steps": 6, "warmup_steps": 1, "schedule": "constant"})
    run = TrainingRun.create(tmp_path / "run", recipe, images_dir)
    said, rates = [], []
    for report in run.epochs():
        if isinstance(report, Notice):
            said.append(report.message)
        elif isinstance(report, EpochReport):
            rates.append(report.learning_rate)
            if report.done == 2:
                best = {k: v.clone() for k, v in run.core.averaged.state_dict().items()}
                monkeypatch.setattr(run.core, "return_to", _spy(run.core, found := {}))
    assert any("goes on from the best weights at half the learning rate (return 1 of 3)" in s for s in said)
    assert rates == [1e-3, 1e-3, 0.5e-3]
    assert all(torch.equal(best[name], found[name]) for name in best)


def _spy(core: Core, found: dict):
    original = core.return_to

    def return_to(weights) -> None:
        original(weights)
        found.update({k: v.clone() for k, v in core.restoring.state_dict().items()})

    return return_to


def test_a_run_that_diverges_again_and_again_stops_with_the_reason(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    _poison(monkeypatch, set(range(100)))
    recipe = tiny_recipe(training={**L1, "steps": 20, "steps_per_epoch": 20})
    run = TrainingRun.create(tmp_path / "run", recipe, images_dir)
    with pytest.raises(RestorationError, match=r"after 3 returns.*lower training\.learning_rate"):
        _said(run)
    assert run.step == 11  # four times three steps


def test_a_diverging_run_resumes_to_the_same_bits(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    _poison(monkeypatch, {2, 3, 4})
    recipe = tiny_recipe(training={**L1, "steps": 8})
    _said(TrainingRun.create(tmp_path / "unbroken", recipe, images_dir))
    for stop in (2, 4, 6):
        epochs = (
            TrainingRun.resume(tmp_path / "broken")
            if stop > 2
            else TrainingRun.create(tmp_path / "broken", recipe, images_dir)
        ).epochs()
        for report in epochs:
            if isinstance(report, EpochReport) and report.done == stop:
                break
        epochs.close()
    _said(TrainingRun.resume(tmp_path / "broken"))
    first, second = _state(tmp_path / "unbroken"), _state(tmp_path / "broken")
    assert [key for key in first if not torch.equal(first[key], second[key])] == []


def test_training_ends_early_when_the_metric_stands_still(
    images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    recipe = tiny_recipe(
        training={**L1, "steps": 100, "learning_rate": 1e-12, "early_stopping": 2, "metric": "ssim"}
    )
    run = TrainingRun.create(tmp_path / "run", recipe, images_dir)
    said = _said(run)
    assert run.finished
    assert run.step < 20
    assert any("ends early: no better ssim for 2 epochs" in words for words in said)
    assert TrainingRun.resume(tmp_path / "run").finished


def test_a_run_closed_between_two_epochs_goes_on_from_where_it_stood(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_restoration.training.loop._SECONDS_BETWEEN_REPORTS", 0.0)
    recipe = tiny_recipe(training={**L1, "steps": 8, "steps_per_epoch": 4})
    reports = list(TrainingRun.create(tmp_path / "unbroken", recipe, images_dir).epochs())
    broken = TrainingRun.create(tmp_path / "broken", recipe, images_dir).epochs()
    assert next(broken).done == 1
    assert next(broken).done == 2
    broken.close()
    resumed = TrainingRun.resume(tmp_path / "broken")
    assert resumed.step == 2
    again = list(resumed.epochs())
    first, second = _state(tmp_path / "unbroken"), _state(tmp_path / "broken")
    assert [key for key in first if not torch.equal(first[key], second[key])] == []
    losses = [[r.train_loss for r in rs if isinstance(r, EpochReport)] for rs in (reports, again)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("reports", [1, 2, 3, 4])
def test_a_run_closed_at_any_report_goes_on_to_the_same_bits_and_best_weights(
    reports: int, images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_restoration.training.loop._SECONDS_BETWEEN_REPORTS", -1.0)
    recipe = tiny_recipe(training={**L1, "steps": 4, "steps_per_epoch": 2})
    _said(TrainingRun.create(tmp_path / "unbroken", recipe, images_dir))
    broken = TrainingRun.create(tmp_path / "broken", recipe, images_dir).epochs()
    for _ in range(reports):
        next(broken)
    broken.close()
    resumed = TrainingRun.resume(tmp_path / "broken")
    _said(resumed)
    assert [row["step"] for row in resumed.history] == [2, 4]
    first, second = _state(tmp_path / "unbroken"), _state(tmp_path / "broken")
    assert [key for key in first if not torch.equal(first[key], second[key])] == []


def test_a_second_training_into_one_folder_is_refused(images_dir: Path, tmp_path: Path, tiny_recipe) -> None:
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    first = run.epochs()
    next(first)
    with pytest.raises(OutputError, match=f"being trained into by process {os.getpid()}"):
        next(TrainingRun.resume(tmp_path / "run").epochs())
    first.close()
    assert not (tmp_path / "run" / LOCK).exists()


@pytest.mark.parametrize(
    "holder", [{"pid": 2**22 + 12345, "started": 1.0}, {"pid": os.getpid(), "started": 1.0}, None]
)
def test_the_lock_of_a_dead_process_is_taken_over(
    holder: dict | None, images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    (tmp_path / "run" / LOCK).write_text(json.dumps(holder) if holder else "")
    assert any("died" in words for words in _said(run))


def test_the_lock_of_another_computer_is_respected(images_dir: Path, tmp_path: Path, tiny_recipe) -> None:
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    (tmp_path / "run" / LOCK).write_text(json.dumps({"pid": 1, "started": 1.0, "computer": "elsewhere"}))
    with pytest.raises(OutputError, match="from the computer 'elsewhere'"):
        next(run.epochs())


def test_a_full_disk_at_a_checkpoint_costs_a_notice(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny_recipe(training={**L1, "steps": 6})
    write = checkpoint.write_bytes_atomically
    calls = []

    def full_once(path: Path, data: bytes, **how: bool) -> None:
        calls.append(path)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, data, **how)

    monkeypatch.setattr(checkpoint, "write_bytes_atomically", full_once)
    run = TrainingRun.create(tmp_path / "run", recipe, images_dir)
    steps, said = [], []
    for report in run.epochs():
        if isinstance(report, EpochReport):
            steps.append(read_checkpoint(tmp_path / "run").state["step"])
        elif isinstance(report, Notice):
            said.append(report.message)
    assert steps == [2, 2, 6]
    assert any("was not written" in words and "No space left" in words for words in said)


def test_best_weights_that_could_not_be_written_are_written_at_the_next_epoch(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_restoration.training.standing import Standing

    write, failed = Standing.write, []

    def fail_once(self: Standing, folder: Path) -> None:
        if not failed:
            failed.append(True)
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, folder)

    monkeypatch.setattr(Standing, "write", fail_once)
    recipe = tiny_recipe(training={**L1, "learning_rate": 1e-9, "metric": "ssim"})
    run = TrainingRun.create(tmp_path / "run", recipe, images_dir)
    _said(run)
    assert (tmp_path / "run" / BEST).exists()


def test_an_end_that_cannot_be_saved_is_not_called_an_end_and_is_made_up_for_later(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TrainingRun.create(tmp_path / "a run", tiny_recipe(training=L1), images_dir)
    with monkeypatch.context() as full:
        write = checkpoint.write_bytes_atomically

        def only_once(path: Path, data: bytes, **how: bool) -> None:
            full.setattr(checkpoint, "write_bytes_atomically", never)
            write(path, data, **how)

        def never(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        full.setattr(checkpoint, "write_bytes_atomically", only_once)
        with pytest.raises(OutputError, match=r"No space left.*--resume '.*/a run'"):
            _said(run)
    assert read_checkpoint(tmp_path / "a run").state["step"] == 2
    _said(TrainingRun.resume(tmp_path / "a run"))
    assert read_checkpoint(tmp_path / "a run").state["step"] == 4


def test_best_weights_that_are_newer_than_the_checkpoint_are_not_taken_for_those_of_the_resumed_run(
    images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    """A process may be killed between writing the two, and the next one need not come by the same step."""
    folder = tmp_path / "run"
    run = TrainingRun.create(folder, tiny_recipe(training=L1), images_dir)
    _said(run)
    run.standing.best_step = 3
    run.standing.write(folder)
    resumed = TrainingRun.resume(folder)
    _said(resumed)
    assert export_run(folder, tmp_path / "model").training["best_step"] == resumed.standing.best_step


def test_a_checkpoint_of_another_run_is_refused(images_dir: Path, tmp_path: Path, tiny_recipe) -> None:
    for folder, seed in (("one", 1), ("other", 2)):
        _said(TrainingRun.create(tmp_path / folder, tiny_recipe(seed=seed), images_dir))
    (tmp_path / "one" / LAST).write_bytes((tmp_path / "other" / LAST).read_bytes())
    with pytest.raises(RestorationError, match="belongs to another training run"):
        TrainingRun.resume(tmp_path / "one")


def test_a_checkpoint_of_a_later_version_is_refused(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as later:
        later.setattr(checkpoint, "FORMAT_VERSION", 9)
        _said(TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir))
    with pytest.raises(RestorationError, match="has format 9"):
        TrainingRun.resume(tmp_path / "run")


def test_a_checkpoint_of_the_first_version_is_read(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch
) -> None:
    recipe = tiny_recipe()
    _said(TrainingRun.create(tmp_path / "new", recipe, images_dir))
    run = TrainingRun.create(tmp_path / "old", recipe, images_dir)
    epochs = run.epochs()
    next(epochs)
    epochs.close()
    whole = read_checkpoint(tmp_path / "old")
    tensors = {
        k.replace(".generator.", ".", 1): v for k, v in whole.tensors.items() if not k.startswith("best.")
    }
    core = whole.state["core"]
    state = {k: whole.state[k] for k in ("step", "elapsed", "history", "best")}
    state |= {k: core[k] for k in ("steps_averaged", "frozen")}
    with monkeypatch.context() as first:
        first.setattr(checkpoint, "FORMAT_VERSION", 1)
        write_checkpoint(tmp_path / "old", tensors, state)
    resumed = TrainingRun.resume(tmp_path / "old")
    assert resumed.step == 2
    _said(resumed)
    new, old = _state(tmp_path / "new"), _state(tmp_path / "old")
    assert [key for key in new if not torch.equal(new[key], old[key])] == []


def test_a_run_of_a_version_whose_recipes_had_fewer_fields_goes_on(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_dict = Recipe.to_dict

    def with_fewer(recipe: Recipe) -> dict:
        plain = to_dict(recipe)
        del plain["training"]["turns"]
        return plain

    with monkeypatch.context() as earlier:
        earlier.setattr(Recipe, "to_dict", with_fewer)
        epochs = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir).epochs()
        next(epochs)
        epochs.close()
    resumed = TrainingRun.resume(tmp_path / "run")
    assert resumed.step == 2
    _said(resumed)
    assert resumed.finished


def test_changed_data_are_told_at_resume_and_recorded(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir).epochs()
    next(run)
    run.close()
    with (images_dir / "index.csv").open("a", encoding="utf-8") as stream:
        stream.write("\n")
    monkeypatch.setattr(run_config, "__file__", str(images_dir / "a" / "b.py"))
    resumed = TrainingRun.resume(tmp_path / "run")
    said = _said(resumed)
    assert any("the images and this program changed" in words for words in said)
    assert "changed" in resumed.history[-1]["notices"]


def test_a_patch_larger_than_every_image_is_named(images_dir: Path, tmp_path: Path, tiny_recipe) -> None:
    recipe = tiny_recipe(training={"patch": 128, "field_size": 128})
    with pytest.raises(InputError, match=r"training\.patch is 128 pixels, but images .* have 96"):
        _said(TrainingRun.create(tmp_path / "run", recipe, images_dir))


def test_a_patch_that_does_not_fit_the_network_is_refused_before_a_folder_is_made(
    images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    with pytest.raises(InputError, match="a multiple of 2, such as 16"):
        TrainingRun.create(tmp_path / "run", tiny_recipe(training={"patch": 17}), images_dir)
    assert not (tmp_path / "run").exists()


def test_a_tensorboard_log_holds_the_losses(images_dir: Path, tmp_path: Path, tiny_recipe) -> None:
    pytest.importorskip("tensorboard")
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(training=L1), images_dir, tensorboard=True)
    _said(run)
    files = list((tmp_path / "run" / "tensorboard").iterdir())
    assert files
    assert b"train_l1" in files[0].read_bytes()


def test_a_log_without_tensorboard_is_refused_before_a_folder_is_made(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RestorationError, match=r"napari-restoration\[tensorboard\]"):
        TrainingRun.create(tmp_path / "run", tiny_recipe(training=L1), images_dir, tensorboard=True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("metric", "chosen"), [("psnr", 2), ("mae", 4), ("ssim", 6)])
def test_the_best_weights_are_those_of_the_chosen_metric(
    metric: str, chosen: int, images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_restoration.training.scores import Scores

    told = iter([
        Scores(loss=3, psnr=30, ssim=0.2, mae=0.3),
        Scores(loss=2, psnr=20, ssim=0.5, mae=0.1),
        Scores(loss=1, psnr=25, ssim=0.9, mae=0.2),
    ])  # fmt: skip
    monkeypatch.setattr("napari_restoration.training.run.validate", lambda *_: next(told))
    recipe = tiny_recipe(training={**L1, "steps": 6, "metric": metric})
    run = TrainingRun.create(tmp_path / "run", recipe, images_dir)
    _said(run)
    assert run.standing.best_step == chosen
    with (tmp_path / "run" / HISTORY).open(newline="", encoding="utf-8") as stream:
        best = [int(row["step"]) for row in csv.DictReader(stream) if row["best"] == "True"]
    assert best[-1] == chosen


CHILD = """
import sys
from pathlib import Path
from napari_restoration.training.run import TrainingRun
for _ in TrainingRun.resume(Path(sys.argv[1])).epochs():
    print("epoch", flush=True)
"""


def _killed_until_done(folder: Path, images_dir: Path, recipe: Recipe, kills: int, seed: int) -> int:
    """Run processes on a folder, each killed at a random moment, then one to the end; kills that hit."""
    import random

    rng = random.Random(seed)
    TrainingRun.create(folder, recipe, images_dir)
    hits = 0
    for _ in range(kills):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert child.stdout is not None
        child.stdout.readline()  # imports are over, steps are being made
        time.sleep(rng.uniform(0, 0.5))
        hits += child.poll() is None
        child.send_signal(signal.SIGKILL)
        child.communicate()
    _said(TrainingRun.resume(folder))
    return hits


def _kill_and_compare(images_dir: Path, tmp_path: Path, recipe: Recipe, kills: int) -> int:
    _said(TrainingRun.create(tmp_path / "unbroken", recipe, images_dir))
    hits = _killed_until_done(tmp_path / "killed", images_dir, recipe, kills, seed=1)
    first, second = _state(tmp_path / "unbroken"), _state(tmp_path / "killed")
    assert [key for key in first if not torch.equal(first[key], second[key])] == []
    return hits


def test_a_killed_process_costs_no_bit(images_dir: Path, tmp_path: Path, tiny_recipe) -> None:
    recipe = tiny_recipe(training={**L1, "steps": 80})
    assert _kill_and_compare(images_dir, tmp_path, recipe, kills=2) > 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("method", ["comi-unpaired", "rrdb", "c2f"])
def test_many_kills_cost_no_bit(method: str, images_dir: Path, tmp_path: Path) -> None:
    from napari_restoration.training.method_recipes import method_recipe

    recipe = method_recipe(method, "tiny")
    recipe = replace(recipe, training=replace(recipe.training, steps=120, steps_per_epoch=2))
    assert _kill_and_compare(images_dir, tmp_path, recipe, kills=10) > 5
