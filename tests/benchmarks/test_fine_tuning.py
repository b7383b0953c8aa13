"""The small sets of pairs that fine-tuning is measured on, and the table of what it gave."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile
from benchmarks.fine_tuning.__main__ import five_minutes, former_settings
from benchmarks.fine_tuning.report import write_report
from benchmarks.fine_tuning.rows import ImageRow, RunRow, add_rows, read_rows
from benchmarks.fine_tuning.sets import PairSet, Part, find_set, pair_sets, read_part, write_folder

from napari_restoration.models.registry import find_card


def _pixels(part: Part) -> np.ndarray:
    mask = np.zeros((1024, 1024), bool)
    mask[part.slices] = True
    return mask


@pytest.mark.parametrize("chosen", pair_sets(), ids=lambda one: one.name)
def test_no_pixel_that_is_scored_is_trained_on(chosen: PairSet) -> None:
    for tested in chosen.test:
        for trained in chosen.train:
            # All distances of the defocus series show one cell: there places count, whatever the file.
            if tested.file == trained.file or chosen.name == "dfnn defocus":
                assert not (_pixels(tested) & _pixels(trained)).any()


@pytest.mark.parametrize("chosen", pair_sets(), ids=lambda one: one.name)
def test_four_to_eight_pairs_are_trained_on_and_the_model_ships(chosen: PairSet) -> None:
    assert 4 <= len(chosen.train) <= 8
    assert find_card(chosen.model)[0].id == chosen.model


def test_fields_that_overlap_are_on_one_side() -> None:
    for channel in range(3):
        chosen = find_set(f"w2s channel {channel}")
        train, test = ({part.file[:3] for part in side} for side in (chosen.train, chosen.test))
        for couple in ({"053", "057"}, {"077", "079"}):
            assert not (couple & train and couple & test)
        assert len(train) == 6
        assert len(test) == 8


def _data(folder: Path, use: str = "train") -> Path:
    rng = np.random.default_rng(0)
    for side in ("input", "target"):
        (folder / "pairs/p" / side).mkdir(parents=True)
        tifffile.imwrite(folder / f"pairs/p/{side}/a.tif", rng.integers(0, 255, (40, 42)).astype(np.uint8))
    with (folder / "index.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["file", "licence", "use", "pair", "source"])
        writer.writerows([f"pairs/p/{side}/a.tif", "MIT", use, "p_a", ""] for side in ("input", "target"))
    return folder


def test_a_part_is_cut_from_both_files_and_its_input_binned(tmp_path: Path) -> None:
    part = Part(name="a_left", file="a.tif", region=((None, None), (None, 21)))
    chosen = PairSet(
        name="p", folder="p", model="superres-x2", train=(part,), test=(part,), unseen="nothing", bin_input=2
    )
    given, target = read_part(chosen, part, _data(tmp_path / "data"))
    whole = tifffile.imread(tmp_path / "data/pairs/p/input/a.tif")
    assert (given.shape, target.shape) == ((20, 10), (40, 20))
    assert given[3, 4] == pytest.approx(whole[6:8, 8:10].mean())
    written = write_folder(chosen, tmp_path / "data", tmp_path / "out")
    assert np.array_equal(tifffile.imread(written / "input/a_left.tif"), given)
    assert np.array_equal(tifffile.imread(written / "target/a_left.tif"), target)


def test_the_former_settings_are_the_methods_own_at_a_tenth_of_its_rate() -> None:
    former = former_settings("refocus-c2f")
    assert (former["norms"], former["percentiles"], former["frozen_share"]) == ("batch", "field", 0.25)
    assert former["learning_rate"] == pytest.approx(2e-4)
    assert "steps" not in former
    assert five_minutes("refocus-c2f") == 3600


def _image(recipe: str, name: str, tuned: float) -> ImageRow:
    return ImageRow(
        set="gigadb", recipe=recipe, steps=5, seed=0, image=name, psnr_input=20.0, psnr_shipped=30.0,
        psnr_tuned=tuned, ssim_input=0.1, ssim_shipped=0.5, ssim_tuned=0.6,
    )  # fmt: skip


def test_the_report_names_the_sets_that_failed_and_counts_images(tmp_path: Path) -> None:
    run = RunRow(set="gigadb", recipe="default", steps=5, seed=0, best_step=4, train_pairs=5, seconds=1.0)
    add_rows(tmp_path / "runs.csv", [run, replace(run, recipe="former")])
    images = [_image("default", "a", 31.0), _image("default", "b", 30.5), _image("former", "a", 29.0)]
    add_rows(tmp_path / "scores.csv", [*images, _image("former", "b", 30.5)])
    write_report(tmp_path)
    text = (tmp_path / "results.md").read_text(encoding="utf-8")
    default, former = text.split("## Recipe: ")[1:3]
    assert "**+0.75** ± 0.35" in default
    assert "| 2/2 |" in default
    assert "not above 0): none" in default
    assert "not above 0): gigadb (seed 0, 5 steps)" in former


def test_rows_of_a_training_that_is_done_again_make_room(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    add_rows(path, [_image("default", "a", 31.0)])
    add_rows(path, [_image("default", "a", 32.0)])
    assert [row.psnr_tuned for row in read_rows(path, ImageRow)] == [32.0]


def test_only_images_that_may_be_shown_get_a_picture_in_the_project() -> None:
    for chosen in pair_sets():
        assert chosen.may_show == (chosen.folder in ("biosr_wf2sim", "dfnn_defocus_microtubules"))
