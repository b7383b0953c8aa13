"""Each network has the published number of parameters."""

from typing import Any

import pytest
import torch

from napari_restoration.models.archs import ARCHITECTURES, build, build_empty
from napari_restoration.models.archs.critics import build_critic
from napari_restoration.models.archs.dense import RRDB, ResidualDenseBlock
from napari_restoration.models.archs.features import build_features
from napari_restoration.models.archs.presets import preset


def count(network: Any) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("arch", "args", "parameters"),
    [
        ("bu", {}, 16_103_585),
        ("bu", {"upsampling": "nearest_conv"}, 13_910_177),
        ("resnet", {}, 11_365_633),
        ("resnet", {"channels": 3}, 11_378_179),
        ("resnet", {"upsampling": "transposed"}, 11_365_633),
        ("resnet", {"channels": 3, "upsampling": "transposed"}, 11_378_179),
        ("resnet", {"downsampling": "conv_avgpool"}, 11_365_633),
        ("unet256", {"in_channels": 3, "out_channels": 3}, 54_413_955),
        ("deblurgan-v2", {}, 2_106_049),
        ("deepdeblur", {"channels": 3}, 11_721_321),
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
        ("rrdb", {"upconv": True, "scale": 4, "channels": 3}, 16_697_987),
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
    ("arch", "parameters"),
    [("bdu", 57_617), ("c2f", 607_826), ("care", 20_962), ("rrdb", 95_089), ("resnet", 269_377)],
)
def test_tiny_networks_have_their_listed_size(arch: str, parameters: int) -> None:
    assert count(build(arch, **preset(arch, "tiny"))) == parameters


@pytest.mark.parametrize("arch", list(ARCHITECTURES))
def test_tiny_networks_are_tiny(arch: str) -> None:
    assert count(build_empty(arch, **preset(arch, "tiny"))) < 700_000


def empty_critic(name: str, **args: Any) -> Any:
    with torch.device("meta"):
        return build_critic(name, **args)


@pytest.mark.parametrize(
    ("critic", "args", "parameters"),
    [
        ("patch", {}, 2_762_689),
        ("patch", {"channels": 3}, 2_764_737),
        ("patch", {"maps": 16, "halvings": 2}, 42_353),
        ("patch-released", {}, 2_833_282),
        ("patch-released", {"channels": 3}, 2_835_330),
        ("vgg", {}, 14_498_249),
        ("vgg", {"layout": "srgan"}, 38_244_417),
    ],
)
def test_critics_have_their_published_size(critic: str, args: dict[str, Any], parameters: int) -> None:
    assert count(empty_critic(critic, **args)) == parameters


def test_a_pair_of_critics_is_a_critic_of_70_and_one_of_286_pixels() -> None:
    both = count(empty_critic("patch", halvings=3)) + count(empty_critic("patch", halvings=5))
    assert count(empty_critic("patch-pair")) == both


@pytest.mark.parametrize(("channels", "parameters"), [(1, 28_256_644), (3, 28_285_832)])
def test_the_four_networks_of_refocusing_have_their_published_size(channels: int, parameters: int) -> None:
    generator = count(build_empty("resnet", channels=channels))
    assert 2 * (generator + count(empty_critic("patch", channels=channels))) == parameters


@pytest.mark.parametrize(
    ("network", "args", "parameters"),
    [
        ("vgg19", {"last": "conv3_3"}, 1_735_488),
        ("vgg19", {"last": "conv3_4"}, 2_325_568),
        ("vgg19", {}, 20_024_384),
        ("microfeat", {}, 2_324_416),
    ],
)
def test_feature_networks_have_their_published_size(
    network: str, args: dict[str, Any], parameters: int
) -> None:
    with torch.device("meta"):
        assert count(build_features(network, **args)) == parameters


def test_dense_blocks_of_super_resolution_have_esrgans_size() -> None:
    assert count(ResidualDenseBlock(64, 32)) == 239_808
    assert count(RRDB(64, 32)) == 719_424


@pytest.mark.parametrize("arch", list(ARCHITECTURES))
def test_default_networks_fit_in_eight_megabytes_of_half_floats(arch: str) -> None:
    assert 2 * count(build_empty(arch, **preset(arch))) < 8e6
