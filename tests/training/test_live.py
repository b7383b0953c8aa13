"""Live crops: what they hold, that they change nothing, and what a full disk costs."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Notice
from napari_restoration.tasks.train_reports import read_live
from napari_restoration.training import live
from napari_restoration.training.checkpoint import read_checkpoint
from napari_restoration.training.report import LiveReport
from napari_restoration.training.run import TrainingRun

BURST = {
    "task": "deblur",
    "arch": "bdu",
    "arch_args": {"first": 4, "growth": 2, "layers": 1, "depth": 1, "dropout": 0.3},
    "degradation": {
        "photons": 50.0,
        "frames": (2.0, 3.0),
        "path_px": 4.0,
        "shift_px": 0.5,
        "mtf_sigma_px": 0.5,
    },
}
FINER = {
    "task": "superres",
    "arch": "rrdb",
    "arch_args": {"maps": 4, "growth": 2, "blocks": 1},
    "degradation": {
        "photons": 90.0,
        "na": 0.5,
        "refractive_index": 1.0,
        "wavelength_um": 0.6,
        "pixel_size_um": 0.6,
    },
}


@pytest.mark.parametrize(("changes", "scale"), [(BURST, 1), (FINER, 2)])
def test_crops_are_shown_at_the_begin_and_the_end_and_change_no_bit(
    changes: dict, scale: int, images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    recipe = tiny_recipe(training={"losses": {"l1": 1.0}}, **changes)
    for _ in TrainingRun.create(tmp_path / "without", recipe, images_dir).epochs():
        pass
    run = TrainingRun.create(tmp_path / "with", recipe, images_dir)
    shown = [r for r in run.epochs(live=True) if isinstance(r, LiveReport)]
    assert (shown[0].step, shown[-1].step) == (0, 4)
    crops = read_live(shown[-1].path)
    assert (crops.step, crops.scale) == (4, scale)
    count, height, width = crops.input.shape
    assert 1 <= count == len(crops.names) <= 4
    assert crops.prediction.shape == crops.target.shape == (count, height * scale, width * scale)
    assert all(np.isfinite(part).all() for part in (crops.input, crops.prediction, crops.target))
    first, second = (read_checkpoint(tmp_path / name).tensors for name in ("without", "with"))
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_crops_stay_the_same_while_the_prediction_changes(
    images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(training={"learning_rate": 0.1}), images_dir)
    found = [read_live(r.path) for r in run.epochs(live=True) if isinstance(r, LiveReport)]
    assert np.array_equal(found[0].input, found[-1].input)
    assert np.array_equal(found[0].target, found[-1].target)
    assert not np.array_equal(found[0].prediction, found[-1].prediction)
    again = TrainingRun.create(tmp_path / "again", tiny_recipe(training={"learning_rate": 0.1}), images_dir)
    assert np.array_equal(
        read_live(next(r.path for r in again.epochs(live=True) if isinstance(r, LiveReport))).input,
        found[0].input,
    )


def test_a_full_disk_costs_one_notice_and_training_goes_on(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(live, "write_bytes_atomically", full)
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    reports = list(run.epochs(live=True))
    assert not any(isinstance(r, LiveReport) for r in reports)
    said = [
        r.message for r in reports if isinstance(r, Notice) and "Live pictures are not shown" in r.message
    ]
    assert len(said) == 1
    assert "No space left" in said[0]
    assert run.finished


def test_live_crops_take_a_small_share_of_the_time(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(live.time, "perf_counter", lambda: now[0])
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(), images_dir)
    assert run.data is not None
    window = live.LiveWindow(run.core, run.recipe, run.data, tmp_path / "run")
    monkeypatch.setattr(window, "_write", lambda *_: now.__setitem__(0, now[0] + 1.0))
    assert window.is_due()
    window.show(0)
    now[0] += 5
    assert not window.is_due(epoch_ends=True)
    now[0] += 30
    assert window.is_due()


def test_a_network_that_is_slow_gets_smaller_and_fewer_crops(
    images_dir: Path, tmp_path: Path, tiny_recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_SMALL", 32)
    now = [0.0]
    monkeypatch.setattr(live.time, "perf_counter", lambda: now[0])
    run = TrainingRun.create(tmp_path / "run", tiny_recipe(training={"field_size": 64}), images_dir)
    assert run.data is not None
    window = live.LiveWindow(run.core, run.recipe, run.data, tmp_path / "run")
    restored = window._restored

    def slow(crop):
        now[0] += crop.input.size * 4e-4
        return restored(crop)

    monkeypatch.setattr(window, "_restored", slow)
    assert window.show(0)
    crops = read_live(window.path)
    assert crops.input.shape == (1, 32, 32)


def test_a_file_that_holds_no_crops_is_refused(tmp_path: Path) -> None:
    (tmp_path / "live.safetensors").write_bytes(b"x" * 40)
    with pytest.raises(InputError, match="holds no live crops"):
        read_live(tmp_path / "live.safetensors")
