"""The feature network that the package ships: the file, what is said of it, and what it is good for."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_restoration.core.errors import InputError, ModelError
from napari_restoration.degradations.phantom.drawing import Field
from napari_restoration.degradations.phantom.mitochondria import draw_mitochondria
from napari_restoration.models import feature_weights, registry
from napari_restoration.models.archs.features import FeatureNetwork, build_features
from napari_restoration.models.feature_weights import MOST_BYTES, FeatureWeights, shipped_features
from napari_restoration.models.store import check_header
from napari_restoration.training.losses.perceptual import perceptual

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def entry() -> FeatureWeights:
    found = shipped_features("microfeat")
    assert found is not None
    return found


@pytest.fixture(scope="module")
def network() -> FeatureNetwork:
    return build_features("microfeat")


def grey_image(side: int = 64) -> np.ndarray:
    image = draw_mitochondria(Field((side, side), 0.1), np.random.default_rng(1))
    low, high = np.percentile(image, [2, 99.8])
    return ((image - low) / (high - low)).astype(np.float32)


def as_batch(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32))[None, None]


class TestFile:
    def test_it_is_the_one_that_is_described_and_small(self, entry: FeatureWeights) -> None:
        path = feature_weights.FEATURE_WEIGHTS / entry.weights_file
        content = path.read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry.weights_sha256
        assert len(content) == entry.weights_bytes <= MOST_BYTES
        stored = check_header(path)
        assert sum(np.prod(t.shape) for n, t in stored.items() if n.startswith("convs.")) == 2_324_416

    def test_it_is_read_without_torch_load(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("torch.load was called"))
        loaded = build_features("microfeat")
        torch.manual_seed(0)
        drawn = build_features("microfeat", None)
        assert not torch.equal(loaded.convs["conv1_1"].weight, drawn.convs["conv1_1"].weight)
        assert not any(parameter.requires_grad for parameter in loaded.parameters())
        assert all(parameter.dtype == torch.float32 for parameter in loaded.parameters())

    def test_another_file_is_refused(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        folder = tmp_path / "features"
        shutil.copytree(feature_weights.FEATURE_WEIGHTS, folder)
        monkeypatch.setattr(feature_weights, "FEATURE_WEIGHTS", folder)
        path = folder / "microfeat.safetensors"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        with pytest.raises(ModelError, match="not the file"):
            build_features("microfeat")
        path.unlink()
        with pytest.raises(ModelError, match="cannot be read"):
            build_features("microfeat")

    @pytest.mark.parametrize(
        "text", ["[]", '{"version": 2, "features": []}', '{"version": 1, "features": [{"id": "microfeat"}]}']
    )
    def test_a_damaged_list_is_named(
        self, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "features.json").write_text(text)
        monkeypatch.setattr(feature_weights, "SHIPPED_FEATURES", tmp_path / "features.json")
        with pytest.raises(ModelError, match=r"features\.json"):
            build_features("microfeat")


class TestEntry:
    def test_it_says_what_was_learnt_from_what_and_how_well(self, entry: FeatureWeights) -> None:
        assert len(entry.classes) >= 10
        assert entry.training["cpu_hours"] > 0
        assert entry.training["patches"] > 0
        assert entry.scores["tasks"]
        assert entry.scores["distances"]
        assert all(set(file) == {"file", "licence", "source"} for file in entry.trained_on)
        assert all(all(file.values()) for file in entry.trained_on)

    def test_nothing_with_a_closed_or_unknown_licence_trained_it(self, entry: FeatureWeights) -> None:
        for file in entry.trained_on:
            words = file["licence"].lower()
            assert any(known in words for known in ("mit", "bsd", "apache", "cc-by-4.0")), file
            assert not any(closed in words for closed in ("-nc", "noncommercial", "gpl", "unverified")), file

    def test_its_recipe_is_there_with_the_same_seed(self, entry: FeatureWeights) -> None:
        from napari_restoration.training.microfeat_recipe import read_microfeat_recipe

        recipe = read_microfeat_recipe(REPOSITORY / "benchmarks" / "recipes" / entry.recipe)
        assert recipe.seed == entry.seed
        assert tuple(c.name for c in recipe.classes) == entry.classes

    def test_it_is_no_restoration_model(self) -> None:
        assert "microfeat" not in registry.list_models()
        listed = json.loads(registry.SHIPPED_CARDS.read_text(encoding="utf-8"))["models"]
        assert "microfeat" not in {card["id"] for card in listed}

    def test_networks_without_shipped_weights_are_drawn(self) -> None:
        assert shipped_features("vgg19") is None
        torch.manual_seed(0)
        one = build_features("microfeat", divide=16)
        torch.manual_seed(0)
        other = build_features("microfeat", None, divide=16)
        assert torch.equal(one.convs["conv3_4"].weight, other.convs["conv3_4"].weight)


class TestUse:
    def test_range_and_normalisation_are_declared_and_kept(self, entry: FeatureWeights) -> None:
        assert (entry.settings["low"], entry.settings["high"]) == (0.0, 1.0)
        assert (entry.low_percentile, entry.high_percentile) == (2.0, 99.8)
        x = as_batch(grey_image())
        shifted = build_features("microfeat", low=-1.0, high=1.0)
        torch.testing.assert_close(shifted(2 * x - 1), build_features("microfeat")(x), rtol=1e-3, atol=1e-3)

    def test_less_of_it_gives_the_same_maps(self, network: FeatureNetwork) -> None:
        x = as_batch(grey_image(32))
        less = build_features("microfeat", last="conv2_2")
        assert torch.equal(less(x), network.features(x, ["conv2_2"])["conv2_2"])
        with pytest.raises(InputError, match="conv3_1"):
            less.features(x, ["conv3_1"])

    def test_layers_are_read_before_and_behind_the_activation(self, network: FeatureNetwork) -> None:
        x = as_batch(grey_image())
        before = network.features(x, ["conv3_3", "conv3_4"], before_act=True)
        after = network.features(x, ["conv3_3", "conv3_4"])
        assert after["conv3_4"].shape == (1, 256, 16, 16)
        for layer, values in before.items():
            assert torch.equal(values.clamp_min(0), after[layer])
            alive = (after[layer] > 0).float().mean()
            assert 0.02 < float(alive) < 0.98

    @pytest.mark.parametrize("layer", ["conv3_3", "conv3_4"])
    def test_more_blur_and_more_noise_are_farther(self, network: FeatureNetwork, layer: str) -> None:
        clean, rng = grey_image(96), np.random.default_rng(0)
        noise = rng.standard_normal(clean.shape).astype(np.float32)
        blurred = [ndimage.gaussian_filter(clean, sigma) for sigma in (0.7, 1.4, 2.8, 5.6)]
        noisy = [clean + spread * noise for spread in (0.02, 0.06, 0.18, 0.54)]
        for spoiled in (blurred, noisy):
            found = [
                float(perceptual(network, as_batch(image), as_batch(clean), layers=[layer]))
                for image in spoiled
            ]
            assert found == sorted(found)
            assert found[0] > 0

    def test_the_loss_sends_finite_slopes_to_the_image(self, network: FeatureNetwork) -> None:
        clean = grey_image()
        x = as_batch(ndimage.gaussian_filter(clean, 2)).requires_grad_()
        perceptual(network, x, as_batch(clean), layers=["conv3_4"], before_act=True, error="l1").backward()
        assert x.grad is not None
        assert bool(torch.isfinite(x.grad).all())
        assert float(x.grad.abs().max()) > 0
