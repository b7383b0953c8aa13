"""What each network must do beyond the contract that all of them keep."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from napari_restoration.core.errors import ModelError
from napari_restoration.models.archs import ARCHITECTURES, build, geometry
from napari_restoration.models.archs.c2f import pyramid
from napari_restoration.models.archs.presets import PRESETS, preset
from napari_restoration.models.archs.rrdb import RRDBNet

TINY_BURST = {"first": 4, "growth": 4, "layers": 2, "depth": 2}
BURST: dict[str, dict[str, Any]] = {"bdu": TINY_BURST, "bu": {"first": 4}}


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_gradients(fixed_seed: None) -> Iterator[None]:
    with torch.no_grad():
        yield


def test_presets_are_there_for_every_network() -> None:
    assert set(PRESETS) == set(ARCHITECTURES)
    assert all(set(PRESETS[arch]) == {"paper", "default", "tiny"} for arch in PRESETS)


@pytest.mark.parametrize("name", ["paper", "default", "tiny"])
@pytest.mark.parametrize("arch", list(ARCHITECTURES))
def test_every_preset_is_accepted_by_its_network(arch: str, name: Any) -> None:
    assert geometry(arch, **preset(arch, name)).receptive_field > 0


@pytest.mark.parametrize(
    ("arch", "args", "named"),
    [
        ("unet", {}, "care"),
        ("care", {"width": 3}, "base"),
        ("care", {"base": 10**9}, "base"),
        ("care", {"base": 8.5}, "base"),
        ("care", {"base": True}, "base"),
        ("care", {"base": "8"}, "base"),
        ("care", {"kernel": 4}, "kernel"),
        ("care", {"probabilistic": 1}, "probabilistic"),
        ("bdu", {"dropout": float("nan")}, "dropout"),
        ("bdu", {"upsampling": ["transposed"]}, "upsampling"),
        ("c2f", {"levels": 4, "depth": 3}, "levels"),
    ],
)
def test_a_setting_out_of_its_limits_is_refused_by_name(arch: str, args: dict[str, Any], named: str) -> None:
    with pytest.raises(ModelError, match=named):
        build(arch, **args)


def test_unknown_presets_name_the_known_ones() -> None:
    with pytest.raises(ModelError, match="paper, default, tiny"):
        preset("care", "huge")  # type: ignore[arg-type]
    with pytest.raises(ModelError, match="bdu, c2f"):
        preset("vit")


@pytest.mark.parametrize("arch", list(BURST))
class TestBurst:
    @pytest.mark.parametrize("frames", range(1, 9))
    def test_any_number_of_frames_gives_one_plane(self, arch: str, frames: int) -> None:
        network = build(arch, **BURST[arch]).eval()
        assert network(torch.rand(2, frames, 1, 16, 32)).shape == (2, 1, 16, 32)

    def test_the_order_of_the_frames_does_not_matter(self, arch: str) -> None:
        network = build(arch, **BURST[arch]).eval()
        burst = torch.rand(2, 5, 1, 32, 32)
        torch.testing.assert_close(network(burst[:, [3, 0, 4, 2, 1]]), network(burst), atol=1e-5, rtol=1e-5)

    def test_repeating_a_frame_changes_nothing(self, arch: str) -> None:
        network = build(arch, **BURST[arch]).eval()
        frame = torch.rand(1, 1, 1, 32, 32)
        torch.testing.assert_close(network(frame.repeat(1, 3, 1, 1, 1)), network(frame), atol=1e-5, rtol=1e-5)

    def test_every_frame_is_looked_at(self, arch: str) -> None:
        network = build(arch, **BURST[arch]).eval()
        burst = torch.rand(1, 3, 1, 32, 32)
        for frame in range(3):
            changed = burst.clone()
            changed[:, frame] += 1
            assert (network(changed) - network(burst)).abs().max() > 1e-3

    def test_bursts_of_a_batch_do_not_mix(self, arch: str) -> None:
        network = build(arch, **BURST[arch]).eval()
        bursts = torch.rand(3, 2, 1, 16, 16)
        torch.testing.assert_close(network(bursts)[1:2], network(bursts[1:2]), atol=1e-5, rtol=1e-5)

    @pytest.mark.parametrize(("upsampling", "even"), [("nearest_conv", True), ("transposed", False)])
    def test_only_nearest_upsampling_keeps_a_constant_image_constant(
        self, arch: str, upsampling: str, even: bool
    ) -> None:
        network = build(arch, **BURST[arch], upsampling=upsampling).eval()
        reach = geometry(arch, **BURST[arch]).receptive_field
        out = network(torch.full((1, 2, 1, 176, 176), 0.5))[..., reach:-reach, reach:-reach]
        relative = float(out.std() / out.abs().mean())
        assert (relative < 1e-5) == even


class TestCoarseToFine:
    def test_training_gives_all_scales_finest_first(self) -> None:
        network = build("c2f", levels=3, base=2, depth=3).train()
        shapes = [tuple(out.shape) for out in network(torch.rand(2, 1, 32, 48))]
        assert shapes == [(2, 1, 32, 48), (2, 1, 16, 24), (2, 1, 8, 12)]

    def test_evaluation_gives_the_finest_alone(self) -> None:
        network = build("c2f", levels=3, base=2, depth=3, channels=2).eval()
        assert network(torch.rand(1, 2, 32, 48)).shape == (1, 2, 32, 48)

    def test_the_pyramid_is_made_of_means(self) -> None:
        image = torch.arange(64.0).reshape(1, 1, 8, 8)
        levels = pyramid(image, 3)
        assert [level.shape[-1] for level in levels] == [8, 4, 2]
        assert float(levels[2][0, 0, 0, 0]) == float(image[0, 0, :4, :4].mean())

    @pytest.mark.parametrize("transfer", ["residual", "concat"])
    def test_the_coarse_level_reaches_the_output_by_its_features_alone(self, transfer: str) -> None:
        # With two levels the finest takes no prediction: what changes the output came through the transfer.
        network = build("c2f", levels=2, base=2, depth=3, transfer=transfer).eval()
        image = torch.rand(1, 1, 16, 16)
        before = network(image)
        network.levels[1].decoder[0][1].conv.weight.mul_(2.0)
        assert (network(image) - before).abs().max() > 1e-5

    def test_middle_levels_take_the_enlarged_prediction(self) -> None:
        network = build("c2f", levels=3, base=2, depth=3).eval()
        image = torch.rand(1, 1, 16, 16)
        before = network(image)
        network.levels[2].head.bias.add_(1.0)
        assert (network(image) - before).abs().max() > 1e-5


class TestCare:
    def test_scales_follow_the_means_and_stay_positive(self) -> None:
        network = build("care", channels=2, base=4, kernel=3).eval()
        image = torch.rand(1, 2, 16, 16) * 100 - 50
        mean, scale = network(image).split(2, dim=1)
        network.scale.bias.fill_(-1e4)
        changed_mean, smallest = network(image).split(2, dim=1)
        assert float(scale.min()) >= 1e-3
        torch.testing.assert_close(smallest, torch.full_like(smallest, 1e-3))
        torch.testing.assert_close(changed_mean, mean)

    def test_a_silent_head_returns_the_input(self) -> None:
        network = build("care", base=4, kernel=3, probabilistic=False).eval()
        torch.nn.init.zeros_(network.mean.weight)
        image = torch.rand(1, 1, 16, 16)
        assert torch.equal(network(image), image)

    def test_volumes_keep_their_shape(self) -> None:
        network = build("care", ndim=3, base=2, kernel=3).eval()
        assert network(torch.rand(1, 1, 4, 8, 12)).shape == (1, 2, 4, 8, 12)


class TestSuperResolution:
    @pytest.mark.parametrize("scale", [2, 4])
    @pytest.mark.parametrize("upconv", [False, True])
    def test_the_output_is_larger_by_the_scale(self, scale: int, upconv: bool) -> None:
        network = build("rrdb", maps=4, growth=2, blocks=1, scale=scale, upconv=upconv).eval()
        assert network(torch.rand(1, 1, 5, 7)).shape == (1, 1, 5 * scale, 7 * scale)

    def test_first_weights_are_a_tenth_of_he_normal(self) -> None:
        network = build("rrdb", maps=64, growth=8, blocks=1)
        assert isinstance(network, RRDBNet)
        expected = 0.1 * np.sqrt(2 / (64 * 9))
        assert float(network.trunk_conv.weight.std()) == pytest.approx(expected, rel=0.02)
        assert float(network.trunk_conv.bias.abs().max()) == 0

    def test_each_block_adds_a_fifth_of_a_fifth(self) -> None:
        network = build("rrdb", maps=4, growth=2, blocks=1)
        block = network.trunk[0]
        for dense in block.blocks:
            torch.nn.init.zeros_(dense.last.weight)
            torch.nn.init.constant_(dense.last.bias, 1.0)
        x = torch.rand(1, 4, 8, 8)
        # Three dense blocks add 0.2 each, and the whole block adds a fifth of their result.
        torch.testing.assert_close(block(x), x + 0.2 * (x + 3 * 0.2))


def test_deeper_defocus_networks_look_further() -> None:
    fields = [geometry("c2f", levels=n).receptive_field for n in range(1, 5)]
    assert all(one < other for one, other in pairwise(fields))
