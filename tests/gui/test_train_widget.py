"""The Train widget before a training: what is learned from, what is wrong with it, and the command it stands for."""

import json
import shlex

import numpy as np
import pytest
import tifffile
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_restoration.core.io import read_image
from napari_restoration.gui import _train_session
from napari_restoration.gui._train_good import PANEL
from napari_restoration.models.registry import user_models_folder
from napari_restoration.tasks.train_order import runs_folder

LEFT = Qt.MouseButton.LeftButton


def blobs(seed, *shape):
    """A smooth good image, different for each seed, and a noisy one of it."""
    from scipy import ndimage

    rng = np.random.default_rng(seed)
    good = ndimage.gaussian_filter(rng.random(shape), (0,) * (len(shape) - 2) + (3, 3))
    good = 2000 * (good - good.min()) / np.ptp(good)
    return good.astype(np.float32), (good + rng.normal(0, 100, shape)).astype(np.float32)


def add_pair(viewer, number, shape=(96, 96), **changes):
    """Two layers whose names go together; ``good`` or ``bad`` replaces one of them."""
    good, bad = blobs(number, *shape)
    viewer.add_image(
        changes.get("good", good), name=f"field{number}_clean", scale=(0.1,) * len(shape), units="um"
    )
    viewer.add_image(
        changes.get("bad", bad), name=f"field{number}_noisy", scale=(0.1,) * len(shape), units="um"
    )


def press(qtbot, button):
    assert button.isEnabled()
    qtbot.mouseClick(button, LEFT)


def wait(qtbot, widget):
    qtbot.waitUntil(lambda: widget.running is None, timeout=60_000)


def chosen(widget):
    return [tuple(layer and layer.name for layer in row.layers) for row in widget.form.sources.pairs.rows]


@pytest.fixture
def started(monkeypatch):
    """Keeps the arguments that a training is started with, in place of the training."""
    kept = []
    monkeypatch.setattr(
        _train_session.TrainSession, "start", lambda self, arguments, **more: kept.append((arguments, more))
    )
    return kept


def test_pairs_are_matched_by_name_added_and_removed(open_train, qtbot):
    viewer, widget = open_train()
    pairs = widget.form.sources.pairs
    assert chosen(widget) == [(None, None)]
    add_pair(viewer, 1)
    assert chosen(widget) == [("field1_noisy", "field1_clean")]
    add_pair(viewer, 2)
    viewer.add_image(np.zeros((9, 9)), name="other")
    press(qtbot, pairs.match_button)
    assert chosen(widget) == [("field1_noisy", "field1_clean"), ("field2_noisy", "field2_clean")]
    assert pairs.words.text() == "2 pairs by name."
    press(qtbot, pairs.add_button)
    assert len(pairs.rows) == 3
    assert pairs.rows[2].given.layer.name == "other"
    press(qtbot, pairs.rows[0].remove_button)
    press(qtbot, pairs.rows[1].remove_button)
    assert chosen(widget) == [("field2_noisy", "field2_clean")]
    assert not pairs.rows[0].remove_button.isEnabled()
    viewer.layers.clear()  # lines that are gone must not be called any more
    assert chosen(widget) == [(None, None)]


def test_names_that_do_not_go_together_change_nothing(open_train, qtbot):
    viewer, widget = open_train()
    for name in ("a", "b"):
        viewer.add_image(np.zeros((9, 9)), name=name)
    press(qtbot, widget.form.sources.pairs.match_button)
    assert chosen(widget) == [("a", "b")]
    assert widget.form.sources.pairs.words.text().startswith("No names go together")


@pytest.mark.parametrize("button", ["check_button", "train_button"])
def test_without_layers_one_sentence_says_what_is_missing(open_train, qtbot, button):
    _, widget = open_train()
    press(qtbot, getattr(widget.form, button))
    assert widget.running is None
    assert widget.form.message.text().startswith("There is no pair to learn from")
    assert widget.form.message.kind == "error"
    assert not runs_folder().exists()


def test_one_layer_cannot_be_input_and_target_nor_the_input_of_two_pairs(open_train, qtbot):
    viewer, widget = open_train()
    add_pair(viewer, 1)
    pairs = widget.form.sources.pairs
    pairs.rows[0].target.choose(viewer.layers["field1_noisy"])
    press(qtbot, widget.form.train_button)
    assert widget.form.message.text().startswith("'field1_noisy' is both input and target")
    pairs.rows[0].target.choose(viewer.layers["field1_clean"])
    press(qtbot, pairs.add_button)
    pairs.rows[1].given.choose(viewer.layers["field1_noisy"])
    pairs.rows[1].target.choose(viewer.layers["field1_clean"])
    press(qtbot, widget.form.train_button)
    assert widget.form.message.text().startswith("'field1_noisy' is the input of two pairs")
    assert not runs_folder().exists()


def test_pairs_without_a_fault_show_no_findings(open_train, qtbot):
    viewer, widget = open_train()
    add_pair(viewer, 1)
    press(qtbot, widget.form.check_button)
    wait(qtbot, widget)
    assert widget.form.message.text() == "1 pair is checked: nothing is wrong."
    assert widget.form.doctor.isHidden()


def test_findings_come_errors_first_and_a_fix_lets_training_start(open_train, qtbot, started):
    viewer, widget = open_train()
    form = widget.form
    bad = blobs(1, 96, 96)[1]
    bad[3, 4] = np.nan
    add_pair(viewer, 1, bad=bad)
    add_pair(viewer, 2, good=blobs(2, 96, 96)[0][:94])
    add_pair(viewer, 3)
    press(qtbot, form.sources.pairs.match_button)
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    rows = form.doctor.rows()
    assert [pair for pair, *_ in rows] == ["field2_noisy", "field1_noisy"]
    assert "96 x 96" in rows[0][1]
    assert rows[0][2]
    assert form.doctor.title.text() == "1 error, 1 warning"
    assert form.message.text() == "Training cannot start with an error in the pairs: choose how to fix it."
    assert not started
    assert not runs_folder().exists()
    press(qtbot, form.doctor.buttons["field2_noisy", "shape"])
    assert not form.message.text()
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    arguments, more = started[0]
    assert arguments[:3] == ["--from", "tiny-denoise", "--pairs"]
    assert "--no-check" in arguments
    inputs = sorted((more["run"] / "pairs" / "input").iterdir())
    assert [path.stem for path in inputs] == ["field1_noisy", "field2_noisy", "field3_noisy"]
    assert [read_image(path).shape for path in inputs] == [(96, 96), (94, 96), (96, 96)]
    assert np.isnan(read_image(inputs[0]).data).any()  # that fix was not chosen
    np.testing.assert_array_equal(viewer.layers["field2_noisy"].data.shape, (96, 96))


def test_fix_all_mends_what_it_can_and_leaves_the_rest_out(open_train, qtbot, started):
    viewer, widget = open_train()
    form = widget.form
    bad = blobs(1, 96, 96)[1]
    bad[3, 4] = np.nan
    add_pair(viewer, 1, bad=bad)
    add_pair(viewer, 2, bad=np.zeros((96, 96), np.float32))
    press(qtbot, form.sources.pairs.match_button)
    press(qtbot, form.check_button)
    wait(qtbot, widget)
    press(qtbot, form.doctor.fix_all_button)
    assert not form.doctor.fix_all_button.isEnabled()
    assert form.doctor.buttons["field1_noisy", "missing"].text() == "✓ Fill"
    assert "your images stay as they are" in form.doctor.words.text()
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    inputs = list((started[0][1]["run"] / "pairs" / "input").iterdir())
    assert [path.name for path in inputs] == ["field1_noisy.tif"]
    assert np.isfinite(read_image(inputs[0]).data).all()


def test_other_pairs_take_the_findings_away(open_train, qtbot):
    viewer, widget = open_train()
    add_pair(viewer, 1, bad=np.zeros((96, 96), np.float32))
    add_pair(viewer, 2)
    press(qtbot, widget.form.check_button)
    wait(qtbot, widget)
    assert widget.form.doctor.rows()
    row = widget.form.sources.pairs.rows[0]
    row.given.choose(viewer.layers["field2_noisy"])
    assert not widget.form.doctor.rows()
    assert not widget.form.message.text()


def test_a_stack_gives_all_planes_and_clean_layers_are_not_in_the_way(open_train, qtbot, started):
    viewer, widget = open_train()
    add_pair(viewer, 1, (6, 96, 96))
    press(qtbot, widget.form.train_button)
    wait(qtbot, widget)
    arguments, more = started[0]
    assert widget.form.doctor.isHidden()
    assert read_image(more["run"] / "pairs" / "input" / "field1_noisy.tif").shape == (6, 96, 96)
    assert more["scale_um"] == pytest.approx(0.1)
    assert (more["title"], more["minutes"]) == ("tiny-denoise-field1", 5.0)
    assert arguments[arguments.index("--name") + 1] == "tiny-denoise-field1"


def test_pairs_for_another_task_are_refused_before_anything_is_written(open_train, qtbot, started):
    viewer, widget = open_train()
    form = widget.form
    add_pair(viewer, 1)
    form.start.choose("superres", "tiny-superres")
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    assert form.message.text().startswith("The targets have 1 times as many pixels")
    form.start.choose("deblur", "tiny-deblur")
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    assert form.message.text().startswith("The inputs are single images")
    assert not started
    assert not runs_folder().exists() or not list(runs_folder().iterdir())


def write_pair(folder, name, good=None):
    clean, noisy = blobs(len(name), 96, 96)
    for part, values in (("input", noisy), ("target", clean if good is None else good)):
        (folder / part).mkdir(parents=True, exist_ok=True)
        if values is not False:
            tifffile.imwrite(folder / part / f"{name}.tif", values)


def test_pairs_of_a_folder_stay_there_and_one_is_left_out_by_name(open_train, qtbot, started, tmp_path):
    _, widget = open_train()
    form = widget.form
    form.sources.choose("folder")
    press(qtbot, form.train_button)
    assert form.message.text() == "There is no folder of pairs: choose the one that holds input and target."
    form.sources.folder.line.setText(str(tmp_path / "none"))
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    assert str(tmp_path / "none") in form.message.text()
    folder = tmp_path / "mine"
    for name in ("a", "bb"):
        write_pair(folder, name)
    write_pair(folder, "ccc", good=np.zeros((96, 96), np.float32))
    form.sources.folder.line.setText(str(folder))
    assert form.name.text() == "tiny-denoise-mine"
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    press(qtbot, form.doctor.buttons["ccc.tif", "constant"])
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    arguments, more = started[0]
    assert arguments[2:4] == ["--pairs", str(folder)]
    assert arguments[arguments.index("--leave-out") + 1] == "ccc.tif"
    assert not list(more["run"].iterdir())


def test_a_file_without_a_counterpart_is_left_out_by_copying_the_whole_pairs(
    open_train, qtbot, started, tmp_path
):
    _, widget = open_train()
    form = widget.form
    write_pair(tmp_path / "mine", "a")
    write_pair(tmp_path / "mine", "bb", good=False)
    form.sources.choose("folder")
    form.sources.folder.line.setText(str(tmp_path / "mine"))
    press(qtbot, form.check_button)
    wait(qtbot, widget)
    assert "bb.tif" in form.doctor.rows()[0][1]
    press(qtbot, form.doctor.fix_all_button)
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    assert [path.name for path in (started[0][1]["run"] / "pairs" / "input").iterdir()] == ["a.tif"]


def test_a_file_that_is_mended_on_the_disk_is_looked_at_again(open_train, qtbot, started, tmp_path):
    _, widget = open_train()
    form = widget.form
    write_pair(tmp_path / "mine", "a", good=np.zeros((96, 96), np.float32))
    form.sources.choose("folder")
    form.sources.folder.line.setText(str(tmp_path / "mine"))
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    assert form.message.kind == "error"
    write_pair(tmp_path / "mine", "a")
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    assert len(started) == 1


def test_good_layers_are_written_and_the_presets_name_is_handed_on(open_train, qtbot, started):
    viewer, widget = open_train()
    form = widget.form
    add_pair(viewer, 1)
    add_pair(viewer, 2)
    form.sources.choose("good")
    assert form.check_button.isHidden()
    assert [layer.name for layer in form.sources.good.ticked()] == ["field2_clean", "field1_clean"]
    assert form.sources.good.preset.currentData() == "confocal-63x"  # for denoising
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    arguments, more = started[0]
    assert arguments[2:6] == ["--clean", str(more["run"] / "good"), "--preset", "confocal-63x"]
    assert sorted(path.name for path in (more["run"] / "good").iterdir()) == [
        "field1_clean.tif",
        "field2_clean.tif",
    ]
    form.start.choose("refocus", "tiny-refocus")
    assert form.sources.good.preset.currentData() == "widefield-20x"


def test_the_steps_of_the_degrade_panel_are_taken_as_they_are_set(open_train, open_degrade, qtbot, started):
    from napari_restoration.tasks.presets import find_preset

    viewer, widget = open_train(real=True)
    form = widget.form
    add_pair(viewer, 1)
    form.sources.choose("good")
    form.sources.good.choose_preset(PANEL)
    press(qtbot, form.train_button)
    assert form.message.text().startswith("The Degrade panel holds no steps yet")
    from napari_restoration.gui.degrade_widget import DegradeWidget

    panel = DegradeWidget(viewer)
    panel.look.set_held(True)
    viewer.window.add_dock_widget(panel, name="Degrade")
    panel.choose(preset="confocal-63x")
    entries = panel.form.steps.value()
    entries[0]["enabled"] = False
    panel.form.steps.set_value(entries, panel.form.steps.order)
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    arguments, more = started[0]
    path = more["run"] / "preset.json"
    assert arguments[arguments.index("--preset") + 1] == str(path)
    assert find_preset(path) == panel.form.presets.value()
    assert not find_preset(path).steps[0].enabled
    qtbot.waitUntil(lambda: panel.look.task.running is None, timeout=30_000)


def test_from_scratch_a_method_and_a_size_are_named_instead_of_a_model(open_train, qtbot, started):
    viewer, widget = open_train()
    form = widget.form
    add_pair(viewer, 1)
    form.advanced.set_open(True)
    assert not form.advanced.method.isVisibleTo(form)
    form.start.model_combo.setCurrentIndex(form.start.model_combo.count() - 1)
    assert form.start.model_combo.currentText() == "Nothing (from scratch)"
    assert form.start.start is None
    assert form.name.text() == "denoise-field1"
    assert form.advanced.method.isVisibleTo(form)
    form.advanced.network_size.setCurrentIndex(form.advanced.network_size.findData("tiny"))
    form.advanced.epochs.setValue(2)
    form.advanced.patch.setValue(32)
    form.advanced.rate.setText("fast")
    press(qtbot, form.train_button)
    assert form.message.text().startswith("The learning rate is 'fast'")
    form.advanced.rate.setText("1e-3")
    form.advanced.seed.setValue(7)
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    arguments, more = started[0]
    text = " ".join(arguments)
    assert text.startswith("--method care --size tiny --pairs")
    assert "--epochs 2 --patch 32 --learning-rate 0.001 --seed 7" in text
    assert "--minutes" not in text
    assert more["minutes"] is None


def test_a_taken_name_and_a_run_folder_that_is_in_use_are_refused(open_train, qtbot, started, tmp_path):
    viewer, widget = open_train()
    form = widget.form
    add_pair(viewer, 1)
    (user_models_folder() / "mine").mkdir()
    form.name.clear()
    qtbot.keyClicks(form.name, "mine")
    press(qtbot, form.train_button)
    assert form.message.text() == "There is a model 'mine' already: choose another name."
    qtbot.keyClicks(form.name, "2")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "notes.txt").write_text("kept")
    form.advanced.run.line.setText(str(tmp_path / "run"))
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    assert form.message.text() == f"{tmp_path / 'run'} is not empty: choose a new folder for the run."
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["notes.txt"]
    form.advanced.run.line.setText(str(tmp_path / "run" / "notes.txt" / "run"))
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    assert "choose another folder for the run" in form.message.text()
    assert form.message.text().count(". ") == 0
    assert not started


def test_writing_that_fails_leaves_no_folder_behind(open_train, qtbot, started, monkeypatch):
    from napari_restoration.core.errors import OutputError
    from napari_restoration.tasks import train_material

    viewer, widget = open_train()
    add_pair(viewer, 1)

    def full(path, image):
        raise OutputError(f"{path} could not be written: No space left on device.")

    monkeypatch.setattr(train_material, "write_image", full)
    press(qtbot, widget.form.train_button)
    wait(qtbot, widget)
    assert "No space left" in widget.form.message.text()
    assert widget.form.train_button.isEnabled()
    assert not list(runs_folder().iterdir())
    assert not started


def test_the_command_is_copied_and_shown(open_train, qtbot):
    viewer, widget = open_train()
    add_pair(viewer, 1)
    widget.form.advanced.set_open(True)
    press(qtbot, widget.form.advanced.copy_button)
    command = QApplication.clipboard().text()
    assert shlex.split(command)[:4] == ["napari-restoration", "train", "--from", "tiny-denoise"]
    assert widget.form.advanced.command.text() == command
    assert widget.form.message.text().startswith("The command is copied.")
    assert not runs_folder().exists()


def test_the_copied_command_names_the_files_that_train_then_writes(open_train, qtbot, started, monkeypatch):
    from datetime import datetime

    from napari_restoration.gui import _train_orders

    class Clock:
        seconds = 0

        @classmethod
        def now(cls):
            cls.seconds += 1
            return datetime(2026, 5, 1, 12, 0, cls.seconds)

    monkeypatch.setattr(_train_orders, "datetime", Clock)
    viewer, widget = open_train()
    for number in range(2):
        add_pair(viewer, number)
    widget.form.sources.pairs.match_by_name()
    widget.copy_command()
    command = shlex.split(QApplication.clipboard().text())
    press(qtbot, widget.form.train_button)
    wait(qtbot, widget)
    arguments = started[0][0]
    for option in ("--pairs", "--out"):
        assert arguments[arguments.index(option) + 1] == command[command.index(option) + 1]
    widget.copy_command()
    assert arguments[arguments.index("--out") + 1] not in QApplication.clipboard().text()


def test_settings_are_remembered_when_a_training_starts(open_train, qtbot, started):
    viewer, widget = open_train()
    add_pair(viewer, 1)
    form = widget.form
    form.minutes.setValue(2.5)
    form.advanced.batch_size.setValue(3)
    form.start.choose_scratch("refocus")
    form.sources.choose("good")
    press(qtbot, form.train_button)
    wait(qtbot, widget)
    assert started
    again = type(widget)(viewer)
    qtbot.addWidget(again)
    assert again.form.minutes.value() == 2.5
    assert again.form.advanced.batch_size.value() == 3
    assert (again.form.start.task, again.form.start.start) == ("refocus", None)
    assert again.form.sources.is_good


def test_a_stopped_run_in_a_folder_of_ones_own_is_offered_next_time(open_train, qtbot, started, tmp_path):
    viewer, widget = open_train()
    add_pair(viewer, 1)
    run = tmp_path / "my run"
    widget.form.advanced.run.line.setText(str(run))
    press(qtbot, widget.form.train_button)
    wait(qtbot, widget)
    assert started[0][1]["run"] == run
    (run / "config.json").write_text(json.dumps({"recipe": {"id": "mine"}, "minutes": 5}))
    again = type(widget)(viewer)
    qtbot.addWidget(again)
    assert not again.form.advanced.run.line.text()
    assert len(again.unfinished.rows) == 1
    press(qtbot, again.unfinished.rows[0].resume_button)
    arguments, more = started[1]
    assert arguments == ["--resume", str(run)]
    assert (more["title"], more["minutes"]) == ("mine", 5)


def test_a_menu_entry_brings_a_layer_with_its_counterpart(open_train):
    viewer, widget = open_train()
    add_pair(viewer, 1)
    add_pair(viewer, 2)
    widget.choose(viewer.layers["field2_clean"])
    assert chosen(widget) == [("field2_noisy", "field2_clean")]
    other = viewer.add_image(np.zeros((9, 9)), name="other")
    widget.choose(other)
    assert chosen(widget)[0][0] == "other"
    assert chosen(widget)[0][1] != "other"


def test_the_layers_menu_opens_the_panel_on_the_active_layer(
    make_napari_viewer, npe2pm, repository, tiny_models
):
    from napari.utils._proxies import PublicOnlyProxy
    from npe2 import PluginManifest

    from napari_restoration.gui import _commands

    npe2pm.register(PluginManifest.from_file(repository / "napari.yaml"))
    viewer = make_napari_viewer()
    add_pair(viewer, 1)
    add_pair(viewer, 2)
    layer = viewer.layers["field2_noisy"]
    _commands.train_active(PublicOnlyProxy(viewer), PublicOnlyProxy(layer))  # as napari hands them over
    widget = _commands.open_train_widget(viewer)
    assert viewer.window.dock_widgets["Train (napari-restoration)"] is widget
    assert chosen(widget) == [("field2_noisy", "field2_clean")]
