"""Pixel sizes are the layer's, or typed; never guessed."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_restoration.core.errors import InputError
from napari_restoration.core.image import CalibratedImage
from napari_restoration.gui._calibration_row import CalibrationRow


@pytest.fixture
def row(qtbot):
    widget = CalibrationRow()
    qtbot.addWidget(widget)
    return widget


def image(*shape, **sizes):
    return CalibratedImage(np.zeros(shape, np.uint8), "ZYX"[-len(shape) :], pixel_size_um=sizes)


def typed(qtbot, field, text):
    field.edit.clear()
    qtbot.keyClicks(field.edit, text)
    qtbot.keyClick(field.edit, Qt.Key.Key_Return)


def test_the_layers_own_lengths_are_shown_and_replace_nothing(row):
    row.show_image(image(3, 4, 5, Z=0.5, Y=0.32, X=0.32))
    assert row.pixel.edit.text() == "0.32 µm"
    assert row.pixel.words.text() == "from the layer"
    assert row.z_step.edit.text() == "0.5 µm"
    assert row.value() == {"pixel_size_um": None, "z_step_um": None, "volume": None}


@pytest.mark.parametrize(
    ("text", "length"), [("0.2", 0.2), ("0,2 µm", 0.2), ("200nm", 0.2), ("0.0002 mm", 0.2)]
)
def test_a_typed_length_replaces_the_layers(row, qtbot, text, length):
    row.show_image(image(4, 5, Y=0.32, X=0.32))
    typed(qtbot, row.pixel, text)
    assert row.value()["pixel_size_um"] == pytest.approx(length)
    assert row.pixel.edit.text() == "0.2 µm"
    assert row.pixel.words.text() == "typed; the layer says 0.32 µm"
    typed(qtbot, row.pixel, "")
    assert row.value()["pixel_size_um"] is None
    assert row.pixel.edit.text() == "0.32 µm"


@pytest.mark.parametrize("text", ["abc", "-1", "0", "1 2"])
def test_what_is_no_length_is_refused(row, qtbot, text):
    row.show_image(image(4, 5))
    typed(qtbot, row.pixel, text)
    with pytest.raises(InputError, match="is no length"):
        row.value()


def test_pixels_that_are_not_square_are_told(row):
    row.show_image(image(4, 5, Y=0.2, X=0.1))
    assert row.pixel.edit.text() == ""
    assert row.pixel.words.text() == "0.2 × 0.1 µm in the layer: not square"


def test_planes_have_rows_of_their_own(row, qtbot):
    row.show_image(image(4, 5, Y=0.1, X=0.1))
    assert not row.volume.isVisibleTo(row)
    row.show_image(image(3, 4, 5, Y=0.1, X=0.1))
    assert row.volume.isVisibleTo(row)
    typed(qtbot, row.z_step, "0.3")
    row.volume.setCurrentIndex(row.volume.findData(True))
    assert row.value() == {"pixel_size_um": None, "z_step_um": 0.3, "volume": True}
    row.mark(needs_pixel_size=False, needs_z_step=True)
    assert row.is_marked
