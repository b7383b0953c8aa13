"""From the order to the installed model, in one process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.core.errors import InputError, OutputError, RestorationError
from napari_restoration.core.progress import Notice, Progress, Task
from napari_restoration.core.progress import run as drive
from napari_restoration.models.registry import find_card, list_models, user_models_folder
from napari_restoration.tasks import assess
from napari_restoration.tasks.assess import Assessment
from napari_restoration.tasks.train import iter_resume, iter_train
from napari_restoration.tasks.train_control import TrainingControl, TrainingSaved
from napari_restoration.tasks.train_reports import EpochReport, ModelWritten
from napari_restoration.tasks.unfinished_runs import unfinished_runs
from napari_restoration.training.lock import is_held

SHORT: dict[str, Any] = {
    "kind": "pairs", "task": "denoise", "size": "tiny", "changes": {"epochs": 1, "steps_per_epoch": 2, "patch": 16},
}  # fmt: skip


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    for side, noise in (("input", 5.0), ("target", 0.2)):
        (tmp_path / "pairs" / side).mkdir(parents=True)
        for number in range(4):
            rng = np.random.default_rng(number)
            image = ndimage.gaussian_filter(rng.random((64, 64)), 2) * 1000 + rng.normal(0, noise, (64, 64))
            tifffile.imwrite(tmp_path / "pairs" / side / f"cell{number}.tif", image.astype(np.float32))
    return tmp_path / "pairs"


def test_pairs_become_a_model_that_is_compared_and_installed_under_its_name(
    pairs: Path, tmp_path: Path
) -> None:
    reports: list[Progress] = []
    result = drive(
        iter_train(
            None, pairs, tmp_path / "run", name="my-cells", leave_out=["cell3.tif"], install=True, **SHORT
        ),
        reports.append,
    )
    assert result.folder == user_models_folder() / "my-cells"
    assert (result.card.id, result.card.title) == ("my-cells", "my-cells")
    assert result.card.trained_on[0]["files"] == 6
    assert isinstance(result.assessment, Assessment)
    assert result.assessment.after_model == "my-cells"
    assert (result.run, result.steps) == (tmp_path / "run", 2)
    assert isinstance(reports[-1], ModelWritten)
    assert (reports[-1].folder, reports[-1].final) == (result.folder, True)
    again = drive(iter_resume(tmp_path / "run"))
    assert again.folder == result.folder
    assert [path.name for path in user_models_folder().iterdir()] == ["my-cells"]


def test_a_run_keeps_the_arguments_it_was_asked_for_with(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    drive(iter_train(None, "pairs", "run", seed=0, assess=False, leave_out=("cell3.tif",), **SHORT))
    asked = json.loads((tmp_path / "run" / "config.json").read_text())["asked"]
    assert asked == {
        "data_dir": str(pairs.resolve()), "seed": 0, "assess": False, "leave_out": ["cell3.tif"], **SHORT
    }  # fmt: skip


def test_pairs_that_must_not_be_trained_on_are_refused_before_a_run_is_made(
    pairs: Path, tmp_path: Path
) -> None:
    noise = np.random.default_rng(9).random((64, 64), dtype=np.float32)
    tifffile.imwrite(pairs / "target" / "cell2.tif", noise)
    with pytest.raises(InputError, match=r"cell2\.tif.*--leave-out"):
        drive(iter_train(None, pairs, tmp_path / "run", **SHORT))
    assert not (tmp_path / "run").exists()
    assert drive(iter_train(None, pairs, tmp_path / "run", check=False, assess=False, **SHORT)).steps == 2


@pytest.mark.parametrize("name", ["denoise-care", "my cells"])
def test_a_name_that_cannot_be_is_refused_before_a_run_is_made(
    name: str, pairs: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="name"):
        drive(iter_train(None, pairs, tmp_path / "run", name=name, install=True, **SHORT))
    assert not (tmp_path / "run").exists()


def _assessing(monkeypatch: pytest.MonkeyPatch, then: BaseException | None) -> None:
    def task(*_: object, **__: object) -> Iterator[Progress]:
        yield Progress(done=0, total=1, message="comparing")
        if then is not None:
            raise then

    monkeypatch.setattr(assess, "iter_assess", task)


@pytest.mark.parametrize(
    "error", [RestorationError("Images are gone."), OSError(5, "I/O"), MemoryError("no memory")]
)
def test_an_assessment_that_fails_costs_a_notice_and_not_the_model(
    error: Exception, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _assessing(monkeypatch, error)
    reports: list[Progress] = []
    result = drive(iter_train(None, pairs, tmp_path / "run", check=False, **SHORT), reports.append)
    assert result.assessment is None
    assert any("not compared" in r.message for r in reports if isinstance(r, Notice))
    assert find_card(result.folder)[0].id == result.model


def test_quit_while_the_model_is_compared_installs_it_as_it_is(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _assessing(monkeypatch, AssertionError("it went on"))
    control = TrainingControl()
    task = iter_train(None, pairs, tmp_path / "run", check=False, install=True, control=control, **SHORT)
    result = drive(task, lambda report: control.quit() if report.message == "comparing" else None)
    assert result.assessment is None
    assert result.model in list_models()


def test_a_run_that_was_killed_before_its_model_was_installed_is_offered_and_then_installs_it(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as killed:
        _assessing(killed, KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            drive(iter_train(None, pairs, run, check=False, install=True, name="mine", **SHORT))
    assert "mine" not in list_models()
    assert [one.model for one in unfinished_runs([run])] == ["mine"]
    drive(iter_resume(run))
    assert "mine" in list_models()
    assert unfinished_runs([run]) == []


def test_a_run_whose_model_is_being_compared_is_no_one_elses(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _assessing(monkeypatch, None)
    run, locked = tmp_path / "run", []
    task = iter_train(None, pairs, run, check=False, install=True, **SHORT)
    drive(task, lambda report: locked.append(is_held(run)) if report.message == "comparing" else None)
    assert locked == [True]
    assert not is_held(run)


def test_models_that_cannot_be_kept_are_refused_before_training(pairs: Path, tmp_path: Path) -> None:
    user_models_folder().parents[1].mkdir(parents=True)
    user_models_folder().parent.touch()
    with pytest.raises(OutputError, match="models cannot be added to"):
        drive(iter_train(None, pairs, tmp_path / "run", check=False, install=True, **SHORT))
    assert not (tmp_path / "run").exists()


def test_quit_while_pairs_are_looked_at_makes_no_run(pairs: Path, tmp_path: Path) -> None:
    control = TrainingControl()
    with pytest.raises(TrainingSaved, match="before it began"):
        drive(iter_train(None, pairs, tmp_path / "run", control=control, **SHORT), lambda _: control.quit())
    assert not (tmp_path / "run").exists()


def test_a_run_that_was_quit_is_trained_to_its_end_and_installed_as_it_was_asked_for(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_restoration.training.loop._SECONDS_BETWEEN_REPORTS", -1.0)
    control = TrainingControl()
    task = iter_train(
        None,
        pairs,
        tmp_path / "run",
        check=False,
        assess=False,
        install=True,
        name="mine",
        control=control,
        **SHORT,
    )
    with pytest.raises(TrainingSaved):
        drive(task, lambda report: control.quit() if report.done == 1 else None)
    assert "mine" not in list_models()
    result = drive(iter_resume(tmp_path / "run"))
    assert result.model == "mine"
    assert "mine" in list_models()


def test_stop_makes_the_model_of_what_there_is(pairs: Path, tmp_path: Path) -> None:
    control = TrainingControl()
    long = {**SHORT, "changes": {"epochs": 1000, "patch": 16}}

    def wish(report: Progress) -> None:
        if isinstance(report, EpochReport):
            control.stop()

    task: Task[Any] = iter_train(
        None, pairs, tmp_path / "run", check=False, assess=False, control=control, **long
    )
    result = drive(task, wish)
    assert result.card.training["steps"] == result.steps < 1000


def test_a_model_that_cannot_be_installed_is_said_to_be_in_its_run(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("napari_restoration.tasks.train_install.shutil.copyfile", full)
    with pytest.raises(OutputError, match=r"trained, but only in .*run/model: .*No space left"):
        drive(iter_train(None, pairs, tmp_path / "run", check=False, assess=False, install=True, **SHORT))
    assert find_card(tmp_path / "run" / "model")[0].training["steps"] == 2
