"""The record panel: how the selected layer was made, copied, saved, and made again by its command."""

import json
import shlex

import numpy as np
import pytest
import tifffile
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog

from napari_restoration.cli import main
from napari_restoration.core.image import CalibratedImage
from napari_restoration.core.io import write_image
from napari_restoration.gui.record_panel import RecordPanel, open_record_panel, show_record


def open_file(viewer, path):
    """Add a layer as napari's own reader does: the pixels and the path, without a record or calibration."""
    from napari.layers._source import layer_source

    with layer_source(path=str(path)):
        return viewer.add_image(tifffile.imread(path), name=path.stem)


@pytest.fixture
def restored(open_widget, press, noise, tmp_path):
    """A viewer whose second layer was restored from a file in the first, and the panel on it."""
    viewer, widget = open_widget()
    write_image(tmp_path / "cells.tif", CalibratedImage(noise(50, 60), "YX", {"Y": 0.2, "X": 0.2}))
    open_file(viewer, tmp_path / "cells.tif")
    press(widget, "restore")
    viewer.layers.selection.active = viewer.layers[-1]
    return viewer


@pytest.fixture
def panel(restored, qtbot):
    """The panel of that viewer."""
    one = RecordPanel(restored)
    qtbot.addWidget(one)
    return one


def rows(panel):
    form = panel._form
    label, field = form.ItemRole.LabelRole, form.ItemRole.FieldRole
    return {
        form.itemAt(row, label).widget().text(): form.itemAt(row, field).widget().text()
        for row in range(form.rowCount())
    }


def clipboard():
    return QGuiApplication.clipboard().text()


def test_the_record_of_the_selected_layer_is_shown_in_words(panel, restored):
    shown = rows(panel)
    assert panel.title.text() == "cells [tiny-denoise]"
    assert shown["Done"] == "denoised"
    assert shown["Model"].startswith("tiny-denoise")
    assert "'cells' (YX 50 x 60, uint16, 0.2 x 0.2 um (YX))" in shown["Input"]
    assert shown["Computed"].startswith("on the CPU")
    digest = restored.layers[-1].metadata["napari_restoration"]["model"]["weights_sha256"]
    assert shown["Weights"] == f"SHA-256 {digest[:16]}…"
    restored.layers.selection.active = restored.layers[0]
    assert rows(panel) == {}
    assert "carries no record" in panel.message.text()
    assert not panel.replay_button.isEnabled()
    restored.layers.selection.clear()
    assert "Select a layer" in panel.message.text()


def test_paragraph_and_json_are_copied(panel, restored):
    record = restored.layers[-1].metadata["napari_restoration"]
    panel.methods_button.click()
    text = clipboard()
    assert text.startswith(
        "'cells' (YX 50 x 60, uint16, 0.2 x 0.2 um (YX)) was denoised with napari-restoration "
    )
    assert f"weights SHA-256 {record['model']['weights_sha256']}" in text
    panel.copy_button.click()
    assert json.loads(clipboard()) == json.loads(json.dumps(record))


def test_the_replay_command_of_a_layer_makes_it_again(panel, restored, tmp_path, monkeypatch, capsys):
    target = tmp_path / "out of napari"
    target.mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target / "cells record"), ""))
    panel.replay_button.click()
    words = shlex.split(clipboard())
    assert words[:3] == ["napari-restoration", "replay", str(target / "cells record.json")]
    assert words[-2:] == ["--input", str((tmp_path / "cells.tif").resolve())]
    assert main(words[1:]) == 0
    assert "Equal, bit for bit" in capsys.readouterr().err


def test_a_cancelled_dialog_copies_nothing(panel, monkeypatch):
    QGuiApplication.clipboard().setText("before")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    panel.replay_button.click()
    assert clipboard() == "before"


def test_a_restored_file_that_is_opened_shows_the_record_it_carries(panel, restored, tmp_path):
    layer = restored.layers[-1]
    image = CalibratedImage(
        np.asarray(layer.data), "YX", metadata={"provenance": layer.metadata["napari_restoration"]}
    )
    write_image(tmp_path / "kept.tif", image)
    open_file(restored, tmp_path / "kept.tif")
    restored.layers.selection.active = restored.layers[-1]
    assert rows(panel)["Done"] == "denoised"
    panel.replay_button.click()
    assert shlex.split(clipboard())[2] == str((tmp_path / "kept.tif").resolve())


def test_previews_unfinished_and_damaged_records_say_so(panel, restored):
    for record, words in (
        ({"model": "m", "task": "denoise", "preview": True}, "preview of a part"),
        ({"model": "m", "task": "denoise", "complete": False}, "not finished"),
        ({"task": "denoise", "inputs": [{"name": "a"}], "seed": "one"}, "field 'seed'"),
    ):
        layer = restored.add_image(np.zeros((5, 5)), metadata={"napari_restoration": record})
        restored.layers.selection.active = layer
        assert words in panel.message.text()
        assert panel.record is None


def test_the_command_opens_one_panel_in_a_real_viewer(make_napari_viewer):
    from napari.utils._proxies import PublicOnlyProxy

    viewer = make_napari_viewer()
    layer = viewer.add_image(np.zeros((8, 8)))
    show_record(PublicOnlyProxy(viewer), PublicOnlyProxy(layer))
    panel = open_record_panel(viewer)
    assert open_record_panel(viewer) is panel
    assert "carries no record" in panel.message.text()
