"""Opening the Compare widget as napari does: from the Plugins menu and from the Layers menu."""

import numpy as np
import pytest
from napari.utils._proxies import PublicOnlyProxy
from qtpy.QtCore import Qt

from napari_restoration.gui._compare_commands import compare_active, open_compare_widget
from napari_restoration.gui._compare_handle import WipeHandle
from napari_restoration.gui._layers import METADATA_KEY


@pytest.fixture
def viewer(make_napari_viewer, user_dirs, npe2pm, repository):
    from npe2 import PluginManifest

    npe2pm.register(PluginManifest.from_file(repository / "napari.yaml"))
    return make_napari_viewer(show=True)


def test_the_widget_from_the_plugins_menu_does_all_with_the_proxy_that_napari_hands_it(viewer, qtbot):
    for name, level in (("a", 60), ("b", 200), ("c", 90)):
        viewer.add_image(np.full((2, 64, 64), level, np.uint8), name=name, contrast_limits=(0, 255))
    was = [layer.visible for layer in viewer.layers], viewer.canvas.grid.enabled
    widget = open_compare_widget(viewer)
    assert viewer.window.dock_widgets["Compare (napari-restoration)"] is widget
    qtbot.waitUntil(widget.isVisible)
    widget.choose(viewer.layers["a"], viewer.layers["b"])
    qtbot.mouseClick(widget.form.modes["wipe"], Qt.MouseButton.LeftButton)
    qtbot.wait(50)
    line = viewer.screenshot(canvas_only=True, flash=False)[150, :, 0]
    assert {60, 200} <= set(line.tolist())
    assert 90 not in line
    qtbot.mouseClick(widget.form.modes["side_by_side"], Qt.MouseButton.LeftButton)
    assert [layer.visible for layer in viewer.layers] == [True, True, False]
    widget.set_contrast("linked")
    widget.profile.draw()
    assert widget.profile.profile is not None
    widget.add("difference")
    qtbot.waitUntil(lambda: widget.is_at_rest, timeout=10_000)
    assert viewer.layers[-1].name == "b − a"
    viewer.layers.remove("b − a")
    viewer.layers.remove("Profile")
    qtbot.mouseClick(widget.form.modes["off"], Qt.MouseButton.LeftButton)
    assert ([layer.visible for layer in viewer.layers], viewer.canvas.grid.enabled) == was


def test_the_menu_entry_opens_the_panel_on_the_active_layer_and_its_source(viewer, qtbot):
    record = {"task": "denoise", "inputs": [{"name": "cells"}]}
    source = viewer.add_image(np.zeros((64, 64)), name="cells")
    result = viewer.add_image(np.ones((64, 64)), name="restored", metadata={METADATA_KEY: record})
    other = viewer.add_image(np.ones((64, 64)), name="other")
    for active in (source, result):
        compare_active(PublicOnlyProxy(viewer), PublicOnlyProxy(active))
        form = open_compare_widget(viewer).form
        assert (form.before.layer, form.after.layer) == (source, result)
    compare_active(PublicOnlyProxy(viewer), PublicOnlyProxy(other))
    assert form.after.layer == other
    assert not viewer.window._qt_viewer.canvas.native.findChildren(WipeHandle)
