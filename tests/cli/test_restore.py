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
from napari_restoration.models.loader import RestorationModel
from napari_restoration.tasks.settings import RestoreSettings

PROMISED = {
    "model", "task", "device", "precision", "tile", "halo", "tiles", "seconds", "megapixels_per_second",
    "peak_memory_mb", "input_shape", "output_shape", "axes", "output", "input", "notices",
}  # fmt: skip


@pytest.fixture
def write_stack(tmp_path: Path) -> Callable[..., Path]:
    """Write a small calibrated ImageJ stack and tell its path."""

    def write(name: str, shape: tuple[int, ...] = (2, 20, 28), axes: str = "TYX") -> Path:
        data = np.random.default_rng(7).integers(100, 900, shape).astype(np.uint16)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        tifffile.imwrite(path, data, imagej=True, resolution=(10, 10), metadata={"axes": axes, "unit": "um"})
        return path

    return write


def sees(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_one_file_becomes_one_file_that_keeps_axes_and_pixel_size(
    write_stack: Callable[..., Path], model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_stack("cell.tif")
    target = source.with_name("out.tif")
    before = source.read_bytes()
    assert main(["restore", str(source), "-o", str(target), "--model", str(model_folder)]) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(target) in captured.err.splitlines()[-1]
    restored = read_image(target)
    assert (restored.axes, restored.shape, restored.dtype) == ("TYX", (2, 20, 28), np.float32)
    assert restored.pixel_size_um["X"] == pytest.approx(0.1)
    assert np.isfinite(np.asarray(restored.data)).all()
    assert restored.metadata["provenance"]["model"]["id"] == "tiny"
    assert source.read_bytes() == before


def test_json_of_one_file_has_every_promised_figure(
    write_stack: Callable[..., Path], model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_stack("cell.tif")
    target = source.with_name("out.tif")
    arguments = ["restore", str(source), "-o", str(target), "--model", str(model_folder), "--json"]
    assert main([*arguments, "--tile", "16", "--device", "cpu"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) >= PROMISED
    assert told["output"] == str(target)
    assert told["input_shape"] == told["output_shape"] == [2, 20, 28]
    assert (told["model"], told["task"], told["axes"], told["device"]) == ("tiny", "denoise", "TYX", "cpu")
    assert (told["tile"], told["tiles"]) == ([16, 16], 8)


def test_settings_are_passed_on_and_the_others_keep_their_defaults(
    write_stack: Callable[..., Path], model_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_restoration.tasks import restore_file

    passed: list[RestoreSettings] = []

    def record(source: Path, target: Path, model: Any, settings: RestoreSettings, **options: Any) -> Any:
        passed.append(settings)
        assert options == {"axes": "ZYX", "overwrite": True}
        return {"device": "cpu"}
        yield

    monkeypatch.setattr(restore_file, "iter_restore_file", record)
    source = write_stack("cell.tif")
    common = ["restore", str(source), "-o", str(source.with_name("out.tif")), "--model", str(model_folder)]
    common += ["--axes", "zyx", "--overwrite"]
    assert main(common) == 0
    chosen = ["--frames", "3", "--no-register", "--device", "cpu", "--tile", "64", "--precision", "bf16"]
    assert main([*common, *chosen, "--dtype", "same", "--channel", "1"]) == 0
    assert main([*common, "--frames", "all", "--register"]) == 0
    assert main([*common, "--passes", "2"]) == 0
    assert passed == [
        RestoreSettings(),
        RestoreSettings(
            frames=3, register=False, device="cpu", tile=64, precision="bf16", dtype="same", channel=1
        ),
        RestoreSettings(frames="all", register=True),
        RestoreSettings(passes=2),
    ]


def test_passes_and_adaptation_are_refused_in_one_sentence_where_a_model_has_no_use_for_them(
    write_stack: Callable[..., Path], model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_stack("cell.tif")
    target = source.with_name("out.tif")
    common = ["restore", str(source), "-o", str(target)]
    for options, why in (
        (["--model", str(model_folder), "--adapt"], "tiny has no batch norms"),
        (["--task", "deblur", "--passes", "2"], "makes one plane of several frames"),
        (["--task", "superres", "--passes", "2"], "enlarges the image"),
        (["--model", "classical-median", "--passes", "2"], "is no network"),
        (["--model", str(model_folder), "--passes", "4"], "from 1 to 3"),
    ):
        assert main([*common, *options]) == 2
        captured = capsys.readouterr()
        assert captured.err.count("\n") == 1
        assert why in captured.err
    assert not target.exists()


def test_two_passes_are_recorded(write_stack: Callable[..., Path], model_folder: Path) -> None:
    source = write_stack("cell.tif")
    target = source.with_name("out.tif")
    arguments = ["restore", str(source), "-o", str(target), "--model", str(model_folder)]
    assert main([*arguments, "--passes", "2"]) == 0
    assert read_image(target).metadata["provenance"]["settings"]["passes"] == 2


def test_axes_and_channel_choose_what_is_restored(
    write_stack: Callable[..., Path], model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_stack("cell.tif")
    target = source.with_name("out.ome.tif")
    arguments = ["restore", str(source), "-o", str(target), "--model", str(model_folder), "--json"]
    assert main([*arguments, "--axes", "CYX", "--channel", "1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["output_shape"][-2:] == [20, 28]
    assert np.prod(told["output_shape"]) == 20 * 28


def test_an_existing_output_is_replaced_only_when_allowed(
    write_stack: Callable[..., Path], model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = write_stack("cell.tif"), write_stack("out.tif", (8, 8), "YX")
    before = target.read_bytes()
    arguments = ["restore", str(source), "-o", str(target), "--model", str(model_folder)]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "--overwrite" in captured.err
    assert target.read_bytes() == before
    assert main([*arguments, "--overwrite"]) == 0
    assert read_image(target).shape == (2, 20, 28)


def test_an_output_that_is_the_input_is_always_refused(
    write_stack: Callable[..., Path], model_folder: Path
) -> None:
    source = write_stack("cell.tif")
    before = source.read_bytes()
    link = source.with_name("link.tif")
    link.symlink_to(source)
    for output in (source, link):
        arguments = ["restore", str(source), "-o", str(output), "--model", str(model_folder), "--overwrite"]
        assert main(arguments) == 2
    assert source.read_bytes() == before


def test_several_inputs_become_files_of_a_new_folder(
    write_stack: Callable[..., Path],
    model_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sources = [write_stack("a.tif"), write_stack("b c.tiff"), write_stack("d.ome.tif")]
    output = tmp_path / "new" / "results"
    arguments = ["restore", *map(str, sources), "-o", str(output), "--model", str(model_folder), "--json"]
    assert main(arguments) == 0
    assert sees(output) == ["a [tiny].tif", "b c [tiny].tif", "d [tiny].ome.tif"]
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert [result["input"] for result in told["results"]] == [str(source) for source in sources]
    assert told["failed"] == []
    assert len(captured.err.splitlines()) == 3


def test_one_bad_file_does_not_stop_the_others(
    write_stack: Callable[..., Path],
    model_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    good = [write_stack("a.tif"), write_stack("d.tif")]
    truncated = write_stack("b.tif", (6, 64, 64))
    truncated.write_bytes(truncated.read_bytes()[:-5000])
    inputs = [good[0], truncated, tmp_path / "missing.tif", good[1]]
    output = tmp_path / "results"
    arguments = ["restore", *map(str, inputs), "-o", str(output), "--model", str(model_folder), "--json"]
    assert main(arguments) == 1
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert [result["input"] for result in told["results"]] == [str(path) for path in good]
    assert {failure["input"] for failure in told["failed"]} == {str(truncated), str(tmp_path / "missing.tif")}
    assert all(failure["error"] for failure in told["failed"])
    assert sees(output) == ["a [tiny].tif", "d [tiny].tif"]
    assert "2 of 4" in captured.err.splitlines()[-1]


def test_if_no_file_can_be_used_the_exit_status_is_2(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.tif").write_text("no image")
    inputs = [str(tmp_path / "text.tif"), str(tmp_path / "missing.tif")]
    arguments = ["restore", *inputs, "-o", str(tmp_path / "out"), "--model", str(model_folder), "--json"]
    assert main(arguments) == 2
    told = json.loads(capsys.readouterr().out)
    assert told["results"] == []
    assert len(told["failed"]) == 2


@pytest.mark.parametrize("content", ["text", "truncated"])
def test_a_bad_file_is_refused_with_one_line_that_names_it(
    content: str,
    write_stack: Callable[..., Path],
    model_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_stack("cell.tif", (6, 64, 64))
    source.write_bytes(b"no image" if content == "text" else source.read_bytes()[:-5000])
    target = source.with_name("out.tif")
    assert main(["restore", str(source), "-o", str(target), "--model", str(model_folder)]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "cell.tif" in captured.err
    assert sees(source.parent) == ["cell.tif"]


@pytest.mark.parametrize(
    ("output", "named"), [("out.xyz", ".tif"), ("out", ".tif"), ("absent/out.tif", "absent")]
)
def test_an_output_that_cannot_be_written_is_refused_before_work(
    output: str,
    named: str,
    write_stack: Callable[..., Path],
    model_folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_stack("cell.tif")
    target = source.with_name(output) if "/" not in output else source.parent / output
    assert main(["restore", str(source), "-o", str(target), "--model", str(model_folder)]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert named in captured.err
    assert sees(source.parent) == ["cell.tif"]


def test_two_results_of_one_name_and_a_file_for_several_inputs_are_refused(
    write_stack: Callable[..., Path], model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = [write_stack("day1/cell.tif"), write_stack("day2/cell.tif")]
    out = sources[0].parents[1] / "out"
    for output in (out, out.with_suffix(".tif")):
        assert main(["restore", *map(str, sources), "-o", str(output), "--model", str(model_folder)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
        assert not output.exists()


def test_an_unknown_model_is_refused_before_any_file_is_read(
    write_stack: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_stack("cell.tif")
    assert main(["restore", str(source), "-o", str(source.with_name("o.tif")), "--model", "nonesuch"]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "nonesuch" in captured.err


def stop_after(tiles: int, error: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the network raise when it has done so many tiles."""
    predict, left = RestorationModel.predict, [tiles]

    def stopping(self: RestorationModel, batch: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            error()
        return predict(self, batch)

    monkeypatch.setattr(RestorationModel, "predict", stopping)


def interrupt() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("overwrite", [False, True])
def test_an_interrupted_run_exits_130_and_leaves_nothing_half_written(
    overwrite: bool,
    write_stack: Callable[..., Path],
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_stack("cell.tif", (4, 48, 48))
    target = source.with_name("out.tif")
    if overwrite:
        target.write_bytes(b"an older result")
    stop_after(20, interrupt, monkeypatch)
    arguments = ["restore", str(source), "-o", str(target), "--model", str(model_folder), "--tile", "16"]
    assert main([*arguments, "--json", *(["--overwrite"] if overwrite else [])]) == 130
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert json.loads(captured.out)["exit_code"] == 130
    assert sees(source.parent) == (["cell.tif", "out.tif"] if overwrite else ["cell.tif"])
    assert not overwrite or target.read_bytes() == b"an older result"


def test_an_interrupted_batch_keeps_the_files_that_are_whole(
    write_stack: Callable[..., Path],
    model_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    sources = [write_stack("a.tif", (16, 16), "YX"), write_stack("b.tif", (4, 48, 48))]
    stop_after(5, interrupt, monkeypatch)
    arguments = ["restore", *map(str, sources), "-o", str(tmp_path / "out"), "--model", str(model_folder)]
    assert main([*arguments, "--tile", "16", "--json"]) == 130
    told = json.loads(capsys.readouterr().out)
    assert [Path(result["input"]).name for result in told["results"]] == ["a.tif"]
    assert told["interrupted"] is True
    assert sees(tmp_path / "out") == ["a [tiny].tif"]


def test_an_error_in_the_middle_of_the_work_exits_1_and_leaves_nothing(
    write_stack: Callable[..., Path],
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_stack("cell.tif", (4, 48, 48))

    def fail() -> None:
        raise ArithmeticError("the network fell over")

    stop_after(20, fail, monkeypatch)
    arguments = ["restore", str(source), "-o", str(source.with_name("o.tif")), "--model", str(model_folder)]
    assert main([*arguments, "--tile", "16"]) == 1
    assert "the network fell over" in capsys.readouterr().err
    assert sees(source.parent) == ["cell.tif"]


def test_a_missing_pixel_is_told_and_stays_one_missing_pixel(
    model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = np.random.default_rng(1).uniform(0, 1, (20, 24)).astype(np.float32)
    data[3, 4] = np.nan
    tifffile.imwrite(tmp_path / "cell.tif", data)
    arguments = ["restore", str(tmp_path / "cell.tif"), "-o", str(tmp_path / "out.tif"), "--json"]
    assert main([*arguments, "--model", str(model_folder)]) == 0
    captured = capsys.readouterr()
    notices = json.loads(captured.out)["notices"]
    assert notices
    assert all(captured.err.count(notice) == 1 for notice in notices)
    missing = np.argwhere(~np.isfinite(tifffile.imread(tmp_path / "out.tif")))
    assert missing.tolist() == [[3, 4]]


def test_a_pattern_that_the_shell_left_is_replaced_by_files(
    write_stack: Callable[..., Path], model_folder: Path, tmp_path: Path
) -> None:
    write_stack("a.tif", (16, 16), "YX")
    write_stack("b.tif", (16, 16), "YX")
    arguments = [
        "restore",
        str(tmp_path / "*.tif"),
        "-o",
        str(tmp_path / "out"),
        "--model",
        str(model_folder),
    ]
    assert main(arguments) == 0
    assert sees(tmp_path / "out") == ["a [tiny].tif", "b [tiny].tif"]


def test_a_classical_method_takes_its_parameters(
    tmp_path: Path, write_stack: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = write_stack("a.tif"), tmp_path / "b.tif"
    command = ["restore", str(source), "-o", str(target), "--model", "classical-richardson-lucy", "--json"]
    assert main([*command, "--parameter", "iterations=3", "--parameter", "dark_level=none"]) == 0
    assert json.loads(capsys.readouterr().out)["model"] == "classical-richardson-lucy"
    recorded = read_image(target).metadata["provenance"]["settings"]["parameters"]
    assert (recorded["iterations"], recorded["sigma_px"], recorded["dark_level"]) == (3, 1.5, None)


@pytest.mark.parametrize(
    ("model", "given", "message"),
    [
        ("classical-gaussian", ["sigma_px=0"], "between 0.1 and 50"),
        ("classical-gaussian", ["sigma_px=wide"], "must be a number"),
        ("classical-gaussian", ["sigma_px"], "NAME=VALUE"),
        ("classical-gaussian", ["sigma_px=1", "sigma_px=2"], "given twice"),
        ("classical-gaussian", ["sigma=1"], "did you mean 'sigma_px'"),
        ("denoise-care", ["iterations=3"], "has no parameters"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused_before_any_file_is_read(
    model: str, given: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["restore", str(tmp_path / "none.tif"), "-o", str(tmp_path / "b.tif"), "--model", model]
    assert main([*command, *(part for one in given for part in ("--parameter", one))]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
