import json
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_restoration.cli import main

SCORES = ("psnr", "ssim", "pcc", "mae", "nrmse")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    rng = np.random.default_rng(3)
    truth = rng.uniform(100, 900, (2, 24, 32)).astype(np.float32)
    images = {
        "truth": truth,
        "restored": truth + rng.normal(0, 5, truth.shape).astype(np.float32),
        "before": truth + rng.normal(0, 60, truth.shape).astype(np.float32),
        "other": truth[:, :20],
    }
    for name, image in images.items():
        tifffile.imwrite(tmp_path / f"{name}.tif", image, metadata={"axes": "ZYX"})
    return {name: str(tmp_path / f"{name}.tif") for name in images}


def test_json_has_every_score_of_the_result_and_of_the_input(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", files["restored"], files["truth"], "--before", files["before"], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    for scores in (told, told["before"], told["per_plane"][1], told["before"]["per_plane"][1]):
        assert {*SCORES, *(f"{name}_affine" for name in SCORES)} <= set(scores)
    assert told["psnr"] > told["before"]["psnr"] + 15
    truth = tifffile.imread(files["truth"])
    assert told["data_range"] == pytest.approx(float(np.ptp(truth)))


def test_identical_images_have_a_psnr_of_null(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", files["truth"], files["truth"], "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["psnr"] is None
    assert told["mae"] == 0


def test_the_data_range_that_is_given_is_used(
    files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for limit in ("100", "1000"):
        assert main(["compare", files["restored"], files["truth"], "--data-range", limit, "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out)["psnr"])
    assert told[1] - told[0] == pytest.approx(20)


def test_without_json_a_table_is_printed(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", files["restored"], files["truth"], "--before", files["before"]]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    lines = captured.out.splitlines()
    assert lines[1].split() == ["before", "fitted", "restored", "fitted"]
    assert [line.split()[0] for line in lines[2:]] == ["PSNR", "SSIM", "correlation", "MAE", "NRMSE"]


@pytest.mark.parametrize("restored", ["other", "missing"])
def test_an_image_that_is_missing_or_of_another_size_exits_2_and_is_named(
    files: dict[str, str], restored: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["compare", str(tmp_path / f"{restored}.tif"), files["truth"]]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert restored in captured.err
