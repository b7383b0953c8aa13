"""The Compare widget without a window: layers, contrast, difference layers, profile and numbers."""

import csv

import dask.array as da
import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication

from napari_restoration.gui import _compare_numbers, _compare_profile
from napari_restoration.gui._layers import METADATA_KEY
from napari_restoration.gui.compare_widget import CompareWidget

UM = {"units": ("um",) * 3, "axis_labels": ("z", "y", "x")}
RNG = np.random.default_rng(0)
TRUTH = (100 + 50 * RNG.random((3, 64, 64))).astype(np.float32)


@pytest.fixture
def opened(qtbot, user_dirs):
    """A viewer and the widget, with a calibrated stack and a result of twice its sampling that comes from it."""
    viewer = ViewerModel()
    widget = CompareWidget(viewer)
    qtbot.addWidget(widget)
    add_pair(viewer)
    yield viewer, widget
    qtbot.waitUntil(lambda: widget.is_at_rest, timeout=20_000)


def add_pair(viewer):
    viewer.add_image(TRUTH, name="cells", scale=(1, 0.2, 0.2), translate=(0, 3, 5), **UM)
    viewer.add_image(
        2 * np.repeat(np.repeat(TRUTH, 2, axis=1), 2, axis=2) + 7,
        name="cells [sr]", scale=(1, 0.1, 0.1), translate=(0, 2.95, 4.95), **UM,
        metadata={METADATA_KEY: {"task": "superres", "inputs": [{"name": "cells"}]}},
    )  # fmt: skip


def press(qtbot, widget, button):
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.is_at_rest, timeout=20_000)


def names(widget):
    return widget.form.before.layer.name, widget.form.after.layer.name


def test_a_result_and_its_source_are_chosen_by_themselves(opened):
    viewer, widget = opened
    assert names(widget) == ("cells", "cells [sr]")
    viewer.add_image(np.zeros((8, 8)), name="something else")
    assert names(widget) == ("cells", "cells [sr]")


def test_what_the_user_has_chosen_stays(opened, qtbot):
    viewer, widget = opened
    press(qtbot, widget, widget.form.swap_button)
    assert names(widget) == ("cells [sr]", "cells")
    add_pair(viewer)
    assert names(widget) == ("cells [sr]", "cells")


def test_one_image_cannot_be_compared_and_is_said_so(qtbot, user_dirs):
    viewer = ViewerModel()
    widget = CompareWidget(viewer)
    qtbot.addWidget(widget)
    viewer.add_image(np.zeros((8, 8)))
    assert "choose another layer" in widget.form.message.text()
    assert not widget.form.modes["wipe"].isEnabled()
    widget.add("difference")
    assert widget.form.message.kind == "error"


def limits(viewer):
    return [tuple(layer.contrast_limits) for layer in viewer.layers]


def test_linked_contrast_begins_with_both_ranges_follows_either_and_gives_back_what_was(opened):
    viewer, widget = opened
    before, after = viewer.layers
    before.contrast_limits, after.contrast_limits = (10, 120), (50, 300)
    was = limits(viewer)
    widget.form.contrast.setCurrentIndex(1)
    assert limits(viewer) == [(10, 300), (10, 300)]
    after.contrast_limits = (20, 200)
    assert limits(viewer) == [(20, 200), (20, 200)]
    widget.form.contrast.setCurrentIndex(0)
    assert limits(viewer) == [was[0], (20, 200)]  # what the user has set stays


def test_matched_contrast_finds_gain_and_offset_and_keeps_them(opened, qtbot):
    viewer, widget = opened
    widget.form.contrast.setCurrentIndex(2)
    qtbot.waitUntil(lambda: widget.contrast.match is not None, timeout=5000)
    assert (widget.contrast.match.gain, widget.contrast.match.offset) == pytest.approx((0.5, -3.5), rel=5e-3)
    before, after = viewer.layers
    before.contrast_limits = (100, 140)
    assert tuple(after.contrast_limits) == pytest.approx((207, 287), rel=2e-3)
    after.contrast_limits = (217, 277)
    assert tuple(before.contrast_limits) == pytest.approx((105, 135), rel=2e-3)


def test_a_difference_layer_lies_on_the_finer_layer_and_stays_lazy(opened, qtbot):
    viewer, widget = opened
    widget.form.modes["wipe"].click()
    press(qtbot, widget, widget.form.difference_button)
    layer = viewer.layers[-1]
    assert layer.name == "cells [sr] − cells"
    assert isinstance(layer.data, da.Array)
    np.testing.assert_allclose(layer.extent.world, viewer.layers["cells [sr]"].extent.world)
    shown = np.asarray(layer.data[1])[8:-8, 8:-8]
    expected = viewer.layers["cells [sr]"].data[1][8:-8, 8:-8]
    assert abs(shown.mean() - (expected.mean() - TRUTH[1, 4:-4, 4:-4].mean())) < 1
    assert widget.views.mode == "off"
    assert names(widget) == ("cells", "cells [sr]")


def test_a_matched_difference_of_images_that_differ_by_gain_and_offset_is_zero(opened, qtbot):
    viewer, widget = opened
    viewer.add_image(3 * TRUTH + 5, name="other", scale=(1, 0.2, 0.2), translate=(0, 3, 5), **UM)
    widget.choose(after=viewer.layers["other"])
    widget.set_contrast("matched")
    qtbot.waitUntil(lambda: widget.contrast.match is not None, timeout=5000)
    press(qtbot, widget, widget.form.difference_button)
    assert viewer.layers[-1].name == "other − cells (matched)"
    assert np.abs(np.asarray(viewer.layers[-1].data)).max() < 1e-2
    press(qtbot, widget, widget.form.ratio_button)
    np.testing.assert_allclose(np.asarray(viewer.layers[-1].data), 1, atol=1e-4)


def test_layers_that_do_not_fit_each_other_are_refused_in_words(opened, qtbot):
    viewer, widget = opened
    viewer.add_image(np.zeros((5, 64, 64)), name="longer", scale=(1, 0.2, 0.2), **UM)
    widget.choose(after=viewer.layers["longer"])
    press(qtbot, widget, widget.form.difference_button)
    assert "3 planes" in widget.form.message.text()
    assert len(viewer.layers) == 3


def test_a_profile_is_drawn_in_um_and_follows_the_line_and_the_plane(opened, qtbot):
    viewer, widget = opened
    press(qtbot, widget, widget.profile.draw_button)
    profile = widget.profile.profile
    assert profile.unit == "um"
    assert profile.distance[-1] == pytest.approx(0.6 * 64 * 0.2, rel=0.05)
    line = viewer.layers["Profile"]
    line.data = [np.array([[3.0, 5.0], [3.0, 5.0 + 63 * 0.2]])]  # along the first row of pixels
    qtbot.waitUntil(lambda: widget.profile.profile is not profile, timeout=5000)
    moved = widget.profile.profile
    plane = viewer.dims.current_step[0]
    np.testing.assert_allclose(
        np.interp(0.2 * np.arange(64), moved.distance, moved.values[0]), TRUTH[plane, 0], rtol=1e-4
    )
    viewer.dims.set_current_step(0, 2)
    qtbot.waitUntil(lambda: widget.profile.profile is not moved, timeout=5000)
    np.testing.assert_allclose(widget.profile.profile.values[0][0], TRUTH[2, 0, 0])
    assert widget.profile.plot.curves[1].yData.size == moved.distance.size


def test_a_profile_of_a_lazy_layer_is_read_in_a_thread(opened, qtbot):
    viewer, widget = opened
    viewer.layers["cells"].data = da.from_array(TRUTH, chunks=(1, 64, 64))
    press(qtbot, widget, widget.profile.draw_button)
    qtbot.waitUntil(lambda: widget.profile.profile is not None, timeout=5000)
    assert np.isfinite(widget.profile.profile.values[0]).all()


def test_a_profile_is_saved_as_a_table_and_as_a_picture(opened, qtbot, monkeypatch, tmp_path):
    _, widget = opened
    press(qtbot, widget, widget.profile.draw_button)
    for button, suffix in ((widget.profile.csv_button, ".csv"), (widget.profile.png_button, ".png")):
        chosen = tmp_path / "profile"
        monkeypatch.setattr(
            _compare_profile.QFileDialog, "getSaveFileName", lambda *_, chosen=chosen: (str(chosen), "")
        )
        press(qtbot, widget, button)
        assert (tmp_path / f"profile{suffix}").stat().st_size > 100
    rows = list(csv.reader((tmp_path / "profile.csv").read_text("utf-8").splitlines()))
    assert rows[0] == ["distance_um", "y_um", "x_um", "cells", "cells [sr]"]


def test_removing_the_line_ends_the_profile(opened, qtbot):
    viewer, widget = opened
    press(qtbot, widget, widget.profile.draw_button)
    viewer.layers.remove("Profile")
    assert widget.profile.profile is None
    assert widget.profile.line.ends() is None


def test_scores_against_a_reference_are_shown_copied_and_saved(opened, qtbot, monkeypatch, tmp_path):
    viewer, widget = opened
    truth = np.repeat(np.repeat(TRUTH, 2, axis=1), 2, axis=2)
    viewer.add_image(truth, name="truth", scale=(1, 0.1, 0.1), translate=(0, 2.95, 4.95), **UM)
    numbers = widget.numbers
    numbers.reference.choose(viewer.layers["truth"])
    press(qtbot, widget, numbers.button)
    heads = [numbers.table.horizontalHeaderItem(i).text() for i in range(4)]
    assert heads == ["A", "B", "A affine", "B affine"]
    assert numbers.table.rowCount() == 5
    assert numbers.table.item(2, 1).text() == "1.0000"  # the correlation of a gain and an offset
    numbers.shown.setCurrentIndex(1)
    assert numbers.table.rowCount() == 4
    assert numbers.table.verticalHeaderItem(3).text() == "Z 2"
    numbers.copy_button.click()
    lines = QGuiApplication.clipboard().text().split("\n")
    assert len(lines) == 1 + 2 * 4
    monkeypatch.setattr(
        _compare_numbers.QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "numbers.csv"), "")
    )
    numbers.csv_button.click()
    saved = list(csv.reader((tmp_path / "numbers.csv").read_text("utf-8").splitlines()))
    assert ["\t".join(row) for row in saved] == lines


def test_the_reference_itself_is_not_scored(opened, qtbot):
    viewer, widget = opened
    widget.numbers.reference.choose(viewer.layers["cells [sr]"])
    press(qtbot, widget, widget.numbers.button)
    assert widget.numbers.result.names == ("cells",)


def test_without_a_reference_the_images_tell_of_themselves(opened, qtbot):
    _, widget = opened
    press(qtbot, widget, widget.numbers.button)
    assert [widget.numbers.table.verticalHeaderItem(i).text() for i in (1, 2)] == [
        "FRC, one image split",
        "Decorrelation",
    ]
    assert "not its resolution" in widget.numbers.notes.text()


def test_measuring_can_be_cancelled_and_keeps_the_table_before(opened, qtbot, monkeypatch):
    viewer, widget = opened
    press(qtbot, widget, widget.numbers.button)
    shown = widget.numbers.result
    widget.numbers.reference.choose(viewer.layers["cells [sr]"])
    qtbot.mouseClick(widget.numbers.button, Qt.MouseButton.LeftButton)
    qtbot.mouseClick(widget.numbers.progress.cancel_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: widget.is_at_rest, timeout=20_000)
    assert widget.numbers.result is shown
    assert widget.numbers.message.text() == "Cancelled."
    assert widget.numbers.button.isEnabled()


def test_a_reference_that_does_not_fit_is_refused_in_words(opened, qtbot):
    viewer, widget = opened
    viewer.add_image(np.zeros((2, 64, 64)), name="shorter")
    widget.numbers.reference.choose(viewer.layers["shorter"])
    press(qtbot, widget, widget.numbers.button)
    assert "cannot be scored" in widget.numbers.message.text()
