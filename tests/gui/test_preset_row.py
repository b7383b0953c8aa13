"""Choosing, saving, reverting and deleting presets."""

import dataclasses

import pytest
from qtpy.QtCore import QPoint, Qt

from napari_restoration.degradations import preset_store
from napari_restoration.degradations.presets import Preset
from napari_restoration.gui._preset_row import PresetRow, id_of
from napari_restoration.gui._steps_editor import StepsEditor
from napari_restoration.tasks.presets import find_preset, list_presets

NOISY = Preset.from_dict({
    "id": "noisy", "title": "Noisy camera", "description": "Little light.",
    "steps": [
        {"kind": "to_photons", "peak_photons": 50.0, "ranges": {"peak_photons": [5.0, 100.0]}},
        {"kind": "camera", "read_noise_electrons": 2.0},
    ],
    "levels": {"mild": {"to_photons.peak_photons": 100.0}, "hard": {"camera.read_noise_electrons": 5.0}},
})  # fmt: skip
DARK = Preset.from_dict({
    "id": "dark", "title": "Dark", "description": "Under-exposed.", "order": "paper",
    "steps": [{"kind": "camera"}, {"kind": "exposure", "factor": 0.1}],
})  # fmt: skip


@pytest.fixture
def shipped(monkeypatch):
    presets = {NOISY.id: NOISY, DARK.id: DARK}
    monkeypatch.setattr(preset_store, "_shipped", lambda: presets)


@pytest.fixture
def row(qtbot, shipped, monkeypatch):
    """The row above its editor; questions are answered as the test says."""
    editor = StepsEditor()
    row = PresetRow(editor)
    for widget in (editor, row):
        qtbot.addWidget(widget)
        with qtbot.waitExposed(widget):
            widget.show()
    row.editor, row.answers, row.questions = editor, {"name": None, "yes": True}, []

    def ask(question):
        row.questions.append(question)
        return row.answers["yes"]

    monkeypatch.setattr(row, "ask", ask)
    monkeypatch.setattr(row, "ask_for_name", lambda suggestion: row.answers["name"])
    return row


@pytest.fixture
def click(qtbot):
    def click_one(widget):
        assert widget.isEnabled()
        qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(8, widget.height() // 2))

    return click_one


@pytest.fixture
def save_as(row, click):
    def save(name):
        row.answers["name"] = name
        click(row.save_button)

    return save


def choose(qtbot, row, preset):
    qtbot.keyClick(row.combo, {"dark": Qt.Key.Key_Down, "noisy": Qt.Key.Key_Up}[preset])


def test_the_first_preset_is_shown_unchanged_with_its_description(row):
    assert row.current == "noisy"
    assert row.value() == NOISY
    assert row.combo.toolTip() == "Little light."
    assert not row.is_changed
    assert not row.changed_label.isVisible()
    assert not row.revert_button.isEnabled()
    assert not row.delete_button.isEnabled()


def test_choosing_a_preset_shows_its_steps_and_order(row, qtbot):
    with qtbot.waitSignal(row.changed):
        choose(qtbot, row, "dark")
    assert row.value() == DARK
    assert row.editor.order == "paper"


def test_an_edit_is_marked_and_reverted(row, click, qtbot):
    click(row.editor.rows[1].enabled_box)
    assert row.is_changed
    assert row.changed_label.isVisible()
    with qtbot.waitSignal(row.changed):
        click(row.revert_button)
    assert not row.changed_label.isVisible()
    assert row.value() == NOISY


def test_an_edit_that_is_taken_back_by_hand_is_no_change(row, click):
    click(row.editor.rows[1].enabled_box)
    click(row.editor.rows[1].enabled_box)
    assert not row.is_changed


def test_opening_a_step_is_no_change(row, click):
    for step in row.editor.rows:
        click(step.heading)
    assert not row.is_changed


def test_edits_are_there_again_when_their_preset_comes_back(row, click, qtbot):
    click(row.editor.rows[1].enabled_box)
    choose(qtbot, row, "dark")
    assert not row.is_changed
    choose(qtbot, row, "noisy")
    assert row.is_changed
    assert not row.value().steps[1].enabled
    click(row.revert_button)
    choose(qtbot, row, "dark")
    choose(qtbot, row, "noisy")
    assert not row.is_changed


def test_a_preset_is_saved_chosen_and_found_again(row, click, save_as):
    click(row.editor.rows[1].enabled_box)
    save_as("  My microscope, 20x ")
    assert row.current == "my-microscope-20x"
    assert row.combo.currentText() == "My microscope, 20x"
    assert not row.is_changed
    saved = find_preset("my-microscope-20x")
    assert saved.title == "My microscope, 20x"
    assert not saved.steps[1].enabled
    assert saved.levels == NOISY.levels
    assert row.value() == saved
    titles = [row.combo.itemText(index) for index in range(row.combo.count())]
    assert titles == ["Noisy camera", "Dark", "", "My microscope, 20x"]  # a line between shipped and own ones


def test_the_name_of_a_shipped_preset_is_refused(row, save_as):
    for name in ("Noisy", "noisy CAMERA"):
        save_as(name)
        assert "comes with the program" in row.message.text()
    assert [preset.id for preset in list_presets()] == ["noisy", "dark"]
    assert row.questions == []


def test_a_name_without_letters_is_refused_and_no_name_does_nothing(row, save_as):
    save_as(" ?! ")
    assert "at least one letter" in row.message.text()
    save_as(None)
    assert not row.message.isVisible()
    assert len(list_presets()) == 2


def test_an_own_preset_is_replaced_only_after_asking(row, click, save_as):
    save_as("Mine")
    click(row.editor.rows[0].enabled_box)
    row.answers["yes"] = False
    save_as("mine")
    assert row.questions == ["Replace your preset “Mine”?"]
    assert find_preset("mine").steps[0].enabled
    assert row.is_changed
    row.answers["yes"] = True
    save_as("mine")
    assert not find_preset("mine").steps[0].enabled
    assert not row.is_changed


def test_only_own_presets_are_deleted_and_only_after_asking(row, click, save_as):
    save_as("Mine")
    row.answers["yes"] = False
    click(row.delete_button)
    assert find_preset("mine").title == "Mine"
    row.answers["yes"] = True
    click(row.delete_button)
    assert [preset.id for preset in list_presets()] == ["noisy", "dark"]
    assert row.current == "noisy"
    assert not row.delete_button.isEnabled()
    assert row.questions == ["Delete your preset “Mine”?"] * 2


def test_values_that_do_not_go_together_are_not_saved(row, save_as):
    entries = row.editor.value()
    entries[0] |= {"low_value": 5.0, "high_value": 1.0}
    row.editor.set_value(entries)
    save_as("Mine")
    assert "bright grey level" in row.message.text().lower()
    assert len(list_presets()) == 2


def test_a_matched_preset_counts_as_an_edit_of_the_one_it_began_with(row):
    matched = NOISY.with_settings({"camera.read_noise_electrons": 3.5})
    row.set_value(matched)
    assert row.value() == matched
    assert row.is_changed


@pytest.mark.parametrize(("title", "preset_id"), [("A b/C", "a-b-c"), ("Größe 20×", "grösse-20"), ("--", "")])
def test_ids_are_plain(title, preset_id):
    assert id_of(title) == preset_id


def test_levels_of_the_chosen_preset_do_not_stand_for_steps_that_came_from_elsewhere(row):
    chosen = row.value()
    row.set_value(dataclasses.replace(chosen, id="found-elsewhere", levels={}))
    assert (row.value().id, row.value().levels) == ("found-elsewhere", {})
    row.revert()
    assert row.value().levels == chosen.levels != {}
