import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.cli import main


def cells(peak: float) -> np.ndarray:
    """Bright blobs with sharp edges, as a camera sees them with so many electrons at their peak."""
    rng = np.random.default_rng(4)
    blobs = ndimage.gaussian_filter(rng.standard_normal((160, 160)), 5) > 0.04
    electrons = rng.poisson(peak * ndimage.gaussian_filter(blobs.astype(float), 0.7) + 2)
    return np.rint(100 + electrons + 1.5 * rng.standard_normal(blobs.shape)).astype(np.uint16)


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    stack = np.stack([np.full((160, 160), 7, np.uint16), cells(5000), cells(15)])
    images = {"dim": (cells(15), "YX"), "stack": (stack, "ZYX"), "tiny": (cells(15)[:20, :20], "YX")}
    for name, (image, axes) in images.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", image, metadata={"axes": axes}, photometric="minisblack")
    tifffile.imwrite(tmp_path / "colour.tif", np.zeros((64, 64, 3), np.uint8), photometric="rgb")
    tifffile.imwrite(tmp_path / "nothing.tif", np.full((64, 64), np.nan, np.float32))
    return {name: str(tmp_path / f"{name}.tif") for name in (*images, "colour", "nothing", "absent")}


def test_findings_are_lines_with_problems_first_and_the_advice_last(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", files["dim"]]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    lines = captured.out.splitlines()
    assert lines[0].startswith("! It is ")
    assert lines[0].endswith(" times above the noise.")
    assert lines[-1].startswith("> Denoise it. Model: ")


def test_json_is_one_object_with_every_number(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--pixel-size", "0.1", "--na", "0.5", "--wavelength", "0.52", "--position", "Z=1", "--json"]
    assert main(["diagnose", files["stack"], *options]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["input"] == files["stack"]
    assert told["position"] == {"Z": 1}
    blur = next(one for one in told["findings"] if one["kind"] == "blur")
    assert blur["value_um"] == pytest.approx(0.1 * blur["value"])
    assert "the lens can do" in blur["words"]


def test_position_and_axes_choose_the_plane(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", files["stack"], "--position", "z=0"]) == 0
    assert "same value, 7" in capsys.readouterr().out
    assert main(["diagnose", files["stack"], "--axes", "cyx", "--channel", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["position"] == {"C": 2}
    assert told["main"] == "noise"


def test_of_several_inputs_a_bad_one_does_not_stop_the_others(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", files["absent"], files["dim"], files["stack"], "--json"]) == 1
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert [one["input"] for one in told["results"]] == [files["dim"], files["stack"]]
    assert [one["input"] for one in told["failed"]] == [files["absent"]]
    assert captured.err.splitlines()[-1] == "2 of 3 files diagnosed, 1 not."
    assert main(["diagnose", files["dim"], files["stack"]]) == 0
    assert f"{files['stack']}:\n  " in capsys.readouterr().out
    assert main(["diagnose", files["absent"], files["tiny"]]) == 2


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("colour", [], "in colour"),
        ("tiny", [], "at least 32"),
        ("nothing", [], "no finite pixel"),
        ("absent", [], "does not exist"),
        ("dim", ["--na", "3", "--wavelength", "0.5", "--pixel-size", "0.1"], "NA 3"),
        ("dim", ["--na", "1.2", "--wavelength", "0.5"], "no pixel size"),
        ("dim", ["--na", "1.2"], "give both"),
        ("stack", ["--position", "Z=3"], "it has 3 planes"),
        ("stack", ["--position", "T=0"], "no position T=0"),
        ("stack", ["--channel", "0"], "no position C=0"),
        ("stack", ["--position", "Z"], "no position such as"),
        ("stack", ["--position", "Z=1,Z=2"], "no position such as"),
        ("stack", ["--pixel-size", "-1"], "not a number above 0"),
    ],
)
def test_what_cannot_be_diagnosed_exits_2_with_one_sentence(
    files: dict[str, str], name: str, options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", files[name], *options]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert captured.err.count("\n") == 1
