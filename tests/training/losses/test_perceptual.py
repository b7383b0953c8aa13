from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor, nn

from napari_restoration.core.errors import InputError
from napari_restoration.training import losses


class TwoLayers(nn.Module):
    """Layer "fine" doubles, "coarse" halves the size; their activation cuts off below zero."""

    def features(self, x: Tensor, layers: Sequence[str], *, before_act: bool = False) -> dict[str, Tensor]:
        maps = {"fine": 2 * x, "coarse": nn.functional.avg_pool2d(x, 2)}
        return {name: maps[name] if before_act else maps[name].relu() for name in layers}


@pytest.fixture
def network() -> TwoLayers:
    return TwoLayers()


def test_features_are_compared_on_the_layers_asked_for(network) -> None:
    zero = torch.zeros(1, 1, 4, 4)
    image = zero + 0.5
    assert float(losses.perceptual(network, image, zero, layers=["fine"])) == pytest.approx(1)
    assert float(losses.perceptual(network, image, zero, layers=["coarse"])) == pytest.approx(0.25)
    both = losses.perceptual(network, image, zero, layers=["fine", "coarse"], error="l1")
    assert float(both) == pytest.approx(1 + 0.5)


def test_maps_before_the_activation_keep_what_it_cuts_off(network) -> None:
    zero = torch.zeros(1, 1, 4, 4)
    assert float(losses.perceptual(network, zero - 0.5, zero, layers=["fine"])) == 0
    value = losses.perceptual(network, zero - 0.5, zero, layers=["fine"], before_act=True)
    assert float(value) == pytest.approx(1)


def test_sums_count_the_pixels_of_each_map(network) -> None:
    # 10.24 : 0.01 on means: a patch of 128 pixels has maps of 32 x 32 in the third block of VGG.
    zero = torch.zeros(1, 1, 4, 4)
    value = losses.perceptual(network, zero + 0.5, zero, layers=["coarse"], error="l1", reduction="sum")
    assert float(value) == pytest.approx(0.5 * 2 * 2)


def test_no_gradient_flows_into_the_target(network) -> None:
    image = torch.rand(1, 1, 4, 4, requires_grad=True)
    target = torch.rand(1, 1, 4, 4, requires_grad=True)
    losses.perceptual(network, image, target, layers=["fine"]).backward()
    assert image.grad is not None
    assert target.grad is None


def test_texture_does_not_care_where_a_pattern_stands(network, pair) -> None:
    image = torch.cat(pair, dim=1)
    moved = image.roll((2, 4), dims=(-2, -1))
    layers = ["fine", "coarse"]
    assert float(losses.texture(network, moved, image, layers=layers)) == pytest.approx(0, abs=1e-6)
    assert float(losses.perceptual(network, moved, image, layers=layers)) > 0.1


def test_a_gram_matrix_holds_the_mean_products_of_maps_over_their_number() -> None:
    maps = torch.tensor([[[[1.0, 2.0]], [[3.0, -1.0]]]])
    torch.testing.assert_close(losses.gram(maps), torch.tensor([[[5.0, 1.0], [1.0, 10.0]]]) / 4)


def test_a_feature_loss_without_layers_is_refused(network, pair) -> None:
    with pytest.raises(InputError, match="no layers"):
        losses.perceptual(network, *pair, layers=[])
