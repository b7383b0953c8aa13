"""Take the picture of the trust overlay: a real out-of-focus stack, refocused, with the places not to trust.

    xvfb-run -a -s "-screen 0 1600x900x24 +extension GLX" python -m benchmarks.screenshots.trust_overlay

It opens napari, checks the box, presses Restore, and writes docs/images/trust_overlay.png.
"""

import argparse
import os
import tempfile
from pathlib import Path

from benchmarks.event_loop import wait

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "images" / "trust_overlay.png"
STACK = ROOT.parent / "shared" / "data" / "zstacks" / "fluorescence" / "dfnn_microtubules_cell11.tif"
WINDOW = (1580, 860)


def take(stack, path, seconds=300):
    import napari
    import tifffile
    from qtpy.QtWidgets import QApplication

    viewer = napari.Viewer()
    application = QApplication.instance()

    viewer.window._qt_window.resize(*WINDOW)
    _, widget = viewer.window.add_plugin_dock_widget("napari-restoration", "Restore")
    planes = tifffile.imread(stack)[3:6, :400, 100:500]
    viewer.add_image(
        planes, name="microtubules", scale=(0.1, 0.1, 0.1), units=("um",) * 3, axis_labels=("z", "y", "x")
    )
    widget.choose(task="refocus")
    widget.form.trust.box.setChecked(True)
    wait(application, lambda: False, 0.5)
    widget.form.restore_button.click()
    wait(application, lambda: widget.running is None, seconds)
    if len(viewer.layers) < 3:
        raise SystemExit(widget.form.message.text())
    viewer.layers[0].visible = False
    wait(application, lambda: False, 1.0)
    path.parent.mkdir(parents=True, exist_ok=True)
    viewer.screenshot(str(path), canvas_only=False, flash=False)
    print(f"{path}: {widget.form.trust.words.text()}")
    viewer.close()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stack", type=Path, default=STACK)
    parser.add_argument("-o", "--output", type=Path, default=PICTURE)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        # Nobody's settings matter, and none are changed.
        os.environ["NAPARI_CONFIG"] = f"{folder}/settings.yaml"
        os.environ["XDG_CONFIG_HOME"] = folder
        take(arguments.stack, arguments.output)


if __name__ == "__main__":
    main()
