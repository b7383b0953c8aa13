"""Training in a real child process: its reports, wishes to it, and every way in which one of the two can end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from scipy import ndimage

from napari_restoration.core.errors import InputError, RestorationError
from napari_restoration.core.progress import Progress, Task
from napari_restoration.models.registry import list_models
from napari_restoration.tasks import train_process
from napari_restoration.tasks.train_control import TrainingControl, TrainingSaved
from napari_restoration.tasks.train_process import command, iter_train_command, run_folder
from napari_restoration.tasks.train_reports import (
    EpochReport,
    LiveReport,
    ModelWritten,
    Paused,
    TrainingResult,
    read_live,
    to_line,
)
from napari_restoration.training.checkpoint import read_checkpoint
from napari_restoration.training.run import TrainingRun

RECIPE = """
id = "made"
title = "Made"
description = "Made by a test."
task = "denoise"
arch = "care"
arch_args = {{ base = 2, depth = 1, kernel = 3 }}
seed = 5

[[pairs]]
match = "*"

[training]
steps = {steps}
steps_per_epoch = {every}
batch_size = 2
patch = 16
field_size = 64
patches_per_field = 2
warmup_steps = 1
validation_patches = 2
losses = {{ l1 = 1.0 }}
"""


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Trains a tiny network for ever."""
    for side, noise in (("input", 5.0), ("target", 0.2)):
        (tmp_path / "pairs" / side).mkdir(parents=True)
        for number in range(4):
            rng = np.random.default_rng(number)
            image = ndimage.gaussian_filter(rng.random((64, 64)), 2) * 1000 + rng.normal(0, noise, (64, 64))
            tifffile.imwrite(tmp_path / "pairs" / side / f"cell{number}.tif", image.astype(np.float32))
    return _arguments(tmp_path, "run")


def _arguments(folder: Path, run: str, *, steps: int = 1_000_000, every: int = 1000) -> list[str]:
    recipe = folder / f"recipe{steps}.toml"
    recipe.write_text(RECIPE.format(steps=steps, every=every))
    chosen = ["--recipe", str(recipe), "--pairs", str(folder / "pairs"), "--out", str(folder / run)]
    return [*chosen, "--no-check", "--no-assess"]


def _until(task: Task[TrainingResult], kind: type[Progress], *, done: int = 0) -> list[Progress]:
    reports = []
    for report in task:
        reports.append(report)
        if isinstance(report, kind) and report.done >= done:
            return reports
    raise AssertionError(f"no {kind.__name__}")


def _rest(task: Task[TrainingResult]) -> tuple[list[Progress], TrainingResult]:
    reports = []
    while True:
        try:
            reports.append(next(task))
        except StopIteration as end:
            return reports, end.value


def _timed(task: Task[TrainingResult], waits: list[float]) -> Task[TrainingResult]:
    while True:
        begin = time.monotonic()
        try:
            report = next(task)
        except StopIteration as end:
            return end.value
        waits.append(time.monotonic() - begin)
        yield report


def _goes_on_to_the_same_bits(broken: Path, folder: Path) -> None:
    """Against a run from the same recipe that nobody stopped."""
    assert not (broken / "training.lock").exists()
    resumed = TrainingRun.resume(broken)
    assert 0 < resumed.step < resumed.recipe.training.steps
    unbroken = TrainingRun.create(folder / "unbroken", resumed.recipe, resumed.material)
    for run in (resumed, unbroken):
        for _ in run.epochs():
            pass
    first, second = (read_checkpoint(run.folder).tensors for run in (resumed, unbroken))
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_a_process_that_has_not_begun_to_train_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be loading libraries for long, and has nothing to save."""
    line = to_line(Progress(done=0, total=0, message="loading"))
    deaf = [sys.executable, "-c", f"import time; print({line!r}, flush=True); time.sleep(60)"]
    monkeypatch.setattr(train_process, "command", lambda _: deaf)
    monkeypatch.setattr(train_process, "_SECONDS_TO_LEAVE", 0.2)
    task = iter_train_command(["--out", "run"])
    next(task)
    next(task)
    begin = time.monotonic()
    task.close()
    assert time.monotonic() - begin < 10


def test_a_training_is_watched_paused_exported_from_and_stopped(arguments: list[str], tmp_path: Path) -> None:
    control = TrainingControl()
    waits: list[float] = []
    task = _timed(iter_train_command([*arguments, "--name", "my-cells", "--install"], control), waits)
    reports = _until(task, Progress, done=1)
    crops = read_live(next(r.path for r in reports if isinstance(r, LiveReport)))
    assert crops.input.shape == crops.target.shape
    control.pause()
    paused = _until(task, Paused)[-1]
    assert next(task).done == paused.done
    control.export()
    assert not next(r for r in _until(task, ModelWritten) if isinstance(r, ModelWritten)).final
    control.go_on()
    _until(task, Progress, done=paused.done + 1)
    control.stop()
    last, result = _rest(task)
    assert any(isinstance(r, EpochReport) for r in last)
    assert isinstance(last[-1], ModelWritten)
    assert last[-1].final
    assert (
        last[-1].folder
        == result.folder
        == tmp_path / "user" / "data" / "napari-restoration" / "models" / "my-cells"
    )
    assert "my-cells" in list_models()
    assert result.steps > paused.done
    # Whoever drives the task can look at something else twice a second, also while the process loads its libraries.
    assert max(waits) < 1.5


def test_a_closed_task_leaves_a_run_that_goes_on_to_the_same_bits(
    arguments: list[str], tmp_path: Path
) -> None:
    task = iter_train_command(_arguments(tmp_path, "broken", steps=300, every=50))
    _until(task, EpochReport)
    task.close()
    _goes_on_to_the_same_bits(tmp_path / "broken", tmp_path)


def test_a_wish_to_quit_is_passed_on_and_its_answer_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "import sys\nfrom napari_restoration.core.progress import Progress\n"
        "from napari_restoration.tasks.train_reports import Failed, to_line\n"
        "print(to_line(Progress(done=1, total=2)), flush=True)\nassert sys.stdin.readline() == 'quit\\n'\n"
        "print(to_line(Failed(done=0, total=0, message='Training is saved.', kind='saved')), flush=True)\n"
    )
    monkeypatch.setattr(train_process, "command", lambda _: [sys.executable, "-c", script])
    control = TrainingControl()
    task = iter_train_command([], control)
    _until(task, Progress, done=1)
    control.quit()
    with pytest.raises(TrainingSaved, match="Training is saved"):
        _rest(task)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_killed_process_is_told_of_with_the_way_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    monkeypatch.setattr(train_process, "command", lambda _: [sys.executable, "-c", script])
    (tmp_path / "config.json").touch()
    with pytest.raises(
        RestorationError, match=r"killed by signal 9 \(often because memory ran out\); go on .*--resume"
    ):
        _rest(iter_train_command(["--out", str(tmp_path)]))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_where_the_program_that_started_it_is_killed_the_process_saves_and_ends(
    arguments: list[str], tmp_path: Path
) -> None:
    script = (
        "import sys\nfrom napari_restoration.tasks.train_control import TrainingControl\n"
        "from napari_restoration.tasks.train_process import iter_train_command\ncontrol = TrainingControl()\n"
        "for report in iter_train_command(sys.argv[1:], control):\n    print(type(report).__name__, flush=True)\n"
        "    if type(report).__name__ == 'EpochReport':\n        control.pause()\n"
    )
    own = _arguments(tmp_path, "broken", steps=300, every=50)
    parent = subprocess.Popen([sys.executable, "-c", script, *own], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    while parent.stdout.readline().strip() != b"Paused":
        pass
    parent.kill()
    parent.wait()
    parent.stdout.close()
    limit = time.monotonic() + 30
    while (tmp_path / "broken" / "training.lock").exists() and time.monotonic() < limit:
        time.sleep(0.1)
    _goes_on_to_the_same_bits(tmp_path / "broken", tmp_path)


def test_what_the_command_refuses_is_raised_as_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^A new run needs --pairs"):
        _rest(iter_train_command(["--task", "denoise", "--out", str(tmp_path / "run")]))
    with pytest.raises(InputError, match=r"^argument --size: invalid choice"):
        _rest(iter_train_command(["--size", "huge"]))


def test_a_process_that_ends_without_a_word_is_told_of_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "import sys; print('not JSON'); print('the reason', file=sys.stderr); sys.exit(3)"
    monkeypatch.setattr(train_process, "command", lambda _: [sys.executable, "-c", script])
    with pytest.raises(
        RestorationError, match=r"status 3; nothing was trained yet.* Its last words: the reason"
    ):
        _rest(iter_train_command(["--out", str(tmp_path / "run")]))


def test_a_process_that_does_not_listen_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        train_process, "command", lambda _: [sys.executable, "-c", "import time; time.sleep(60)"]
    )
    monkeypatch.setattr(train_process, "_SECONDS_TO_SAVE", 0.2)
    task = iter_train_command([])
    next(task)
    begin = time.monotonic()
    task.close()
    assert time.monotonic() - begin < 10


def test_the_process_is_started_with_an_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command(["a"])[0] == sys.executable
    monkeypatch.setattr(sys, "executable", os.path.join(os.sep, "opt", "napari", "napari"))
    assert Path(command([])[0]).stem.startswith("python")


@pytest.mark.parametrize(
    ("words", "folder"),
    [(["--out", "a b"], Path("a b")), (["--resume=r"], Path("r")), (["--out"], None), ([], None)],
)
def test_the_folder_of_the_run_is_read_from_the_arguments(words: list[str], folder: Path | None) -> None:
    assert run_folder(words) == folder
