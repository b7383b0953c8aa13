"""File > Open Sample: calibrated layers, the truth hidden under the image."""

import numpy as np
import pytest
from napari.layers import Image

from napari_restoration.gui import sample_data
from napari_restoration.gui._layers import layer_to_image

TASKS = ("deblur", "refocus", "superres", "denoise")


@pytest.mark.parametrize("task", TASKS)
def test_each_sample_opens_calibrated_with_its_truth_over_the_same_rectangle(task):
    data = getattr(sample_data, task)()
    truth, image = (Image(array, **options) for array, options, _ in data)
    assert not truth.visible
    assert image.visible
    assert truth.name == f"{image.name} (truth)"
    calibrated = layer_to_image(image)
    assert {"Y", "X"} <= calibrated.pixel_size_um.keys()
    np.testing.assert_allclose(
        truth._extent_augmented.world[:, -2:], image._extent_augmented.world[:, -2:], atol=1e-9
    )
    finer = 2 if task == "superres" else 1
    assert truth.data.shape[-1] == finer * image.data.shape[-1]


def test_the_manifest_offers_every_sample_and_every_command_exists(repository):
    from npe2 import PluginManifest

    manifest = PluginManifest.from_file(repository / "napari.yaml")
    contributions = manifest.contributions
    assert {sample.key for sample in contributions.sample_data} == set(TASKS)
    for command in contributions.commands:
        module, name = command.python_name.split(":")
        assert callable(getattr(__import__(module, fromlist=[name]), name))
    known = {command.id for command in contributions.commands}
    used = {widget.command for widget in contributions.widgets} | {
        s.command for s in contributions.sample_data
    }
    for items in contributions.menus.values():
        used |= {item.command for item in items if hasattr(item, "command")}
    assert used == known
