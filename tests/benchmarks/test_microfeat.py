"""The scores of MicroFeat mean what they say, and shipping it does not change what it says."""

import numpy as np
import pytest
import torch
from benchmarks.microfeat.distances import (
    BLURS,
    PHOTONS,
    FeatureDistances,
    changes,
    crops,
    l1,
    noisy,
    order,
    reference_of,
    tabulate,
)
from benchmarks.microfeat.probes import probe, score, spectrum_features
from benchmarks.microfeat.ship import balance

from napari_restoration.models.archs.features import build_features
from napari_restoration.training.losses.perceptual import perceptual
from napari_restoration.training.microfeat import new_trainer
from napari_restoration.training.microfeat_patches import Labelled, Samples


def samples(count: int, side: int = 32) -> Samples:
    rng = np.random.default_rng(0)
    kinds = rng.integers(0, 2, count)
    coarse = rng.random((count, 1, side // 4, side // 4)).repeat(4, 2).repeat(4, 3)
    fine = rng.random((count, 1, side, side))
    images = np.where(kinds[:, None, None, None] == 0, coarse, fine).astype(np.float32)
    strength = rng.uniform(-1, 1, (count, 2)).astype(np.float32)
    images *= np.exp(strength[:, :1, None, None])
    return Samples(images=images, kinds=kinds, measures=strength)


def clean_crop() -> np.ndarray:
    y, x = np.mgrid[:80, :80]
    return (0.5 + 0.5 * np.sin(x / 2.0) * np.sin(y / 3.0)).astype(np.float32)


def test_balancing_changes_no_answer_and_gives_each_layer_unit_spread() -> None:
    torch.manual_seed(0)
    trainer, given = new_trainer(16, 3), samples(6)
    for conv in trainer.network.convs.values():
        torch.nn.init.normal_(conv.bias, std=0.1)
    trainer.requires_grad_(False)
    x = torch.from_numpy(given.images)
    before = trainer(x)
    balance(trainer, given)
    for one, other in zip(before, trainer(x), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    found = trainer.network.features(x, trainer.network.names, before_act=True)
    assert all(float(maps.std()) == pytest.approx(1, rel=1e-3) for maps in found.values())


def test_a_linear_map_on_the_spectrum_tells_coarse_from_fine() -> None:
    seen, new = samples(200), samples(260)
    found = probe(spectrum_features(seen), seen, spectrum_features(new), new, 2)
    assert found.accuracy > 0.95
    assert found.blur_correlation > 0.9
    assert np.abs(found.photon_correlation) < 0.4


def test_scores_are_factors_and_shares() -> None:
    labels = samples(50)
    said = labels.measures + np.array([np.log(1.2), -np.log10(2)])
    found = score(1 - labels.kinds, said, labels)
    assert found.accuracy == 0
    assert found.blur_error == pytest.approx(1.2, rel=1e-4)
    assert found.photon_error == pytest.approx(2, rel=1e-4)
    assert found.blur_correlation == pytest.approx(1, abs=1e-5)


def test_crops_are_the_busiest_part_on_a_range_from_0_to_1() -> None:
    image = np.zeros((200, 200), np.float32)
    image[112:, 112:] = np.random.default_rng(0).random((88, 88)) * 7 + 3
    made = Labelled(name="a", licence="MIT", source="here", kind=0, drawn=True, truths=(image,))
    (found,) = crops([made])
    assert found.shape == (112, 112)
    assert np.percentile(found, 99.8) == pytest.approx(1, abs=1e-5)
    assert found.std() > 0.3


def test_noise_has_the_spread_of_its_photons() -> None:
    flat = np.ones((100, 100), np.float32)
    found = noisy(flat, 100.0, np.random.default_rng(0))
    assert found.mean() == pytest.approx(1, abs=0.01)
    assert found.std() == pytest.approx(np.sqrt(1.03 / 100), rel=0.05)


def test_l1_orders_ladders_but_takes_a_shift_for_damage() -> None:
    versions = [changes(clean_crop(), np.random.default_rng(0))]
    assert {f"blur {s:g} px" for s in BLURS} | {f"{p:g} photons" for p in PHOTONS} <= versions[0].keys()
    assert versions[0]["clean"].shape == (64, 64)
    reference = reference_of(versions)
    found = order(tabulate(l1, versions), reference)
    assert (found.blur, found.noise, found.agrees_l1) == (1, 1, 1)
    assert found.harmless["shift 2 px < 100 photons"] == 0
    assert found.blur_to_noise == pytest.approx(1, rel=0.1)


def test_a_distance_that_knows_nothing_is_found_out() -> None:
    versions = [changes(clean_crop(), np.random.default_rng(0))]
    tables = tabulate(lambda images, clean: -l1(images, clean), versions)
    backwards = order(tables, reference_of(versions))
    assert (backwards.blur, backwards.noise, backwards.dominated) == (-1, -1, 0)
    assert backwards.agrees_l1 == 0


def test_distances_of_features_are_the_perceptual_loss() -> None:
    torch.manual_seed(0)
    network = build_features("microfeat", None, divide=16)
    rng = np.random.default_rng(0)
    clean, images = rng.random((16, 16), dtype=np.float32), rng.random((2, 16, 16), dtype=np.float32)
    layers = (("conv3_3", False, "l2"), ("conv3_4", True, "l1"))
    found = FeatureDistances(network, layers)(images, clean)
    for name, before, error in layers:
        for image, value in zip(images, found[name], strict=True):
            one, other = (torch.from_numpy(a)[None, None] for a in (image, clean))
            loss = perceptual(network, one, other, layers=[name], before_act=before, error=error)  # type: ignore[arg-type]
            assert float(loss) == pytest.approx(value, rel=1e-4)
