"""Orders as command lines, names of models, layers as files, and runs that were stopped."""

import json
import shlex
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import read_image
from napari_restoration.core.progress import run
from napari_restoration.models.registry import user_models_folder
from napari_restoration.tasks.train_order import (
    TrainOrder,
    check_model_name,
    discard_run,
    free_model_name,
    is_bad_by_name,
    iter_write_good,
    iter_write_pairs,
    match_names_of_layers,
    methods_of,
    new_run_folder,
    runs_folder,
    unfinished_runs,
)


def image(name, axes="YX", shape=(20, 24), **more):
    values = np.random.default_rng(0).integers(0, 1000, shape).astype(np.uint16)
    return CalibratedImage(values, axes, name=name, **more)


def test_an_order_is_the_command_that_fine_tunes_a_model_on_pairs():
    order = TrainOrder(
        run=Path("/runs/my cells"), kind="pairs", folder=Path("/data/pairs"), start="denoise-care", minutes=5.0,
        name="mine", leave_out=("a.tif", "b c.tif"), is_checked=True, task="denoise", method="care", size="tiny",
        changes={"patch": 64, "learning_rate": 1e-4},
    )  # fmt: skip
    assert order.arguments() == [
        "--from", "denoise-care", "--pairs", "/data/pairs", "--out", "/runs/my cells", "--minutes", "5", "--patch",
        "64", "--learning-rate", "0.0001", "--name", "mine", "--install", "--leave-out", "a.tif", "b c.tif",
        "--no-check",
    ]  # fmt: skip
    assert shlex.split(order.command()) == ["napari-restoration", "train", *order.arguments()]


def test_an_order_is_the_command_that_learns_good_images_from_scratch():
    order = TrainOrder(
        run=Path("/run"), kind="clean", folder=Path("/good"), validation=Path("/held"), preset="widefield-20x",
        pixel_size_um=0.1, task="refocus", size="tiny", minutes=5.0, epochs=2, seed=0, device="cuda", name="mine",
    )  # fmt: skip
    assert order.arguments() == [
        "--task", "refocus", "--size", "tiny", "--clean", "/good", "--preset", "widefield-20x", "--pixel-size", "0.1",
        "--val", "/held", "--out", "/run", "--epochs", "2", "--seed", "0", "--device", "cuda", "--name", "mine",
        "--install",
    ]  # fmt: skip


def test_numbers_of_an_order_keep_all_their_digits():
    order = TrainOrder(
        run=Path("run"), kind="clean", folder=Path("good"), preset="p", pixel_size_um=0.1083333333, minutes=1234567.5
    )  # fmt: skip
    assert "0.1083333333" in order.arguments()
    assert "1234567.5" in order.arguments()


def test_a_pair_whose_name_begins_like_an_option_is_left_out():
    order = TrainOrder(
        run=Path("run"), kind="pairs", folder=Path("p"), task="denoise", leave_out=("-a.tif", "b.tif")
    )
    assert order.arguments()[-2:] == ["--leave-out=-a.tif", "--leave-out=b.tif"]


def test_every_option_of_an_order_is_one_that_the_command_knows():
    import argparse

    from napari_restoration.cli.train import add_command

    order = TrainOrder(
        run=Path("/run"), kind="pairs", folder=Path("/pairs"), validation=Path("/held"), method="care", size="tiny",
        epochs=2, seed=0, device="cuda", name="mine", leave_out=("a", "b"), is_checked=True,
        changes={"patch": 64, "batch_size": 2, "learning_rate": 1e-4, "metric": "psnr", "early_stopping": 3},
    )  # fmt: skip
    parser = argparse.ArgumentParser()
    add_command(parser.add_subparsers())
    read = parser.parse_args(["train", *order.arguments()])
    assert (read.method, read.size, read.epochs, read.seed, read.patch) == ("care", "tiny", 2, 0, 64)
    assert list(read.leave_out) == ["a", "b"]
    assert (read.name, read.install) == ("mine", True)


def test_a_new_run_folder_is_free_and_is_not_made():
    now = datetime(2026, 1, 2, 3, 4, 5)
    folder = new_run_folder("mine", now)
    assert folder == runs_folder() / "mine-20260102-030405"
    folder.mkdir(parents=True)
    assert new_run_folder("mine", now).name == "mine-20260102-030405-2"
    assert not new_run_folder("mine", now).exists()


def test_names_of_models_are_free_ids():
    assert free_model_name("denoise-care", "Field 7 (noisy).tif") == "denoise-care-field-7"
    check_model_name("denoise-care-field-7")
    (user_models_folder() / "denoise-care-Field-7").mkdir(parents=True)
    assert free_model_name("denoise-care", "field 7") == "denoise-care-field-7-2"
    with pytest.raises(OutputError, match="choose another name"):
        check_model_name("denoise-care-field-7")
    with pytest.raises(OutputError, match="choose another name"):
        check_model_name("denoise-care")
    for name in ("my model", "", "-mine", "a/b", "x" * 65):
        with pytest.raises(InputError, match="letters, digits"):
            check_model_name(name)
    check_model_name(free_model_name("denoise-care", "x" * 300))


def test_names_of_layers_are_matched_by_words_for_bad_and_good():
    names = ["cells_2 noisy", "cells_1_clean", "cells_1_noisy", "other", "cells_2 clean"]
    assert match_names_of_layers(names) == [
        ("cells_2 noisy", "cells_2 clean"),
        ("cells_1_noisy", "cells_1_clean"),
    ]
    assert match_names_of_layers(["low_a", "high_a"]) == [("low_a", "high_a")]
    assert match_names_of_layers(["raw_a", "gt_a", "input_b", "target_b"]) == [
        ("raw_a", "gt_a"),
        ("input_b", "target_b"),
    ]
    assert match_names_of_layers(["input", "target"]) == [("input", "target")]
    assert match_names_of_layers(["cells", "cells_gt"]) == [("cells", "cells_gt")]
    assert match_names_of_layers(["cells", "cells noisy"]) == [("cells noisy", "cells")]
    degraded = "cells [confocal-63x]"
    assert match_names_of_layers(["cells", "cells [confocal-63x, target]", degraded]) == [
        (degraded, "cells [confocal-63x, target]")
    ]
    assert match_names_of_layers(["a", "b"]) == []
    assert [is_bad_by_name(name) for name in ("cells_noisy", "cells_clean", "cells")] == [True, False, False]


def test_methods_of_a_task_begin_with_the_usual_one():
    assert [name for name, _ in methods_of("denoise")] == ["care", "care-probabilistic"]
    assert methods_of("superres")[0][0] == "rrdb"


def test_pairs_are_written_with_their_calibration_under_names_of_their_own(tmp_path):
    given = image("field: 1", "TYX", (3, 20, 24), pixel_size_um={"Y": 0.1, "X": 0.1})
    again = image("FIELD_ 1")
    folder = run(
        iter_write_pairs([(given, image("good", "TYX", (3, 20, 24))), (again, again)], tmp_path / "p")
    )
    assert sorted(path.name for path in (folder / "input").iterdir()) == ["FIELD_ 1-2.tif", "field_ 1.tif"]
    assert sorted(path.name for path in (folder / "target").iterdir()) == ["FIELD_ 1-2.tif", "field_ 1.tif"]
    read = read_image(folder / "input" / "field_ 1.tif")
    assert read.axes == "TYX"
    assert read.pixel_size_um["X"] == pytest.approx(0.1)
    np.testing.assert_array_equal(np.asarray(read.data), given.data)
    with pytest.raises(InputError, match="choose an input and a target"):
        run(iter_write_pairs([], tmp_path / "q"))


def test_good_images_are_written(tmp_path):
    folder = run(iter_write_good([image("a"), image("b")], tmp_path / "good"))
    assert sorted(path.name for path in folder.iterdir()) == ["a.tif", "b.tif"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another folder"):
        run(iter_write_good([image("a")], tmp_path / "file" / "good"))


def begin_run(folder: Path, *, minutes: float | None = 5.0, state: dict[str, object] | None = None) -> Path:
    """A run as it stands on the disk, without weights."""
    from safetensors.numpy import save

    folder.mkdir(parents=True)
    (folder / "config.json").write_text(
        json.dumps({"recipe": {"id": "care-tuned"}, "minutes": minutes, "asked": {"name": "mine"}})
    )
    if state is not None:
        (folder / "last.ckpt").write_bytes(save({"w": np.zeros(1)}, {"state": json.dumps(state)}))
    return folder


def test_unfinished_runs_tell_how_far_they_are(tmp_path):
    assert unfinished_runs() == []
    stopped = begin_run(runs_folder() / "a", state={"step": 40, "elapsed": 2.5})
    begun = begin_run(tmp_path / "elsewhere", minutes=None)
    finished = begin_run(runs_folder() / "b")
    (finished / "model").mkdir()
    (finished / "model" / "card.json").write_text("{}")
    (runs_folder() / "c").mkdir()
    found = {one.folder: one for one in unfinished_runs([begun, tmp_path / "gone"])}
    assert set(found) == {stopped, begun}
    one = found[stopped]
    assert (one.model, one.steps, one.minutes_done, one.minutes) == ("mine", 40, 2.5, 5.0)
    assert not one.is_locked
    assert (found[begun].steps, found[begun].minutes) == (0, None)


def test_a_run_that_is_trained_into_is_locked_and_not_discarded():
    from napari_restoration.training.lock import only_training_in

    folder = begin_run(runs_folder() / "a")
    with only_training_in(folder):
        assert unfinished_runs()[0].is_locked
        with pytest.raises(OutputError, match="stop that training"):
            discard_run(folder)
    assert not unfinished_runs()[0].is_locked
    discard_run(folder)
    assert not folder.exists()


def test_an_exported_model_is_listed_under_its_step(tmp_path):
    from napari_restoration.models.card import ModelCard
    from napari_restoration.models.registry import find_card, list_models
    from napari_restoration.models.store import save_model_folder
    from napari_restoration.tasks.train_exported import install_exported

    card = ModelCard(
        id="m" * 64, title="Mine", description="Mine.", task="denoise", arch="care", arch_args={}, halo=2,
        receptive_field=2,
    )  # fmt: skip
    save_model_folder(tmp_path / "exported", card, {"w": np.zeros(1, np.float32)})
    for _ in range(2):  # the second replaces the first
        folder, model = install_exported(tmp_path / "exported", 1234)
        assert folder == user_models_folder() / model
        assert model == "m" * 55 + "-step1234"
        assert model in list_models("denoise")
        assert find_card(model)[0].title == "Mine (step 1234)"
    assert find_card(tmp_path / "exported")[0].id == card.id
