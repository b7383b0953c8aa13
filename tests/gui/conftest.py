"""A viewer with one of the widgets, and tiny models whose right answer is known where it matters."""

import shutil
import time

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_restoration.models.card import ModelCard
from napari_restoration.models.registry import user_models_folder
from napari_restoration.models.store import save_model_folder

TINY = {
    "denoise": ("care", {"base": 2, "depth": 1, "kernel": 3}, {"laplace_scale": True, "size_multiple": 2}),
    "refocus": ("care", {"base": 2, "depth": 1, "kernel": 3, "probabilistic": False}, {"size_multiple": 2}),
    "superres": ("rrdb", {"maps": 2, "growth": 1, "blocks": 1}, {"scale": 2}),
    "deblur": ("bdu", {"first": 2, "growth": 1, "layers": 1, "depth": 1}, {"size_multiple": 2, "frames": 5}),
}


@pytest.fixture(scope="session")
def tiny_models_folder(tmp_path_factory):
    """One model a task; the two CARE ones return their input unchanged."""
    import torch

    from napari_restoration.models.archs import build, geometry

    folder = tmp_path_factory.mktemp("models")
    for task, (arch, settings, fields) in TINY.items():
        torch.manual_seed(0)
        network = build(arch, **settings)
        if arch == "care":
            torch.nn.init.zeros_(network.mean.weight)
        reach = geometry(arch, **settings).receptive_field
        card = ModelCard(
            id=f"tiny-{task}", title=f"Tiny {task}", description=f"Tiny {task} model for tests.", task=task,
            arch=arch, arch_args=settings, halo=reach, receptive_field=reach,
            trained_on=({"name": "nothing", "license": "none"},), **fields,
        )  # fmt: skip
        state = {name: value.numpy() for name, value in network.state_dict().items()}
        save_model_folder(folder / card.id, card, state)
    return folder


@pytest.fixture
def tiny_models(tiny_models_folder, user_dirs):
    """The tiny models among the user's own."""
    shutil.copytree(tiny_models_folder, user_models_folder())


@pytest.fixture
def open_widget(request, qtbot, tiny_models):
    """Opens the Restore widget, docked in a real viewer or, much faster, on a viewer without a window."""
    from napari.components import ViewerModel

    from napari_restoration.gui.restore_widget import RestoreWidget

    opened = []

    def open_one(task="denoise", *, real=False):
        if real:
            viewer = request.getfixturevalue("make_napari_viewer")()
            widget = RestoreWidget(viewer)
            viewer.window.add_dock_widget(widget, name="Restore")
        else:
            viewer = ViewerModel()
            widget = RestoreWidget(viewer)
            qtbot.addWidget(widget)
            opened.append(widget)
        widget.choose(task=task, model=f"tiny-{task}")
        return viewer, widget

    yield open_one
    for widget in opened:
        widget.cancel()
        qtbot.waitUntil(lambda widget=widget: widget.running is None, timeout=30_000)


@pytest.fixture
def open_degrade(request, qtbot):
    """Opens the Degrade widget, docked in a real viewer or, much faster, on a viewer without a window."""
    from napari.components import ViewerModel

    from napari_restoration.gui.degrade_widget import DegradeWidget

    opened = []

    def open_one(preset="confocal-63x", *, real=False):
        viewer = request.getfixturevalue("make_napari_viewer")() if real else ViewerModel()
        widget = DegradeWidget(viewer)
        if real:
            viewer.window.add_dock_widget(widget, name="Degrade")
        else:
            qtbot.addWidget(widget)
            opened.append(widget)
        widget.choose(preset=preset)
        return viewer, widget

    yield open_one
    for widget in opened:
        widget.cancel()
        widget.look.set_held(True)
        qtbot.waitUntil(
            lambda widget=widget: widget.running is None and widget.look.task.running is None, timeout=30_000
        )


@pytest.fixture
def open_train(request, qtbot, tiny_models):
    """Opens the Train widget, docked in a real viewer or, much faster, on a viewer without a window."""
    from napari.components import ViewerModel

    from napari_restoration.gui.train_widget import TrainWidget

    opened = []

    def open_one(*, real=False):
        viewer = request.getfixturevalue("make_napari_viewer")() if real else ViewerModel()
        widget = TrainWidget(viewer)
        if real:
            viewer.window.add_dock_widget(widget, name="Train")
        else:
            qtbot.addWidget(widget)
            opened.append(widget)
        widget.form.start.choose("denoise", "tiny-denoise")
        return viewer, widget

    yield open_one
    for widget in opened:
        widget.cancel()
        qtbot.waitUntil(lambda widget=widget: widget.running is None, timeout=60_000)


@pytest.fixture
def settle(qtbot):
    """Waits until the preview of a Degrade widget, and whatever else it does, is done."""

    def wait(widget):
        qtbot.waitUntil(lambda: widget.running is None and widget.look.task.is_at_rest, timeout=30_000)

    return wait


@pytest.fixture
def press(qtbot):
    """Clicks a button of a widget and waits until nothing runs."""

    def click(widget, name, wait=True):
        button = {
            "preview": widget.form.preview_button,
            "restore": widget.form.restore_button,
            "cancel": widget.form.progress.cancel_button,
        }[name]
        assert button.isEnabled()
        qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
        if wait:
            qtbot.waitUntil(lambda: widget.running is None, timeout=30_000)

    return click


@pytest.fixture
def slow_network(monkeypatch):
    """Makes each tile take a while, so that there is time to interfere."""
    from napari_restoration.models.loader import RestorationModel

    predict = RestorationModel.predict

    def slow(self, batch):
        time.sleep(0.03)
        return predict(self, batch)

    monkeypatch.setattr(RestorationModel, "predict", slow)


@pytest.fixture
def noise():
    """Makes reproducible test images."""

    def make(*shape, dtype=np.uint16):
        values = np.random.default_rng(0).integers(10, 250, shape)
        return values.astype(dtype)

    return make
