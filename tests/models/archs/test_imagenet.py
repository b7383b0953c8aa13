"""ImageNet weights of MobileNetV2 come from a local file in torchvision's names."""

from pathlib import Path

import pytest
import torch

from napari_restoration.core.errors import ModelError
from napari_restoration.models.archs import build
from napari_restoration.models.archs.presets import preset

# Widening, maps, blocks and stride, as printed in the paper, with all rows that torchvision has.
ROWS = ((1, 16, 1), (6, 24, 2), (6, 32, 3), (6, 64, 4), (6, 96, 3), (6, 160, 3), (6, 320, 1))
DIVIDE = 4


def state_of_mobilenet(inputs: int = 3) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = {}

    def layer(conv: str, norm: str, *shape: int) -> None:
        state[f"{conv}.weight"] = torch.randn(*shape)
        for name in ("weight", "bias", "running_mean"):
            state[f"{norm}.{name}"] = torch.randn(shape[0])
        state[f"{norm}.running_var"] = torch.rand(shape[0]) + 0.5
        state[f"{norm}.num_batches_tracked"] = torch.tensor(7)

    before = 32 // DIVIDE
    layer("features.0.0", "features.0.1", before, inputs, 3, 3)
    index = 0
    for widen, maps, blocks in ROWS:
        for _ in range(blocks):
            index += 1
            at, wide, after = f"features.{index}.conv", before * widen, maps // DIVIDE
            if widen == 1:
                layer(f"{at}.0.0", f"{at}.0.1", wide, 1, 3, 3)
                layer(f"{at}.1", f"{at}.2", after, wide, 1, 1)
            else:
                layer(f"{at}.0.0", f"{at}.0.1", wide, before, 1, 1)
                layer(f"{at}.1.0", f"{at}.1.1", wide, 1, 3, 3)
                layer(f"{at}.2", f"{at}.3", after, wide, 1, 1)
            before = after
    layer("features.18.0", "features.18.1", 1280 // DIVIDE, before, 1, 1)
    state["classifier.1.weight"] = torch.randn(10, 1280 // DIVIDE)
    return state


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    return tmp_path / "mobilenet_v2.pth"


def network(**changes: int) -> torch.nn.Module:
    return build("deblurgan-v2", **preset("deblurgan-v2", "tiny", **changes))


def test_every_layer_takes_the_weights_of_its_place(path: Path) -> None:
    state = state_of_mobilenet()
    torch.save(state, path)
    deblur = network()
    deblur.load_imagenet(path)
    found = deblur.body.state_dict()
    assert torch.equal(found["stem.conv.weight"], state["features.0.0.weight"])
    assert torch.equal(found["rows.0.0.body.1.norm.running_var"], state["features.1.conv.2.running_var"])
    assert torch.equal(found["rows.1.1.body.1.conv.weight"], state["features.3.conv.1.0.weight"])
    assert torch.equal(found["rows.3.2.body.0.norm.bias"], state["features.9.conv.0.1.bias"])
    assert torch.equal(found["rows.5.1.body.2.conv.weight"], state["features.15.conv.2.weight"])
    used = [name for name in state if name.startswith("features.") and int(name.split(".")[1]) <= 15]
    assert len(found) == len(used)


def test_other_numbers_of_channels_see_grey_as_it_is_seen_in_colours(path: Path) -> None:
    torch.save(state_of_mobilenet(), path)
    colours, grey = network(frames=1, channels=3), network(frames=1, channels=1)
    for one in (colours, grey):
        one.load_imagenet(path)
    x = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        seen, expected = grey.body.stem.conv(x), colours.body.stem.conv(x.repeat(1, 3, 1, 1))
    torch.testing.assert_close(seen, expected)


def test_files_of_other_networks_are_refused_by_name(path: Path) -> None:
    torch.save({"features.0.weight": torch.randn(64, 3, 3, 3)}, path)
    with pytest.raises(ModelError, match=r"mobilenet_v2: features\.0\.0\.weight is missing"):
        network().load_imagenet(path)
    state = state_of_mobilenet()
    state["features.4.conv.2.weight"] = torch.zeros(1)
    torch.save(state, path)
    with pytest.raises(ModelError, match=r"features\.4\.conv\.2\.weight is \(1,\)"):
        network().load_imagenet(path)


def test_a_refused_file_changes_nothing(path: Path) -> None:
    deblur = network()
    before = {name: value.clone() for name, value in deblur.state_dict().items()}
    state = state_of_mobilenet()
    del state["features.15.conv.3.bias"]
    torch.save(state, path)
    with pytest.raises(ModelError):
        deblur.load_imagenet(path)
    assert all(torch.equal(value, before[name]) for name, value in deblur.state_dict().items())
