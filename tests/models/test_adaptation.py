from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from napari_restoration.core.errors import InputError
from napari_restoration.models.adaptation import Adaptation
from napari_restoration.models.archs import build, geometry
from napari_restoration.models.card import ModelCard
from napari_restoration.models.loader import RestorationModel

C2F = {"base": 4, "depth": 2, "levels": 2}
BDU = {"first": 4, "growth": 2, "layers": 1, "depth": 1, "dropout": 0.3}


def _model(arch: str = "c2f", **args: object) -> RestorationModel:
    torch.manual_seed(0)
    shape = geometry(arch, **args)
    card = ModelCard(
        id="adapted", title="Adapted", description="A model for tests.", task="refocus", arch=arch, arch_args=args,
        ndim=2, in_channels=1, out_channels=1, frames=3 if shape.burst else None, scale=1,
        size_multiple=shape.size_multiple, receptive_field=shape.receptive_field, halo=shape.receptive_field,
    )  # fmt: skip
    network = build(arch, **args)
    return RestorationModel(card, network)


def _norms(model: RestorationModel) -> list[nn.BatchNorm2d]:
    return [m for m in model.network.modules() if isinstance(m, nn.BatchNorm2d)]


def _batches(count: int = 3, shift: float = 5.0) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.random((1, 1, 32, 32), dtype=np.float32) * 3 + np.float32(shift) for _ in range(count)]


@pytest.mark.parametrize("exact", [False, True])
def test_adapting_moves_statistics_alone_and_undoing_gives_them_back(exact: bool) -> None:
    model = _model(**C2F)
    before = {k: v.clone() for k, v in model.network.state_dict().items()}
    buffers = {name for name, _ in model.network.named_buffers()}
    adaptation = Adaptation(model)
    adaptation.adapt(_batches(), exact=exact)
    after = model.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before if name not in buffers)
    assert all(not torch.equal(before[n], after[n]) for n in before if n.endswith("running_mean"))
    assert not any(module.training for module in model.network.modules())
    assert {norm.momentum for norm in _norms(model)} == {0.1}
    adaptation.undo()
    assert all(torch.equal(before[name], tensor) for name, tensor in model.network.state_dict().items())


def test_twenty_passes_replace_88_percent_of_the_old_statistics() -> None:
    model = _model(**C2F)
    norm = model.network.levels[0].encoder[0][0].norm
    conv = model.network.levels[0].encoder[0][0].conv
    batch = _batches(1)[0]
    with torch.no_grad():
        seen = conv(torch.from_numpy(batch)).mean(dim=(0, 2, 3))
    old = norm.running_mean.clone()
    Adaptation(model).adapt([batch])
    kept = 0.9**20
    torch.testing.assert_close(norm.running_mean, kept * old + (1 - kept) * seen, rtol=1e-4, atol=1e-5)


def test_exact_adaptation_is_the_mean_over_the_images() -> None:
    model = _model(**C2F)
    layer = model.network.levels[0].encoder[0][0]
    batches = _batches(4)
    with torch.no_grad():
        means = [layer.conv(torch.from_numpy(b)).mean(dim=(0, 2, 3)) for b in batches]
    Adaptation(model).adapt(batches, passes=4, exact=True)
    torch.testing.assert_close(layer.norm.running_mean, torch.stack(means).mean(dim=0), rtol=1e-4, atol=1e-5)


def test_dropout_stays_off() -> None:
    found = []
    for seed in (1, 2):
        model = _model("bdu", **BDU)
        torch.manual_seed(seed)
        Adaptation(model).adapt([b[:, None].repeat(2, axis=1) for b in _batches(1)], passes=2)
        found.append(model.network.state_dict())
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


def test_images_that_are_not_finite_change_nothing() -> None:
    model = _model(**C2F)
    before = {k: v.clone() for k, v in model.network.state_dict().items()}
    bad = _batches(1)[0] * np.float32("nan")
    with pytest.raises(InputError, match="not finite"):
        Adaptation(model).adapt([bad])
    assert all(torch.equal(before[name], tensor) for name, tensor in model.network.state_dict().items())
    assert {norm.momentum for norm in _norms(model)} == {0.1}


def test_a_network_without_batch_norms_is_refused() -> None:
    with pytest.raises(InputError, match="no batch norms"):
        Adaptation(_model("care", base=4, depth=1, kernel=3))


def test_no_images_and_no_passes_are_refused() -> None:
    adaptation = Adaptation(_model(**C2F))
    with pytest.raises(InputError, match="one image at least"):
        adaptation.adapt([])
    with pytest.raises(InputError, match="at least 1"):
        adaptation.adapt(_batches(), passes=0)
