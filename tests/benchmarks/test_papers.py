import numpy as np
import pytest


@pytest.fixture(autouse=True)
def benchmarks_are_importable(repository, monkeypatch):
    monkeypatch.syspath_prepend(str(repository))


@pytest.mark.parametrize("scale", ["small", "paper"])
def test_each_variant_has_a_recipe_that_its_network_can_take(scale):
    from benchmarks.papers.common import recipe_of
    from benchmarks.papers.table import experiments

    from napari_restoration.training.data import check_fit

    for experiment in experiments():
        for variant in experiment.variants:
            recipe = recipe_of(experiment, variant, scale=scale, steps=200, seed=3)
            check_fit(recipe)
            assert (recipe.training.steps, recipe.seed) == (200, 3)


def test_variants_of_an_experiment_have_equal_patches_at_the_small_scale():
    from benchmarks.papers.common import recipe_of
    from benchmarks.papers.table import experiments

    for experiment in experiments():
        made = [recipe_of(experiment, v, scale="small", steps=9, seed=0) for v in experiment.variants]
        assert len({(r.training.batch_size, r.training.patch, r.training.field_size) for r in made}) == 1


def test_a_grid_stands_out_of_the_error_and_noise_does_not():
    from benchmarks.papers.scoring import grid_energy

    noise = np.random.default_rng(0).standard_normal((512, 512)).astype(np.float32)
    y, x = np.mgrid[:512, :512]
    for period in (2, 4, 8, 16):
        grid = 0.5 * np.cos(2 * np.pi * x / period) * (y >= 0)
        assert grid_energy([noise + grid]) > 10 + grid_energy([noise])
    assert grid_energy([noise]) < 6


def test_texture_is_measured_against_the_noise_of_the_input():
    from benchmarks.papers.scoring import invented_texture, noise_probe

    given = noise_probe()
    assert invented_texture(given, given) == pytest.approx(1)
    assert invented_texture(3 * given, given) == pytest.approx(3)
    assert invented_texture(np.full((512, 512), 7, np.float32), given) == pytest.approx(0, abs=1e-6)
    burst = noise_probe(frames=5)
    assert burst.shape == (5, 256, 256)
    assert invented_texture(burst.mean(axis=0), burst) == pytest.approx(1)


def test_a_run_is_written_once_and_the_rows_of_a_repeated_one_are_replaced(tmp_path):
    from benchmarks.papers.rows import RunRow, add_rows, read_rows

    def row(variant, seconds):
        return RunRow(
            experiment="care, twice", variant=variant, scale="small", steps=5, seed=0, parameters=9, seconds=seconds,
            device="cpu", grid_db=float("nan"), invented=0.5,
        )  # fmt: skip

    path = tmp_path / "runs.csv"
    assert read_rows(path, RunRow) == []
    add_rows(path, [row("a, first", 1.0)])
    add_rows(path, [row("b", 2.0)])
    add_rows(path, [row("a, first", 3.0)])
    assert {(r.variant, r.seconds) for r in read_rows(path, RunRow)} == {("a, first", 3.0), ("b", 2.0)}


def test_fields_of_w2s_that_overlap_are_on_one_side(tmp_path):
    from benchmarks.papers.care import w2s_fields

    folder = tmp_path / "pairs/w2s_denoise/input"
    folder.mkdir(parents=True)
    for number in range(1, 120, 2):
        (folder / f"{number:03}_0.tif").touch()
    parts = w2s_fields(tmp_path)
    side = {name: part for part, names in parts.items() for name in names}
    assert len(side) == 60
    assert side["053_0.tif"] == side["057_0.tif"]
    assert side["077_0.tif"] == side["079_0.tif"]
    assert len(parts["scored"]) >= 10


def test_a_pair_that_a_variant_is_trained_on_is_not_scored():
    from benchmarks.papers.rrdb import EXPERIMENTS

    variant = EXPERIMENTS[0].variant("pixels, real F-actin")
    assert variant.has_seen("pairs/biosr_wf2sim/input/factin_1.tif")
    assert not variant.has_seen("pairs/biosr_wf2sim/input/microtubules_1.tif")
    assert not EXPERIMENTS[0].variant("pixels").has_seen("pairs/biosr_wf2sim/input/factin_1.tif")
