"""Take the picture of the Restore widget: a sample stack and its restoration side by side.

    xvfb-run -a -s "-screen 0 1600x900x24 +extension GLX" python -m benchmarks.screenshots.restore_widget

It opens napari, restores the sample with the shipped model by pressing the buttons, and writes
docs/images/restore_widget.png.
"""

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.event_loop import wait

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
PICTURE = Path(__file__).resolve().parents[2] / "docs" / "images" / "restore_widget.png"
WINDOW = (1580, 640)


def take(task, path, seconds=300):
    import napari
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer()
    application = QApplication.instance()

    def settle():
        wait(application, lambda: False, 0.5)

    viewer.window._qt_window.resize(*WINDOW)
    _, widget = viewer.window.add_plugin_dock_widget("napari-restoration", "Restore")
    viewer.open_sample("napari-restoration", task)
    viewer.layers.remove(viewer.layers[0])  # the truth: the picture shows what a user has
    widget.choose(task=task)
    settle()
    widget.form.restore_button.click()
    wait(application, lambda: widget.running is None, seconds)
    if len(viewer.layers) != 2:
        raise SystemExit(widget.form.message.text())
    viewer.canvas.grid.enabled = True
    viewer.canvas.grid.shape = (1, 2)
    viewer.canvas.grid.stride = 1  # the source on the left
    viewer.reset_view()
    settle()
    path.parent.mkdir(parents=True, exist_ok=True)
    viewer.screenshot(str(path), canvas_only=False, flash=False)
    print(f"{path}: {widget.form.message.text()}")
    viewer.close()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--task", default="denoise", choices=("deblur", "refocus", "superres", "denoise"))
    parser.add_argument("-o", "--output", type=Path, default=PICTURE)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Nobody's settings matter, and none are changed.
        os.environ["NAPARI_CONFIG"] = f"{folder}/settings.yaml"
        os.environ["XDG_CONFIG_HOME"] = folder
        take(arguments.task, arguments.output)


if __name__ == "__main__":
    main()
