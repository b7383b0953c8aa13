"""Which ways to enlarge leave a checkerboard, and that maps keep their place."""

import pytest
import torch

from napari_restoration.models.archs import build
from napari_restoration.models.archs.resnet import Downsampling, down
from napari_restoration.models.archs.upsampling import (
    UPSAMPLING,
    PixelShuffle,
    Upsampling,
    make_shuffles_even,
    transposed,
    up,
)


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


def grid(layer: torch.nn.Module) -> float:
    """Relative standard deviation of what a constant map becomes, away from the borders."""
    for module in layer.modules():
        if getattr(module, "bias", None) is not None:
            torch.nn.init.zeros_(module.bias)
    with torch.no_grad():
        out = layer.double()(torch.ones(1, 4, 16, 16, dtype=torch.float64))[0, :, 4:-4, 4:-4]
    return float((out.std(dim=(1, 2)) / out.mean(dim=(1, 2)).abs()).max())


@pytest.mark.parametrize("kind", [kind for kind in UPSAMPLING if kind != "transposed"])
@pytest.mark.parametrize("seed", range(3))
def test_a_constant_map_stays_constant(kind: Upsampling, seed: int) -> None:
    torch.manual_seed(seed)
    layer = up(kind, 4, 3)
    make_shuffles_even(layer)
    assert grid(layer) < 1e-5


@pytest.mark.parametrize("width", [2, 3, 4])
def test_transposed_convolutions_leave_a_grid(width: int) -> None:
    assert grid(transposed(4, 3, width)) > 0.1


def test_a_pixel_shuffle_with_uneven_weights_leaves_a_grid() -> None:
    assert grid(PixelShuffle(4, 3)) > 0.1


@pytest.mark.parametrize("arch", ["bu", "resnet"])
def test_networks_start_their_pixel_shuffles_evenly(arch: str) -> None:
    network = build(arch, upsampling="pixelshuffle_icnr", **{"first" if arch == "bu" else "maps": 4})
    shuffles = [module for module in network.modules() if isinstance(module, PixelShuffle)]
    assert shuffles
    for module in shuffles:
        weight = module[0].weight.detach().unflatten(0, (-1, 4))
        assert torch.equal(weight, weight[:, :1].expand_as(weight))
        assert float(weight[:, 0].std()) > 0


@pytest.mark.parametrize("kind", UPSAMPLING)
@pytest.mark.parametrize("sides", [(1, 1), (5, 8)])
def test_any_size_is_doubled(kind: Upsampling, sides: tuple[int, int]) -> None:
    for pad in ("zero", "reflect"):
        out = up(kind, 2, 3, pad=pad)(torch.rand(2, 2, *sides))
        assert out.shape == (2, 3, 2 * sides[0], 2 * sides[1])


@pytest.mark.parametrize("kind", [kind for kind in UPSAMPLING if kind != "transposed"])
def test_even_weights_leave_a_point_where_it_was(kind: Upsampling) -> None:
    layer = up(kind, 1, 1).double()
    for parameter in layer.parameters():
        torch.nn.init.constant_(parameter, 1.0 if parameter.ndim == 4 else 0.0)
    x = torch.zeros(1, 1, 9, 9, dtype=torch.float64)
    x[0, 0, 4, 4] = 1
    with torch.no_grad():
        mass = layer(x)[0, 0]
    at = torch.arange(18, dtype=torch.float64)
    # The middle of the two pixels that pixel 4 becomes.
    assert float((mass.sum(0) * at).sum() / mass.sum()) == pytest.approx(8.5)
    assert float((mass.sum(1) * at).sum() / mass.sum()) == pytest.approx(8.5)


@pytest.mark.parametrize(("kind", "even"), [("stride_conv", False), ("conv_avgpool", True)])
def test_only_means_read_all_pixels_alike(kind: Downsampling, even: bool) -> None:
    layer = down(kind, 1, 2).double()
    x = torch.rand(1, 1, 24, 24, dtype=torch.float64, requires_grad=True)
    layer(x).sum().backward()
    assert x.grad is not None
    inside = x.grad[0, 0, 4:-4, 4:-4]
    assert (float(inside.std() / inside.mean().abs()) < 1e-5) == even
