"""``napari-restoration replay``: the verdict in words, as JSON, and as exit status."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_restoration.cli import main
from napari_restoration.core.io import read_image, write_image


@pytest.fixture
def result(tmp_path: Path, model_folder: Path) -> Path:
    """A restored file beside its input, made by a model in a folder."""
    data = np.random.default_rng(0).integers(0, 500, (40, 50)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "cell.tif", data)
    arguments = ["restore", str(tmp_path / "cell.tif"), "-o", str(tmp_path / "sharp.tif")]
    assert main([*arguments, "--model", str(model_folder)]) == 0
    return tmp_path / "sharp.tif"


def test_an_equal_replay_is_said_in_a_line_and_exits_0(
    result: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    output = tmp_path / "again.tif"
    assert main(["replay", str(result), "-o", str(output), "--model", str(model_folder)]) == 0
    told = capsys.readouterr()
    assert told.err == f"{output}: Equal, bit for bit, to sharp.tif.\n"
    assert told.out == ""


def test_a_replay_that_differs_exits_1_and_json_says_by_how_much(
    result: Path, model_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = read_image(result, lazy=False)
    record = {**image.metadata["provenance"], "result": {}}
    image.data[0, 0] += 3
    write_image(tmp_path / "other.tif", image.replace(metadata={"provenance": record}))
    capsys.readouterr()
    arguments = ["replay", str(tmp_path / "other.tif"), "-o", str(tmp_path / "again.tif")]
    assert main([*arguments, "--model", str(model_folder), "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["equal"], told["different_pixels"]) == (False, 1)
    assert told["largest_difference"] == pytest.approx(3, abs=1e-3)
    assert (told["model"], told["input"]) == ("tiny", str(tmp_path / "cell.tif"))


def test_what_is_missing_is_one_line_and_exit_status_2(
    result: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    output = ["-o", str(tmp_path / "again.tif")]
    assert main(["replay", str(result), *output]) == 2
    assert "The model 'tiny' of" in capsys.readouterr().err
    (tmp_path / "cell.tif").unlink()
    assert main(["replay", str(result), *output]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "name its file with --input." in told
    assert not (tmp_path / "again.tif").exists()
