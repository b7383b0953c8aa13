"""The Diagnose button by clicks."""

import threading

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget


@pytest.fixture
def cells():
    """Bright discs with soft edges on a grid, as a camera sees them with so many electrons at their peak."""

    def make(peak, size=160):
        y, x = np.mgrid[:size, :size] % 20 - 9.5
        discs = 1 / (1 + np.exp(2 * (np.hypot(y, x) - 6)))
        rng = np.random.default_rng(4)
        return (100 + rng.poisson(peak * discs + 2) + 1.5 * rng.standard_normal(discs.shape)).astype(
            np.float32
        )

    return make


@pytest.fixture
def diagnose(qtbot):
    """Clicks Diagnose and waits until nothing runs."""

    def click(widget):
        assert widget.form.diagnose_button.isEnabled()
        qtbot.mouseClick(widget.form.diagnose_button, Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: widget.diagnoser.running is None, timeout=30_000)
        return widget.form.diagnosis

    return click


def test_nothing_is_diagnosed_before_the_button_is_pressed(open_widget, diagnose, cells):
    viewer, widget = open_widget()
    viewer.add_image(cells(20), name="cells")
    listed = widget.form.diagnosis
    assert not listed.isVisibleTo(widget)
    assert diagnose(widget) is listed
    assert listed.isVisibleTo(widget)
    assert "times above the noise" in listed.words()[0]
    assert viewer.layers[-1].name == "cells"
    assert not widget.form.message.text()


def test_use_chooses_task_and_model_and_starts_nothing(open_widget, diagnose, cells, qtbot):
    viewer, widget = open_widget("superres")
    viewer.add_image(cells(20), name="cells")
    listed = diagnose(widget)
    assert listed.link.text() == f"Use: Denoise with {listed.diagnosis.model}"
    qtbot.mouseClick(listed.link, Qt.MouseButton.LeftButton)
    assert widget.form.models.task == "denoise"
    assert widget.form.models.card.id == listed.diagnosis.model
    assert widget.running is None
    assert len(viewer.layers) == 1


def test_a_good_image_offers_nothing_to_use(open_widget, diagnose, cells):
    viewer, widget = open_widget()
    viewer.add_image(cells(5000), name="cells")
    listed = diagnose(widget)
    assert listed.diagnosis.main == "good"
    assert not listed.link.isVisibleTo(widget)


def test_the_shown_plane_is_looked_at_and_named(open_widget, diagnose, cells):
    viewer, widget = open_widget()
    viewer.add_image(np.stack([cells(5000), *np.full((5, 160, 160), 7, np.float32)]), name="cells")
    viewer.dims.set_current_step(0, 1)
    listed = diagnose(widget)
    assert listed.title.text() == "cells, plane T = 1:"
    assert listed.words() == ["Every pixel has the same value, 7."]
    viewer.dims.set_current_step(0, 0)
    assert diagnose(widget).diagnosis.position == {"T": 0}
    assert len(listed.words()) > 1


def test_of_a_lazy_layer_only_the_shown_plane_is_read(open_widget, diagnose, cells):
    dask = pytest.importorskip("dask.array")
    viewer, widget = open_widget()
    read = []

    def plane(block_info=None):
        read.append(block_info[None]["chunk-location"][0])
        return cells(50)[None]

    stack = dask.map_blocks(plane, chunks=((1,) * 6, (160,), (160,)), dtype=np.float32)
    viewer.add_image(stack, name="cells", contrast_limits=(0, 300), cache=False)
    viewer.dims.set_current_step(0, 2)
    read.clear()
    diagnose(widget)
    assert set(read) == {2}


def test_a_colour_layer_is_explained(open_widget, diagnose):
    viewer, widget = open_widget()
    viewer.add_image(np.zeros((64, 64, 3), np.uint8), rgb=True, name="stain")
    listed = diagnose(widget)
    assert not listed.isVisibleTo(widget)
    assert "Split RGB" in widget.form.message.text()
    assert widget.form.message.kind == "error"


def test_a_plane_that_is_too_small_is_explained_and_the_buttons_come_back(open_widget, diagnose):
    viewer, widget = open_widget()
    viewer.add_image(np.zeros((20, 20), np.float32), name="stamp")
    diagnose(widget)
    assert "at least 32" in widget.form.message.text()
    assert widget.form.restore_button.isEnabled()
    assert widget.form.diagnose_button.isEnabled()


def test_another_image_takes_the_findings_away(open_widget, diagnose, cells):
    viewer, widget = open_widget()
    viewer.add_image(cells(20), name="cells")
    listed = diagnose(widget)
    viewer.add_image(cells(5000), name="other")
    assert not listed.isVisibleTo(widget)
    diagnose(widget)
    viewer.layers["other"].data = cells(20)
    assert not listed.isVisibleTo(widget)


def test_the_button_waits_while_an_image_is_restored(open_widget, press, cells, slow_network, qtbot):
    viewer, widget = open_widget()
    viewer.add_image(cells(20), name="cells")
    widget.form.advanced.tile.setValue(64)
    press(widget, "restore", wait=False)
    assert not widget.form.diagnose_button.isEnabled()
    qtbot.waitUntil(lambda: widget.running is None, timeout=30_000)
    assert widget.form.diagnose_button.isEnabled()


def test_closing_the_panel_ends_a_diagnosis(open_widget, cells, qtbot, monkeypatch):
    from napari_restoration.degradations.estimates import flaws

    viewer, widget = open_widget()
    viewer.add_image(cells(20), name="cells")
    entered, go = threading.Event(), threading.Event()
    find = flaws.find_flaws

    def slow(plane):
        entered.set()
        go.wait(20)
        return find(plane)

    monkeypatch.setattr(flaws, "find_flaws", slow)
    parent = QWidget()
    widget.setParent(parent)
    qtbot.mouseClick(widget.form.diagnose_button, Qt.MouseButton.LeftButton)
    running = widget.diagnoser.running
    assert entered.wait(20)
    widget.setParent(None)
    assert running.is_cancelled
    go.set()
    qtbot.waitUntil(lambda: widget.diagnoser.running is None, timeout=30_000)
    assert widget.form.diagnosis.diagnosis is None
    parent.deleteLater()


def test_cancel_shows_no_findings(open_widget, cells, qtbot, monkeypatch, press):
    from napari_restoration.degradations.estimates import flaws

    viewer, widget = open_widget()
    viewer.add_image(cells(20), name="cells")
    go = threading.Event()
    find = flaws.find_flaws
    monkeypatch.setattr(flaws, "find_flaws", lambda plane: go.wait(20) and find(plane))
    qtbot.mouseClick(widget.form.diagnose_button, Qt.MouseButton.LeftButton)
    assert not widget.form.restore_button.isEnabled()
    press(widget, "cancel", wait=False)
    go.set()
    qtbot.waitUntil(lambda: widget.diagnoser.running is None, timeout=30_000)
    assert not widget.form.diagnosis.isVisibleTo(widget)
    assert widget.form.restore_button.isEnabled()
