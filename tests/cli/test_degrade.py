import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from napari_restoration.cli import main
from napari_restoration.core.io import read_image
from napari_restoration.core.progress import run
from napari_restoration.tasks import degrade_file, pairs
from napari_restoration.tasks.degrade import DegradeSettings, degrade
from napari_restoration.tasks.pairs import repeat_pair
from napari_restoration.tasks.presets import find_preset, list_presets, save_preset

PROMISED = {
    "preset", "seed", "input", "input_shape", "output_shape", "axes", "dtype", "output", "target", "notices", "seconds",
    "model",
}  # fmt: skip
WIDEFIELD = ["--preset", "widefield-20x", "--level", "mild"]


@pytest.fixture
def write_image_file(tmp_path: Path) -> Callable[..., Path]:
    """Write an ImageJ stack, calibrated unless told otherwise, and tell its path."""

    def write(
        name: str = "cell.tif", shape: tuple[int, ...] = (64, 72), axes: str = "YX", calibrated: bool = True
    ) -> Path:
        data = np.random.default_rng(7).integers(100, 900, shape).astype(np.uint16)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        options: dict[str, Any] = {"resolution": (2, 2)} if calibrated else {}
        metadata = {"axes": axes, "unit": "um"} if calibrated else {"axes": axes}
        tifffile.imwrite(path, data, imagej=True, metadata=metadata, **options)
        return path

    return write


def sees(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_image_becomes_a_bad_one_and_its_target(
    write_image_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_image_file()
    before = source.read_bytes()
    bad, good = source.with_name("bad.tif"), source.with_name("good.ome.tif")
    assert (
        main(["degrade", str(source), "-o", str(bad), *WIDEFIELD, "--target", str(good), "--seed", "3"]) == 0
    )
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert str(bad) in captured.err
    expected = degrade(
        read_image(source), find_preset("widefield-20x").at_level("mild"), DegradeSettings(seed=3)
    )
    for path, image in ((bad, expected.image), (good, expected.target)):
        written = read_image(path)
        np.testing.assert_array_equal(np.asarray(written.data), image.data)
        assert written.pixel_size_um["X"] == pytest.approx(0.5)
        assert written.metadata["provenance"]["seed"] == 3
    assert source.read_bytes() == before


def test_json_has_every_promised_figure(
    write_image_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_image_file()
    target = source.with_name("out.tif")
    arguments = ["degrade", str(source), "-o", str(target), "--preset", "widefield-sim-x2", "--json"]
    assert main([*arguments, "--seed", "4"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) == PROMISED
    assert (told["input_shape"], told["output_shape"]) == ([64, 72], [32, 36])
    assert (told["preset"], told["seed"], told["axes"], told["dtype"]) == (
        "widefield-sim-x2",
        4,
        "YX",
        "uint16",
    )
    assert (told["output"], told["target"], told["notices"]) == (str(target), None, [])


def test_a_burst_has_as_many_frames_as_asked_in_the_order_of_the_file(
    write_image_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_image_file(shape=(2, 64, 72), axes="CYX")
    target = source.with_name("burst.tif")
    arguments = ["degrade", str(source), "-o", str(target), "--preset", "tem-stream", "--frames", "3"]
    assert main([*arguments, "--level", "mild", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    written = read_image(target)
    assert (
        (told["axes"], told["output_shape"])
        == (written.axes, list(written.shape))
        == ("TCYX", [3, 2, 64, 72])
    )


def test_settings_change_the_preset_and_ranges_are_drawn_by_the_seed(
    write_image_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_image_file()
    common = ["degrade", str(source), *WIDEFIELD, "--json", "--pixel-size", "0.7", "--overwrite"]
    common += ["-o", str(source.with_name("out.tif"))]
    drawn = []
    for seed in ("1", "2", "1"):
        settings = ["--vary", "--seed", seed, "--set", "camera.bits=12", "exposure.factor=0.5..0.9"]
        assert main([*common, *settings, "--set", "to_photons.enabled=off"]) == 0
        model = json.loads(capsys.readouterr().out)["model"]
        steps = {step["kind"]: step for step in model["steps"]}
        assert set(steps) == {"exposure", "optical_blur", "camera"}
        assert steps["camera"]["bits"] == 12
        assert steps["optical_blur"]["pixel_size_um"] == 0.7
        drawn.append((steps["exposure"]["factor"], steps["optical_blur"]["na"]))
    assert drawn[0] == drawn[2]
    assert drawn[0][0] != drawn[1][0]
    assert drawn[0][1] != drawn[1][1]
    assert 0.5 <= drawn[0][0] <= 0.9


@pytest.mark.parametrize(("option", "in_3d"), [([], True), (["--no-volume"], False)])
def test_a_stack_with_a_known_distance_of_planes_is_blurred_in_3d_unless_told_otherwise(
    option: list[str], in_3d: bool, write_image_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_image_file(shape=(9, 64, 72), axes="TYX")
    arguments = [
        "degrade",
        str(source),
        "-o",
        str(source.with_name("o.tif")),
        "--preset",
        "widefield-20x",
        "--json",
    ]
    arguments += ["--axes", "zyx", "--z-step", "3", "--set", "optical_blur.defocus_um=0", *option]
    assert main(arguments) == 0
    blur = json.loads(capsys.readouterr().out)["model"]["steps"][2]
    assert (blur["z_step_um"] == 3) is in_3d


def test_several_images_become_files_of_folders_each_with_a_seed_of_its_own(
    write_image_file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [write_image_file("a.tif"), write_image_file("b.ome.tif"), tmp_path / "missing.tif"]
    arguments = ["degrade", *map(str, sources), "-o", str(tmp_path / "bad"), *WIDEFIELD, "--json"]
    assert main([*arguments, "--target", str(tmp_path / "good"), "--seed", "5"]) == 1
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert [result["seed"] for result in told["results"]] == [5, 6]
    assert [failure["input"] for failure in told["failed"]] == [str(tmp_path / "missing.tif")]
    assert captured.err.splitlines()[-1] == "2 of 3 files degraded, 1 not."
    assert sees(tmp_path / "bad") == ["a [widefield-20x].tif", "b [widefield-20x].ome.tif"]
    assert sees(tmp_path / "good") == ["a [widefield-20x target].tif", "b [widefield-20x target].ome.tif"]
    assert not np.array_equal(*(tifffile.imread(result["output"]) for result in told["results"]))


@pytest.mark.parametrize("which", ["output", "target"])
def test_what_exists_is_replaced_only_when_allowed_and_an_input_never(
    which: str, write_image_file: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_image_file()
    names = {"output": source.with_name("bad.tif"), "target": source.with_name("good.tif")}
    names[which].write_bytes(b"an older result")

    def command(**names: Path) -> list[str]:
        return [
            "degrade",
            str(source),
            "-o",
            str(names["output"]),
            "--target",
            str(names["target"]),
            *WIDEFIELD,
        ]

    assert main(command(**names)) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert names[which].name in captured.err
    assert "--overwrite" in captured.err
    assert names[which].read_bytes() == b"an older result"
    assert len(sees(source.parent)) == 2
    assert main([*command(**names), "--overwrite"]) == 0
    assert read_image(names[which]).shape == (64, 72)
    before = source.read_bytes()
    assert main([*command(**{**names, which: source}), "--overwrite"]) == 2
    assert source.read_bytes() == before
    same = names["target"] if which == "output" else names["output"]
    assert main([*command(**{**names, which: same}), "--overwrite"]) == 2
    assert "two names" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--preset", "widefield-20x"], ["cell.tif", "--pixel-size"]),
        (["--preset", "widefield-21x"], ["widefield-21x", "tem-stream"]),
        (["--preset", "absent.json"], ["absent.json"]),
        (["--preset", "tem-stream", "--level", "easy"], ["easy", "mild"]),
        ([*WIDEFIELD, "--frames", "3"], ["motion_blur", "tem-stream"]),
        ([*WIDEFIELD, "--pixel-size", "0.4", "--set", "optical_blur.na=1.2"], ["1.2", "refractive index"]),
        (
            [*WIDEFIELD, "--pixel-size", "0.4", "--set", "optical_blur.wavelength_um=520"],
            ["520 um", "Nanometres"],
        ),
        ([*WIDEFIELD, "--pixel-size", "6500"], ["6500 um", "unit"]),
        ([*WIDEFIELD, "--set", "to_photons.peak_photons=-5"], ["to_photons.peak_photons=-5", "photons"]),
        ([*WIDEFIELD, "--set", "exposure.background_photons=-5"], ["-5 photons"]),
        ([*WIDEFIELD, "--pixel-size", "0.01"], ["cell.tif", "larger image"]),
        (["--preset", "tem-stream", "--set", "motion_blur.length_px=900"], ["path", "larger image"]),
        (
            [*WIDEFIELD, "--pixel-size", "0.5", "--set", "camera.gain_electrons_per_adu=1e-5"],
            ["16 bits", "electrons"],
        ),
        ([*WIDEFIELD, "--set", "sharpen.amount=1"], ["sharpen", "optical_blur"]),
        ([*WIDEFIELD, "--set", "camera.iso=1"], ["iso", "read_noise_electrons"]),
        ([*WIDEFIELD, "--set", "optical_blur.model=1..2"], ["optical_blur.model", "range"]),
        ([*WIDEFIELD, "--set", "optical_blur.na=0.5..0.6"], ["--vary"]),
        ([*WIDEFIELD, "--set", "peak=5"], ["step.field=value"]),
        ([*WIDEFIELD, "--pixel-size", "0.5", "--volume"], ["single plane", "--no-volume"]),
        ([*WIDEFIELD, "--pixel-size", "0.5", "--axes", "CZYX"], ["cell.tif"]),
    ],
)
def test_bad_input_is_one_line_with_the_fix_and_writes_nothing(
    options: list[str],
    named: list[str],
    write_image_file: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_image_file(calibrated=False)
    assert main(["degrade", str(source), "-o", str(source.with_name("out.tif")), *options]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert all(part in captured.err for part in named), captured.err
    assert sees(source.parent) == ["cell.tif"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], ["INPUT", "--preset", "-o"]),
        (["a.tif", "-o", "b.tif"], ["--preset", "--list"]),
        (["a.tif", "--preset", "tem-stream"], ["-o OUTPUT", "--pairs"]),
        (["a.tif", "--preset", "tem-stream", "-o", "b.tif", "--count", "3"], ["--count", "without --pairs"]),
        (["a.tif", "--preset", "tem-stream", "-o", "b.tif", "--levels", "mild"], ["--levels", "use --level"]),
        (["a.tif", "--preset", "tem-stream", "--pairs", "p", "-o", "b.tif"], ["--output", "with --pairs"]),
        (["a.tif", "--preset", "tem-stream", "--pairs", "p", "--level", "mild"], ["--level", "use --levels"]),
        (["a.tif", "--preset", "tem-stream", "--pairs", "p", "--vary"], ["--vary"]),
        (["a.tif", "--preset", "tem-stream", "-o", "b.tif", "--seed", "-1"], ["--seed"]),
        (["a.tif", "--preset", "tem-stream", "-o", "b.tif", "--pixel-size", "0"], ["--pixel-size"]),
        (["a.tif", "--preset", "tem-stream", "-o", "b.tif", "--frames", "0"], ["--frames"]),
        (
            ["a.tif", "--preset", "tem-stream", "-o", "out/", "--target", "t.tif"],
            ["--target t.tif", "folder"],
        ),
        (["absent.tif", "--preset", "tem-stream", "--pairs", "p"], ["absent.tif"]),
    ],
)
def test_a_usage_error_is_one_line_that_names_the_option(
    arguments: list[str], named: list[str], capsys: pytest.CaptureFixture[str],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(["degrade", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert all(part in captured.err for part in named), captured.err
    assert sees(tmp_path) == []


def test_presets_are_listed_with_the_user_s_own(capsys: pytest.CaptureFixture[str]) -> None:
    from dataclasses import replace

    save_preset(replace(find_preset("tem-stream"), id="mine", title="Mine"))
    assert main(["degrade", "--list"]) == 0
    shown = capsys.readouterr().out
    assert main(["degrade", "--list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["presets"]
    assert [entry["id"] for entry in told] == [preset.id for preset in list_presets()]
    assert [entry["id"] for entry in told if not entry["shipped"]] == ["mine"]
    for entry in told:
        for key in ("id", "title", "task", "description"):
            assert entry[key] in shown


def test_a_preset_that_is_shown_can_be_edited_and_used_as_a_file(
    write_image_file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["degrade", "--show", "widefield-20x"]) == 0
    text = capsys.readouterr().out
    own = tmp_path / "own.json"
    own.write_text(
        text.replace('"widefield-20x"', '"own"').replace('"offset_adu": 100.0', '"offset_adu": 7.0')
    )
    source = write_image_file()
    arguments = ["degrade", str(source), "-o", str(tmp_path / "o.tif"), "--preset", str(own), "--json"]
    assert main([*arguments, "--set", "optical_blur.defocus_um=1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["preset"], told["model"]["steps"][-1]["offset_adu"]) == ("own", 7.0)
    assert main(["degrade", "--show", "absent"]) == 2
    assert "there are widefield-20x" in capsys.readouterr().err


def test_pairs_are_written_with_a_record_that_makes_them_again(
    write_image_file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [write_image_file("a.tif", (70, 80)), write_image_file("b.tif", (70, 80))]
    folder = tmp_path / "pairs"
    arguments = ["degrade", *map(str, sources), "--preset", "widefield-20x", "--pairs", str(folder), "--json"]
    arguments += ["--levels", "mild", "--count", "2", "--patch", "32", "--seed", "8"]
    assert main([*arguments, "--set", "to_photons.peak_photons=30..40", "camera.bits=12"]) == 0
    told = json.loads(capsys.readouterr().out)
    names = [f"{name}_mild_{number:03d}.tif" for name in "ab" for number in (0, 1)]
    assert told["pairs"] == names == sees(folder / "input") == sees(folder / "target")
    assert (told["folder"], told["seed"], told["notices"]) == (str(folder), 8, [])
    draws = json.loads(Path(told["record"]).read_text())["pairs"]
    for draw in draws:
        assert 30 <= draw["model"]["steps"][0]["peak_photons"] <= 40
        again = run(repeat_pair(read_image(tmp_path / f"{draw['pair'][0]}.tif"), draw))
        kept = read_image(folder / "input" / draw["pair"])
        np.testing.assert_array_equal(np.asarray(kept.data), again.image.data)
        assert kept.shape == (32, 32)
    assert main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([], ["cell_hard_000.tif", "cell_medium_000.tif", "cell_mild_000.tif"]),
        (["--levels", "none"], ["cell_000.tif"]),
        (["--levels", "hard, mild"], ["cell_hard_000.tif", "cell_mild_000.tif"]),
    ],
)
def test_pairs_are_made_at_the_levels_asked_for(
    levels: list[str], expected: list[str], write_image_file: Callable[..., Path], tmp_path: Path
) -> None:
    source = write_image_file(shape=(120, 120))
    arguments = [
        "degrade",
        str(source),
        "--preset",
        "tem-stream",
        "--pairs",
        str(tmp_path / "p"),
        "--count",
        "1",
    ]
    assert main([*arguments, *levels, "--frames", "2"]) == 0
    assert sees(tmp_path / "p" / "input") == expected
    assert read_image(tmp_path / "p" / "input" / expected[0]).size_of("T") == 2


def test_an_unknown_level_of_pairs_is_refused(
    write_image_file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_image_file()
    arguments = ["degrade", str(source), "--preset", "tem-stream", "--pairs", str(tmp_path / "p")]
    assert main([*arguments, "--levels", "mild,easy"]) == 2
    assert "'easy'; it has: mild, medium, hard" in capsys.readouterr().err
    assert not (tmp_path / "p").exists()


def stop_at_write(
    number: int, module: Any, error: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let the so-many-th file raise while it is written."""
    left, write = [number], module.write_image

    def stopping(path: Path, image: Any, **options: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            error()
        return write(path, image, **options)

    monkeypatch.setattr(module, "write_image", stopping)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


def fail() -> None:
    raise ArithmeticError("the disk fell over")


@pytest.mark.parametrize(("error", "code"), [(interrupt, 130), (fail, 1)])
@pytest.mark.parametrize("number", [0, 1])
def test_a_run_that_is_stopped_leaves_neither_image_nor_target(
    number: int, error: Callable[[], None], code: int, write_image_file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    source = write_image_file()
    stop_at_write(number, degrade_file, error, monkeypatch)
    names = [str(source.with_name(name)) for name in ("bad.tif", "good.tif")]
    assert main(["degrade", str(source), "-o", names[0], "--target", names[1], *WIDEFIELD, "--json"]) == code
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert json.loads(captured.out)["exit_code"] == code
    assert sees(source.parent) == ["cell.tif"]


@pytest.mark.parametrize(("number", "whole"), [(1, 0), (5, 2)])
def test_interrupted_pairs_are_whole_and_recorded(
    number: int, whole: int, write_image_file: Callable[..., Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    source = write_image_file()
    stop_at_write(number, pairs, interrupt, monkeypatch)
    folder = tmp_path / "p"
    arguments = [
        "degrade",
        str(source),
        "--preset",
        "widefield-20x",
        "--pairs",
        str(folder),
        "--levels",
        "mild",
    ]
    assert main([*arguments, "--json"]) == 130
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert json.loads(captured.out)["exit_code"] == 130
    assert len(sees(folder / "input")) == whole
    assert sees(folder / "input") == sees(folder / "target")
    assert (folder / "pairs.json").exists() is bool(whole)
    assert ("stay in" in captured.err) is bool(whole)


def test_one_pair_is_no_pairs(
    write_image_file: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["degrade", str(write_image_file()), "--preset", "semi-synthetic", "--count", "1", "--levels"]
    for levels, said in (("mild", "1 pair ->"), ("mild,hard", "2 pairs ->")):
        assert main([*arguments, levels, "--pairs", str(tmp_path / levels)]) == 0
        assert said in capsys.readouterr().err
