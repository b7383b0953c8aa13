"""What is told of training pairs before training starts, and how pairs are left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.core.progress import Notice, run
from napari_restoration.tasks import train_check
from napari_restoration.tasks.train_check import iter_check_material
from napari_restoration.training.material import Material, find_material

SHAPE = (96, 112)


def truth(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    field = ndimage.gaussian_filter(rng.normal(size=SHAPE), 2.0, mode="wrap")
    spots = ndimage.gaussian_filter((rng.random(SHAPE) < 0.005).astype(float), 1.5, mode="wrap")
    return (200 + 100 * field / field.std() / 4 + 800 * spots / spots.max()).astype(np.float32)


def noisy(image: np.ndarray, seed: int, sd: float = 25.0) -> np.ndarray:
    return (image + np.random.default_rng(seed).normal(0, sd, image.shape)).astype(np.float32)


def put(folder: Path, name: str, given: np.ndarray | None, target: np.ndarray | None) -> None:
    for side, image in (("input", given), ("target", target)):
        if image is not None:
            (folder / side).mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(folder / side / f"{name}.tif", image)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        put(tmp_path / "pairs", f"cell{number}", noisy(truth(number), 50 + number), truth(number))
    return tmp_path / "pairs"


def checked(material: Material, *leave_out: str) -> tuple[Material, list[str]]:
    reports = []
    found = run(iter_check_material(material, leave_out=leave_out), reports.append)
    return found, [one.message for one in reports if isinstance(one, Notice)]


def pairs_of(folder: Path, **more: object) -> Material:
    return Material(folder=folder, kind="pairs", **more)  # type: ignore[arg-type]


def test_sound_pairs_are_told_nothing(folder: Path) -> None:
    material = pairs_of(folder)

    assert checked(material) == (material, [])


def test_shifted_pairs_are_told_of_in_one_notice_with_the_command_that_mends_them(folder: Path) -> None:
    for number, shift in ((0, 1.2), (2, 2.3)):
        moved = ndimage.shift(truth(number), (shift, 0), order=3, mode="mirror")
        put(folder, f"cell{number}", None, moved)

    (words,) = checked(pairs_of(folder))[1]

    assert "2 of 3 pairs" in words
    assert "'cell2.tif'" in words
    assert "shifted by 2.3" in words
    assert f"pairs check {folder} --fix OUT" in words


def test_a_swapped_pair_is_refused_with_both_ways_out(folder: Path) -> None:
    put(folder, "cell 1", truth(5), noisy(truth(5), 60))

    with pytest.raises(InputError) as caught:
        checked(pairs_of(folder))

    assert "'cell 1.tif': The target is noisier" in str(caught.value)
    assert "--leave-out 'cell 1.tif'`" in str(caught.value)
    assert f"napari-restoration pairs check {folder} --fix OUT" in str(caught.value)
    material, notices = checked(pairs_of(folder), "cell 1")
    assert material.leave_out == ("cell 1",)
    assert notices == []


def test_files_without_a_counterpart_are_refused_and_can_be_left_out(folder: Path) -> None:
    put(folder, "lone", truth(7), None)

    with pytest.raises(InputError, match=r"1 input has no target: 'lone.tif'.*--leave-out lone.tif"):
        checked(pairs_of(folder))
    found, _ = find_material(checked(pairs_of(folder), "lone.tif")[0])
    assert found.unpaired == ()
    assert len(found.pairs) == 3


def test_a_pair_of_the_validation_folder_is_named_with_its_folder(folder: Path, tmp_path: Path) -> None:
    put(tmp_path / "val", "cell0", truth(8), noisy(truth(8), 61))
    put(tmp_path / "val", "cell9", noisy(truth(9), 62), truth(9))
    material = pairs_of(folder, validation=tmp_path / "val")

    with pytest.raises(InputError, match=r"--leave-out validation/cell0\.tif"):
        checked(material)
    found, others = find_material(checked(material, "validation/cell0.tif")[0])
    assert len(found.pairs) == 3
    assert others is not None
    assert [pair.name for pair in others.pairs] == ["cell9.tif"]


def test_a_name_that_is_not_there_cannot_be_left_out(folder: Path) -> None:
    for kind in ("pairs", "clean"):
        place = folder if kind == "pairs" else folder / "input"
        with pytest.raises(InputError, match=r"no 'cell7' to leave out.*'cell0.tif'"):
            checked(Material(folder=place, kind=kind), "cell7")  # type: ignore[arg-type]


def test_of_many_pairs_some_are_looked_at_and_leaving_one_out_brings_in_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_check, "MOST_PAIRS", 2)
    put(folder, "cell1", truth(1), noisy(truth(1), 51))  # between the first and the last

    assert "2 of 3 pairs were looked at" in checked(pairs_of(folder))[1][0]
    assert "1 of 2 pairs were looked at" in checked(pairs_of(folder), "cell0")[1][0]


def test_an_error_in_the_part_that_was_looked_at_is_looked_at_in_full(tmp_path: Path) -> None:
    shape = (600, 96)
    good = np.concatenate([truth(number)[:, :96] for number in range(7)])[: shape[0]]
    given = noisy(good, 70)
    # Rows that a glance sees are missing, others are not.
    given[::2] = np.nan
    for start in np.linspace(0, shape[0] - 16, 16).round().astype(int):
        given[start : start + 16] = np.nan
    put(tmp_path, "cell", given, good)

    material, _ = checked(pairs_of(tmp_path))

    assert material.leave_out == ()


def test_images_of_an_index_are_left_out_in_the_index(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"index\.csv"):
        checked(Material(folder=tmp_path), "cell")


def test_what_is_left_out_is_written_down() -> None:
    material = pairs_of(Path("pairs"), leave_out=("a", "b"))

    assert Material.from_dict(material.to_dict()) == material
    older = {key: value for key, value in material.to_dict().items() if key != "leave_out"}
    assert Material.from_dict(older).leave_out == ()
