"""How runs of the Degrade widget end: cancelled, with a layer or the panel gone, beside another panel, in a window."""

import subprocess
import sys
import time

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_restoration.tasks.degrading import Degrading

LEFT = Qt.MouseButton.LeftButton


def names(viewer):
    return [layer.name for layer in viewer.layers]


def noise_stack(*shape):
    return np.random.default_rng(0).integers(10, 250, shape).astype(np.uint16)


@pytest.fixture
def slow_planes(monkeypatch):
    """Makes each plane of a whole run take a while, so that there is time to interfere."""
    run = Degrading.iter_run

    def slow(self, *arguments):
        task = run(self, *arguments)
        while True:
            time.sleep(0.05)
            try:
                yield next(task)
            except StopIteration as end:
                return end.value

    monkeypatch.setattr(Degrading, "iter_run", slow)


def start(qtbot, widget, button):
    qtbot.mouseClick(button, LEFT)
    qtbot.waitUntil(lambda: widget.form.progress.bar.maximum() > 1, timeout=10_000)


def test_cancel_leaves_no_layer_and_a_second_press_starts_nothing(open_degrade, settle, qtbot, slow_planes):
    viewer, widget = open_degrade("tem-stream")
    viewer.add_image(noise_stack(20, 80, 90), name="stack")
    widget.form.axes_row.edit.setText("ZYX")
    settle(widget)
    start(qtbot, widget, widget.form.apply_button)
    running = widget.running
    assert widget.form.progress.text.text().startswith("Degrading: ")
    assert " planes" in widget.form.progress.text.text()
    assert not widget.form.apply_button.isEnabled()
    assert not widget.form.pairs.write_button.isEnabled()
    widget.apply()
    widget.write_pairs()
    assert widget.running is running
    qtbot.mouseClick(widget.form.progress.cancel_button, LEFT)
    settle(widget)
    assert names(viewer) == ["stack", "stack [tem-stream] preview"]
    assert widget.form.message.text() == "Cancelled."
    assert widget.form.apply_button.isEnabled()


def test_cancelled_pairs_are_whole(open_degrade, settle, qtbot, slow_planes, tmp_path):
    viewer, widget = open_degrade("tem-stream")
    viewer.add_image(noise_stack(80, 90), name="plane")
    settle(widget)
    pairs = widget.form.pairs
    pairs.folder.line.setText(str(tmp_path))
    pairs.count.setValue(50)
    qtbot.mouseClick(pairs.write_button, LEFT)
    qtbot.waitUntil(lambda: "of 150 pairs" in widget.form.progress.text.text(), timeout=10_000)
    qtbot.mouseClick(widget.form.progress.cancel_button, LEFT)
    settle(widget)
    inputs = sorted(path.name for path in (tmp_path / "input").iterdir())
    assert 0 < len(inputs) < 150
    assert inputs == sorted(path.name for path in (tmp_path / "target").iterdir())
    assert f"{len(inputs)} whole pair" in widget.form.message.text()
    assert (tmp_path / "pairs.json").exists()


def test_a_layer_removed_during_the_run_still_gets_its_result(open_degrade, settle, qtbot, slow_planes):
    viewer, widget = open_degrade("tem-stream")
    layer = viewer.add_image(noise_stack(80, 90), name="plane", scale=(2, 2))
    settle(widget)
    qtbot.mouseClick(widget.form.apply_button, LEFT)
    viewer.layers.remove(layer)
    settle(widget)
    assert "plane [tem-stream]" in names(viewer)
    np.testing.assert_allclose(viewer.layers["plane [tem-stream]"].scale[-2:], (2, 2))


def test_an_outdated_preview_is_dropped(open_degrade, settle, qtbot, monkeypatch):
    viewer, widget = open_degrade("tem-stream")
    seeds = []
    preview = Degrading.preview

    def slow(self, *arguments):
        seeds.append(self.plan.settings.seed)
        time.sleep(0.3)
        return preview(self, *arguments)

    monkeypatch.setattr(Degrading, "preview", slow)
    viewer.add_image(noise_stack(80, 90), name="plane")
    shown = []
    show = widget.look.preview.show
    monkeypatch.setattr(
        widget.look.preview,
        "show",
        lambda *given, **more: (shown.append(given[1].plan.settings.seed), show(*given, **more)),
    )
    qtbot.waitUntil(lambda: seeds == [0], timeout=5000)
    widget.form.seed.setValue(1)
    widget.form.seed.setValue(2)
    settle(widget)
    assert seeds == [0, 2]
    assert shown == [2]


def test_a_preview_that_had_to_wait_is_made_afterwards(open_degrade, settle, qtbot, monkeypatch):
    viewer, widget = open_degrade("tem-stream")
    preview = Degrading.preview
    monkeypatch.setattr(Degrading, "preview", lambda *given: (time.sleep(0.2), preview(*given))[1])
    viewer.add_image(noise_stack(80, 90), name="plane")
    qtbot.waitUntil(lambda: widget.look.task.running is not None, timeout=5000)
    widget.look.set_held(True)
    qtbot.waitUntil(lambda: widget.look.task.running is None, timeout=5000)
    assert not widget.look.preview.is_shown
    widget.look.set_held(False)
    settle(widget)
    assert widget.look.preview.is_shown


def test_a_failure_is_told_in_words(open_degrade, settle, qtbot, monkeypatch):
    viewer, widget = open_degrade("tem-stream")
    viewer.add_image(noise_stack(80, 90), name="plane")
    settle(widget)

    def fail(self, *arguments):
        raise MemoryError
        yield

    monkeypatch.setattr(Degrading, "iter_run", fail)
    qtbot.mouseClick(widget.form.apply_button, LEFT)
    settle(widget)
    assert "memory does not suffice" in widget.form.message.text()
    assert widget.form.message.kind == "error"


def test_new_pixels_and_a_new_scale_are_seen(open_degrade, settle):
    viewer, widget = open_degrade("confocal-63x")
    layer = viewer.add_image(noise_stack(80, 90), name="plane", scale=(0.1, 0.1), units="um")
    settle(widget)
    before = widget.look.preview.layer.data.copy()
    layer.data = layer.data[::-1].copy()
    settle(widget)
    flipped = widget.look.preview.layer.data.copy()
    assert not np.array_equal(flipped, before)
    layer.scale = (0.2, 0.2)
    settle(widget)
    assert widget.form.calibration.pixel.edit.text() == "0.2 µm"
    np.testing.assert_allclose(widget.look.preview.layer.scale, (0.2, 0.2))
    assert not np.array_equal(widget.look.preview.layer.data, flipped)


def test_a_panel_that_is_closed_while_it_runs_ends_its_work(open_degrade, settle, qtbot, slow_planes):
    viewer, widget = open_degrade("tem-stream", real=True)
    viewer.add_image(noise_stack(80, 90), name="plane")
    settle(widget)
    assert len(viewer.layers) == 2
    qtbot.mouseClick(widget.form.apply_button, LEFT)
    running = widget.running
    viewer.window.remove_dock_widget(widget)
    assert running.wait(5)
    assert names(viewer) == ["plane"]
    viewer.layers[0].data = viewer.layers[0].data + 1
    qtbot.wait(200)
    assert names(viewer) == ["plane"]


def test_a_viewer_closed_while_a_preview_is_made_ends_it(open_degrade, qtbot, monkeypatch):
    preview = Degrading.preview
    monkeypatch.setattr(Degrading, "preview", lambda *given: (time.sleep(0.3), preview(*given))[1])
    viewer, widget = open_degrade("tem-stream", real=True)
    viewer.add_image(noise_stack(80, 90), name="plane")
    qtbot.waitUntil(lambda: widget.look.task.running is not None, timeout=5000)
    running = widget.look.task.running
    viewer.close()
    assert running.wait(5)


def test_both_panels_work_side_by_side(open_degrade, settle, qtbot, tiny_models):
    from napari_restoration.gui.restore_widget import RestoreWidget

    viewer, widget = open_degrade("tem-stream", real=True)
    restore = RestoreWidget(viewer)
    viewer.window.add_dock_widget(restore, name="Restore")
    plane = viewer.add_image(noise_stack(80, 90), name="plane")
    other = viewer.add_image(noise_stack(80, 90), name="other")
    viewer.layers.selection.active = plane
    restore.choose(other, "denoise", "tiny-denoise")
    settle(widget)
    # The preview is no image to work on, and moves no one's choice.
    assert restore.layer is other
    assert widget.layer is plane
    assert viewer.layers.selection.active is plane
    qtbot.mouseClick(widget.form.apply_button, LEFT)
    settle(widget)
    assert widget.layer is plane
    assert restore.layer is viewer.layers["plane [tem-stream]"]
    qtbot.mouseClick(restore.form.restore_button, LEFT)
    qtbot.waitUntil(lambda: restore.running is None, timeout=30_000)
    assert "plane [tem-stream] [tiny-denoise]" in names(viewer)


def test_opening_takes_no_time_and_loads_neither_torch_nor_scipy_signal():
    code = """
import sys, time
from qtpy.QtWidgets import QApplication
application = QApplication([])
from napari.components import ViewerModel
from napari_restoration.gui.degrade_widget import DegradeWidget
before = set(sys.modules)
times = []
for _ in range(2):
    start = time.perf_counter()
    widget = DegradeWidget(ViewerModel())
    times.append(time.perf_counter() - start)
print(min(times), *({"torch", "scipy.signal", "dask"} & (set(sys.modules) - before)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    seconds, *heavy = done.stdout.split()
    assert float(seconds) < 0.3
    assert not heavy


def test_nothing_is_wider_than_a_narrow_dock(open_degrade, settle):
    viewer, widget = open_degrade(real=True)
    viewer.add_image(noise_stack(2, 80, 90), name="plane", scale=(1, 0.1, 0.1), units="um")
    widget.form.axes_row.edit.setText("ZYX")
    widget.form.pairs_section.set_open(True)
    settle(widget)
    for row in widget.form.steps.rows:
        row.set_open(True)
    content = widget.form.scroll_area.widget()
    assert content.minimumSizeHint().width() <= 340
