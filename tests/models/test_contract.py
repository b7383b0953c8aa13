"""What every network keeps, run over the table of networks."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.tiny_models import shaken_network

from napari_restoration.models.archs import ARCHITECTURES, build, geometry
from napari_restoration.models.archs.presets import preset
from napari_restoration.models.loader import RestorationModel, load_model

SaveTiny = Callable[..., Path]
every_network = pytest.mark.parametrize("arch", list(ARCHITECTURES))
WHOLE_IMAGE = [arch for arch in ARCHITECTURES if geometry(arch, **preset(arch, "tiny")).whole_image]


@pytest.fixture(autouse=True)
def two_threads() -> None:
    torch.set_num_threads(2)


def image_for(model: RestorationModel, *sides: int, batch: int = 1, seed: int = 0) -> np.ndarray:
    frames = () if model.card.frames is None else (model.card.frames,)
    shape = (batch, *frames, model.card.in_channels, *sides)
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


@every_network
@pytest.mark.parametrize("sides", [(1, 1), (1, 37), (13, 2), (31, 45), (64, 64)])
def test_any_size_comes_back_at_the_models_scale(
    arch: str, sides: tuple[int, int], save_tiny: SaveTiny
) -> None:
    model = load_model(save_tiny(arch), device="cpu")
    out = model.predict(image_for(model, *sides, batch=2))
    scale = model.card.scale
    assert out.shape == (2, model.card.network_channels, sides[0] * scale, sides[1] * scale)
    assert out.dtype == np.float32
    assert out.flags.c_contiguous
    assert np.isfinite(out).all()


@every_network
def test_one_step_down_the_gradient_lowers_the_loss(arch: str) -> None:
    args = preset(arch, "tiny")
    shape = geometry(arch, **args)
    torch.manual_seed(0)
    network = build(arch, **args).train()
    x = torch.rand(2, *((2,) if shape.burst else ()), shape.in_channels, 32, 32)
    target = torch.rand(2, shape.out_channels, 32 * shape.scale, 32 * shape.scale)

    def loss() -> torch.Tensor:
        torch.manual_seed(1)  # the same maps are dropped
        out = network(x)
        finest = out[0] if isinstance(out, tuple) else out
        return (finest[:, : shape.out_channels] - target).square().mean()

    before = loss()
    before.backward()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.grad is not None:
                parameter.sub_(1e-3 * parameter.grad)
    assert loss().item() < before.item()


@every_network
def test_every_weight_is_trained(arch: str) -> None:
    args = preset(arch, "tiny")
    shape = geometry(arch, **args)
    torch.manual_seed(0)
    network = build(arch, **args).train()
    out = network(torch.rand(2, *((2,) if shape.burst else ()), shape.in_channels, 32, 32))
    outputs = out if isinstance(out, tuple) else (out,)
    sum(one.square().sum() for one in outputs).backward()
    idle = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert idle == []


@every_network
def test_loaded_weights_give_what_was_saved(arch: str, save_tiny: SaveTiny) -> None:
    model = load_model(save_tiny(arch), device="cpu")
    image = image_for(model, 32, 64)
    with torch.inference_mode():
        expected = shaken_network(arch, preset(arch, "tiny"))(torch.from_numpy(image)).numpy()
    # The memory layout changes the order of sums; what that rounds grows with the values.
    tolerance = 1e-5 * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(model.predict(image), expected, atol=tolerance, rtol=0)


@every_network
def test_half_precision_files_change_little(arch: str, save_tiny: SaveTiny, tmp_path: Path) -> None:
    full = load_model(save_tiny(arch, folder=tmp_path / "full"), device="cpu")
    half = load_model(save_tiny(arch, half=True, folder=tmp_path / "half"), device="cpu")
    image = image_for(full, 32, 32)
    difference = np.abs(full.predict(image) - half.predict(image)).max()
    assert 0 < difference < 1e-2 * np.abs(full.predict(image)).max()
    assert half.card.weights_bytes < 0.7 * full.card.weights_bytes


@every_network
def test_the_same_image_gives_the_same_result(arch: str, save_tiny: SaveTiny) -> None:
    model = load_model(save_tiny(arch), device="cpu")
    image = image_for(model, 33, 20)
    assert np.array_equal(model.predict(image), model.predict(image))


@every_network
def test_images_of_a_batch_do_not_influence_each_other(arch: str, save_tiny: SaveTiny) -> None:
    model = load_model(save_tiny(arch), device="cpu")
    images = image_for(model, 32, 32, batch=3)
    np.testing.assert_allclose(model.predict(images)[1:2], model.predict(images[1:2]), atol=1e-5)


@pytest.mark.parametrize("arch", [arch for arch in ARCHITECTURES if arch not in WHOLE_IMAGE])
def test_a_tile_with_its_field_equals_the_whole_image(arch: str, save_tiny: SaveTiny) -> None:
    args = {"levels": 2, "base": 4, "depth": 2} if arch == "c2f" else None
    model = load_model(save_tiny(arch, args=args), device="cpu")
    multiple, scale = model.card.size_multiple, model.card.scale
    halo = -(-model.card.receptive_field // multiple) * multiple
    core = 4 * multiple
    start = halo + 2 * multiple
    image = image_for(model, start + core + halo + 8 * multiple, start + core + halo + 4 * multiple)
    whole = model.predict(image)
    window = slice(start - halo, start + core + halo)
    tile = model.predict(np.ascontiguousarray(image[..., window, window]))
    kept, inside = slice(start * scale, (start + core) * scale), slice(halo * scale, (halo + core) * scale)
    np.testing.assert_allclose(tile[..., inside, inside], whole[..., kept, kept], atol=1e-5)


@pytest.mark.parametrize("arch", WHOLE_IMAGE)
def test_a_network_of_whole_images_sees_a_tile_otherwise_and_says_so(arch: str, save_tiny: SaveTiny) -> None:
    model = load_model(save_tiny(arch), device="cpu")
    image = image_for(model, 256, 256)
    image[..., 128:] *= 4
    whole = model.predict(image)
    tile = model.predict(np.ascontiguousarray(image[..., :128, :128]))
    # Far from the cut the convolutions see the same; the statistics do not.
    assert np.abs(tile[..., :8, :8] - whole[..., :8, :8]).max() > 1e-3
    assert model.card.whole_image
    assert model.card.halo >= 96


@every_network
def test_bfloat16_stays_near_full_precision(arch: str, save_tiny: SaveTiny) -> None:
    folder = save_tiny(arch)
    image = image_for(load_model(folder, device="cpu"), 32, 32)
    full = load_model(folder, device="cpu").predict(image)
    half = load_model(folder, device="cpu", precision="bf16").predict(image)
    assert half.dtype == np.float32
    assert 0 < np.abs(half - full).max() < 0.1 * np.abs(full).max()
