"""The half receptive field that cards state is the one that the networks have."""

from typing import Any

import numpy as np
import pytest
import torch

from napari_restoration.models.archs import build, geometry, receptive_field, size_multiple


@pytest.mark.parametrize(
    ("arch", "args", "field", "multiple"),
    [
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


def measured_field(arch: str, args: dict[str, Any]) -> int:
    """Widest spread of a NaN from any phase of an input column: it passes every layer and no weight hides it."""
    shape = geometry(arch, **args)
    multiple, reach = shape.size_multiple, shape.receptive_field
    width = (2 * reach // multiple + 4) * multiple
    middle = width // 2 // multiple * multiple
    network = build(arch, **args).eval()
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
