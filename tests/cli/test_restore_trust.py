"""``restore --trust``: maps beside the result, refusals before any work."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.cli import main
from napari_restoration.core.io import read_image

FILTER = "classical-gaussian"


@pytest.fixture
def write_cells(tmp_path: Path) -> Callable[..., Path]:
    """Write a small stack with shot noise and tell its path."""

    def write(name: str, planes: int = 2, axes: str = "TYX") -> Path:
        rng = np.random.default_rng(3)
        smooth = ndimage.gaussian_filter(rng.standard_normal((planes, 72, 80)), (0, 6, 6))
        data = rng.poisson(100 + 200 * np.clip(smooth / smooth.max(), 0, 1)).astype(np.uint16)
        path = tmp_path / name
        tifffile.imwrite(path, data, imagej=True, resolution=(10, 10), metadata={"axes": axes, "unit": "um"})
        return path

    return write


def test_maps_are_channels_of_a_file_with_names_and_record(
    write_cells: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_cells("cells.tif")
    target, maps = source.with_name("out.tif"), source.with_name("maps.ome.tif")
    given = ["--trust", str(maps), "--camera", "0", "1", "0", "--trust-views", "2", "--json"]
    assert main(["restore", str(source), "-o", str(target), "--model", FILTER, *given]) == 0
    captured = capsys.readouterr()
    trust = json.loads(captured.out)["trust"]
    assert trust["output"] == str(maps)
    assert trust["words"] in captured.err
    assert 0 <= trust["share"] <= 1
    assert set(trust["not_had"]) == {"null", "uncertainty"}
    stored = read_image(maps)
    assert (stored.axes, stored.shape) == ("TCYX", (2, len(trust["channels"]), 72, 80))
    assert stored.metadata["channels"] == trust["channels"]
    assert trust["channels"][0] == "trust"
    assert stored.pixel_size_um["X"] == pytest.approx(0.1)
    assert stored.metadata["provenance"]["task"] == "trust"
    values = np.asarray(stored.data)[:, 0]
    assert np.isfinite(values).all()
    assert float((values < trust["threshold"]).mean()) == pytest.approx(trust["share"])


def test_channels_of_the_image_keep_their_own_maps(write_cells: Callable[..., Path]) -> None:
    source = write_cells("two.tif", axes="CYX")
    maps = source.with_name("maps.ome.tif")
    settings = ["--trust", str(maps), "--trust-views", "0"]
    assert (
        main(["restore", str(source), "-o", str(source.with_name("o.tif")), "--model", FILTER, *settings])
        == 0
    )
    names = read_image(maps).metadata["channels"]
    assert names[0] == "channel 0: trust"
    assert len(names) == 2 * len({name.split(": ")[1] for name in names})


def test_several_inputs_have_their_maps_in_a_folder(write_cells: Callable[..., Path], tmp_path: Path) -> None:
    sources = [str(write_cells(f"{name}.tif", planes=1)) for name in "ab"]
    folders = ["-o", str(tmp_path / "out"), "--trust", str(tmp_path / "maps")]
    assert main(["restore", *sources, *folders, "--model", FILTER, "--trust-views", "0"]) == 0
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == [
        f"{name} [{FILTER} trust].tif" for name in "ab"
    ]


def test_what_cannot_be_done_is_refused_before_anything_is_written(
    write_cells: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_cells("cells.tif")
    target, maps = source.with_name("out.tif"), source.with_name("maps.tif")
    command = ["restore", str(source), "-o", str(target), "--model", FILTER]
    maps.write_bytes(b"mine")
    assert main([*command, "--trust", str(maps)]) == 2
    assert maps.read_bytes() == b"mine"
    assert main([*command, "--trust", str(source)]) == 2
    assert main([*command, "--camera", "0", "1", "0"]) == 2
    assert "--camera says something about --trust" in capsys.readouterr().err
    assert not target.exists()
