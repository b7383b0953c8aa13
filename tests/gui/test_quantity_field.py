"""Fields that edit one quantity each, driven by the mouse and the keyboard."""

import math

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication

from napari_restoration.core.quantity import Quantity
from napari_restoration.gui._quantity_field import make_field

NA = Quantity(label="numerical aperture", low=0.01, high=1.7, help="The larger, the finer.")
DEFOCUS = Quantity(label="defocus", unit="um", low=-100.0, high=100.0)
ANGLE = Quantity(label="direction", unit="rad", low=-math.pi, high=math.pi)
GAIN = Quantity(label="gain", unit="e-/grey level", low=1e-6, high=1e6, logarithmic=True)
BITS = Quantity(label="bit depth", unit="bit", form="whole", low=1, high=32, none_means="not rounded")
FACTOR = Quantity(label="block", unit="px", form="whole", low=1, high=64)
MODE = Quantity(label="mode", form="choice", choices={"sum": "sum of the block", "mean": "mean"})
NOISE = Quantity(label="shot noise", form="switch")
FILE = Quantity(label="bead image", form="file")


@pytest.fixture
def shown(qtbot):
    """Shows a field with a value and counts what it emits."""

    def show(meaning, value, varies=None):
        field = make_field(meaning)
        qtbot.addWidget(field)
        field.edits = 0

        def count():
            field.edits += 1

        field.changed.connect(count)
        field.set_value(value, varies)
        field.resize(200, 60)
        with qtbot.waitExposed(field):
            field.show()
        return field

    return show


@pytest.fixture
def type_into(qtbot):
    """Replaces what a box shows and presses Enter."""

    def type_text(box, text):
        box.setFocus()
        box.selectAll()
        qtbot.keyClicks(box, text)
        qtbot.keyClick(box, Qt.Key.Key_Return)

    return type_text


@pytest.fixture
def click(qtbot):
    """Clicks a button or the square of a check box."""

    def click_one(widget):
        qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(8, widget.height() // 2))

    return click_one


@pytest.mark.parametrize(
    ("meaning", "value", "text"),
    [
        (NA, 0.75, "0.75"),
        (DEFOCUS, -3.0, "-3 µm"),
        (DEFOCUS, 1.23456789012345678, "1.23457 µm"),
        (ANGLE, math.pi / 4, "45°"),
        (ANGLE, 0.1234567890123456, "7.07355°"),
        (GAIN, 3e-6, "0.000003 e⁻/grey level"),
        (GAIN, 1e6, "1000000 e⁻/grey level"),
        (FACTOR, 4, "4 px"),
    ],
)
def test_a_number_is_shown_as_people_read_it_and_given_back_exactly(shown, meaning, value, text):
    field = shown(meaning, value)
    assert field.box.text() == text
    assert field.value() == value
    assert type(field.value()) is type(value)
    assert field.edits == 0


def test_looking_at_a_number_without_changing_it_changes_nothing(shown, qtbot):
    field = shown(DEFOCUS, 1.23456789012345678)
    field.box.setFocus()
    qtbot.keyClick(field.box, Qt.Key.Key_Return)
    field.box.clearFocus()
    assert field.value() == 1.23456789012345678
    assert field.edits == 0


def test_a_typed_number_counts_once_with_and_without_its_unit(shown, type_into):
    field = shown(DEFOCUS, 0.0)
    type_into(field.box, "2.5")
    assert (field.value(), field.edits) == (2.5, 1)
    type_into(field.box, "-1e-3 µm")
    assert (field.value(), field.edits) == (-0.001, 2)
    assert field.box.text() == "-0.001 µm"


def test_a_number_that_is_typed_but_not_confirmed_is_read_all_the_same(shown, qtbot):
    field = shown(NA, 0.5)
    field.box.selectAll()
    qtbot.keyClicks(field.box, "0.9")
    assert field.edits == 0
    assert field.value() == 0.9


def test_degrees_are_typed_and_radians_come_out(shown, type_into):
    field = shown(ANGLE, 0.0)
    type_into(field.box, "90")
    assert field.value() == math.pi / 2
    type_into(field.box, "180")
    assert field.value() == math.pi
    type_into(field.box, "200")
    assert field.value() == math.pi


@pytest.mark.parametrize(
    ("meaning", "typed", "value"),
    [
        (NA, "3", 1.7),
        (NA, "0", 0.01),
        (FACTOR, "100", 64),
        (FACTOR, "0", 1),
        (NA, "-", 0.5),
        (FACTOR, "2.5", 2),
    ],
)
def test_the_box_keeps_to_the_limits(shown, type_into, meaning, typed, value):
    field = shown(meaning, 0.5 if meaning is NA else 3)
    type_into(field.box, typed)
    assert field.value() == value
    meaning.check(field.value())


def test_letters_are_not_taken(shown, type_into):
    field = shown(NA, 0.5)
    type_into(field.box, "abc0.7x")
    assert field.value() == 0.7


@pytest.mark.parametrize(
    ("meaning", "start", "key", "values"),
    [
        (NA, 0.75, Qt.Key.Key_Up, [0.76, 0.77]),
        (DEFOCUS, 0.1, Qt.Key.Key_Down, [0.0, -0.1]),
        (ANGLE, math.radians(44.5), Qt.Key.Key_Up, [math.radians(46), math.radians(47)]),
        (GAIN, 1.0, Qt.Key.Key_Up, [1.2, 1.5]),
        (GAIN, 0.001, Qt.Key.Key_Down, [0.0008, 0.0006]),
        (FACTOR, 2, Qt.Key.Key_Up, [3, 4]),
        (FACTOR, 2, Qt.Key.Key_Down, [1, 1]),
    ],
)
def test_arrow_keys_go_in_steps_that_fit_the_size(shown, qtbot, meaning, start, key, values):
    field = shown(meaning, start)
    seen = []
    for _ in values:
        qtbot.keyClick(field.box, key)
        seen.append(field.value())
    assert seen == pytest.approx(values, rel=1e-9, abs=1e-12)


def test_six_decades_take_sixty_steps(shown, qtbot):
    field = shown(GAIN, 1e-3)
    for _ in range(60):
        qtbot.keyClick(field.box, Qt.Key.Key_Up)
    assert field.value() == pytest.approx(1e3)


def test_a_number_begins_to_vary_around_its_value_and_keeps_it(shown, click, type_into):
    field = shown(NA, 0.8)
    click(field.vary_button)
    assert field.value() == 0.8
    assert field.range() == {"low": pytest.approx(0.6), "high": pytest.approx(1.0), "spacing": "linear"}
    assert field.low_box.isVisible()
    assert field.edits == 1
    type_into(field.low_box, "0.7")
    assert field.range()["low"] == 0.7
    assert field.edits == 2
    click(field.vary_button)
    assert field.range() is None
    assert not field.low_box.isVisible()
    assert field.edits == 3


@pytest.mark.parametrize(
    ("meaning", "value", "expected"),
    [
        (GAIN, 2.0, {"low": 1.0, "high": 4.0, "spacing": "log"}),
        (FACTOR, 1, {"low": 1, "high": 2, "spacing": "integer"}),
        (NA, 1.6, {"low": 1.2, "high": 1.7, "spacing": "linear"}),
        (DEFOCUS, 0.0, {"low": -1.0, "high": 1.0, "spacing": "linear"}),
    ],
)
def test_a_first_range_suits_the_quantity_and_its_limits(shown, click, meaning, value, expected):
    field = shown(meaning, value)
    click(field.vary_button)
    assert field.range() == pytest.approx(expected) or field.range() == expected


def test_a_range_never_ends_before_it_begins(shown, type_into):
    field = shown(DEFOCUS, 2.0, {"low": 1.0, "high": 3.0, "spacing": "linear"})
    type_into(field.low_box, "5")
    assert (field.range()["low"], field.range()["high"]) == (5.0, 5.0)
    type_into(field.high_box, "2")
    assert (field.range()["low"], field.range()["high"]) == (2.0, 2.0)
    assert field.edits == 2


def test_a_range_over_decades_that_reaches_zero_is_drawn_evenly(shown, type_into):
    peak = Quantity(label="peak", unit="photons", low=0.0, high=1e9, logarithmic=True)
    field = shown(peak, 30.0, {"low": 10.0, "high": 100.0, "spacing": "log"})
    assert field.range()["spacing"] == "log"
    type_into(field.low_box, "0")
    assert field.range() == {"low": 0.0, "high": 100.0, "spacing": "linear"}


def test_the_range_of_an_angle_is_kept_in_radians(shown, type_into):
    varies = {"low": 0.1234567890123, "high": 1.0, "spacing": "linear"}
    field = shown(ANGLE, 0.5, varies)
    assert field.range() == varies
    type_into(field.high_box, "90")
    assert field.range() == {**varies, "high": math.pi / 2}


def test_a_number_may_be_absent(shown, click):
    field = shown(BITS, None)
    assert field.none_box.text() == "Not rounded"
    assert field.value() is None
    assert not field.box.isVisible()
    click(field.none_box)
    assert field.value() == 16
    assert field.box.isVisible()
    click(field.vary_button)
    click(field.none_box)
    assert (field.value(), field.range()) == (None, None)
    assert field.edits == 3


def test_a_choice_shows_words_and_gives_names(shown, qtbot):
    field = shown(MODE, "mean")
    assert field.combo.currentText() == "Mean"
    qtbot.keyClick(field.combo, Qt.Key.Key_Up)
    assert (field.value(), field.edits) == ("sum", 1)
    qtbot.keyClick(field.combo, Qt.Key.Key_Up)
    assert field.edits == 1


def test_a_switch_is_clicked(shown, click):
    field = shown(NOISE, True)
    click(field.box)
    assert (field.value(), field.edits) == (False, 1)


def test_a_file_is_typed_or_looked_for(shown, click, type_into, monkeypatch):
    field = shown(FILE, "/data/beads.tif")
    type_into(field.line, "/data/other.tif")
    assert (field.value(), field.edits) == ("/data/other.tif", 1)
    monkeypatch.setattr(field, "ask_for_file", lambda: "/data/found.tif")
    click(field.browse_button)
    assert (field.value(), field.edits) == ("/data/found.tif", 2)
    monkeypatch.setattr(field, "ask_for_file", lambda: "")
    click(field.browse_button)
    assert (field.value(), field.edits) == ("/data/found.tif", 2)


def test_the_tooltip_explains_the_quantity_and_names_its_limits(shown):
    assert shown(NA, 0.5).box.toolTip() == "The larger, the finer. From 0.01 to 1.7."
    assert shown(ANGLE, 0.5).box.toolTip() == "From -180° to 180°."


@pytest.mark.parametrize("meaning", [NA, MODE])
def test_the_wheel_scrolls_the_panel_and_changes_no_field_on_its_way(shown, meaning):
    field = shown(meaning, 0.5 if meaning is NA else "sum")
    editor = field.box if meaning is NA else field.combo
    editor.clearFocus()
    field.setFocus()
    where = QPointF(5, 5)
    event = QWheelEvent(
        where, QPointF(editor.mapToGlobal(QPoint(5, 5))), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    before = field.value()
    QApplication.sendEvent(editor, event)
    assert field.value() == before
    assert field.edits == 0
