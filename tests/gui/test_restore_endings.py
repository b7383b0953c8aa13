"""Whatever happens while tiles arrive, the panel comes to rest and napari lives on."""

import numpy as np
import pytest
from qtpy.QtWidgets import QDockWidget

from napari_restoration.core.errors import TileTooLarge
from napari_restoration.models.loader import RestorationModel


@pytest.fixture
def running(open_widget, press, qtbot, slow_network, noise):
    """A viewer with a restoration under way."""

    def start(real=True):
        viewer, widget = open_widget(real=real)
        viewer.add_image(noise(4, 128, 128), name="cells")
        widget.form.advanced.tile.setValue(32)
        press(widget, "restore", wait=False)
        qtbot.waitUntil(lambda: widget._result is not None and widget._result.has_tiles, timeout=20_000)
        return viewer, widget

    return start


def at_rest(widget):
    form = widget.form
    return (
        widget.running is None
        and form.restore_button.isEnabled()
        and form.preview_button.isEnabled()
        and not form.progress.isVisibleTo(widget)
    )


def test_the_source_may_be_removed_and_the_run_goes_on(running, qtbot):
    viewer, widget = running()
    source = viewer.layers["cells"].data
    viewer.layers.remove("cells")
    qtbot.waitUntil(lambda: at_rest(widget), timeout=30_000)
    assert [layer.name for layer in viewer.layers] == ["cells [tiny-denoise]"]
    np.testing.assert_allclose(viewer.layers[0].data, source, atol=0.01)


def test_the_source_may_be_renamed_and_the_result_keeps_its_name(running, qtbot):
    viewer, widget = running(real=False)
    viewer.layers["cells"].name = "other"
    qtbot.waitUntil(lambda: at_rest(widget), timeout=30_000)
    assert viewer.layers[-1].name == "cells [tiny-denoise]"


def test_removing_the_result_stops_the_run(running, qtbot):
    viewer, widget = running()
    viewer.layers.remove("cells [tiny-denoise]")
    qtbot.waitUntil(lambda: at_rest(widget), timeout=2000)
    assert [layer.name for layer in viewer.layers] == ["cells"]


def test_removing_everything_stops_the_run(running, qtbot):
    viewer, widget = running(real=False)
    viewer.layers.clear()
    qtbot.waitUntil(lambda: at_rest(widget), timeout=2000)
    assert len(viewer.layers) == 0


def test_closing_the_dock_stops_the_run(running, qtbot):
    viewer, widget = running()
    dock = widget.parentWidget()
    assert isinstance(dock, QDockWidget)
    dock.destroyOnClose()  # what its x does
    qtbot.waitUntil(lambda: widget.running is None, timeout=2000)
    assert viewer.layers[-1].name.endswith("(partial)")


def test_closing_the_viewer_stops_the_run(running, qtbot):
    viewer, widget = running()
    future = widget.running._future
    viewer.close()
    qtbot.waitUntil(future.done, timeout=2000)


def test_dims_camera_theme_and_selection_may_change(running, qtbot):
    viewer, widget = running()
    viewer.dims.set_current_step(0, 3)
    viewer.scene.camera.zoom = 7
    viewer.theme = "light"
    viewer.layers.selection.active = viewer.layers["cells"]
    viewer.dims.ndisplay = 3
    qtbot.waitUntil(lambda: at_rest(widget), timeout=30_000)
    assert np.isfinite(viewer.layers[-1].data).all()


def test_two_viewers_restore_side_by_side(open_widget, press, qtbot, noise):
    widgets = []
    for _ in range(2):
        viewer, widget = open_widget(real=True)
        viewer.add_image(noise(3, 60, 60), name="cells")
        press(widget, "restore", wait=False)
        widgets.append((viewer, widget))
    for viewer, widget in widgets:
        qtbot.waitUntil(lambda widget=widget: at_rest(widget), timeout=30_000)
        np.testing.assert_allclose(viewer.layers[-1].data, noise(3, 60, 60), atol=0.01)


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), KeyError("x"), ZeroDivisionError()])
def test_an_unexpected_error_is_told_in_one_sentence_and_the_panel_comes_to_rest(
    open_widget, press, noise, monkeypatch, error
):
    viewer, widget = open_widget()
    viewer.add_image(noise(40, 40), name="cells")

    predict = RestorationModel.predict

    def fail(self, batch):
        if batch.shape[-1] == 64:
            return predict(self, batch)  # the probe when a model is loaded
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(RestorationModel, "predict", fail)
        press(widget, "restore")
    text = widget.form.message.text()
    assert type(error).__name__ in text
    assert "Traceback" not in text
    assert widget.form.message.kind == "error"
    assert at_rest(widget)
    assert [layer.name for layer in viewer.layers] == ["cells"]
    press(widget, "restore")
    assert len(viewer.layers) == 2


def test_an_error_after_some_tiles_keeps_them(open_widget, press, noise, monkeypatch):
    viewer, widget = open_widget()
    viewer.add_image(noise(4, 64, 64), name="cells")
    widget.form.advanced.tile.setValue(32)
    predict, calls = RestorationModel.predict, []

    def fail_later(self, batch):
        calls.append(1)
        if len(calls) > 5:
            raise RuntimeError("the device is gone")
        return predict(self, batch)

    monkeypatch.setattr(RestorationModel, "predict", fail_later)
    press(widget, "restore")
    assert viewer.layers[-1].name == "cells [tiny-denoise] (partial)"
    assert np.isfinite(viewer.layers[-1].data).sum() in (4 * 32 * 32, 5 * 32 * 32)  # loading probes once
    assert at_rest(widget)


def test_out_of_memory_goes_on_with_smaller_tiles_and_says_so(open_widget, press, noise, monkeypatch):
    viewer, widget = open_widget()
    data = noise(150, 150)
    viewer.add_image(data, name="cells")
    predict = RestorationModel.predict

    def small_only(self, batch):
        if batch.shape[-1] > 100:
            raise TileTooLarge("full")
        return predict(self, batch)

    monkeypatch.setattr(RestorationModel, "predict", small_only)
    press(widget, "restore")
    np.testing.assert_allclose(viewer.layers[-1].data, data, atol=0.01)
    assert "Memory ran short" in widget.form.message.text()


def test_an_absent_device_is_an_error_that_lists_those_present(open_widget, press, noise, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    viewer, widget = open_widget()
    viewer.add_image(noise(20, 20))
    form = widget.form
    form.advanced.device.setCurrentIndex(form.advanced.device.findData("cuda"))
    press(widget, "restore")
    assert "cpu" in form.message.text()
    assert form.message.kind == "error"
    assert len(viewer.layers) == 1
