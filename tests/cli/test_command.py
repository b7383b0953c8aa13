"""The command as a whole: help, usage errors, unexpected errors, start-up."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_restoration import __version__
from napari_restoration.cli import main
from napari_restoration.tasks import compare


@pytest.fixture
def broken_compare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Arguments of a command that fails in a way nobody foresaw."""
    import numpy as np
    import tifffile

    def fail(*_: object) -> None:
        raise RuntimeError("the third\nscrew is loose")

    monkeypatch.setattr(compare, "compare", fail)
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8), np.uint8))
    return ["compare", str(tmp_path / "a.tif"), str(tmp_path / "a.tif")]


@pytest.mark.parametrize(
    "command", [[], ["restore"], ["degrade"], ["compare"], ["models"], ["models", "show"], ["demo"]]
)
def test_every_command_has_help_with_examples(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command, "--help"]) == 0
    assert "examples:\n" in capsys.readouterr().out


def test_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == __version__


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "COMMAND"),
        (["enhance"], "enhance"),
        (["restore", "a.tif", "-o", "b.tif"], "--task"),
        (["restore", "a.tif", "--task", "deblur"], "--output"),
        (["restore", "a.tif", "-o", "b.tif", "--task", "deblur", "--model", "x"], "--model"),
        (["restore", "a.tif", "-o", "b.tif", "--task", "deblur", "--tile", "0"], "--tile"),
        (["restore", "a.tif", "-o", "b.tif", "--task", "deblur", "--frames", "many"], "--frames"),
        (["restore", "a.tif", "-o", "b.tif", "--task", "deblur", "--channel", "-1"], "--channel"),
        (["compare", "a.tif", "b.tif", "--data-range", "nan"], "--data-range"),
    ],
)
def test_a_usage_error_is_one_line_and_exits_2(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert named in captured.err


def test_an_unexpected_error_exits_1_with_one_line(
    broken_compare: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(broken_compare) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "RuntimeError: the third screw is loose" in captured.err
    assert "--debug" in captured.err


@pytest.mark.parametrize("position", [0, 1])
def test_debug_shows_the_traceback(
    broken_compare: list[str], position: int, capsys: pytest.CaptureFixture[str]
) -> None:
    broken_compare.insert(position, "--debug")
    assert main(broken_compare) == 1
    assert "Traceback" in capsys.readouterr().err


def test_json_is_one_object_for_an_error_too(
    broken_compare: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*broken_compare, "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["exit_code"] == 1
    assert "screw" in told["error"]


def test_the_module_is_the_same_command_and_loads_nothing_heavy(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "napari_restoration", "models", "list"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    loaded = {line.rsplit("|", 1)[1].strip() for line in done.stderr.splitlines() if "|" in line}
    assert "napari_restoration.cli.models" in loaded
    assert not loaded & {"numpy", "torch", "napari", "scipy", "tifffile", "tqdm"}


def test_openmp_threads_are_told_to_sleep_before_torch_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY")
    main(["--version"])
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
