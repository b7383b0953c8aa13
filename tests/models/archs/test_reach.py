"""The half receptive field that cards state is the one that the networks have."""

from typing import Any

import numpy as np
import pytest
import torch

from napari_restoration.models.archs import build, geometry, receptive_field, size_multiple
from napari_restoration.models.archs.blocks import InstanceNorm
from napari_restoration.models.archs.critics import build_critic


@pytest.mark.parametrize(
    ("arch", "args", "field", "multiple"),
    [
        ("bu", {}, 79, 16),
        ("bu", {"upsampling": "nearest_conv"}, 79, 16),
        ("resnet", {}, 87, 4),
        ("resnet", {"upsampling": "transposed"}, 84, 4),
        ("deblurgan-v2", {}, 283, 32),
        ("bdu", {}, 215, 16),
        ("c2f", {"levels": 1}, 107, 16),
        ("c2f", {"levels": 2}, 201, 16),
        ("c2f", {"levels": 3}, 293, 16),
        ("c2f", {"levels": 4}, 365, 16),
        ("c2f", {"levels": 4, "transfer": "concat"}, 365, 16),
        ("rrdb", {}, 348, 1),
        ("rrdb", {"upconv": True}, 349, 1),
        ("care", {}, 43, 4),
        ("care", {"depth": 3}, 95, 8),
    ],
)
def test_published_networks_have_their_published_field(
    arch: str, args: dict[str, Any], field: int, multiple: int
) -> None:
    assert receptive_field(arch, **args) == field
    assert size_multiple(arch, **args) == multiple


def without_statistics(network: torch.nn.Module) -> None:
    """Take out the norms that let every pixel depend on all others; the field is that of the convolutions."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, InstanceNorm):
                setattr(module, name, torch.nn.Identity())


def measured_field(arch: str, args: dict[str, Any]) -> int:
    """Widest spread of a NaN from any phase of an input column: it passes every layer and no weight hides it."""
    shape = geometry(arch, **args)
    multiple, reach = shape.size_multiple, shape.receptive_field
    width = (2 * reach // multiple + 4) * multiple
    middle = width // 2 // multiple * multiple
    network = build(arch, **args).eval()
    without_statistics(network)
    widest = 0
    for column in range(middle, middle + multiple):
        x = torch.rand(1, shape.in_channels, *(multiple,) * (shape.ndim - 1), width)
        x[..., column] = torch.nan
        with torch.inference_mode():
            out = network(x[None] if shape.burst else x)
        hit = np.flatnonzero(torch.isnan(out).reshape(-1, out.shape[-1]).any(0).numpy()) // shape.scale
        assert 0 < hit.min() <= hit.max() < width - 1, "the image must be wider than the field"
        widest = max(widest, column - hit.min(), hit.max() - column)
    return widest


@pytest.mark.parametrize(
    ("arch", "args"),
    [
        ("bu", {"first": 2}),
        ("bu", {"first": 2, "upsampling": "nearest_conv"}),
        ("bu", {"first": 2, "upsampling": "transposed_box"}),
        ("resnet", {"maps": 2, "blocks": 1}),
        ("resnet", {"maps": 2, "blocks": 1, "downsampling": "conv_avgpool"}),
        ("resnet", {"maps": 2, "blocks": 2, "upsampling": "transposed"}),
        ("resnet", {"maps": 2, "blocks": 1, "upsampling": "transposed_box"}),
        ("resnet", {"maps": 2, "blocks": 1, "upsampling": "bilinear_conv"}),
        ("resnet", {"maps": 2, "blocks": 1, "upsampling": "pixelshuffle_icnr"}),
        ("unet256", {"base": 2, "depth": 2}),
        ("unet256", {"base": 2, "depth": 4}),
        ("deblurgan-v2", {"maps": 2, "divide": 8, "frames": 1}),
        ("deepdeblur", {"maps": 2, "blocks": 1, "levels": 2}),
        ("deepdeblur", {"maps": 2, "blocks": 2, "levels": 3}),
        ("rrdb", {"maps": 2, "growth": 2, "blocks": 1, "scale": 4}),
        ("rrdb", {"maps": 2, "growth": 2, "blocks": 1, "scale": 4, "upconv": True}),
        ("bdu", {"first": 2, "growth": 2, "layers": 1, "depth": 2}),
        ("bdu", {"first": 2, "growth": 2, "layers": 2, "depth": 3, "pooled_skips": False}),
        ("c2f", {"levels": 1, "base": 2, "depth": 2}),
        ("c2f", {"levels": 2, "base": 2, "depth": 3}),
        ("c2f", {"levels": 3, "base": 2, "depth": 3, "transfer": "concat"}),
        ("c2f", {"levels": 3, "base": 2, "depth": 3, "all_levels_take_prediction": True}),
        ("rrdb", {"maps": 2, "growth": 2, "blocks": 1}),
        ("rrdb", {"maps": 2, "growth": 2, "blocks": 1, "upconv": True}),
        ("care", {"base": 2, "kernel": 3, "depth": 3}),
        ("care", {"base": 2, "kernel": 5, "depth": 2}),
        ("care", {"base": 2, "kernel": 3, "depth": 1, "ndim": 3}),
    ],
)
def test_a_disturbance_spreads_exactly_over_the_field(arch: str, args: dict[str, Any]) -> None:
    assert measured_field(arch, args) == receptive_field(arch, **args)


def test_transposed_upsampling_looks_no_further_than_stated() -> None:
    args = {"first": 2, "growth": 2, "layers": 1, "depth": 2, "upsampling": "transposed"}
    assert 0 < measured_field("bdu", args) <= receptive_field("bdu", **args)


@pytest.mark.parametrize(("halvings", "side"), [(3, 70), (4, 142), (5, 286)])
def test_each_score_of_a_critic_judges_a_patch_of_its_stated_side(halvings: int, side: int) -> None:
    critic = build_critic("patch", maps=2, halvings=halvings, norm="none")
    scored = support(critic, 2 * side + 2**halvings)
    assert scored == (side, side)
    assert critic.settings.receptive_field == side


def test_the_released_critic_judges_patches_of_142_pixels() -> None:
    critic = build_critic("patch-released", maps=2, hidden=2).eval()
    assert support(critic, 320) == (142, 142)


def support(critic: torch.nn.Module, length: int) -> tuple[int, int]:
    """Height and width of what the gradient of the middle score reaches."""
    x = torch.rand(1, 1, length, length, dtype=torch.float64, requires_grad=True)
    scores = critic.double()(x)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    assert x.grad is not None
    hit = torch.nonzero(x.grad[0, 0])
    low, high = hit.min(0).values, hit.max(0).values
    assert low.min() > 0, "the image must be larger than the patch"
    assert high.max() < length - 1, "the image must be larger than the patch"
    return int(high[0] - low[0] + 1), int(high[1] - low[1] + 1)
