"""A network adapted to one image before it restores it."""

import numpy as np
import pytest
import torch
from tests.models.tiny_models import shaken_network, tiny_card

from napari_restoration.core.errors import InputError, TileTooLarge
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.models.adaptation import Adaptation
from napari_restoration.models.loader import RestorationModel
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.restore import restore
from napari_restoration.tasks.settings import RestoreSettings

C2F = {"base": 4, "depth": 2, "levels": 2}
BDU = {"first": 4, "growth": 2, "layers": 1, "depth": 1}


def network(arch="c2f", args=C2F):
    return RestorationModel(tiny_card(arch, args=args), shaken_network(arch, args))


def noise(*shape, seed=0):
    return np.random.default_rng(seed).gamma(2.0, 100.0, shape).astype(np.float32)


def state(model):
    return {name: tensor.clone() for name, tensor in model.network.state_dict().items()}


def is_unchanged(model, before):
    assert not any(module.training for module in model.network.modules())
    return all(torch.equal(before[name], tensor) for name, tensor in model.network.state_dict().items())


def test_the_result_is_that_of_the_adapted_network_and_the_model_stays_as_it_was():
    model, plane = network(), noise(101, 90)
    before = state(model)
    image = CalibratedImage(plane, "YX")
    plain, adapted = (restore(image, model, adapt=adapt, tile=128) for adapt in (False, True))
    assert is_unchanged(model, before)
    restoration = run(prepare(image, model, RestoreSettings()))
    percentiles = restoration.restorer.percentiles[()][0]
    batch = percentiles.normalize(plane)[None, None]
    Adaptation(model).adapt([batch])
    expected = percentiles.undo(model.predict(batch)[0, 0])
    assert np.abs(adapted.image.data - expected).max() < 1e-4 * np.ptp(expected)
    assert np.abs(plain.image.data - expected).max() > 1e-2 * np.ptp(expected)
    assert adapted.provenance.settings["adapt"] is True
    assert adapted.provenance.settings["adaptation"] == [{"passes": 20, "patches": 1, "seed": 0}]
    assert "adaptation" not in plain.provenance.settings


def test_preparing_again_gives_the_same_for_a_part_as_for_the_whole_plane():
    model = network()
    image = CalibratedImage(noise(12, 300, 280), "TYX")  # of 48 patches, 20 and 16 are looked at
    settings = RestoreSettings(adapt=True, passes=2, tile=96)
    first, second = (run(prepare(image, model, settings)) for _ in range(2))
    at, region = {"T": 2}, (slice(200, 250), slice(100, 200))
    preview = run(first.iter_preview(at, region))
    whole = run(second.iter_preview(at, (slice(0, 300), slice(0, 280)))).values
    np.testing.assert_array_equal(preview.values, whole[200:250, 100:200])


def test_channels_restored_one_by_one_are_adapted_to_one_by_one():
    model = network()
    channels = np.stack([noise(64, 64), noise(64, 64, seed=1) ** 3])
    together = restore(CalibratedImage(channels, "CYX"), model, adapt=True)
    alone = restore(CalibratedImage(channels[1], "YX"), model, adapt=True)
    np.testing.assert_allclose(together.image.data[1], alone.image.data, rtol=1e-5, atol=1e-3)
    assert [one["C"] for one in together.provenance.settings["adaptation"]] == [0, 1]


def test_a_burst_is_adapted_to_and_a_plane_without_contrast_stays_as_it_is():
    model = network("bdu", BDU)
    burst = CalibratedImage(noise(3, 64, 64), "TYX")
    plain, adapted = (restore(burst, model, adapt=adapt).image.data for adapt in (False, True))
    assert plain.shape == adapted.shape == (64, 64)
    assert not np.allclose(plain, adapted, atol=1e-2 * np.ptp(plain))
    flat = CalibratedImage(np.full((20, 20), 7, np.uint16), "YX")
    assert (restore(flat, network(), adapt=True).image.data == 7).all()


@pytest.mark.parametrize("pulls", range(1, 40, 6))
def test_stopping_at_any_point_leaves_the_model_as_it_was(pulls):
    model = network()
    before = state(model)

    def whole():
        restoration = yield from prepare(
            CalibratedImage(noise(96, 96), "YX"), model, RestoreSettings(adapt=True, tile=32)
        )
        yield from restoration.iter_run()

    task = whole()
    for _ in range(pulls):
        next(task, None)
    task.close()
    assert is_unchanged(model, before)


@pytest.mark.parametrize("fails_at", [3, 22])
def test_an_error_leaves_the_model_as_it_was(monkeypatch, fails_at):
    model = network()
    before, forward, calls = state(model), model._forward, []

    def failing(batch):
        calls.append(batch.shape)
        if len(calls) == fails_at:
            raise RuntimeError("broken")
        return forward(batch)

    monkeypatch.setattr(model, "_forward", failing)
    with pytest.raises(RuntimeError, match="broken"):
        restore(CalibratedImage(noise(96, 96), "YX"), model, adapt=True, tile=32)
    assert is_unchanged(model, before)


def test_networks_without_batch_norms_and_classical_methods_refuse(known_model):
    for model in (known_model(), "classical-median"):
        with pytest.raises(InputError, match=r"has no batch norms .*: leave adapt out"):
            restore(CalibratedImage(noise(16, 16), "YX"), model, adapt=True)
    with pytest.raises(InputError, match="True or False"):
        RestoreSettings(adapt="yes")


def test_smaller_tiles_for_want_of_memory_are_still_of_the_adapted_network(monkeypatch):
    model = network()
    image = CalibratedImage(noise(200, 200), "YX")
    expected = restore(image, model, adapt=True).image.data
    restoration = run(prepare(image, model, RestoreSettings(adapt=True)))
    predict = RestorationModel.predict

    def small_windows_only(self, batch):
        if batch.shape[-1] > 150:
            raise TileTooLarge("full")
        return predict(self, batch)

    monkeypatch.setattr(RestorationModel, "predict", small_windows_only)
    restored = run(restoration.iter_run()).image.data
    assert np.abs(restored - expected).max() < 1e-4 * np.ptp(expected)
