"""The Restore widget by its buttons."""

import numpy as np
import pytest

NOTHING_TO_RESTORE = "There is no image to restore"


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_a_preview_equals_that_part_of_the_result_and_lies_on_it(open_widget, press, noise):
    viewer, widget = open_widget("superres")
    layer = viewer.add_image(noise(3, 80, 90), name="cells", scale=(2, 0.5, 0.5), translate=(1, 2, 3))
    layer.corner_pixels = np.array([[0, 20, 30], [0, 49, 69]])
    viewer.dims.set_current_step(0, 2)
    press(widget, "preview")
    press(widget, "restore")
    result = viewer.layers[-1]
    assert result.data.shape == (3, 160, 180)
    layer.corner_pixels = np.array([[0, 20, 30], [0, 49, 69]])
    press(widget, "preview")
    preview = viewer.layers[-1]
    assert preview.data.shape == (1, 60, 80)
    np.testing.assert_array_equal(preview.data[0], result.data[2, 40:100, 60:140])
    np.testing.assert_allclose(preview.data_to_world((0, 0, 0)), result.data_to_world((2, 40, 60)), atol=1e-9)
    np.testing.assert_allclose(
        result._extent_augmented.world[:, 1:], layer._extent_augmented.world[:, 1:], atol=1e-9
    )


def test_each_preview_takes_the_place_of_the_one_before(open_widget, press, noise):
    viewer, widget = open_widget()
    viewer.add_image(noise(60, 70), name="cells")
    press(widget, "preview")
    widget.choose(task="refocus", model="tiny-refocus")
    press(widget, "preview")
    assert names(viewer) == ["cells", "cells [tiny-refocus] preview"]


def test_a_drawn_rectangle_can_be_previewed(open_widget, press, noise):
    viewer, widget = open_widget()
    assert not widget.form.area.isVisibleTo(widget)
    layer = viewer.add_image(noise(60, 70), name="cells", scale=(0.5, 0.5))
    viewer.add_shapes([np.array([[5, 10], [5, 20], [15, 20], [15, 10]])], shape_type="rectangle")
    widget.choose(layer)
    assert widget.form.area.isVisibleTo(widget)
    widget.form.area.setCurrentIndex(1)
    press(widget, "preview")
    preview = viewer.layers[-1]
    assert preview.data.shape == (21, 21)  # 10 um from pixel centre to pixel centre, and half a pixel beyond
    np.testing.assert_allclose(preview.translate, (5, 10))


def test_model_and_statistics_are_kept_from_preview_to_restore(open_widget, press, noise, monkeypatch):
    viewer, widget = open_widget()
    viewer.add_image(noise(60, 70), name="cells")
    press(widget, "preview")
    prepared = widget._restoration
    press(widget, "restore")
    assert widget._restoration is prepared
    viewer.add_image(noise(30, 40), name="other")
    press(widget, "restore")
    assert widget._restoration is not prepared
    assert widget._restoration.restorer.model is prepared.restorer.model


def test_without_an_image_the_panel_explains_itself_and_starts_nothing(open_widget, press):
    viewer, widget = open_widget()
    assert widget.form.message.text().startswith(NOTHING_TO_RESTORE)
    assert widget.form.message.kind == "info"
    press(widget, "restore")
    assert widget.form.message.kind == "error"
    viewer.add_labels(np.zeros((20, 20), int))
    assert widget.layer is None


def test_axes_are_said_in_words_and_a_wrong_override_is_explained(open_widget, press, noise):
    viewer, widget = open_widget()
    viewer.add_image(noise(6, 30, 40), name="cells")
    form = widget.form
    assert form.axes_row.edit.placeholderText() == "TYX"
    assert form.axes_row.words.text() == "6 time points of 30 x 40"
    form.axes_row.edit.setText("zyx")
    assert form.axes_row.words.text() == "6 planes of 30 x 40"
    assert not form.message.text()
    form.axes_row.edit.setText("QYX")
    assert "'Q' is unknown" in form.message.text()
    assert form.message.kind == "error"
    press(widget, "restore")
    assert names(viewer) == ["cells"]
    assert "Traceback" not in form.message.text()
    form.axes_row.edit.setText("")
    assert form.axes_row.words.text() == "6 time points of 30 x 40"
    assert not form.message.text()


def test_axes_in_any_order_are_restored_as_the_user_names_them(open_widget, press, noise):
    viewer, widget = open_widget()
    data = noise(30, 40, 5)
    viewer.add_image(data, name="cells", rgb=False)
    widget.form.axes_row.edit.setText("XYT")
    press(widget, "restore")
    np.testing.assert_allclose(viewer.layers[-1].data, data, atol=0.01)


def test_the_panel_says_what_a_burst_will_become(open_widget, press, noise):
    viewer, widget = open_widget("deblur")
    viewer.add_image(noise(5, 30, 40), name="burst", scale=(2, 0.1, 0.1))
    form = widget.form
    assert form.frames_row.isVisibleTo(widget)
    assert form.plan_text.text() == "one sharp plane of 30 x 40 from all 5 frames"
    form.frames_row.set_value(3)
    assert form.plan_text.text() == "5 time points of 30 x 40, each from 3 neighbouring frames"
    press(widget, "restore")
    assert viewer.layers[-1].data.shape == (5, 30, 40)
    form.frames_row.set_value("all")
    press(widget, "restore")
    assert viewer.layers[-1].data.shape == (30, 40)
    np.testing.assert_allclose(viewer.layers[-1].scale, (0.1, 0.1))
    widget.choose(task="denoise", model="tiny-denoise")
    assert not form.frames_row.isVisibleTo(widget)


def test_a_burst_that_is_too_long_for_one_plane_is_refused_with_the_fix(open_widget, noise):
    viewer, widget = open_widget("deblur")
    viewer.add_image(noise(12, 20, 20), name="burst")
    widget.form.frames_row.set_value("all")
    assert "choose auto for a sliding window" in widget.form.message.text()


def test_the_layer_choice_follows_the_viewer(open_widget, press, noise):
    viewer, widget = open_widget()
    first = viewer.add_image(noise(20, 20), name="first")
    second = viewer.add_image(noise(20, 20), name="second")
    combo = widget.form.layer_combo
    assert widget.layer is second
    viewer.layers.selection.active = first
    assert widget.layer is first
    first.name = "renamed"
    assert combo.currentText() == "renamed"
    viewer.layers.remove(first)
    assert widget.layer is second
    press(widget, "restore")
    assert widget.layer is second
    viewer.layers.selection.active = None
    viewer.layers.selection.active = viewer.layers[-1]
    assert widget.layer is viewer.layers[-1]


def test_replaced_data_is_looked_at_again(open_widget, press, noise):
    viewer, widget = open_widget()
    layer = viewer.add_image(noise(20, 20), name="cells")
    press(widget, "restore")
    layer.data = noise(6, 24, 20)
    assert widget.form.axes_row.words.text() == "6 time points of 24 x 20"
    press(widget, "restore")
    assert viewer.layers[-1].data.shape == (6, 24, 20)


def test_missing_pixels_stay_missing_and_are_reported(open_widget, press, noise):
    viewer, widget = open_widget()
    data = noise(30, 40, dtype=np.float32)
    data[5, 7] = np.nan
    viewer.add_image(data, name="cells", contrast_limits=(0, 250))
    press(widget, "restore")
    assert np.argwhere(np.isnan(viewer.layers[-1].data)).tolist() == [[5, 7]]
    assert "1 pixels of 'cells' are NaN" in widget.form.message.text().replace("1 pixel of", "1 pixels of")
    assert widget.form.message.kind == "warning"


def test_a_preview_needs_a_plane_on_the_canvas(open_widget, press, noise):
    viewer, widget = open_widget()
    viewer.add_image(noise(6, 20, 20), name="cells")
    viewer.dims.ndisplay = 3
    press(widget, "preview")
    assert "switch to the 2D view" in widget.form.message.text()
    press(widget, "restore")
    assert viewer.layers[-1].data.shape == (6, 20, 20)


def test_choices_are_remembered(open_widget, press, noise):
    viewer, widget = open_widget("refocus")
    widget.form.advanced.tile.setValue(64)
    widget.form.advanced.dtype.setCurrentIndex(1)
    viewer.add_image(noise(20, 20))
    press(widget, "restore")
    from napari_restoration.gui.restore_widget import RestoreWidget

    again = RestoreWidget(viewer)
    assert again.form.models.task == "refocus"
    assert again.form.models.card.id == "tiny-refocus"
    assert again.form.advanced.choices() == widget.form.advanced.choices()
    again.deleteLater()


@pytest.mark.parametrize(
    "content", ["", "[1]", '{"task": 3, "tile": "x", "models": 5, "frames": 99}', "\x00"]
)
def test_damaged_remembered_choices_are_forgotten(tiny_models, qtbot, content):
    from napari.components import ViewerModel

    from napari_restoration.gui._remembered import _path
    from napari_restoration.gui.restore_widget import RestoreWidget

    _path("restore").parent.mkdir(parents=True)
    _path("restore").write_text(content, encoding="utf-8")
    widget = RestoreWidget(ViewerModel())
    qtbot.addWidget(widget)
    assert widget.form.models.task == "deblur"
    assert widget.form.advanced.value()["tile"] is None


def test_no_pixels_of_a_removed_layer_are_kept(open_widget, press, noise):
    viewer, widget = open_widget()
    layer = viewer.add_image(noise(20, 20), name="cells")
    viewer.add_image(noise(30, 30), name="other")
    widget.choose(layer)
    press(widget, "restore")
    assert widget._restoration is not None
    viewer.layers.remove(layer)
    assert widget._restoration is None
