"""What the generators of adversarial restoration, and the networks compared with them, must do."""

from collections.abc import Iterator

import pytest
import torch

from napari_restoration.core.errors import ModelError
from napari_restoration.models.archs import build, geometry
from napari_restoration.models.archs.presets import preset


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def no_gradients(fixed_seed: None) -> Iterator[None]:
    with torch.no_grad():
        yield


class TestResNet:
    def test_the_input_is_added_to_the_tanh(self) -> None:
        x = torch.rand(1, 1, 16, 16)
        torch.manual_seed(0)
        whole = build("resnet", maps=4, blocks=1, clamp=False).eval()(x)
        torch.manual_seed(0)
        part = build("resnet", maps=4, blocks=1, clamp=False, residual=False).eval()(x)
        torch.testing.assert_close(whole, part + x)
        assert float(part.abs().max()) <= 1

    def test_values_are_limited_in_evaluation_only(self) -> None:
        network = build("resnet", maps=4, blocks=1)
        x = torch.linspace(-3, 3, 256).reshape(1, 1, 16, 16)
        assert float(network.eval()(x).abs().max()) == 1
        assert float(network.train()(x).abs().max()) > 1
        free = build("resnet", maps=4, blocks=1, clamp=False).eval()
        assert float(free(x).abs().max()) > 1

    def test_first_weights_are_narrow_and_biases_zero(self) -> None:
        network = build("resnet", maps=16, blocks=1)
        body = network.blocks[0].body[0].conv
        assert float(body.weight.std()) == pytest.approx(0.02, rel=0.05)
        assert float(body.bias.abs().max()) == 0

    def test_it_says_that_it_looks_at_the_whole_image(self) -> None:
        assert geometry("resnet").whole_image
        assert not geometry("care").whole_image


class TestUNet256:
    def test_a_256_pixel_image_is_reduced_to_one_pixel(self) -> None:
        network = build("unet256", base=2).eval()
        x = torch.rand(2, 1, 256, 256)
        sides = []
        for stage in network.down:
            x = stage(x)
            sides.append(x.shape[-1])
        assert sides == [128, 64, 32, 16, 8, 4, 2, 1]
        assert geometry("unet256").size_multiple == 256

    def test_the_three_inner_stages_of_most_maps_drop_values_in_training_alone(self) -> None:
        network = build("unet256", base=2)
        rates = [stage[3].p for stage in network.up]
        assert rates == [0.0, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0]
        x = torch.rand(1, 1, 256, 256)
        network.eval()
        assert torch.equal(network(x), network(x))
        network.train()
        assert not torch.equal(network(x), network(x))

    def test_its_own_norm_may_be_that_of_single_images(self) -> None:
        assert geometry("unet256", norm="instance").whole_image
        assert not geometry("unet256").whole_image

    def test_colours_may_become_one_channel(self) -> None:
        network = build("unet256", **preset("unet256", "tiny", in_channels=3)).eval()
        out = network(torch.rand(1, 3, 32, 48))
        assert out.shape == (1, 1, 32, 48)
        assert float(out.abs().max()) <= 1


class TestDeblurGANv2:
    def test_a_silent_head_returns_the_frame_in_the_middle(self) -> None:
        network = build("deblurgan-v2", **preset("deblurgan-v2", "tiny")).eval()
        for tensor in network.last.parameters():
            torch.nn.init.zeros_(tensor)
        for frames in range(1, 9):
            burst = torch.rand(2, frames, 1, 32, 32)
            assert torch.equal(network(burst), burst[:, frames // 2])

    def test_it_reads_the_middle_frame_and_its_neighbours_alone(self) -> None:
        network = build("deblurgan-v2", **preset("deblurgan-v2", "tiny")).eval()
        burst = torch.rand(1, 7, 1, 32, 64)
        before = network(burst)
        for frame in range(7):
            changed = burst.clone()
            changed[:, frame, :, :16] += 0.5
            assert (not torch.equal(network(changed), before)) == (frame in (2, 3, 4))

    def test_single_images_of_three_colours_work(self) -> None:
        network = build("deblurgan-v2", **preset("deblurgan-v2", "tiny", frames=1, channels=3)).eval()
        assert network(torch.rand(2, 3, 32, 64)).shape == (2, 3, 32, 64)

    def test_an_odd_number_of_maps_is_refused(self) -> None:
        with pytest.raises(ModelError, match="maps is 7"):
            build("deblurgan-v2", maps=7)


class TestDeepDeblur:
    def test_training_gives_all_scales_finest_first_and_evaluation_the_finest(self) -> None:
        network = build("deepdeblur", maps=4, blocks=1)
        x = torch.rand(2, 1, 32, 48)
        shapes = [tuple(out.shape) for out in network.train()(x)]
        assert shapes == [(2, 1, 32, 48), (2, 1, 16, 24), (2, 1, 8, 12)]
        assert torch.equal(network.eval()(x), network.train()(x)[0])

    def test_the_coarse_prediction_leads_the_finer_scales(self) -> None:
        network = build("deepdeblur", maps=4, blocks=1).eval()
        x = torch.rand(1, 1, 16, 16)
        before = network(x)
        network.levels[2][-1].bias.add_(1.0)
        assert (network(x) - before).abs().max() > 1e-5

    def test_silent_scales_return_the_image(self) -> None:
        network = build("deepdeblur", maps=4, blocks=1).eval()
        for level in network.levels:
            torch.nn.init.zeros_(level[-1].weight)
        x = torch.rand(1, 1, 16, 16)
        assert torch.equal(network(x), x)

    def test_many_blocks_keep_the_spread_of_their_input(self) -> None:
        network = build("deepdeblur", maps=16, blocks=19).eval()
        spread = float((network(torch.rand(1, 1, 32, 32)) - 0.5).std())
        assert 0.1 < spread < 3
