import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.cli import main

SIDE = 96
FIELD = ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(220, 160)), 2.0, mode="wrap")
SCENE = 1000 + 3000 * (FIELD - FIELD.min()) / np.ptp(FIELD)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stream of seven frames, 8 px apart, and sharp images of two places in it."""
    rng = np.random.default_rng(4)
    frames = np.stack([SCENE[8 * n : 8 * n + SIDE, 20 : 20 + SIDE] for n in range(7)])
    stream = (frames + rng.normal(0, 40, frames.shape)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "stream.tif", stream, metadata={"axes": "TYX"})
    for number, y in enumerate((16, 33)):
        plane = SCENE[y : y + SIDE, 20 : 20 + SIDE].astype(np.uint16)
        tifffile.imwrite(tmp_path / f"sharp{number}.tif", plane)
    return tmp_path


def test_bursts_of_a_stream_are_pairs_that_pass_the_check(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["pairs", "bursts", str(folder / "stream.tif"), str(folder / "sharp*.tif"), "--frames", "3"]
    assert main([*command, "-o", str(folder / "out"), "--window", "500", "4500"]) == 0
    assert capsys.readouterr().out.strip() == f"2 bursts in {folder / 'out'}."

    assert main(["pairs", "check", str(folder / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["usable"] == ["sharp0.tif", "sharp1.tif"]


def test_an_image_of_elsewhere_is_told_and_sets_the_status(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = np.random.default_rng(8).random((SIDE, SIDE)) * 4000
    tifffile.imwrite(folder / "other.tif", other.astype(np.uint16))
    names = [str(folder / name) for name in ("stream.tif", "sharp0.tif", "other.tif")]
    options = [
        "-o",
        str(folder / "out"),
        "--window",
        "500",
        "4500",
        "--frames",
        "3",
        "--tile",
        "32",
        "--json",
    ]

    assert main(["pairs", "bursts", *names, *options]) == 1
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert set(told["left_out"]) == {"other.tif"}
    assert all(name.startswith("sharp0_y") for name in told["written"])
    assert "other.tif is left out: Frame" in captured.err


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--window", "9", "1"], "give low < high"),
        (["--window", "0", "9", "--upper-half"], "say how wide the tiles are"),
        (["--window", "0", "9", "--frames", "8"], "at least 8 frames along T"),
        (["--window", "0", "9", "--axes", "zyx"], "no Z or C"),
    ],
)
def test_wrong_usage_is_one_sentence_and_writes_nothing(
    folder: Path, more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(folder / name) for name in ("stream.tif", "sharp0.tif")]

    assert main(["pairs", "bursts", *names, "-o", str(folder / "out"), *more]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (folder / "out").exists()
