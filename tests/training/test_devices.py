from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from napari_restoration.core.errors import InputError, RestorationError
from napari_restoration.training.checkpoint import read_checkpoint
from napari_restoration.training.core import Core
from napari_restoration.training.data import RunData
from napari_restoration.training.device import open_fabric
from napari_restoration.training.recipe import recipe_to_toml


@pytest.mark.parametrize("device", ["gpu", "cuda:first", "tpu:0"])
def test_an_unknown_device_is_named(device: str) -> None:
    with pytest.raises(InputError, match=f"{device!r} is unknown"):
        open_fabric(device, "fp32")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match="'cuda' cannot be used here"):
        open_fabric("cuda", "fp32")


def test_several_devices_are_the_first_of_a_kind() -> None:
    with pytest.raises(InputError, match="not 'cuda:1'"):
        open_fabric("cuda:1", "fp32", 2)


def test_without_lightning_fabric_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(RestorationError, match=r"napari-restoration\[train\]"):
        open_fabric("cpu", "fp32")


@pytest.mark.slow
def test_two_processes_take_the_step_of_their_batches_together(
    images_dir: Path, tmp_path: Path, tiny_recipe
) -> None:
    recipe = tiny_recipe(training={"steps": 1, "steps_per_epoch": 1, "losses": {"l1": 1.0}})
    (tmp_path / "recipe.toml").write_text(recipe_to_toml(recipe), encoding="utf-8")
    command = [sys.executable, "-m", "napari_restoration", "train", "--recipe", str(tmp_path / "recipe.toml")]
    command += ["--data", str(images_dir), "--out", str(tmp_path / "run"), "--devices", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("tiny is trained") == 1
    alone = Core(recipe)
    maker = RunData(recipe, images_dir).batches()
    batches = [maker.batch(number) for number in (0, 1)]
    alone.step((torch.cat([b[0] for b in batches]), torch.cat([b[1] for b in batches])), 1.0)
    found = read_checkpoint(tmp_path / "run").tensors
    for name, tensor in alone.restoring.state_dict().items():
        torch.testing.assert_close(found[f"network.generator.{name}"], tensor, rtol=1e-4, atol=1e-6)
