"""The list of steps, driven by the mouse and the keyboard."""

import copy

import pytest
from qtpy.QtCore import QPoint, Qt

from napari_restoration.core.errors import InputError
from napari_restoration.degradations.presets import Preset
from napari_restoration.gui._step_summary import summarise
from napari_restoration.gui._steps_editor import StepsEditor
from napari_restoration.tasks.presets import step_kinds

KINDS = {kind.kind: kind for kind in step_kinds()}


def entry(kind, **values):
    """A step as presets hold it."""
    values = {"id": "one", "title": "One", "steps": [{"kind": kind, **values}]}
    return Preset.from_dict(values).to_dict()["steps"][0]


def usual():
    """Four steps in the light path's order."""
    return [entry("to_photons"), entry("exposure"), entry("binning"), entry("camera", bits=12)]


@pytest.fixture
def editor(qtbot):
    editor = StepsEditor()
    qtbot.addWidget(editor)
    editor.resize(340, 900)
    editor.edits = 0

    def count():
        editor.edits += 1

    editor.changed.connect(count)
    with qtbot.waitExposed(editor):
        editor.show()
    return editor


@pytest.fixture
def click(qtbot):
    def click_one(widget):
        qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(8, widget.height() // 2))

    return click_one


def kinds_of(editor):
    return [one["kind"] for one in editor.value()]


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_of_step_comes_back_as_it_was_set(editor, kind, is_open):
    given = [entry(kind)]
    editor.set_value(copy.deepcopy(given))
    editor.rows[0].set_open(is_open)
    assert editor.value() == given
    assert editor.edits == 0


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_number_of_a_step_comes_back_with_its_range(editor, kind):
    given = entry(kind)
    for name, meaning in KINDS[kind].fields.items():
        if meaning.form in ("number", "whole") and meaning.low is not None and meaning.high is not None:
            middle = meaning.low if given[name] is None else given[name]
            spacing = "integer" if meaning.form == "whole" else "linear"
            low, high = max(meaning.low, middle - 1), min(meaning.high, middle + 1)
            given[name] = low
            given["ranges"][name] = {"low": low, "high": high, "spacing": spacing}
    editor.set_value([copy.deepcopy(given)])
    editor.rows[0].set_open(True)
    assert editor.value() == [given]
    again = StepsEditor()
    again.set_value(editor.value())
    assert again.value() == [given]


def test_what_the_form_does_not_show_is_kept(editor, qtbot):
    hidden = {"pixel_size_um": 0.123, "z_step_um": 0.45}
    given = {**entry("optical_blur"), **hidden}
    editor.set_value([given])
    row = editor.rows[0]
    row.set_open(True)
    assert not hidden.keys() & row.fields.by_name.keys()
    box = row.fields.by_name["na"].box
    box.selectAll()
    qtbot.keyClicks(box, "0.4")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert editor.value() == [{**given, "na": 0.4}]
    assert editor.edits == 1


def test_what_the_editor_gives_is_a_valid_preset(editor):
    for kind in KINDS:
        editor.add_step(kind)
    values = {"id": "own", "title": "Own", "steps": editor.value(), "order": editor.order}
    assert [one.step.kind for one in Preset.from_dict(values).steps] == kinds_of(editor)


def test_a_step_is_added_from_the_menu_at_its_place_and_opens(editor, qtbot):
    editor.set_value(usual())
    menu = editor.add_menu
    words = [action.text() for action in menu.actions() if not action.isSeparator()]
    assert words[0] == "Object"
    assert {kind.title for kind in KINDS.values()} <= set(words)
    action = next(one for one in menu.actions() if one.data() == "gaussian_blur")
    assert action.toolTip() == KINDS["gaussian_blur"].help.replace("`", "")
    menu.popup(QPoint(0, 0))
    qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())
    assert kinds_of(editor) == ["to_photons", "exposure", "gaussian_blur", "binning", "camera"]
    assert editor.rows[2].is_open
    assert editor.edits == 1


def test_a_step_is_removed(editor, click):
    editor.set_value(usual())
    click(editor.rows[1].remove_button)
    assert kinds_of(editor) == ["to_photons", "binning", "camera"]
    assert editor.edits == 1


def test_a_step_is_switched_off_and_stays(editor, click):
    editor.set_value(usual())
    click(editor.rows[1].enabled_box)
    assert [one["enabled"] for one in editor.value()] == [True, False, True, True]
    assert editor.edits == 1


def test_moving_by_hand_makes_the_order_that_of_the_list(editor, click):
    editor.set_value(usual(), "light_path")
    click(editor.rows[2].up_button)
    assert kinds_of(editor) == ["to_photons", "binning", "exposure", "camera"]
    assert editor.order == "as_listed"
    assert editor.edits == 1
    click(editor.rows[0].down_button)
    assert kinds_of(editor) == ["binning", "to_photons", "exposure", "camera"]
    assert editor.edits == 2
    editor.layout().activate()
    heights = [row.y() for row in editor.rows]
    assert heights == sorted(heights)


def test_the_first_step_cannot_go_up_nor_the_last_one_down(editor, click):
    editor.set_value(usual())
    assert [row.up_button.isEnabled() for row in editor.rows] == [False, True, True, True]
    assert [row.down_button.isEnabled() for row in editor.rows] == [True, True, True, False]
    click(editor.rows[3].remove_button)
    assert [row.down_button.isEnabled() for row in editor.rows] == [True, True, False]


def test_an_order_that_is_chosen_sorts_the_steps(editor, qtbot):
    editor.set_value([entry("camera"), entry("exposure"), entry("to_photons"), entry("binning")], "as_listed")
    assert kinds_of(editor) == ["camera", "exposure", "to_photons", "binning"]
    qtbot.keyClick(editor.order_combo, Qt.Key.Key_Up)
    assert editor.order == "paper"
    assert kinds_of(editor) == ["to_photons", "binning", "camera", "exposure"]
    qtbot.keyClick(editor.order_combo, Qt.Key.Key_Up)
    assert editor.order == "light_path"
    assert kinds_of(editor) == ["to_photons", "exposure", "binning", "camera"]
    assert editor.edits == 2


@pytest.mark.parametrize("order", ["light_path", "paper", "as_listed"])
def test_the_list_shows_the_order_in_which_the_forward_model_acts(editor, order):
    entries = [entry("camera"), entry("exposure"), entry("to_photons"), entry("gaussian_blur")]
    editor.set_value(entries, order)
    model = Preset.from_dict({"id": "own", "title": "Own", "steps": entries, "order": order}).forward_model()
    assert kinds_of(editor) == [step.kind for step in model.steps]


def test_other_values_for_the_same_steps_leave_them_open(editor, click):
    editor.set_value(usual())
    click(editor.rows[3].heading)
    row = editor.rows[3]
    assert row.is_open
    editor.set_value([*usual()[:3], entry("camera", bits=None, read_noise_electrons=2.5)])
    assert editor.rows[3] is row
    assert row.is_open
    assert row.fields.by_name["read_noise_electrons"].value() == 2.5
    assert editor.edits == 0


def test_rare_fields_wait_behind_more(editor, click):
    editor.set_value([entry("camera")])
    row = editor.rows[0]
    click(row.heading)
    assert row.fields.by_name["read_noise_electrons"].isVisibleTo(editor)
    assert not row.fields.by_name["dark_electrons"].isVisibleTo(editor)
    click(row.fields.more.heading)
    assert row.fields.by_name["dark_electrons"].isVisibleTo(editor)


def test_a_folded_step_sums_up_its_values(editor, click):
    editor.set_value([entry("camera", bits=12, read_noise_electrons=2.0)])
    row = editor.rows[0]
    assert row.summary.isVisibleTo(editor)
    assert "12 bit" in row.summary.toolTip()
    click(row.heading)
    assert not row.summary.isVisibleTo(editor)
    click(row.fields.by_name["read_noise_electrons"].vary_button)
    click(row.heading)
    assert "read noise 2 e⁻ (1.5–2.5 e⁻)" in row.summary.toolTip()
    assert "each training pair" in row.summary.toolTip()
    assert "read noise 2 e⁻ ↔" in row.summary.text()


def test_a_summary_leaves_out_what_does_nothing():
    blur = entry("optical_blur", na=0.75, wavelength_um=0.52, defocus_um=0.0, model="airy")
    fields = KINDS["optical_blur"].fields
    assert "NA 0.75, 0.52 µm" in summarise(fields, blur)
    assert "defocus" not in summarise(fields, blur)
    assert "defocus 3 µm" in summarise(fields, {**blur, "defocus_um": 3.0})
    drawn = {**blur, "ranges": {"defocus_um": {"low": 0.0, "high": 34.0, "spacing": "linear"}}}
    assert "defocus 0 µm ↔" in summarise(fields, drawn)


def test_every_open_step_fits_a_dock_of_340_pixels(editor, qtbot):
    for kind in KINDS:
        editor.add_step(kind)
    for row in editor.rows:
        if row.fields is not None and row.fields.more is not None:
            row.fields.more.set_open(True)
    assert editor.minimumSizeHint().width() <= 320


def test_unknown_kinds_and_orders_are_refused(editor):
    with pytest.raises(InputError, match="no degradation step 'rain'"):
        editor.set_value([{"kind": "rain"}])
    with pytest.raises(InputError, match="must be one of light_path, paper, as_listed"):
        editor.set_value(usual(), "backwards")
    assert editor.value() == []
