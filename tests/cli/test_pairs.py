import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.cli import main


def cells(seed: int) -> np.ndarray:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(112, 112)), 2.0, mode="wrap")
    return (500 + 300 * field / field.std() / 3).astype(np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, seed in (("a", 1), ("b", 2), ("flat", 3)):
        for side in ("input", "target"):
            image = cells(seed)
            if side == "input":
                image += np.random.default_rng(seed).normal(0, 20, image.shape).astype(np.float32)
            elif name == "b":
                image = ndimage.shift(image, (1.5, 0), order=3, mode="mirror")
            elif name == "flat":
                image[:] = 3
            (tmp_path / "raw" / side).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(tmp_path / "raw" / side / f"{name}.tif", image)
    return tmp_path


def test_faults_are_lines_with_what_to_do_and_errors_set_the_status(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pairs", "check", str(folder / "raw")]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "! flat.tif: The target has one value only."
    assert lines[1] == "    > Leave the pair out. (leave_out)"
    assert lines[2].startswith("? b.tif: The target is shifted by 1.5")
    assert lines[-1] == "2 of 3 pairs can be trained on as they are."


def test_mended_pairs_are_written_and_told_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pairs", "check", str(folder / "raw"), "--fix", str(folder / "good"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["fixed"]["mended"] == {"b.tif": ["register"]}
    assert told["fixed"]["left_out"] == ["flat.tif"]
    assert {one["kind"] for one in told["findings"]} == {"constant", "shift"}

    assert main(["pairs", "check", str(folder / "good"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["findings"] == []


def test_two_folders_and_a_validation_folder_are_compared(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    raw = folder / "raw"
    (raw / "input/flat.tif").unlink()
    (raw / "target/flat.tif").unlink()
    command = [
        "pairs",
        "check",
        str(raw / "input"),
        str(raw / "target"),
        "--val",
        str(raw),
        "--shift",
        "9",
        "--json",
    ]
    assert main(command) == 2
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {(one["kind"], one["pair"]) for one in findings} == {("leak", "a.tif"), ("leak", "b.tif")}


@pytest.mark.parametrize(
    ("more", "words"),
    [(["--fixes", "crop"], "add --fix OUT"), (["--fix", "OUT", "--fixes", "paint"], "no fix 'paint'")],
)
def test_wrong_usage_is_one_sentence(
    folder: Path, more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = [str(folder / "good") if part == "OUT" else part for part in more]
    assert main(["pairs", "check", str(folder / "raw"), *more]) == 2
    assert words in capsys.readouterr().err
    assert not (folder / "good").exists()
