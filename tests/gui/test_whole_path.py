"""The main job as a user does it: a real window, the sample from the menu, real buttons."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage
from qtpy.QtWidgets import QPushButton

from napari_restoration.gui._layers import METADATA_KEY

RESULT = "Noisy stack [tiny-denoise]"


@pytest.fixture
def session(make_napari_viewer, tiny_models, npe2pm, repository, qtbot):
    """A shown viewer with the sample and the docked widget."""
    from npe2 import PluginManifest

    npe2pm.register(PluginManifest.from_file(repository / "napari.yaml"))
    viewer = make_napari_viewer(show=True)
    dock, widget = viewer.window.add_plugin_dock_widget("napari-restoration", "Restore")
    qtbot.waitUntil(dock.isVisible)
    viewer.open_sample("napari-restoration", "denoise")
    widget.choose(task="denoise", model="tiny-denoise")
    widget.form.advanced.tile.setValue(64)
    return viewer, dock, widget


def names(viewer):
    return [layer.name.removeprefix("Noisy stack").strip() for layer in viewer.layers]


def test_open_sample_preview_restore_cancel_and_restore_again(session, qtbot, slow_network, tmp_path):
    viewer, dock, widget = session
    buttons = {button.text(): button for button in dock.findChildren(QPushButton)}
    source = viewer.layers["Noisy stack"]
    before = source.data.copy()

    def press(name):
        assert buttons[name].isEnabled()
        assert buttons[name].isVisible()
        qtbot.mouseClick(buttons[name], Qt.MouseButton.LeftButton)

    def wait():
        qtbot.waitUntil(lambda: widget.running is None, timeout=60_000)

    assert widget.layer is source
    viewer.dims.set_current_step(0, 3)
    viewer.scene.camera.zoom *= 2.5
    qtbot.waitUntil(lambda: np.ptp(source.corner_pixels[:, -1]) < 160)
    press("Preview")
    wait()
    assert names(viewer) == ["(truth)", "", "[tiny-denoise] preview"]
    preview = viewer.layers[-1]
    assert preview.data.shape[0] == 1
    assert preview.data.shape[-1] < before.shape[-1]
    top, left = (round(float(at)) for at in source.world_to_data(preview.data_to_world((0, 0, 0)))[1:])
    shown = before[3, top : top + preview.data.shape[1], left : left + preview.data.shape[2]]
    np.testing.assert_allclose(preview.data[0], shown, atol=0.05)
    assert widget.layer is source
    assert viewer.layers.selection.active is source

    press("Restore")
    assert not buttons["Restore"].isEnabled()
    assert not buttons["Preview"].isEnabled()
    qtbot.waitUntil(lambda: widget.form.progress.bar.value() > 20, timeout=60_000)
    assert "of 96 tiles, about" in widget.form.progress.text.text()
    shown_plane = np.isfinite(viewer.layers[RESULT].data).mean(axis=(1, 2))
    assert shown_plane[3] == 1  # the plane on the canvas comes first
    assert shown_plane[0] == 0
    press("Cancel")
    wait()
    assert names(viewer) == ["(truth)", "", "[tiny-denoise] (partial)"]
    partial = viewer.layers[-1]
    finished = np.isfinite(partial.data)
    assert 0 < finished.mean() < 1
    np.testing.assert_allclose(partial.data[finished], before[finished], atol=0.05)
    assert partial.metadata[METADATA_KEY]["complete"] is False
    assert "(partial)" in widget.form.message.text()

    press("Restore")
    wait()
    assert names(viewer) == ["(truth)", "", "[tiny-denoise] (partial)", "[tiny-denoise]"]
    result = viewer.layers[-1]
    np.testing.assert_allclose(result.data, before, atol=0.05)
    assert result.data.dtype == np.float32
    assert result.metadata[METADATA_KEY]["model"]["id"] == "tiny-denoise"
    assert (result.units, result.axis_labels) == (source.units, source.axis_labels)
    np.testing.assert_allclose(result._extent_augmented.world, source._extent_augmented.world)
    assert tuple(result.contrast_limits) == tuple(source.contrast_limits)
    assert widget.form.message.text().startswith("Restored in ")
    assert not widget.form.progress.isVisible()
    assert widget.layer is source
    np.testing.assert_array_equal(source.data, before)

    viewer.screenshot(str(tmp_path / "done.png"), canvas_only=False, flash=False)
    picture = QImage(str(tmp_path / "done.png"))
    centre = picture.pixelColor(picture.width() // 2, picture.height() // 2)
    assert max(centre.red(), centre.green(), centre.blue()) > 0  # something is drawn
