"""Convolutions that reflect, norms of single images, activations."""

import pytest
import torch
from torch.nn import functional

from napari_restoration.models.archs.blocks import ConvBlock, InstanceNorm, ResBlock, activation, conv


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


def test_reflection_equals_torchs_own_where_that_works() -> None:
    layer = conv(2, 3, 7, pad="reflect")
    x = torch.rand(1, 2, 9, 5)
    expected = functional.conv2d(functional.pad(x, (3,) * 4, mode="reflect"), layer.weight, layer.bias)
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("sides", [(1, 1), (1, 6), (3, 2)])
def test_reflection_goes_to_and_fro_in_maps_smaller_than_the_margin(sides: tuple[int, int]) -> None:
    layer = conv(1, 1, 7, pad="reflect")
    x = torch.rand(1, 1, *sides)
    large = torch.nn.functional.pad(x, (0, 0, 0, 0))
    rows, columns = ([abs(i) for i in range(-3, side + 3)] for side in sides)
    folded = [
        [min(i % max(2 * (side - 1), 1), -i % max(2 * (side - 1), 1)) for i in index]
        for index, side in zip((rows, columns), sides, strict=True)
    ]
    padded = large[..., folded[0], :][..., folded[1]]
    torch.testing.assert_close(layer(x), functional.conv2d(padded, layer.weight, layer.bias))


def test_instance_norm_is_the_same_in_training_and_evaluation_and_blind_to_gain_and_offset() -> None:
    norm = InstanceNorm()
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    x[1] = 5 * x[0] + 2
    out = norm(x)
    torch.testing.assert_close(out[0], out[1], atol=1e-3, rtol=0)
    torch.testing.assert_close(out.mean(dim=(2, 3)), torch.zeros(2, 3, dtype=torch.float64))
    assert torch.equal(norm.eval()(x), out)
    assert list(norm.parameters()) == []


def test_a_map_of_one_pixel_is_normalised_to_zero() -> None:
    assert torch.equal(InstanceNorm()(torch.rand(2, 3, 1, 1)), torch.zeros(2, 3, 1, 1))


@pytest.mark.parametrize(("norm", "has_bias"), [("none", True), ("instance", True), ("batch", False)])
def test_only_a_batch_norm_takes_the_convolutions_bias(norm: str, has_bias: bool) -> None:
    block = ConvBlock(2, 3, norm=norm)
    assert (block.conv.bias is not None) == has_bias


def test_activations_are_what_their_names_say() -> None:
    x = torch.tensor([-2.0, 0.5, 8.0])
    found = {kind: activation(kind)(x.clone()).tolist() for kind in ("relu", "relu6", "lrelu0.2", "none")}
    assert found["relu"] == [0.0, 0.5, 8.0]
    assert found["relu6"] == [0.0, 0.5, 6.0]
    assert found["lrelu0.2"] == pytest.approx([-0.4, 0.5, 8.0])
    assert found["none"] == [-2.0, 0.5, 8.0]
    assert activation("elu")(x.clone())[0] == pytest.approx(torch.e**-2 - 1)


def test_a_silent_residual_block_returns_its_input() -> None:
    block = ResBlock(3, norm="none")
    last = block.body[1].conv
    torch.nn.init.zeros_(last.weight)
    torch.nn.init.zeros_(last.bias)
    x = torch.randn(1, 3, 5, 6)
    assert torch.equal(block(x), x)
