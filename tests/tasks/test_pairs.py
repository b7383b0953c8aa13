"""Training pairs: what is in the folder, and that its record makes every pair again."""

import json
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_restoration.core.errors import InputError, OutputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import read_image, write_image
from napari_restoration.core.progress import run
from napari_restoration.degradations.presets import Preset
from napari_restoration.tasks import pairs, pairs_record
from napari_restoration.tasks.pairs import PairSettings, iter_write_pairs, repeat_pair
from napari_restoration.tasks.presets import find_preset, with_typed_settings

PRESET = Preset.from_dict(
    {
        "id": "test",
        "title": "Test",
        "steps": [
            {
                "kind": "to_photons",
                "low_value": None,
                "high_value": None,
                "ranges": {"peak_photons": [50, 500]},
            },
            {"kind": "gaussian_blur", "sigma_px": 0.8, "ranges": {"sigma_px": [0.5, 1.0]}},
            {"kind": "binning", "factor": 2},
            {"kind": "camera", "read_noise_electrons": 1.0, "bits": 16},
        ],
        "levels": {
            "mild": {"to_photons.peak_photons": [300, 500]},
            "hard": {"to_photons.peak_photons": [5, 20]},
        },
    }
)
COLOURED = Preset.from_dict(
    {
        **PRESET.to_dict(),
        "steps": [{"kind": "optical_blur", "na": 0.2, "model": "gaussian"}, *PRESET.to_dict()["steps"]],
        "channel_wavelengths_um": [0.6, 0.5, 0.4],
    }
)
VOLUME = Preset.from_dict(
    {
        "id": "volume",
        "title": "Volume",
        "steps": [
            {"kind": "to_photons", "low_value": None, "high_value": None},
            {
                "kind": "optical_blur",
                "na": 0.9,
                "model": "gaussian",
                "half_depth_um": 1.0,
                "ranges": {"na": [0.7, 0.9]},
            },
            {"kind": "camera"},
        ],
    }
)
BURST = find_preset("tem-stream").with_settings({"motion_blur.frames": 3})


def good(shape=(40, 50), axes="YX", seed=0, name="cell", **sizes):
    values = np.random.default_rng(seed).integers(0, 200, shape).astype(np.uint16)
    return CalibratedImage(values, axes, pixel_size_um=sizes, name=name)


def write(images, preset, folder, overwrite=False, **settings):
    chosen = PairSettings(**{"levels": ("mild", "hard"), "count": 2, **settings})
    return run(iter_write_pairs(images, preset, folder, chosen, overwrite=overwrite))


def record_in(folder):
    return json.loads((folder / "pairs.json").read_text("utf-8"))


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_holds_inputs_targets_and_every_draw(tmp_path):
    report = write([good(), good(name="b")], PRESET, tmp_path / "new" / "pairs")
    folder = report.folder
    expected = [
        f"{name}_{level}_{copy:03d}.tif"
        for name in ("b", "cell")
        for level in ("hard", "mild")
        for copy in (0, 1)
    ]
    assert (
        names_in(folder / "input") == names_in(folder / "target") == sorted(report.pairs) == sorted(expected)
    )
    assert names_in(folder) == ["input", "pairs.json", "target"]
    record = record_in(folder)
    assert Preset.from_dict(record["preset"]) == PRESET
    assert record["settings"]["count"] == 2
    photons = {"mild": (300, 500), "hard": (5, 20)}
    for draw in record["pairs"]:
        low, high = photons[draw["level"]]
        steps = {step["kind"]: step for step in draw["model"]["steps"]}
        assert low <= steps["to_photons"]["peak_photons"] <= high
        assert 0.5 <= steps["gaussian_blur"]["sigma_px"] <= 1.0
    assert len({draw["seed"] for draw in record["pairs"]}) == 8
    given, wanted = (read_image(folder / part / expected[0]) for part in ("input", "target"))
    assert (given.shape, given.dtype) == ((20, 25), np.uint16)
    assert (wanted.shape, wanted.dtype) == ((40, 50), np.float32)


CASES = {
    "plane": (good(), PRESET, {}),
    "cut-outs": (good((60, 70)), PRESET, {"patch": 30}),
    "colours": (good((30, 34, 3), "YXS", Y=0.5, X=0.5), COLOURED, {}),
    "time": (good((2, 30, 34), "TYX"), PRESET, {"patch": 20}),
    "burst of two channels": (good((2, 160, 170), "CYX"), BURST, {"levels": ("mild",)}),
    "a file's own axes order": (good((30, 34, 2), "YXZ", Z=0.5), PRESET, {}),
    "widefield": (
        good((160, 150), X=0.5, Y=0.5), find_preset("widefield-20x"), {"levels": ("mild",), "pixel_size_um": 0.65},
    ),
    "volume": (
        good((9, 60, 64), "ZYX", Z=0.5, Y=0.2, X=0.2),
        VOLUME,
        {"levels": (), "volume": True, "patch": 40},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_record_alone_makes_every_pair_again_to_the_last_bit(case, tmp_path):
    image, preset, settings = CASES[case]
    write([image], preset, tmp_path, seed=5, **settings)
    for draw in record_in(tmp_path)["pairs"]:
        again = run(repeat_pair(image, draw))
        for part, made in (("input", again.image), ("target", again.target)):
            kept = read_image(tmp_path / part / draw["pair"])
            order = [made.axes.index(axis) for axis in kept.axes]
            np.testing.assert_array_equal(kept.data, made.data.transpose(order))
            assert kept.dtype == made.dtype


def test_a_pair_is_not_made_again_from_another_image_or_half_a_record(tmp_path):
    write([good()], PRESET, tmp_path)
    draw = record_in(tmp_path)["pairs"][0]
    with pytest.raises(InputError, match="take that image"):
        run(repeat_pair(good((40, 52)), draw))
    del draw["model"]
    with pytest.raises(InputError, match="model"):
        run(repeat_pair(good(), draw))


def test_a_pair_depends_on_seed_and_image_but_not_on_its_company(tmp_path):
    def inputs(folder, *more, **settings):
        write([*more, good()], PRESET, tmp_path / folder, **settings)
        return {path.name: read_image(path).data for path in (tmp_path / folder / "input").iterdir()}

    first = inputs("first")
    crowd = inputs("crowd", good(seed=1, name="a"), count=3, levels=("hard", "mild"))
    for name, pixels in first.items():
        np.testing.assert_array_equal(pixels, crowd[name])
    other = inputs("other", seed=1)
    for name, pixels in first.items():
        assert (pixels != other[name]).mean() > 0.3
    assert (first["cell_hard_000.tif"] != first["cell_hard_001.tif"]).mean() > 0.3


def test_cut_outs_lie_at_different_places_and_are_as_large_as_asked(tmp_path):
    write([good((100, 120), Y=0.1, X=0.1)], PRESET, tmp_path, patch=32, count=6, levels=("mild",))
    draws = record_in(tmp_path)["pairs"]
    assert len({str(draw["region"]) for draw in draws}) > 3
    for draw in draws:
        target = read_image(tmp_path / "target" / draw["pair"])
        (top, bottom), (left, right) = draw["region"]
        assert target.shape == (bottom - top, right - left) == (32, 32)
        assert "sha256" not in draw["source"]


def test_without_levels_the_steps_own_ranges_are_drawn_from(tmp_path):
    report = write([good()], PRESET, tmp_path, levels=())
    assert report.pairs == ("cell_000.tif", "cell_001.tif")
    assert {draw["level"] for draw in record_in(tmp_path)["pairs"]} == {""}


def test_files_are_named_after_themselves_and_read_one_by_one(tmp_path):
    sources = []
    for name in ("a.ome.tif", "b.tif"):
        write_image(tmp_path / name, good(name="elsewhere"))
        sources.append(tmp_path / name)
    report = write(sources, PRESET, tmp_path / "pairs", count=1)
    assert sorted(report.pairs) == ["a_hard_000.tif", "a_mild_000.tif", "b_hard_000.tif", "b_mild_000.tif"]


def test_pairs_that_exist_are_replaced_only_when_allowed_and_the_others_stay_in_the_record(tmp_path):
    write([good()], PRESET, tmp_path)
    before = (tmp_path / "input" / "cell_mild_001.tif").read_bytes()
    with pytest.raises(OutputError, match="--overwrite"):
        write([good()], PRESET, tmp_path)
    write([good()], PRESET, tmp_path, overwrite=True, seed=9, count=1)
    draws = {draw["pair"]: draw for draw in record_in(tmp_path)["pairs"]}
    assert sorted(draws) == names_in(tmp_path / "input")
    assert len(draws) == 4
    assert (tmp_path / "input" / "cell_mild_001.tif").read_bytes() == before
    for name, draw in draws.items():
        kept = read_image(tmp_path / "input" / name)
        np.testing.assert_array_equal(kept.data, run(repeat_pair(good(), draw)).image.data)


REFUSED = {
    "no image": ([], PRESET, {}, "no good image"),
    "no copy": ([good()], PRESET, {"count": 0}, "between 1 and 100000"),
    "small cut-outs": ([good()], PRESET, {"patch": 8}, "at least 16"),
    "negative seed": ([good()], PRESET, {"seed": -1}, "seed is -1"),
    "unknown level": ([good()], PRESET, {"levels": ("easy",)}, "'easy'; it has: mild, hard"),
    "one name twice": ([good(), good(name="CELL")], PRESET, {}, "called 'cell'"),
    "no pixel size": ([good((300, 300))], find_preset("widefield-20x"), {}, "--pixel-size"),
    "a blur wider than the second image": (
        [good((300, 300), name="a"), good((50, 50), name="b")], find_preset("widefield-20x"),
        {"pixel_size_um": 0.65}, "'b' has only 50",
    ),
    "a gain that saturates some draws": (
        [good()], PRESET.with_settings({"camera.gain_electrons_per_adu": 4e-4}), {"levels": (), "count": 40}, "16 bits",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_work_is_refused_before_the_folder_is_made(case, tmp_path):
    images, preset, settings, said = REFUSED[case]
    with pytest.raises(InputError, match=said):
        write(images, preset, tmp_path / "pairs", **settings)
    assert not (tmp_path / "pairs").exists()


def stop_at_write(number, error, monkeypatch):
    """Let the so-many-th file raise while it is written."""
    count = iter(range(100))

    def stopping(path, image, **options):
        if next(count) == number:
            error()
        return write_image(path, image, **options)

    monkeypatch.setattr(pairs, "write_image", stopping)


def interrupt():
    signal.raise_signal(signal.SIGINT)


def fail():
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(("error", "kind"), [(interrupt, KeyboardInterrupt), (fail, OSError)])
@pytest.mark.parametrize("number", [0, 1, 4, 5])
def test_a_run_that_is_stopped_leaves_whole_pairs_and_their_record(
    error, kind, number, tmp_path, monkeypatch
):
    stop_at_write(number, error, monkeypatch)
    with pytest.raises(kind):
        write([good()], PRESET, tmp_path)
    whole = number // 2
    assert len(names_in(tmp_path / "input")) == whole
    assert names_in(tmp_path / "input") == names_in(tmp_path / "target")
    if whole:
        assert sorted(draw["pair"] for draw in record_in(tmp_path)["pairs"]) == names_in(tmp_path / "input")
    else:
        assert not (tmp_path / "pairs.json").exists()


def test_a_task_that_is_closed_keeps_what_is_whole(tmp_path: Path):
    task = iter_write_pairs([good()], PRESET, tmp_path, PairSettings(levels=("mild",), count=3))
    for progress in task:
        if progress.done == 2:
            task.close()
    assert [draw["pair"] for draw in record_in(tmp_path)["pairs"]] == [
        "cell_mild_000.tif",
        "cell_mild_001.tif",
    ]


def test_the_record_is_saved_while_the_run_goes_on_so_that_a_kill_leaves_it(tmp_path, monkeypatch):
    monkeypatch.setattr(pairs_record, "_SAVE_EVERY_S", 0.0)
    monkeypatch.setattr(pairs_record, "time", SimpleNamespace(monotonic=lambda: 0.0))
    task = iter_write_pairs([good()], PRESET, tmp_path, PairSettings(levels=("mild",), count=3))
    for progress in task:
        if progress.message.startswith("Wrote"):
            assert len(record_in(tmp_path)["pairs"]) == progress.done


def test_pairs_without_a_record_are_not_mixed_with_others(tmp_path):
    write([good()], PRESET, tmp_path)
    (tmp_path / "pairs.json").unlink()
    before = names_in(tmp_path / "input")
    with pytest.raises(OutputError, match="holds pairs already"):
        write([good(name="another")], PRESET, tmp_path)
    assert names_in(tmp_path / "input") == before


def test_what_the_user_must_know_is_told_once(tmp_path):
    report = write([good((41, 50))], PRESET, tmp_path, count=3)
    assert report.notices == ("cell: 1 row at the end is left out: the image is no multiple of 2.",)


def test_the_number_of_frames_may_be_drawn_for_each_pair(tmp_path):
    preset = with_typed_settings(find_preset("tem-stream"), ["motion_blur.frames=3..5"], drawn=True)
    image = CalibratedImage(np.random.default_rng(0).random((96, 96)), "YX", name="grid")
    report = run(iter_write_pairs([image], preset, tmp_path, PairSettings(count=6, levels=())))
    frames = {read_image(tmp_path / "input" / name).size_of("T") for name in report.pairs}
    assert frames == {3, 4, 5}


def test_an_image_smaller_than_a_cut_out_is_named(tmp_path):
    image = CalibratedImage(np.random.default_rng(0).random((40, 90)), "YX", name="strip")
    preset = find_preset("tem-stream")
    report = run(
        iter_write_pairs([image], preset, tmp_path, PairSettings(count=1, levels=("mild",), patch=64))
    )
    assert read_image(tmp_path / "input" / report.pairs[0]).shape == (5, 40, 64)
    assert any("strip: It has 40 x 90 pixels" in notice for notice in report.notices)
