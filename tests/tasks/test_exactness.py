"""Tiled restoration of real architectures equals the whole image where the halo covers the receptive field."""

import numpy as np
import pytest
import torch

from napari_restoration.core.errors import TileTooLarge
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.progress import run
from napari_restoration.models.archs import build, geometry
from napari_restoration.models.archs.presets import preset
from napari_restoration.models.card import ModelCard
from napari_restoration.models.loader import RestorationModel
from napari_restoration.tasks.prepare import prepare
from napari_restoration.tasks.restore import restore
from napari_restoration.tasks.settings import RestoreSettings

NETWORKS = {
    "care": (preset("care", "tiny"), {"laplace_scale": True}),
    "care deep": (preset("care", "tiny", depth=3, kernel=5, probabilistic=False), {}),
    "bdu": (preset("bdu", "tiny", depth=1), {"frames": 3, "task": "deblur"}),
    "c2f": (preset("c2f", "tiny", levels=2, depth=3, channels=1), {"task": "refocus"}),
    "rrdb": (preset("rrdb", "tiny", blocks=1), {"task": "superres", "scale": 2}),
    "bu": (preset("bu", "tiny", first=4), {"frames": 3, "task": "deblur"}),
    "deepdeblur": (preset("deepdeblur", "tiny", blocks=1, levels=2), {"task": "deblur"}),
}
WHOLE_IMAGE = {
    "resnet": (
        preset("resnet", "tiny", maps=4, blocks=1),
        {"task": "refocus", "whole_image": True, "halo": 96},
    ),
}


def model_of(name):
    args, fields = (NETWORKS | WHOLE_IMAGE)[name]
    arch = name.split()[0]
    torch.manual_seed(1)
    network = build(arch, **args)
    shape = geometry(arch, **args)
    card = ModelCard(
        id=name.replace(" ", "-"),
        title=name,
        description="Random weights.",
        arch=arch,
        arch_args=args,
        weights_file="none.safetensors",
        weights_sha256="0" * 64,
        weights_bytes=1,
        receptive_field=shape.receptive_field,
        size_multiple=shape.size_multiple,
        **({"task": "denoise", "halo": shape.receptive_field} | fields),
    )
    return RestorationModel(card, network)


@pytest.mark.parametrize("name", NETWORKS)
def test_tiled_equals_whole(name):
    model = model_of(name)
    frames = model.card.frames
    shape = (frames, 203, 150) if frames else (203, 150)
    pixels = np.random.default_rng(0).random(shape, dtype=np.float32)
    image = CalibratedImage(pixels, "TYX" if frames else "YX")
    tiled = restore(image, model, tile=48, register=False)
    restoration = run(prepare(image, model, RestoreSettings(tile=208, register=False)))
    percentiles = restoration.restorer.percentiles[()][0]
    batch = percentiles.normalize(pixels)
    whole = model.predict(batch[None, :, None] if frames else batch[None, None])[0, 0]
    assert tiled.report["tiles"] > 9
    # In units of the normalised image, whose spread is about 1; random weights may enlarge it, rounding follows.
    difference = percentiles.normalize(tiled.image.data.astype(np.float64)) - whole
    assert np.abs(difference).max() < 1e-5 * max(1.0, np.abs(whole).max())


def test_a_burst_does_not_depend_on_the_order_of_its_frames():
    model = model_of("bdu")
    pixels = np.random.default_rng(0).random((3, 40, 40), dtype=np.float32)
    forward = restore(CalibratedImage(pixels, "TYX"), model, register=False).image.data
    shuffled = restore(CalibratedImage(pixels[[2, 0, 1]], "TYX"), model, register=False).image.data
    np.testing.assert_allclose(forward, shuffled, atol=1e-6)


def test_a_network_of_whole_images_is_shown_the_whole_image():
    model = model_of("resnet")
    pixels = np.random.default_rng(0).random((203, 150), dtype=np.float32)
    pixels[100:] += 3
    restored = restore(CalibratedImage(pixels, "YX"), model)
    restoration = run(prepare(CalibratedImage(pixels, "YX"), model))
    percentiles = restoration.restorer.percentiles[()][0]
    whole = model.predict(percentiles.normalize(pixels)[None, None])[0, 0]
    assert restored.report["tiles"] == 1
    assert restored.notices == ()
    assert np.abs(percentiles.normalize(restored.image.data.astype(np.float64)) - whole).max() < 1e-5


def test_tiles_of_such_a_network_differ_from_the_whole_image_and_are_told_of():
    model = model_of("resnet")
    pixels = np.random.default_rng(0).random((400, 400), dtype=np.float32)
    pixels[200:] += 3
    whole, tiled = (restore(CalibratedImage(pixels, "YX"), model, tile=tile) for tile in (None, 96))
    assert tiled.report["tiles"] == 25
    assert any("tiles of 96 x 96 pixels" in notice for notice in tiled.notices)
    assert not np.allclose(whole.image.data, tiled.image.data, atol=1e-4)


def test_tiles_forced_by_a_full_memory_are_told_of_as_well(monkeypatch):
    model = model_of("resnet")
    predict = model.predict

    def small_windows_only(batch):
        if batch.shape[-1] > 300:
            raise TileTooLarge("full")
        return predict(batch)

    monkeypatch.setattr(model, "predict", small_windows_only)
    pixels = np.random.default_rng(0).random((40, 400), dtype=np.float32)
    restored = restore(CalibratedImage(pixels, "YX"), model)
    assert any("judges contrast by the whole image" in notice for notice in restored.notices)
