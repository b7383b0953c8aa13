"""Whether a training helped, on real files: networks whose order is known, in runs with every kind of images."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from scipy import ndimage

from napari_restoration.core.errors import InputError, ModelError
from napari_restoration.core.metrics import fit_affine, psnr
from napari_restoration.core.progress import run as drive
from napari_restoration.degradations.preset_store import find_preset
from napari_restoration.models.archs import build, geometry
from napari_restoration.models.archs.presets import preset
from napari_restoration.models.card import ModelCard
from napari_restoration.models.store import save_model_folder
from napari_restoration.tasks.assess import Assessment, iter_assess, read_assessment, read_examples
from napari_restoration.tasks.assess_images import busiest, held_out_images
from napari_restoration.tasks.restore import restore
from napari_restoration.tasks.train_words import methods_paragraph
from napari_restoration.training.material import Material
from napari_restoration.training.recipe import Recipe, TrainingSettings
from napari_restoration.training.recipe_data import SourceSettings
from napari_restoration.training.run_config import RunConfig
from napari_restoration.training.seen import seen_of
from napari_restoration.training.start import name_start

ARGS: dict[str, dict[str, Any]] = {"care": {"base": 4, "depth": 1, "kernel": 3}}


def blobs(seed: int, side: int = 64) -> np.ndarray:
    image = ndimage.gaussian_filter(np.random.default_rng(seed).random((side, side)), 2)
    return (1000 * (image - image.min()) / np.ptp(image)).astype(np.float32)


def recipe(task: str = "denoise", arch: str = "care", **args: Any) -> Recipe:
    return Recipe(
        id="tiny", title="Tiny", description="Tiny.", task=task, arch=arch, arch_args=args or ARGS["care"],
        sources=(SourceSettings(match="*"),), training=TrainingSettings(patch=16, field_size=32),
    )  # fmt: skip


def save(folder: Path, name: str, wild: float, of: Recipe, **card: Any) -> Path:
    """A residual network that leaves its input alone, plus so much of what random weights make of it."""
    torch.manual_seed(3)
    network = build(of.arch, **of.arch_args)
    tensors = {key: value.numpy() for key, value in network.state_dict().items()}
    for key in {"mean.weight", "mean.bias"} & set(tensors):
        tensors[key] = tensors[key] * wild
    shape = geometry(of.arch, **of.arch_args)
    made = ModelCard(
        id=name, title=name, description=name, task=of.task, arch=of.arch, arch_args=dict(of.arch_args),
        size_multiple=shape.size_multiple, receptive_field=shape.receptive_field, halo=shape.receptive_field,
        scale=shape.scale, laplace_scale=shape.laplace_scale, whole_image=shape.whole_image,
        frames=card.pop("frames", None), **card,
    )  # fmt: skip
    save_model_folder(folder, made, tensors, half=False, overwrite=True)
    return folder


@pytest.fixture
def pairs(tmp_path: Path) -> Callable[..., Path]:
    """Noisy and good images of so many fields of view; by default degraded ones, whose intensities are kept."""

    def make(fields: int, side: int = 64, *, name: str = "pairs", gain: float = 1.0) -> Path:
        folder = tmp_path / name
        for part in ("input", "target"):
            (folder / part).mkdir(parents=True)
        for number in range(fields):
            good = blobs(number + len(name) * 1000, side)
            noise = np.random.default_rng([5, number, len(name)]).normal(0, 40, good.shape)
            tifffile.imwrite(folder / f"input/cell{number}.tif", (good + noise).astype(np.float32))
            tifffile.imwrite(folder / f"target/cell{number}.tif", good * np.float32(gain))
        if gain == 1:
            (folder / "pairs.json").write_text("{}", encoding="utf-8")
        return folder

    return make


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[..., Path]:
    """A run as training leaves it, with a model before and one after."""

    def make(
        material: Material, before: float | None, after: float, of: Recipe | None = None, **card: Any
    ) -> Path:
        chosen, start = of or recipe(), None
        if before is not None:
            start = name_start(save(tmp_path / "before", "the-old-one", before, chosen))
        folder = tmp_path / "run"
        RunConfig(recipe=chosen, material=material, start=start, files={}).begin(folder)
        save(folder / "model", "the-new-one", after, chosen, **card)
        return folder

    return make


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [(3.0, 0.0, "better"), (0.0, 3.0, "worse"), (3.0, 3.0, "no clear difference")],
)
def test_seven_fields_of_view_tell_better_from_worse_and_from_equal(
    before: float, after: float, verdict: str, pairs, run_of
) -> None:
    run = run_of(Material(folder=pairs(2), kind="pairs", validation=pairs(7, name="val")), before, after)
    found = drive(iter_assess(run))
    assert (found.verdict, found.unit, found.units, found.fields) == (verdict, "image", 7, 7)
    assert (found.before_model, found.after_model) == ("the-old-one", "the-new-one")
    gains = [one.psnr_after - one.psnr_before for one in found.images]
    assert found.mean_gain_db == pytest.approx(np.mean(gains))
    assert found.spread_db == pytest.approx(np.std(gains, ddof=1))
    if before == after:
        assert gains == [0.0] * 7
        assert found.p_value == 1
    else:
        assert found.p_value == pytest.approx(2 / 2**7)
        assert found.mean_gain_db * (before - after) > 0
    assert "7 fields" in found.words
    assert "other samples" in found.words
    assert read_assessment(run) == found


def test_one_field_of_view_is_judged_by_blocks_and_says_that_they_hang_together(pairs, run_of) -> None:
    material = Material(folder=pairs(2, 48), kind="pairs", validation=pairs(1, 300, name="val"))
    found = drive(iter_assess(run_of(material, 3.0, 0.0)))
    assert (found.verdict, found.unit, found.units, found.fields) == ("better", "block", 16, 1)
    assert "16 blocks of 64 x 64 pixels" in found.words
    assert "not independent" in found.words


def test_without_held_out_images_nothing_is_claimed(pairs, run_of) -> None:
    run = run_of(Material(folder=pairs(1, 32), kind="pairs"), 0.3, 0.0)
    found = drive(iter_assess(run))
    assert (found.verdict, found.images, found.mean_gain_db) == ("not assessed", (), None)
    assert "No image was held out" in found.words
    assert read_examples(run) is None


def test_one_held_out_block_is_not_enough(pairs, run_of) -> None:
    material = Material(folder=pairs(2), kind="pairs", validation=pairs(1, name="val"))
    found = drive(iter_assess(run_of(material, 3.0, 0.0)))
    assert (found.verdict, len(found.images)) == ("not assessed", 1)
    assert "too little to judge" in found.words


def test_scores_are_those_of_restore_and_the_metrics(pairs, run_of) -> None:
    folder = pairs(2, name="val")
    run = run_of(Material(folder=pairs(2), kind="pairs", validation=folder), 0.3, 0.1)
    found = drive(iter_assess(run))
    assert not found.affine
    for number, one in enumerate(found.images):
        given = tifffile.imread(folder / f"input/cell{number}.tif")
        target = tifffile.imread(folder / f"target/cell{number}.tif")
        limit = float(np.ptp(target))
        assert one.psnr_input == pytest.approx(psnr(given, target, data_range=limit))
        restored = restore(given, run / "model", axes="YX", device="cpu").image.data
        assert one.psnr_after == pytest.approx(psnr(restored, target, data_range=limit), abs=1e-3)


def test_where_intensities_were_fitted_the_best_gain_and_offset_come_first(pairs, run_of) -> None:
    folder = pairs(2, name="val", gain=7.0)
    run = run_of(Material(folder=pairs(2, gain=7.0), kind="pairs", validation=folder), 0.3, 0.0)
    found = drive(iter_assess(run))
    assert found.affine
    assert "after the best gain and offset" in found.words
    given, target = (tifffile.imread(folder / part / "cell0.tif") for part in ("input", "target"))
    gain, offset = fit_affine(given, target)
    best = psnr(gain * given + offset, target, data_range=float(np.ptp(target)))
    assert found.images[0].psnr_input == pytest.approx(best, abs=1e-3)


def test_without_a_model_to_start_from_the_shipped_one_of_the_task_is_beaten_or_not(pairs, run_of) -> None:
    run = run_of(Material(folder=pairs(2), kind="pairs", validation=pairs(3, name="val")), None, 0.0)
    found = drive(iter_assess(run))
    assert found.before_model == "denoise-care"
    assert all(one.psnr_before > one.psnr_after for one in found.images)


def test_a_part_of_an_image_that_is_trained_on_is_called_that(pairs, run_of) -> None:
    run = run_of(Material(folder=pairs(1, 200), kind="pairs"), 3.0, 0.0)
    found = drive(iter_assess(run))
    assert (found.verdict, found.parts) == ("better", True)
    assert found.words.startswith(
        "On 1 held-out part of images, the rest of which was trained on, the new model"
    )
    assert "nothing about other fields of view" in found.words
    paragraph = methods_paragraph(run)
    assert "All images showed one field of view; the last 10% of each" in paragraph
    assert "held-out image" not in paragraph


@pytest.mark.parametrize(("trained", "known"), [({0, 1, 2, 3}, 4), ({0}, 1), (set(), 0)])
def test_images_that_the_model_before_was_trained_on_are_not_passed_off_as_new(
    trained: set[int], known: int, pairs, run_of, tmp_path: Path
) -> None:
    held = Material(folder=pairs(2), kind="pairs", validation=pairs(4, name="val"))
    run = run_of(held, 3.0, 0.0)
    images = held_out_images(recipe(), held, 4)
    seen = seen_of(one.item for number, one in enumerate(images) if number in trained)
    save(tmp_path / "before", "the-old-one", 3.0, recipe(), training={"seen": seen})
    found = drive(iter_assess(run))
    assert found.known == known
    assert ("started from was trained on" in found.words) == bool(known)
    assert ("started from was trained on" in methods_paragraph(run)) == bool(known)
    if known == 1:
        assert "1 of the 4 held-out images" in found.words


def test_an_untouched_model_is_called_so(pairs, run_of) -> None:
    material = Material(folder=pairs(2), kind="pairs", validation=pairs(6, name="val"))
    found = drive(iter_assess(run_of(material, 0.3, 0.3, training={"best_step": 0, "steps": 9})))
    assert found.words.startswith("Training found no better weights than those it started from")
    assert found.verdict == "no clear difference"


def test_a_model_that_no_step_was_taken_with_is_called_so(pairs, run_of) -> None:
    material = Material(folder=pairs(2), kind="pairs", validation=pairs(2, name="val"))
    found = drive(iter_assess(run_of(material, 0.3, 0.3, training={"best_step": 0, "steps": 0})))
    assert found.words.startswith("Training ended before its first step")
    assert "no better weights" not in found.words


def test_good_images_are_degraded_alike_for_both_and_each_time(tmp_path: Path, run_of) -> None:
    good = tmp_path / "good"
    good.mkdir()
    for number in range(8):
        tifffile.imwrite(good / f"cell{number}.tif", blobs(number, 96))
    degradation = find_preset("semi-synthetic").to_dict()
    chosen = recipe()
    chosen = replace(chosen, training=replace(chosen.training, validation_share=0.5))
    run = run_of(Material(folder=good, kind="clean", preset=degradation, pixel_size_um=0.1), 0.2, 0.2, chosen)
    first, second = (drive(iter_assess(run)) for _ in range(2))
    assert first == second
    assert (first.mean_gain_db, first.fields, first.affine) == (0.0, 4, False)


def test_a_doubling_network_is_compared_with_the_enlarged_input(tmp_path: Path, run_of) -> None:
    folder = tmp_path / "pairs"
    for part in ("input", "target"):
        (folder / part).mkdir(parents=True)
    for number in range(4):
        good = blobs(number, 256)
        tifffile.imwrite(folder / f"target/cell{number}.tif", good)
        coarse = good.reshape(128, 2, 128, 2).mean((1, 3))
        tifffile.imwrite(folder / f"input/cell{number}.tif", coarse)
    (folder / "pairs.json").write_text("{}", encoding="utf-8")
    run = run_of(
        Material(folder=folder, kind="pairs"), None, 1.0, recipe("superres", "rrdb", **preset("rrdb", "tiny"))
    )
    found = drive(iter_assess(run))
    assert found.before_model == "superres-x2"
    assert found.images[0].psnr_input > 35
    examples = read_examples(run)
    assert (examples.scale, examples.input.shape[1:], examples.after.shape[1:]) == (2, (128, 128), (256, 256))


def test_a_burst_gives_one_picture(tmp_path: Path, run_of) -> None:
    folder = tmp_path / "pairs"
    for part in ("input", "target"):
        (folder / part).mkdir(parents=True)
    for number in range(2):
        good = blobs(number, 128)
        frames = good + np.random.default_rng(number).normal(0, 50, (3, 128, 128))
        tifffile.imwrite(
            folder / f"input/cell{number}.tif",
            frames.astype(np.float32),
            imagej=True,
            metadata={"axes": "TYX"},
        )
        tifffile.imwrite(folder / f"target/cell{number}.tif", good)
    (folder / "pairs.json").write_text("{}", encoding="utf-8")
    chosen = recipe("deblur", "bdu", **preset("bdu", "tiny"))
    run = run_of(Material(folder=folder, kind="pairs"), None, 1.0, chosen, frames=3)
    found = drive(iter_assess(run))
    assert found.before_model == "deblur-burst"
    assert (found.fields, found.units) == (1, 4)
    # Three frames' mean has less noise than one.
    assert found.images[0].psnr_input > 28


def test_the_best_and_the_worst_part_are_kept_to_be_looked_at(pairs, run_of) -> None:
    material = Material(folder=pairs(2), kind="pairs", validation=pairs(3, 400, name="val"))
    run = run_of(material, 0.3, 0.1)
    drive(iter_assess(run))
    examples = read_examples(run)
    assert examples.input.shape == examples.before.shape == examples.target.shape == (4, 192, 192)
    assert list(examples.gains_db) == sorted(examples.gains_db, reverse=True)
    target = tifffile.imread(material.validation / "target/cell0.tif")
    names = [name.split(" ")[0] for name in examples.names]
    assert all(name.startswith("validation/cell") for name in names)
    for number, name in enumerate(examples.names):
        if name.startswith("validation/cell0 "):
            y, x = (int(part.split(" ")[1].rstrip(")")) for part in name.split("(")[1].split(", "))
            assert np.array_equal(examples.target[number], target[y : y + 192, x : x + 192])
    gain = psnr(examples.after[0], examples.target[0], data_range=1) - psnr(
        examples.before[0], examples.target[0], data_range=1
    )
    assert gain == pytest.approx(examples.gains_db[0], abs=1e-3)


def test_images_stand_for_as_many_fields_as_possible(pairs) -> None:
    material = Material(folder=pairs(2), kind="pairs", validation=pairs(9, name="val"))
    chosen = held_out_images(recipe(), material, 5)
    assert len({one.field for one in chosen}) == 5
    assert [one.name for one in held_out_images(recipe(), material, 5)] == [one.name for one in chosen]


def test_of_a_large_image_the_busiest_part_is_taken() -> None:
    image = np.zeros((1200, 900), np.float32)
    image[700:, 400:] = blobs(1, 800)[:500, :500]
    rows, columns = busiest(image, (512, 512), 1)
    assert rows == slice(688, 1200)
    assert columns.start >= 194


def test_a_run_without_a_model_is_refused(pairs, tmp_path: Path) -> None:
    RunConfig(recipe=recipe(), material=Material(folder=pairs(2), kind="pairs"), files={}).begin(
        tmp_path / "run"
    )
    with pytest.raises(ModelError):
        drive(iter_assess(tmp_path / "run"))


def test_a_damaged_record_is_one_sentence_and_a_missing_one_is_none(tmp_path: Path) -> None:
    assert read_assessment(tmp_path) is None
    assert read_examples(tmp_path) is None
    for text in ("{", '{"verdict": "splendid"}', '{"images": 3}', "[]"):
        (tmp_path / "assessment.json").write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match="assessed again"):
            read_assessment(tmp_path)
    (tmp_path / "assessment.safetensors").write_bytes(b"no tensors")
    with pytest.raises(InputError, match="assessed again"):
        read_examples(tmp_path)


def test_fields_of_a_later_version_are_passed_over() -> None:
    plain = Assessment(after_model="one", words="Nothing.").to_dict()
    assert Assessment.from_dict({**plain, "later": 1}) == Assessment(after_model="one", words="Nothing.")


def test_reading_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from napari_restoration.tasks.assess import read_assessment, read_examples; "
        f"read_assessment({str(tmp_path)!r}); read_examples({str(tmp_path)!r}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_card_shows_what_was_measured_beside_the_model_before(pairs, run_of) -> None:
    from napari_restoration.gui._card_text import describe_scores
    from napari_restoration.models.registry import find_card

    run = run_of(Material(folder=pairs(2), kind="pairs", validation=pairs(7, name="val")), 3.0, 0.0)
    found = drive(iter_assess(run))
    card, weights = find_card(run / "model")
    assert weights.is_file()
    entry = card.scores["val"]["all"]["psnr"]
    assert entry["model"] == pytest.approx(np.mean([one.psnr_after for one in found.images]), abs=1e-4)
    assert (entry["best_baseline_name"], entry["wins_over_baseline"]) == ("the-old-one", 7)
    ((title, values),) = describe_scores(card.scores)
    assert title == "Validation images"
    assert values.startswith(f"PSNR {entry['model']:.2f} dB (input {entry['input']:.2f} dB, the-old-one ")
    assert card.scores["assessment"] == found.words


def test_scores_of_real_pairs_are_called_that(pairs, run_of) -> None:
    from napari_restoration.gui._card_text import describe_scores
    from napari_restoration.models.registry import find_card

    material = Material(folder=pairs(2, gain=2.0), kind="pairs", validation=pairs(2, name="val", gain=2.0))
    run = run_of(material, 3.0, 0.0)
    drive(iter_assess(run))
    ((title, values),) = describe_scores(find_card(run / "model")[0].scores)
    assert title == "Real pairs, held out, after the best gain and offset"
    assert values.startswith("PSNR ")
