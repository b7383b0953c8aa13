from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from napari_restoration.core.errors import InputError, OutputError, RestorationError
from napari_restoration.core.progress import Notice
from napari_restoration.training.checkpoint import LAST, PREVIOUS, read_checkpoint
from napari_restoration.training.report import EpochReport
from napari_restoration.training.run import BEST, HISTORY, TrainingRun

BURST = {"photons": 50.0, "frames": (2.0, 3.0), "path_px": 4.0, "shift_px": 0.5, "mtf_sigma_px": 0.5}
LENS = {
    "photons": 90.0,
    "na": 0.5,
    "refractive_index": 1.0,
    "wavelength_um": 0.6,
    "pixel_size_um": 0.6,
    "z_um": 3.0,
}
TINY = {
    "care": {},
    "bdu": {
        "task": "deblur",
        "arch": "bdu",
        "arch_args": {"first": 4, "growth": 2, "layers": 1, "depth": 1, "dropout": 0.3},
        "degradation": BURST,
        "training": {"losses": {"l1": 1.0, "ssim": 0.5}},
    },
    "c2f": {
        "task": "refocus",
        "arch": "c2f",
        "arch_args": {"base": 4, "depth": 2, "levels": 2},
        "degradation": LENS,
        "training": {"losses": {"content": 1.0}, "frozen_share": 0.5},
    },
    "c2f-tuned": {
        "task": "refocus",
        "arch": "c2f",
        "arch_args": {"base": 4, "depth": 2, "levels": 2},
        "degradation": LENS,
        "training": {"losses": {"content": 1.0}, "norms": "fixed", "percentiles": "image"},
    },
    "rrdb": {
        "task": "superres",
        "arch": "rrdb",
        "arch_args": {"maps": 4, "growth": 2, "blocks": 1},
        "degradation": {k: v for k, v in LENS.items() if k != "z_um"},
        "training": {"losses": {"l1": 1.0, "gradient": 0.1}},
    },
}


def _tensors(folder: Path) -> dict[str, torch.Tensor]:
    return read_checkpoint(folder)[0]


def _reports(run: TrainingRun) -> list[EpochReport]:
    return [report for report in run.epochs() if isinstance(report, EpochReport)]


@pytest.mark.parametrize("arch", TINY)
def test_a_resumed_run_ends_with_the_same_bits_as_an_unbroken_one(
    arch: str, images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    recipe = tiny_recipe(**TINY[arch])
    unbroken = TrainingRun.create(tmp_path / "unbroken", recipe, images_dir)
    for _ in unbroken.epochs():
        pass
    broken = TrainingRun.create(tmp_path / "broken", recipe, images_dir)
    epochs = broken.epochs()
    next(epochs)
    epochs.close()
    torch.rand(3)  # whatever else draws from the global generator must not matter
    resumed = TrainingRun.resume(tmp_path / "broken")
    assert resumed.step == 2
    for _ in resumed.epochs():
        pass
    first, second = _tensors(tmp_path / "unbroken"), _tensors(tmp_path / "broken")
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    best = [load_file(tmp_path / name / BEST) for name in ("unbroken", "broken")]
    assert all(torch.equal(best[0][name], best[1][name]) for name in best[0])


def test_a_damaged_last_checkpoint_gives_way_to_the_previous_one(
    images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    for _ in run.epochs():
        pass
    last = tmp_path / "run" / LAST
    content = bytearray(last.read_bytes())
    content[-5] ^= 1
    last.write_bytes(bytes(content))
    resumed = TrainingRun.resume(tmp_path / "run")
    assert resumed.step == 2
    said = [report.message for report in resumed.epochs() if isinstance(report, Notice)]
    assert any("damaged" in words for words in said)


def test_a_run_without_a_whole_checkpoint_says_so(images_dir: Path, tmp_path: Path, tiny_recipe) -> None:
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    for _ in run.epochs():
        pass
    for name in (LAST, PREVIOUS):
        (tmp_path / "run" / name).write_bytes(b"cut off")
    with pytest.raises(RestorationError, match="no whole checkpoint"):
        TrainingRun.resume(tmp_path / "run")


def test_a_run_killed_before_its_first_checkpoint_starts_again(
    images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    assert TrainingRun.resume(tmp_path / "run").step == 0


def test_the_history_has_a_row_for_each_epoch(images_dir: Path, tmp_path: Path, tiny_recipe) -> None:
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    reports = _reports(run)
    with (tmp_path / "run" / HISTORY).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["step"]) for row in rows] == [report.done for report in reports] == [2, 4]
    assert [float(row["val_loss"]) for row in rows] == [report.val_loss for report in reports]


def test_training_lowers_the_loss(images_dir: Path, tmp_path: Path, tiny_recipe) -> None:
    recipe = tiny_recipe(
        training={"steps": 60, "steps_per_epoch": 20, "learning_rate": 5e-3, "ema_decay": 0.9}
    )
    reports = _reports(TrainingRun.create(tmp_path / "run", recipe, images_dir))
    assert reports[-1].train_loss < reports[0].train_loss - 0.2


def test_a_time_budget_ends_the_run(images_dir: Path, tmp_path: Path, tiny_recipe) -> None:
    recipe = tiny_recipe(training={"steps": 100_000, "steps_per_epoch": 50_000})
    run = TrainingRun.create(tmp_path / "run", recipe, images_dir, minutes=0.01)
    (report,) = _reports(run)
    assert run.finished
    assert 0.01 <= report.minutes < 0.5


def test_a_folder_that_holds_a_run_is_not_overwritten(images_dir: Path, tmp_path: Path, tiny_recipe) -> None:
    TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    with pytest.raises(OutputError, match="already holds a training run"):
        TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no training run"):
        TrainingRun.resume(tmp_path)
