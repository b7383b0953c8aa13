"""Feature networks: frozen, swappable, and filled from local files alone."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from napari_restoration.core.errors import InputError, ModelError
from napari_restoration.models.archs.features import LAYERS, MicroFeatTrainer, build_features

# Where torchvision's vgg19 keeps its convolutions.
TORCHVISION = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
WIDTHS = (64,) * 2 + (128,) * 2 + (256,) * 4 + (512,) * 8


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


def state_of_vgg19(divide: int) -> dict[str, torch.Tensor]:
    state, before = {}, 3
    for index, width in zip(TORCHVISION, WIDTHS, strict=True):
        state[f"features.{index}.weight"] = torch.randn(width // divide, before, 3, 3)
        state[f"features.{index}.bias"] = torch.randn(width // divide)
        before = width // divide
    state["classifier.0.weight"] = torch.randn(4, 4)
    return state


def test_layers_are_named_as_in_the_paper() -> None:
    assert (len(LAYERS), LAYERS[0], LAYERS[6], LAYERS[-1]) == (16, "conv1_1", "conv3_3", "conv5_4")


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_vgg19_takes_torchvisions_weights_from_a_file(suffix: str, tmp_path: Path) -> None:
    state, path = state_of_vgg19(16), tmp_path / f"vgg19.{suffix}"
    if suffix == "pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    network = build_features("vgg19", path, divide=16)
    for name, index in zip(LAYERS, TORCHVISION, strict=True):
        assert torch.equal(network.convs[name].weight, state[f"features.{index}.weight"])
        assert torch.equal(network.convs[name].bias, state[f"features.{index}.bias"])


def test_other_weights_are_refused_by_the_first_that_does_not_fit(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    state = state_of_vgg19(16)
    with pytest.raises(ModelError, match="does not exist"):
        build_features("vgg19", path, divide=16)
    torch.save({k: v for k, v in state.items() if k != "features.7.bias"}, path)
    with pytest.raises(ModelError, match=r"features\.7\.bias is missing"):
        build_features("vgg19", path, divide=16)
    torch.save(state, path)
    with pytest.raises(ModelError, match=r"features\.0\.weight is \(4, 3, 3, 3\)"):
        build_features("vgg19", path, divide=8)
    state["features.2.weight"][0] = torch.nan
    torch.save(state, path)
    with pytest.raises(ModelError, match=r"NaN or infinity in features\.2\.weight"):
        build_features("vgg19", path, divide=16)


@pytest.mark.parametrize("content", [b"", b"not a model", b"\x80\x04."])
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_a_file_that_holds_no_weights_is_named(content: bytes, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights.{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"weights.{suffix}"):
        build_features("microfeat", path)


class Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("trapped"),)


@pytest.mark.parametrize("held", [[1, 2], {"a": 1}, Trap()])
def test_code_and_other_objects_in_a_pickle_are_refused_unrun(
    held: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(held, tmp_path / "weights.pth")
    with pytest.raises(ModelError, match=r"weights\.pth"):
        build_features("microfeat", tmp_path / "weights.pth")
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("name", ["vgg19", "microfeat"])
def test_weights_are_frozen_and_gradients_reach_the_image(name: str) -> None:
    network = build_features(name, divide=16, last="conv3_4")
    x = torch.rand(1, 1, 32, 32, requires_grad=True)
    network(x).square().sum().backward()
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert x.grad is not None
    assert float(x.grad.abs().max()) > 0


@pytest.mark.parametrize("name", ["vgg19", "microfeat"])
def test_both_networks_are_asked_in_the_same_way(name: str) -> None:
    network = build_features(name, divide=16, last="conv3_4")
    found = network.features(torch.rand(2, 1, 32, 48), ["conv3_3", "conv1_2"])
    assert list(found) == ["conv3_3", "conv1_2"]
    assert found["conv1_2"].shape == (2, 4, 32, 48)
    assert found["conv3_3"].shape == (2, 16, 8, 12)
    assert network.features(torch.rand(1, 1, 8, 8), []) == {}


def test_before_the_activation_values_are_negative_too() -> None:
    network = build_features("microfeat", divide=16)
    x = torch.rand(1, 1, 32, 32)
    before = network.features(x, ["conv3_4"], before_act=True)["conv3_4"]
    after = network.features(x, ["conv3_4"])["conv3_4"]
    assert float(before.min()) < 0
    assert torch.equal(before.clamp_min(0), after)


def test_the_declared_range_becomes_imagenets() -> None:
    network = build_features("vgg19", divide=16, last="conv1_2", low=-1.0, high=3.0)
    mean, sd = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    colours = torch.rand(1, 3, 8, 8)
    normalised = torch.stack([(colours[0, i] - mean[i]) / sd[i] for i in range(3)])[None]
    expected = network.convs["conv1_1"](normalised)
    found = network.features(4 * colours - 1, ["conv1_1"], before_act=True)["conv1_1"]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_grey_is_seen_as_three_equal_colours_and_dyes_one_by_one() -> None:
    network = build_features("vgg19", divide=16, last="conv1_2")
    grey = torch.rand(2, 1, 8, 8)
    torch.testing.assert_close(network(grey), network(grey.repeat(1, 3, 1, 1)))
    dyes = torch.rand(2, 2, 8, 8)
    torch.testing.assert_close(network(dyes)[1:2], network(dyes[:1, 1:]))


def test_unknown_layers_small_images_and_wrong_ranges_are_named() -> None:
    network = build_features("microfeat", divide=16)
    with pytest.raises(InputError, match="conv4_1"):
        network.features(torch.rand(1, 1, 8, 8), ["conv4_1"])
    with pytest.raises(InputError, match="4 pixels"):
        network.features(torch.rand(1, 1, 3, 8), ["conv3_1"])
    with pytest.raises(ModelError, match="high"):
        build_features("vgg19", low=1.0, high=1.0)
    with pytest.raises(ModelError, match="microfeat"):
        build_features("resnet50")


def test_microfeat_learns_with_heads_that_are_thrown_away(tmp_path: Path) -> None:
    trainer = MicroFeatTrainer(build_features("microfeat", divide=16), classes=3)
    x = torch.rand(4, 1, 16, 16)
    kind, measures = trainer(x)
    assert kind.shape == (4, 3)
    assert measures.shape == (4, 2)
    loss = torch.nn.functional.cross_entropy(kind, torch.tensor([0, 1, 2, 0])) + measures.square().mean()
    loss.backward()
    assert all(parameter.grad is not None for parameter in trainer.parameters())
    save_file(trainer.network.state_dict(), tmp_path / "microfeat.safetensors")
    kept = build_features("microfeat", tmp_path / "microfeat.safetensors", divide=16)
    assert torch.equal(kept(x), trainer.network(x))
    assert not any(parameter.requires_grad for parameter in kept.parameters())
    with pytest.raises(ModelError, match="two"):
        MicroFeatTrainer(kept, classes=1)
