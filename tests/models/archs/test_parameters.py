"""Each network has the published number of parameters."""

from typing import Any

import pytest

from napari_restoration.models.archs import build, build_empty
from napari_restoration.models.archs.blocks import RRDB, ResidualDenseBlock
from napari_restoration.models.archs.presets import preset


def count(network: Any) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("arch", "args", "parameters"),
    [
        ("bdu", {}, 1_400_449),
        ("bdu", {"upsampling": "transposed"}, 1_400_449),
        ("bdu", {"pooled_skips": False}, 1_104_673),
        ("c2f", {"channels": 2, "levels": 1}, 1_942_962),
        ("c2f", {"channels": 2, "levels": 2}, 2_425_828),
        ("c2f", {"channels": 2, "levels": 3}, 2_543_478),
        ("c2f", {"channels": 2, "levels": 4}, 2_569_512),
        ("c2f", {"channels": 2, "levels": 1, "transfer": "concat"}, 1_942_962),
        ("c2f", {"channels": 2, "levels": 2, "transfer": "concat"}, 2_716_132),
        ("c2f", {"channels": 2, "levels": 3, "transfer": "concat"}, 2_902_902),
        ("c2f", {"channels": 2, "levels": 4, "transfer": "concat"}, 2_942_760),
        ("c2f", {"levels": 4}, 2_568_580),
        ("c2f", {"levels": 4, "transfer": "concat"}, 2_941_828),
        ("c2f", {"channels": 2, "levels": 4, "all_levels_take_prediction": True}, 2_569_512 + 288),
        ("rrdb", {}, 16_621_825),
        ("rrdb", {"upconv": True}, 16_658_753),
        ("care", {"probabilistic": False}, 922_977),
        ("care", {}, 923_010),
        ("care", {"ndim": 3, "kernel": 3, "probabilistic": False}, 996_769),
        ("care", {"ndim": 3, "kernel": 3}, 996_802),
        ("care", {"depth": 3, "probabilistic": False}, 3_790_817),
        ("care", {"depth": 3}, 3_790_850),
    ],
)
def test_published_networks_have_their_published_size(
    arch: str, args: dict[str, Any], parameters: int
) -> None:
    assert count(build_empty(arch, **args)) == parameters


@pytest.mark.parametrize(
    ("arch", "parameters"), [("bdu", 57_617), ("c2f", 607_826), ("care", 20_962), ("rrdb", 95_089)]
)
def test_tiny_networks_have_their_listed_size(arch: str, parameters: int) -> None:
    assert count(build(arch, **preset(arch, "tiny"))) == parameters


def test_dense_blocks_of_super_resolution_have_esrgans_size() -> None:
    assert count(ResidualDenseBlock(64, 32)) == 239_808
    assert count(RRDB(64, 32)) == 719_424


@pytest.mark.parametrize("arch", ["bdu", "c2f", "care", "rrdb"])
def test_default_networks_fit_in_eight_megabytes_of_half_floats(arch: str) -> None:
    assert 2 * count(build_empty(arch, **preset(arch))) < 8e6
