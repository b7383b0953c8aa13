"""The panel that shows a training, fed with reports and pressed."""

import json

import numpy as np
import pytest
from qtpy.QtCore import Qt
from safetensors.numpy import save

from napari_restoration.core.progress import Notice, Progress
from napari_restoration.gui._training_panel import TrainingPanel
from napari_restoration.tasks.assess import Assessment, ImageScores
from napari_restoration.tasks.train_reports import (
    EpochReport,
    LiveReport,
    ModelWritten,
    Paused,
    TrainingResult,
)

LEFT = Qt.MouseButton.LeftButton


def progress(step, total=1000, message=""):
    return Progress(done=step, total=total, message=message)


def notice(text):
    return Notice(done=0, total=0, message=text)


def epoch(step, psnr):
    return EpochReport(
        done=step, total=1000, message=f"step {step}", train_loss=0.1, val_loss=0.1, val_psnr=psnr, val_ssim=0.8,
        val_mae=0.1, learning_rate=1e-4, minutes=step / 200, best=True,
    )  # fmt: skip


@pytest.fixture
def live(tmp_path):
    """A report of live crops."""
    crops = np.random.default_rng(0).random((2, 16, 16)).astype(np.float32)
    about = {"names": json.dumps(["a", "b"]), "step": "20", "scale": "1"}
    path = tmp_path / "live.safetensors"
    path.write_bytes(save({"input": crops, "prediction": crops + 0.1, "target": crops}, metadata=about))
    return LiveReport(done=20, total=1000, path=path, step=20, minutes=0.1)


@pytest.fixture
def result(tmp_path):
    """A training that has helped."""
    images = tuple(ImageScores(name=f"{i}.tif", psnr_before=27.0, psnr_after=28.0 + i) for i in range(2))
    assessment = Assessment(
        images=images,
        before_model="before",
        after_model="mine",
        verdict="better",
        mean_gain_db=1.5,
        words="Why.",
    )
    return TrainingResult(
        run=tmp_path / "run", model="mine", folder=tmp_path / "models" / "mine", steps=1000, minutes=5.0,
        assessment=assessment,
    )  # fmt: skip


@pytest.fixture
def open_panel(request, qtbot):
    """A panel in the dock of a real viewer, or, much faster, on a viewer without a window."""
    from napari.components import ViewerModel

    def one(*, real=False, minutes=5.0):
        viewer = request.getfixturevalue("make_napari_viewer")() if real else ViewerModel()
        viewer.add_image(np.zeros((32, 32), np.float32), name="mine")
        panel = TrainingPanel(viewer)
        if real:
            viewer.window.add_dock_widget(panel, name="Train")
        else:
            qtbot.addWidget(panel)
        panel.begin("Fine-tuning", minutes, None)
        return viewer, panel

    return one


def test_a_training_from_its_first_report_to_its_result(open_panel, qtbot, live, result):
    viewer, panel = open_panel(real=True)
    assert panel.isVisibleTo(panel.parentWidget())
    assert panel.progress.text.text() == "Starting …"
    assert panel.plot.has_curves
    panel.show_reports([progress(1, 8, "reading images")])
    assert panel.progress.text.text() == "Reading images …"
    panel.show_reports([epoch(0, 27.0), notice("Pair 3 is shifted (--leave-out).")])
    panel.show_reports([epoch(20, 27.5), live])
    qtbot.waitUntil(lambda: len(panel.crops.grid.layers) == 4 and panel.crops.is_at_rest, timeout=20_000)
    assert panel.progress.text.text() == "Training: step 20, about 5 min left"
    assert panel.notices.latest.text() == "Pair 3 is shifted."
    assert panel.plot.words.text().startswith("PSNR 27.50 dB")
    center = viewer.scene.camera.center
    viewer.reset_view()
    qtbot.mouseClick(panel.crops_button, LEFT)
    qtbot.waitUntil(lambda: viewer.scene.camera.center == pytest.approx(center), timeout=20_000)
    panel.show_reports([progress(1000)])
    assert panel.progress.bar.value() == panel.progress.bar.maximum()
    panel.show_result(result)
    qtbot.waitUntil(lambda: panel.crops.is_at_rest, timeout=20_000)
    assert [layer.name for layer in viewer.layers] == ["mine"]
    assert panel.card.headline.text() == "Better: +1.5 dB on 2 held-out images"
    assert panel.title.text().startswith("mine is trained: 1000 steps in 5.0 min. Restore lists it")
    assert not panel.buttons.isVisibleTo(panel)
    assert not panel.progress.isVisibleTo(panel)
    assert panel.notices.isVisibleTo(panel)
    assert panel.plot.isVisibleTo(panel)
    with qtbot.waitSignal(panel.restore_clicked) as used:
        qtbot.mouseClick(panel.card.use_button, LEFT)
    assert used.args == ["mine"]


def test_pause_says_so_at_once_and_turns_to_go_on_when_training_waits(open_panel, qtbot):
    _, panel = open_panel()
    button = panel.buttons.pause_button
    panel.show_reports([progress(400)])
    with qtbot.waitSignal(panel.pause_toggled) as wish:
        qtbot.mouseClick(button, LEFT)
    assert wish.args == [True]
    assert (button.text(), button.isEnabled()) == ("Pausing …", False)
    panel.show_reports([progress(401)])  # said before it heard the wish
    assert button.text() == "Pausing …"
    panel.show_reports([Paused(done=401, total=1000)])
    assert (button.text(), button.isEnabled()) == ("Go on", True)
    assert panel.progress.text.text() == "Paused: about 3 min left when it goes on."
    with qtbot.waitSignal(panel.pause_toggled) as wish:
        qtbot.mouseClick(button, LEFT)
    assert wish.args == [False]
    panel.show_reports([Paused(done=401, total=1000)])
    assert (button.text(), button.isEnabled()) == ("Going on …", False)
    panel.show_reports([progress(402)])
    assert (button.text(), button.isEnabled()) == ("Pause", True)


def test_stop_is_said_at_once_and_stays_until_the_end(open_panel, qtbot):
    _, panel = open_panel()
    with qtbot.waitSignal(panel.stop_clicked):
        qtbot.mouseClick(panel.buttons.stop_button, LEFT)
    buttons = panel.buttons
    assert buttons.stop_button.text() == "Stopping …"
    panel.show_reports([progress(300), Paused(done=300, total=1000), epoch(300, 28.0)])
    assert not any(
        one.isEnabled() for one in (buttons.pause_button, buttons.stop_button, buttons.export_button)
    )
    assert panel.progress.text.text() == "Stopping; the best model so far is kept …"
    panel.show_reports([progress(2, 6, "comparing models")])
    assert panel.progress.text.text() == "Comparing models …"
    panel.begin("another", 5.0)
    assert buttons.stop_button.text() == "Stop and keep best"
    assert buttons.stop_button.isEnabled()


def test_export_waits_for_the_model_and_says_where_it_is(open_panel, qtbot, tmp_path):
    _, panel = open_panel()
    button = panel.buttons.export_button
    for answer, words in (
        (ModelWritten(done=1, total=2, folder=tmp_path, model="mine", final=False), str(tmp_path)),
        (notice("There is no model yet."), ""),
    ):
        panel.message.clear()
        with qtbot.waitSignal(panel.export_clicked):
            qtbot.mouseClick(button, LEFT)
        assert (button.text(), button.isEnabled()) == ("Exporting …", False)
        panel.show_reports([progress(10), answer])
        assert (button.text(), button.isEnabled()) == ("Export now", True)
        assert panel.message.text().endswith(words)
    assert panel.notices.notices == ["There is no model yet."]


def test_no_notice_is_lost(open_panel, qtbot):
    _, panel = open_panel()
    panel.show_reports([notice(f"Number {i}.") for i in range(4)] + [progress(10), notice("Number 1.")])
    assert panel.notices.latest.text() == "Number 3.\nNumber 1."
    section = panel.notices.earlier_section
    assert section.heading.text() == "2 earlier notices"
    qtbot.mouseClick(section.heading, LEFT)
    assert panel.notices.earlier.text() == "Number 0.\nNumber 2."
    assert panel.notices.earlier.isVisibleTo(panel)
    panel.begin("another", None)
    assert panel.notices.notices == []


def test_a_budget_of_steps_is_counted_in_steps(open_panel):
    _, panel = open_panel(minutes=None)
    panel.show_reports([progress(0, 500)])
    panel.show_reports([progress(100, 500)])
    assert panel.progress.text.text().startswith("Training: 100 of 500 steps")
    panel.show_reports([Paused(done=100, total=500)])
    assert panel.progress.text.text() == "Paused."
    assert panel.progress.bar.value() == 100


@pytest.mark.parametrize(("method", "kind"), [("show_error", "error"), ("show_stopped", "info")])
def test_another_end_is_said_and_clears_the_layers(open_panel, qtbot, live, method, kind):
    viewer, panel = open_panel()
    panel.show_reports([live])
    qtbot.waitUntil(lambda: len(panel.crops.grid.layers) == 4 and panel.crops.is_at_rest, timeout=20_000)
    getattr(panel, method)("It is over.")
    qtbot.waitUntil(lambda: panel.crops.is_at_rest, timeout=20_000)
    assert [layer.name for layer in viewer.layers] == ["mine"]
    assert (panel.message.text(), panel.message.kind) == ("It is over.", kind)
    assert not panel.buttons.isVisibleTo(panel)
    panel.reset()
    assert not panel.isVisible()
    assert panel.message.text() == ""


def test_the_panel_is_narrow_enough_for_a_dock(open_panel, result):
    from napari.qt import get_stylesheet

    _, panel = open_panel()
    panel.setStyleSheet(get_stylesheet("dark"))
    panel.show_reports([epoch(0, 27.0), notice("n" * 300)])
    assert panel.minimumSizeHint().width() <= 304
    panel.show_result(result)
    assert panel.minimumSizeHint().width() <= 304
