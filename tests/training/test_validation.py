from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_restoration.core.errors import InputError
from napari_restoration.training.phantoms import draw_phantoms
from napari_restoration.training.recipe_data import PhantomSettings
from napari_restoration.training.validation import read_definition, validation_cases

SHIPPED = Path(__file__).parents[2] / "benchmarks" / "recipes" / "validation.toml"
DEFINITION = """
crop = 32
smooth = 0.6
gain = 0.5
offset = 100.0
[files.cells]
black = "percentile"
use = [{{ file = "{file}", bin = 1 }}]
tuning = [{{ file = "cells/a0.tif", bin = 2 }}]
[denoise]
groups = ["cells"]
seed = 1
[denoise.levels.mild]
photons = 200.0
[denoise.levels.hard]
photons = 5.0
"""


def _definition(tmp_path: Path, file: str = "cells/val.tif") -> Path:
    path = tmp_path / "validation.toml"
    path.write_text(DEFINITION.format(file=file), encoding="utf-8")
    return path


def test_each_file_is_made_at_each_level(images_dir: Path, tmp_path: Path) -> None:
    cases = list(validation_cases("denoise", images_dir, _definition(tmp_path)))
    assert [(c.file, c.level) for c in cases] == [("cells/val.tif", "mild"), ("cells/val.tif", "hard")]
    assert all(c.input.shape == c.target.shape == (32, 32) for c in cases)
    errors = [np.std(c.input - c.target) / np.ptp(c.target) for c in cases]
    assert errors[0] < errors[1]


def test_cases_are_the_same_every_time(images_dir: Path, tmp_path: Path) -> None:
    first, second = (list(validation_cases("denoise", images_dir, _definition(tmp_path))) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.input, other.input)


def test_tuning_uses_training_images(images_dir: Path, tmp_path: Path) -> None:
    cases = validation_cases("denoise", images_dir, _definition(tmp_path), tuning=True)
    assert {case.file for case in cases} == {"cells/a0.tif"}


def test_a_file_that_is_not_marked_for_validation_is_refused(images_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cells/a1\.tif is not marked 'val'"):
        next(validation_cases("denoise", images_dir, _definition(tmp_path, "cells/a1.tif")))


def test_an_undefined_task_is_named(images_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'deblur'"):
        next(validation_cases("deblur", images_dir, _definition(tmp_path)))


@pytest.mark.parametrize("task", ["denoise", "deblur", "refocus", "superres"])
def test_the_shipped_definition_makes_finite_cases_of_three_levels(task: str, data_dir: Path) -> None:
    cases = validation_cases(task, data_dir, SHIPPED)
    first = [next(cases) for _ in range(3)]
    assert [case.level for case in first] == ["mild", "medium", "hard"]
    assert len({case.file for case in first}) == 1
    assert all(np.isfinite(case.input).all() and np.isfinite(case.target).all() for case in first)


def test_the_shipped_definition_scores_no_image_that_it_tunes_on() -> None:
    files = read_definition(SHIPPED)["files"]
    scored = {entry["file"] for group in files.values() for entry in group["use"]}
    tuned = {entry["file"] for group in files.values() for entry in group["tuning"]}
    assert scored
    assert not scored & tuned


def test_phantoms_are_drawn_the_same_for_a_seed_and_differ_from_each_other() -> None:
    groups = [PhantomSettings(kind="nuclei", count=2, side=48, pixel_size_um=0.5)]
    first, second = draw_phantoms(groups, 3), draw_phantoms(groups, 3)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.image, other.image)
    assert not np.array_equal(first[0].image, first[1].image)


def test_an_unknown_phantom_is_named() -> None:
    with pytest.raises(InputError, match="unicorn"):
        draw_phantoms([PhantomSettings(kind="unicorn")], 0)
