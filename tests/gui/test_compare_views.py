"""Wipe, flicker and side by side in a real viewer: what the screen shows, and that nothing is left behind."""

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QWidget

from napari_restoration.gui._compare_canvas import find_canvas
from napari_restoration.gui._compare_handle import WipeHandle
from napari_restoration.gui.compare_widget import CompareWidget

DARK, BRIGHT = 60, 200


@pytest.fixture
def open_compare(make_napari_viewer, qtbot):
    """A shown viewer with a coarse dark and a fine bright stack that cover the same place, and the widget."""

    def open_one(fine=None):
        viewer = make_napari_viewer(show=True)
        before = viewer.add_image(
            np.full((3, 64, 64), DARK, np.uint8), scale=(1, 2, 2), translate=(0, 5, 7), name="before"
        )
        after = viewer.add_image(
            np.full((3, 128, 128), BRIGHT, np.uint8) if fine is None else fine,
            scale=(1, 1, 1), translate=(0, 4.5, 6.5), name="after", multiscale=isinstance(fine, list),
        )  # fmt: skip
        for layer in (before, after):
            layer.contrast_limits = (0, 255)
        widget = CompareWidget(viewer)
        viewer.window.add_dock_widget(widget, name="Compare")
        qtbot.waitUntil(widget.isVisible)
        viewer.reset_view()
        qtbot.wait(50)
        return viewer, widget

    return open_one


def columns(viewer):
    """Grey levels along the middle of the canvas, where the images are."""
    shot = viewer.screenshot(canvas_only=True, flash=False)
    line = shot[shot.shape[0] // 2, :, 0].astype(int)
    inside = np.flatnonzero(line > 0)
    return line, inside[0], inside[-1]


def click(qtbot, widget, mode):
    button = widget.form.modes[mode]
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.wait(30)


def everything(viewer):
    """All that a mode may change, as plain values."""
    camera, grid = viewer.scene.camera, viewer.canvas.grid
    layers = [
        (layer.name, layer.visible, layer.opacity, str(layer.blending), tuple(layer.contrast_limits),
         tuple(layer.contrast_limits_range))
        for layer in viewer.layers
    ]  # fmt: skip
    return layers, camera.zoom, camera.center, grid.enabled, grid.shape, grid.stride


def on_canvas(viewer):
    """What is laid over the canvas by us, and how many filters are on the layers."""
    canvas = find_canvas(viewer)
    ours = [
        child
        for child in canvas.widget.findChildren(QWidget)
        if isinstance(child, WipeHandle) and child.isVisible()
    ]
    filters = [
        one
        for layer in viewer.layers
        for node in canvas.nodes_of(layer)
        for one in node._vshare.filters
        if type(one).__name__ == "SideFilter"
    ]
    return len(ours), len(filters)


def test_the_wipe_cuts_both_layers_at_the_same_column_under_any_zoom(open_compare, qtbot):
    viewer, widget = open_compare()
    click(qtbot, widget, "wipe")
    for share, zoom in ((0.5, 1.0), (0.4, 1.0), (0.45, 7.3)):
        viewer.scene.camera.zoom *= zoom
        widget.views.set_position(share)
        qtbot.wait(30)
        line, first, last = columns(viewer)
        edge = round(share * len(line))
        assert set(line[first : edge - 1]) == {DARK}
        assert set(line[edge + 1 : last]) == {BRIGHT}


def test_dragging_the_line_on_the_canvas_moves_the_cut_and_the_slider(open_compare, qtbot):
    viewer, widget = open_compare()
    click(qtbot, widget, "wipe")
    canvas = find_canvas(viewer).widget
    (handle,) = canvas.findChildren(WipeHandle)
    middle = QPoint(handle.width() // 2, handle.height() // 2)
    qtbot.mousePress(handle, Qt.MouseButton.LeftButton, pos=middle)
    qtbot.mouseMove(handle, middle + QPoint(canvas.width() // 10, 0))
    qtbot.mouseRelease(handle, Qt.MouseButton.LeftButton)
    assert widget.views.position == pytest.approx(0.6, abs=0.01)
    assert widget.form.slider.value() == pytest.approx(600, abs=10)
    qtbot.wait(30)
    line, _, _ = columns(viewer)
    assert line[round(0.59 * len(line)) - 1] == DARK
    assert line[round(0.61 * len(line)) + 1] == BRIGHT
    assert tuple(viewer.scene.camera.center)[-1] == pytest.approx(
        7 + 63, abs=2
    )  # the view did not move along


def test_moving_the_line_slices_nothing_and_copies_nothing(open_compare, qtbot):
    read = []

    class Recorded:
        shape, dtype, ndim = (3, 128, 128), np.dtype("uint8"), 3

        def __getitem__(self, index):
            read.append(index)
            return np.full(self.shape, BRIGHT, np.uint8)[index]

    viewer, widget = open_compare(fine=Recorded())
    click(qtbot, widget, "wipe")
    qtbot.wait(50)
    sliced, uploads = [], []
    canvas = find_canvas(viewer)
    for layer in viewer.layers:
        layer.events.set_data.connect(sliced.append)
        (node,) = canvas.nodes_of(layer)
        node.set_data = uploads.append
    read.clear()
    for value in range(0, 1001, 50):
        widget.form.slider.setValue(value)
        qtbot.wait(2)
    assert read == []
    assert sliced == []
    assert uploads == []


def test_the_wipe_follows_slices_new_data_and_the_third_dimension(open_compare, qtbot):
    viewer, widget = open_compare()
    click(qtbot, widget, "wipe")
    viewer.dims.set_current_step(0, 2)
    after = viewer.layers["after"]
    after.data = np.full((3, 128, 128), 0.8, np.float32)  # another kind of texture, so another node
    after.contrast_limits = (0, 1)
    qtbot.wait(50)
    line, first, last = columns(viewer)
    half = len(line) // 2
    assert set(line[first : half - 1]) == {DARK}
    assert set(line[half + 1 : last]) == {204}
    viewer.dims.ndisplay = 3
    qtbot.wait(100)
    line, first, last = columns(viewer)
    assert line[first + 3 : half - 3].max() < 150 < line[half + 3 : last - 3].min()
    viewer.dims.ndisplay = 2
    qtbot.wait(50)
    line, first, last = columns(viewer)
    assert (line[half - 2], line[half + 2]) == (DARK, 204)


def test_multiscale_layers_are_cut_at_every_level(open_compare, qtbot):
    fine = [np.full((3, side, side), BRIGHT, np.uint8) for side in (128, 64, 32)]
    viewer, widget = open_compare(fine=fine)
    click(qtbot, widget, "wipe")
    for zoom in (0.3, 10.0):
        viewer.scene.camera.zoom *= zoom
        qtbot.wait(100)
        line, _, _ = columns(viewer)
        half = len(line) // 2
        assert (line[half - 4], line[half + 4]) == (DARK, BRIGHT)


def test_images_beyond_the_size_of_a_texture_are_cut(open_compare, qtbot):
    viewer, widget = open_compare()
    viewer.layers["after"].data = np.full((3, 400, 20000), BRIGHT, np.uint8)
    viewer.layers["after"].scale = (1, 0.5, 0.5)
    qtbot.wait(50)
    assert len(find_canvas(viewer).nodes_of(viewer.layers["after"])) > 1
    click(qtbot, widget, "wipe")
    qtbot.wait(50)
    line, _, _ = columns(viewer)
    half = len(line) // 2
    assert (line[half - 4], line[half + 4]) == (DARK, BRIGHT)


def test_other_images_are_out_of_the_way_and_drawings_stay(open_compare, qtbot):
    viewer, widget = open_compare()
    click(qtbot, widget, "wipe")
    viewer.add_image(np.full((3, 128, 128), 255, np.uint8), name="later", translate=(0, 5, 7))
    qtbot.wait(50)
    line, first, last = columns(viewer)
    assert set(line[first : last // 2]) <= {DARK}
    viewer.layers.remove("later")
    qtbot.wait(30)
    click(qtbot, widget, "off")
    assert on_canvas(viewer) == (0, 0)


def test_flicker_shows_one_layer_after_the_other(open_compare, qtbot):
    viewer, widget = open_compare()
    widget.form.interval.setValue(200)
    click(qtbot, widget, "flicker")
    seen = set()

    def has_seen_both():
        line, first, last = columns(viewer)
        seen.update(line[first + 2 : last - 2])
        return seen == {DARK, BRIGHT}

    qtbot.waitUntil(has_seen_both, timeout=5000)
    line, first, last = columns(viewer)
    assert len(set(line[first + 2 : last - 2])) == 1


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_layers_that_add_their_light_are_not_drowned_by_the_canvas(open_compare, qtbot, theme):
    viewer, widget = open_compare()
    viewer.theme = theme
    for layer in viewer.layers:
        layer.blending = "additive"
    before = everything(viewer)
    click(qtbot, widget, "wipe")
    line, _, _ = columns(viewer)
    half = len(line) // 2
    assert (line[half - 4], line[half + 4]) == (DARK, BRIGHT)
    click(qtbot, widget, "off")
    assert everything(viewer) == before


def test_side_by_side_shows_both_with_one_camera_and_the_earlier_one_on_the_left(open_compare, qtbot):
    viewer, widget = open_compare()
    viewer.layers.move(0, 2)  # the order in the list does not matter
    click(qtbot, widget, "side_by_side")
    qtbot.wait(100)
    line, _, _ = columns(viewer)
    quarter = len(line) // 4
    assert (line[quarter], line[3 * quarter]) == (DARK, BRIGHT)
    left = np.flatnonzero(line[: 2 * quarter] == DARK)
    right = np.flatnonzero(line[2 * quarter :] == BRIGHT)
    assert abs(len(left) - len(right)) <= 2
    assert abs(left[0] - right[0]) <= 2


@pytest.mark.parametrize("mode", ["wipe", "flicker", "side_by_side"])
def test_leaving_a_mode_or_closing_the_panel_leaves_the_viewer_as_it_was(open_compare, qtbot, mode):
    viewer, widget = open_compare()
    viewer.add_image(np.zeros((3, 8, 8)), name="other")
    viewer.layers["after"].visible = False
    qtbot.wait(30)
    before = everything(viewer)
    click(qtbot, widget, mode)
    assert everything(viewer) != before
    click(qtbot, widget, "off")
    assert everything(viewer) == before
    assert on_canvas(viewer) == (0, 0)
    click(qtbot, widget, mode)
    widget.set_contrast("linked")
    viewer.window.remove_dock_widget(widget)
    qtbot.wait(30)
    assert everything(viewer) == before
    assert on_canvas(viewer) == (0, 0)


@pytest.mark.parametrize("mode", ["wipe", "flicker", "side_by_side"])
def test_deleting_a_layer_ends_the_mode(open_compare, qtbot, mode):
    viewer, widget = open_compare()
    before = everything(viewer)
    click(qtbot, widget, mode)
    viewer.layers.remove("after")
    qtbot.wait(50)
    assert widget.views.mode == "off"
    assert widget.form.modes["off"].isChecked()
    layers, zoom, _, *grid = everything(viewer)
    assert layers == before[0][:1]
    assert (zoom, *grid) == (before[1], *before[3:])
    assert on_canvas(viewer) == (0, 0)
    assert not widget.form.modes["wipe"].isEnabled()


def test_what_the_user_changes_meanwhile_stays(open_compare, qtbot):
    viewer, widget = open_compare()
    viewer.layers["after"].visible = False
    click(qtbot, widget, "side_by_side")
    viewer.scene.camera.center = (0, 30, 30)
    viewer.layers["before"].opacity = 0.5
    click(qtbot, widget, "off")
    assert tuple(viewer.scene.camera.center)[-2:] == (30, 30)
    assert viewer.layers["before"].opacity == 0.5
    assert not viewer.layers["after"].visible


def test_the_panel_behind_another_shows_the_viewer_as_it_is_and_goes_on_in_front(open_compare, qtbot):
    viewer, widget = open_compare()
    click(qtbot, widget, "wipe")
    widget.parentWidget().hide()
    assert on_canvas(viewer) == (0, 0)
    widget.parentWidget().show()
    qtbot.wait(30)
    assert on_canvas(viewer) == (1, 2)


def test_where_the_canvas_is_not_to_be_reached_layers_fade_into_each_other(qtbot):
    viewer = ViewerModel()
    widget = CompareWidget(viewer)
    qtbot.addWidget(widget)
    before = viewer.add_image(np.zeros((8, 8)), name="before")
    after = viewer.add_image(np.ones((8, 8)), name="after", opacity=0.9)
    widget.show_mode("wipe")
    widget.form.slider.setValue(250)
    assert (before.opacity, after.opacity) == (0.25, 0.75)
    assert "fades" in widget.form.hint.text()
    widget.show_mode("off")
    assert (before.opacity, after.opacity) == (1.0, 0.9)


def test_a_profile_is_live_while_the_mouse_drags_an_end_of_the_line(open_compare, qtbot):
    viewer, widget = open_compare()
    widget.form.profile_section.set_open(True)
    qtbot.mouseClick(widget.profile.draw_button, Qt.MouseButton.LeftButton)
    qtbot.wait(100)
    canvas, camera = find_canvas(viewer).widget, viewer.scene.camera

    def at(y, x):
        middle = canvas.rect().center()
        shift = (np.array([y, x]) - np.array(camera.center)[-2:]) * camera.zoom
        return QPoint(round(middle.x() + shift[1]), round(middle.y() + shift[0]))

    (y, x) = viewer.layers["Profile"].data[0][1]
    lengths = []
    qtbot.mouseMove(canvas, at(y, x))
    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=at(y, x))
    for shift in (5, 10, 15, 20):
        qtbot.mouseMove(canvas, at(y + shift, x))
        qtbot.wait(60)
        lengths.append(float(widget.profile.profile.distance[-1]))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=at(y + 20, x))
    assert lengths == sorted(set(lengths))  # another profile for each move, before the button is let go
    assert viewer.layers["Profile"].data[0][1][0] == pytest.approx(y + 20, abs=1)
    assert tuple(widget.profile.profile.values[0][:3]) == (DARK,) * 3
