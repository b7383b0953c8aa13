"""A result made again from its record: equal to the bit, or one sentence that says why not."""

import json
import shutil

import numpy as np
import pytest

from napari_restoration.core.errors import InputError, ModelError, OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import read_image, write_image
from napari_restoration.core.progress import run
from napari_restoration.models.card import ModelCard
from napari_restoration.models.registry import user_models_folder
from napari_restoration.models.store import save_model_folder
from napari_restoration.tasks.degrade_file import iter_degrade_file
from napari_restoration.tasks.degrade_settings import DegradeSettings
from napari_restoration.tasks.replay import iter_replay
from napari_restoration.tasks.restore_file import iter_restore_file
from napari_restoration.tasks.settings import RestoreSettings

UM = {"Z": 0.5, "Y": 0.2, "X": 0.2}
CARE = {"base": 2, "depth": 1, "kernel": 3}


def save_model(folder, name, arch, settings, seed=0, **fields):
    import torch

    from napari_restoration.models.archs import build, geometry

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build(arch, **settings)
    shape = geometry(arch, **settings)
    card = ModelCard(
        id=name, title=name, description="Random weights.", task="denoise", arch=arch, arch_args=settings,
        halo=shape.receptive_field, receptive_field=shape.receptive_field, size_multiple=shape.size_multiple,
        **fields,
    )  # fmt: skip
    save_model_folder(folder / name, card, {k: v.numpy() for k, v in network.state_dict().items()})
    return folder / name


@pytest.fixture
def models(user_dirs):
    """Tiny networks of each kind among the user's models."""
    folder = user_models_folder()
    folder.mkdir(parents=True)
    save_model(folder, "tiny-care", "care", CARE, laplace_scale=True)
    save_model(folder, "tiny-x2", "rrdb", {"maps": 2, "growth": 1, "blocks": 1}, scale=2)
    save_model(folder, "tiny-burst", "bdu", {"first": 2, "growth": 1, "layers": 1, "depth": 1}, frames=5)
    return folder


def cells(*shape, dtype="uint16"):
    rng = np.random.default_rng(3)
    return (100 + 800 * rng.random(shape) ** 3).astype(dtype)


@pytest.fixture
def made(tmp_path, models):
    """Writes an input and restores it; returns the result's path."""

    def make(model="tiny-care", axes="YX", shape=(70, 90), suffix=".tif", **settings):
        write_image(tmp_path / "cells.tif", CalibratedImage(cells(*shape), axes, UM))
        output = tmp_path / f"result{suffix}"
        run(iter_restore_file(tmp_path / "cells.tif", output, model, RestoreSettings(**settings)))
        return output

    return make


KINDS = {
    "network": {"model": "tiny-care"},
    "stack with two passes": {"model": "tiny-care", "axes": "ZYX", "shape": (3, 60, 70), "passes": 2, "tile": 32},
    "one channel": {"model": "tiny-care", "axes": "CYX", "shape": (2, 60, 70), "channel": 1},
    "same type": {"model": "tiny-care", "dtype": "same"},
    "enlarged": {"model": "tiny-x2", "axes": "TYX", "shape": (2, 40, 50)},
    "burst": {"model": "tiny-burst", "axes": "TYX", "shape": (9, 48, 64), "frames": 3},
    "burst without registration": {"model": "tiny-burst", "axes": "TYX", "shape": (5, 48, 64), "register": False},
    "half precision": {"model": "tiny-care", "precision": "bf16"},
    "adapted": {"model": "tiny-burst", "axes": "TYX", "shape": (5, 48, 64), "adapt": True},
    "Richardson-Lucy": {"model": "classical-richardson-lucy", "parameters": {"sigma_px": 1.5, "iterations": 3}},
    "noise measured": {"model": "classical-non-local-means"},
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_replay_is_equal_to_the_bit_for_every_kind_of_model_and_setting(made, tmp_path, kind):
    result = made(**KINDS[kind])
    report = run(iter_replay(result, tmp_path / "again.tif"))
    assert report["equal"] is True, report["words"]
    assert report["differences"] == []
    assert report["different_pixels"] == 0
    first, again = (read_image(path) for path in (result, tmp_path / "again.tif"))
    assert np.asarray(first.data).tobytes() == np.asarray(again.data).tobytes()
    assert again.metadata["provenance"]["result"] == first.metadata["provenance"]["result"]


@pytest.mark.parametrize("suffix", [".tif", ".ome.tif", ".ome.zarr"])
def test_every_file_type_carries_what_a_replay_needs(made, tmp_path, suffix):
    result = made(axes="TZCYX", shape=(2, 2, 2, 40, 50), suffix=suffix)
    other = ".ome.tif" if suffix == ".ome.zarr" else ".ome.zarr"
    report = run(iter_replay(result, tmp_path / f"again{other}"))
    assert (report["equal"], report["different_pixels"]) == (True, 0)


def test_a_record_saved_as_json_is_judged_by_its_hash(made, tmp_path):
    record = read_image(made()).metadata["provenance"]
    (tmp_path / "record.json").write_text(json.dumps(record))
    report = run(iter_replay(tmp_path / "record.json", tmp_path / "again.tif"))
    assert report["equal"] is True
    assert "hash" in report["words"]
    record["result"] = {}
    (tmp_path / "record.json").write_text(json.dumps(record))
    report = run(iter_replay(tmp_path / "record.json", tmp_path / "again.tif", overwrite=True))
    assert report["equal"] is None
    assert "nobody can tell" in report["words"]


def test_tiles_that_the_engine_chose_are_taken_from_the_record(made, tmp_path, monkeypatch):
    result = made(shape=(300, 310))
    tile = read_image(result).metadata["provenance"]["settings"]["tile"]
    monkeypatch.setattr("napari_restoration.tasks.prepare.choose_tile", lambda *_: (64, 64))
    run(iter_replay(result, tmp_path / "again.tif"))
    assert read_image(tmp_path / "again.tif").metadata["provenance"]["settings"]["tile"] == tile


def test_a_network_runs_on_as_many_threads_as_recorded(made, tmp_path, monkeypatch):
    import torch

    from napari_restoration.models.loader import RestorationModel

    before = torch.get_num_threads()
    record = read_image(made()).metadata["provenance"]
    assert record["settings"]["threads"] == before
    record["settings"]["threads"] = before + 1
    (tmp_path / "record.json").write_text(json.dumps(record))
    seen, predict = [], RestorationModel.predict
    monkeypatch.setattr(
        RestorationModel, "predict", lambda *given: seen.append(torch.get_num_threads()) or predict(*given)
    )
    run(iter_replay(tmp_path / "record.json", tmp_path / "again.tif"))
    assert set(seen) == {before + 1}
    assert torch.get_num_threads() == before


def test_an_input_that_was_moved_is_named_and_can_be_given(made, tmp_path):
    result = made()
    (tmp_path / "elsewhere").mkdir()
    moved = (tmp_path / "cells.tif").rename(tmp_path / "elsewhere" / "moved.tif")
    with pytest.raises(
        InputError, match=r"The input 'cells\.tif' of .*result\.tif .* name its file with --input\.$"
    ):
        run(iter_replay(result, tmp_path / "again.tif"))
    assert run(iter_replay(result, tmp_path / "again.tif", source=moved))["equal"] is True


def test_input_and_result_that_were_moved_together_find_each_other(made, tmp_path):
    result = made()
    (tmp_path / "new").mkdir()
    for name in ("cells.tif", result.name):
        (tmp_path / name).rename(tmp_path / "new" / name)
    assert run(iter_replay(tmp_path / "new" / result.name, tmp_path / "again.tif"))["equal"] is True


def test_other_pixels_are_refused_before_the_model_is_loaded(made, tmp_path, monkeypatch):
    result = made()
    monkeypatch.setattr("napari_restoration.tasks.prepare.load_known", None)
    other = cells(70, 90)
    other[5, 5] += 1
    write_image(tmp_path / "cells.tif", CalibratedImage(other, "YX", UM), overwrite=True)
    with pytest.raises(
        InputError, match=r"cells\.tif is not the image that result\.tif was made from: the SHA-256"
    ):
        run(iter_replay(result, tmp_path / "again.tif"))
    write_image(tmp_path / "cells.tif", CalibratedImage(other[:60], "YX", UM), overwrite=True)
    with pytest.raises(InputError, match=r"its shape is \(60, 90\) instead of \(70, 90\)"):
        run(iter_replay(result, tmp_path / "again.tif"))
    assert not (tmp_path / "again.tif").exists()


def test_a_model_that_is_gone_renamed_or_trained_anew(made, models, tmp_path):
    result = made()
    shutil.move(models / "tiny-care", tmp_path / "kept")
    with pytest.raises(
        ModelError, match=r"The model 'tiny-care' of .*result\.tif is not among the models here"
    ):
        run(iter_replay(result, tmp_path / "again.tif"))
    assert run(iter_replay(result, tmp_path / "again.tif", model=tmp_path / "kept"))["equal"] is True

    save_model(models, "tiny-care", "care", CARE, seed=1, laplace_scale=True)
    with pytest.raises(ModelError, match=r"The model 'tiny-care' has other weights .* with --model\.$"):
        run(iter_replay(result, tmp_path / "b.tif"))

    card = json.loads((tmp_path / "kept" / "card.json").read_text())
    shutil.copytree(tmp_path / "kept", models / "renamed")
    (models / "renamed" / "card.json").write_text(json.dumps({**card, "id": "renamed"}))
    assert run(iter_replay(result, tmp_path / "b.tif"))["model"] == "renamed"


def test_other_versions_and_another_device_are_told(made, tmp_path):
    record = read_image(made()).metadata["provenance"]
    record["software"]["torch"] = "1.0"
    record["device"] = "cuda:7"
    (tmp_path / "record.json").write_text(json.dumps(record))
    report = run(iter_replay(tmp_path / "record.json", tmp_path / "again.tif"))
    assert "torch 1.0, here " in report["differences"][0]
    assert "cuda:7, which is not here" in report["differences"][1]
    assert report["equal"] is True


def test_a_result_that_is_not_equal_is_said_with_numbers(made, tmp_path):
    result = made()
    image = read_image(result, lazy=False)
    record = dict(image.metadata["provenance"])
    record["settings"] = {**record["settings"], "tile": [16, 16]}
    record["result"] = {"sha256": "0" * 64}
    image.data[3, 4] += 7
    write_image(tmp_path / "changed.tif", image.replace(metadata={"provenance": record}))
    report = run(iter_replay(tmp_path / "changed.tif", tmp_path / "again.tif"))
    assert report["equal"] is False
    assert report["different_pixels"] >= 1
    assert report["largest_difference"] == pytest.approx(7, abs=1e-2)
    assert report["words"].startswith("Not equal: ")


def test_a_file_that_was_changed_later_is_told_from_a_replay_that_failed(made, tmp_path):
    image = read_image(made(), lazy=False)
    image.data[3, 4] += 7
    write_image(tmp_path / "changed.tif", image)
    report = run(iter_replay(tmp_path / "changed.tif", tmp_path / "again.tif"))
    assert (report["equal"], report["different_pixels"]) == (True, 1)
    assert "changed later" in report["words"]


def test_recorded_intensities_are_taken_where_they_are_measured_otherwise(made, tmp_path):
    record = read_image(made()).metadata["provenance"]
    record["normalization"][0]["low"] += 50
    (tmp_path / "record.json").write_text(json.dumps(record))
    report = run(iter_replay(tmp_path / "record.json", tmp_path / "again.tif"))
    assert report["equal"] is False
    assert "those of the record were taken" in report["differences"][0]
    again = read_image(tmp_path / "again.tif").metadata["provenance"]
    assert again["normalization"] == record["normalization"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: record.update(version=99), r"of version 99, this program knows up to 1: update"),
        (lambda record: record.update(task="train"), r"the task 'train', which cannot be replayed"),
        (lambda record: record.update(inputs=[]), r"names no input"),
        (lambda record: record["settings"].update(tile="big"), r"field 'tile' is 'big'"),
        (lambda record: record["settings"].update(tile=[7, 7]), r"tile \[7, 7\] does not fit"),
        (lambda record: record["settings"].update(passes=9), r"cannot be replayed: passes is 9"),
        (lambda record: record["inputs"][0].pop("sha256"), r"holds no hash of the input"),
        (lambda record: record.pop("task"), r"lacks the field 'task'"),
    ],
)  # fmt: skip
def test_records_that_cannot_be_replayed_say_why(made, tmp_path, change, message):
    record = read_image(made()).metadata["provenance"]
    change(record)
    (tmp_path / "record.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match=message):
        run(iter_replay(tmp_path / "record.json", tmp_path / "again.tif"))


def test_a_file_without_a_record_and_the_record_as_output_are_refused(made, tmp_path):
    result = made()
    with pytest.raises(InputError, match=r"cells\.tif carries no record of how it was made"):
        run(iter_replay(tmp_path / "cells.tif", tmp_path / "again.tif"))
    for path in (result, tmp_path / "cells.tif"):
        with pytest.raises(OutputError):
            run(iter_replay(result, path, overwrite=True))
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(InputError, match="no readable JSON"):
        run(iter_replay(tmp_path / "broken.json", tmp_path / "again.tif"))


def test_a_degraded_image_and_its_target_are_made_again_noise_included(tmp_path):
    write_image(tmp_path / "good.tif", CalibratedImage(cells(200, 220), "YX", {"Y": 0.16, "X": 0.16}))
    task = iter_degrade_file(
        tmp_path / "good.tif", tmp_path / "bad.tif", "widefield-20x", DegradeSettings(seed=5, pixel_size_um=0.1),
        target=tmp_path / "sharp.tif",
    )  # fmt: skip
    run(task)
    for name in ("bad", "sharp"):
        report = run(iter_replay(tmp_path / f"{name}.tif", tmp_path / f"{name} again.tif"))
        assert (report["equal"], report["different_pixels"]) == (True, 0)
        first, again = (read_image(tmp_path / f"{name}{more}.tif") for more in ("", " again"))
        np.testing.assert_array_equal(np.asarray(first.data), np.asarray(again.data))
    write_image(tmp_path / "good.tif", CalibratedImage(cells(200, 220) + np.uint16(1), "YX"), overwrite=True)
    with pytest.raises(InputError, match=r"good\.tif is not the image"):
        run(iter_replay(tmp_path / "bad.tif", tmp_path / "c.tif"))
