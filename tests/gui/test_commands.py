"""What the menus do, and the demo."""

import numpy as np
import pytest
from napari.utils._proxies import PublicOnlyProxy

from napari_restoration.gui import _commands
from napari_restoration.gui._commands import open_degrade_widget, open_restore_widget
from napari_restoration.gui.demo import start_demo
from napari_restoration.gui.restore_widget import RestoreWidget


@pytest.fixture
def viewer(make_napari_viewer, tiny_models, npe2pm, repository):
    from npe2 import PluginManifest

    npe2pm.register(PluginManifest.from_file(repository / "napari.yaml"))
    return make_napari_viewer()


def at_rest(widget):
    return lambda: widget.running is None


def test_the_menu_entries_restore_the_active_layer(viewer, qtbot):
    for task in ("deblur", "refocus", "superres", "denoise"):
        layer = viewer.add_image(np.random.default_rng(0).random((20, 24), np.float32), name="cells")
        command = getattr(_commands, f"{task}_active")
        command(PublicOnlyProxy(viewer), PublicOnlyProxy(layer))  # as napari hands them over
        widget = open_restore_widget(viewer)
        assert widget.form.models.task == task
        assert widget.layer is layer
        qtbot.waitUntil(at_rest(widget), timeout=30_000)
        assert [one.name for one in viewer.layers] == ["cells", f"cells [{widget.form.models.card.id}]"]
        viewer.layers.clear()


def test_an_open_widget_is_used_whoever_opened_it(viewer, qtbot):
    first = RestoreWidget(viewer)
    viewer.window.add_dock_widget(first, name="Restore (Restoration)")
    assert open_restore_widget(viewer) is first
    viewer.window.remove_dock_widget(first)
    second = open_restore_widget(viewer)
    assert second is not first
    assert open_restore_widget(viewer) is second


def test_the_demo_opens_a_sample_and_restores_it(viewer, qtbot):
    widget = start_demo(viewer, "denoise")
    qtbot.waitUntil(at_rest(widget), timeout=60_000)
    assert [layer.visible for layer in viewer.layers] == [False, True, True]
    assert viewer.layers[-1].name.startswith("Noisy stack [")


def test_the_menu_entry_opens_the_degrade_panel_on_the_active_layer(viewer, qtbot):
    layer = viewer.add_image(np.random.default_rng(0).random((80, 90), np.float32), name="cells")
    viewer.add_image(np.zeros((80, 90), np.float32), name="other")
    _commands.degrade_active(PublicOnlyProxy(viewer), PublicOnlyProxy(layer))
    widget = open_degrade_widget(viewer)
    assert widget.layer is layer
    assert viewer.window.dock_widgets["Degrade (napari-restoration)"] is widget
    qtbot.waitUntil(lambda: widget.look.task.is_at_rest, timeout=30_000)
