"""The Degrade widget by its fields and buttons."""

import json

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel

from napari_restoration.core.io import read_image
from napari_restoration.core.progress import run
from napari_restoration.gui._layers import METADATA_KEY
from napari_restoration.gui._quantity_number_field import NumberField
from napari_restoration.tasks.degrade import DegradeSettings, prepare_degrade
from napari_restoration.tasks.presets import find_preset, with_steps

LEFT = Qt.MouseButton.LeftButton


def names(viewer):
    return [layer.name for layer in viewer.layers]


def nuclei(*shape):
    """Bright discs on a dark ground."""
    y, x = np.mgrid[: shape[-2], : shape[-1]]
    plane = sum(200.0 * (np.hypot(y - cy, x - cx) < 9) for cy, cx in ((20, 30), (50, 20), (44, 60))) + 10
    return np.broadcast_to(plane, shape).astype(np.uint16).copy()


def add_cells(viewer, *shape, **options):
    """An image with pixels of 0.1 um and planes every 0.5 um."""
    sizes = [0.5] * (len(shape) - 2) + [0.1] * 2
    return viewer.add_image(nuclei(*shape), name="cells", scale=sizes, units="um", **options)


def show_only(layer, y, x):
    """As if the canvas showed this part."""
    corners = np.zeros((2, layer.ndim), int)
    corners[:, -2:] = [[y.start, x.start], [y.stop - 1, x.stop - 1]]
    layer.corner_pixels = corners


def step(widget, kind):
    row = next(row for row in widget.form.steps.rows if row.kind.kind == kind)
    row.set_open(True)
    return row


def type_into(qtbot, widget, kind, name, text):
    """Type a number into the field of a step, as a person does."""
    field = step(widget, kind).fields.by_name[name]
    assert isinstance(field, NumberField)
    line = field.box.lineEdit()
    line.selectAll()
    qtbot.keyClicks(line, text)
    qtbot.keyClick(line, Qt.Key.Key_Return)


def click_apply(qtbot, widget, settle):
    assert widget.form.apply_button.isEnabled()
    qtbot.mouseClick(widget.form.apply_button, LEFT)
    settle(widget)


def test_the_preview_is_what_the_engine_makes_of_the_visible_part_and_lies_on_it(open_degrade, settle):
    viewer, widget = open_degrade("widefield-sim-x2")
    layer = add_cells(viewer, 3, 80, 90, translate=(1, 2, 3))
    viewer.dims.set_current_step(0, 2)
    show_only(layer, slice(20, 61), slice(30, 70))
    settle(widget)
    preview = widget.look.preview.layer
    widget.form.axes_row.edit.setText("ZYX")
    settle(widget)
    image = widget.look.degrading.plan.image
    expected = run(prepare_degrade(image, find_preset("widefield-sim-x2"), DegradeSettings(seed=0))).preview(
        {"Z": 2}, (slice(20, 61), slice(30, 70))
    )
    assert widget.look.preview.layer is preview
    np.testing.assert_array_equal(preview.data[0], expected.input)
    y, x = expected.region
    # The first pixel of twice the size has its centre between the first two of the image.
    np.testing.assert_allclose(
        preview.data_to_world((0, 0, 0)), layer.data_to_world((2, y.start + 0.5, x.start + 0.5)), atol=1e-9
    )
    assert preview.scale[-1] == pytest.approx(0.2)
    assert widget.layer is layer


def test_typing_into_a_field_changes_the_preview_but_not_its_layer(open_degrade, settle, qtbot):
    viewer, widget = open_degrade()
    add_cells(viewer, 80, 90)
    settle(widget)
    layer = widget.look.preview.layer
    before = layer.data.copy()
    words = widget.form.pictures.psf_words.text()
    type_into(qtbot, widget, "confocal", "na", "0.3")
    settle(widget)
    assert widget.look.preview.layer is layer
    assert not np.array_equal(layer.data, before)
    assert widget.form.pictures.psf_words.text() != words
    expected = run(
        prepare_degrade(
            widget.look.degrading.plan.image,
            with_steps(find_preset("confocal-63x"), widget.form.steps.value(), "light_path"),
        )
    )
    np.testing.assert_array_equal(layer.data, expected.preview({}, (slice(0, 80), slice(0, 90))).input)
    assert names(viewer) == ["cells", "cells [confocal-63x] preview"]


def test_the_preview_follows_the_sliders_and_the_view(open_degrade, settle):
    viewer, widget = open_degrade()
    layer = add_cells(viewer, 4, 80, 90)
    settle(widget)
    preview = widget.look.preview.layer
    viewer.dims.set_current_step(0, 3)
    settle(widget)
    assert preview.translate[0] == pytest.approx(1.5)
    show_only(layer, slice(0, 40), slice(50, 90))
    viewer.scene.camera.zoom = 3
    settle(widget)
    assert preview.data.shape == (1, 40, 40)
    np.testing.assert_allclose(preview.translate[1:], (0, 5))
    viewer.dims.ndisplay = 3
    settle(widget)
    assert not preview.visible
    assert "2D view" in widget.form.preview_words.text()
    viewer.dims.ndisplay = 2
    settle(widget)
    assert preview.visible


def test_an_unknown_pixel_size_is_asked_for_and_nothing_runs(open_degrade, settle, qtbot):
    viewer, widget = open_degrade()
    viewer.add_image(nuclei(80, 90), name="cells")
    settle(widget)
    form = widget.form
    assert form.message.text().endswith("set the pixel size.")
    assert form.message.kind == "warning"
    assert not form.calibration.pixel.edit.text()
    assert form.calibration.pixel.words.text() == "not known: please type it"
    click_apply(qtbot, widget, settle)
    assert names(viewer) == ["cells"]
    qtbot.keyClicks(form.calibration.pixel.edit, "100 nm")
    qtbot.keyClick(form.calibration.pixel.edit, Qt.Key.Key_Return)
    settle(widget)
    assert form.calibration.pixel.edit.text() == "0.1 µm"
    assert not form.message.text()
    assert names(viewer) == ["cells", "cells [confocal-63x] preview"]
    qtbot.keyClicks(form.calibration.pixel.edit, "x")
    settle(widget)
    assert "is no length" in form.message.text()


def test_steps_in_pixels_need_no_pixel_size(open_degrade, settle):
    viewer, widget = open_degrade("tem-stream")
    viewer.add_image(nuclei(80, 90), name="cells")
    settle(widget)
    assert not widget.form.message.text()
    assert widget.form.calibration.pixel.words.text() == "not known"
    assert widget.look.preview.is_shown


def test_an_aperture_above_the_index_is_refused_in_words(open_degrade, settle, qtbot):
    viewer, widget = open_degrade()
    add_cells(viewer, 80, 90)
    settle(widget)
    step(widget, "confocal").fields.by_name["na"].vary_button.click()
    type_into(qtbot, widget, "confocal", "index", "1")
    settle(widget)
    assert "must be below the refractive index" in widget.form.message.text()
    assert widget.form.message.kind == "error"
    assert not widget.look.preview.is_shown
    click_apply(qtbot, widget, settle)
    assert len(viewer.layers) <= 2
    widget.form.presets.revert_button.click()
    settle(widget)
    assert not widget.form.message.text()
    assert widget.look.preview.is_shown


def test_apply_makes_the_degraded_layer_and_a_hidden_target_and_leaves_the_source(
    open_degrade, settle, qtbot
):
    viewer, widget = open_degrade()
    layer = add_cells(viewer, 80, 90, translate=(2, 3), metadata={"slide": 7})
    before = layer.data.copy()
    settle(widget)
    click_apply(qtbot, widget, settle)
    assert names(viewer) == ["cells", "cells [confocal-63x, target]", "cells [confocal-63x]"]
    _, target, result = viewer.layers
    assert result.data.shape == target.data.shape == (80, 90)
    assert (result.data.dtype, target.data.dtype) == (np.uint16, np.float32)
    assert (result.visible, target.visible) == (True, False)
    for one in (result, target):
        np.testing.assert_allclose(one.scale, layer.scale)
        np.testing.assert_allclose(one.translate, layer.translate)
        assert [str(unit) for unit in one.units] == ["micrometer"] * 2
        assert one.axis_labels == ("Y", "X")
        assert one.metadata["slide"] == 7
        record = one.metadata[METADATA_KEY]
        assert (record["task"], record["seed"]) == ("degrade", 0)
        assert record["settings"]["preset"]["id"] == "confocal-63x"
    np.testing.assert_array_equal(layer.data, before)
    assert widget.form.message.text().startswith("Degraded in ")
    assert widget.layer is layer
    widget.form.seed_button.click()  # with the next change the preview is back
    settle(widget)
    assert names(viewer)[-1] == "cells [confocal-63x] preview"


def test_coarse_pixels_cover_the_same_place_and_the_target_stays_fine(open_degrade, settle, qtbot):
    viewer, widget = open_degrade("widefield-sim-x2")
    layer = add_cells(viewer, 80, 90, translate=(2, 3))
    settle(widget)
    click_apply(qtbot, widget, settle)
    target, result = viewer.layers[1:]
    assert (result.data.shape, target.data.shape) == ((40, 45), (80, 90))
    np.testing.assert_allclose(result.scale, (0.2, 0.2))
    np.testing.assert_allclose(result.translate, (2.05, 3.05))
    for one in (result, target):
        np.testing.assert_allclose(one._extent_augmented.world, layer._extent_augmented.world, atol=1e-9)


def test_a_burst_gains_time_in_front(open_degrade, settle, qtbot):
    viewer, widget = open_degrade("tem-stream")
    field = step(widget, "motion_blur").fields.by_name["frames"]
    field.none_box.setChecked(False)
    type_into(qtbot, widget, "motion_blur", "frames", "3")
    layer = add_cells(viewer, 80, 90, translate=(2, 3))
    settle(widget)
    assert widget.look.preview.layer.data.shape == (80, 90)
    click_apply(qtbot, widget, settle)
    result = viewer.layers[-1]
    assert result.data.shape == (3, 80, 90)
    assert result.axis_labels == ("T", "Y", "X")
    np.testing.assert_allclose(result.scale, (1, 0.1, 0.1))
    np.testing.assert_allclose(result.translate, (0, 2, 3))
    assert widget.layer is layer


def test_a_colour_image_becomes_a_layer_for_each_colour(open_degrade, settle, qtbot):
    viewer, widget = open_degrade()
    colours = np.stack([nuclei(80, 90)] * 3, axis=-1).astype(np.uint8)
    viewer.add_image(colours, name="slide", scale=(0.1, 0.1), units="um", rgb=True)
    settle(widget)
    preview = widget.look.preview.layer
    assert preview.rgb
    assert preview.data.shape == (80, 90, 3)
    click_apply(qtbot, widget, settle)
    assert names(viewer)[-3:] == [f"slide [confocal-63x] {colour}" for colour in ("red", "green", "blue")]
    assert viewer.layers[-1].data.shape == (80, 90)


def test_pairs_are_written_with_their_record(open_degrade, settle, qtbot, tmp_path):
    viewer, widget = open_degrade()
    add_cells(viewer, 80, 90)
    settle(widget)
    pairs = widget.form.pairs
    qtbot.mouseClick(pairs.write_button, LEFT)
    assert "no folder for the pairs" in widget.form.message.text()
    qtbot.keyClicks(pairs.folder.line, str(tmp_path / "pairs"))
    pairs.count.setValue(2)
    pairs.level_boxes["hard"].setChecked(False)
    pairs.patch_box.setChecked(True)
    pairs.patch.setValue(32)
    qtbot.mouseClick(pairs.write_button, LEFT)
    settle(widget)
    written = sorted(path.name for path in (tmp_path / "pairs" / "input").iterdir())
    assert written == [f"cells_{level}_00{i}.tif" for level in ("medium", "mild") for i in range(2)]
    assert written == sorted(path.name for path in (tmp_path / "pairs" / "target").iterdir())
    assert read_image(tmp_path / "pairs" / "target" / written[0]).shape == (32, 32)
    record = json.loads((tmp_path / "pairs" / "pairs.json").read_text())
    assert record["settings"]["levels"] == ["mild", "medium"]
    assert len(record["pairs"]) == 4
    assert widget.form.message.text().startswith(f"Wrote 4 pairs into {tmp_path / 'pairs'}")
    qtbot.mouseClick(pairs.write_button, LEFT)
    settle(widget)
    assert "holds pairs already" in widget.form.message.text()


def test_pairs_of_all_visible_images_and_of_files(open_degrade, settle, qtbot, tmp_path):
    viewer, widget = open_degrade()
    add_cells(viewer, 80, 90)
    viewer.add_image(nuclei(80, 90), name="other", scale=(0.2, 0.2), units="um")
    viewer.add_image(nuclei(80, 90), name="hidden", visible=False)
    settle(widget)
    pairs = widget.form.pairs
    for box in pairs.level_boxes.values():
        box.setChecked(False)
    assert "from the ranges" in pairs.level_words.text()
    pairs.count.setValue(1)
    pairs.folder.line.setText(str(tmp_path / "first"))
    pairs.source.setCurrentIndex(pairs.source.findData("layers"))
    qtbot.mouseClick(pairs.write_button, LEFT)
    settle(widget)
    assert widget.form.message.kind == "info", widget.form.message.text()
    written = sorted((tmp_path / "first" / "input").iterdir())
    assert [path.name for path in written] == ["cells_000.tif", "other_000.tif"]
    assert read_image(written[1]).pixel_size_um["X"] == pytest.approx(0.2)
    pairs.source.setCurrentIndex(pairs.source.findData("folder"))
    pairs.source_folder.line.setText(str(tmp_path / "first" / "target"))
    pairs.folder.line.setText(str(tmp_path / "second"))
    qtbot.mouseClick(pairs.write_button, LEFT)
    settle(widget)
    assert len(list((tmp_path / "second" / "input").iterdir())) == 2
    pairs.source_folder.line.setText(str(tmp_path))
    qtbot.mouseClick(pairs.write_button, LEFT)
    settle(widget)
    assert "holds no image files" in widget.form.message.text()


def test_a_short_folder_name_is_told_with_its_whole_path(open_degrade, settle, qtbot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    viewer, widget = open_degrade("semi-synthetic")
    add_cells(viewer, 40, 50)
    settle(widget)
    widget.form.pairs.folder.line.setText("pairs")
    qtbot.mouseClick(widget.form.pairs.write_button, LEFT)
    settle(widget)
    assert str(tmp_path / "pairs") in widget.form.message.text()


def test_a_preset_without_levels_says_so(open_degrade, settle):
    viewer, widget = open_degrade()
    add_cells(viewer, 40, 50)
    settle(widget)
    pairs = widget.form.pairs
    assert all(box.isChecked() for box in pairs.level_boxes.values())
    preset = find_preset("confocal-63x").to_dict()
    pairs.show_preset(type(find_preset("confocal-63x")).from_dict({**preset, "levels": {}}))
    assert not any(box.isEnabled() or box.isChecked() for box in pairs.level_boxes.values())
    assert "no levels" in pairs.level_words.text()


def test_without_an_image_the_panel_explains_itself(open_degrade, settle, qtbot):
    viewer, widget = open_degrade()
    settle(widget)
    assert widget.form.message.text().startswith("There is no image to degrade")
    assert widget.form.message.kind == "info"
    click_apply(qtbot, widget, settle)
    assert not viewer.layers


def test_switching_the_preview_off_takes_it_away_and_removing_it_switches_it_off(open_degrade, settle, qtbot):
    viewer, widget = open_degrade()
    add_cells(viewer, 80, 90)
    settle(widget)
    box = widget.form.preview_box
    box.click()
    settle(widget)
    assert names(viewer) == ["cells"]
    assert widget.form.plan_text.text() == "Result: YX, 80 x 90, uint16."
    box.click()
    settle(widget)
    assert widget.look.preview.is_shown
    viewer.layers.remove(widget.look.preview.layer)
    qtbot.waitUntil(lambda: not box.isChecked())
    settle(widget)
    assert names(viewer) == ["cells"]


def test_contrast_set_by_hand_stays(open_degrade, settle, qtbot):
    viewer, widget = open_degrade()
    add_cells(viewer, 80, 90)
    settle(widget)
    layer = widget.look.preview.layer
    given = tuple(layer.contrast_limits)
    type_into(qtbot, widget, "camera", "offset_adu", "200")
    settle(widget)
    assert tuple(layer.contrast_limits) != given
    layer.contrast_limits = (0, 1000)
    type_into(qtbot, widget, "camera", "offset_adu", "300")
    settle(widget)
    assert tuple(layer.contrast_limits) == (0, 1000)


def test_what_was_chosen_is_there_again(open_degrade, settle, qtbot):
    viewer, widget = open_degrade("brightfield-100x")
    add_cells(viewer, 80, 90)
    type_into(qtbot, widget, "camera", "offset_adu", "33")
    widget.form.pairs.count.setValue(9)
    settle(widget)
    click_apply(qtbot, widget, settle)
    _, again = open_degrade(None)
    assert again.form.presets.current == "brightfield-100x"
    assert again.form.presets.is_changed
    assert step(again, "camera").fields.by_name["offset_adu"].value() == 33
    assert again.form.pairs.count.value() == 9


def test_another_panel_finds_its_place_and_hands_over_a_preset(open_degrade, settle, qtbot):
    viewer, widget = open_degrade()
    add_cells(viewer, 80, 90)
    settle(widget)
    panel = QLabel("matched")
    section = widget.form.add_section("Match my microscope", panel)
    assert not panel.isVisibleTo(widget.form)
    section.heading.click()
    assert panel.isVisibleTo(widget.form)
    order = [section.parent().layout().indexOf(one) for one in (section, widget.form.pairs_section)]
    assert order == sorted(order)
    before = widget.look.preview.layer.data.copy()
    widget.take_preset(find_preset("confocal-63x").with_settings({"camera.offset_adu": 77.0}))
    settle(widget)
    assert widget.form.presets.is_changed
    assert not np.array_equal(widget.look.preview.layer.data, before)


def test_a_large_view_is_previewed_in_its_middle(open_degrade, settle):
    viewer, widget = open_degrade("widefield-sim-x2")
    widget.form.preview_box.setChecked(True)
    add_cells(viewer, 1200, 90)
    settle(widget)
    preview = widget.look.preview.layer
    assert preview.data.shape == (512, 45)
    assert preview.translate[0] == pytest.approx((1200 - 1024) / 2 * 0.1 + 0.05)
    assert "at most 1024 × 1024 pixels" in widget.form.preview_words.text()
