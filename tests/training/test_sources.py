from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from napari_restoration.core.errors import InputError
from napari_restoration.training.recipe_data import PairSettings, SourceSettings
from napari_restoration.training.sources import (
    as_truth,
    fit_intensity,
    load_pairs,
    load_sources,
    mean_bin,
    read_index,
    read_plane,
)


def test_only_files_marked_for_training_are_read(images_dir: Path) -> None:
    names = {source.name for source in load_sources(images_dir, [SourceSettings(match="cells/*")])}
    assert names == {f"cells/a{n}.tif" for n in range(4)} | {"cells/b_y0_x0.tif", "cells/b_y64_x0.tif"}


def test_a_file_belongs_to_the_first_group_that_matches_it(images_dir: Path) -> None:
    groups = [SourceSettings(match="cells/a*"), SourceSettings(match="cells/*")]
    found = load_sources(images_dir, groups)
    assert [s.settings.match for s in found] == ["cells/a*"] * 4 + ["cells/*"] * 2


def test_a_group_without_files_is_named(images_dir: Path) -> None:
    with pytest.raises(InputError, match=r"cells/val\.tif"):
        load_sources(images_dir, [SourceSettings(match="cells/val.tif")])


def test_quoted_commas_in_the_index_do_not_shift_columns(images_dir: Path) -> None:
    assert {row.use for row in read_index(images_dir)} == {"train", "val", "eval-only"}


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"index\.csv"):
        read_index(tmp_path)


def test_a_pair_keeps_its_target_beside_the_input(images_dir: Path) -> None:
    (pair,) = load_pairs(images_dir, [PairSettings(match="pairs/p/input/*", bin_input=2)])
    assert pair.input.shape == (48, 48)
    np.testing.assert_array_equal(pair.target, read_plane(images_dir / "pairs/p/target/1.tif"))


def test_the_middle_plane_of_a_stack_and_the_mean_of_rgb_are_read(tmp_path: Path) -> None:
    stack = np.arange(5 * 8 * 9, dtype=np.uint16).reshape(5, 8, 9)
    tifffile.imwrite(tmp_path / "stack.tif", stack)
    tifffile.imwrite(tmp_path / "rgb.tif", stack[:3], photometric="minisblack", metadata={"axes": "CYX"})
    np.testing.assert_array_equal(read_plane(tmp_path / "stack.tif"), stack[2])
    np.testing.assert_allclose(read_plane(tmp_path / "rgb.tif"), stack[:3].mean(axis=0))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.tif").write_bytes(b"II*\0nothing")
    with pytest.raises(InputError, match=r"broken\.tif"):
        read_plane(tmp_path / "broken.tif")


def test_mean_binning_drops_incomplete_blocks() -> None:
    image = np.arange(35, dtype=np.float32).reshape(5, 7)
    np.testing.assert_allclose(mean_bin(image, 2)[0, 0], image[:2, :2].mean())
    assert mean_bin(image, 2).shape == (2, 3)


def test_a_truth_starts_at_zero_and_its_bright_end_is_one() -> None:
    image = np.random.default_rng(0).normal(500, 50, (64, 64)).astype(np.float32)
    truth = as_truth(image, factor=1, smooth=0, black="percentile")
    assert truth.min() == 0
    assert np.percentile(truth, 99.9) == pytest.approx(1, abs=1e-3)


def test_transmitted_light_keeps_its_black() -> None:
    image = np.random.default_rng(0).normal(500, 50, (64, 64)).astype(np.float32)
    truth = as_truth(image, factor=1, smooth=0, black="zero")
    np.testing.assert_allclose(truth * np.percentile(image, 99.9), image, rtol=1e-5)


def test_a_blurred_input_does_not_lower_the_fitted_targets_contrast() -> None:
    target = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    given = 3 * ndimage.gaussian_filter(target, 2.0) + 10
    np.testing.assert_allclose(fit_intensity(target, given), 3 * target + 10, rtol=1e-3)
