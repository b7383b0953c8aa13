"""Crops of a training as layers beside the user's images."""

import json
from itertools import pairwise

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget
from safetensors.numpy import save

from napari_restoration.gui._crop_grid import GAP_PX, stacked
from napari_restoration.gui._live_crops import CropLayers, live_columns
from napari_restoration.tasks.assess import Examples
from napari_restoration.tasks.train_reports import read_live

SIDE, COUNT = 24, 3
ROLES = ["difference", "target", "result", "input"]  # the one added last is on top of napari's list


def write_crops(path, step, scale=1, side=SIDE):
    """Crops whose prediction is the target plus 1/step, on inputs that lie 0.5 below it."""
    target = np.random.default_rng(0).random((COUNT, side * scale, side * scale)).astype(np.float32)
    crops = {"input": target[:, ::scale, ::scale] - 0.5, "target": target, "prediction": target + 1 / step}
    about = {"names": json.dumps([f"c{i}" for i in range(COUNT)]), "step": str(step), "scale": str(scale)}
    path.write_bytes(save({name: np.ascontiguousarray(one) for name, one in crops.items()}, metadata=about))
    return path


@pytest.fixture
def show(qtbot, tmp_path):
    """Shows the crops of a step, and waits until they are there."""

    def one(crops, step, **kind):
        crops.show_file(write_crops(tmp_path / "live.safetensors", step, **kind))
        qtbot.waitUntil(lambda: crops.is_at_rest, timeout=20_000)

    return one


@pytest.fixture
def rest(qtbot):
    """Waits until all layers are as they were asked for."""
    return lambda crops: qtbot.waitUntil(lambda: crops.is_at_rest, timeout=20_000)


@pytest.fixture
def open_crops(request, qtbot):
    """A viewer with an image of the user's, and a training that begins."""

    def one(*, real=False, scale_um=None, **look):
        viewer = request.getfixturevalue("make_napari_viewer")() if real else ViewerModel()
        if look:
            viewer.add_image(np.zeros((3, 64, 64), np.float32), name="mine", **look)
        panel = QWidget()
        if real:
            viewer.window.add_dock_widget(panel)
        else:
            qtbot.addWidget(panel)
        crops = CropLayers(viewer, panel)
        crops.begin(scale_um)
        return viewer, crops

    return one


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_four_layers_stand_beside_the_image_share_contrast_and_follow_the_training(open_crops, show):
    viewer, crops = open_crops(real=True, scale=(1, 0.1, 0.1), units=("um",) * 3, scale_um=0.1)
    mine = viewer.layers["mine"]
    show(crops, 2)
    assert names(viewer) == [
        "mine",
        *("training: " + one for one in ("difference", "target", "result (step 2)", "input")),
    ]
    assert viewer.layers.selection == {mine}
    layers = crops.grid.layers
    assert mine.extent.world[1, -1] < layers["input"].extent.world[0, -1]
    edges = [layers[role].extent.world[:, -1] for role in ("input", "result", "target", "difference")]
    assert all(left[1] < right[0] for left, right in pairwise(edges))
    assert layers["difference"].contrast_limits == pytest.approx([-0.75, 0.75])  # 1.5 times the input's 0.5
    layers["input"].contrast_limits = (-0.2, 0.8)
    assert layers["target"].contrast_limits == layers["result"].contrast_limits == [-0.2, 0.8]
    assert layers["difference"].contrast_limits == pytest.approx([-0.75, 0.75])
    data = layers["result"].data
    show(crops, 4)
    assert layers["result"].name == "training: result (step 4)"
    assert layers["result"].data is data
    np.testing.assert_allclose(layers["difference"].data[:SIDE], 0.25, atol=1e-6)
    assert layers["target"].contrast_limits == [-0.2, 0.8]  # the user's stay


def test_a_finer_result_covers_the_same_place_as_its_input(open_crops, show):
    _, crops = open_crops(scale=(1, 1, 1))
    show(crops, 2, scale=2)
    layers = crops.grid.layers
    rows = [layers[role]._extent_augmented.world[:, 0] for role in ("input", "result", "difference")]
    np.testing.assert_allclose(rows[0], rows[1])
    np.testing.assert_allclose(rows[0], rows[2])
    widths = [np.ptp(layer._extent_augmented.world[:, 1]) for layer in layers.values()]
    np.testing.assert_allclose(widths, SIDE)


@pytest.mark.parametrize(
    ("look", "scale_um", "pixel", "unit"),
    [
        ({"scale": (1, 0.1, 0.1), "units": ("um",) * 3}, 0.2, 0.2, "micrometer"),
        ({"scale": (1, 100, 100), "units": ("nm",) * 3}, 0.2, 200, "nanometer"),
        ({"scale": (1, 0.1, 0.1), "units": ("um",) * 3}, None, 0.1, "micrometer"),
        (
            {"scale": (1, 0.1, 0.1), "units": ("um",) * 3},
            5.0,
            0.1,
            "micrometer",
        ),  # it would tower over the image
        ({"scale": (1, 2, 2)}, 0.2, 2, "pixel"),
        ({}, 0.2, 0.2, "micrometer"),
        ({}, None, 1, "pixel"),
    ],
)
def test_pixels_are_as_large_as_the_world_of_the_image_allows(open_crops, show, look, scale_um, pixel, unit):
    _, crops = open_crops(scale_um=scale_um, **look)
    show(crops, 2)
    layer = crops.grid.layers["input"]
    assert tuple(layer.scale) == pytest.approx((pixel, pixel))
    assert {str(one) for one in layer.units} == {unit}


def test_a_deleted_layer_stays_away_and_all_come_back_when_they_are_asked_for(open_crops, show, rest):
    viewer, crops = open_crops(scale=(1, 1, 1))
    show(crops, 2)
    viewer.layers.remove("training: target")
    show(crops, 3)
    assert "target" not in crops.grid.layers
    assert crops.grid.layers["result"].name == "training: result (step 3)"
    crops.show_there()
    rest(crops)
    assert "target" not in crops.grid.layers
    for layer in crops.grid.layers.values():
        viewer.layers.remove(layer)
    crops.show_there()
    rest(crops)
    assert list(crops.grid.layers) == ROLES


def test_a_name_that_the_user_gave_stays(open_crops, show):
    _, crops = open_crops(scale=(1, 1, 1))
    show(crops, 2)
    crops.grid.layers["result"].name = "look here"
    show(crops, 3)
    assert crops.grid.layers["result"].name == "look here"


def test_a_hidden_layer_is_not_drawn_and_is_up_to_date_when_it_is_shown(open_crops, show, monkeypatch):
    _, crops = open_crops(scale=(1, 1, 1))
    show(crops, 2)
    layer = crops.grid.layers["result"]
    layer.visible = False
    drawn = []
    layer.events.set_data.connect(lambda event: drawn.append(event))
    show(crops, 5)
    assert not drawn
    layer.visible = True
    assert drawn
    np.testing.assert_allclose(layer.data - crops.grid.layers["target"].data, 0.2 + 0 * layer.data, atol=1e-6)


def test_the_camera_goes_there_once_and_back_at_the_end(open_crops, show, rest):
    viewer, crops = open_crops(scale=(1, 1, 1))
    camera = viewer.scene.camera
    camera.center, camera.zoom = (0, 10, 20), 3.0
    show(crops, 2)
    assert camera.center[2] > 64
    there = camera.center
    show(crops, 3)
    assert camera.center == there
    crops.end()
    rest(crops)
    assert names(viewer) == ["mine"]
    assert camera.center[1:] == pytest.approx((10, 20))
    assert camera.zoom == pytest.approx(3.0)


def test_a_camera_that_the_user_has_moved_stays(open_crops, show, rest):
    viewer, crops = open_crops(scale=(1, 1, 1))
    show(crops, 2)
    viewer.scene.camera.center = (0, 1, 2)
    show(crops, 3)
    crops.end()
    rest(crops)
    assert viewer.scene.camera.center[1:] == (1, 2)


def test_in_the_view_of_volumes_the_camera_stays(open_crops, show):
    viewer, crops = open_crops(scale=(1, 1, 1))
    viewer.dims.ndisplay = 3
    center = viewer.scene.camera.center
    show(crops, 2)
    assert viewer.scene.camera.center == center


def test_a_file_that_cannot_be_read_leaves_everything_as_it_is(open_crops, show, rest, tmp_path):
    _, crops = open_crops(scale=(1, 1, 1))
    show(crops, 2)
    (tmp_path / "broken").write_bytes(b"no crops")
    crops.show_file(tmp_path / "broken")
    rest(crops)
    assert crops.grid.layers["result"].name == "training: result (step 2)"


def test_what_is_read_after_the_end_is_not_shown(open_crops, show, rest):
    viewer, crops = open_crops(scale=(1, 1, 1))
    crops.end()
    show(crops, 2)
    assert names(viewer) == ["mine"]


def test_crops_of_another_size_take_the_place_of_the_earlier_ones(open_crops, show):
    _, crops = open_crops(scale=(1, 1, 1))
    show(crops, 2)
    show(crops, 3, side=40)
    assert {layer.data.shape for layer in crops.grid.layers.values()} == {
        (COUNT * 40 + (COUNT - 1) * GAP_PX, 40)
    }


@pytest.mark.parametrize("has_before", [True, False])
def test_examples_take_the_place_of_live_crops(open_crops, show, rest, has_before):
    viewer, crops = open_crops(scale=(1, 1, 1))
    show(crops, 2)
    crops.end()
    fine = np.random.default_rng(0).random((2, 32, 32)).astype(np.float32)
    coarse = fine[:, ::2, ::2]
    crops.show_examples(
        Examples(
            names=("a", "b"),
            gains_db=(2.0, -0.1),
            input=coarse,
            before=fine if has_before else None,
            after=fine,
            target=fine,
            scale=2,
        )
    )
    rest(crops)
    shown = ["target", "after", *(["before"] if has_before else []), "input"]
    assert names(viewer) == ["mine", *(f"training: {role}" for role in shown)]
    assert viewer.scene.camera.center[2] > 64
    crops.end()
    rest(crops)
    assert names(viewer) == ["mine"]


def test_unchanged_pictures_are_the_same_objects(tmp_path):
    first = live_columns(read_live(write_crops(tmp_path / "a", 2)))
    second = live_columns(read_live(write_crops(tmp_path / "b", 3)), first)
    assert [one.picture is other.picture for one, other in zip(first, second, strict=True)] == [
        True,
        False,
        True,
        False,
    ]
    assert [one.limits for one in second] == [one.limits for one in first]


def test_between_crops_nothing_is_seen():
    picture = stacked(np.ones((2, 4, 5), np.float32), finer=2)
    assert picture.shape == (8 + 2 * GAP_PX, 5)
    assert np.isnan(picture[4:-4]).all()
    assert (picture[:4] == 1).all()
    assert (picture[-4:] == 1).all()
