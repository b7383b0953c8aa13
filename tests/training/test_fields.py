from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from napari_restoration.training.fields import FieldMaker, field_of_view, split
from napari_restoration.training.patches import BatchMaker, prefetch
from napari_restoration.training.recipe_data import PairSettings, SourceSettings
from napari_restoration.training.sources import PairSource, Source, load_pairs, load_sources

BURST = {"photons": (50.0, 60.0), "frames": (3.0, 5.0), "path_px": 4.0, "shift_px": 0.5, "mtf_sigma_px": 0.5}
FINE = {"photons": 50.0, "na": 1.4, "refractive_index": 1.518, "wavelength_um": 0.6, "pixel_size_um": 0.1}


def _maker(recipe, images_dir: Path, **options) -> FieldMaker:
    return FieldMaker(recipe, load_sources(images_dir, recipe.sources), [], **options)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("em/stem/Pd1_y0_x0.tif", "em/stem/Pd1_y1024_x0.tif"),
        ("fluorescence/actin/kc167_POS002_R.tif", "fluorescence/nuclei/kc167_POS002_D.tif"),
        ("fluorescence/cytoplasm/sbs_Channel1-01-A-01.tif", "fluorescence/nuclei/sbs_Channel2-01-A-01.tif"),
        ("pairs/dfnn/input/cell11_defocus+0.1um.tif", "pairs/dfnn/input/cell11_defocus-0.7um.tif"),
        ("pairs/biosr/input/factin_1.tif", "pairs/biosr/target/factin_1.tif"),
        ("fluorescence/actin/BPAE_actin.tif", "fluorescence/nuclei/BPAE_nuclei.tif"),
        ("fluorescence/cytoplasm/osteosarcoma_c0.tif", "fluorescence/cytoplasm/osteosarcoma_c2.tif"),
        (
            "fluorescence/cardiomyocyte/sarcgraph_sample4_0.tif",
            "fluorescence/cardiomyocyte/sarcgraph_sample4_2.tif",
        ),
    ],
)
def test_crops_and_channels_of_one_field_are_known_as_one(one: str, other: str) -> None:
    assert field_of_view(one) == field_of_view(other)


def test_different_fields_are_told_apart() -> None:
    names = [
        "nuclei/bbbc006_a02.tif",
        "nuclei/bbbc006_a03.tif",
        "nuclei/kc167_POS002_D.tif",
        "nuclei/kc167_POS076_D.tif",
    ]
    assert len({field_of_view(name) for name in names}) == 4


def test_no_field_of_view_is_on_both_sides_of_the_split(images_dir: Path) -> None:
    sources = load_sources(images_dir, [SourceSettings(match="cells/*")])
    for seed in range(20):
        train, held = split(sources, 0.3, seed)
        assert held
        assert not {field_of_view(n) for n in train} & {field_of_view(n) for n in held}
        assert sorted(train + held) == sorted(s.name for s in sources)


def test_the_input_is_normalised_and_the_target_follows_it(images_dir: Path, tiny_recipe) -> None:
    recipe = tiny_recipe(degradation={"photons": 1e5, "read_noise": 0.0})
    field = _maker(recipe, images_dir, fixed=True).make(np.random.default_rng(0))
    low, high = np.percentile(field.input, [2, 99.8])
    assert (low, high) == (pytest.approx(0, abs=1e-4), pytest.approx(1, abs=1e-4))
    # Nearly no noise, so input and target are the same picture.
    np.testing.assert_allclose(field.input, field.target, atol=0.05)


def test_more_light_means_less_noise(images_dir: Path, tiny_recipe) -> None:
    levels = [
        _maker(tiny_recipe(degradation={"photons": photons}), images_dir).make(np.random.default_rng(0)).noise
        for photons in (10.0, 100.0, 1000.0)
    ]
    assert levels[0] > levels[1] > levels[2]


def test_an_empty_image_is_passed_over(images_dir: Path, tiny_recipe) -> None:
    recipe = tiny_recipe(degradation={"photons": 20.0, "background": 0.0, "read_noise": 0.0})
    (good, *_) = load_sources(images_dir, recipe.sources)
    empty = Source(name="empty", licence="MIT", image=np.zeros((64, 64), np.float32), settings=good.settings)
    maker = FieldMaker(recipe, [empty, good], [])
    for seed in range(5):
        assert np.isfinite(maker.make(np.random.default_rng(seed)).input).all()


def test_a_real_pair_gives_fields_of_its_own_pixels(images_dir: Path, tiny_recipe) -> None:
    recipe = tiny_recipe(task="superres", arch="rrdb", degradation=FINE)
    pairs = load_pairs(images_dir, [PairSettings(match="pairs/p/input/*", bin_input=2)])
    field = FieldMaker(recipe, [], pairs).make(np.random.default_rng(0))
    assert field.input.shape == (32, 32)
    assert field.target.shape == (64, 64)


def _pair(image: np.ndarray) -> PairSource:
    return PairSource(
        name="a", licence="MIT", input=image, target=2 * image, settings=PairSettings(match="*")
    )


def test_percentiles_of_the_image_normalise_all_fields_of_a_pair_alike(tiny_recipe) -> None:
    # The middle of the image is bright: a field's own percentiles would tell nothing of its brightness.
    image = np.random.default_rng(0).integers(0, 100, (96, 96)).astype(np.float32)
    image[32:64] += 400
    maker = FieldMaker(tiny_recipe(training={"percentiles": "image"}), [], [_pair(image)], fixed=True)
    low, high = np.percentile(image, [2, 99.8])
    for seed in range(4):
        field = maker.make(np.random.default_rng(seed))
        given = field.input * (high - low) + low
        assert np.isin(np.round(given), image).all()
        assert np.allclose(given, np.round(given), atol=1e-2)
        assert np.allclose(field.target * (high - low) + low, 2 * given, atol=1e-2)
    drawn = FieldMaker(tiny_recipe(training={"percentiles": "image"}), [], [_pair(image)])
    assert len({float(drawn.make(np.random.default_rng(seed)).input.max()) for seed in range(4)}) > 1


def test_percentiles_of_a_very_high_image_come_from_bands_of_it(tiny_recipe) -> None:
    rows = np.linspace(0, 1, 5000, dtype=np.float32)[:, None]
    image = np.repeat(rows, 40, axis=1) * 1000
    maker = FieldMaker(tiny_recipe(training={"percentiles": "image"}), [], [_pair(image)], fixed=True)
    rng = np.random.default_rng(0)
    field = maker.make(rng)
    # A field covers 32 of 5000 rows, so that its range is that share of the image's.
    assert np.ptp(field.input) == pytest.approx(31 / 5000 / 0.978, rel=0.05)


def test_the_same_number_gives_the_same_batch_and_another_another(images_dir: Path, tiny_recipe) -> None:
    recipe = tiny_recipe()
    first, second = (BatchMaker(recipe, _maker(recipe, images_dir)) for _ in range(2))
    torch.testing.assert_close(first.batch(3), second.batch(3), rtol=0, atol=0)
    assert not torch.equal(first.batch(3)[0], first.batch(4)[0])


def test_validation_draws_are_apart_from_training_draws(images_dir: Path, tiny_recipe) -> None:
    recipe = tiny_recipe()
    maker = _maker(recipe, images_dir)
    assert not torch.equal(
        BatchMaker(recipe, maker).batch(0)[0], BatchMaker(recipe, maker, stream=1).batch(0)[0]
    )


def test_all_bursts_of_a_batch_have_equally_many_frames_within_the_range(
    images_dir: Path, tiny_recipe
) -> None:
    recipe = tiny_recipe(task="deblur", arch="bdu", degradation=BURST)
    recipe = replace(recipe, training=replace(recipe.training, patches_per_field=1))
    maker = BatchMaker(recipe, _maker(recipe, images_dir))
    shapes = {tuple(maker.batch(n)[0].shape) for n in range(12)}
    assert shapes <= {(2, frames, 1, 16, 16) for frames in (3, 4, 5)}
    assert len(shapes) > 1


def test_super_resolution_targets_have_twice_the_pixels_of_the_same_place(
    images_dir: Path, tiny_recipe
) -> None:
    recipe = tiny_recipe(
        task="superres", arch="rrdb", degradation={**FINE, "photons": 1e5, "background": 0.0}
    )
    given, target = BatchMaker(recipe, _maker(recipe, images_dir)).batch(0)
    assert target.shape == (2, 1, 32, 32)
    binned = torch.nn.functional.avg_pool2d(target, 2)
    for one, other in zip(given, binned, strict=True):
        assert np.corrcoef(one.numpy().ravel(), other.numpy().ravel())[0, 1] > 0.9


def test_prefetching_keeps_the_order(images_dir: Path, tiny_recipe) -> None:
    recipe = tiny_recipe()
    maker = BatchMaker(recipe, _maker(recipe, images_dir))
    ahead = [given for given, _ in prefetch(maker, iter(range(5)))]
    torch.testing.assert_close(ahead, [maker.batch(n)[0] for n in range(5)], rtol=0, atol=0)
