"""What is loaded when, and what the panel is told about it."""

import subprocess
import sys

import numpy as np

from napari_restoration.core.image import CalibratedImage
from napari_restoration.gui._runs import LOADING_TORCH, Order, run_preview, run_restore
from napari_restoration.models.registry import find_card
from napari_restoration.tasks.settings import RestoreSettings


def test_the_first_load_of_pytorch_is_announced(tiny_models, monkeypatch):
    image = CalibratedImage(np.zeros((8, 8), np.uint16), "YX")
    order = Order(image=image, card=find_card("tiny-denoise")[0], settings=RestoreSettings(), at={})
    for task in (run_restore(order), run_preview(order)):
        with monkeypatch.context() as patch:
            patch.delitem(sys.modules, "torch", raising=False)
            assert next(task).message == LOADING_TORCH
        task.close()
    task = run_restore(order)
    assert next(task).message == "Loading Tiny denoise"
    task.close()


def test_opening_the_widget_does_not_load_pytorch(tmp_path):
    script = """
import sys
import numpy as np
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
application = QApplication([])
from napari_restoration.gui.restore_widget import RestoreWidget
viewer = ViewerModel()
widget = RestoreWidget(viewer)
widget.show()
viewer.add_image(np.zeros((2, 2)))
application.processEvents()
assert widget.form.axes_row.words.text() == "2 x 2", widget.form.axes_row.words.text()
print("torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "False\n"), done.stderr
