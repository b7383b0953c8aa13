"""Trainings from the panel: to a model that restores, paused, stopped, failed, and left and gone on with."""

import subprocess
import sys

import numpy as np
import pytest
from qtpy.QtCore import Qt
from scipy import ndimage

from napari_restoration.gui._commands import open_restore_widget
from napari_restoration.gui.train_widget import TrainWidget
from napari_restoration.models.registry import find_card, user_models_folder
from napari_restoration.tasks.train_order import runs_folder, unfinished_runs

LEFT = Qt.MouseButton.LeftButton
pytestmark = pytest.mark.timeout(120)


def add_pairs(viewer, count):
    for number in range(count):
        rng = np.random.default_rng(number)
        good = ndimage.gaussian_filter(rng.random((96, 96)), 3)
        good = (2000 * (good - good.min()) / np.ptp(good)).astype(np.float32)
        viewer.add_image(good, name=f"field{number}_clean")
        viewer.add_image(
            good + rng.normal(0, 300, good.shape).astype(np.float32), name=f"field{number}_noisy"
        )


def small(widget, *, epochs=0, minutes=0.05):
    """Settings with which the tiny model trains in a moment."""
    widget.form.sources.pairs.match_by_name()
    widget.form.minutes.setValue(minutes)
    widget.form.advanced.epochs.setValue(epochs)
    widget.form.advanced.patch.setValue(32)
    widget.form.advanced.batch_size.setValue(2)


def press(qtbot, button):
    assert button.isEnabled()
    qtbot.mouseClick(button, LEFT)


def wait(qtbot, widget):
    qtbot.waitUntil(lambda: widget.running is None, timeout=90_000)


def start(qtbot, widget):
    """Press Train and wait until the network learns."""
    press(qtbot, widget.form.train_button)
    qtbot.waitUntil(lambda: widget.session.running is not None, timeout=30_000)
    return widget.session._run


def test_from_open_layers_to_a_model_used_in_restore(
    open_train, make_napari_viewer, qtbot, npe2pm, repository
):
    from npe2 import PluginManifest

    npe2pm.register(PluginManifest.from_file(repository / "napari.yaml"))
    viewer, widget = open_train(real=True)
    add_pairs(viewer, 4)
    small(widget)
    restore = open_restore_widget(viewer)
    restore.choose(task="denoise", model="tiny-denoise")
    before = viewer.layers["field0_noisy"].data.copy()
    press(qtbot, widget.form.train_button)
    qtbot.waitUntil(lambda: widget.session.running is not None, timeout=30_000)
    assert not widget.form.inputs.isVisibleTo(widget)
    viewer.add_image(before, name="another")
    for button in (widget.form.train_button, widget.form.check_button):
        assert not button.isVisibleTo(widget)
    assert widget.panel.isVisibleTo(widget)
    wait(qtbot, widget)
    name = "tiny-denoise-field0"
    assert widget.panel.title.text().startswith(f"{name} is trained")
    assert widget.form.inputs.isVisibleTo(widget)
    assert widget.form.train_button.isEnabled()
    assert widget.form.name.text() == f"{name}-2"
    weights = find_card(name)[1]
    assert weights.parent == user_models_folder() / name
    assert restore.form.models.card.id == name
    widget.panel.restore_clicked.emit(name)
    restore.choose(viewer.layers["field0_noisy"])
    press(qtbot, restore.form.restore_button)
    qtbot.waitUntil(lambda: restore.running is None, timeout=30_000)
    result = viewer.layers[f"field0_noisy [{name}]"]
    assert result.data.shape == (96, 96)
    assert np.isfinite(result.data).all()
    np.testing.assert_array_equal(viewer.layers["field0_noisy"].data, before)
    assert unfinished_runs() == []


def test_a_training_that_cannot_begin_says_why_and_leaves_no_folder(open_train, qtbot):
    viewer, widget = open_train()
    add_pairs(viewer, 2)
    small(widget)
    widget.form.advanced.patch.setValue(512)
    start(qtbot, widget)
    wait(qtbot, widget)
    assert "Patches of 512 pixels do not fit" in widget.form.message.text()
    assert widget.panel.message.text() == widget.form.message.text()
    assert widget.form.inputs.isEnabled()
    assert len(widget.form.sources.pairs.rows) == 2
    assert list(runs_folder().iterdir()) == []
    assert unfinished_runs() == []


@pytest.mark.slow
def test_a_training_is_paused_exported_from_and_stopped_while_restore_works(open_train, qtbot):
    viewer, widget = open_train(real=True)
    add_pairs(viewer, 2)
    small(widget, minutes=30)
    restore = open_restore_of(viewer)
    start(qtbot, widget)
    buttons = widget.panel.buttons
    qtbot.waitUntil(lambda: len(widget.panel.plot.epochs) > 0, timeout=60_000)
    press(qtbot, buttons.pause_button)
    assert widget.session.control.is_paused
    press(qtbot, restore.form.restore_button)
    qtbot.waitUntil(lambda: restore.running is None, timeout=30_000)
    assert "field0_noisy [tiny-refocus]" in [layer.name for layer in viewer.layers]
    press(qtbot, buttons.pause_button)
    assert not widget.session.control.is_paused
    press(qtbot, buttons.export_button)
    name = "tiny-denoise-field0"
    qtbot.waitUntil(lambda: any(user_models_folder().glob(f"{name}-step*")), timeout=30_000)
    press(qtbot, buttons.stop_button)
    wait(qtbot, widget)
    assert widget.panel.title.text().startswith(f"{name} is trained")
    assert restore.form.models.task == "refocus"  # what is being worked on is not changed
    restore.choose(task="denoise")
    assert restore.form.models.card.id == name
    listed = [card.id for card in restore.form.models._cards if card is not None]
    assert any(one.startswith(f"{name}-step") for one in listed)


@pytest.mark.slow
def test_closing_the_panel_leaves_a_run_that_the_next_one_goes_on_with(open_train, qtbot):
    viewer, widget = open_train(real=True)
    add_pairs(viewer, 2)
    small(widget, minutes=0.2)
    run = start(qtbot, widget)
    steps = []
    widget.session.running.reported.connect(lambda reports: steps.extend(one.done for one in reports))
    qtbot.waitUntil(lambda: any(steps), timeout=60_000)
    viewer.window.remove_dock_widget(widget)
    wait(qtbot, widget)
    left = unfinished_runs()
    assert [(one.folder, one.model) for one in left] == [(run, "tiny-denoise-field0")]
    assert left[0].steps > 0
    again = TrainWidget(viewer)
    viewer.window.add_dock_widget(again, name="Train again")
    assert len(again.unfinished.rows) == 1
    press(qtbot, again.unfinished.rows[0].resume_button)
    assert again.unfinished.isHidden()
    wait(qtbot, again)
    assert again.panel.title.text().startswith("tiny-denoise-field0 is trained")
    assert find_card("tiny-denoise-field0")[0].training["steps"] > left[0].steps
    assert again.unfinished.rows == []


@pytest.mark.slow
def test_ending_napari_leaves_a_run_that_can_go_on(tmp_path, tiny_models, repository):
    """In a process of its own, which ends while its training runs."""
    script = tmp_path / "session.py"
    script.write_text(SESSION)
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=100, cwd=repository
    )
    assert done.returncode == 0, done.stderr
    left = unfinished_runs()
    assert len(left) == 1
    assert left[0].steps > 0
    assert not left[0].is_locked


SESSION = """
import time
import napari
import numpy as np
from qtpy.QtTest import QTest
from scipy import ndimage

from napari_restoration.gui.train_widget import TrainWidget

viewer = napari.Viewer()
rng = np.random.default_rng(0)
for name in "ab":
    good = ndimage.gaussian_filter(rng.random((96, 96)), 3) * 10
    viewer.add_image(good, name=f"{name}_clean")
    viewer.add_image(good + rng.normal(0, 0.3, good.shape), name=f"{name}_noisy")
widget = TrainWidget(viewer)
viewer.window.add_dock_widget(widget)
widget.form.start.choose("denoise", "tiny-denoise")
widget.form.sources.pairs.match_by_name()
widget.form.minutes.setValue(30)
widget.form.advanced.patch.setValue(32)
widget.train()
end, steps = time.monotonic() + 60, []
while not any(steps) and time.monotonic() < end:
    QTest.qWait(50)
    if widget.session.running is not None and not steps:
        widget.session.running.reported.connect(lambda reports: steps.extend(one.done for one in reports))
        steps.append(0)
    elif widget.running is None:
        raise SystemExit(widget.form.message.text() or "it ended")
viewer.close()
"""


def open_restore_of(viewer):
    from napari_restoration.gui.restore_widget import RestoreWidget

    widget = RestoreWidget(viewer)
    viewer.window.add_dock_widget(widget, name="Restore")
    widget.choose(viewer.layers["field0_noisy"], "refocus", "tiny-refocus")
    return widget
